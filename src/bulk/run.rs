//! The state that the chunks of a run share, and the sending of a chunk.

use std::{
    io, mem,
    path::PathBuf,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures_util::{
    FutureExt,
    future::{self, BoxFuture, Either, select},
};
use tokio::sync::{oneshot, watch};
use tracing::Instrument;

use super::{
    error::BulkErrorKind,
    gate::{Gate, Permit},
    item::BulkItem,
    ledger::{Header, Ledger, LedgerChunk, LedgerFault, Line, State},
    policy::{AfterUnknown, BulkPolicy},
    task_ids::TaskIds,
    zip_name::numbered,
};
use crate::{
    client::Client,
    credentials::RequestSecret,
    error::{Effect, Error, ErrorKind, Outcome, ReplyDetails},
    generated::types::CreateBatchTaskRequest,
    patience::{Decision, Signal},
    redact::sanitize_message,
    runtime::{SHUT_DOWN, joined, run_blocking},
    share_task::{ShareTask, ShareTaskBuilder, TaskType},
    task::handle::TaskHandle,
};

/// The future item of a chunk that was begun.
pub(super) type PendingItem = BoxFuture<'static, Result<BulkItem, BulkErrorKind>>;

/// The result of a request.
type CreateResult = Result<TaskHandle, Error>;

pub(super) struct Run {
    client: Client,
    pub(super) task: ShareTaskBuilder,
    pub(super) policy: BulkPolicy,
    pub(super) progress: watch::Sender<Progress>,
    gate: Gate,
    task_ids: Mutex<TaskIds>,
}

#[derive(Default)]
pub(super) struct Progress {
    pub(super) stop: Option<BulkErrorKind>,
    /// Whether every file id has been read.
    pub(super) exhausted: bool,
    /// The number of file ids that have been attempted.
    pub(super) attempted: u64,
    /// Whether the stream was dropped. Requests that wait for the end of a pause or for the rate are then not sent.
    pub(super) is_dropped: bool,
    /// Tasks that the ledger lacks.
    pub(super) unwritten: Vec<String>,
}

impl Run {
    pub(super) fn new(client: Client, task: ShareTaskBuilder, policy: BulkPolicy) -> Self {
        let gate = Gate::new(&policy);
        Self { client, task, policy, progress: watch::Sender::default(), gate, task_ids: Mutex::default() }
    }

    /// Stops the run: no further chunk is begun. The first reason is kept, unless a later one is a ledger failure.
    pub(super) fn stop(&self, why: BulkErrorKind) {
        self.progress.send_modify(|progress| {
            if progress.stop.as_ref().is_none_or(|first| why.is_ledger() && !first.is_ledger()) {
                progress.stop = Some(why);
            }
        });
    }

    fn stop_after_unknown(&self) {
        if self.policy.after_unknown == AfterUnknown::Stop {
            self.stop(BulkErrorKind::Unknown);
        }
    }

    /// Awaits a future. Returns `None` if the run is stopped or dropped first, or at the same time.
    pub(super) async fn until_stopped<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        let mut progress = self.progress.subscribe();
        let over = progress.wait_for(|progress| progress.stop.is_some() || progress.is_dropped);
        match select(pin!(over.map(drop)), pin!(future)).await {
            Either::Left(_) => None,
            Either::Right((output, _)) => Some(output),
        }
    }

    fn is_stopped(&self) -> bool {
        self.progress.borrow().stop.is_some()
    }

    fn task_ids(&self) -> MutexGuard<'_, TaskIds> {
        self.task_ids.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Redacts and escapes a text from the service or from a ledger, which may have been tampered with.
    pub(super) fn shown(&self, text: &str) -> String {
        sanitize_message(text, &self.secrets())
    }

    fn secrets(&self) -> Vec<&str> {
        let mut secrets = self.client.secrets();
        secrets.extend(self.task.body().kdstoken.as_ref().map(RequestSecret::expose));
        secrets
    }

    /// Returns the name of a chunk's package, numbered if packages are split.
    fn zip_name(&self, chunk: &LedgerChunk) -> Option<String> {
        let CreateBatchTaskRequest { task_type, zip_name, .. } = self.task.body();
        let is_split = self.policy.split_packages && *task_type == TaskType::PackageDownload;
        zip_name.as_ref().map(|name| if is_split { numbered(name, chunk.index + 1) } else { name.clone() })
    }

    /// Makes the item of a chunk. If an earlier run left the outcome unknown, an error leaves it unknown, too: the
    /// earlier request may have created the task.
    pub(super) fn item(&self, chunk: LedgerChunk, result: CreateResult) -> BulkItem {
        let result = result.map_err(|error| error.after_unknown(&chunk.unknown_before));
        let zip_name = self.zip_name(&chunk);
        BulkItem { range: chunk.range(), trace_id: chunk.trace_id, zip_name, from_ledger: false, result }
    }
}

