//! Results on the standard output, for people or for programs.

use std::{
    borrow::Cow,
    io::{self, Write},
    ops::Range,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use humantime::FormattedDuration;
use indicatif::{HumanCount, ProgressBar, WeakProgressBar};
use koodrive_share::{
    BulkItem, BulkReport, DownloadUrl, DownloadedPackage, Error, FileStatus, FileType, Ledger, LedgerChunk, Outcome,
    ShareFile, TaskStatus,
};
use serde::Serialize;
use serde_json::Value;

use crate::{
    args::Format,
    exit::{CommandError, Exit, with_causes},
    terminal,
};

/// The latest bar on the standard error, if there is one.
static BAR: Mutex<Option<WeakProgressBar>> = Mutex::new(None);

pub(crate) struct Output {
    format: Format,
    /// Whether traces go to the standard error.
    is_verbose: bool,
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
    /// The id of a task that may exist.
    #[serde(skip_serializing_if = "Option::is_none")]
    named_task_id: Option<&'a str>,
    message: String,
}

/// A status as the library serialises it, but with the result beside the state, and with the ids of the task and of the
/// files that failed.
fn status_fields(task_id: &str, status: &TaskStatus) -> serde_json::Result<Value> {
    let mut fields = serde_json::to_value(status)?;
    if let Some(result) = fields["state"].get_mut("completed").map(Value::take) {
        fields["state"] = "completed".into();
        fields["result"] = result;
    }
    fields["taskId"] = task_id.into();
    fields["failedFileIds"] = failed_file_ids(status).into();
    Ok(fields)
}

pub(crate) fn failed_file_ids(status: &TaskStatus) -> Vec<&str> {
    let failed = status.files.iter().filter(|file| file.status.as_ref() == Some(&FileStatus::Failed));
    failed.filter_map(|file| file.file_id.as_deref()).collect()
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
            named_task_id: error.task_id(),
            message: with_causes(error),
        }
    }
}

impl Output {
    pub(crate) fn new(format: Format, is_verbose: bool) -> Self {
        Self { format, is_verbose }
    }

    pub(crate) fn is_verbose(&self) -> bool {
        self.is_verbose
    }

    /// Whether progress is shown as a bar. The lines of a trace would break a bar up.
    pub(crate) fn shows_bar(&self) -> bool {
        !self.is_verbose && terminal::is_capable()
    }

    /// `1689765568237837824  ids 0..1000  photos-0001.zip  trace id 8GvT…`
    pub(crate) fn chunk(&self, item: &BulkItem) -> io::Result<()> {
        let Range { start, end } = item.range.clone();
        let trace_id = &item.trace_id;
        let fields = ChunkFields {
            task_id: item.result.as_ref().ok().map(koodrive_share::TaskHandle::task_id),
            trace_id: trace_id.as_str(),
            start,
            end,
            zip_name: item.zip_name.as_deref(),
            from_ledger: item.from_ledger,
            failed: item.result.as_ref().err().map(ErrorFields::from),
        };
        match (self.format, item.result.as_ref()) {
            (Format::Text, Ok(handle)) => {
                let zip_name = item.zip_name.as_ref().map(|name| format!("  {name}"));
                let earlier = if item.from_ledger { "  created earlier" } else { "" };
                result(&format!(
                    "{}  ids {start}..{end}{}  trace id {trace_id}{earlier}",
                    printable(handle.task_id()),
                    zip_name.unwrap_or_default()
                ))
            }
            (Format::Json, Ok(_)) => json(&fields),
            (Format::Text | Format::Json, Err(error)) => {
                self.failure(&format!("ids {start}..{end}: {}", with_causes(error)), &fields)
            }
        }
    }

    /// `1689765568237837824  completed, all succeeded  100 %`, then the download URL and the files that failed.
    ///
    /// The URL is never written to the standard error, which logs keep: whoever has the URL can fetch the package.
    pub(crate) fn status(&self, task_id: &str, status: &TaskStatus, shows_url: bool) -> io::Result<()> {
        match self.format {
            Format::Text => {
                result(&status_line(task_id, status))?;
                let task_id = printable(task_id);
                if let Some(url) = status.download_url.as_ref().filter(|_| shows_url) {
                    stdout(&format!("{task_id}  download {}", printable(url.expose())))?;
                }
                for file_id in failed_file_ids(status) {
                    result(&format!("{task_id}  failed {}", printable(file_id)))?;
                }
                Ok(())
            }
            Format::Json => {
                let mut fields = status_fields(task_id, status)?;
                let without_url = fields.to_string();
                fields["downloadUrl"] =
                    status.download_url.as_ref().filter(|_| shows_url).map(DownloadUrl::expose).into();
                stdout(&fields.to_string()).inspect_err(|_| stderr(&without_url))
            }
        }
    }

