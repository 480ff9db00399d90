//! What the clones of a client share.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use http::HeaderMap;
use tokio::{sync::Semaphore, time::Instant};

use super::settings::{Caller, Limits};
use crate::{clock::Clock, credentials::Authorization, patience::CallPatience};

/// Cloned for a client that differs in a part of it.
#[derive(Clone)]
pub(super) struct Inner {
    pub(super) http: reqwest::Client,
    /// The time-out that `http` has.
    pub(super) http_timeout: Duration,
    pub(super) endpoint: String,
    /// Those that a caller added, which `http` sends.
    pub(super) request_headers: HeaderMap,
    pub(super) caller: Caller,
    pub(super) limits: Limits,
    /// Whether calls wait where they are throttled, and not their caller.
    pub(super) retries_throttling: bool,
    /// Of calls that only read; none for those that end after their attempts.
    pub(super) patience: Option<CallPatience>,
    /// One for each request that may be on its way.
    pub(super) permits: Arc<Semaphore>,
    /// When the last reply came.
    pub(super) replied: Arc<Mutex<Option<Instant>>>,
    pub(super) clock: Arc<Clock>,
    #[cfg(feature = "download")]
    pub(super) storage: Arc<super::settings::Settings>,
}

impl Inner {
    /// Whether something may have come on an idle connection that nobody has read: not right after a reply.
    pub(super) fn is_idle(&self) -> bool {
        let replied = *self.replied.lock().unwrap_or_else(PoisonError::into_inner);
        replied.is_none_or(|replied| replied.elapsed() > Duration::from_millis(1))
    }

    /// Takes note of a reply.
    pub(super) fn replied(&self) {
        *self.replied.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// What a reply to a request with this authorization could echo and nothing may show.
    pub(super) fn secrets<'a>(&'a self, authorization: Option<&'a Authorization>) -> Vec<&'a str> {
        let mut secrets = authorization.map(Authorization::secrets).unwrap_or_default();
        secrets.extend(self.request_headers.values().filter_map(|value| value.to_str().ok()));
        secrets
    }
}