/// A chunk whose request is being sent; its state is `Sending`.
pub(super) struct Request {
    pub(super) run: Arc<Run>,
    pub(super) ledger: Option<SharedLedger>,
    pub(super) chunk: LedgerChunk,
}

impl Request {
    /// Begins the chunk in a tokio task of its own, which writes its line and sends it even if nothing awaits the item.
    ///
    /// Returns the future item, or `None` if the run was stopped before the request was sent.
    pub(super) async fn begin(self, file_ids: Vec<String>) -> Option<PendingItem> {
        let (run, chunk) = (self.run.clone(), self.chunk.clone());
        let task = run.task.clone().zip_name(run.zip_name(&chunk)).file_ids(file_ids).trace_id(chunk.trace_id.clone());
        let task = match task.build() {
            Ok(task) => task,
            Err(broken) => {
                let error = Error::new(ErrorKind::Validation(broken), Effect::CreatesTask, chunk.trace_id.clone());
                self.write_after(State::of(Err(&error))).await;
                return Some(future::ok(run.item(chunk, Err(error))).boxed());
            }
        };
        let permit = run.gate.admit().now_or_never();
        // With a permit and without a ledger, the task sends the request at once, so only the other cases need a wait.
        let (has_ledger, needs_permit) = (self.ledger.is_some(), permit.is_none());
        let (begun, is_begun) = oneshot::channel();
        let request = tokio::spawn(self.send(task, permit, begun).in_current_span());
        let is_begun = if has_ledger || needs_permit { is_begun.await } else { Ok(true) };
        match is_begun {
            Ok(false) => return None,
            // The runtime was shut down, and the line may or may not be in the file, so no other line may follow it.
            Err(_) if has_ledger => {
                run.stop(BulkErrorKind::Ledger(io::Error::other(SHUT_DOWN).into()));
                return None;
            }
            Ok(true) | Err(_) => {}
        }
        let item = request.map(move |result| {
            // A runtime that shuts down cancels the task, and the request may have been sent by then.
            let result = joined(result).flatten().unwrap_or_else(|| {
                run.stop_after_unknown();
                let mut error = Error::new(ErrorKind::Lost, Effect::CreatesTask, chunk.trace_id.clone());
                error.0.source = Some(SHUT_DOWN.into());
                Err(error)
            });
            Ok(run.item(chunk, result))
        });
        Some(item.boxed())
    }

    /// Sends the chunk, and resends it after each pause that it runs into.
    ///
    /// Returns the result of the last request, or `None` if none was sent.
    async fn send(self, task: ShareTask, permit: Option<Permit>, begun: oneshot::Sender<bool>) -> Option<CreateResult> {
        let mut permit = self.admit(permit).await;
        let _ = begun.send(permit.is_some());
        let mut last = None;
        while let Some(used) = permit {
            let (result, is_paused) = self.attempt(&task, used).await;
            last = Some(result);
            permit = if is_paused { self.admit(None).await } else { None };
        }
        last
    }

    /// Waits for a permit, unless one is passed, and writes the ledger line that must precede the request.
    ///
    /// Returns `None` if the ledger failed, or the run was stopped or dropped during the wait. With a ledger, a stop is
    /// checked again right before the line is written and right before the request is sent.
    async fn admit(&self, permit: Option<Permit>) -> Option<Permit> {
        let run = &self.run;
        let permit = match permit {
            Some(permit) => permit,
            None => run.until_stopped(run.gate.admit()).await?,
        };
        let Some(ledger) = &self.ledger else { return Some(permit) };
        let (line, stoppable) = (Line::Chunk(self.chunk.clone()), run.clone());
        let written = ledger.with(move |ledger| {
            if stoppable.is_stopped() { Ok(false) } else { ledger.append_exclusively(&line).map(|()| true) }
        });
        let is_written = written.await.unwrap_or_else(|failure| {
            run.stop(BulkErrorKind::Ledger(failure));
            false
        });
        if is_written && run.is_stopped() {
            self.write_after(State::NotSent { error: "the run was stopped".to_owned() }).await;
            return None;
        }
        is_written.then_some(permit)
    }

