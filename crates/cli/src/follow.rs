//! `status` and `wait`.

use std::pin::pin;

use futures_util::StreamExt;
use koodrive_share::{Client, PollError, PollingPolicy, TaskHandle, TaskResult, TaskState, TaskStatus};

use crate::{
    args::{Task, Wait},
    exit::{self, Exit, Failure, with_causes},
    output::{self, Output},
    secret,
};

pub(crate) async fn status(client: &Client, task: Task, output: &Output) -> Result<Exit, Failure> {
    let handle = handle(client, &task)?;
    match client.status(&handle).await {
        Ok(status) => {
            output.followed(&task.id, &status)?;
            Ok(not_all_succeeded(&status))
        }
        Err(error) => {
            output.not_followed(&task.id, &error, &with_causes(&error));
            Ok(exit::of_query(&error))
        }
    }
}

pub(crate) async fn wait(client: &Client, wait: Wait, output: &Output) -> Result<Exit, Failure> {
    let handle = handle(client, &wait.task)?;
    let policy = PollingPolicy::builder().timeout(wait.timeout).build()?;
    let mut polls = pin!(client.poller_with(handle, policy).into_stream());
    let mut told = String::new();
    while let Some(poll) = polls.next().await {
        match poll {
            Ok(status) if status.state().is_final() => {
                output.followed(&wait.task.id, &status)?;
                return Ok(not_all_succeeded(&status));
            }
            Ok(status) => {
                let text = output::state(&wait.task.id, &status);
                if told != text {
                    output::stderr(&text);
                    told = text;
                }
            }
            Err(error) => {
                gave_up(output, &wait.task.id, &error);
                return Ok(exit::of_poll(&error));
            }
        }
    }
    Ok(Exit::Failed)
}

/// Says why a task was not followed to its end.
pub(crate) fn gave_up(output: &Output, task_id: &str, error: &PollError) {
    match error.error() {
        Some(cause) => output.not_followed(task_id, cause, &with_causes(error)),
        None => {
            output.failure(&Failure::new(Exit::Failed, error));
        }
    }
}

/// What a status means for the exit status; a task that goes on is well so far.
pub(crate) fn not_all_succeeded(status: &TaskStatus) -> Exit {
    match status.state() {
        TaskState::Completed(TaskResult::AllSucceeded) => Exit::Done,
        state if state.is_final() => Exit::NotAllSucceeded,
        _ => Exit::Done,
    }
}

/// The handle of a task of which no more than the ids are known.
fn handle(client: &Client, task: &Task) -> Result<TaskHandle, Failure> {
    let handle = TaskHandle::new(&task.id, &task.share_id, client.endpoint(), None);
    Ok(match secret::kdstoken(task.kdstoken_file.as_ref())? {
        Some(kdstoken) => handle.with_kdstoken(kdstoken),
        None => handle,
    })
}
