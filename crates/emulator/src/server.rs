//! The service behind the socket: its state, and the handler of every request.

use std::{
    collections::VecDeque,
    num::NonZeroU64,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    body::{Body, Bytes},
    extract::{Request, State, connect_info::ConnectInfo},
    http::{Response, request::Parts},
};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use tokio::{sync::watch, time::Instant};

use crate::{
    answer::Answer,
    answered::Answered,
    authentication::Accepted,
    body::{CreateTask, ListShareFiles, TaskDetail, VerifyExtractCode},
    connection::Allowance,
    edition::Edition,
    fault::Fault,
    hidden_task::HiddenTask,
    package::{self, Package},
    request::RecordedRequest,
    rules::{Caller, Operation, check_headers, check_query, check_undocumented, invalid, short_url},
    schedule::Schedule,
    share::Shares,
    task::{Task, Tasks},
    task_step::CodeShape,
    throttle::{Throttle, Window},
};

/// 4 MiB: 1,000 ids of 4 KiB each, far more than any real body.
pub(crate) const BODY_LIMIT: usize = 4 * 1024 * 1024;

/// The settings, which don't change while the emulator runs.
pub(crate) struct Settings {
    pub(crate) path_prefix: String,
    pub(crate) strict: bool,
    pub(crate) kdstoken: Option<String>,
    pub(crate) create_code: CodeShape,
    pub(crate) edition: Edition,
    pub(crate) record: usize,
    pub(crate) stamped_date: Option<StampedDate>,
    pub(crate) throttle: Option<Throttle>,
    pub(crate) lose_reply_every: Option<NonZeroU64>,
    pub(crate) delay_creations: Option<Duration>,
    pub(crate) on_answer: Option<Box<OnAnswer>>,
    /// Scheme and authority, without the path prefix.
    pub(crate) origin: String,
    /// The first half of every X-request-id.
    pub(crate) request_id_seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            path_prefix: String::new(),
            strict: false,
            kdstoken: None,
            create_code: CodeShape::default(),
            edition: Edition::default(),
            record: 1000,
            stamped_date: None,
            throttle: None,
            lose_reply_every: None,
            delay_creations: None,
            on_answer: None,
            origin: String::new(),
            request_id_seed: 0,
        }
    }
}

/// Called with each request and its answer.
pub(crate) type OnAnswer = dyn Fn(&Answered) + Send + Sync;

/// A Date header that another clock writes, in the reply to every `every`-th request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StampedDate {
    pub(crate) offset: TimeDelta,
    pub(crate) every: NonZeroU64,
}

/// The state that changes while the emulator runs.
pub(crate) struct ServiceState {
    pub(crate) accepted: Arc<Accepted>,
    pub(crate) clock_offset: TimeDelta,
    pub(crate) schedule: Arc<Schedule>,
    pub(crate) package: Arc<Package>,
    pub(crate) downloads: u64,
    /// The queued faults, each with its operation; `None` means a request of any kind.
    pub(crate) faults: VecDeque<(Option<Operation>, Fault)>,
    pub(crate) requests: VecDeque<RecordedRequest>,
    pub(crate) received: u64,
    pub(crate) tasks: Tasks,
    pub(crate) shares: Shares,
    pub(crate) window: Window,
}

pub(crate) struct Service {
    pub(crate) settings: Settings,
    pub(crate) live: Mutex<ServiceState>,
    pub(crate) stopping: watch::Receiver<bool>,
}