    /// Sends the request and records its result. Returns the result, and whether to resend the request after a pause.
    async fn attempt(&self, task: &ShareTask, permit: Permit) -> (CreateResult, bool) {
        let run = &self.run;
        let result = self.create(task).await;
        if task.body().kdstoken.is_some() && result.as_ref().is_err_and(Error::is_access_refused) {
            run.stop(BulkErrorKind::Access);
        }
        let (decision, begins_pause) = run.gate.record(&permit, Signal::of(&result));
        if let Decision::End(why) = decision {
            run.stop(BulkErrorKind::GaveUp(why));
        }
        self.write_after(State::of(result.as_ref())).await;
        let (Decision::Pause(wait), Err(error)) = (decision, &result) else { return (result, false) };
        if begins_pause && let Some(on_pause) = &run.policy.on_pause {
            on_pause.0(wait, error);
        }
        (result, true)
    }

    /// Sends the request. If the outcome is unknown and the policy says so, stops the run before another chunk can
    /// begin. The outcome is also unknown if a runtime that shuts down cancels the request.
    async fn create(&self, task: &ShareTask) -> CreateResult {
        let Self { run, chunk, .. } = self;
        let guard = UnknownOnDrop(run);
        tracing::debug!(trace_id = %chunk.trace_id, ids = ?chunk.range(), "sending");
        let result = run.client.create(task).await.and_then(|handle| {
            let is_new = run.task_ids().note(handle.task_id(), chunk.index);
            if is_new { Ok(handle) } else { Err(self.repeated(&handle)) }
        });
        if !result.as_ref().is_err_and(|error| error.outcome() == Outcome::Unknown) {
            mem::forget(guard);
        }
        result
    }

    async fn write_after(&self, state: State) {
        let Some(ledger) = &self.ledger else { return };
        let (record, range) = (LedgerChunk { state, ..self.chunk.clone() }, self.chunk.range());
        let unwritten = record.task().map(|task| format!("task {} of ids {range:?}", self.run.shown(task.task_id())));
        let line = Line::Chunk(record);
        if let Err(failure) = ledger.with(move |ledger| ledger.append(&line)).await {
            // `InUse` is found after the line was written, so the ledger has this task.
            let unwritten = unwritten.filter(|_| !matches!(failure, LedgerFault::InUse));
            self.run.stop(BulkErrorKind::Ledger(failure));
            self.run.progress.send_modify(|progress| progress.unwritten.extend(unwritten));
        }
    }

    /// Returns the error for a reply that names the task of another chunk.
    fn repeated(&self, handle: &TaskHandle) -> Error {
        let task_id = self.run.shown(handle.task_id());
        let repeated = format!("it names task {task_id}, which another chunk of this run has got");
        let mut error = Error::new(ErrorKind::Unreadable(repeated), Effect::CreatesTask, self.chunk.trace_id.clone());
        error.0.attempts = 1;
        // The documented status of a successful creation is 200.
        error.0.reply = Some(ReplyDetails { status: 200, task_id: Some(task_id), ..ReplyDetails::default() });
        error
    }
}

/// A guard: if it is dropped, the outcome of the request is unknown.
struct UnknownOnDrop<'a>(&'a Run);

impl Drop for UnknownOnDrop<'_> {
    fn drop(&mut self) {
        self.0.stop_after_unknown();
    }
}

/// A ledger that is used on tokio's blocking threads alone, so that no thread that runs requests waits for the disk.
#[derive(Clone)]
pub(super) struct SharedLedger(Arc<Mutex<Ledger>>);

impl SharedLedger {
    /// Opens the ledger of a run, and takes its task ids over to the run.
    pub(super) async fn open(path: PathBuf, run: Arc<Run>) -> Result<Self, LedgerFault> {
        let open = move || {
            let header = Header::new(&run.client, &run.task, run.policy.split_packages);
            let mut ledger = Ledger::begin_or_resume(&path, header, &run.secrets())?;
            *run.task_ids() = mem::take(&mut ledger.task_ids);
            Ok(Self(Arc::new(Mutex::new(ledger))))
        };
        run_blocking(open).await
    }

    pub(super) async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Ledger) -> Result<T, LedgerFault> + Send + 'static,
    ) -> Result<T, LedgerFault> {
        let Self(ledger) = self.clone();
        run_blocking(move || work(&mut ledger.lock().unwrap_or_else(PoisonError::into_inner))).await
    }
}
