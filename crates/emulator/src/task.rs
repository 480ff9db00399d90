//! The tasks an emulator has made.

use std::{collections::VecDeque, fmt, sync::Arc, time::Duration};

use axum::body::Bytes;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use crate::{
    answer::Answer,
    body::{CreateTask, DUMP, PACKAGE_DOWNLOAD},
    edition::Edition,
    package::{self, Package, PackageUrl},
    rules::Caller,
    schedule::Schedule,
    signature::sha256_hex,
    task_step::{Download, Step, TaskInfosShape},
};

/// The default id of the first task, that of the reference's example.
pub(crate) const FIRST_TASK_ID: u64 = 1_689_765_568_237_837_824;

/// The number of package URLs that are kept of a task, the latest ones. Older ones have lapsed.
const URLS: usize = 1_000;

/// Why a package cannot be made.
const UNRECORDED: &str =
    "the names of its files are gone with the task's body: EmulatorBuilder::record keeps more of them";

/// A task that the emulator made.
///
/// It is small enough to be kept for every task of a long run, except for its body. Once the body is dropped, the
/// number of file ids and their digest are still known.
#[derive(Clone)]
pub struct EmulatedTask {
    task_id: String,
    task_type: i64,
    share_id: String,
    user_id: String,
    trace_id: Option<String>,
    file_count: usize,
    file_ids_sha256: String,
    polls: u64,
    body: Option<Bytes>,
}

impl EmulatedTask {
    /// The task id: a number, unique within one emulator. See
    /// [`first_task_id`](crate::EmulatorBuilder::first_task_id).
    pub fn task_id(&self) -> &str {
        &self.task_id
    }

    /// 1 for a package download, 2 for a dump.
    pub fn task_type(&self) -> i64 {
        self.task_type
    }

    /// The share the task is for. getBatchTask must name the same one.
    pub fn share_id(&self) -> &str {
        &self.share_id
    }

    /// The X-User-Id that made the task.
    pub fn user_id(&self) -> &str {
        &self.user_id
    }

    /// The X-Traceid that made the task, if one was sent.
    pub fn trace_id(&self) -> Option<&str> {
        self.trace_id.as_deref()
    }

    /// The number of file ids, 1 to 1,000.
    pub fn file_count(&self) -> usize {
        self.file_count
    }

    /// SHA-256, in lower-case hex, of the file ids joined by `"\n"`. Proves which ids made this task.
    pub fn file_ids_sha256(&self) -> &str {
        &self.file_ids_sha256
    }

    /// How often getBatchTask has answered about this task.
    pub fn polls(&self) -> u64 {
        self.polls
    }

    /// The body that made the task, kdstoken included. `None` once the task is older than the last
    /// [`record`](crate::EmulatorBuilder::record) ones.
    pub fn body(&self) -> Option<Value> {
        serde_json::from_slice(self.body.as_deref()?).ok()
    }
}

/// Leaves the body out: it may hold a kdstoken.
impl fmt::Debug for EmulatedTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmulatedTask")
            .field("task_id", &self.task_id)
            .field("task_type", &self.task_type)
            .field("share_id", &self.share_id)
            .field("user_id", &self.user_id)
            .field("trace_id", &self.trace_id)
            .field("file_count", &self.file_count)
            .field("file_ids_sha256", &self.file_ids_sha256)
            .field("polls", &self.polls)
            .finish_non_exhaustive()
    }
}

/// A task and the state of its progress.
pub(crate) struct Task {
    public: EmulatedTask,
    schedule: Arc<Schedule>,
    made: Instant,
    created: DateTime<Utc>,
    started: Option<DateTime<Utc>>,
    ended: Option<DateTime<Utc>>,
    urls: VecDeque<PackageUrl>,
}

impl Task {
    /// A task of a checked body. It gets its id when it joins the [`Tasks`].
    pub(crate) fn new(
        checked: CreateTask,
        caller: Caller,
        body: Bytes,
        schedule: Arc<Schedule>,
        now: DateTime<Utc>,
    ) -> Self {
        let public = EmulatedTask {
            task_id: String::new(),
            task_type: checked.task_type,
            share_id: checked.share_id,
            user_id: caller.user_id,
            trace_id: caller.trace_id,
            file_count: checked.file_ids.len(),
            file_ids_sha256: sha256_hex(checked.file_ids.join("\n").as_bytes()),
            polls: 0,
            body: Some(body),
        };
        Self { public, schedule, made: Instant::now(), created: now, started: None, ended: None, urls: VecDeque::new() }
    }

    /// The answer of getBatchTask.
    pub(crate) fn detail(&mut self, edition: Edition, origin: &str, now: DateTime<Utc>) -> Answer {
        let elapsed = self.made.elapsed();
        match self.schedule.hidden(elapsed) {
            Some(hidden) => hidden.answer(edition),
            None => match self.poll(elapsed, edition, origin, now) {
                Ok(answer) => Answer::json(200, &answer),
                Err(why) => Answer::unsendable(&why),
            },
        }
    }

    fn poll(&mut self, elapsed: Duration, edition: Edition, origin: &str, now: DateTime<Utc>) -> Result<Value, String> {
        self.public.polls += 1;
        let step = &self.schedule.step(self.public.polls, elapsed, self.public.file_count);
        if step.task_status != 0 {
            self.started.get_or_insert(now);
        }
        if matches!(step.task_status, 2 | 3) {
            self.ended.get_or_insert(now);
        }
        let mut answer = json!({
            "code": step.code.success(),
            "msg": "Success",
            edition.task_member(): self.job(step, edition, origin),
        });
        if edition == Edition::Current
            && let Some(infos) = self.task_infos(step)
        {
            answer["taskInfos"] = infos;
        }
        step.members.iter().try_for_each(|member| member.apply(&mut answer))?;
        Ok(answer)
    }

