//! A share task that exists: its handle and its state.

use std::fmt;

use chrono::{DateTime, NaiveDateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{
    TaskType, TraceId,
    credentials::KdsToken,
    generated::types::{JobInfo, TaskInfo},
};

/// A share task that was created.
///
/// ```
/// # use koodrive_share::{Client, TaskHandle};
/// # fn example(handle: TaskHandle) -> Result<(), serde_json::Error> {
/// let saved = serde_json::to_string(&handle)?;
/// // … in another process:
/// let handle: TaskHandle = serde_json::from_str(&saved)?;
/// let handle = handle.with_kdstoken("aea2968e…"); // if the share has an access code
/// # Ok(()) }
/// ```
///
/// It serialises into all that [`Client::status`](crate::Client::status) needs, except for the kdstoken, which is a
/// secret and is given again.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskHandle {
    pub(crate) task_id: String,
    pub(crate) share_id: String,
    pub(crate) trace_id: TraceId,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) endpoint: String,
    #[serde(skip)]
    pub(crate) kdstoken: Option<KdsToken>,
}

impl TaskHandle {
    /// A handle of a task whose id is known otherwise, such as from the vendor's support after an
    /// [unknown outcome](crate::Outcome::Unknown). `endpoint` is the client's, and `trace_id` that of the request which
    /// created the task; without one, a new one stands in for it.
    #[must_use]
    pub fn new(
        task_id: impl Into<String>,
        share_id: impl Into<String>,
        endpoint: impl Into<String>,
        trace_id: Option<TraceId>,
    ) -> Self {
        Self {
            task_id: task_id.into(),
            share_id: share_id.into(),
            trace_id: trace_id.unwrap_or_else(TraceId::random),
            created_at: Utc::now(),
            endpoint: endpoint.into(),
            kdstoken: None,
        }
    }

    /// The task's id.
    #[must_use]
    pub fn task_id(&self) -> &str {
        &self.task_id
    }

    /// The share whose files the task works on.
    #[must_use]
    pub fn share_id(&self) -> &str {
        &self.share_id
    }

    /// The trace id of the request that created the task.
    #[must_use]
    pub fn trace_id(&self) -> &TraceId {
        &self.trace_id
    }

    /// When the reply came that the task was created, by this machine's clock.
    #[must_use]
    pub fn created_at(&self) -> DateTime<Utc> {
        self.created_at
    }

    /// The endpoint that the task lives at; a client of another endpoint refuses the handle.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Sets the temporary token of the share, which a saved handle does not hold.
    #[must_use]
    pub fn with_kdstoken(mut self, kdstoken: impl Into<String>) -> Self {
        self.kdstoken = Some(kdstoken.into().into());
        self
    }
}

/// How far a task has come.
///
/// ```
/// # use koodrive_share::{TaskResult, TaskState, TaskStatus};
/// # fn example(status: &TaskStatus) {
/// match status.state() {
///     TaskState::Completed(TaskResult::AllSucceeded) => println!("done"),
///     TaskState::Completed(result) => println!("ended, but {result}: look at the files"),
///     state => println!("{state}"),
/// }
/// # }
/// ```
///
/// All that the service says is kept: unknown numbers, and times as they come. Source: carrier reference,
/// getBatchTask.
#[derive(Clone, Debug)]
pub struct TaskStatus {
    job: JobInfo,
    files: Vec<FileStatusReport>,
}

/// Where a task is, `taskStatus`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
    /// A number that the reference does not list, or −1 if the service gave none. Wait, as for a state that may still
    /// change; if it stays, ask the vendor.
    Other(i64),
}

/// How a completed task ended, `taskResultCode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TaskResult {
    /// 1: every file. Go on: fetch the package, or use the dumped files.
    AllSucceeded,
    /// 2: some files. Look at [`TaskStatus::files`] for the failed ones and create a task for those.
    PartiallyFailed,
    /// 3: no file. Remove the cause (space, rights, target directory) and create the task again.
    AllFailed,
    /// A number that the reference does not list, or −1 if the service gave none. Check the files yourself.
    Other(i64),
}

/// What became of one file, `status` of `taskInfos`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
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

/// What became of one file.
#[derive(Clone, Debug)]
pub struct FileStatusReport(TaskInfo);

/// A time of the service as it writes it: 14 digits, `yyyyMMddHHmmss`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(crate) struct CompactTime(String);

impl From<String> for CompactTime {
    fn from(time: String) -> Self {
        Self(time)
    }
}

impl CompactTime {
    fn parse(&self) -> Option<NaiveDateTime> {
        // The parser also takes fewer digits, signs and blanks.
        let is_compact = self.0.len() == 14 && self.0.bytes().all(|byte| byte.is_ascii_digit());
        let time = NaiveDateTime::parse_from_str(&self.0, "%Y%m%d%H%M%S").ok()?;
        is_compact.then_some(time)
    }
}

/// Reads a text or a number alike: the vendor's editions type the same field as either.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Wire {
        Text(String),
        Number(i64),
    }
    Ok(match Wire::deserialize(deserializer)? {
        Wire::Text(text) => text,
        Wire::Number(number) => number.to_string(),
    })
}

/// A number of an open set, which may come as digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(crate) struct OpenNumber(pub(crate) i64);

