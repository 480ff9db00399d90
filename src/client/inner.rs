//! The state that the clones of a client share.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use http::HeaderMap;
use tokio::{sync::Semaphore, time::Instant};

use super::settings::{Caller, Limits};
use crate::{clock::Clock, credentials::Authorization, patience::CallPatience};

/// The state of a client. A client that differs in one setting gets a changed copy.
#[derive(Clone)]
pub(super) struct Inner {
    pub(super) http: reqwest::Client,
    /// The time-out of `http`.
    pub(super) http_timeout: Duration,
    pub(super) endpoint: String,
    /// The headers that the caller added. `http` sends them by default.
    pub(super) request_headers: HeaderMap,
    pub(super) caller: Caller,
    pub(super) limits: Limits,
    /// Whether calls retry throttling. In a bulk run they do not: the run pauses as a whole.
    pub(super) retries_throttling: bool,
    /// The patience of read-only calls. `None` means that a call ends after its attempts.
    pub(super) patience: Option<CallPatience>,
    /// One permit for each request that may be sent concurrently.
    pub(super) permits: Arc<Semaphore>,
    /// When the last reply arrived.
    pub(super) last_reply: Arc<Mutex<Option<Instant>>>,
    pub(super) clock: Arc<Clock>,
    #[cfg(feature = "download")]
    pub(super) storage: Arc<super::settings::Settings>,
}

impl Inner {
    /// Whether idle connections may hold unread input: there was no reply in the last millisecond.
    pub(super) fn is_idle(&self) -> bool {
        let last_reply = *self.last_reply.lock().unwrap_or_else(PoisonError::into_inner);
        last_reply.is_none_or(|last_reply| last_reply.elapsed() > Duration::from_millis(1))
    }

    /// Records that a reply has arrived.
    pub(super) fn record_reply(&self) {
        *self.last_reply.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Returns the secrets that a reply to a request with this authorization could echo.
    pub(super) fn secrets<'a>(&'a self, authorization: Option<&'a Authorization>) -> Vec<&'a str> {
        let mut secrets = authorization.map(Authorization::secrets).unwrap_or_default();
        secrets.extend(self.request_headers.values().filter_map(|value| value.to_str().ok()));
        secrets
    }
}
