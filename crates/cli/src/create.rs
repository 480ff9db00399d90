//! `package` and `dump`.

use std::{
    error::Error as StdError,
    fmt, fs, io,
    ops::Range,
    path::{Path, PathBuf},
    time::Duration,
};

use koodrive_share::{
    AfterUnknown, Bulk, BulkError, BulkItem, BulkPolicy, BulkReport, Client, Error, Ledger, LedgerError, Outcome,
    TaskHandle,
};

use crate::{
    args::{self, BulkArgs, CreateArgs, ServiceArgs},
    download::{self, Target, ToFile},
    exit::{self, CommandError, Exit, both, with_causes},
    file_ids::InvalidLine,
    follow::{Following, TIMEOUT},
    interrupts::{self, Interrupts},
    output::{Output, ledger_counts, stderr},
    progress::Progress,
    service::{self, flag_or_variable},
    share::Key,
    source::{Given, Source, Template},
    tasks::SavedTasks,
};

/// Why a ledger is not resumed.
const NO_RUN: &str = "it holds no run to resume: check the path, since without --resume every task is created anew";

/// Most ranges of failed ids that advice lists.
const LISTED: usize = 10;

pub(crate) async fn run(
    service: ServiceArgs,
    template: Result<Template, CommandError>,
    mut create: CreateArgs,
    output: &Output,
    tracing: bool,
) -> Result<Exit, CommandError> {
    let own_ledger = own_ledger(&mut create, template.as_ref().ok());
    let template = template.and_then(|template| check_files(&create, &template).map(|()| template));
    let split = template.as_ref().is_ok_and(|template| template.split);
    let policy = policy(&create.bulk, service.patience, split);
    let given = template.and_then(|template| Ok((Given::check(&mut create, &template)?, template)));
    let (client, ((given, template), policy)) = both(service::client(service), both(given, policy))?;
    let saved = create.save.as_deref().map(SavedTasks::open).transpose()?;
    let resume = create.bulk.resume;
    let ledger = create.bulk.ledger.as_deref().map_or(Ok(None), |path| ledger_line(path, resume))?;
    ledger.filter(|_| own_ledger.is_none()).iter().for_each(|line| stderr(line));
    let (source, interrupts) = source(given, &client, &template, &create).await?;
    let Source { task, file_ids, total, duplicates, access_advice, names } = source;
    let bulk = client.create_bulk_with(task, file_ids, policy)?;
    let mut run = BulkRun {
        output,
        progress: Progress::new(total, tracing),
        exit: Exit::Done,
        interrupts,
        interrupted: false,
        stop_reason: None,
        failed: Vec::new(),
        access_advice,
        own_ledger,
        lists_share: create.share_id.is_none() && create.file_ids_from.is_none(),
        saved,
        handles: (create.wait || template.target.is_some()).then(Vec::new),
    };
    duplicates.take_warning().iter().for_each(|warning| stderr(warning));
    let created = run.create(bulk, &create.bulk).await;
    duplicates.take_warning().iter().for_each(|warning| stderr(warning));
    let has_ended = created?;
    let (mut is_over, mut summary) = (false, None);
    if let (Some(handles), true) = (run.handles.take(), has_ended) {
        let task = handles.first().cloned();
        let (ended, told) = run.follow(&client, handles, &create, &template, tracing).await?;
        if let (Some(target), Some(task), true) = (&template.target, task, download::has_package(ended)) {
            let download = ToFile { client: &client, output, tracing, target, names };
            let download = download.run(&task, &mut run.interrupts).await?;
            run.exit = run.exit.max(download.exit);
            is_over = download.is_over;
        }
        summary = Some(told);
    }
    run.keep_or_delete_ledger(is_over, has_ended);
    let not_followed = || "no task was followed, since the run ended before its last file id".to_owned();
    if let Some(summary) = summary.or_else(|| create.wait.then(not_followed)) {
        stderr(&format!("{summary}; {}", run.exit));
    }
    Ok(run.exit)
}

