//! Reads file ids, compares them with the ledger, and begins their chunks.

use std::{mem, sync::Arc};

use futures_util::{
    FutureExt,
    future::{self, BoxFuture},
};

use super::{
    chunk::Chunk,
    error::{BulkErrorKind, OtherIds},
    file_ids::FileIds,
    item::BulkItem,
    ledger::{Line, State, line::LedgerChunk},
    run::{Progress, Request, Run, SharedLedger},
};
use crate::{
    error::{Error, ErrorKind},
    rules,
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
    pub(super) async fn next(mut self) -> Result<Option<(PendingItem, Self)>, BulkErrorKind> {
        let item = self.next_item().await?;
        Ok(item.map(|item| (item, self)))
    }

    async fn next_item(&mut self) -> Result<Option<PendingItem>, BulkErrorKind> {
        if let (Some(path), None) = (&self.run.policy.ledger, &self.ledger) {
            let ledger = SharedLedger::open(path.clone(), self.run.header()).await;
            let ledger = ledger.map_err(|error| error.shown(|text| self.run.shown(text)))?;
            let known = ledger.with(|ledger| Ok(mem::take(&mut ledger.task_ids))).await;
            *self.run.task_ids() = known?;
            self.ledger = Some(ledger);
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
            let broken = Violation {
                path: "$.fileIds".into(),
                rule: rules::SPLIT_CONSENT,
                actual: "more".into(),
                advice: "give fewer, or consent to several packages",
            };
            return Err(BulkErrorKind::Validation(broken.into()));
        }
        Ok(mem::replace(&mut self.chunk, Vec::with_capacity(MAX_FILE_IDS)))
    }

    /// All ids have been attempted: compares their number with the ledger's, and writes it there.
    async fn finish(&mut self) -> Result<(), BulkErrorKind> {
        let Progress { attempted, chunks, .. } = *self.run.progress.borrow();
        if let Some(ledger) = &self.ledger {
            let known = ledger.with(move |ledger| Ok((ledger.chunks_begun(), ledger.file_ids())));
            let (known_chunks, end) = known.await?;
            if known_chunks > chunks || end.is_some_and(|end| end > attempted) {
                return Err(BulkErrorKind::OtherIds(OtherIds::Fewer));
            }
            if end.is_none() && attempted > 0 {
                self.write(Line::End { file_ids: attempted }).await?;
            }
        }
        if attempted == 0 {
            let broken = Violation {
                path: "$.fileIds".into(),
                rule: rules::FILE_IDS_COUNT,
                actual: "none".into(),
                advice: "check where they come from",
            };
            return Err(BulkErrorKind::Validation(broken.into()));
        }
        self.run.progress.send_modify(|progress| progress.exhausted = true);
        Ok(())
    }

    /// Begins a chunk, unless the ledger settles it; nothing if the run was stopped before.
    async fn begin(&mut self, file_ids: Vec<String>) -> Result<Option<PendingItem>, BulkErrorKind> {
        let Progress { attempted, chunks, .. } = *self.run.progress.borrow();
        let mut chunk = Chunk::new(chunks, attempted, &file_ids);
        if self.ledger.is_some() {
            let digested = chunk.with_digest(&file_ids);
            chunk = digested.map_err(|error| BulkErrorKind::Input(error.into()))?;
        }
        let end = chunk.range.end;
        let earlier = self.look_up(&chunk).await?;
        let unsettled = earlier.as_ref().map(LedgerChunk::unsettled).unwrap_or_default();
        let request = Request {
            zip_name: self.run.zip_name(&chunk),
            trace_id: TraceId::random(),
            unknown_before: unsettled,
            chunk,
        };
        let item = match earlier.and_then(|record| self.settled(&request, record)) {
            Some(item) => Some(future::ok(item).boxed()),
            None => self.send(request, file_ids).await?,
        };
        if item.is_some() {
            self.run.progress.send_modify(|progress| {
                progress.attempted = end;
                progress.chunks += 1;
            });
        }
        Ok(item)
    }

    /// What earlier runs know of a chunk, if it is the one that they knew.
    async fn look_up(&mut self, chunk: &Chunk) -> Result<Option<LedgerChunk>, BulkErrorKind> {
        let Some(ledger) = &self.ledger else {
            return Ok(None);
        };
        let (index, start) = (chunk.index, chunk.range.start);
        let found = ledger.with(move |ledger| {
            let is_beyond = ledger.file_ids().is_some_and(|end| start >= end);
            Ok((ledger.latest(index)?, is_beyond))
        });
        match found.await? {
            (None, true) => Err(BulkErrorKind::OtherIds(OtherIds::More)),
            (Some(record), _) if !chunk.is_of(&record) => {
                Err(BulkErrorKind::OtherIds(OtherIds::Differ(chunk.range.clone())))
            }
            (record, _) => Ok(record),
        }
    }

    /// The item of a chunk that is not to be sent again.
    fn settled(&self, request: &Request, record: LedgerChunk) -> Option<BulkItem> {
        let (trace_id, result) = match (record.state, request.unknown_before.last()) {
            (State::Accepted { task: mut handle }, _) => {
                handle.kdstoken.clone_from(&self.run.task.body().kdstoken);
                (handle.trace_id().clone(), Ok(handle))
            }
            (state, Some(suspect)) if !self.run.policy.resend_unknown => {
                let mut error = Error::new(ErrorKind::Interrupted, suspect.clone());
                error.0.note = self.note(&state, &request.unknown_before);
                (suspect.clone(), Err(error))
            }
            _ => return None,
        };
        Some(BulkItem { trace_id, from_ledger: true, ..request.clone().item(result) })
    }

    async fn send(&mut self, request: Request, file_ids: Vec<String>) -> Result<Option<PendingItem>, BulkErrorKind> {
        let (zip_name, trace_id) = (request.zip_name.clone(), request.trace_id.clone());
        let task = match self.run.task.build_chunk(zip_name, file_ids, trace_id) {
            Ok(task) => task,
            Err(broken) => {
                let error = Error::new(ErrorKind::Validation(broken), request.trace_id.clone());
                self.write(Line::Chunk(request.record((&error).into()))).await?;
                return Ok(Some(future::ok(request.item(Err(error))).boxed()));
            }
        };
        let begun = request.begin(self.run.clone(), task, self.ledger.clone()).await;
        Ok(begun.map(|item| item.map(Ok).boxed()))
    }

    async fn write(&mut self, line: Line) -> Result<(), BulkErrorKind> {
        let Some(ledger) = &self.ledger else { return Ok(()) };
        Ok(ledger.with(move |ledger| ledger.append_exclusively(&line)).await?)
    }

    /// What else the ledger says of a chunk whose outcome is unknown.
    fn note(&self, state: &State, unsettled: &[TraceId]) -> Option<String> {
        let seen = match state {
            State::Unknown { error } => Some(format!("that run saw: {}", self.run.shown(error))),
            State::Sending | State::Accepted { .. } | State::Rejected { .. } | State::NotSent { .. } => None,
        };
        let (_, others) = unsettled.split_last()?;
        let others: Vec<&str> = others.iter().map(TraceId::as_str).collect();
        let others = (!others.is_empty()).then(|| format!("before that, trace ids {}", others.join(", ")));
        let notes: Vec<String> = seen.into_iter().chain(others).collect();
        (!notes.is_empty()).then(|| notes.join("; "))
    }
}
