//! How a task moves from step to step.

use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};

/// The JSON shape of `code` in an answer with code 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum CodeShape {
    /// `"code": 0`, as the reference's examples show. The default.
    #[default]
    Number,
    /// `"code": "0"`, as older editions of the reference type it.
    Digits,
}

impl CodeShape {
    pub(super) fn success(self) -> Value {
        match self {
            Self::Number => json!(0),
            Self::Digits => json!("0"),
        }
    }
}

/// The JSON shape of `taskInfos`, which the reference names in the plural and types as one object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum TaskInfosShape {
    /// An array with one entry per file. The default. Empty when the task's body isn't kept any more, see
    /// [`EmulatorBuilder::record`](super::EmulatorBuilder::record).
    #[default]
    Array,
    /// The entry of the first file. `null` when the task's body isn't kept any more.
    Object,
    /// `null`.
    Null,
    /// No such field.
    Absent,
}

#[derive(Debug, Clone)]
pub(super) enum Download {
    Automatic,
    Never,
    Always(String),
}

/// What getBatchTask says about a task at one point.
///
/// Any number is let through, documented or not: `Step::new(7)` is a task of the unknown status 7.
///
/// ```
/// use koodrive_share_emulator::{Step};
///
/// let unknown_result = Step::completed(9).progress(100);
/// # let _ = unknown_result;
/// ```
#[derive(Clone)]
#[must_use]
pub struct Step {
    pub(super) task_status: i64,
    pub(super) progress: Option<i64>,
    pub(super) result_code: Option<i64>,
    pub(super) file_statuses: Vec<String>,
    pub(super) download: Download,
    pub(super) task_infos: TaskInfosShape,
    pub(super) code: CodeShape,
}

impl Step {
    /// A step with this `taskStatus`: no progress, no result code, every file at status `"0"`.
    pub fn new(task_status: i64) -> Self {
        Self {
            task_status,
            progress: None,
            result_code: None,
            file_statuses: vec!["0".to_owned()],
            download: Download::Automatic,
            task_infos: TaskInfosShape::default(),
            code: CodeShape::default(),
        }
    }

    /// Status 0, to be processed, at 0 %.
    pub fn pending() -> Self {
        Self::new(0).progress(0)
    }

    /// Status 1, being processed, at this percentage.
    pub fn running(progress: i64) -> Self {
        Self::new(1).progress(progress)
    }

    /// Status 2, completed, at 100 %, with this `taskResultCode`: 1 all succeeded, 2 partially failed, 3 all failed.
    ///
    /// The files' statuses follow: `"1"` for result 1, `"2"` for 3, for 2 `"2"` and `"1"` by turns, `"0"` for others.
    pub fn completed(result_code: i64) -> Self {
        let statuses: &[&str] = match result_code {
            1 => &["1"],
            2 => &["2", "1"],
            3 => &["2"],
            _ => &["0"],
        };
        Self::new(2).progress(100).result_code(result_code).file_statuses(statuses.iter().copied())
    }

    /// Status 3, cancelled.
    pub fn cancelled() -> Self {
        Self::new(3)
    }

    /// Sets `progress`, in percent, unchecked.
    pub fn progress(mut self, percent: i64) -> Self {
        self.progress = Some(percent);
        self
    }

    /// Sets `taskResultCode`. The service sends it only once a task is completed; the emulator doesn't insist.
    pub fn result_code(mut self, result_code: i64) -> Self {
        self.result_code = Some(result_code);
        self
    }

    /// Sets the files' statuses (`"0"` to do, `"1"` succeeded, `"2"` failed). If there are more files than statuses,
    /// the statuses repeat; none at all means `"0"`.
    pub fn file_statuses(mut self, statuses: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.file_statuses = statuses.into_iter().map(Into::into).collect();
        self
    }

    /// Sets `downloadUrl`. Defaults to `https://download.invalid/<task id>.zip?token=…` for a package download that
    /// completed with result code 1 or 2, and to no such field otherwise.
    pub fn download_url(mut self, url: impl Into<String>) -> Self {
        self.download = Download::Always(url.into());
        self
    }

    /// Leaves `downloadUrl` out even where it would be given by default.
    pub fn without_download_url(mut self) -> Self {
        self.download = Download::Never;
        self
    }

    /// Sets the shape of `taskInfos`. Defaults to [`TaskInfosShape::Array`].
    pub fn task_infos(mut self, shape: TaskInfosShape) -> Self {
        self.task_infos = shape;
        self
    }

