//! Why a bulk creation ended before its end.

use std::{error::Error as StdError, fmt, ops::Range};

use super::ledger::LedgerFault;
use crate::{error::BoxError, error_chain::debug_as_chain, patience::GiveUp, validation::ValidationError};

/// A bulk creation that ended before every file id was attempted, whose last chunk failed as every other would have, or whose
/// ledger cannot be trusted any more.
///
/// The message is one line: why the run ended, what to do about that unless the items say it, and what was attempted. Tasks
/// that were created stay so: look at the items that came before.
pub struct BulkError {
    pub(super) kind: BulkErrorKind,
    pub(super) attempted: u64,
    /// There were no others.
    pub(super) exhausted: bool,
    /// Tasks that the ledger lacks.
    pub(super) unwritten: Vec<String>,
    /// That of the last chunk that failed, if nobody has seen its item.
    pub(super) cause: Option<BoxError>,
}

/// Why no further chunk is begun.
#[derive(Debug, thiserror::Error)]
pub(super) enum BulkErrorKind {
    #[error("{0}; nothing was sent")]
    Validation(ValidationError),
    #[error("an outcome is unknown, so nothing more was begun")]
    Unknown,
    #[error("stopped as asked")]
    Stopped,
    #[error("access was refused, so nothing more was begun; if the share's kdstoken has lapsed, open the share again")]
    Access,
    #[error(transparent)]
    GaveUp(GiveUp),
    #[error("the file ids cannot be read to their end; remove the cause, then resume")]
    Input(#[source] BoxError),
    #[error(transparent)]
    Ledger(#[from] LedgerFault),
}

impl BulkErrorKind {
    pub(super) fn is_ledger(&self) -> bool {
        matches!(self, Self::Ledger(error) if !matches!(error, LedgerFault::OtherRun(_)))
    }

    /// Every request would have failed alike, the last one too: there is something to see to.
    pub(super) fn is_of_all_requests(&self) -> bool {
        matches!(self, Self::GaveUp(_) | Self::Access)
    }
}

impl BulkError {
    /// The file ids that were attempted, from 0: an item came for each chunk of them. Those from its end on were not.
    pub fn attempted(&self) -> Range<u64> {
        0..self.attempted
    }

    /// The broken rules, if that is the cause: no file ids, or a package that needs to be split without consent.
    /// Nothing was sent.
    pub fn validation_error(&self) -> Option<&ValidationError> {
        if let BulkErrorKind::Validation(error) = &self.kind { Some(error) } else { None }
    }

    /// An outcome was unknown and the policy stops at that, with file ids left: that of the last chunk is told by its item
    /// alone. Look for the task, then resume.
    pub fn is_unknown(&self) -> bool {
        matches!(self.kind, BulkErrorKind::Unknown)
    }

    /// [`Bulk::stop`](crate::Bulk::stop) was called. Resume when you like.
    pub fn is_stopped(&self) -> bool {
        matches!(self.kind, BulkErrorKind::Stopped)
    }

    /// The service refused a task with a kdstoken access, so that it would refuse all. Open the share again, then resume.
    pub fn is_access_refused(&self) -> bool {
        matches!(self.kind, BulkErrorKind::Access)
    }

    /// The run was throttled, or had no connection or no token, and created no task for its
    /// [`patience`](crate::BulkPolicy::patience), or was asked to wait for longer. What the last items are about was
    /// not created. Resume later, with more patience or a lower [`rate`](crate::BulkPolicy::rate).
    pub fn is_out_of_patience(&self) -> bool {
        matches!(self.kind, BulkErrorKind::GaveUp(GiveUp::Exhausted(_) | GiveUp::WaitTooLong(_)))
    }

    /// The file ids could not be read. Look at the `source`, then resume.
    pub fn is_input(&self) -> bool {
        matches!(self.kind, BulkErrorKind::Input(_))
    }

    /// The ledger cannot be read or written, is no ledger, is in use by another run, or was deleted, replaced or
    /// truncated during this one. What was sent after its last line counts as unknown; the message names the tasks that
    /// it lacks.
    pub fn is_ledger(&self) -> bool {
        self.kind.is_ledger()
    }

    /// The ledger was deleted, replaced, truncated or changed during the run. Restore it before you resume: a run on a new
    /// ledger creates every task anew.
    pub fn is_ledger_lost(&self) -> bool {
        matches!(self.kind, BulkErrorKind::Ledger(LedgerFault::Lost(_)))
    }

    /// The ledger is in use by another run. Resume once that has ended.
    pub fn is_in_use(&self) -> bool {
        matches!(self.kind, BulkErrorKind::Ledger(LedgerFault::InUse))
    }

    /// The ledger belongs to a run of another task or of other file ids. Name another file, or give what that run was
    /// given.
    pub fn is_other_run(&self) -> bool {
        matches!(self.kind, BulkErrorKind::Ledger(LedgerFault::OtherRun(_)))
    }
}

/// `an outcome is unknown, so nothing more was begun: of the file ids, 0..4000 were attempted, the rest was not`
impl fmt::Display for BulkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, attempted, exhausted, unwritten, .. } = self;
        write!(f, "{kind}")?;
        if !unwritten.is_empty() {
            write!(f, "; it lacks {}", unwritten.join(", "))?;
        }
        match (kind, attempted, exhausted) {
            (BulkErrorKind::Validation(_), ..) => Ok(()),
            (_, 0, _) => f.write_str(": none of the file ids was attempted"),
            (_, n, false) => write!(f, ": of the file ids, 0..{n} were attempted, the rest was not"),
            (_, n, true) => write!(f, ": all file ids, 0..{n}, were attempted"),
        }
    }
}

debug_as_chain!(BulkError);

impl StdError for BulkError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.kind.source().or(self.cause.as_deref().map(|error| error as _))
    }
}
