//! `package` and `dump`.

use std::{error::Error as StdError, fmt, io};

use futures_util::{StreamExt, stream};
use koodrive_share::{
    AfterUnknown, Bulk, BulkError, BulkItem, BulkPolicy, BulkReport, Client, Error, ShareTaskBuilder, TaskHandle,
};

use crate::{
    args::{BulkArgs, CreateArgs, ServiceArgs, Template},
    exit::{self, CommandError, Exit, both, with_causes},
    file_ids::{FileIdSource, InvalidLine},
    follow,
    interrupts::Interrupts,
    output::{Output, stderr},
    progress::Progress,
    secret, service,
};

pub(crate) async fn run(
    service: ServiceArgs,
    template: Template,
    mut create: CreateArgs,
    output: &Output,
    tracing: bool,
) -> Result<Exit, CommandError> {
    let file_ids = FileIdSource::open(&mut create).and_then(|mut file_ids| Ok((file_ids.check()?, file_ids)));
    let policy = policy(&create.bulk, template.split);
    let client_and_task = both(service::client(service), task(template.task, &create));
    let ((client, task), (policy, (total, file_ids))) = both(client_and_task, both(policy, file_ids))?;
    let duplicates = file_ids.duplicates();
    let bulk = client.create_bulk_with(task, file_ids.ids(), policy)?;
    let mut run = BulkRun {
        output,
        progress: Progress::new(total, tracing),
        exit: Exit::Done,
        interrupts: Interrupts::new()?,
        interrupted: false,
        stop_reason: None,
        handles: create.wait.then(Vec::new),
    };
    duplicates.take_warning().iter().for_each(|warning| stderr(warning));
    let created = run.create(bulk, &create.bulk).await;
    duplicates.take_warning().iter().for_each(|warning| stderr(warning));
    created?;
    if let (Some(handles), None) = (run.handles.take(), &run.stop_reason) {
        run.wait(&client, handles, create.bulk.concurrency).await?;
    }
    Ok(run.exit)
}

/// What all tasks of a run have in common.
fn task(template: ShareTaskBuilder, create: &CreateArgs) -> Result<ShareTaskBuilder, CommandError> {
    let kdstoken = secret::kdstoken(create.kdstoken_file.as_ref());
    let task = template.share_id(&create.share_id).container_id(&create.container_id);
    // The file ids are checked elsewhere; one in their place leaves the rules of the flags.
    let checked = task.clone().file_ids(["id"]).build().map_err(CommandError::from);
    let (_, kdstoken) = both(checked, kdstoken)?;
    Ok(match kdstoken {
        Some(kdstoken) => task.kdstoken(kdstoken),
        None => task,
    })
}

fn policy(bulk: &BulkArgs, split: bool) -> Result<BulkPolicy, CommandError> {
    let mut policy =
        BulkPolicy::builder().concurrency(bulk.concurrency).split_packages(split).resend_unknown(bulk.resend_unknown);
    if bulk.continue_after_unknown {
        policy = policy.after_unknown(AfterUnknown::Continue);
    }
    if let Some(path) = &bulk.ledger {
        policy = policy.ledger(path);
    }
    Ok(policy.build()?)
}

struct BulkRun<'a> {
    output: &'a Output,
    progress: Progress,
    exit: Exit,
    interrupts: Interrupts,
    interrupted: bool,
    stop_reason: Option<StopReason>,
    /// The tasks to follow; 300 bytes for each 1,000 ids.
    handles: Option<Vec<TaskHandle>>,
}

/// Why this tool stopped a run.
enum StopReason {
    Interrupted,
    /// Such as a refused token: the cause is the same for all requests.
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
    async fn create(&mut self, mut bulk: Bulk<'_>, args: &BulkArgs) -> Result<(), CommandError> {
        let ended = loop {
            tokio::select! {
                next = bulk.next() => match next {
                    Some(Ok(item)) => self.record(item, &bulk),
                    Some(Err(error)) => break Some(error),
                    None => break None,
                },
                () = self.interrupts.next() => self.interrupt(&bulk, args)?,
            }
            self.progress.update(bulk.report());
        };
        self.progress.finish(bulk.report());
        if let Some(error) = &ended {
            self.report_end(error, bulk.report());
        } else if let Some(StopReason::Output(error)) = &self.stop_reason {
            self.exit = self.exit.max(self.output.error(&CommandError::new(Exit::Failed, error)));
        }
        if self.exit > Exit::Done {
            self.advise(args, ended.as_ref(), bulk.report());
        }
        Ok(())
    }

