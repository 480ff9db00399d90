//! The error of a ledger.

use std::io;

use crate::{error_chain::debug_as_chain, validation::ValidationError};

/// The error of a ledger that cannot be read or written, or of a chunk that cannot be settled. The message says what to
/// do; if the file system failed, the [`source`](std::error::Error::source) says why.
#[derive(thiserror::Error)]
#[error(transparent)]
pub struct LedgerError(#[from] LedgerFault);

debug_as_chain!(LedgerError);

impl LedgerError {
    /// Returns the broken rules, if a chunk could not be settled because of them.
    pub fn validation_error(&self) -> Option<&ValidationError> {
        if let LedgerFault::Validation(error) = &self.0 { Some(error) } else { None }
    }

    /// Whether a run uses the ledger, so that no chunk can be settled. Settle the chunk once that run has ended.
    pub fn is_in_use(&self) -> bool {
        matches!(self.0, LedgerFault::InUse)
    }
}

#[derive(Debug, thiserror::Error)]
pub(in crate::bulk) enum LedgerFault {
    #[error("the ledger cannot be read or written")]
    Io(#[from] io::Error),
    #[error("the ledger is not a regular file; give the path of a regular file")]
    NoFile,
    #[error(
        "the file is not a ledger, or its first line is damaged: check the path, or restore it, since a new ledger \
         would not know the tasks"
    )]
    Unreadable,
    #[error("line {0} of the ledger is damaged; restore it, since a new ledger would not know the tasks")]
    Damaged(u64),
    #[error(
        "the ledger was {0} while it was used; restore it before you resume, since a new ledger would not know the tasks"
    )]
    Lost(&'static str),
    #[error("{0}; name another ledger, or use the settings and file ids of that run")]
    OtherRun(String),
    #[error("the ledger is in use by another run; wait until that has ended")]
    InUse,
    #[error(transparent)]
    Validation(#[from] ValidationError),
}
