//! The answer of getBatchTask about a task at one point of its progress.

use std::fmt;

use serde_json::{Value, json};

use crate::json_member::Member;

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
    pub(crate) fn success(self) -> Value {
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
    /// [`EmulatorBuilder::record`](crate::EmulatorBuilder::record).
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
pub(crate) enum Download {
    Automatic,
    Never,
    Always(String),
}

/// The answer of getBatchTask about a task at one point of its progress.
///
/// Any number is let through, documented or not: `Step::new(7)` is a task of the unknown status 7.
///
/// ```
/// use koodrive_share_emulator::Step;
///
/// let unknown_result = Step::completed(9).progress(100);
/// # let _ = unknown_result;
/// ```
#[derive(Clone)]
pub struct Step {
    pub(crate) task_status: i64,
    pub(crate) progress: Option<i64>,
    pub(crate) result_code: Option<i64>,
    pub(crate) file_statuses: Vec<String>,
    pub(crate) download: Download,
    pub(crate) task_infos: TaskInfosShape,
    pub(crate) code: CodeShape,
    pub(crate) members: Vec<Member>,
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
            members: Vec::new(),
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

    /// Sets `taskResultCode`. The reference doesn't say with which statuses the service sends it; the emulator sends it with any.
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

    /// The step with each `every`-th file failed, if all files succeed in it.
    pub(crate) fn failing_every(self, every: usize) -> Self {
        if (self.task_status, self.result_code) != (2, Some(1)) {
            return self;
        }
        let statuses = std::iter::repeat_n("1", every - 1).chain(["2"]);
        self.result_code(if every == 1 { 3 } else { 2 }).file_statuses(statuses)
    }

    /// Sets `downloadUrl`. Defaults to a URL at this emulator, `http://127.0.0.1:<port>/packages/<task id>.zip?token=…`, for
    /// a package download that completed with result code 1 or 2, and to no such field otherwise. See
    /// [`Package`](crate::Package) for the packages at these URLs. Each poll returns a fresh URL.
    pub fn download_url(mut self, url: impl Into<String>) -> Self {
        self.download = Download::Always(url.into());
        self
    }

    /// Leaves `downloadUrl` out even where it would be given by default.
    pub fn without_download_url(mut self) -> Self {
        self.download = Download::Never;
        self
    }

    /// Sets the shape of `taskInfos`, which [`Edition::July2024`](crate::Edition::July2024) doesn't have. Defaults to
    /// [`TaskInfosShape::Array`].
    pub fn task_infos(mut self, shape: TaskInfosShape) -> Self {
        self.task_infos = shape;
        self
    }

    /// Sets the shape of `code`. Defaults to [`CodeShape::Number`].
    pub fn code(mut self, shape: CodeShape) -> Self {
        self.code = shape;
        self
    }

    /// Sets a member of the answer to any JSON, documented or not. Can be called again; later calls see what earlier
    /// ones have done. Defaults to none.
    ///
    /// ```
    /// use koodrive_share_emulator::Step;
    /// use serde_json::Value;
    ///
    /// let odd = Step::running(70)
    ///     .member("/jobInfo/progress", "70%")
    ///     .member("/jobInfo/userId", 1505084218764547200_i64)
    ///     .member("/taskInfos/0", Value::Null);
    /// # let _ = odd;
    /// ```
    ///
    /// The pointer is that of RFC 6901. All but its last part must be there; in an array, the last part too. A poll
    /// whose answer has no such place is answered by a 500 with the `error_code` `EMULATOR`.
    pub fn member(mut self, pointer: impl Into<String>, value: impl Into<Value>) -> Self {
        self.members.push(Member { pointer: pointer.into(), value: Some(value.into()) });
        self
    }

    /// Leaves a member out of the answer, as [`member`](Self::member) sets one. Does nothing if an object doesn't have
    /// it.
    pub fn without_member(mut self, pointer: impl Into<String>) -> Self {
        self.members.push(Member { pointer: pointer.into(), value: None });
        self
    }
}

/// Leaves out a scripted download URL, which is a capability, and the values of members, which may be one.
impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Step")
            .field("task_status", &self.task_status)
            .field("progress", &self.progress)
            .field("result_code", &self.result_code)
            .field("file_statuses", &self.file_statuses)
            .field("task_infos", &self.task_infos)
            .field("code", &self.code)
            .field("members", &self.members.iter().map(|member| &member.pointer).collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}
