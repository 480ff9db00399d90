//! Results on the standard output, for people or for programs.

use std::{
    io::{self, Write},
    ops::Range,
};

use koodrive_share::{BulkItem, Error, FileStatus, Outcome, TaskResult, TaskState, TaskStatus};
use serde::Serialize;

use crate::{
    args::Format,
    exit::{CommandError, Exit, with_causes},
};

pub(crate) struct Output {
    format: Format,
}

/// The result of one chunk: a task, or why there is none.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ChunkFields<'a> {
    task_id: Option<&'a str>,
    trace_id: &'a str,
    start: u64,
    end: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    zip_name: Option<&'a str>,
    from_ledger: bool,
    #[serde(flatten)]
    failed: Option<ErrorFields<'a>>,
}

/// An error; `message` is its whole text.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ErrorFields<'a> {
    outcome: &'static str,
    status: Option<u16>,
    service_code: Option<&'a str>,
    message: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StatusFields<'a> {
    task_id: &'a str,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<&'static str>,
    progress: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    download_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    failed_file_ids: Vec<&'a str>,
}

impl<'a> From<&'a Error> for ErrorFields<'a> {
    fn from(error: &'a Error) -> Self {
        Self {
            outcome: match error.outcome() {
                Outcome::NotSent => "notSent",
                Outcome::Rejected => "rejected",
                Outcome::Unknown => "unknown",
            },
            status: error.status(),
            service_code: error.service_code().map(koodrive_share::ServiceCode::as_str),
            message: with_causes(error),
        }
    }
}

impl Output {
    pub(crate) fn new(format: Format) -> Self {
        Self { format }
    }

    /// `1689765568237837824  ids 0..1000  photos-0001.zip  trace id 8GvT…`
    pub(crate) fn chunk(&self, item: &BulkItem) -> io::Result<()> {
        let Range { start, end } = item.range();
        let trace_id = item.trace_id();
        match (self.format, item.result()) {
            (Format::Text, Ok(handle)) => {
                let zip_name = item.zip_name().map(|name| format!("  {name}"));
                let earlier = if item.is_from_ledger() { "  created earlier" } else { "" };
                result(&format!(
                    "{}  ids {start}..{end}{}  trace id {trace_id}{earlier}",
                    handle.task_id(),
                    zip_name.unwrap_or_default()
                ))
            }
            (Format::Text, Err(error)) => {
                stderr(&format!("error: ids {start}..{end}: {}", with_causes(error)));
                Ok(())
            }
            (Format::Json, result) => json(&ChunkFields {
                task_id: result.ok().map(koodrive_share::TaskHandle::task_id),
                trace_id: trace_id.as_str(),
                start,
                end,
                zip_name: item.zip_name(),
                from_ledger: item.is_from_ledger(),
                failed: result.err().map(ErrorFields::from),
            }),
        }
    }

    /// `1689765568237837824  completed, all succeeded  100 %`, then the download URL and the files that failed.
    ///
    /// The URL never goes to the standard error: logs keep that, and whoever has the URL can fetch the package.
    pub(crate) fn status(&self, task_id: &str, status: &TaskStatus) -> io::Result<()> {
        let failed = status.files().iter();
        let failed = failed.filter(|file| file.status() == Some(&FileStatus::Failed));
        let failed: Vec<&str> = failed.filter_map(|file| file.file_id()).collect();
        let url = status.download_url().map(koodrive_share::DownloadUrl::expose);
        match self.format {
            Format::Text => {
                result(&status_line(task_id, status))?;
                if let Some(url) = url {
                    stdout(&format!("{task_id}  download {url}"))?;
                }
                for file_id in failed {
                    result(&format!("{task_id}  failed {file_id}"))?;
                }
                Ok(())
            }
            Format::Json => {
                let mut fields = StatusFields {
                    task_id,
                    state: match status.state() {
                        TaskState::Pending => "pending",
                        TaskState::Running => "running",
                        TaskState::Completed(_) => "completed",
                        TaskState::Cancelled => "cancelled",
                        _ => "other",
                    },
                    result: match status.state() {
                        TaskState::Completed(TaskResult::AllSucceeded) => Some("allSucceeded"),
                        TaskState::Completed(TaskResult::PartiallyFailed) => Some("partiallyFailed"),
                        TaskState::Completed(TaskResult::AllFailed) => Some("allFailed"),
                        TaskState::Completed(_) => Some("other"),
                        _ => None,
                    },
                    progress: status.progress(),
                    download_url: url,
                    failed_file_ids: failed,
                };
                stdout(&serde_json::to_string(&fields)?).inspect_err(|_| {
                    fields.download_url = None;
                    stderr(&serde_json::to_string(&fields).unwrap_or_default());
                })
            }
        }
    }

    /// A query of a task that failed.
    pub(crate) fn query_error(&self, task_id: &str, error: &Error, text: &str) {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct QueryErrorFields<'a> {
            task_id: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            trace_id: Option<&'a str>,
            #[serde(flatten)]
            failed: ErrorFields<'a>,
        }
        match self.format {
            Format::Text => stderr(&format!("error: {text}")),
            Format::Json => {
                let trace_id = error.trace_id().map(koodrive_share::TraceId::as_str);
                let failed = error.into();
                // The exit status is already that of an error.
                let _ = json(&QueryErrorFields { task_id, trace_id, failed });
            }
        }
    }

    /// A result that is not about a task.
    pub(crate) fn value(&self, name: &str, value: &str) -> io::Result<()> {
        match self.format {
            Format::Text => result(value),
            Format::Json => json(&serde_json::json!({ name: value })),
        }
    }

    /// The error that ended the command.
    pub(crate) fn error(&self, error: &CommandError) -> Exit {
        #[derive(Serialize)]
        struct Message<'a> {
            outcome: Option<&'a str>,
            message: &'a str,
        }
        match self.format {
            Format::Text => stderr(&format!("error: {error}")),
            Format::Json => {
                let outcome = (error.exit == Exit::Usage).then_some("notSent");
                let message = &error.message;
                let _ = json(&Message { outcome, message });
            }
        }
        error.exit
    }
}

/// `1689765568237837824  being processed  30 %`
pub(crate) fn status_line(task_id: &str, status: &TaskStatus) -> String {
    let progress = status.progress().map(|percent| format!("  {percent} %"));
    format!("{task_id}  {}{}", status.state(), progress.unwrap_or_default())
}

fn json(value: &impl Serialize) -> io::Result<()> {
    result(&serde_json::to_string(value)?)
}

/// Writes a line to the standard output. If that fails, the line goes to the standard error: the task id in it is known
/// nowhere else.
fn result(line: &str) -> io::Result<()> {
    stdout(line).inspect_err(|_| stderr(line))
}

/// Writes a line to the standard output, without a buffer that keeps it back.
fn stdout(line: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    let written = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
    written.map_err(|error| {
        let message = format!("results cannot be written to the standard output: {error}");
        io::Error::new(error.kind(), message)
    })
}

/// Writes a line to the standard error. If that is closed, there is nobody to tell.
pub(crate) fn stderr(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}
