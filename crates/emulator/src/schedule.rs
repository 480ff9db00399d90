//! How a task moves from step to step.

use std::{num::NonZeroUsize, time::Duration};

use crate::{hidden_task::HiddenTask, task_step::Step};

#[derive(Debug, Clone)]
enum Progression {
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
pub struct Schedule {
    pace: Progression,
    hidden: Option<(Duration, HiddenTask)>,
    fail_files_every: Option<NonZeroUsize>,
}

impl Schedule {
    /// The n-th successful poll of a task shows the n-th step; later polls show the last one. Without steps, tasks
    /// stay pending.
    pub fn by_polls(steps: impl IntoIterator<Item = Step>) -> Self {
        Self::new(Progression::Polls(steps.into_iter().collect()))
    }

    /// A poll shows the step with the greatest duration that has passed since the task was made; before the first,
    /// tasks are pending. The order given doesn't matter; of equal durations the one given last counts. Measured by
    /// tokio's clock, so paused time applies.
    pub fn by_elapsed(steps: impl IntoIterator<Item = (Duration, Step)>) -> Self {
        let mut steps: Vec<_> = steps.into_iter().collect();
        steps.sort_by_key(|(after, _)| *after);
        Self::new(Progression::Elapsed(steps))
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

    /// Hides a task from getBatchTask until this long after it was made, as a service does that is only eventually
    /// consistent. Meanwhile `answer` is sent, which doesn't count as a poll. Measured by tokio's clock, so paused
    /// time applies. Defaults to zero: a task is visible at once.
    ///
    /// ```
    /// use std::time::Duration;
    /// use koodrive_share_emulator::{HiddenTask, Schedule};
    ///
    /// let schedule = Schedule::default().visible_after(Duration::from_secs(3), HiddenTask::DoesNotExist);
    /// # let _ = schedule;
    /// ```
    pub fn visible_after(mut self, delay: Duration, answer: HiddenTask) -> Self {
        self.hidden = Some((delay, answer));
        self
    }

    /// Lets each `every`-th file fail in a task that would succeed in full: the task completes with result 2, or with 3
    /// if all its files fail, and its package lacks the failed files. A task of fewer files succeeds. 0 lets none fail,
    /// which is the default.
    ///
    /// ```
    /// use koodrive_share_emulator::{Emulator, Schedule};
    ///
    /// let builder = Emulator::builder().schedule(Schedule::default().fail_files_every(100));
    /// # let _ = builder;
    /// ```
    pub fn fail_files_every(mut self, every: usize) -> Self {
        self.fail_files_every = NonZeroUsize::new(every);
        self
    }

    fn new(pace: Progression) -> Self {
        Self { pace, hidden: None, fail_files_every: None }
    }

    /// Whether the file at this place of a task fails, counted from 0.
    pub(crate) fn fails(&self, place: usize) -> bool {
        self.fail_files_every.is_some_and(|every| (place + 1).is_multiple_of(every.get()))
    }

    /// How a task is hidden this long after it was made, or `None` if it's visible.
    pub(crate) fn hidden(&self, elapsed: Duration) -> Option<HiddenTask> {
        let (delay, answer) = self.hidden?;
        (elapsed < delay).then_some(answer)
    }

    /// The step of a task with this number of files, shown on poll number `poll`, counted from 1, this long after the
    /// task was made.
    pub(crate) fn step(&self, poll: u64, elapsed: Duration, files: usize) -> Step {
        let step = match &self.pace {
            Progression::Polls(steps) => {
                let index = usize::try_from(poll.saturating_sub(1)).unwrap_or(usize::MAX);
                steps.get(index).or(steps.last())
            }
            Progression::Elapsed(steps) => {
                let passed = steps.iter().rev().find(|(after, _)| *after <= elapsed);
                passed.map(|(_, step)| step)
            }
        };
        let step = step.cloned().unwrap_or_else(Step::pending);
        match self.fail_files_every.map(NonZeroUsize::get) {
            Some(every) if every <= files => step.failing_every(every),
            _ => step,
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
        schedule.step(poll, Duration::from_secs(seconds), 1).progress
    }

    #[test]
    fn polls_stop_at_the_last_step() {
        let schedule = Schedule::default();
        let seen = [1, 2, 3, 4, 900].map(|poll| progress(&schedule, poll, 0));
        assert_eq!(seen, [30, 70, 100, 100, 100].map(Some));
        assert_eq!(progress(&Schedule::by_polls([]), 1, 0), Some(0));
    }

    #[test]
    fn elapsed_time_picks_the_latest_step_that_is_due() {
        let after = |seconds, progress| (Duration::from_secs(seconds), Step::running(progress));
        let schedule = Schedule::by_elapsed([after(10, 2), after(5, 1)]);
        let seen = [0, 4, 5, 9, 10, 99].map(|seconds| progress(&schedule, 1, seconds));
        assert_eq!(seen, [Some(0), Some(0), Some(1), Some(1), Some(2), Some(2)]);
    }

    #[test]
    fn a_task_is_hidden_before_its_delay_and_not_after() {
        let delay = Duration::from_secs(3);
        let schedule = Schedule::default().visible_after(delay, HiddenTask::NotFound);
        assert_eq!(schedule.hidden(delay.saturating_sub(Duration::from_nanos(1))), Some(HiddenTask::NotFound));
        assert_eq!(schedule.hidden(delay), None);
        assert_eq!(Schedule::default().hidden(Duration::ZERO), None);
    }
}
