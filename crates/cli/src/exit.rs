//! How the process ends.

use std::{
    error::Error as StdError,
    fmt::{self, Write},
    path::Path,
    process::ExitCode,
};

use koodrive_share::{Error, Outcome, PollError, TaskResult, TaskState, TaskStatus};

use crate::flags::flag;

/// An exit status. If several apply, the last one in this list counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Exit {
    Done,
    NotAllSucceeded,
    Failed,
    Usage,
    Refused,
    /// The same command may succeed later.
    Unavailable,
    Unknown,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

impl Exit {
    fn reason(self) -> &'static str {
        match self {
            Self::Done => "all is done",
            Self::NotAllSucceeded => "not all files succeeded, or are in the package",
            Self::Failed => "something went wrong, as told above",
            Self::Usage => "a rule is broken, as told above",
            Self::Refused => "the service refused something, as told above",
            Self::Unavailable => "the service was away, or throttled for too long",
            Self::Unknown => "an outcome is unknown",
        }
    }

    fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Refused => 3,
            Self::Unknown => 4,
            Self::NotAllSucceeded => 5,
            Self::Unavailable => 6,
        }
    }
}

/// `exit status 3: the service refused something, as told above`
impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exit status {}: {}", self.code(), self.reason())
    }
}

/// The exit status of a failed creation.
impl From<&Error> for Exit {
    fn from(error: &Error) -> Self {
        match error.outcome() {
            Outcome::Unknown => Self::Unknown,
            Outcome::Rejected if error.is_throttled() => Self::Unavailable,
            Outcome::Rejected => Self::Refused,
            Outcome::NotSent if error.is_validation() => Self::Usage,
            Outcome::NotSent if error.is_connect() && error.is_retryable() => Self::Unavailable,
            Outcome::NotSent => Self::Failed,
        }
    }
}

/// Why the process ends early.
#[derive(Debug)]
pub(crate) struct CommandError {
    pub(crate) exit: Exit,
    pub(crate) message: String,
}

impl CommandError {
    pub(crate) fn new(exit: Exit, error: &dyn StdError) -> Self {
        Self { exit, message: with_causes(error) }
    }

    /// Puts the path of a file in front of the message.
    pub(crate) fn about(self, path: &Path) -> Self {
        Self { message: format!("{}: {}", path.display(), self.message), ..self }
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, message: message.into() }
    }

    /// Raises the exit status to an earlier one, if that counts more.
    pub(crate) fn after(self, exit: Exit) -> Self {
        Self { exit: self.exit.max(exit), ..self }
    }
}

/// Returns both values, or the errors of both, so that all can be corrected at once.
pub(crate) fn both<A, B>(a: Result<A, CommandError>, b: Result<B, CommandError>) -> Result<(A, B), CommandError> {
    match (a, b) {
        (Ok(a), Ok(b)) => Ok((a, b)),
        (Err(a), Err(b)) => {
            Err(CommandError { exit: a.exit.max(b.exit), message: format!("{}\n       {}", a.message, b.message) })
        }
        (Err(error), Ok(_)) | (Ok(_), Err(error)) => Err(error),
    }
}

/// The exit status of a failed query. A query changes nothing, so the status is never `Unknown`. If its outcome is
/// unknown, the service was away, unless a retry would fail again.
pub(crate) fn of_query(error: &Error) -> Exit {
    match Exit::from(error) {
        Exit::Unknown if error.is_retryable() => Exit::Unavailable,
        Exit::Unknown => Exit::Failed,
        exit => exit,
    }
}

pub(crate) fn of_poll(error: &PollError) -> Exit {
    error.error().map_or(Exit::Failed, of_query)
}

/// The exit status of a task's state. A task that is not final counts as a success.
pub(crate) fn of_status(status: &TaskStatus) -> Exit {
    match status.state {
        TaskState::Completed(TaskResult::AllSucceeded) => Exit::Done,
        state if state.is_final() => Exit::NotAllSucceeded,
        _ => Exit::Done,
    }
}

/// An error of the standard output or of the machine.
impl From<std::io::Error> for CommandError {
    fn from(error: std::io::Error) -> Self {
        Self::new(Exit::Failed, &error)
    }
}

/// `no connection to the service …: tcp connect error: connection refused`
pub(crate) fn with_causes(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    in_flags(&text)
}

/// Replaces the fields that the library's advice names by their flags.
fn in_flags(text: &str) -> String {
    // `--proxy` takes no credentials.
    let by_file = "the proxy's credentials in the URL of --proxy-file (KOODRIVE_PROXY)";
    let text = text.replace("the proxy's credentials in its URL", by_file);
    ["root_certificates", "client_certificate"]
        .into_iter()
        .fold(text, |text, field| text.replace(&format!("`{field}`"), flag(field).unwrap_or(field)))
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
