//! A share task to create.
//!
//! [`ShareTask::package_download`] and [`ShareTask::dump`] begin a task; [`ShareTaskBuilder::build`] checks it.

use serde::{Deserialize, Deserializer, Serialize};

use crate::{
    credentials::RequestSecret,
    generated::types::{CreateBatchTaskRequest, FileIdInfo},
    rules,
    trace_id::TraceId,
    validation::{ValidationError, Violations},
    x_date::XDate,
};

/// The maximum number of file ids in one task. Source: source document.
pub const MAX_FILE_IDS: usize = 1_000;

/// The id that names the root directory of a space. Source: source document.
const ROOT: &str = "root";

/// A share task that keeps every rule the reference states.
///
/// ```
/// # use koodrive_share::{ShareTask, TargetDirectory};
/// let task = ShareTask::dump(TargetDirectory::root("my-space"))
///     .share_id("1689765568237837824")
///     .container_id("IAABh_RdhS8bOg0cA1684711052660690818")
///     .file_ids(["Fk63FCWhcDAga2puvYKRG1oTMjs-m30sI"])
///     .build()?;
/// println!("about to create a task with trace id {}", task.trace_id());
/// # Ok::<(), koodrive_share::ValidationError>(())
/// ```
///
/// A task has its trace id from the start, so that the id can be logged before anything is sent. A task can be
/// deserialised from the JSON of a request's body, with the same checks. It is not serialised, since it may hold a
/// kdstoken.
#[derive(Clone, Debug)]
pub struct ShareTask {
    body: CreateBatchTaskRequest,
    trace_id: TraceId,
    x_date: Option<XDate>,
}

/// What a task does with the files, `taskType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "i64", into = "i64")]
#[non_exhaustive]
pub enum TaskType {
    /// 1: the files are packed into a zip to download.
    PackageDownload,
    /// 2: the files are saved into a space.
    Dump,
    /// A number that the reference does not list, from the service.
    Other(i64),
}

impl From<i64> for TaskType {
    fn from(number: i64) -> Self {
        match number {
            1 => Self::PackageDownload,
            2 => Self::Dump,
            other => Self::Other(other),
        }
    }
}

impl From<TaskType> for i64 {
    fn from(task_type: TaskType) -> Self {
        match task_type {
            TaskType::PackageDownload => 1,
            TaskType::Dump => 2,
            TaskType::Other(number) => number,
        }
    }
}

/// The directory that a dump saves into, `targetFileId`.
#[derive(Clone, Debug)]
pub struct TargetDirectory(FileIdInfo);

impl TargetDirectory {
    /// Names a directory and the space that it is in.
    pub fn new(file_id: impl Into<String>, container_id: impl Into<String>) -> Self {
        Self(FileIdInfo { file_id: file_id.into(), container_id: container_id.into() })
    }

    /// Names the root directory of a space.
    pub fn root(container_id: impl Into<String>) -> Self {
        Self::new(ROOT, container_id)
    }

    /// Returns the directory's id, which is `root` for the root directory.
    pub fn file_id(&self) -> &str {
        &self.0.file_id
    }

    /// Returns the space that the directory is in.
    pub fn container_id(&self) -> &str {
        &self.0.container_id
    }
}

impl ShareTask {
    /// Begins a task that packs the files into a zip of this name.
    #[doc(alias("package", "download", "zip"))]
    pub fn package_download(zip_name: impl Into<String>) -> ShareTaskBuilder {
        ShareTaskBuilder::new(TaskType::PackageDownload, Some(zip_name.into()), None)
    }

    /// Begins a task that saves the files into a directory.
    #[doc(alias("save", "transfer", "copy"))]
    pub fn dump(target: TargetDirectory) -> ShareTaskBuilder {
        ShareTaskBuilder::new(TaskType::Dump, None, Some(target.0))
    }

    /// Returns what the task does with the files.
    pub fn task_type(&self) -> TaskType {
        self.body.task_type
    }

    /// Returns the id of the share that the files belong to.
    pub fn share_id(&self) -> &str {
        &self.body.share_id
    }

    /// Returns the space that the files are in.
    pub fn container_id(&self) -> &str {
        &self.body.container_id
    }

    /// Returns the ids of the files, 1 to 1000.
    pub fn file_ids(&self) -> &[String] {
        &self.body.file_ids
    }

    /// Returns the name of the package, if one is set.
    pub fn zip_name(&self) -> Option<&str> {
        self.body.zip_name.as_deref()
    }

    /// Returns the trace id that the request is sent with.
    pub fn trace_id(&self) -> &TraceId {
        &self.trace_id
    }

    /// Returns the directory that a dump saves into.
    pub fn target(&self) -> Option<TargetDirectory> {
        self.body.target_file_id.clone().map(TargetDirectory)
    }

    pub(crate) fn body(&self) -> &CreateBatchTaskRequest {
        &self.body
    }

    pub(crate) fn x_date(&self) -> Option<XDate> {
        self.x_date
    }
}

impl<'de> Deserialize<'de> for ShareTask {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let body = CreateBatchTaskRequest::deserialize(deserializer)?;
        let builder = ShareTaskBuilder { body, trace_id: None, x_date: None };
        builder.build().map_err(serde::de::Error::custom)
    }
}

/// Builds a [`ShareTask`].
#[derive(Clone, Debug)]
#[must_use = "a builder makes nothing until `build` is called"]
pub struct ShareTaskBuilder {
    body: CreateBatchTaskRequest,
    trace_id: Option<TraceId>,
    x_date: Option<XDate>,
}

