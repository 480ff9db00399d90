//! Reads file ids, compares them with the ledger, and begins their chunks.

use std::{mem, sync::Arc};

use futures_util::{
    FutureExt,
    future::{self, BoxFuture},
};

use super::{
    chunk::{self, Chunk},
    error::BulkErrorKind,
    file_ids::FileIds,
    item::BulkItem,
    ledger::{LedgerFault, Line, State, line::LedgerChunk},
    run::{Request, Run, SharedLedger},
};
use crate::{
    error::{Effect, Error, ErrorKind, MAY_BE_DONE},
    redact::sanitize_for_display,
    rules::{self, Rule},
    share_task::{MAX_FILE_IDS, TaskType},
    trace_id::TraceId,
    validation::Violation,
};

/// The item of a chunk that was begun.
pub(super) type PendingItem = BoxFuture<'static, Result<BulkItem, BulkErrorKind>>;

/// Begins chunks, one after the other.
pub(super) struct ChunkProducer<'a> {
    run: Arc<Run>,
    file_ids: FileIds<'a>,
    /// Ids that were read and not yet begun.
    chunk: Vec<String>,
    /// Opened by the first poll.
    ledger: Option<SharedLedger>,
}

impl<'a> ChunkProducer<'a> {
    pub(super) fn new(run: Arc<Run>, file_ids: FileIds<'a>) -> Self {
        Self { run, file_ids, chunk: Vec::new(), ledger: None }
    }

    /// Begins the next chunk; `None` once all ids were attempted or the run was stopped.
    pub(super) async fn next(&mut self) -> Result<Option<PendingItem>, BulkErrorKind> {
        if let (Some(path), None) = (&self.run.policy.ledger, &self.ledger) {
            let ledger = SharedLedger::open(path.clone(), self.run.clone()).await;
            self.ledger = Some(ledger.map_err(|error| match error {
                LedgerFault::OtherRun(difference) => {
                    LedgerFault::OtherRun(sanitize_for_display(&difference, &self.run.secrets()))
                }
                other => other,
            })?);
        }
        let run = self.run.clone();
        // Ids that are long in coming must not keep a run from stopping.
        match run.unless_over(self.read()).await.transpose()? {
            Some(file_ids) if file_ids.is_empty() => self.finish().await.map(|()| None),
            Some(file_ids) => self.begin(file_ids).await,
            // Whether there would have been more to do, as far as that is known at once.
            None if self.chunk.is_empty() && matches!(self.file_ids.next().now_or_never(), Some(Ok(None))) => {
                self.finish().await.map(|()| None)
            }
            None => Ok(None),
        }
    }

    /// The ids of the next chunk, none at the end.
    async fn read(&mut self) -> Result<Vec<String>, BulkErrorKind> {
        let filled = self.file_ids.fill(&mut self.chunk, MAX_FILE_IDS).await;
        filled.map_err(BulkErrorKind::Input)?;
        let is_package = self.run.task.body().task_type == TaskType::PackageDownload;
        let needs_consent = is_package && !self.run.policy.split_packages;
        if needs_consent && self.file_ids.next().await.map_err(BulkErrorKind::Input)?.is_some() {
            return Err(broken(rules::SPLIT_CONSENT, "more", "give fewer, or consent to several packages"));
        }
        Ok(mem::replace(&mut self.chunk, Vec::with_capacity(MAX_FILE_IDS)))
    }

    /// All ids have been attempted.
    async fn finish(&mut self) -> Result<(), BulkErrorKind> {
        let attempted = self.run.progress.borrow().attempted;
        if let Some(ledger) = &self.ledger {
            ledger.with(move |ledger| ledger.finish(attempted)).await?;
        }
        if attempted == 0 {
            return Err(broken(rules::FILE_IDS_COUNT, "none", "check where they come from"));
        }
        self.run.progress.send_modify(|progress| progress.exhausted = true);
        Ok(())
    }

    /// Begins a chunk, unless the ledger settles it; nothing if the run was stopped before.
    async fn begin(&mut self, file_ids: Vec<String>) -> Result<Option<PendingItem>, BulkErrorKind> {
        let start = self.run.progress.borrow().attempted;
        let end = start + file_ids.len() as u64;
        let mut chunk = Chunk {
            index: start / MAX_FILE_IDS as u64,
            range: start..end,
            file_ids_sha256: String::new(),
            trace_id: TraceId::random(),
            unknown_before: Vec::new(),
        };
        let mut settled = None;
        if let Some(ledger) = &self.ledger {
            chunk.file_ids_sha256 = chunk::digest(&file_ids).map_err(|error| BulkErrorKind::Input(error.into()))?;
            let looked_up = chunk.clone();
            if let Some(earlier) = ledger.with(move |ledger| ledger.look_up(&looked_up)).await? {
                chunk.unknown_before = earlier.unsettled();
                settled = self.settled(chunk.clone(), earlier.state);
            }
        }
        let item = match settled {
            Some(item) => Some(future::ok(item).boxed()),
            None => self.send(chunk, file_ids).await?,
        };
        if item.is_some() {
            self.run.progress.send_modify(|progress| progress.attempted = end);
        }
        Ok(item)
    }

    /// The item of a chunk that is not to be sent again.
    fn settled(&self, mut chunk: Chunk, state: State) -> Option<BulkItem> {
        let result = match (state, chunk.unknown_before.pop()) {
            (State::Accepted { task: mut handle }, _) => {
                handle.kdstoken.clone_from(&self.run.task.body().kdstoken);
                chunk.trace_id = handle.trace_id().clone();
                Ok(handle)
            }
            (state, Some(suspect)) if !self.run.policy.resend_unknown => {
                let mut error = Error::new(ErrorKind::Interrupted, Effect::CreatesTask, suspect.clone());
                if let State::Unknown { error: seen } = state {
                    let seen = seen.split(MAY_BE_DONE).next().unwrap_or_default();
                    error.0.note = Some(format!("that run saw: {}", self.run.shown(seen)));
                }
                chunk.trace_id = suspect;
                Err(error)
            }
            _ => return None,
        };
        Some(BulkItem { from_ledger: true, ..self.run.item(chunk, result) })
    }

    async fn send(&mut self, chunk: Chunk, file_ids: Vec<String>) -> Result<Option<PendingItem>, BulkErrorKind> {
        let (zip_name, trace_id) = (self.run.zip_name(&chunk), chunk.trace_id.clone());
        let task = match self.run.task.build_chunk(zip_name, file_ids, trace_id.clone()) {
            Ok(task) => task,
            Err(broken) => {
                let error = Error::new(ErrorKind::Validation(broken), Effect::CreatesTask, trace_id);
                if let Some(ledger) = &self.ledger {
                    let record = LedgerChunk { chunk: chunk.clone(), state: State::of(Err(&error)) };
                    ledger.with(move |ledger| ledger.append_exclusively(&Line::Chunk(record))).await?;
                }
                return Ok(Some(future::ok(self.run.item(chunk, Err(error))).boxed()));
            }
        };
        let request = Request { run: self.run.clone(), ledger: self.ledger.clone(), chunk, task };
        Ok(request.begin().await.map(|item| item.map(Ok).boxed()))
    }
}

/// A broken rule about the number of file ids.
fn broken(rule: Rule, actual: &str, advice: &'static str) -> BulkErrorKind {
    let violation = Violation::new("$.fileIds", rule, actual.to_owned(), advice);
    BulkErrorKind::Validation(violation.into())
}