    /// `     2,400,000  picture    Fk63FCWhcDAga2puvYKRG1oTMjs-m30sI  photos/beach.jpg`
    pub(crate) fn file(&self, share_id: &str, file: &ShareFile) -> io::Result<()> {
        const OTHER: &str = "other";
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct ShareFileFields<'a> {
            file_id: &'a str,
            share_id: &'a str,
            name: &'a str,
            directory: &'a str,
            r#type: Option<Value>,
            size: Option<u64>,
            container_id: Option<&'a str>,
            edited: Option<&'a str>,
        }
        let r#type = file.file_type.map(|file_type| match file_type {
            FileType::Directory => "directory",
            FileType::Picture => "picture",
            FileType::Video => "video",
            FileType::Word => "word",
            _ => OTHER,
        });
        match self.format {
            Format::Text => {
                let size = file.size.filter(|_| !file.is_directory()).map(|size| HumanCount(size).to_string());
                let (size, file_type) = (size.unwrap_or_default(), r#type.unwrap_or_default());
                stdout(&format!("{size:>15}  {file_type:<9}  {}  {file}", printable(&file.id)))
            }
            Format::Json => stdout(&json_line(&ShareFileFields {
                file_id: &file.id,
                share_id,
                name: &file.name,
                directory: &file.directory,
                r#type: file.file_type.map(|file_type| match file_type {
                    // 45 is the reference's number for all other files. It does not list any further number.
                    FileType::Other(number) if number != 45 => serde_json::json!({ OTHER: number }),
                    _ => r#type.into(),
                }),
                size: file.size,
                container_id: file.container_id.as_deref(),
                edited: file.edited.as_deref(),
            })?),
        }
    }

    /// `photos.zip  3 files, 4,220,480 bytes`, then the files that are missing.
    pub(crate) fn package(&self, task_id: &str, path: &Path, package: &DownloadedPackage) -> io::Result<()> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct PackageFields<'a> {
            task_id: &'a str,
            file: Cow<'a, str>,
            bytes: u64,
            files: u64,
            missing: u64,
            missing_names: &'a [String],
        }
        match self.format {
            Format::Text => {
                let file = path.display();
                result(&format!("{file}  {}, {}", counted(package.files, "file"), counted(package.bytes, "byte")))?;
                if package.missing > 0 {
                    result(&format!("{file}  lacks {}", counted(package.missing, "file")))?;
                }
                for name in &package.missing_names {
                    result(&format!("{file}  lacks {}", printable(name)))?;
                }
                Ok(())
            }
            Format::Json => json(&PackageFields {
                task_id,
                file: path.to_string_lossy(),
                bytes: package.bytes,
                files: package.files,
                missing: package.missing,
                missing_names: &package.missing_names,
            }),
        }
    }

    /// Writes the error of a query about a task. `text` is the whole message.
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
        let trace_id = error.trace_id().map(koodrive_share::TraceId::as_str);
        let failed = ErrorFields { message: text.to_owned(), ..error.into() };
        // The exit status is already that of an error.
        let _ = self.failure(text, &QueryErrorFields { task_id, trace_id, failed });
    }

    /// `ids 0..5000 of 5000: 2 created, 1 rejected, 0 not sent, 2 unknown`, then `ids 1000..2000  unknown  trace id 8GvT…` for each
    /// unknown chunk, with all requests in doubt.
    pub(crate) fn ledger(&self, ledger: &Ledger, report: &BulkReport, unknown: &[LedgerChunk]) -> io::Result<()> {
        let chunks = unknown.iter().map(|chunk| {
            let trace_ids: Vec<String> = chunk.unsettled().iter().map(ToString::to_string).collect();
            (chunk.range(), trace_ids, chunk.error())
        });
        match self.format {
            Format::Text => {
                result(&ledger_counts(ledger, report))?;
                unfinished(ledger, report).map_or(Ok(()), |line| result(&line))?;
                chunks.into_iter().try_for_each(|(Range { start, end }, trace_ids, error)| {
                    let error = error.map_or(String::new(), |error| format!("  {}", printable(error)));
                    result(&format!("ids {start}..{end}  unknown  trace id {}{error}", trace_ids.join(", ")))
                })
            }
            Format::Json => {
                let chunks: Vec<_> = chunks
                    .map(|(Range { start, end }, trace_ids, error)| {
                        serde_json::json!({ "start": start, "end": end, "traceIds": trace_ids, "error": error })
                    })
                    .collect();
                json(&serde_json::json!({
                    "created": report.created, "rejected": report.rejected, "notSent": report.not_sent,
                    "unknown": report.unknown, "attempted": report.attempted.end, "fileIds": ledger.file_ids(),
                    "unknownChunks": chunks, "inUse": ledger.is_in_use(),
                }))
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

    /// Writes the error that ended the command.
    pub(crate) fn error(&self, error: &CommandError) -> Exit {
        #[derive(Serialize)]
        struct Message<'a> {
            outcome: Option<&'a str>,
            message: &'a str,
        }
        let CommandError { exit, message } = error;
        let outcome = (*exit == Exit::Usage).then_some("notSent");
        let _ = self.failure(message, &Message { outcome, message });
        *exit
    }

    /// Writes an error as text to the standard error, and with `--format json` also as an object among the results. A
    /// program that picks fields from the results would miss an error that is only among them.
    fn failure(&self, text: &str, fields: &impl Serialize) -> io::Result<()> {
        stderr(&format!("error: {text}"));
        match self.format {
            Format::Text => Ok(()),
            Format::Json => stdout(&json_line(fields)?),
        }
    }
}

/// `1689765568237837824  being processed  30 %`
pub(crate) fn status_line(task_id: &str, status: &TaskStatus) -> String {
    let progress = status.progress.map(|percent| format!("  {percent} %"));
    format!("{}  {}{}", printable(task_id), status.state, progress.unwrap_or_default())
}

/// `ids 0..5000 of 5000: 2 created, 1 rejected, 0 not sent, 2 unknown`
pub(crate) fn ledger_counts(ledger: &Ledger, report: &BulkReport) -> String {
    let of = ledger.file_ids().map_or(String::new(), |all| format!(" of {all}"));
    let (created, rejected, not_sent) = (report.created, report.rejected, report.not_sent);
    let (attempted, unknown) = (report.attempted.end, report.unknown);
    format!("ids 0..{attempted}{of}: {created} created, {rejected} rejected, {not_sent} not sent, {unknown} unknown")
}

/// The advice about a ledger whose run did not come to its end.
fn unfinished(ledger: &Ledger, report: &BulkReport) -> Option<String> {
    if ledger.is_in_use() {
        return Some("a run uses it: what is on its way counts as unknown until the run ends".to_owned());
    }
    let first = if report.unknown > 0 { "settle what is unknown, then " } else { "" };
    let advice = || format!("its run did not come to the end of the file ids: {first}give the same command again");
    ledger.file_ids().is_none().then(advice)
}

/// `1 file`, `2,000 files`
pub(crate) fn counted(count: u64, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {what}{plural}", HumanCount(count))
}

/// `1h 30m`, `2s`: rounded up to whole seconds.
pub(crate) fn duration(duration: Duration) -> FormattedDuration {
    humantime::format_duration(Duration::from_secs(duration.as_secs() + u64::from(duration.subsec_nanos() > 0)))
}

/// Escapes what a terminal would interpret in a text of the service, so that it is shown instead.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    escaped(text, |char| char.escape_default().to_string())
}

