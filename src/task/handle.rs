//! The handle of a share task that was created.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{credentials::RequestSecret, trace_id::TraceId};

/// A share task that was created.
///
/// ```
/// # use koodrive_share::{Client, TaskHandle};
/// # fn example(handle: TaskHandle) -> Result<(), serde_json::Error> {
/// let saved = serde_json::to_string(&handle)?;
/// // … in another process:
/// let handle: TaskHandle = serde_json::from_str(&saved)?;
/// let handle = handle.with_kdstoken("aea2968e…"); // if the share has an extract code
/// # Ok(()) }
/// ```
///
/// It serialises into all that [`Client::status`](crate::Client::status) needs, except for the kdstoken, which is a
/// secret and is given again.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskHandle {
    pub(crate) task_id: String,
    pub(crate) share_id: String,
    pub(crate) trace_id: TraceId,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) endpoint: String,
    #[serde(skip)]
    pub(crate) kdstoken: Option<RequestSecret>,
}

/// A copy: what takes a handle also takes a reference to one.
impl From<&TaskHandle> for TaskHandle {
    fn from(handle: &TaskHandle) -> Self {
        handle.clone()
    }
}

impl TaskHandle {
    /// A handle of a task whose id is known otherwise, such as from the vendor's support after an
    /// [unknown outcome](crate::Outcome::Unknown). `endpoint` is the client's, and `trace_id` that of the request which
    /// created the task; without one, a new one stands in for it. [`Client::handle`](crate::Client::handle) needs less.
    pub fn new(
        task_id: impl Into<String>,
        share_id: impl Into<String>,
        endpoint: impl Into<String>,
        trace_id: Option<TraceId>,
    ) -> Self {
        Self {
            task_id: task_id.into(),
            share_id: share_id.into(),
            trace_id: trace_id.unwrap_or_else(TraceId::random),
            created_at: Utc::now(),
            endpoint: endpoint.into(),
            kdstoken: None,
        }
    }

    /// The task's id.
    #[doc(alias("id"))]
    pub fn task_id(&self) -> &str {
        &self.task_id
    }

    /// The share whose files the task works on.
    pub fn share_id(&self) -> &str {
        &self.share_id
    }

    /// The trace id of the request that created the task.
    pub fn trace_id(&self) -> &TraceId {
        &self.trace_id
    }

    /// When the reply came that the task was created, by this machine's clock; of a handle that was made of an id, when that
    /// was made. A poller gives a task 10 s from then to be found.
    pub fn created_at(&self) -> DateTime<Utc> {
        self.created_at
    }

    /// The endpoint that the task lives at; a client of another endpoint refuses the handle.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Sets the temporary token of the share, which a saved handle does not hold.
    pub fn with_kdstoken(mut self, kdstoken: impl Into<String>) -> Self {
        self.kdstoken = Some(kdstoken.into().into());
        self
    }
}
