//! The error of a download.

use std::{io, path::PathBuf, time::Duration};

use crate::{
    client::builder::BuildError, connect_fault::ConnectFault, error::Error, error_chain::debug_as_chain,
    task::status::TaskState, validation::ValidationError,
};

const AGAIN: &str = "download again, which resumes if the storage supports it";

/// The error of a download. The download has neither created nor replaced a file at its target path.
///
/// ```no_run
/// # use koodrive_share::{Client, TaskHandle};
/// # async fn example(client: Client, handle: TaskHandle) {
/// if let Err(error) = client.download(&handle, "photos.zip").await {
///     eprintln!("{error:?}"); // one line that says what to do, and the causes
///     if error.is_resumable() {
///         // The same call goes on from what `photos.zip.part` holds.
///     }
/// }
/// # }
/// ```
///
/// The message is one line and says what to do next, such as `the connection failed or made no progress: download
/// again, which resumes if the storage supports it`. [`source`](std::error::Error::source) returns the
/// cause, and `{error:?}` prints the message and all causes. None of them contains the download URL.
///
/// A download can be resumed if the storage sends a strong `ETag` and serves byte ranges; otherwise it begins anew.
///
/// To make a package again, create its task again. A bulk run with a ledger would return the old task, so delete the
/// ledger or name a new one.
#[derive(thiserror::Error)]
#[error(transparent)]
pub struct DownloadError(#[from] DownloadFault);

#[derive(Debug, thiserror::Error)]
pub(super) enum DownloadFault {
    #[error(transparent)]
    Validation(#[from] ValidationError),
    #[error(transparent)]
    Client(#[from] BuildError),
    #[error(transparent)]
    Status(#[from] Error),
    #[error("the task has no package: it is {0}; {advice}", advice = advice_on(*.0))]
    NoPackage(TaskState),
    #[error("the task's status names a URL that a download does not take: {0}")]
    TaskUrl(ValidationError),
    #[error("{0:?} already exists: name another file, or allow it to be overwritten")]
    Exists(PathBuf),
    #[error("another download of the same file is under way: wait for its end, or name another file")]
    InUse,
    #[error(
        "the file cannot be written or read: check that its directory exists, has room and is writable, and that no program has the file open, then {AGAIN}"
    )]
    Disk(#[from] io::Error),
    #[error(
        "the download URL has lapsed: ask for the task's status, which may give a fresh one, or make the package again"
    )]
    Lapsed,
    #[error(
        "the storage answers with status {0}: a package is kept for 7 days, or for as long as the tenant has set; make it again if it is older"
    )]
    Refused(u16),
    #[error("the storage answers with status {0}: wait, then {AGAIN}")]
    Unavailable(u16, Duration),
    #[error("{0} came instead of the package: check what answers on the way, such as a proxy or a login page")]
    Foreign(&'static str),
    #[error("the download is not a complete zip, so it was discarded: download again, or make the package again")]
    NotZip(#[source] rawzip::Error),
    #[error("the download is longer or shorter than the storage stated: {AGAIN}")]
    OtherLength,
    #[error("{}", connection_failed(*.0))]
    Connection(Option<ConnectFault>, #[source] reqwest::Error),
}

fn advice_on(state: TaskState) -> &'static str {
    if state.is_final() { "make a package download that succeeds" } else { "wait for its end" }
}

/// Returns the message for a failed connection. It differs from the API's where that mentions the endpoint, or the
/// client certificate, which is sent to the API alone.
fn connection_failed(fault: Option<ConnectFault>) -> String {
    let Some(fault) = fault else {
        return format!("the connection failed or made no progress: {AGAIN}");
    };
    let advice = match fault {
        ConnectFault::OtherName => "ask the vendor, or who runs the proxy on the way",
        ConnectFault::Unsupported => "build with the feature `native-tls` instead of `rustls`",
        ConnectFault::ClientCertificate => "ask the vendor, since a download gives none",
        ConnectFault::UnknownIssuer
        | ConnectFault::OutOfDate
        | ConnectFault::Certificate
        | ConnectFault::ProxyCredentials => fault.advice(),
    };
    format!("{}: {advice}", fault.describe("the storage"))
}

impl From<reqwest::Error> for DownloadFault {
    fn from(error: reqwest::Error) -> Self {
        Self::Connection(ConnectFault::of(&error, error.is_connect()), error.without_url())
    }
}

impl DownloadFault {
    /// Whether another attempt may get further.
    pub(super) fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable(..) | Self::OtherLength | Self::Connection(None, _))
    }

    /// Returns the wait that the storage asks for.
    pub(super) fn retry_after(&self) -> Duration {
        if let Self::Unavailable(_, wait) = self { *wait } else { Duration::ZERO }
    }
}

debug_as_chain!(DownloadError);