/// Escapes what a terminal would interpret: control characters, line separators, and marks that change the direction of
/// a text.
fn escaped(text: &str, escape: impl Fn(char) -> String) -> Cow<'_, str> {
    let is_obeyed = |char: char| {
        char.is_control()
            || matches!(char, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(is_obeyed) {
        return text.into();
    }
    text.chars().map(|char| if is_obeyed(char) { escape(char) } else { char.into() }).collect()
}

/// Makes this the bar that is cleared while a line is written.
pub(crate) fn set_bar(bar: &ProgressBar) {
    *latest_bar() = Some(bar.downgrade());
}

fn latest_bar() -> MutexGuard<'static, Option<WeakProgressBar>> {
    BAR.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes while the bar is cleared. indicatif's `MultiProgress` does so for several bars, but it panics once its
/// terminal is gone.
fn beside_bar<T>(write: impl FnOnce() -> T) -> T {
    let bar = latest_bar().as_ref().and_then(WeakProgressBar::upgrade);
    match bar {
        Some(bar) => bar.suspend(write),
        None => write(),
    }
}

fn json(value: &impl Serialize) -> io::Result<()> {
    result(&json_line(value)?)
}

/// The value as a line of JSON, in which what a terminal would interpret is escaped. An escape in a JSON string means
/// the same character.
fn json_line(value: &impl Serialize) -> io::Result<String> {
    let json = serde_json::to_string(value)?;
    Ok(escaped(&json, |char| format!("\\u{:04x}", u32::from(char))).into_owned())
}

/// Writes a line to the standard output. If that fails, the line goes to the standard error: the task id in it is known
/// nowhere else.
fn result(line: &str) -> io::Result<()> {
    stdout(line).inspect_err(|_| stderr(line))
}

/// Writes a line to the standard output and flushes it.
fn stdout(line: &str) -> io::Result<()> {
    let mut stdout = io::stdout();
    let written = beside_bar(|| writeln!(stdout, "{line}").and_then(|()| stdout.flush()));
    written.map_err(|error| {
        let message = format!("results cannot be written to the standard output: {error}");
        io::Error::new(error.kind(), message)
    })
}

/// Writes a line to the standard error. A failure is ignored, since it could not be reported anywhere.
pub(crate) fn stderr(line: &str) {
    let _ = beside_bar(|| writeln!(io::stderr(), "{line}"));
}
