//! `package` and `dump`.

use std::{error::Error as StdError, fmt, io, ops::Range};

use koodrive_share::{
    AfterUnknown, Bulk, BulkError, BulkItem, BulkPolicy, BulkReport, Error, Outcome, PollingPolicy, ShareTaskBuilder,
    TaskHandle,
};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

use crate::{
    args::{self, BulkArgs, CreateArgs, ServiceArgs, Template},
    exit::{CommandError, Exit, both, with_causes},
    file_ids::{FileIdSource, InvalidLine},
    follow::Following,
    interrupts::Interrupts,
    output::{Output, stderr},
    progress::Progress,
    secret,
    service::{self, flag_or_variable},
    tasks::SavedTasks,
};

/// Most ranges of failed ids that advice lists.
const LISTED: usize = 10;

pub(crate) async fn run(
    service: ServiceArgs,
    template: Template,
    mut create: CreateArgs,
    output: &Output,
    tracing: bool,
) -> Result<Exit, CommandError> {
    let file_ids = FileIdSource::open(&mut create).and_then(|mut file_ids| Ok((file_ids.check()?, file_ids)));
    let (tell, pauses) = mpsc::unbounded_channel();
    let policy = policy(&create.bulk, template.split, tell);
    let client_and_task = both(service::client(service), task(template.task, &create));
    let ((client, task), (policy, (total, file_ids))) = both(client_and_task, both(policy, file_ids))?;
    let saved = create.save.as_deref().map(SavedTasks::open).transpose()?;
    let duplicates = file_ids.duplicates();
    let bulk = client.create_bulk_with(task, file_ids.ids(), policy)?;
    let mut run = BulkRun {
        output,
        progress: Progress::new(total, tracing),
        pauses,
        exit: Exit::Done,
        interrupts: Interrupts::new()?,
        interrupted: false,
        stop_reason: None,
        failed: Vec::new(),
        saved,
        handles: create.wait.then(Vec::new),
    };
    duplicates.take_warning().iter().for_each(|warning| stderr(warning));
    let created = run.create(bulk, &create.bulk).await;
    duplicates.take_warning().iter().for_each(|warning| stderr(warning));
    created?;
    if let (Some(handles), None) = (run.handles.take(), &run.stop_reason) {
        let policy = PollingPolicy::default();
        let following = Following { client: &client, policy, output, tracing, go_on: HowToFollow(&create) };
        let followed = following.to_their_ends(handles, &mut run.interrupts).await;
        run.exit = run.exit.max(followed.map_err(|error| CommandError { exit: error.exit.max(run.exit), ..error })?);
    }
    Ok(run.exit)
}

/// `follow them with "koodrive-share wait --tasks-from photos.tasks"`
struct HowToFollow<'a>(&'a CreateArgs);

impl fmt::Display for HowToFollow<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CreateArgs { save, bulk, share_id, .. } = self.0;
        match save.as_ref().or(bulk.ledger.as_ref()) {
            Some(path) => write!(f, "follow them with `koodrive-share wait --tasks-from {}`", path.display()),
            None => write!(f, "follow them with `koodrive-share wait TASK_ID --share-id {share_id}`"),
        }
    }
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

/// The policy of a run, which tells of each pause in a line.
fn policy(bulk: &BulkArgs, split: bool, tell: UnboundedSender<String>) -> Result<BulkPolicy, CommandError> {
    let mut policy =
        BulkPolicy::builder().concurrency(bulk.concurrency).split_packages(split).resend_unknown(bulk.resend_unknown);
    policy = policy.on_pause(move |length, error| {
        // Nobody listens once the command has ended.
        let _ = tell.send(format!("paused for {length:.0?}: {}", with_causes(error)));
    });
    let (rate, patience) = both(
        flag_or_variable(bulk.rate, "KOODRIVE_RATE", args::rate),
        flag_or_variable(bulk.patience, "KOODRIVE_PATIENCE", humantime::parse_duration),
    )?;
    if let Some((requests, per)) = rate {
        policy = policy.rate(requests, per);
    }
    if let Some(patience) = patience {
        policy = policy.patience(patience);
    }
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
    pauses: UnboundedReceiver<String>,
    exit: Exit,
    interrupts: Interrupts,
    interrupted: bool,
    stop_reason: Option<StopReason>,
    /// The ids of which no task was made, for the advice of a run without a ledger.
    failed: Vec<Range<u64>>,
    saved: Option<SavedTasks>,
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
                    Some(Ok(item)) => {
                        let is_from_ledger = item.is_from_ledger();
                        self.record(item, &bulk);
                        self.progress.update(bulk.report(), is_from_ledger);
                    }
                    Some(Err(error)) => break Some(error),
                    None => break None,
                },
                () = self.interrupts.next() => self.interrupt(&bulk, args)?,
                Some(pause) = self.pauses.recv() => self.progress.note(&pause),
            }
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
            Ok(task) => {
                let saved = self.saved.as_mut().map_or(Ok(()), |saved| saved.add(task));
                if let Err(error) = saved {
                    let message = format!("tasks cannot be written to the file of --save: {error}");
                    self.stop(bulk, StopReason::Output(io::Error::new(error.kind(), message)));
                }
            }
            Err(error) => {
                self.exit = self.exit.max(error.into());
                if error.outcome() != Outcome::Unknown {
                    self.record_failed(item.range());
                }
                if fails_every_request(error) {
                    self.stop(bulk, StopReason::EveryRequestFails);
                }
            }
        }
        if let (Some(handles), Ok(handle)) = (&mut self.handles, item.into_result()) {
            handles.push(handle);
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
            None if left && !report.attempted().is_empty() => {
                let rest = ended.map(|_| report.attempted().end);
                stderr(&format!("no --ledger was given: give a new run {}", without_task(&self.failed, rest)));
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
}

/// `the ids 1000..2000 and 4000..5000, of which no task was made, and those from 7000 on`
fn without_task(failed: &[Range<u64>], rest: Option<u64>) -> String {
    let listed: Vec<String> =
        failed.iter().take(LISTED).map(|range| format!("{}..{}", range.start, range.end)).collect();
    let more = match failed.len().saturating_sub(LISTED) {
        0 => String::new(),
        more => format!(" and {more} more ranges that are told above"),
    };
    let failed =
        (!listed.is_empty()).then(|| format!("the ids {}{more}, of which no task was made", listed.join(", ")));
    let rest = rest.map(|start| format!("the ids from {start} on, which were not attempted"));
    failed.into_iter().chain(rest).collect::<Vec<_>>().join(", and ")
}

/// Whether the cause of this error would fail every other request, too, and the library goes on all the same.
fn fails_every_request(error: &Error) -> bool {
    matches!(error.status(), Some(403 | 404))
}

/// Whether the input was read but a line of it holds no file id.
fn is_invalid_line(error: &BulkError) -> bool {
    error.is_input() && error.source().is_some_and(<dyn StdError>::is::<InvalidLine>)
}
