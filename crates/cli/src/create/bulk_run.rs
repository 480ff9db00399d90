//! A bulk run: writes its items to the standard output, handles interrupts, and reports how it ended.

use std::{error::Error as StdError, fmt, fs, io, ops::Range, path::PathBuf};

use koodrive_share::{Bulk, BulkError, BulkItem, BulkReport, Client, Error, Outcome, TaskHandle};

use super::{advice::how_to_follow, own_ledger::is_needed};
use crate::{
    args::{BulkArgs, CreateArgs},
    exit::{self, CommandError, Exit, with_causes},
    file_ids::InvalidLine,
    follow::{Following, TIMEOUT},
    interrupts::Interrupts,
    output::{Output, stderr},
    progress::Progress,
    source::Template,
    tasks::SavedTasks,
};

pub(super) struct BulkRun<'a> {
    pub(super) output: &'a Output,
    pub(super) progress: Progress,
    pub(super) exit: Exit,
    pub(super) interrupts: Interrupts,
    pub(super) interrupted: bool,
    pub(super) stop_reason: Option<StopReason>,
    /// The ranges of ids of which no task was made, for the advice.
    pub(super) failed: Vec<Range<u64>>,
    /// The advice to print once if the service refuses access to the share.
    pub(super) access_advice: Option<&'static str>,
    /// The ledger beside the file of `--output`, if `--ledger` was not given.
    pub(super) own_ledger: Option<PathBuf>,
    /// Whether the ids come from a listing, which changes with the share.
    pub(super) lists_share: bool,
    pub(super) saved: Option<SavedTasks>,
    /// The tasks to follow: a handle of 300 bytes for each 1,000 ids.
    pub(super) handles: Option<Vec<TaskHandle>>,
}

/// Why this tool stopped a run.
pub(super) enum StopReason {
    Interrupted,
    /// The cause, such as status 403, is the same for all requests.
    EveryRequestFails,
    Output(io::Error),
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Interrupted => f.write_str("interrupted"),
            Self::EveryRequestFails => f.write_str("every further request would fail like this one"),
            Self::Output(error) => error.fmt(f),
        }
    }
}