impl ShareTaskBuilder {
    fn new(task_type: TaskType, zip_name: Option<String>, target: Option<FileIdInfo>) -> Self {
        let body = CreateBatchTaskRequest {
            container_id: String::new(),
            file_ids: Vec::new(),
            kdstoken: None,
            share_id: String::new(),
            target_file_id: target,
            task_type,
            zip_name,
        };
        Self { body, trace_id: None, x_date: None }
    }

    /// Sets the id of the share that the files belong to. Mandatory.
    pub fn share_id(mut self, share_id: impl Into<String>) -> Self {
        self.body.share_id = share_id.into();
        self
    }

    /// Sets the space that the files are in. Mandatory.
    pub fn container_id(mut self, container_id: impl Into<String>) -> Self {
        self.body.container_id = container_id.into();
        self
    }

    /// Sets the ids of the files, 1 to 1000. Mandatory. A `Vec<String>` is moved, not copied.
    ///
    /// For more than 1000 files, use [`Client::create_bulk`](crate::Client::create_bulk).
    #[doc(alias("files"))]
    pub fn file_ids(mut self, file_ids: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.body.file_ids = file_ids.into_iter().map(Into::into).collect();
        self
    }

    /// Adds a file.
    #[doc(alias("add_file"))]
    pub fn file_id(mut self, file_id: impl Into<String>) -> Self {
        self.body.file_ids.push(file_id.into());
        self
    }

    /// Sets the temporary token of a share that has an extract code. Defaults to none.
    pub fn kdstoken(mut self, kdstoken: impl Into<String>) -> Self {
        self.body.kdstoken = Some(kdstoken.into().into());
        self
    }

    /// Sets the name of the package, if the task makes one.
    pub(crate) fn zip_name(mut self, zip_name: Option<String>) -> Self {
        self.body.zip_name = zip_name;
        self
    }

    /// Sets the trace id. Defaults to a random one.
    pub fn trace_id(mut self, trace_id: TraceId) -> Self {
        self.trace_id = Some(trace_id);
        self
    }

    /// Sets the `X-Date` that the request is sent with; it is checked when the request is sent. Defaults to a new one
    /// for each attempt. Set it only to replay a request.
    pub fn x_date(mut self, x_date: XDate) -> Self {
        self.x_date = Some(x_date);
        self
    }

    /// Checks the task.
    ///
    /// # Errors
    ///
    /// Returns all broken rules together: `file-ids-count`, `not-empty`, `zip-name-required`, `target-required`,
    /// `task-type`.
    pub fn build(self) -> Result<ShareTask, ValidationError> {
        let Self { body, trace_id, x_date } = self;
        let mut violations = Violations::default();
        validate(&body, &mut violations);
        validate_file_ids(&body.file_ids, &mut violations);
        violations.into_result()?;
        Ok(ShareTask { body, trace_id: trace_id.unwrap_or_else(TraceId::random), x_date })
    }

    /// Checks what the tasks of a bulk creation have in common. File ids, trace id and `X-Date` must be unset.
    pub(crate) fn validate_as_template(&self, violations: &mut Violations) {
        validate(&self.body, violations);
        let own = [
            ("$.fileIds", self.body.file_ids.is_empty()),
            ("X-Traceid", self.trace_id.is_none()),
            ("X-Date", self.x_date.is_none()),
        ];
        for (path, _) in own.into_iter().filter(|(_, is_unset)| !is_unset) {
            violations.add(rules::TEMPLATE.at(path).given("a value").advise("leave it out"));
        }
    }

    pub(crate) fn body(&self) -> &CreateBatchTaskRequest {
        &self.body
    }
}

fn validate_file_ids(file_ids: &[String], violations: &mut Violations) {
    let count = file_ids.len();
    if !(1..=MAX_FILE_IDS).contains(&count) {
        let advice = if count == 0 { "name the files" } else { "split them over several tasks" };
        violations.add(rules::FILE_IDS_COUNT.at("$.fileIds").given(count.to_string()).advise(advice));
    }
    for (n, _) in file_ids.iter().enumerate().filter(|(_, file_id)| file_id.is_empty()) {
        violations.add(rules::NOT_EMPTY.at(format!("$.fileIds[{n}]")).advise("leave it out"));
    }
}

/// Checks all rules except those of the file ids.
fn validate(body: &CreateBatchTaskRequest, violations: &mut Violations) {
    let CreateBatchTaskRequest { container_id, file_ids: _, kdstoken, share_id, target_file_id, task_type, zip_name } =
        body;
    violations.not_empty("$.containerId", container_id.as_str(), "name the space the files are in");
    violations.not_empty("$.shareId", share_id.as_str(), "name the share the files are behind");
    if let Some(FileIdInfo { container_id, file_id }) = target_file_id {
        let advice = "name the directory, `root` for the root directory";
        violations.not_empty("$.targetFileId.fileId", file_id.as_str(), advice);
        violations.not_empty("$.targetFileId.containerId", container_id.as_str(), "name the space the directory is in");
    }
    let kdstoken = kdstoken.as_ref().map(RequestSecret::expose);
    violations.not_empty("$.kdstoken", kdstoken, "leave it out if the share has no extract code");
    match (task_type, zip_name.as_deref()) {
        (TaskType::PackageDownload, None | Some("")) => {
            violations.add(rules::ZIP_NAME_REQUIRED.at("$.zipName").advise("name the package"));
        }
        (TaskType::Dump, Some(name)) => violations.not_empty("$.zipName", name, "leave it out"),
        (TaskType::Other(number), _) => {
            violations.add(rules::TASK_TYPE.at("$.taskType").given(number.to_string()).advise("choose one of them"));
        }
        (TaskType::PackageDownload, Some(_)) | (TaskType::Dump, None) => {}
    }
    if *task_type == TaskType::Dump && target_file_id.is_none() {
        violations.add(rules::TARGET_REQUIRED.at("$.targetFileId").advise("name the directory"));
    }
}
