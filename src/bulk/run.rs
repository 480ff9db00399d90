//! What the chunks of a run share, and how one is sent.

use std::{
    io,
    ops::Range,
    path::PathBuf,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures_util::{
    FutureExt,
    future::{Either, select},
};
use tokio::{
    sync::{oneshot, watch},
    task::spawn_blocking,
};
use tracing::Instrument;

use super::{
    chunk::Chunk,
    error::BulkErrorKind,
    gate::{Gate, Pass},
    item::BulkItem,
    ledger::{Header, Ledger, LedgerFault, Line, State, line::LedgerChunk},
    patience::{Decision, Sign},
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
    pub(super) gate: Gate,
    task_ids: Mutex<TaskIds>,
}

#[derive(Default)]
pub(super) struct Progress {
    pub(super) stop: Option<BulkErrorKind>,
    /// Every file id has been read.
    pub(super) exhausted: bool,
    /// How many file ids have been attempted, and in how many chunks.
    pub(super) attempted: u64,
    pub(super) chunks: u64,
    /// The stream was dropped: nobody waits for the end of a pause.
    pub(super) is_dropped: bool,
    /// Tasks that the ledger lacks.
    pub(super) unwritten: Vec<String>,
}

impl Run {
    pub(super) fn new(client: Client, task: ShareTaskBuilder, policy: BulkPolicy) -> Self {
        let (progress, gate) = (watch::Sender::default(), Gate::new(&policy));
        Self { client, task, policy, progress, gate, task_ids: Mutex::default() }
    }

    /// Begins no further chunk. The first reason counts, unless the ledger is at stake.
    pub(super) fn stop(&self, why: BulkErrorKind) {
        self.progress.send_modify(|progress| {
            let stays = progress.stop.as_ref().is_some_and(|first| first.is_ledger() || !why.is_ledger());
            if !stays {
                progress.stop = Some(why);
            }
        });
    }

    /// What a future gives, or nothing once the run is stopped or dropped, which goes first.
    pub(super) async fn unless_over<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        let mut progress = self.progress.subscribe();
        let over = progress.wait_for(|progress| progress.stop.is_some() || progress.is_dropped);
        match select(pin!(over.map(drop)), pin!(future)).await {
            Either::Left(_) => None,
            Either::Right((output, _)) => Some(output),
        }
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
    pub(super) fn record(&self, state: State) -> LedgerChunk {
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

    /// Begins the chunk in a task of its own: writes its line and sends it, even if nobody waits for that.
    ///
    /// Gives what becomes of it, or nothing if the run was stopped before it was sent.
    pub(super) async fn begin(
        self,
        run: Arc<Run>,
        task: ShareTask,
        ledger: Option<SharedLedger>,
    ) -> Option<impl Future<Output = BulkItem> + Send + 'static> {
        let pass = run.gate.try_admit();
        // With neither a ledger nor a pause there is nothing to wait for.
        let may_be_stopped = ledger.is_some() || pass.is_none();
        let (begun, is_begun) = oneshot::channel();
        let outcome = Unsettled { run, is_settled: pass.is_none() };
        let sent = tokio::spawn(self.clone().send(outcome, task, ledger, pass, begun).in_current_span());
        if may_be_stopped && !is_begun.await.unwrap_or(true) {
            return None;
        }
        Some(sent.map(move |sent| {
            // A runtime that shuts down lets go of requests half-way.
            let lost = || Err(Error::new(ErrorKind::Lost, self.trace_id.clone()));
            let result = joined(sent).flatten().unwrap_or_else(lost);
            self.item(result)
        }))
    }

    /// Writes the line that the request waits for. False if the ledger failed or the run was stopped meanwhile: it looks
    /// right before the line and right before the request.
    async fn write_before(&self, run: &Arc<Run>, ledger: &SharedLedger) -> bool {
        let (line, stoppable) = (Line::Chunk(self.record(State::Sending)), run.clone());
        let written = ledger.with(move |ledger| {
            if stoppable.is_stopped() { Ok(false) } else { ledger.append_exclusively(&line).map(|()| true) }
        });
        let is_written = written.await.unwrap_or_else(|failure| {
            run.stop(BulkErrorKind::Ledger(failure));
            false
        });
        if is_written && run.is_stopped() {
            let state = State::NotSent { error: "the run was stopped".to_owned() };
            self.write_after(state, run, ledger).await;
            return false;
        }
        is_written
    }

    async fn write_after(&self, state: State, run: &Run, ledger: &SharedLedger) {
        let Range { start, end } = self.chunk.range;
        let unwritten = match &state {
            State::Accepted { task } => Some(format!("task {} of ids {start}..{end}", shown(task.task_id()))),
            State::Sending | State::Rejected { .. } | State::NotSent { .. } | State::Unknown { .. } => None,
        };
        let line = Line::Chunk(self.record(state));
        if let Err(failure) = ledger.with(move |ledger| ledger.append(&line)).await {
            run.stop(BulkErrorKind::Ledger(failure));
            run.progress.send_modify(|progress| progress.unwritten.extend(unwritten));
        }
    }

    /// The error of a creation that was answered with the task of another chunk.
    fn repeated(&self, handle: &TaskHandle) -> Error {
        let task_id = shown(handle.task_id());
        let repeated = format!("it names task {task_id}, which another chunk of this run has got");
        let mut error = Error::new(ErrorKind::Unreadable(repeated), self.trace_id.clone());
        error.0.attempts = 1;
        // The documented status of a creation.
        error.0.reply = Some(ReplyDetails { status: 200, task_id: Some(task_id), ..ReplyDetails::default() });
        error
    }

    /// Sends the chunk, again after each pause that it runs into.
    ///
    /// Gives what the last request came to, or nothing if none was sent.
    async fn send(
        self,
        mut outcome: Unsettled,
        task: ShareTask,
        ledger: Option<SharedLedger>,
        mut pass: Option<Pass>,
        begun: oneshot::Sender<bool>,
    ) -> Option<Result<TaskHandle, Error>> {
        let (run, mut begun, mut refused) = (outcome.run.clone(), Some(begun), None);
        loop {
            if pass.is_none() {
                pass = run.unless_over(run.gate.admit()).await;
            }
            outcome.is_settled = pass.is_none();
            if let (Some(_), Some(ledger)) = (&pass, &ledger)
                && !self.write_before(&run, ledger).await
            {
                (pass, outcome.is_settled) = (None, true);
            }
            if let Some(begun) = begun.take() {
                let _ = begun.send(pass.is_some());
            }
            let Some(leave) = pass.take() else { return refused };
            tracing::debug!(trace_id = %self.trace_id, ids = ?self.chunk.range, "sending");
            let result = run.client.create(&task).await.and_then(|handle| {
                let is_new = run.task_ids().note(handle.task_id(), self.chunk.index);
                if is_new { Ok(handle) } else { Err(self.repeated(&handle)) }
            });
            if task.body().kdstoken.is_some() && result.as_ref().is_err_and(Error::is_access_refused) {
                run.stop(BulkErrorKind::Access);
            }
            outcome.settle(&result);
            let (decision, is_pause) = run.gate.settle(&leave, Sign::of(&result));
            if let Decision::End(why) = decision {
                run.stop(BulkErrorKind::Impatience(why));
            }
            if let Some(ledger) = &ledger {
                self.write_after((&result).into(), &run, ledger).await;
            }
            let (Decision::Pause(wait), Err(error)) = (decision, &result) else { return Some(result) };
            if let (true, Some(tell)) = (is_pause, &run.policy.on_pause) {
                tell.0(wait, error);
            }
            refused = Some(result);
        }
    }
}

/// The outcome of a request. One that is unknown when this is dropped stops the run, if its policy says so: also that of a
/// request that a runtime lets go of, before anyone can begin another.
struct Unsettled {
    run: Arc<Run>,
    is_settled: bool,
}

impl Unsettled {
    /// Stops the run if a request left its outcome unknown and the policy says so.
    fn settle(&mut self, result: &Result<TaskHandle, Error>) {
        if result.as_ref().is_err_and(|error| error.outcome() == Outcome::Unknown) {
            self.stop();
        }
        self.is_settled = true;
    }

    fn stop(&self) {
        if self.run.policy.after_unknown == AfterUnknown::Stop {
            self.run.stop(BulkErrorKind::Unknown);
        }
    }
}

impl Drop for Unsettled {
    fn drop(&mut self) {
        if !self.is_settled {
            self.stop();
        }
    }
}

fn shown(task_id: &str) -> String {
    sanitize_for_display(task_id, &[])
}

/// A ledger, used where waiting for the disk holds up no request.
#[derive(Clone)]
pub(super) struct SharedLedger(Arc<Mutex<Ledger>>);

impl SharedLedger {
    pub(super) async fn open(path: PathBuf, header: Header) -> Result<Self, LedgerFault> {
        let ledger = off_thread(move || Ledger::open(&path, header)).await?;
        Ok(Self(Arc::new(Mutex::new(ledger))))
    }

    pub(super) async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Ledger) -> Result<T, LedgerFault> + Send + 'static,
    ) -> Result<T, LedgerFault> {
        let Self(ledger) = self.clone();
        off_thread(move || work(&mut ledger.lock().unwrap_or_else(PoisonError::into_inner))).await
    }
}

async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, LedgerFault> + Send + 'static,
) -> Result<T, LedgerFault> {
    let shut_down = || Err(io::Error::other("the runtime was shut down").into());
    joined(spawn_blocking(work).await).unwrap_or_else(shut_down)
}
