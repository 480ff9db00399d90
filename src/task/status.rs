//! The status of a share task.

use std::fmt;

use chrono::NaiveDateTime;
use serde::{Deserialize, Serialize};

use crate::{
    generated::types::{GetBatchTaskResponse, TaskInfo},
    lenient::{LenientInt, LenientObject, LenientText},
    share_task::TaskType,
    task::wire::{DownloadUrl, TaskInfos, task_id_in},
};

/// The status of a task.
///
/// ```
/// # use koodrive_share::{TaskResult, TaskState, TaskStatus};
/// # fn example(status: &TaskStatus) {
/// match status.state {
///     TaskState::Completed(TaskResult::AllSucceeded) => println!("done"),
///     TaskState::Completed(result) => println!("ended, but {result}: look at the files"),
///     state => println!("{state}"),
/// }
/// # }
/// ```
///
/// Unknown numbers are kept, and times stay in the service's own zone. Source: carrier reference, getBatchTask.
///
/// A status serialises without the package's URL, which is a secret. A test can make a status without a service, from
/// the state alone or with other fields, too:
///
/// ```
/// # use koodrive_share::TaskStatus;
/// let json = r#"{"state": {"completed": "partiallyFailed"}, "files": [{"fileId": "F1", "status": "failed"}]}"#;
/// let status: TaskStatus = serde_json::from_str(json)?;
/// assert!(status.is_done() && !status.is_success());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct TaskStatus {
    /// The state of the task.
    pub state: TaskState,
    /// The progress in percent, 0 to 100, if the service states it.
    pub progress: Option<f64>,
    /// The status of each file, as far as the service states it.
    #[serde(default)]
    pub files: Vec<FileStatusReport>,
    /// The URL of the package, once a package download has completed. It is a secret.
    #[serde(skip_serializing)]
    pub download_url: Option<DownloadUrl>,
    /// What the task does.
    pub task_type: Option<TaskType>,
    /// When the task was created, in a zone that the reference does not state: compare it with the other times of the
    /// same service only. `None` if absent or not 14 digits.
    pub created: Option<NaiveDateTime>,
    /// When the work began; its zone is not stated, see [`created`](Self::created).
    pub started: Option<NaiveDateTime>,
    /// When the work ended; its zone is not stated, see [`created`](Self::created).
    pub ended: Option<NaiveDateTime>,
}

/// The state of a task, `taskStatus`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum TaskState {
    /// 0: to be processed. Wait.
    Pending,
    /// 1: being processed. Wait.
    Running,
    /// 2: ended, which does not mean that it succeeded: look at the result.
    Completed(TaskResult),
    /// 3: cancelled, by someone else; some files may have been worked on. Create a new task if it is still wanted.
    Cancelled,
    /// A number that the reference does not list. Wait, as for a state that may still change; if it stays, ask the
    /// vendor.
    Other(i64),
}

/// How a completed task ended, `taskResultCode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum TaskResult {
    /// 1: every file succeeded. Fetch the package, or use the dumped files.
    AllSucceeded,
    /// 2: some files failed. Find them in [`TaskStatus::files`] and create a task for them.
    PartiallyFailed,
    /// 3: every file failed. Remove the cause (space, rights, target directory) and create the task again.
    AllFailed,
    /// A number that the reference does not list, or −1 if the service stated none. Check the files yourself.
    Other(i64),
}

/// The status of one file, `status` of `taskInfos`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum FileStatus {
    /// "0": to do.
    Pending,
    /// "1": succeeded.
    Succeeded,
    /// "2": failed.
    Failed,
    /// A value that the reference does not list.
    Other(Box<str>),
}

/// The report on one file of a task.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct FileStatusReport {
    /// The id of the file in the share.
    pub file_id: Option<String>,
    /// The status of the file.
    pub status: Option<FileStatus>,
    /// The id of the file's copy in the target space, after a dump. This is inferred from the name, `newFileId`.
    pub new_file_id: Option<String>,
    /// The space that the file came from.
    pub source_container_id: Option<String>,
}