impl<'de> Deserialize<'de> for OpenNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = text(deserializer)?;
        text.parse().map(Self).map_err(serde::de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for CompactTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text(deserializer).map(Self)
    }
}

/// Where a package can be fetched. Whoever holds the URL can fetch it, so no `Debug` shows it.
#[derive(Clone, Debug)]
pub struct DownloadUrl(SecretString);

impl DownloadUrl {
    /// The URL as text. Keep it out of logs.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

/// A [`DownloadUrl`] as a reply holds it.
///
/// It serialises into a mock's reply and nowhere else: no other public type that holds one implements `Serialize`.
#[derive(Clone, Debug)]
pub(crate) struct WireUrl(pub(crate) DownloadUrl);

impl From<String> for WireUrl {
    fn from(url: String) -> Self {
        Self(DownloadUrl(url.into()))
    }
}

impl Serialize for WireUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.expose())
    }
}

impl<'de> Deserialize<'de> for WireUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

/// `taskInfos`: named in the plural and typed as one object, so both are read.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub(crate) enum TaskInfos {
    /// As an array.
    Many(Vec<TaskInfo>),
    /// As one object.
    One(TaskInfo),
}

impl TaskStatus {
    pub(crate) fn new(job: JobInfo, files: Option<TaskInfos>) -> Self {
        let files = match files {
            None => vec![],
            Some(TaskInfos::One(file)) => vec![file],
            Some(TaskInfos::Many(files)) => files,
        };
        Self { job, files: files.into_iter().map(FileStatusReport).collect() }
    }

    /// Where the task is.
    #[must_use]
    pub fn state(&self) -> TaskState {
        match self.job.task_status.map(|OpenNumber(number)| number) {
            Some(0) => TaskState::Pending,
            Some(1) => TaskState::Running,
            Some(2) => TaskState::Completed(match self.job.task_result_code.map(|OpenNumber(number)| number) {
                Some(1) => TaskResult::AllSucceeded,
                Some(2) => TaskResult::PartiallyFailed,
                Some(3) => TaskResult::AllFailed,
                other => TaskResult::Other(other.unwrap_or(-1)),
            }),
            Some(3) => TaskState::Cancelled,
            other => TaskState::Other(other.unwrap_or(-1)),
        }
    }

    /// Progress in percent, 0 to 100, if the service tells it.
    #[must_use]
    pub fn progress(&self) -> Option<f64> {
        self.job.progress
    }

    /// What became of each file, as far as the service tells it.
    #[must_use]
    pub fn files(&self) -> &[FileStatusReport] {
        &self.files
    }

    /// Where the package can be fetched, once a package download has completed.
    #[must_use]
    pub fn download_url(&self) -> Option<&DownloadUrl> {
        self.job.download_url.as_ref().map(|WireUrl(url)| url).filter(|url| !url.expose().is_empty())
    }

    /// What the task does.
    #[must_use]
    pub fn task_type(&self) -> Option<TaskType> {
        self.job.task_type
    }

    /// When the task was created, in a zone that the reference does not state: compare it with the other times of the
    /// same service only. `None` if absent or not 14 digits.
    #[must_use]
    pub fn created(&self) -> Option<NaiveDateTime> {
        self.job.create_time.as_ref()?.parse()
    }

    /// When the work began; its zone is not stated, see [`created`](Self::created).
    #[must_use]
    pub fn started(&self) -> Option<NaiveDateTime> {
        self.job.start_time.as_ref()?.parse()
    }

    /// When the work ended; its zone is not stated, see [`created`](Self::created).
    #[must_use]
    pub fn ended(&self) -> Option<NaiveDateTime> {
        self.job.end_time.as_ref()?.parse()
    }
}

impl TaskState {
    /// Whether the task has ended, well or not.
    #[must_use]
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

impl FileStatusReport {
    /// The file in the share.
    #[must_use]
    pub fn file_id(&self) -> Option<&str> {
        self.0.file_id.as_deref()
    }

    /// What became of it.
    #[must_use]
    pub fn status(&self) -> Option<&FileStatus> {
        self.0.status.as_ref()
    }

    /// Its copy in the target space, after a dump.
    #[must_use]
    pub fn new_file_id(&self) -> Option<&str> {
        self.0.new_file_id.as_deref()
    }

    /// The space it came from.
    #[must_use]
    pub fn source_container_id(&self) -> Option<&str> {
        self.0.src_container_id.as_deref()
    }
}

impl FileStatus {
    fn as_str(&self) -> &str {
        match self {
            Self::Pending => "0",
            Self::Succeeded => "1",
            Self::Failed => "2",
            Self::Other(text) => text,
        }
    }
}

/// `to do`, `succeeded`, `failed`, `in the unknown state "7"`
impl fmt::Display for FileStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pending => f.write_str("to do"),
            Self::Succeeded => f.write_str("succeeded"),
            Self::Failed => f.write_str("failed"),
            Self::Other(text) => write!(f, "in the unknown state {text:?}"),
        }
    }
}

impl Serialize for FileStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for FileStatus {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = text(deserializer)?;
        Ok(match &*text {
            "0" => Self::Pending,
            "1" => Self::Succeeded,
            "2" => Self::Failed,
            _ => Self::Other(text.into()),
        })
    }
}
