//! The part of a run that reads file ids, compares them with the ledger, and begins their chunks.

use std::{mem, sync::Arc};

use futures_util::{FutureExt, future};

use super::{
    error::BulkErrorKind,
    file_ids::FileIds,
    item::BulkItem,
    ledger::{LedgerChunk, State, digest},
    run::{PendingItem, Request, Run, SharedLedger},
};
use crate::{
    error::{Effect, Error, ErrorKind, MAY_BE_DONE},
    rules::{self, Rule},
    share_task::{MAX_FILE_IDS, TaskType},
    trace_id::TraceId,
};

/// Begins chunks, one after the other.
pub(super) struct ChunkProducer<'a> {
    run: Arc<Run>,
    file_ids: FileIds<'a>,
    /// The ids of the next chunk that were read so far.
    chunk: Vec<String>,
    /// None before the first poll, or if the policy names no ledger.
    ledger: Option<SharedLedger>,
}

impl<'a> ChunkProducer<'a> {
    pub(super) fn new(run: Arc<Run>, file_ids: FileIds<'a>) -> Self {
        Self { run, file_ids, chunk: Vec::new(), ledger: None }
    }

    /// Begins the next chunk. Returns `None` once all ids have been attempted or the run was stopped.
    pub(super) async fn next(&mut self) -> Result<Option<PendingItem>, BulkErrorKind> {
        if let (Some(path), None) = (&self.run.policy.ledger, &self.ledger) {
            self.ledger = Some(SharedLedger::open(path.clone(), self.run.clone()).await?);
        }
        let run = self.run.clone();
        // A stop must take effect even while the source of the ids makes the run wait.
        match run.until_stopped(self.read()).await.transpose()? {
            Some(file_ids) if file_ids.is_empty() => self.finish().await.map(|()| None),
            Some(file_ids) => self.begin(file_ids).await,
            None => {
                // Check without waiting whether the input is exhausted.
                let read = self.file_ids.fill(&mut self.chunk, 1).now_or_never();
                if matches!(read, Some(Ok(()))) && self.chunk.is_empty() {
                    self.finish().await?;
                }
                Ok(None)
            }
        }
    }

    /// Reads the ids of the next chunk. An empty list is the end of the input.
    async fn read(&mut self) -> Result<Vec<String>, BulkErrorKind> {
        let is_package = self.run.task.body().task_type == TaskType::PackageDownload;
        let needs_consent = is_package && !self.run.policy.split_packages;
        // One id more than a package can hold shows that the package would have to be split.
        let limit = MAX_FILE_IDS + usize::from(needs_consent);
        self.file_ids.fill(&mut self.chunk, limit).await.map_err(BulkErrorKind::Input)?;
        if self.chunk.len() > MAX_FILE_IDS {
            return Err(violation(rules::SPLIT_CONSENT, "more", "give fewer, or consent to several packages"));
        }
        Ok(mem::replace(&mut self.chunk, Vec::with_capacity(MAX_FILE_IDS)))
    }

    /// Records that all ids have been attempted, and compares their number with the ledger.
    async fn finish(&mut self) -> Result<(), BulkErrorKind> {
        let attempted = self.run.progress.borrow().attempted;
        if let Some(ledger) = &self.ledger {
            ledger.with(move |ledger| ledger.finish(attempted)).await?;
        }
        if attempted == 0 {
            return Err(violation(rules::FILE_IDS_COUNT, "none", "check where they come from"));
        }
        self.run.progress.send_modify(|progress| progress.exhausted = true);
        Ok(())
    }

    /// Begins a chunk, or takes its item from the ledger. Returns `None` if the run was stopped before the request.
    async fn begin(&mut self, file_ids: Vec<String>) -> Result<Option<PendingItem>, BulkErrorKind> {
        let start = self.run.progress.borrow().attempted;
        let end = start + file_ids.len() as u64;
        let mut chunk = LedgerChunk {
            index: start / MAX_FILE_IDS as u64,
            start,
            end,
            file_ids_sha256: String::new(),
            trace_id: TraceId::random(),
            unknown_before: Vec::new(),
            state: State::Sending,
        };
        let mut from_ledger = None;
        if let Some(ledger) = &self.ledger {
            chunk.file_ids_sha256 = digest(&file_ids).map_err(|error| BulkErrorKind::Input(error.into()))?;
            let looked_up = chunk.clone();
            if let Some(earlier) = ledger.with(move |ledger| ledger.look_up(&looked_up)).await? {
                chunk.unknown_before = earlier.unsettled();
                from_ledger = self.item_from_ledger(chunk.clone(), earlier.state);
            }
        }
        let item = match from_ledger {
            Some(item) => Some(future::ok(item).boxed()),
            None => Request { run: self.run.clone(), ledger: self.ledger.clone(), chunk }.begin(file_ids).await,
        };
        if item.is_some() {
            self.run.progress.send_modify(|progress| progress.attempted = end);
        }
        Ok(item)
    }

    /// Returns an item if the chunk must not be sent: the ledger has its task, or an unknown outcome without consent to
    /// resend.
    fn item_from_ledger(&self, mut chunk: LedgerChunk, state: State) -> Option<BulkItem> {
        let result = match (state, chunk.unknown_before.pop()) {
            (State::Accepted { task: mut handle }, _) => {
                handle.kdstoken.clone_from(&self.run.task.body().kdstoken);
                chunk.trace_id = handle.trace_id().clone();
                Ok(handle)
            }
            (state, Some(unknown)) if !self.run.policy.resend_unknown => {
                let mut error = Error::new(ErrorKind::Interrupted, Effect::CreatesTask, unknown.clone());
                if let State::Unknown { error: seen } = state {
                    let seen = seen.split(MAY_BE_DONE).next().unwrap_or_default();
                    error.0.notes.push(format!("that run saw: {}", self.run.shown(seen)));
                }
                chunk.trace_id = unknown;
                Err(error)
            }
            _ => return None,
        };
        Some(BulkItem { from_ledger: true, ..self.run.item(chunk, result) })
    }
}

/// A broken rule about the number of file ids.
fn violation(rule: Rule, actual: &str, advice: &'static str) -> BulkErrorKind {
    BulkErrorKind::Validation(rule.at("$.fileIds").given(actual).advise(advice).into())
}
