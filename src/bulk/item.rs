//! The result of one chunk, and the report of all chunks.

use std::{fmt, ops::Range};

use crate::{
    error::{Error, Outcome},
    task::handle::TaskHandle,
    trace_id::TraceId,
};

/// The result of one chunk of a bulk creation.
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
    /// The range of file ids in the chunk, counted from 0; the end is exclusive.
    pub range: Range<u64>,
    /// The trace id of the request that determined the result.
    pub trace_id: TraceId,
    /// The name of the chunk's package, numbered if packages are split.
    pub zip_name: Option<String>,
    /// Whether the result comes from the ledger, so that nothing was sent: an earlier run created the task, or left its
    /// outcome unknown.
    pub from_ledger: bool,
    /// The task, or why none is known; [`Error::outcome`] tells whether a task may exist.
    pub result: Result<TaskHandle, Error>,
}

/// A report of a bulk creation's items.
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
/// The report counts chunks; each chunk is at most one task.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BulkReport {
    /// Tasks that this run created; in a [ledger's report](crate::Ledger::report), that any run created.
    pub created: u64,
    /// Tasks that earlier runs created, according to the ledger.
    pub created_earlier: u64,
    /// Chunks that the service rejected, except throttled ones. No task exists; a resumed run sends them again.
    pub rejected: u64,
    /// Chunks that were throttled or not sent; in a ledger's report, also those settled as
    /// [`NotMade`](crate::Settlement::NotMade). No task exists; a resumed run sends them.
    pub not_sent: u64,
    /// Chunks for which a task may exist. A resumed run sends them again only with
    /// [consent](crate::BulkPolicy::resend_unknown).
    pub unknown: u64,
    /// The range of file ids that the items so far cover, from 0. Once the run has ended, the file ids from the end of
    /// the range on have not been attempted.
    pub attempted: Range<u64>,
}

impl BulkReport {
    /// Counts a chunk whose range ends at `end`. No outcome means that its task was created.
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
