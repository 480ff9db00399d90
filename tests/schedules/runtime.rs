//! Replaces `src/runtime.rs`. It resumes no panic, because a panic ends a schedule.

use std::io;

use crate::tokio::task::{JoinError, spawn_blocking};

pub(crate) const SHUT_DOWN: &str = "the runtime was shut down";

pub(crate) fn joined<T>(outcome: Result<T, JoinError>) -> Option<T> {
    outcome.ok()
}

pub(crate) async fn run_blocking<T, E>(work: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T, E>
where
    T: Send + 'static,
    E: From<io::Error> + Send + 'static,
{
    joined(spawn_blocking(work).await).unwrap_or_else(|| Err(io::Error::other(SHUT_DOWN).into()))
}