impl TaskStatus {
    /// Reads the status of the requested task from a reply.
    ///
    /// # Errors
    ///
    /// Returns the JSON path of a required field that cannot be read, and what it contains.
    pub(crate) fn read(task_id: &str, reply: GetBatchTaskResponse) -> Result<Self, String> {
        let GetBatchTaskResponse { code: _, job_info, msg: _, task_info, task_infos } = reply;
        let (path, job) = match (job_info, task_info) {
            (Some(job @ LenientObject(Ok(_))), _) | (Some(job), None) => ("$.jobInfo", job),
            // The reference's edition of 2024-07-30 has `taskInfo` instead.
            (_, Some(job)) => ("$.taskInfo", job),
            (None, None) => return Err("it reports success without a jobInfo".to_owned()),
        };
        let job = job.0.map_err(|other| format!("{path} is {other}, which is no object"))?;
        let named = job.task_id.as_ref().and_then(LenientText::as_str).and_then(task_id_in);
        if let Some(other) = named.filter(|named| *named != task_id) {
            return Err(format!("{path}.taskId is {other:?}, and {task_id:?} was asked for"));
        }
        let number = |field: &str, value: Option<LenientInt>| {
            let number = value.map(|LenientInt(number)| number).transpose();
            number.map_err(|other| format!("{path}.{field} is {other}, which is no number"))
        };
        let state = match number("taskStatus", job.task_status)? {
            None => return Err(format!("{path}.taskStatus is missing")),
            Some(0) => TaskState::Pending,
            Some(1) => TaskState::Running,
            Some(2) => TaskState::Completed(match number("taskResultCode", job.task_result_code)? {
                Some(1) => TaskResult::AllSucceeded,
                Some(2) => TaskResult::PartiallyFailed,
                Some(3) => TaskResult::AllFailed,
                other => TaskResult::Other(other.unwrap_or(-1)),
            }),
            Some(3) => TaskState::Cancelled,
            Some(other) => TaskState::Other(other),
        };
        let files = task_infos.map(|TaskInfos(files)| files).unwrap_or_default();
        Ok(Self {
            state,
            progress: job.progress.and_then(|progress| Some(progress.0?.clamp(0.0, 100.0))),
            files: files.into_iter().map(FileStatusReport::from).collect(),
            download_url: job.download_url.and_then(|url| url.0),
            task_type: job.task_type.and_then(|task_type| Some(task_type.0.ok()?.into())),
            created: compact_time(job.create_time),
            started: compact_time(job.start_time),
            ended: compact_time(job.end_time),
        })
    }

    /// Whether the task has ended, successfully or not.
    #[doc(alias("is_final", "is_finished", "is_complete", "is_completed", "is_terminal"))]
    pub fn is_done(&self) -> bool {
        self.state.is_final()
    }

    /// Whether the task has ended and every file succeeded. If not, [`state`](Self::state) tells whether the task goes
    /// on, failed or was cancelled.
    #[doc(alias("is_failed", "is_ok", "is_successful", "succeeded"))]
    pub fn is_success(&self) -> bool {
        self.state == TaskState::Completed(TaskResult::AllSucceeded)
    }
}

/// Reads a time as the service writes it: 14 digits, `yyyyMMddHHmmss`.
fn compact_time(time: Option<LenientText>) -> Option<NaiveDateTime> {
    let time = time?.0?;
    // The parser also accepts fewer digits, signs and blanks.
    let is_compact = time.len() == 14 && time.bytes().all(|byte| byte.is_ascii_digit());
    if is_compact { NaiveDateTime::parse_from_str(&time, "%Y%m%d%H%M%S").ok() } else { None }
}

impl TaskState {
    /// Whether the task has ended, successfully or not.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Completed(_) | Self::Cancelled)
    }
}

/// `being processed`, `completed, partially failed`, `in the unknown state 7`
impl fmt::Display for TaskState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pending => f.write_str("to be processed"),
            Self::Running => f.write_str("being processed"),
            Self::Completed(result) => write!(f, "completed, {result}"),
            Self::Cancelled => f.write_str("cancelled"),
            Self::Other(number) => write!(f, "in the unknown state {number}"),
        }
    }
}

/// `all succeeded`, `with the unknown result 7`
impl fmt::Display for TaskResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AllSucceeded => f.write_str("all succeeded"),
            Self::PartiallyFailed => f.write_str("partially failed"),
            Self::AllFailed => f.write_str("all failed"),
            Self::Other(number) => write!(f, "with the unknown result {number}"),
        }
    }
}

impl From<TaskInfo> for FileStatusReport {
    fn from(info: TaskInfo) -> Self {
        let text = |text: Option<LenientText>| text?.0;
        Self {
            file_id: text(info.file_id),
            status: info.status.and_then(LenientText::non_empty).map(|status| match &*status {
                "0" => FileStatus::Pending,
                "1" => FileStatus::Succeeded,
                "2" => FileStatus::Failed,
                _ => FileStatus::Other(status.into()),
            }),
            new_file_id: text(info.new_file_id),
            source_container_id: text(info.src_container_id),
        }
    }
}
