//! Tasks of the runtime.

use std::{io, panic};

use tokio::task::{JoinError, spawn_blocking};

/// The error of a task whose runtime was shut down before it ended.
pub(crate) const SHUT_DOWN: &str = "the runtime was shut down";

/// Returns the output of a task, or `None` if its runtime was shut down first. Resumes the panic of a task that
/// panicked.
pub(crate) fn joined<T>(outcome: Result<T, JoinError>) -> Option<T> {
    match outcome.map_err(JoinError::try_into_panic) {
        Ok(value) => Some(value),
        Err(Ok(panic)) => panic::resume_unwind(panic),
        Err(Err(_)) => None,
    }
}

/// Runs work that waits for the disk on a thread for blocking work, so that it delays no task of the runtime.
pub(crate) async fn run_blocking<T, E>(work: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T, E>
where
    T: Send + 'static,
    E: From<io::Error> + Send + 'static,
{
    joined(spawn_blocking(work).await).unwrap_or_else(|| Err(io::Error::other(SHUT_DOWN).into()))
}
