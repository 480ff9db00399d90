//! What the chunks of a run share, and how one is sent.

use std::{
    io,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures_util::FutureExt;
use tokio::{
    sync::{oneshot, watch},
    task::spawn_blocking,
};
use tracing::Instrument;

use super::{
    chunk::Chunk,
    item::BulkItem,
    ledger::{Header, Ledger, LedgerError, Line, Record, State},
    policy::{AfterUnknown, BulkPolicy},
    task_ids::TaskIds,
};
use crate::{
    client::Client,
    credentials::KdsToken,
    error::{Error, ErrorKind, Outcome, ReplyDetails},
    redact::{sanitize_for_display, sanitize_message},
    runtime::joined,
    share_task::{ShareTask, ShareTaskBuilder},
    task::handle::TaskHandle,
    trace_id::TraceId,
};

pub(super) struct Run {
    pub(super) client: Client,
    pub(super) task: ShareTaskBuilder,
    pub(super) policy: BulkPolicy,
    pub(super) progress: watch::Sender<Progress>,
    task_ids: Mutex<TaskIds>,
}

#[derive(Default)]
pub(super) struct Progress {
    pub(super) stop: Option<Stop>,
    /// Every file id has been read.
    pub(super) exhausted: bool,
    /// How many file ids have been attempted, and in how many chunks.
    pub(super) attempted: u64,
    pub(super) chunks: u64,
}

/// Why no further chunk is begun.
pub(super) enum Stop {
    Unknown,
    Asked,
    Access,
    Ledger(LedgerError),
}

impl Run {
    pub(super) fn new(client: Client, task: ShareTaskBuilder, policy: BulkPolicy) -> Self {
        let progress = watch::Sender::default();
        Self { client, task, policy, progress, task_ids: Mutex::default() }
    }

    /// Begins no further chunk. The first reason counts, unless the ledger is at stake.
    pub(super) fn stop(&self, stop: Stop) {
        self.progress.send_modify(|progress| {
            if progress.stop.is_none() || matches!(stop, Stop::Ledger(_)) {
                progress.stop = Some(stop);
            }
        });
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.progress.borrow().stop.is_some()
    }

    pub(super) fn task_ids(&self) -> MutexGuard<'_, TaskIds> {
        self.task_ids.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A text of the ledger, which may have been tampered with.
    pub(super) fn shown(&self, text: &str) -> String {
        let mut secrets = self.client.secrets();
        secrets.extend(self.task.body().kdstoken.as_ref().map(KdsToken::expose));
        sanitize_message(text, &secrets)
    }

    pub(super) fn zip_name(&self, chunk: &Chunk) -> Option<String> {
        chunk.zip_name(self.task.body(), self.policy.split_packages)
    }

    pub(super) fn header(&self) -> Header {
        Header::new(&self.client, &self.task, self.policy.split_packages)
    }
}

/// A chunk that is about to be sent.
#[derive(Clone)]
pub(super) struct Request {
    pub(super) chunk: Chunk,
    pub(super) trace_id: TraceId,
    pub(super) unknown_before: Vec<TraceId>,
    pub(super) zip_name: Option<String>,
}

impl Request {
    pub(super) fn record(&self, state: State) -> Record {
        let (trace_id, unknown_before) = (self.trace_id.clone(), self.unknown_before.clone());
        self.chunk.record(trace_id, state, unknown_before)
    }

    /// What became of the chunk. A resent one that failed may have been made by an earlier request.
    pub(super) fn item(self, result: Result<TaskHandle, Error>) -> BulkItem {
        let result = result.map_err(|error| error.after_unknown(&self.unknown_before));
        BulkItem {
            index: self.chunk.index,
            range: self.chunk.range,
            trace_id: self.trace_id,
            zip_name: self.zip_name,
            from_ledger: false,
            result,
        }
    }

    /// Begins the chunk in a task of its own: writes its line, then sends it, even if nobody waits for that. A chunk whose
    /// `task` breaks a rule is not sent.
    ///
    /// Gives what becomes of it, or nothing if the run was stopped before it was sent.
    pub(super) async fn begin(
        self,
        run: Arc<Run>,
        task: Result<ShareTask, Error>,
        ledger: Option<SharedLedger>,
    ) -> Result<Option<impl Future<Output = BulkItem> + Send + 'static>, LedgerError> {
        let (begun, is_begun) = oneshot::channel();
        let (has_ledger, outcome) = (ledger.is_some(), Unsettled { run, is_settled: task.is_err() });
        let sent = tokio::spawn(self.clone().send(outcome, task, ledger, begun).in_current_span());
        // Without a ledger there is nothing to wait for.
        if has_ledger && !is_begun.await.unwrap_or(Ok(true))? {
            return Ok(None);
        }
        Ok(Some(sent.map(move |sent| {
            // A runtime that shuts down lets go of requests half-way.
            let lost = || Err(Error::new(ErrorKind::Lost, self.trace_id.clone()));
            let result = joined(sent).flatten().unwrap_or_else(lost);
            self.item(result)
        })))
    }

    /// Writes the line that the request waits for. False if the run was stopped meanwhile: it looks right before the line
    /// and right before the request.
    async fn write_before(&self, state: State, run: &Arc<Run>, ledger: &SharedLedger) -> Result<bool, LedgerError> {
        let (line, stoppable) = (Line::Chunk(self.record(state)), run.clone());
        let write = move |ledger: &mut Ledger| {
            if stoppable.is_stopped() { Ok(false) } else { ledger.append_exclusively(&line).map(|()| true) }
        };
        let is_written = ledger.with(write).await?;
        if !is_written || !run.is_stopped() {
            return Ok(is_written);
        }
        let line = Line::Chunk(self.record(State::NotSent { error: "the run was stopped".to_owned() }));
        ledger.with(move |ledger| ledger.append(&line)).await.map(|()| false)
    }

    /// The error of a creation that was answered with the task of another chunk.
    fn repeated(&self, handle: &TaskHandle) -> Error {
        let task_id = sanitize_for_display(handle.task_id(), &[]);
        let repeated = format!("it names task {task_id}, which another chunk of this run has got");
        let mut error = Error::new(ErrorKind::Unreadable(repeated), self.trace_id.clone());
        error.0.attempts = 1;
        // The documented status of a creation.
        error.0.reply = Some(ReplyDetails { status: 200, task_id: Some(task_id), ..ReplyDetails::default() });
        error
    }

    /// Gives nothing if the run was stopped before it was sent, or the ledger failed.
    async fn send(
        self,
        mut outcome: Unsettled,
        task: Result<ShareTask, Error>,
        ledger: Option<SharedLedger>,
        begun: oneshot::Sender<Result<bool, LedgerError>>,
    ) -> Option<Result<TaskHandle, Error>> {
        let run = outcome.run.clone();
        if let Some(ledger) = &ledger {
            let state = task.as_ref().map_or_else(State::from, |_| State::Sending);
            let line = self.write_before(state, &run, ledger).await;
            let is_over = !matches!(line, Ok(true));
            outcome.is_settled |= is_over;
            let _ = begun.send(line);
            if is_over {
                return None;
            }
        }
        let task = match task {
            Ok(task) => task,
            Err(error) => return Some(Err(error)),
        };
        tracing::debug!(trace_id = %self.trace_id, ids = ?self.chunk.range, "sending");
        let result = run.client.create(&task).await.and_then(|handle| {
            let is_new = run.task_ids().note(handle.task_id(), self.chunk.index);
            if is_new { Ok(handle) } else { Err(self.repeated(&handle)) }
        });
        if task.body().kdstoken.is_some() && result.as_ref().is_err_and(Error::is_access_refused) {
            run.stop(Stop::Access);
        }
        outcome.is_settled = !result.as_ref().is_err_and(|error| error.outcome() == Outcome::Unknown);
        drop(outcome);
        if let Some(ledger) = ledger {
            let line = Line::Chunk(self.record((&result).into()));
            let written = ledger.with(move |ledger| ledger.append(&line)).await;
            if let Err(failure) = written {
                run.stop(Stop::Ledger(failure));
            }
        }
        Some(result)
    }
}