/// Whether a command goes on with what a ledger holds: a task, what may be one, or what cannot be read; or uses it now.
fn is_of_use(path: &Path) -> bool {
    let is_empty = |ledger: Ledger| ledger.report().is_ok_and(|report| report.created + report.unknown == 0);
    path.exists() && !Ledger::read(path).is_ok_and(|ledger| !ledger.is_in_use() && is_empty(ledger))
}

/// Begins a ledger beside the file that a package goes to, unless one is named, so that the same command goes on with
/// the task that was made.
fn own_ledger(create: &mut CreateArgs, template: Option<&Template>) -> Option<PathBuf> {
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
fn ledger_line(path: &Path, resume: bool) -> Result<Option<String>, CommandError> {
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
        let message = "the ledger is in use by another run; resume once that has ended".to_owned();
        return Err(CommandError { exit: Exit::Failed, message }.about(path));
    }
    match ledger.report() {
        Ok(report) if report.attempted.is_empty() => new(),
        Ok(report) => line(format!("resumed: {}", ledger_counts(&ledger, &report))),
        Err(error) => unreadable(error),
    }
}

/// Refuses a file that two of the flags would write to: what one keeps there would be lost.
fn check_files(create: &CreateArgs, template: &Template) -> Result<(), CommandError> {
    let output = template.target.as_ref().map(Target::path);
    let files = [("--save", create.save.as_deref()), ("--ledger", create.bulk.ledger.as_deref()), ("--output", output)];
    let files = files.map(|(flag, path)| (flag, path.map(resolved)));
    for (n, (flag, path)) in files.iter().enumerate() {
        if let Some((other, _)) = files[..n].iter().find(|(_, earlier)| path.is_some() && earlier == path) {
            let path = path.as_deref().unwrap_or(Path::new("")).display();
            let hint = "name two; without --ledger, that of --output is FILE.ledger";
            return Err(CommandError::usage(format!("{other} and {flag} name the same file, {path}: {hint}")));
        }
    }
    Ok(())
}

/// The path without links and detours, as far as there is something at it.
fn resolved(path: &Path) -> PathBuf {
    let in_directory = || Some(download::directory_of(path).canonicalize().ok()?.join(path.file_name()?));
    path.canonicalize().ok().or_else(in_directory).unwrap_or_else(|| path.to_owned())
}

async fn source(
    given: Given,
    client: &Client,
    template: &Template,
    create: &CreateArgs,
) -> Result<(Source, Interrupts), CommandError> {
    match given {
        Given::Ids(source) => Ok((*source, Interrupts::new()?)),
        Given::Link { link, chosen } => {
            let key = Key::read(&link, create.extract_code_file.as_deref()).await?.or_file_id(&link);
            let mut interrupts = Interrupts::new()?;
            let source = interrupts.unless_interrupted(Source::of_share(client, &key, chosen, template)).await;
            Ok((source.unwrap_or_else(|| Err(interrupts::interrupted()))?, interrupts))
        }
    }
}

/// The policy of a run, which tells of each pause in a line.
fn policy(bulk: &BulkArgs, patience: Option<Duration>, split: bool) -> Result<BulkPolicy, CommandError> {
    let mut policy =
        BulkPolicy::default().concurrency(bulk.concurrency).split_packages(split).resend_unknown(bulk.resend_unknown);
    policy = policy.on_pause(service::tell_pauses());
    // A patience that is refused is told with the client.
    if let Ok(patience) = service::patience(patience) {
        policy = policy.patience(patience);
    }
    if let Some((requests, per)) = flag_or_variable(bulk.rate, "KOODRIVE_RATE", args::rate)? {
        policy = policy.rate(requests, per);
    }
    if bulk.continue_after_unknown {
        policy = policy.after_unknown(AfterUnknown::Continue);
    }
    if let Some(path) = &bulk.ledger {
        policy = policy.ledger(path);
    }
    policy.validate()?;
    Ok(policy)
}

/// `run "koodrive-share wait --tasks-from photos.tasks"`
struct HowToFollow<'a>(&'a CreateArgs, &'a Template);