impl BulkRun<'_> {
    /// Creates the tasks. Returns whether the run came to its end, which an interrupt during the last replies does not
    /// prevent.
    pub(super) async fn create(&mut self, mut bulk: Bulk<'_>, args: &BulkArgs) -> Result<bool, CommandError> {
        let ended = loop {
            tokio::select! {
                next = bulk.next() => match next {
                    Some(Ok(item)) => {
                        let is_from_ledger = item.from_ledger;
                        self.record(item, &bulk);
                        self.progress.update(bulk.report(), is_from_ledger);
                    }
                    Some(Err(error)) => break Some(error),
                    None => break None,
                },
                () = self.interrupts.next() => self.interrupt(&bulk, args)?,
            }
        };
        self.progress.finish(bulk.report());
        if let Some(error) = &ended {
            self.report_end(error, bulk.report(), args);
        } else if let Some(StopReason::Output(error)) = &self.stop_reason {
            self.exit = self.exit.max(self.output.error(&CommandError::new(Exit::Failed, error)));
        }
        if self.exit > Exit::Done {
            self.advise(args, ended.as_ref(), bulk.report());
        }
        Ok(ended.is_none()
            && match self.stop_reason {
                None => true,
                // If chunks were not sent, the same command sends them and then follows all tasks.
                Some(StopReason::Interrupted) => bulk.report().not_sent == 0,
                Some(StopReason::EveryRequestFails | StopReason::Output(_)) => false,
            })
    }

    fn record(&mut self, item: BulkItem, bulk: &Bulk<'_>) {
        if let Err(error) = self.output.chunk(&item) {
            self.stop(bulk, StopReason::Output(error));
        }
        match item.result {
            Ok(task) => {
                let zip_name = item.zip_name.as_deref();
                let saved = self.saved.as_ref().map_or(Ok(()), |saved| saved.add(&task, zip_name));
                if let Err(error) = saved {
                    self.stop(bulk, StopReason::Output(error));
                }
                if let Some(handles) = &mut self.handles {
                    handles.push(task);
                }
            }
            Err(error) => {
                self.exit = self.exit.max((&error).into());
                if error.outcome() != Outcome::Unknown {
                    self.record_failed(item.range);
                }
                if let Some(advice) = self.access_advice.take_if(|_| error.is_access_refused()) {
                    stderr(advice);
                }
                if fails_every_request(&error) {
                    self.stop(bulk, StopReason::EveryRequestFails);
                }
            }
        }
    }

    /// Follows the tasks to their ends.
    pub(super) async fn follow(
        &mut self,
        client: &Client,
        tasks: Vec<TaskHandle>,
        create: &CreateArgs,
        template: &Template,
    ) -> Result<(Exit, String), CommandError> {
        let (timeout, go_on) = (TIMEOUT, &how_to_follow(create, template));
        let shows_url = template.target.is_none();
        let following = Following { client, timeout, output: self.output, go_on, shows_url, access_advice: None };
        if self.interrupted && !tasks.is_empty() {
            return Err(following.interrupted().after(self.exit));
        }
        let ended = following.follow_all(tasks, &mut self.interrupts).await;
        let ended = ended.map_err(|error| error.after(self.exit))?;
        self.exit = self.exit.max(ended.0);
        Ok(ended)
    }

    /// Deletes the ledger beside the file of `--output` once the same command has nothing left to resume.
    pub(super) fn keep_or_delete_ledger(&self, is_over: bool, has_ended: bool) {
        let Some(path) = &self.own_ledger else { return };
        if is_over || !is_needed(path) {
            let _ = fs::remove_file(path);
        } else if has_ended && self.exit != Exit::Unknown {
            let path = path.display();
            stderr(&format!(
                "{path} keeps the task: give the same command again, or delete it to make another package"
            ));
        }
    }

    fn record_failed(&mut self, range: Range<u64>) {
        match self.failed.last_mut() {
            Some(last) if last.end == range.start => last.end = range.end,
            Some(_) | None => self.failed.push(range),
        }
    }

    fn stop(&mut self, bulk: &Bulk<'_>, reason: StopReason) {
        bulk.stop();
        self.stop_reason.get_or_insert(reason);
    }

    /// The first interrupt lets requests finish, the second one does not.
    fn interrupt(&mut self, bulk: &Bulk<'_>, args: &BulkArgs) -> Result<(), CommandError> {
        if self.interrupted {
            let look = match args.ledger {
                Some(_) => "the ledger calls them unknown",
                None => "look into the target",
            };
            return Err(CommandError {
                exit: Exit::Unknown,
                message: format!("interrupted twice: requests that were on their way may have made tasks, {look}"),
            });
        }
        self.interrupted = true;
        self.stop(bulk, StopReason::Interrupted);
        stderr("interrupted: waiting for the requests on their way, interrupt again to leave");
        Ok(())
    }

    /// Reports why the run ended before its last file id.
    fn report_end(&mut self, error: &BulkError, report: &BulkReport, args: &BulkArgs) {
        let sent = report.created + report.rejected + report.not_sent > 0;
        let listing = listing_error(error);
        let is_lost = error.is_ledger_lost();
        let nothing_attempted = error.attempted().is_empty();
        let exit = if error.is_unknown() {
            Exit::Unknown
        } else if error.is_out_of_patience() {
            Exit::Unavailable
        } else if error.is_in_use() {
            Exit::Failed
        } else if error.validation_error().is_some()
            || (error.is_other_run() && !sent)
            || (nothing_attempted && (error.is_ledger() || is_invalid_line(error)))
        {
            Exit::Usage
        } else {
            match listing.map_or(Exit::Failed, exit::of_query) {
                // The usage status would say that no task was made.
                Exit::Usage if sent => Exit::Failed,
                exit => exit,
            }
        };
        let message = match &self.stop_reason {
            Some(stopped) if error.is_stopped() => {
                let end = error.attempted().end;
                format!("{stopped}: of the file ids, 0..{end} were attempted, the rest was not")
            }
            Some(_) | None => with_causes(error),
        };
        let broken = error.validation_error().or_else(|| listing?.validation_error());
        let ledger = args.ledger.as_deref().filter(|_| error.is_ledger() || error.is_other_run());
        let mut error = broken.map_or(CommandError { exit, message }, |broken| CommandError { exit, ..broken.into() });
        if let Some(path) = ledger {
            error = error.about(path);
        }
        self.exit = self.exit.max(self.output.error(&error));
        if is_lost && self.exit == Exit::Unavailable {
            // On status 6, a scheduler runs the same command again, which would create every task anew.
            self.exit = Exit::Failed;
        }
    }
}

/// Whether the cause of this error would fail every other request, too. The library ends the run for some of these
/// errors only: if access is refused to a task with a kdstoken.
fn fails_every_request(error: &Error) -> bool {
    matches!(error.status(), Some(403 | 404))
}

/// The error that ended the listing of a share.
fn listing_error(error: &BulkError) -> Option<&Error> {
    error.source().filter(|_| error.is_input())?.downcast_ref()
}

/// Whether the input could be read, but one of its lines holds no file id.
fn is_invalid_line(error: &BulkError) -> bool {
    let cause = error.source().filter(|_| error.is_input()).and_then(StdError::source);
    cause.is_some_and(<dyn StdError>::is::<InvalidLine>)
}
