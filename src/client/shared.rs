//! What the clones of a client share.

use std::{sync::Arc, time::Duration};

use http::HeaderValue;
use tokio::sync::Semaphore;

use crate::{
    clock::Clock,
    credentials::{AuthorizationSource, Credentials},
};

pub(super) struct Shared {
    pub(super) http: reqwest::Client,
    pub(super) endpoint: String,
    pub(super) credentials: Credentials,
    pub(super) authorization: AuthorizationSource,
    pub(super) user_id: HeaderValue,
    pub(super) agent_name: HeaderValue,
    pub(super) connect_timeout: Duration,
    pub(super) timeout: Duration,
    pub(super) renewal_timeout: Duration,
    pub(super) max_attempts: u32,
    pub(super) max_reply_bytes: Option<usize>,
    /// One for each request that may be on its way.
    pub(super) permits: Semaphore,
    pub(super) clock: Arc<Clock>,
}