/// The outcome of a request. One that is unknown when this is dropped stops the run, if its policy says so: also that of a
/// request that a runtime lets go of, before anyone can begin another.
struct Unsettled {
    run: Arc<Run>,
    is_settled: bool,
}

impl Drop for Unsettled {
    fn drop(&mut self) {
        if !self.is_settled && self.run.policy.after_unknown == AfterUnknown::Stop {
            self.run.stop(Stop::Unknown);
        }
    }
}

/// A ledger, used where waiting for the disk holds up no request.
#[derive(Clone)]
pub(super) struct SharedLedger(Arc<Mutex<Ledger>>);

impl SharedLedger {
    pub(super) async fn open(path: PathBuf, header: Header) -> Result<Self, LedgerError> {
        let ledger = off_thread(move || Ledger::open(&path, header)).await?;
        Ok(Self(Arc::new(Mutex::new(ledger))))
    }

    pub(super) async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Ledger) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, LedgerError> {
        let Self(ledger) = self.clone();
        off_thread(move || work(&mut ledger.lock().unwrap_or_else(PoisonError::into_inner))).await
    }
}

async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, LedgerError> + Send + 'static,
) -> Result<T, LedgerError> {
    let shut_down = || Err(io::Error::other("the runtime was shut down").into());
    joined(spawn_blocking(work).await).unwrap_or_else(shut_down)
}
