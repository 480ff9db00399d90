//! `package` and `dump`.

mod advice;
mod bulk_run;
mod own_ledger;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use koodrive_share::{AfterUnknown, BulkPolicy, Client};

use self::{
    bulk_run::BulkRun,
    own_ledger::{ledger_line, own_ledger},
};
use crate::{
    args::{self, BulkArgs, CreateArgs, ServiceArgs},
    download::{self, Target, ToFile},
    exit::{CommandError, Exit, both},
    interrupts::{self, Interrupts},
    output::{Output, stderr},
    progress::Progress,
    service::{self, flag_or_variable},
    share::Key,
    source::{Arguments, Source, Template},
    tasks::SavedTasks,
};

pub(crate) async fn run(
    service: ServiceArgs,
    template: Result<Template, CommandError>,
    mut create: CreateArgs,
    output: &Output,
) -> Result<Exit, CommandError> {
    let own_ledger = own_ledger(&mut create, template.as_ref().ok());
    let split = template.as_ref().is_ok_and(|template| template.split);
    let policy = policy(&create.bulk, service.patience, split);
    let arguments = check_arguments(&mut create, template).await;
    let (client, ((arguments, template), policy)) = both(service::client(service), both(arguments, policy))?;
    let saved = create.save.as_deref().map(SavedTasks::open).transpose()?;
    let resume = create.bulk.resume;
    let ledger = create.bulk.ledger.as_deref().map_or(Ok(None), |path| ledger_line(path, resume))?;
    if let (Some(line), None) = (ledger, &own_ledger) {
        stderr(&line);
    }
    let (source, interrupts) = source(arguments, &client, &template, &create).await?;
    let Source { task, file_ids, total, duplicates, access_advice, names } = source;
    let bulk = client.create_bulk_with(task, file_ids, policy)?;
    let mut run = BulkRun {
        output,
        progress: Progress::new(total, output.shows_bar()),
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
    let warn = || {
        if let Some(warning) = duplicates.take_warning() {
            stderr(&warning);
        }
    };
    warn();
    let created = run.create(bulk, &create.bulk).await;
    warn();
    let has_ended = created?;
    let (mut is_over, mut summary) = (false, None);
    if let (Some(handles), true) = (run.handles.take(), has_ended) {
        let task = handles.first().cloned();
        let (ended, text) = run.follow(&client, handles, &create, &template).await?;
        if let (Some(target), Some(task), true) = (&template.target, task, download::has_package(ended)) {
            let download = ToFile { client: &client, output, target, names };
            let download = download.run(&task, &mut run.interrupts).await?;
            run.exit = run.exit.max(download.exit);
            is_over = download.is_over;
        }
        summary = Some(text);
    }
    run.keep_or_delete_ledger(is_over, has_ended);
    let not_followed = || "no task was followed, since the run ended before its last file id".to_owned();
    if let Some(summary) = summary.or_else(|| create.wait.then(not_followed)) {
        stderr(&format!("{summary}; {}", run.exit));
    }
    Ok(run.exit)
}

/// Checks the template, the files that flags name, and the arguments.
async fn check_arguments(
    create: &mut CreateArgs,
    template: Result<Template, CommandError>,
) -> Result<(Arguments, Template), CommandError> {
    let template = template?;
    check_files(create, &template)?;
    Ok((Arguments::check(create, &template).await?, template))
}

/// Refuses a file that two flags would write to, since what one of them keeps there would be lost.
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

/// The canonical path. If the file does not exist yet, only its directory is resolved.
fn resolved(path: &Path) -> PathBuf {
    let in_directory = || Some(download::directory_of(path).canonicalize().ok()?.join(path.file_name()?));
    path.canonicalize().ok().or_else(in_directory).unwrap_or_else(|| path.to_owned())
}

async fn source(
    arguments: Arguments,
    client: &Client,
    template: &Template,
    create: &CreateArgs,
) -> Result<(Source, Interrupts), CommandError> {
    match arguments {
        Arguments::Ids(source) => Ok((*source, Interrupts::new()?)),
        Arguments::Link { link, chosen } => {
            let key = Key::read(&link, create.extract_code_file.as_deref()).await?.or_file_id(&link);
            let mut interrupts = Interrupts::new()?;
            let source = interrupts.unless_interrupted(Source::of_share(client, &key, chosen, template)).await;
            Ok((source.unwrap_or_else(|| Err(interrupts::interrupted()))?, interrupts))
        }
    }
}

/// The policy of a run, which reports its pauses on the standard error.
fn policy(bulk: &BulkArgs, patience: Option<Duration>, split: bool) -> Result<BulkPolicy, CommandError> {
    let mut policy =
        BulkPolicy::default().concurrency(bulk.concurrency).split_packages(split).resend_unknown(bulk.resend_unknown);
    policy = policy.on_pause(service::report_pauses());
    // If the patience cannot be parsed, `service::client` reports the error.
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
