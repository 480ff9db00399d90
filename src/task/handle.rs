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
/// A handle serialises with all that [`Client::status`](crate::Client::status) needs, except the kdstoken: that is a
/// secret and must be set again.
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

/// Clones the handle, so that functions that take a handle also take a reference.
impl From<&TaskHandle> for TaskHandle {
    fn from(handle: &TaskHandle) -> Self {
        handle.clone()
    }
}

impl TaskHandle {
    /// Makes a handle for a task whose id is known from elsewhere, such as the vendor's support after an [unknown
    /// outcome](crate::Outcome::Unknown). `endpoint` is the client's endpoint. `trace_id` is that of the request that
    /// created the task; if it is `None`, a new one takes its place. [`Client::handle`](crate::Client::handle) needs
    /// fewer arguments.
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

    /// Returns the task's id.
    #[doc(alias("id"))]
    pub fn task_id(&self) -> &str {
        &self.task_id
    }

    /// Returns the id of the share whose files the task works on.
    pub fn share_id(&self) -> &str {
        &self.share_id
    }

    /// Returns the trace id of the request that created the task.
    pub fn trace_id(&self) -> &TraceId {
        &self.trace_id
    }

    /// Returns when the reply to the creation arrived, by this machine's clock. If the handle was made from an id, this
    /// is when the handle was made. For 10 s from then, a poller accepts that the service does not find the task.
    pub fn created_at(&self) -> DateTime<Utc> {
        self.created_at
    }

    /// Returns the endpoint that the task was created at. A client of another endpoint refuses the handle.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Sets the temporary token of the share, which a saved handle does not hold.
    pub fn with_kdstoken(mut self, kdstoken: impl Into<String>) -> Self {
        self.kdstoken = Some(kdstoken.into().into());
        self
    }
}
