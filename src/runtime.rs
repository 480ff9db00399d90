//! Tasks of the runtime.

use std::panic;

use tokio::task::JoinError;

/// What a task of the runtime came to; `None` if the runtime was shut down before.
pub(crate) fn joined<T>(outcome: Result<T, JoinError>) -> Option<T> {
    match outcome.map_err(JoinError::try_into_panic) {
        Ok(value) => Some(value),
        Err(Ok(panic)) => panic::resume_unwind(panic),
        Err(Err(_)) => None,
    }
}