    fn record(&mut self, item: BulkItem, bulk: &Bulk<'_>) {
        if let Err(error) = self.progress.suspend(|| self.output.chunk(&item)) {
            self.stop(bulk, StopReason::Output(error));
        }
        match item.result() {
            Ok(_) => {}
            Err(error) => {
                self.exit = self.exit.max(error.into());
                if fails_every_request(error) {
                    self.stop(bulk, StopReason::EveryRequestFails);
                }
            }
        }
        if let (Some(handles), Ok(handle)) = (&mut self.handles, item.into_result()) {
            handles.push(handle);
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
        self.progress.note("interrupted: waiting for the requests on their way, interrupt again to leave");
        Ok(())
    }

    /// Reports why the run ended before its last file id.
    fn report_end(&mut self, error: &BulkError, report: &BulkReport) {
        let sent = report.created() + report.rejected() + report.not_sent() > 0;
        let exit = match () {
            () if error.is_unknown() => Exit::Unknown,
            () if error.is_other_run() && !sent => Exit::Usage,
            () if error.is_ledger() && error.attempted().is_empty() => Exit::Usage,
            () if is_invalid_line(error) && error.attempted().is_empty() => Exit::Usage,
            () => Exit::Failed,
        };
        let message = match &self.stop_reason {
            Some(stopped) if error.is_stopped() => {
                let end = error.attempted().end;
                format!("{stopped}: of the file ids, 0..{end} were attempted, the rest was not")
            }
            Some(_) | None => with_causes(error),
        };
        let error = error.validation_error().map_or(CommandError { exit, message }, CommandError::from);
        self.exit = self.exit.max(self.output.error(&error));
    }

    /// Tells how to go on after an error.
    fn advise(&self, args: &BulkArgs, ended: Option<&BulkError>, report: &BulkReport) {
        if self.exit == Exit::Unknown {
            stderr(
                "check: a task may exist for the ids whose outcome is unknown; look into the target, or ask the \
                 vendor by trace id",
            );
        }
        if self.exit == Exit::Usage {
            return;
        }
        let left = ended.is_some() || report.rejected() + report.not_sent() > 0;
        let is_of_use = !ended.is_some_and(BulkError::is_other_run);
        match &args.ledger {
            Some(path) if left && is_of_use => stderr(&format!(
                "resume: run the same command with --ledger {}; tasks that exist are not created again",
                path.display()
            )),
            None if ended.is_some() && !report.attempted().is_empty() => {
                stderr("no --ledger was given: give the ids that were not attempted to a new run");
            }
            Some(_) | None => {}
        }
        if args.ledger.is_some() && self.exit == Exit::Unknown {
            stderr(
                "the same command with --resend-unknown creates anew what is unknown: use it once you know that \
                 it does not exist",
            );
        }
    }

    /// Follows the tasks to their ends, in order.
    async fn wait(
        &mut self,
        client: &Client,
        handles: Vec<TaskHandle>,
        concurrency: usize,
    ) -> Result<(), CommandError> {
        let followed = stream::iter(handles).map(|handle| async {
            let task_id = handle.task_id().to_owned();
            (task_id, client.poller(handle).until_done().await)
        });
        let mut followed = followed.buffered(concurrency);
        loop {
            let next = tokio::select! {
                next = followed.next() => next,
                () = self.interrupts.next() => {
                    return Err(CommandError {
                        exit: self.exit.max(Exit::Failed),
                        message: "interrupted: the tasks go on, see `koodrive-share wait`".to_owned(),
                    });
                }
            };
            let Some((task_id, status)) = next else {
                return Ok(());
            };
            let exit = match status {
                Ok(status) => {
                    self.output.status(&task_id, &status)?;
                    exit::of_status(&status)
                }
                Err(error) => {
                    follow::report_poll_error(self.output, &task_id, &error);
                    exit::of_poll(&error)
                }
            };
            self.exit = self.exit.max(exit);
        }
    }
}

/// Whether the cause of this error would fail every other request, too.
fn fails_every_request(error: &Error) -> bool {
    error.is_connect()
        || error.is_credentials()
        || error.is_throttled()
        || matches!(error.status(), Some(401 | 403 | 404))
}

/// Whether the input was read but a line of it holds no file id.
fn is_invalid_line(error: &BulkError) -> bool {
    error.is_input() && error.source().is_some_and(<dyn StdError>::is::<InvalidLine>)
}
