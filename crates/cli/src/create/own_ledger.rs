//! The ledger of `package` and `dump`: told at the start, and beside the file of `--output` where no flag names one.

use std::path::{Path, PathBuf};

use koodrive_share::{Ledger, LedgerError};

use crate::{
    args::CreateArgs,
    download,
    exit::{CommandError, Exit},
    output::ledger_counts,
    source::Template,
};

/// Why a ledger is not resumed.
const NO_RUN: &str = "it holds no run to resume: check the path, since without --resume every task is created anew";

/// Whether a command goes on with what a ledger holds: a task, what may be one, or what cannot be read; or uses it now.
pub(super) fn is_of_use(path: &Path) -> bool {
    let is_empty = |ledger: Ledger| ledger.report().is_ok_and(|report| report.created + report.unknown == 0);
    path.exists() && !Ledger::read(path).is_ok_and(|ledger| !ledger.is_in_use() && is_empty(ledger))
}

/// Begins a ledger beside the file that a package goes to, unless one is named, so that the same command goes on with
/// the task that was made.
pub(super) fn own_ledger(create: &mut CreateArgs, template: Option<&Template>) -> Option<PathBuf> {
    let target = template?.target.as_ref()?;
    if create.bulk.ledger.is_some() {
        return None;
    }
    create.bulk.ledger = Some(target.ledger());
    create.bulk.ledger.clone()
}

/// `ledger dump.ledger: new`, or `ledger dump.ledger: resumed: ids 0..5000: 4 created, …`. A mistyped path shows as new. Nothing
/// if it is of no use to the run, which says why.
///
/// # Errors
///
/// A run uses it, or it holds none that can be resumed. Neither need wait for a listing to be told.
pub(super) fn ledger_line(path: &Path, resume: bool) -> Result<Option<String>, CommandError> {
    let line = |state: String| Ok(Some(format!("ledger {}: {state}", path.display())));
    let new = || if resume { Err(CommandError::usage(NO_RUN).about(path)) } else { line("new".to_owned()) };
    let unreadable = |error: LedgerError| {
        if resume { Err(CommandError::new(Exit::Usage, &error).about(path)) } else { Ok(None) }
    };
    if !path.exists() {
        return if resume || download::directory_of(path).is_dir() { new() } else { Ok(None) };
    }
    let ledger = match Ledger::read(path) {
        Ok(ledger) => ledger,
        Err(error) => return unreadable(error),
    };
    if ledger.is_in_use() {
        let message = "the ledger is in use by another run; wait until that has ended".to_owned();
        return Err(CommandError { exit: Exit::Failed, message }.about(path));
    }
    match ledger.report() {
        Ok(report) if report.attempted.is_empty() => new(),
        Ok(report) => line(format!("resumed: {}", ledger_counts(&ledger, &report))),
        Err(error) => unreadable(error),
    }
}