    fn job(&mut self, step: &Step, edition: Edition, origin: &str) -> Value {
        let task = &self.public;
        let digits = |time: DateTime<Utc>| time.format("%Y%m%d%H%M%S").to_string();
        let download = match &step.download {
            Download::Always(url) => Some(url.clone()),
            Download::Automatic
                if task.task_type == PACKAGE_DOWNLOAD
                    && step.task_status == 2
                    && matches!(step.result_code, Some(1 | 2)) =>
            {
                // Each poll returns a fresh URL.
                let secret = format!("{}/{}", task.file_ids_sha256, task.polls);
                let url = PackageUrl::new(sha256_hex(secret.as_bytes()));
                let text = url.text(origin, &task.task_id);
                if self.urls.len() == URLS {
                    self.urls.pop_front();
                }
                self.urls.push_back(url);
                Some(text)
            }
            Download::Automatic | Download::Never => None,
        };
        let fields = [
            ("userId", Some(json!(task.user_id))),
            ("taskId", Some(json!(task.task_id))),
            ("taskType", Some(json!(task.task_type))),
            ("taskStatus", Some(json!(step.task_status))),
            ("taskResultCode", step.result_code.map(Value::from)),
            ("resultCode", step.result_code.filter(|_| edition == Edition::July2024).map(|_| json!(0))),
            ("createTime", Some(json!(digits(self.created)))),
            ("startTime", self.started.map(|time| json!(digits(time)))),
            ("endTime", self.ended.map(|time| json!(digits(time)))),
            ("progress", step.progress.map(Value::from)),
            ("downloadUrl", download.map(Value::from)),
        ];
        let present = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        Value::Object(present.collect::<Map<_, _>>())
    }

    fn task_infos(&self, step: &Step) -> Option<Value> {
        match step.task_infos {
            TaskInfosShape::Absent => None,
            TaskInfosShape::Null => Some(Value::Null),
            TaskInfosShape::Object => Some(self.file_infos(step, 1).pop().unwrap_or_default()),
            TaskInfosShape::Array => Some(Value::Array(self.file_infos(step, usize::MAX))),
        }
    }

    fn file_infos(&self, step: &Step, limit: usize) -> Vec<Value> {
        // The body passed every check when the task was made.
        let Some(Ok(request)) = self.public.body.as_deref().map(|body| CreateTask::parse(body, false)) else {
            return Vec::new();
        };
        let statuses = step.file_statuses.iter().map(String::as_str).cycle();
        let statuses = statuses.chain(std::iter::repeat("0"));
        let files = request.file_ids.iter().zip(statuses).take(limit);
        files
            .enumerate()
            .map(|(index, (file_id, status))| {
                let mut info = json!({
                    "fileId": file_id,
                    "status": status,
                    "srcContainerId": request.container_id,
                });
                if self.public.task_type == DUMP && status == "1" {
                    info["newFileId"] = json!(format!("F{}{index:04}", self.public.task_id));
                }
                info
            })
            .collect()
    }
}

/// Every task, in the order made. Their ids count up, so a task's place follows from its id.
pub(crate) struct Tasks {
    first_id: u64,
    made: Vec<Task>,
}

impl Tasks {
    pub(crate) fn new(first_id: u64) -> Self {
        Self { first_id, made: Vec::new() }
    }

    /// Adds a task and returns its id. The bodies of all but the last `keep_bodies` tasks are dropped.
    pub(crate) fn add(&mut self, mut task: Task, keep_bodies: usize) -> String {
        let place = self.made.len();
        // A usize has at most 64 bits on every platform that tokio supports.
        let id = self.first_id.wrapping_add(place as u64).to_string();
        task.public.task_id.clone_from(&id);
        self.made.push(task);
        let outdated = place.checked_sub(keep_bodies);
        if let Some(outdated) = outdated.and_then(|place| self.made.get_mut(place)) {
            outdated.public.body = None;
        }
        id
    }

    /// The task of that id, or `None` if there's no such task in that share.
    pub(crate) fn find(&mut self, id: &str, share_id: &str) -> Option<&mut Task> {
        self.by_id(id).filter(|task| task.public.share_id == share_id)
    }

    /// Returns the request that a task was made from, without the files that fail, if the token admits to its package.
    ///
    /// # Errors
    /// The refusal to send.
    pub(crate) fn admit(&mut self, id: &str, token: &str, package: &Package) -> Result<CreateTask, Answer> {
        let task = self.by_id(id).ok_or_else(package::lapsed)?;
        let mut urls = task.urls.iter_mut();
        let url = urls.find(|url| url.admits(token, package)).ok_or_else(package::lapsed)?;
        let body = task.public.body.as_deref().ok_or_else(|| Answer::emulator(UNRECORDED))?;
        url.uses += 1;
        // The body passed every check when the task was made.
        let mut request = CreateTask::parse(body, false).map_err(|why| Answer::emulator(&why))?;
        let mut places = 0..;
        request.file_ids.retain(|_| places.next().is_some_and(|place| !task.schedule.fails(place)));
        Ok(request)
    }

    fn by_id(&mut self, id: &str) -> Option<&mut Task> {
        let place = id.parse::<u64>().ok()?.wrapping_sub(self.first_id);
        let task = self.made.get_mut(usize::try_from(place).ok()?)?;
        // The id is compared as text too: "+1689…" parses to the same number.
        (task.public.task_id == id).then_some(task)
    }

    pub(crate) fn len(&self) -> usize {
        self.made.len()
    }

    pub(crate) fn list(&self) -> Vec<EmulatedTask> {
        self.made.iter().map(|task| task.public.clone()).collect()
    }
}
