//! Tasks of the runtime.

use std::{io, panic};

use tokio::task::{JoinError, spawn_blocking};

/// What became of a task that its runtime let go of.
pub(crate) const SHUT_DOWN: &str = "the runtime was shut down";

/// What a task of the runtime came to; `None` if the runtime was shut down before.
pub(crate) fn joined<T>(outcome: Result<T, JoinError>) -> Option<T> {
    match outcome.map_err(JoinError::try_into_panic) {
        Ok(value) => Some(value),
        Err(Ok(panic)) => panic::resume_unwind(panic),
        Err(Err(_)) => None,
    }
}

/// Does work that waits for the disk on a thread where it holds up no task of the runtime.
pub(crate) async fn run_blocking<T, E>(work: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T, E>
where
    T: Send + 'static,
    E: From<io::Error> + Send + 'static,
{
    joined(spawn_blocking(work).await).unwrap_or_else(|| Err(io::Error::other(SHUT_DOWN).into()))
}
