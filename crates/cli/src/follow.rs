//! `status` and `wait`.

use std::pin::pin;

use futures_util::StreamExt;
use koodrive_share::{Client, Error, PollError, PollingPolicy, TaskHandle};

use crate::{
    args::{TaskArgs, WaitArgs},
    exit::{self, CommandError, Exit, with_causes},
    output::{self, Output},
    secret,
};

pub(crate) async fn status(client: &Client, task: TaskArgs, output: &Output) -> Result<Exit, CommandError> {
    let handle = handle(client, &task)?;
    match client.status(&handle).await {
        Ok(status) => {
            output.status(&task.id, &status)?;
            Ok(exit::of_status(&status))
        }
        Err(error) => {
            usage(&error)?;
            output.query_error(&task.id, &error, &with_causes(&error));
            Ok(exit::of_query(&error))
        }
    }
}

pub(crate) async fn wait(client: &Client, wait: WaitArgs, output: &Output) -> Result<Exit, CommandError> {
    let handle = handle(client, &wait.task)?;
    let policy = PollingPolicy::builder().timeout(wait.timeout).build()?;
    let mut polls = pin!(client.poller_with(handle, policy).into_stream());
    let mut last_line = String::new();
    while let Some(poll) = polls.next().await {
        match poll {
            Ok(status) if status.state().is_final() => {
                output.status(&wait.task.id, &status)?;
                return Ok(exit::of_status(&status));
            }
            Ok(status) => {
                let text = output::status_line(&wait.task.id, &status);
                if last_line != text {
                    output::stderr(&text);
                    last_line = text;
                }
            }
            Err(error) => {
                error.error().map_or(Ok(()), usage)?;
                report_poll_error(output, &wait.task.id, &error);
                return Ok(exit::of_poll(&error));
            }
        }
    }
    Ok(Exit::Failed)
}

/// Returns broken rules as an error of usage.
fn usage(error: &Error) -> Result<(), CommandError> {
    error.validation_error().map_or(Ok(()), |broken| Err(broken.into()))
}

/// Reports why polling ended before the task did.
pub(crate) fn report_poll_error(output: &Output, task_id: &str, error: &PollError) {
    match error.error() {
        Some(cause) => output.query_error(task_id, cause, &with_causes(error)),
        None => {
            output.error(&CommandError::new(Exit::Failed, error));
        }
    }
}

/// A handle from the ids alone.
fn handle(client: &Client, task: &TaskArgs) -> Result<TaskHandle, CommandError> {
    let handle = TaskHandle::new(&task.id, &task.share_id, client.endpoint(), None);
    Ok(match secret::kdstoken(task.kdstoken_file.as_ref())? {
        Some(kdstoken) => handle.with_kdstoken(kdstoken),
        None => handle,
    })
}
