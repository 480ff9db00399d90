//! What became of one chunk, and of all of them.

use std::{fmt, ops::Range};

use super::chunk::Chunk;
use crate::{
    error::{Error, Outcome},
    task::handle::TaskHandle,
    trace_id::TraceId,
};

/// What became of one chunk of a bulk creation.
///
/// ```
/// # use koodrive_share::BulkItem;
/// # fn example(item: BulkItem) {
/// match item.result() {
///     Ok(handle) => println!("task {} works on ids {:?}", handle.task_id(), item.range()),
///     Err(error) => eprintln!("ids {:?}: {}: {error:?}", item.range(), error.outcome()),
/// }
/// # }
/// ```
#[derive(Debug)]
pub struct BulkItem {
    pub(super) chunk: Chunk,
    pub(super) zip_name: Option<String>,
    pub(super) from_ledger: bool,
    pub(super) result: Result<TaskHandle, Error>,
}

impl BulkItem {
    /// Which of the file ids it holds, counted from 0; the end is the first one after it.
    pub fn range(&self) -> Range<u64> {
        self.chunk.range.clone()
    }

    /// The trace id of the request that decided about it.
    pub fn trace_id(&self) -> &TraceId {
        &self.chunk.trace_id
    }

    /// The name of its package, numbered if packages are split.
    pub fn zip_name(&self) -> Option<&str> {
        self.zip_name.as_deref()
    }

    /// Whether nothing was sent because the ledger answered: a task that an earlier run created, or an outcome that it
    /// left unknown.
    pub fn is_from_ledger(&self) -> bool {
        self.from_ledger
    }

    /// The task, or why there is none that is known of.
    ///
    /// # Errors
    ///
    /// As for [`Client::create`](crate::Client::create): see [`Error::outcome`] for whether a task may exist.
    pub fn result(&self) -> Result<&TaskHandle, &Error> {
        self.result.as_ref()
    }

    /// The task, or why there is none that is known of, as values.
    ///
    /// # Errors
    ///
    /// As for [`result`](Self::result).
    pub fn into_result(self) -> Result<TaskHandle, Error> {
        self.result
    }
}

/// What the items of a bulk creation say together.
///
/// ```
/// # use koodrive_share::Bulk;
/// # fn example(bulk: Bulk<'_>) {
/// if bulk.report().unknown() > 0 {
///     eprintln!("look for the tasks of the unknown chunks: {}", bulk.report());
/// }
/// # }
/// ```
///
/// It counts chunks, each of which is one task at most.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BulkReport {
    created: u64,
    created_earlier: u64,
    rejected: u64,
    not_sent: u64,
    unknown: u64,
    attempted: u64,
}

impl BulkReport {
    /// Counts a chunk that ends there: without an outcome, its task was created.
    pub(super) fn add(&mut self, outcome: Option<Outcome>, from_ledger: bool, end: u64) {
        let count = match outcome {
            None if from_ledger => &mut self.created_earlier,
            None => &mut self.created,
            Some(Outcome::Rejected) => &mut self.rejected,
            Some(Outcome::NotSent) => &mut self.not_sent,
            Some(Outcome::Unknown) => &mut self.unknown,
        };
        *count += 1;
        self.attempted = end;
    }

    /// Tasks that this run created.
    pub fn created(&self) -> u64 {
        self.created
    }

    /// Tasks that earlier runs created, by the ledger.
    pub fn created_earlier(&self) -> u64 {
        self.created_earlier
    }

    /// Chunks that the service rejected, but for those that it throttled: no task. A resumed run sends them again.
    pub fn rejected(&self) -> u64 {
        self.rejected
    }

    /// Chunks that were throttled, or not sent for a failure on the way: no task. A resumed run sends them.
    pub fn not_sent(&self) -> u64 {
        self.not_sent
    }

    /// Chunks of which a task may exist. A resumed run sends them again only with consent.
    pub fn unknown(&self) -> u64 {
        self.unknown
    }

    /// The file ids that the items so far are about, from 0; of those from its end on, none was attempted.
    pub fn attempted(&self) -> Range<u64> {
        0..self.attempted
    }
}

/// `ids 0..9000: 5 created, 3 created earlier, 0 rejected, 0 not sent, 1 unknown`
impl fmt::Display for BulkReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { created, created_earlier, rejected, not_sent, unknown, attempted } = self;
        write!(
            f,
            "ids 0..{attempted}: {created} created, {created_earlier} created earlier, \
             {rejected} rejected, {not_sent} not sent, {unknown} unknown"
        )
    }
}