impl DownloadError {
    /// Returns the broken rules, if they are the cause (`download-path`, `download-url`, `max-attempts`,
    /// `stall-timeout`). Correct all of them.
    pub fn validation_error(&self) -> Option<&ValidationError> {
        match &self.0 {
            DownloadFault::Validation(error) => Some(error),
            DownloadFault::Client(error) => error.validation_error(),
            _ => None,
        }
    }

    /// Returns the failure of getBatchTask, if that is the cause.
    pub fn status_error(&self) -> Option<&Error> {
        if let DownloadFault::Status(error) = &self.0 { Some(error) } else { None }
    }

    /// Whether the task has no package, or none yet. If the task has not ended, wait for its end with
    /// [`Client::wait`](crate::Client::wait).
    pub fn is_no_package(&self) -> bool {
        matches!(self.0, DownloadFault::NoPackage(_))
    }

    /// Whether a file exists at the path already. Name another file, or call
    /// [`Download::overwrite`](crate::Download::overwrite).
    pub fn is_target_exists(&self) -> bool {
        matches!(self.0, DownloadFault::Exists(_))
    }

    /// Whether another download to the same path is under way. Wait for its end.
    pub fn is_in_use(&self) -> bool {
        matches!(self.0, DownloadFault::InUse)
    }

    /// Returns the HTTP status of the storage's response, if that is the cause.
    pub fn status(&self) -> Option<u16> {
        match self.0 {
            DownloadFault::Refused(status) | DownloadFault::Unavailable(status, _) => Some(status),
            DownloadFault::Lapsed => Some(403),
            _ => None,
        }
    }

    /// Whether the storage could not be reached, closed the connection early or was busy, in the last attempt. Download
    /// again later, which resumes if the storage supports it. Returns false if the certificate was refused or a proxy
    /// demands credentials: these faults do not pass by themselves, so follow the message.
    pub fn is_unavailable(&self) -> bool {
        matches!(self.0, DownloadFault::Connection(None, _) | DownloadFault::Unavailable(..))
    }

    /// Whether the same call can resume the download. The failure may pass by itself, or once its cause is removed (a
    /// full disk, a login page in place of the package).
    ///
    /// If a URL has lapsed (status 403), pass a fresh one from the task's status: it resumes if only its query differs.
    /// The same call fails again if rules are broken, if a file exists at the path, or if the task or its package does
    /// not exist. A package that is not a zip cannot be resumed.
    pub fn is_resumable(&self) -> bool {
        match &self.0 {
            DownloadFault::Status(error) => !error.is_not_found() && !error.is_validation(),
            DownloadFault::NoPackage(state) => !state.is_final(),
            DownloadFault::Client(error) => error.validation_error().is_none(),
            kind => !matches!(
                kind,
                DownloadFault::Validation(_)
                    | DownloadFault::Exists(_)
                    | DownloadFault::Refused(_)
                    | DownloadFault::NotZip(_)
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        client::Client,
        error::{Effect, ErrorKind, ReplyDetails},
        rules,
        task::status::TaskResult,
    };

    #[test]
    fn failures_that_pass_or_can_be_remedied_are_resumable() {
        let status = |status, is_not_found| {
            let mut error = Error::new(ErrorKind::Refused, Effect::Reads, None);
            error.0.reply = Some(ReplyDetails { status, is_not_found, ..ReplyDetails::default() });
            DownloadFault::Status(error)
        };
        let broken = || -> ValidationError { rules::DOWNLOAD_PATH.at("path").given("").advise("").into() };
        for (kind, is_resumable) in [
            (status(401, false), true),
            (status(503, false), true),
            (status(404, true), false),
            (DownloadFault::Status(broken().into()), false),
            (DownloadFault::Validation(broken()), false),
            (DownloadFault::Client(Client::builder().build().unwrap_err()), false),
            (DownloadFault::NoPackage(TaskState::Running), true),
            (DownloadFault::NoPackage(TaskState::Completed(TaskResult::AllFailed)), false),
            (DownloadFault::Exists(PathBuf::new()), false),
            (DownloadFault::InUse, true),
            (DownloadFault::Disk(io::ErrorKind::StorageFull.into()), true),
            (DownloadFault::Lapsed, true),
            (DownloadFault::Refused(404), false),
            (DownloadFault::Unavailable(503, Duration::ZERO), true),
            (DownloadFault::Foreign("a web page"), true),
            (DownloadFault::OtherLength, true),
        ] {
            let error = DownloadError::from(kind);
            assert_eq!(error.is_resumable(), is_resumable, "{error:?}");
            assert_eq!(error.is_unavailable(), error.status() == Some(503), "{error:?}");
            let is_broken = matches!(error.0, DownloadFault::Validation(_) | DownloadFault::Client(_));
            assert_eq!(error.validation_error().is_some(), is_broken, "{error:?}");
        }
    }
}
