//! `status` and `wait`, and the `--wait` of `package` and `dump`.

use std::{cell::RefCell, time::Duration};

use futures_util::{StreamExt, stream};
use koodrive_share::{Client, Error, PollError, TaskHandle, TaskStatus};

use crate::{
    args::{ServiceArgs, TasksArgs, WaitArgs},
    exit::{self, CommandError, Exit, with_causes},
    interrupts::{self, Interrupts},
    output::{Output, counted, printable, stderr},
    progress::Waiting,
    service,
    tasks::{self, TaskSource},
};

/// The number of tasks that are queried at a time.
const CONCURRENCY: usize = 4;

/// How long each task is followed by commands without `--timeout`.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(60 * 60);

/// The advice on how to go on, if the same command does that.
pub(crate) const GO_ON: &str = "run the same command again";

pub(crate) async fn status(service: ServiceArgs, args: TasksArgs, output: &Output) -> Result<Exit, CommandError> {
    let client = service::client(service)?;
    let source = TaskSource::read(args).await?;
    let access_advice = source.access_advice();
    let mut interrupts = Interrupts::new()?;
    let tasks = tasks::tasks(&client, source, &mut interrupts).await?;
    // Each query is a tokio task, so that replies are received while the standard output blocks.
    let answers = stream::iter(tasks).map(|task| {
        let client = client.clone();
        tokio::spawn(async move { (client.status(&task).await, task) })
    });
    let mut answers = answers.buffered(CONCURRENCY);
    let mut exit = Exit::Done;
    loop {
        let Some(next) = interrupts.unless_interrupted(answers.next()).await else {
            return Err(interrupts::interrupted().after(exit));
        };
        let Some(next) = next else {
            return Ok(exit);
        };
        let (answer, task) = next.map_err(|panic| CommandError::new(Exit::Failed, &panic).after(exit))?;
        exit = exit.max(match answer {
            Ok(status) => {
                let shown = output.status(task.task_id(), &status, true);
                shown.map_err(|error| CommandError::from(error).after(exit))?;
                exit::of_status(&status)
            }
            Err(error) => {
                let text = format!("task {}: {}", printable(task.task_id()), text(&error));
                output.query_error(task.task_id(), &error, &with_advice(text, &error, access_advice));
                exit::of_query(&error)
            }
        });
    }
}

pub(crate) async fn wait(service: ServiceArgs, args: WaitArgs, output: &Output) -> Result<Exit, CommandError> {
    let client = &service::client(service)?;
    let source = TaskSource::read(args.tasks).await?;
    let access_advice = source.access_advice();
    let mut interrupts = Interrupts::new()?;
    let tasks = tasks::tasks(client, source, &mut interrupts).await?;
    let following = Following { client, timeout: args.timeout, output, go_on: GO_ON, shows_url: true, access_advice };
    let (exit, summary) = following.follow_all(tasks, &mut interrupts).await?;
    stderr(&format!("{summary}; {exit}"));
    Ok(exit)
}

/// How tasks are followed.
pub(crate) struct Following<'a> {
    pub(crate) client: &'a Client,
    pub(crate) timeout: Duration,
    pub(crate) output: &'a Output,
    /// The advice after an interrupt or a poll that gave up: `run the same command again`.
    pub(crate) go_on: &'a str,
    /// Whether the download URL is written with the result. Whoever has the URL can fetch the package.
    pub(crate) shows_url: bool,
    /// The advice to add if the service refuses access.
    pub(crate) access_advice: Option<&'static str>,
}

impl Following<'_> {
    /// Follows the tasks, some at a time, and writes how each of them ended. Returns the exit status and a summary.
    pub(crate) async fn follow_all(
        &self,
        tasks: Vec<TaskHandle>,
        interrupts: &mut Interrupts,
    ) -> Result<(Exit, String), CommandError> {
        let waiting = RefCell::new(Waiting::new(tasks.len() as u64, self.output.shows_bar()));
        let followed = stream::iter(tasks).map(|task| self.follow_one(task, &waiting));
        let mut followed = followed.buffer_unordered(CONCURRENCY);
        let mut exit = Exit::Done;
        loop {
            let Some(next) = interrupts.unless_interrupted(followed.next()).await else {
                return Err(self.interrupted().after(exit));
            };
            let Some((task_id, end)) = next else {
                return Ok((exit, waiting.borrow().summary()));
            };
            let reported = self.report(&task_id, end);
            exit = exit.max(reported.map_err(|error| error.after(exit))?);
        }
    }

    /// The error of an interrupt while tasks go on.
    pub(crate) fn interrupted(&self) -> CommandError {
        CommandError { exit: Exit::Failed, message: format!("interrupted: the tasks go on; {}", self.go_on) }
    }

    async fn follow_one(
        &self,
        task: TaskHandle,
        waiting: &RefCell<Waiting>,
    ) -> (String, Option<Result<TaskStatus, PollError>>) {
        let task_id = task.task_id().to_owned();
        let mut polls = self.client.poller(task).timeout(self.timeout).into_stream();
        let mut last = None;
        while let Some(poll) = polls.next().await {
            if let Ok(status) = &poll {
                waiting.borrow_mut().update(&task_id, status);
            }
            last = Some(poll);
        }
        (task_id, last)
    }

    /// Reports how a task ended, or why it was not followed to its end.
    fn report(&self, task_id: &str, end: Option<Result<TaskStatus, PollError>>) -> Result<Exit, CommandError> {
        match end {
            Some(Ok(status)) => {
                self.output.status(task_id, &status, self.shows_url)?;
                Ok(exit::of_status(&status))
            }
            Some(Err(error)) => {
                let text = poll_error(task_id, &error, self.go_on);
                match error.error() {
                    Some(cause) => {
                        self.output.query_error(task_id, cause, &with_advice(text, cause, self.access_advice));
                    }
                    None => {
                        self.output.error(&CommandError { exit: Exit::Failed, message: text });
                    }
                }
                Ok(exit::of_poll(&error))
            }
            // A poller's stream is never empty.
            None => Ok(Exit::Failed),
        }
    }
}

/// The text of an error, followed by the advice if access was refused.
fn with_advice(text: String, error: &Error, access_advice: Option<&str>) -> String {
    text + access_advice.filter(|_| error.is_access_refused()).unwrap_or_default()
}

/// The text of an error. Broken rules are described in terms of flags and variables.
fn text(error: &Error) -> String {
    error.validation_error().map_or_else(|| with_causes(error), |broken| CommandError::from(broken).message)
}

/// `gave up on task 42 after 12 polls in 120 s: it is being processed; the task goes on; run the same command again`
fn poll_error(task_id: &str, error: &PollError, go_on: &str) -> String {
    let reason = match (error.error(), error.last_status()) {
        (Some(cause), _) => format!("the last poll failed: {}", text(cause)),
        (None, Some(status)) => format!("it is {}", status.state),
        (None, None) => "it has not ended".to_owned(),
    };
    let advice = match error.error() {
        Some(cause) if !cause.is_retryable() => "the task may go on: see to the cause, then",
        Some(_) | None => "the task goes on;",
    };
    let polls = counted(error.polls().into(), "poll");
    let (task_id, seconds) = (printable(task_id), error.elapsed().as_secs());
    format!("gave up on task {task_id} after {polls} in {seconds} s: {reason}; {advice} {go_on}")
}