impl Service {
    /// Locks the state. No code panics while it holds the lock, and even then the state would be consistent.
    pub(crate) fn live(&self) -> MutexGuard<'_, ServiceState> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> DateTime<Utc> {
        let (now, offset) = (Utc::now(), self.live().clock_offset);
        now.checked_add_signed(offset).unwrap_or(now)
    }

    /// The time for the Date header of the reply to this request.
    fn date(&self, number: u64) -> DateTime<Utc> {
        let now = self.now();
        let stamped = self.settings.stamped_date.filter(|stamped| number.is_multiple_of(stamped.every.get()));
        stamped.and_then(|stamped| now.checked_add_signed(stamped.offset)).unwrap_or(now)
    }

    /// Records a request. Returns its number, from 1, and the fault queued for it.
    fn receive(&self, received: &Received) -> (u64, Option<Fault>) {
        let request = RecordedRequest::new(&received.parts, received.body.clone());
        let mut live = self.live();
        live.received += 1;
        if live.requests.len() == self.settings.record {
            live.requests.pop_front();
        }
        if self.settings.record > 0 {
            live.requests.push_back(request);
        }
        let operation = Operation::of(&received.parts, &self.settings.path_prefix).ok();
        let index = live.faults.iter().position(|(only, _)| only.is_none() || *only == operation);
        let fault = index.and_then(|index| live.faults.remove(index)).map(|(_, fault)| fault);
        (live.received, fault)
    }

    fn process(&self, received: &Received) -> Answer {
        if !received.is_complete {
            return Answer::gateway(413, "APIGW.0201", "Request entity too large");
        }
        let answer = self.check(&received.parts, &received.body);
        answer.unwrap_or_else(|refusal| refusal)
    }

    /// Checks the rules in order, then carries out the operation.
    ///
    /// # Errors
    /// The refusal to send.
    fn check(&self, parts: &Parts, body: &Bytes) -> Result<Answer, Answer> {
        if let Some((task_id, token)) = package::requested(parts) {
            return self.download(parts, task_id, token);
        }
        let operation = Operation::of(parts, &self.settings.path_prefix)?;
        if let Some(throttle) = &self.settings.throttle {
            self.live().window.admit(throttle, Instant::now())?;
        }
        let accepted = Arc::clone(&self.live().accepted);
        accepted.check(parts, body)?;
        check_query(operation, &parts.uri)?;
        if self.settings.strict {
            check_undocumented(&parts.headers)?;
        }
        let now = self.now();
        let caller = check_headers(parts, now)?;
        match operation {
            Operation::CreateBatchTask => self.create(caller, body, now),
            Operation::GetBatchTask => self.detail(body, now),
            Operation::GetShareInfo => {
                if !body.is_empty() {
                    return Err(invalid("body: the operation takes none"));
                }
                let short_url = short_url(&parts.uri, self.settings.strict)?;
                self.live().shares.info(&short_url)
            }
            Operation::VerifyExtractCode => {
                let request = VerifyExtractCode::parse(body, self.settings.strict).map_err(|why| invalid(&why))?;
                self.live().shares.verify(&request, now)
            }
            Operation::ListShareFiles => {
                let request = ListShareFiles::parse(body, self.settings.strict).map_err(|why| invalid(&why))?;
                self.live().shares.list(&request, now)
            }
        }
    }

    fn create(&self, caller: Caller, body: &Bytes, now: DateTime<Utc>) -> Result<Answer, Answer> {
        let checked = CreateTask::parse(body, self.settings.strict).map_err(|why| invalid(&why))?;
        self.check_share_access(checked.kdstoken.as_deref())?;
        self.live().shares.check_access(&checked.share_id, checked.kdstoken.as_deref(), now)?;
        self.live().shares.check_files(&checked)?;
        let schedule = Arc::clone(&self.live().schedule);
        let task = Task::new(checked, caller, body.clone(), schedule, now);
        let (id, made) = {
            let tasks = &mut self.live().tasks;
            (tasks.add(task, self.settings.record), tasks.len() as u64)
        };
        let code = self.settings.create_code.success();
        let answer = Answer::json(200, &json!({"code": code, "msg": "Success", "taskId": id}));
        let is_lost = self.settings.lose_reply_every.is_some_and(|every| made.is_multiple_of(every.get()));
        Ok(if is_lost { answer.lost() } else { answer })
    }

    fn detail(&self, body: &Bytes, now: DateTime<Utc>) -> Result<Answer, Answer> {
        let request = TaskDetail::parse(body, self.settings.strict).map_err(|why| invalid(&why))?;
        self.check_share_access(request.kdstoken.as_deref())?;
        self.live().shares.check_access(&request.share_id, request.kdstoken.as_deref(), now)?;
        let Settings { edition, origin, .. } = &self.settings;
        let mut live = self.live();
        let task = live.tasks.find(&request.task_id, &request.share_id);
        task.map(|task| task.detail(*edition, origin, now)).ok_or_else(|| HiddenTask::DoesNotExist.answer(*edition))
    }

    fn download(&self, parts: &Parts, task_id: &str, token: &str) -> Result<Answer, Answer> {
        package::check(parts)?;
        let mut live = self.live();
        let ServiceState { tasks, shares, package, downloads, .. } = &mut *live;
        let request = tasks.admit(task_id, token, package)?;
        let names = shares.names_in_package(&request);
        let n = *downloads;
        *downloads += 1;
        let package = Arc::clone(package);
        drop(live);
        Ok(package.serve(parts, task_id, names, n))
    }

    fn check_share_access(&self, kdstoken: Option<&str>) -> Result<(), Answer> {
        match self.settings.kdstoken.as_deref() {
            Some(expected) if kdstoken != Some(expected) => {
                Err(Answer::service(400, "13000410", "the user may not operate on this space"))
            }
            _ => Ok(()),
        }
    }
}