    /// Sets the shape of `code`. Defaults to [`CodeShape::Number`].
    pub fn code(mut self, shape: CodeShape) -> Self {
        self.code = shape;
        self
    }
}

/// Leaves a scripted download URL out: it's a capability.
impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Step")
            .field("task_status", &self.task_status)
            .field("progress", &self.progress)
            .field("result_code", &self.result_code)
            .field("file_statuses", &self.file_statuses)
            .field("task_infos", &self.task_infos)
            .field("code", &self.code)
            .finish_non_exhaustive()
    }
}

#[derive(Debug, Clone)]
enum Pace {
    Polls(Vec<Step>),
    Elapsed(Vec<(Duration, Step)>),
}

/// How every task of an emulator moves, by the number of status polls or by time.
///
/// The default is three polls long: running at 30 %, running at 70 %, completed with all files succeeded.
///
/// ```
/// use std::time::Duration;
/// use koodrive_share_emulator::{Schedule, Step};
///
/// let stuck = Schedule::by_polls([Step::running(99)]);
/// let slow = Schedule::by_elapsed([
///     (Duration::from_secs(5), Step::running(50)),
///     (Duration::from_secs(60), Step::completed(1)),
/// ]);
/// # let _ = (stuck, slow);
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Schedule(Pace);

impl Schedule {
    /// The n-th successful poll of a task shows the n-th step; later polls show the last one. Without steps, tasks
    /// stay pending.
    pub fn by_polls(steps: impl IntoIterator<Item = Step>) -> Self {
        Self(Pace::Polls(steps.into_iter().collect()))
    }

    /// A poll shows the step with the greatest duration that has passed since the task was made; before the first,
    /// tasks are pending. The order given doesn't matter; of equal durations the one given last counts. Measured by
    /// tokio's clock, so paused time applies.
    pub fn by_elapsed(steps: impl IntoIterator<Item = (Duration, Step)>) -> Self {
        let mut steps: Vec<_> = steps.into_iter().collect();
        steps.sort_by_key(|(after, _)| *after);
        Self(Pace::Elapsed(steps))
    }

    /// Completed, all files succeeded, from the first poll.
    pub fn immediate_success() -> Self {
        Self::by_polls([Step::completed(1)])
    }

    /// Running at 50 %, then completed with result 2: every other file failed, the first one included.
    pub fn partially_failed() -> Self {
        Self::by_polls([Step::running(50), Step::completed(2)])
    }

    /// Running at 50 %, then completed with result 3: every file failed.
    pub fn all_failed() -> Self {
        Self::by_polls([Step::running(50), Step::completed(3)])
    }

    /// Running at 50 %, then cancelled.
    pub fn cancelled() -> Self {
        Self::by_polls([Step::running(50), Step::cancelled()])
    }

    /// The step shown on poll number `poll`, counted from 1, this long after the task was made.
    pub(super) fn step(&self, poll: u64, elapsed: Duration) -> Option<&Step> {
        match &self.0 {
            Pace::Polls(steps) => {
                let index = usize::try_from(poll.saturating_sub(1)).unwrap_or(usize::MAX);
                steps.get(index).or(steps.last())
            }
            Pace::Elapsed(steps) => {
                let passed = steps.iter().rev().find(|(after, _)| *after <= elapsed);
                passed.map(|(_, step)| step)
            }
        }
    }
}

impl Default for Schedule {
    fn default() -> Self {
        Self::by_polls([Step::running(30), Step::running(70), Step::completed(1)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(schedule: &Schedule, poll: u64, seconds: u64) -> Option<i64> {
        schedule.step(poll, Duration::from_secs(seconds))?.progress
    }

    #[test]
    fn polls_stop_at_the_last_step() {
        let schedule = Schedule::default();
        let seen = [1, 2, 3, 4, 900].map(|poll| progress(&schedule, poll, 0));
        assert_eq!(seen, [30, 70, 100, 100, 100].map(Some));
        assert_eq!(progress(&Schedule::by_polls([]), 1, 0), None);
    }

    #[test]
    fn elapsed_time_picks_the_latest_step_that_is_due() {
        let after = |seconds, progress| (Duration::from_secs(seconds), Step::running(progress));
        let schedule = Schedule::by_elapsed([after(10, 2), after(5, 1)]);
        let seen = [0, 4, 5, 9, 10, 99].map(|seconds| progress(&schedule, 1, seconds));
        assert_eq!(seen, [None, None, Some(1), Some(1), Some(2), Some(2)]);
    }
}
