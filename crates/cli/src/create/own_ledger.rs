//! The ledger of `package` and `dump`: the line that reports it, and the default ledger of `package --output`.

use std::path::{Path, PathBuf};

use koodrive_share::{Ledger, LedgerError};

use crate::{
    args::CreateArgs,
    download,
    exit::{CommandError, Exit},
    output::ledger_counts,
    source::Template,
};

/// The error of `--resume` if the ledger is missing or holds no run.
const NO_RUN: &str = "it holds no run to resume: check the path, since without --resume every task is created anew";

/// Whether a ledger has to be kept: it holds a task or an unknown outcome, it cannot be read, or a run is using it.
pub(super) fn is_needed(path: &Path) -> bool {
    let is_empty = |ledger: Ledger| ledger.report().is_ok_and(|report| report.created + report.unknown == 0);
    path.exists() && !Ledger::read(path).is_ok_and(|ledger| !ledger.is_in_use() && is_empty(ledger))
}

/// Sets the ledger to one beside the file of `--output`, unless `--ledger` is given. With it, the same command resumes
/// the task that was made. Returns its path.
pub(super) fn own_ledger(create: &mut CreateArgs, template: Option<&Template>) -> Option<PathBuf> {
    let target = template?.target.as_ref()?;
    if create.bulk.ledger.is_some() {
        return None;
    }
    create.bulk.ledger = Some(target.ledger());
    create.bulk.ledger.clone()
}

/// `ledger dump.ledger: new`, or `ledger dump.ledger: resumed: ids 0..5000: 4 created, …`. A mistyped path shows as
/// new.
///
/// Returns `None` if the ledger cannot be read or its directory does not exist: the run reports why. With `resume`,
/// both are errors.
///
/// # Errors
///
/// Another run uses the ledger, or `resume` is set and the ledger holds no run that can be resumed. Both are reported
/// here, before a share is listed.
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
