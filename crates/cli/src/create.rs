//! `package` and `dump`.

use std::{fmt, io};

use futures_util::{StreamExt, stream};
use koodrive_share::{AfterUnknown, Bulk, BulkError, BulkItem, BulkPolicy, BulkReport, Client, Error, TaskHandle};

use crate::{
    args::{self, Create, Template},
    exit::{self, Exit, Failure, with_causes},
    file_ids::Source,
    follow::{self, not_all_succeeded},
    interrupts::Interrupts,
    output::{Output, stderr},
    progress::Progress,
    secret,
};

pub(crate) async fn run(
    client: &Client,
    template: Template,
    mut create: Create,
    output: &Output,
    plain: bool,
) -> Result<Exit, Failure> {
    let source = Source::new(&mut create)?;
    let total = source.count()?;
    let mut task = template.task;
    if let Some(kdstoken) = secret::kdstoken(create.kdstoken_file.as_ref())? {
        task = task.kdstoken(kdstoken);
    }
    let task = task.share_id(create.share_id).container_id(create.container_id);
    let policy = policy(&create.bulk, template.split)?;
    let bulk = client.create_bulk_with(task, source.ids().await?, policy)?;
    let mut session = Session {
        output,
        progress: Progress::new(total, plain),
        exit: Exit::Done,
        interrupts: Interrupts::new()?,
        interrupted: false,
        stopped: None,
        handles: create.wait.then(Vec::new),
    };
    session.create(bulk, &create.bulk).await?;
    if let (Some(handles), None) = (session.handles.take(), &session.stopped) {
        session.wait(client, handles, create.bulk.concurrency).await?;
    }
    Ok(session.exit)
}

fn policy(bulk: &args::Bulk, split: bool) -> Result<BulkPolicy, Failure> {
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

struct Session<'a> {
    output: &'a Output,
    progress: Progress,
    exit: Exit,
    interrupts: Interrupts,
    interrupted: bool,
    stopped: Option<Stopped>,
    /// The tasks to follow; 300 bytes for each 1,000 ids.
    handles: Option<Vec<TaskHandle>>,
}

/// Why this tool stopped a run.
enum Stopped {
    Interrupted,
    /// What one request failed by, all would.
    Hopeless,
    Output(io::Error),
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Interrupted => f.write_str("interrupted"),
            Self::Hopeless => f.write_str("every further request would fail like this one"),
            Self::Output(error) => write!(f, "no results can be written: {error}"),
        }
    }
}

impl Session<'_> {
    async fn create(&mut self, mut bulk: Bulk<'_>, args: &args::Bulk) -> Result<(), Failure> {
        let ended = loop {
            tokio::select! {
                next = bulk.next() => match next {
                    Some(Ok(item)) => self.take(item, &bulk),
                    Some(Err(error)) => break Some(error),
                    None => break None,
                },
                () = self.interrupts.next() => self.interrupt(&bulk, args)?,
            }
            self.progress.update(bulk.report());
        };
        self.progress.finish(bulk.report());
        if let Some(error) = &ended {
            self.end(error, bulk.report());
        } else if let Some(Stopped::Output(error)) = &self.stopped {
            return Err(Failure::new(self.exit.max(Exit::Failed), error));
        }
        if self.exit > Exit::Done {
            self.advise(args, ended.as_ref(), bulk.report());
        }
        Ok(())
    }

    fn take(&mut self, item: BulkItem, bulk: &Bulk<'_>) {
        if let Err(error) = self.progress.beside(|| self.output.created(&item)) {
            self.stop(bulk, Stopped::Output(error));
        }
        match item.result() {
            Ok(_) => {}
            Err(error) => {
                self.exit = self.exit.max(error.into());
                if is_hopeless(error) {
                    self.stop(bulk, Stopped::Hopeless);
                }
            }
        }
        if let (Some(handles), Ok(handle)) = (&mut self.handles, item.into_result()) {
            handles.push(handle);
        }
    }

    fn stop(&mut self, bulk: &Bulk<'_>, why: Stopped) {
        bulk.stop();
        self.stopped.get_or_insert(why);
    }

    /// The first interrupt lets requests finish, the second one does not.
    fn interrupt(&mut self, bulk: &Bulk<'_>, args: &args::Bulk) -> Result<(), Failure> {
        if self.interrupted {
            let look = match args.ledger {
                Some(_) => "the ledger calls them unknown",
                None => "look into the target",
            };
            return Err(Failure {
                exit: Exit::Unknown,
                message: format!("interrupted twice: requests that were on their way may have made tasks, {look}"),
            });
        }
        self.interrupted = true;
        self.stop(bulk, Stopped::Interrupted);
        self.progress.note("interrupted: waiting for the requests on their way, interrupt again to leave");
        Ok(())
    }

    /// Says why a run did not come to its end.
    fn end(&mut self, error: &BulkError, report: &BulkReport) {
        let sent = report.created() + report.rejected() + report.not_sent() > 0;
        let exit = match () {
            () if error.is_unknown() => Exit::Unknown,
            () if error.is_other_run() && !sent => Exit::Usage,
            () if error.is_ledger() && error.attempted().is_empty() => Exit::Usage,
            () => Exit::Failed,
        };
        let message = match &self.stopped {
            Some(stopped) if error.is_stopped() => {
                let end = error.attempted().end;
                format!("{stopped}: of the file ids, 0..{end} were attempted, the rest was not")
            }
            Some(_) | None => with_causes(error),
        };
        let mut failure = Failure { exit, message };
        if let Some(broken) = error.validation_error() {
            failure = broken.into();
            if broken.violations().iter().any(|it| it.rule() == "split-consent") {
                failure.message.push_str(": --split makes several");
            }
        }
        self.exit = self.exit.max(self.output.failure(&failure));
    }

    /// Says what to do next.
    fn advise(&self, args: &args::Bulk, ended: Option<&BulkError>, report: &BulkReport) {
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
    async fn wait(&mut self, client: &Client, handles: Vec<TaskHandle>, concurrency: usize) -> Result<(), Failure> {
        let followed = stream::iter(handles).map(|handle| async {
            let task_id = handle.task_id().to_owned();
            (task_id, client.poller(handle).until_done().await)
        });
        let mut followed = followed.buffered(concurrency);
        loop {
            let next = tokio::select! {
                next = followed.next() => next,
                () = self.interrupts.next() => {
                    return Err(Failure {
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
                    self.output.followed(&task_id, &status)?;
                    not_all_succeeded(&status)
                }
                Err(error) => {
                    follow::gave_up(self.output, &task_id, &error);
                    exit::of_poll(&error)
                }
            };
            self.exit = self.exit.max(exit);
        }
    }
}

/// Whether whatever made this request fail would do the same to all others.
fn is_hopeless(error: &Error) -> bool {
    error.is_connect()
        || error.is_credentials()
        || error.is_throttled()
        || matches!(error.status(), Some(401 | 403 | 404))
}
