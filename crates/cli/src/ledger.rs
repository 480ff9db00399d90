//! `ledger`.

use koodrive_share::{Ledger, LedgerChunk, LedgerError, Settlement};

use crate::{
    args::{self, LedgerArgs},
    exit::{CommandError, Exit},
    output::Output,
};

/// Settles a chunk if a flag names one, then shows what the ledger holds.
pub(crate) fn run(ledger: &LedgerArgs, output: &Output) -> Result<Exit, CommandError> {
    let settled = match (&ledger.made, &ledger.not_made) {
        (Some(made), _) => {
            let [range, task_id] = made.as_slice() else {
                return Err(CommandError::usage("--made: give the range of the ids and the id of the task"));
            };
            let made = args::range(range).and_then(|range| Ok((range, Settlement::Made(args::task_id(task_id)?))));
            Some(made.map_err(|error| CommandError::usage(format!("--made: {error}")))?)
        }
        (None, Some(range)) => Some((range.clone(), Settlement::NotMade)),
        (None, None) => None,
    };
    let failed = |error: LedgerError| {
        let exit = if error.is_in_use() { Exit::Failed } else { Exit::Usage };
        let about_file = || CommandError::new(exit, &error).about(&ledger.file);
        error.validation_error().map_or_else(about_file, CommandError::from)
    };
    if let Some((range, settlement)) = settled {
        Ledger::settle(&ledger.file, range, settlement).map_err(failed)?;
    }
    let read = Ledger::read(&ledger.file).map_err(failed)?;
    let is_unknown = |chunk: &Result<LedgerChunk, _>| chunk.as_ref().map_or(true, |it| !it.unsettled().is_empty());
    let unknown = read.chunks().filter(is_unknown).collect::<Result<Vec<_>, _>>().map_err(failed)?;
    output.ledger(&read, &read.report().map_err(failed)?, &unknown)?;
    Ok(Exit::Done)
}
