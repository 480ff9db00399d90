//! What became of one chunk, and of all of them.

use std::{fmt, ops::Range};

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
/// match &item.result {
///     Ok(handle) => println!("task {} works on ids {:?}", handle.task_id(), item.range),
///     Err(error) => eprintln!("ids {:?}: {}: {error:?}", item.range, error.outcome()),
/// }
/// # }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct BulkItem {
    /// Which of the file ids it holds, counted from 0; the end is the first one after it.
    pub range: Range<u64>,
    /// The trace id of the request that decided about it.
    pub trace_id: TraceId,
    /// The name of its package, numbered if packages are split.
    pub zip_name: Option<String>,
    /// Whether nothing was sent because the ledger answered: a task that an earlier run created, or an outcome that it
    /// left unknown.
    pub from_ledger: bool,
    /// The task, or why there is none that is known of; [`Error::outcome`] tells whether a task may exist.
    pub result: Result<TaskHandle, Error>,
}

/// What the items of a bulk creation say together.
///
/// ```
/// # use koodrive_share::Bulk;
/// # fn example(bulk: Bulk<'_>) {
/// if bulk.report().unknown > 0 {
///     eprintln!("look for the tasks of the unknown chunks: {}", bulk.report());
/// }
/// # }
/// ```
///
/// It counts chunks, each of which is one task at most.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BulkReport {
    /// Tasks that this run created.
    pub created: u64,
    /// Tasks that earlier runs created, by the ledger.
    pub created_earlier: u64,
    /// Chunks that the service rejected, but for those that it throttled: no task. A resumed run sends them again.
    pub rejected: u64,
    /// Chunks that were throttled, or not sent for a failure on the way: no task. A resumed run sends them.
    pub not_sent: u64,
    /// Chunks of which a task may exist. A resumed run sends them again only with consent.
    pub unknown: u64,
    /// The file ids that the items so far are about, from 0; of those from its end on, none was attempted.
    pub attempted: Range<u64>,
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
        self.attempted.end = end;
    }
}

/// `ids 0..9000: 5 created, 3 created earlier, 0 rejected, 0 not sent, 1 unknown`
impl fmt::Display for BulkReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { created, created_earlier, rejected, not_sent, unknown, attempted } = self;
        write!(
            f,
            "ids {attempted:?}: {created} created, {created_earlier} created earlier, \
             {rejected} rejected, {not_sent} not sent, {unknown} unknown"
        )
    }
}
