//! Why a bulk creation ended before its end.

use std::{error::Error as StdError, fmt, ops::Range};

use super::{file_ids::InputError, ledger::LedgerError};
use crate::validation::ValidationError;

/// A bulk creation that ended before every file id was attempted, or whose ledger cannot be trusted any more.
///
/// The message is one line and says what was attempted and, where ids or ledger are at fault, what to do. Tasks that
/// were created stay so: look at the items that came before.
#[derive(Debug)]
pub struct BulkError {
    kind: BulkErrorKind,
    attempted: u64,
}

#[derive(Debug)]
pub(super) enum BulkErrorKind {
    Validation(ValidationError),
    Unknown,
    Asked,
    Access,
    Input(InputError),
    Ledger(LedgerError),
    OtherIds(OtherIds),
}

/// How the given ids differ from those of the ledger.
#[derive(Debug)]
pub(super) enum OtherIds {
    Differ(Range<u64>),
    Fewer,
    More,
}

impl BulkError {
    pub(super) fn new(kind: BulkErrorKind, attempted: u64) -> Self {
        Self { kind, attempted }
    }

    /// The file ids that were attempted, from 0: an item came for each chunk of them. Those from its end on were not.
    pub fn attempted(&self) -> Range<u64> {
        0..self.attempted
    }

    /// The broken rules, if that is the cause: no file ids, or a package that needs to be split without consent.
    /// Nothing was sent.
    pub fn validation_error(&self) -> Option<&ValidationError> {
        match &self.kind {
            BulkErrorKind::Validation(error) => Some(error),
            _ => None,
        }
    }

    /// An outcome was unknown and the policy stops at that. Look for the task, then resume.
    pub fn is_unknown(&self) -> bool {
        matches!(self.kind, BulkErrorKind::Unknown)
    }

    /// [`Bulk::stop`](crate::Bulk::stop) was called. Resume when you like.
    pub fn is_stopped(&self) -> bool {
        matches!(self.kind, BulkErrorKind::Asked)
    }

    /// The service refused a task with a kdstoken access, so that it would refuse all. Open the share again, then resume.
    pub fn is_access_refused(&self) -> bool {
        matches!(self.kind, BulkErrorKind::Access)
    }

    /// The file ids could not be read. Look at the `source`, then resume.
    pub fn is_input(&self) -> bool {
        matches!(self.kind, BulkErrorKind::Input(_))
    }

    /// The ledger cannot be read or written, is no ledger, or is in use by another run. What was sent after its last
    /// line counts as unknown.
    pub fn is_ledger(&self) -> bool {
        matches!(&self.kind, BulkErrorKind::Ledger(error) if !error.is_of_another_run())
    }

    /// The ledger belongs to a run of another task or of other file ids. Name another file, or give what that run was
    /// given.
    pub fn is_other_run(&self) -> bool {
        match &self.kind {
            BulkErrorKind::OtherIds(_) => true,
            BulkErrorKind::Ledger(error) => error.is_of_another_run(),
            BulkErrorKind::Validation(_)
            | BulkErrorKind::Unknown
            | BulkErrorKind::Asked
            | BulkErrorKind::Access
            | BulkErrorKind::Input(_) => false,
        }
    }
}

/// `an outcome is unknown, so nothing more was begun: of the file ids, 0..4000 were attempted, the rest was not`
impl fmt::Display for BulkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            BulkErrorKind::Validation(error) => return write!(f, "{error}; nothing was sent"),
            BulkErrorKind::Unknown => f.write_str("an outcome is unknown, so nothing more was begun")?,
            BulkErrorKind::Asked => f.write_str("stopped as asked")?,
            BulkErrorKind::Access => f.write_str(
                "access was refused, so nothing more was begun; if the share's kdstoken has lapsed, open the share again",
            )?,
            BulkErrorKind::Input(_) => f.write_str("the file ids cannot be read to their end")?,
            BulkErrorKind::Ledger(error) => write!(f, "{error}")?,
            BulkErrorKind::OtherIds(OtherIds::Differ(Range { start, end })) => {
                write!(f, "file ids {start}..{end} are not those that the ledger's run was given")?;
            }
            BulkErrorKind::OtherIds(OtherIds::Fewer) => {
                f.write_str("there are fewer file ids than the ledger's run was given")?;
            }
            BulkErrorKind::OtherIds(OtherIds::More) => {
                f.write_str("there are more file ids than the ledger's run was given")?;
            }
        }
        if self.is_other_run() {
            f.write_str("; name another ledger, or give what that run was given")?;
        }
        match self.attempted {
            0 => f.write_str(": none of the file ids was attempted"),
            n => write!(f, ": of the file ids, 0..{n} were attempted, the rest was not"),
        }
    }
}

impl StdError for BulkError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.kind {
            BulkErrorKind::Input(error) => Some(&**error),
            BulkErrorKind::Ledger(error) => error.source(),
            BulkErrorKind::Validation(_)
            | BulkErrorKind::Unknown
            | BulkErrorKind::Asked
            | BulkErrorKind::Access
            | BulkErrorKind::OtherIds(_) => None,
        }
    }
}
