//! The error of a bulk creation that did not complete.

use std::{error::Error as StdError, fmt, ops::Range};

use super::ledger::LedgerFault;
use crate::{error::BoxError, error_chain::debug_as_chain, patience::GiveUp, validation::ValidationError};

/// The error of a bulk creation that did not complete.
///
/// The run ended before every file id was attempted, or its last chunk failed from a cause that would make every
/// request fail, or its ledger can no longer be trusted.
///
/// The message is one line: why the run ended, what to do unless the items say so, and which file ids were attempted.
/// Tasks that were created remain: look at the items before the error.
pub struct BulkError {
    pub(super) kind: BulkErrorKind,
    pub(super) attempted: u64,
    /// Whether all file ids have been read, so that none is left.
    pub(super) exhausted: bool,
    /// Tasks that the ledger lacks.
    pub(super) unwritten: Vec<String>,
    /// The error of the last chunk that failed, if `collect` consumed its item.
    pub(super) cause: Option<BoxError>,
}

/// Why a run begins no further chunk.
#[derive(Debug, thiserror::Error)]
pub(super) enum BulkErrorKind {
    #[error("{0}; nothing was sent")]
    Validation(ValidationError),
    #[error("an outcome is unknown, so no further request was sent")]
    Unknown,
    #[error("the run was stopped as requested")]
    Stopped,
    #[error(
        "access was refused, so no further request was sent; if the share's kdstoken has lapsed, open the share again"
    )]
    Access,
    #[error(transparent)]
    GaveUp(GiveUp),
    #[error("not all file ids could be read; remove the cause, then resume")]
    Input(#[source] BoxError),
    #[error(transparent)]
    Ledger(#[from] LedgerFault),
}

impl BulkErrorKind {
    pub(super) fn is_ledger(&self) -> bool {
        matches!(self, Self::Ledger(error) if !matches!(error, LedgerFault::OtherRun(_)))
    }

    /// Whether every request fails from this cause. The run then ends with an error even if no file ids are left.
    pub(super) fn affects_every_request(&self) -> bool {
        matches!(self, Self::GaveUp(_) | Self::Access)
    }
}

impl BulkError {
    /// Returns the range of file ids that were attempted, from 0. The stream yielded an item for each of their chunks.
    /// File ids from the end of the range on were not attempted.
    pub fn attempted(&self) -> Range<u64> {
        0..self.attempted
    }

    /// Returns the broken rules, if they are the cause: there are no file ids, or a package would have to be split
    /// without consent. Nothing was sent.
    pub fn validation_error(&self) -> Option<&ValidationError> {
        if let BulkErrorKind::Validation(error) = &self.kind { Some(error) } else { None }
    }

    /// Whether the policy stopped the run after an unknown outcome, with file ids left. If none are left, the stream
    /// ends without an error, and only the items show unknown outcomes. Look for the task, then resume.
    pub fn is_unknown(&self) -> bool {
        matches!(self.kind, BulkErrorKind::Unknown)
    }

    /// Whether [`Bulk::stop`](crate::Bulk::stop) ended the run. Resume when you like.
    pub fn is_stopped(&self) -> bool {
        matches!(self.kind, BulkErrorKind::Stopped)
    }

    /// Whether the service refused access to a task with a kdstoken, as it would to all others. Open the share again,
    /// then resume.
    pub fn is_access_refused(&self) -> bool {
        matches!(self.kind, BulkErrorKind::Access)
    }

    /// Whether the run's [`patience`](crate::BulkPolicy::patience) ended. The run was throttled, or had no connection
    /// or no token, and created no task for that long, or the service asked for a longer wait than was left. A chunk
    /// that failed in this way has no task. Resume later, with more patience or a lower
    /// [`rate`](crate::BulkPolicy::rate).
    pub fn is_out_of_patience(&self) -> bool {
        matches!(self.kind, BulkErrorKind::GaveUp(GiveUp::Exhausted(_) | GiveUp::WaitTooLong(_)))
    }

    /// Whether the file ids could not be read. The `source` says why; remove the cause, then resume.
    pub fn is_input(&self) -> bool {
        matches!(self.kind, BulkErrorKind::Input(_))
    }

    /// Whether the ledger failed: it cannot be read or written, is not a ledger, is damaged or in use by another run,
    /// or was deleted, replaced, truncated or changed during this run. To a resumed run, a request without a recorded
    /// result has an unknown outcome. The message names the tasks that the ledger lacks.
    pub fn is_ledger(&self) -> bool {
        self.kind.is_ledger()
    }

    /// Whether the ledger was deleted, replaced, truncated or changed during the run. Restore it before you resume: a
    /// run on a new ledger creates every task again.
    pub fn is_ledger_lost(&self) -> bool {
        matches!(self.kind, BulkErrorKind::Ledger(LedgerFault::Lost(_)))
    }

    /// Whether the ledger is in use by another run. Resume once that run has ended.
    pub fn is_in_use(&self) -> bool {
        matches!(self.kind, BulkErrorKind::Ledger(LedgerFault::InUse))
    }

    /// Whether the ledger belongs to a run of another task or of other file ids. Name another file, or use the task and
    /// the file ids of that run.
    pub fn is_other_run(&self) -> bool {
        matches!(self.kind, BulkErrorKind::Ledger(LedgerFault::OtherRun(_)))
    }
}

/// `an outcome is unknown, so no further request was sent: of the file ids, 0..4000 were attempted, the rest was not`
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