/// A request with its body, which is empty unless it arrived whole.
struct Received {
    parts: Parts,
    body: Bytes,
    is_complete: bool,
}

/// Answers one request.
pub(crate) async fn handle(
    State(service): State<Arc<Service>>,
    ConnectInfo(allowance): ConnectInfo<Allowance>,
    request: Request,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, BODY_LIMIT).await;
    let received = Received {
        parts,
        // The body is copied, so that a recorded one doesn't keep a larger read buffer in memory.
        body: Bytes::copy_from_slice(body.as_deref().unwrap_or_default()),
        is_complete: body.is_ok(),
    };
    let (number, fault) = service.receive(&received);
    let watched = service.settings.on_answer.is_some().then(|| received.parts.clone());
    let answer = match fault {
        None => service.process(&received),
        Some(Fault::Reply(answer)) => answer,
        Some(Fault::ReplyAfterProcessing(answer)) => {
            drop(service.process(&received));
            answer
        }
        Some(Fault::CloseAfterProcessing) => service.process(&received).lost(),
        Some(Fault::CutAnswer { after }) => service.process(&received).cut_after(after),
        Some(Fault::Delay(duration)) => delay(duration, Arc::clone(&service), received).await,
    };
    let hold = service.settings.delay_creations.filter(|_| answer.task_id().is_some());
    if let (Some(report), Some(parts)) = (&service.settings.on_answer, &watched) {
        report(&Answered::new(parts, &answer, hold.is_some()));
    }
    if let Some(hold) = hold {
        tokio::time::sleep(hold).await;
    }
    if let Some(limit) = answer.limit {
        allowance.set(limit);
    }
    let request_id = format!("{:016x}{number:016x}", service.settings.request_id_seed);
    answer.into_response(service.date(number), &request_id)
}

/// Waits, then processes the request, in a tokio task of its own: a caller that hangs up meanwhile ends the handler,
/// but must not end this.
async fn delay(duration: Duration, service: Arc<Service>, received: Received) -> Answer {
    let delayed = tokio::spawn(async move {
        let mut stopping = service.stopping.clone();
        tokio::select! {
            () = tokio::time::sleep(duration) => service.process(&received),
            // The connection is closing, so no answer arrives.
            _ = stopping.wait_for(|stop| *stop) => Answer::new(503),
        }
    });
    delayed.await.unwrap_or_else(|_| Answer::new(503))
}

/// Keeps the server's clock within the years that its formats can write.
pub(crate) fn clamp(offset: TimeDelta) -> TimeDelta {
    let century = TimeDelta::days(36_500);
    offset.clamp(-century, century)
}
