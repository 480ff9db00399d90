//! Why a bulk creation ended before its end.

use std::{error::Error as StdError, fmt, ops::Range};

use super::{file_ids::Failure, ledger::LedgerError};
use crate::ValidationError;

/// A bulk creation that ended before every file id was attempted, or whose ledger cannot be trusted any more.
///
/// The message is one line and says what was attempted and, where ids or ledger are at fault, what to do. Tasks that
/// were created stay so: look at the items that came before.
#[derive(Debug)]
pub struct BulkError {
    why: Why,
    attempted: u64,
}

#[derive(Debug)]
pub(super) enum Why {
    Validation(ValidationError),
    Unknown,
    Asked,
    Input(Failure),
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
    pub(super) fn new(why: Why, attempted: u64) -> Self {
        Self { why, attempted }
    }

    /// The file ids that were attempted, from 0: an item came for each chunk of them. Those from its end on were not.
    #[must_use]
    pub fn attempted(&self) -> Range<u64> {
        0..self.attempted
    }

    /// The broken rules, if that is the cause: no file ids, or a package that needs to be split without consent.
    /// Nothing was sent.
    #[must_use]
    pub fn validation_error(&self) -> Option<&ValidationError> {
        match &self.why {
            Why::Validation(error) => Some(error),
            _ => None,
        }
    }

    /// An outcome was unknown and the policy stops at that. Look for the task, then resume.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        matches!(self.why, Why::Unknown)
    }

    /// [`Bulk::stop`](crate::Bulk::stop) was called. Resume when you like.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        matches!(self.why, Why::Asked)
    }

    /// The file ids could not be read. Look at the `source`, then resume.
    #[must_use]
    pub fn is_input(&self) -> bool {
        matches!(self.why, Why::Input(_))
    }

    /// The ledger cannot be read or written, is no ledger, or is in use by another run. What was sent after its last
    /// line counts as unknown.
    #[must_use]
    pub fn is_ledger(&self) -> bool {
        matches!(&self.why, Why::Ledger(error) if !error.is_of_another_run())
    }

    /// The ledger belongs to a run of another task or of other file ids. Name another file, or give what that run was
    /// given.
    #[must_use]
    pub fn is_other_run(&self) -> bool {
        match &self.why {
            Why::OtherIds(_) => true,
            Why::Ledger(error) => error.is_of_another_run(),
            Why::Validation(_) | Why::Unknown | Why::Asked | Why::Input(_) => false,
        }
    }
}

/// `an outcome is unknown, so nothing more was begun: of the file ids, 0..4000 were attempted, the rest was not`
impl fmt::Display for BulkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.why {
            Why::Validation(error) => return write!(f, "{error}; nothing was sent"),
            Why::Unknown => f.write_str("an outcome is unknown, so nothing more was begun")?,
            Why::Asked => f.write_str("stopped as asked")?,
            Why::Input(_) => f.write_str("the file ids cannot be read to their end")?,
            Why::Ledger(error) => write!(f, "{error}")?,
            Why::OtherIds(OtherIds::Differ(Range { start, end })) => {
                write!(f, "file ids {start}..{end} are not those that the ledger's run was given")?;
            }
            Why::OtherIds(OtherIds::Fewer) => {
                f.write_str("there are fewer file ids than the ledger's run was given")?;
            }
            Why::OtherIds(OtherIds::More) => {
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
        match &self.why {
            Why::Input(failure) => Some(&**failure),
            Why::Ledger(error) => error.source(),
            Why::Validation(_) | Why::Unknown | Why::Asked | Why::OtherIds(_) => None,
        }
    }
}