impl fmt::Display for HowToFollow<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(CreateArgs { save, bulk, share_id, extract_code_file, .. }, template) = self;
        if template.target.is_some() {
            return f.write_str("run the same command again");
        }
        f.write_str("run `koodrive-share wait")?;
        let saved = save.as_ref().or(bulk.ledger.as_ref());
        match saved {
            Some(path) => write!(f, " --tasks-from {}", path.display())?,
            None => f.write_str(" TASK_ID")?,
        }
        match (share_id, saved) {
            (Some(share_id), None) => write!(f, " --share-id {share_id}")?,
            (Some(_), Some(_)) => {}
            (None, _) => f.write_str(" --link LINK")?,
        }
        if let Some(path) = extract_code_file {
            write!(f, " --extract-code-file {}", path.display())?;
        }
        f.write_str("`")
    }
}

struct BulkRun<'a> {
    output: &'a Output,
    progress: Progress,
    exit: Exit,
    interrupts: Interrupts,
    interrupted: bool,
    stop_reason: Option<StopReason>,
    /// The ids of which no task was made, for the advice of a run without a ledger.
    failed: Vec<Range<u64>>,
    /// What to say once where the service refuses access to the share.
    access_advice: Option<&'static str>,
    /// The ledger that no flag names, so advice need not name it.
    own_ledger: Option<PathBuf>,
    /// The ids come from a listing, so they change with the share.
    lists_share: bool,
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
    /// Creates the tasks. Gives whether the run came to its end, also where an interrupt waited for the last reply.
    async fn create(&mut self, mut bulk: Bulk<'_>, args: &BulkArgs) -> Result<bool, CommandError> {
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
                // The same command sends what is left, and follows all tasks then.
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
    async fn follow(
        &mut self,
        client: &Client,
        tasks: Vec<TaskHandle>,
        create: &CreateArgs,
        template: &Template,
        tracing: bool,
    ) -> Result<(Exit, String), CommandError> {
        let (timeout, go_on) = (TIMEOUT, HowToFollow(create, template));
        let shows_url = template.target.is_none();
        let following =
            Following { client, timeout, output: self.output, tracing, go_on, shows_url, access_advice: None };
        if self.interrupted && !tasks.is_empty() {
            return Err(following.interrupted().after(self.exit));
        }
        let ended = following.to_their_ends(tasks, &mut self.interrupts).await;
        let ended = ended.map_err(|error| error.after(self.exit))?;
        self.exit = self.exit.max(ended.0);
        Ok(ended)
    }

    /// Deletes the ledger that no flag names once the same command has nothing to go on with.
    fn keep_or_delete_ledger(&self, is_over: bool, has_ended: bool) {
        let Some(path) = &self.own_ledger else { return };
        if is_over || !is_of_use(path) {
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
        let exit = match () {
            () if error.validation_error().is_some() => Exit::Usage,
            () if error.is_unknown() => Exit::Unknown,
            () if error.is_out_of_patience() => Exit::Unavailable,
            () if error.is_in_use() => Exit::Failed,
            () if error.is_other_run() && !sent => Exit::Usage,
            () if error.is_ledger() && error.attempted().is_empty() => Exit::Usage,
            () if is_invalid_line(error) && error.attempted().is_empty() => Exit::Usage,
            () => match listing.map_or(Exit::Failed, exit::of_query) {
                // Tasks were created.
                Exit::Usage if sent => Exit::Failed,
                exit => exit,
            },
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
            // A scheduler would give the same command, which creates every task anew.
            self.exit = Exit::Failed;
        }
    }

    /// Tells how to go on after an error.
    fn advise(&self, args: &BulkArgs, ended: Option<&BulkError>, report: &BulkReport) {
        if self.exit == Exit::Unknown {
            stderr(
                "check: a task may exist for the ids whose outcome is unknown; look into the target, or ask the \
                 vendor by trace id",
            );
        }
        if let Some(path) = args.ledger.as_deref().filter(|_| ended.is_some_and(BulkError::is_ledger_lost)) {
            let path = path.display();
            stderr(&format!(
                "do not give the same command again: a new ledger creates every task anew, a backup those that it lacks. \
                 Put {path} back if it was moved; else keep the tasks of the standard output, and give another ledger {}",
                without_task(&self.failed, Some(report.attempted.end))
            ));
            return;
        }
        if ended.is_some_and(BulkError::is_other_run) && self.lists_share && self.own_ledger.is_none() {
            stderr(
                "if the share was changed since the ledger's run began: give the file ids of that run by --file-ids-from, \
                 or the files that its tasks lack to a run with another ledger",
            );
        }
        if self.exit == Exit::Usage {
            if let Some(path) = self.own_ledger.as_deref().filter(|path| is_of_use(path)) {
                let path = path.display();
                stderr(&format!(
                    "{path} keeps the task of a command that did not end: give that command again, fetch its package by \
                     `koodrive-share download --tasks-from {path}`, or delete it to begin anew"
                ));
            }
            return;
        }
        // A ledger that another run uses has no cause.
        let is_unwritten =
            |error: &BulkError| error.is_ledger() && !error.attempted().is_empty() && error.source().is_some();
        if let (Some(path), true) = (&args.ledger, ended.is_some_and(is_unwritten)) {
            stderr(&format!(
                "settle: once it can be written, enter each task that it lacks by `koodrive-share ledger {} --made RANGE \
                 TASK_ID`",
                path.display()
            ));
        }
        self.advise_to_resume(args, ended, report);
        if let (Some(path), Exit::Unknown) = (&args.ledger, self.exit) {
            stderr(&format!(
                "settle: `koodrive-share ledger {}` lists what is unknown; settle each by --made or --not-made",
                path.display()
            ));
            stderr(
                "the same command with --resend-unknown creates anew what is unknown: use it once you know that \
                 it does not exist",
            );
        }
    }

    fn advise_to_resume(&self, args: &BulkArgs, ended: Option<&BulkError>, report: &BulkReport) {
        let is_other_run = ended.is_some_and(BulkError::is_other_run);
        let left = ended.is_some() || report.rejected + report.not_sent > 0;
        match &args.ledger {
            Some(_) if left && !is_other_run && self.own_ledger.is_some() => {
                stderr("resume: run the same command; tasks that exist are not created again");
            }
            Some(path) if left && !is_other_run => stderr(&format!(
                "resume: run the same command with --ledger {}; tasks that exist are not created again",
                path.display()
            )),
            None if left && !report.attempted.is_empty() => {
                let rest = ended.map(|_| report.attempted.end);
                stderr(&format!("no --ledger was given: give a new run {}", without_task(&self.failed, rest)));
            }
            Some(_) | None => {}
        }
    }
}

/// `the ids 1000..2000, 4000..5000, of which no task was made, and any ids from 7000 on, which were not attempted`: there may be
/// none, as after the last one of a listing.
fn without_task(failed: &[Range<u64>], rest: Option<u64>) -> String {
    let listed: Vec<String> =
        failed.iter().take(LISTED).map(|range| format!("{}..{}", range.start, range.end)).collect();
    let more = match failed.len().saturating_sub(LISTED) {
        0 => String::new(),
        more => format!(" and {more} more ranges that are told above"),
    };
    let failed =
        (!listed.is_empty()).then(|| format!("the ids {}{more}, of which no task was made", listed.join(", ")));
    let rest = rest.map(|start| format!("any ids from {start} on, which were not attempted"));
    failed.into_iter().chain(rest).collect::<Vec<_>>().join(", and ")
}

/// Whether the cause of this error would fail every other request, too, and the library goes on all the same.
fn fails_every_request(error: &Error) -> bool {
    matches!(error.status(), Some(403 | 404))
}

/// The error that ended the listing of a share.
fn listing_error(error: &BulkError) -> Option<&Error> {
    error.source().filter(|_| error.is_input())?.downcast_ref()
}

/// Whether the input was read but a line of it holds no file id.
fn is_invalid_line(error: &BulkError) -> bool {
    let cause = error.source().filter(|_| error.is_input()).and_then(StdError::source);
    cause.is_some_and(<dyn StdError>::is::<InvalidLine>)
}
