//! The client: one call, from a task to its handle.

pub(crate) mod builder;
mod call;
pub(crate) mod hooks;
pub(crate) mod reply;
#[cfg(feature = "rustls")]
mod tls;

use std::{fmt, sync::Arc, time::Duration};

use http::HeaderValue;
use tokio::sync::Semaphore;

use self::{
    builder::{BuildError, ClientBuilder},
    call::{Call, StatusQuery},
};
use crate::{
    Credentials, Error, Poller, PollingPolicy, ShareTask, TaskHandle, TaskStatus, TraceId, ValidationError,
    credentials::{KdsToken, Source},
    generated::types::GetBatchTaskRequest,
    rules,
    validation::{Violation, Violations},
    x_date::Clock,
};

/// A client of KooDrive's share tasks.
///
/// ```no_run
/// # use koodrive_share::{Client, ShareTask, TargetDirectory};
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let client = Client::from_env()?;
/// let task = ShareTask::dump(TargetDirectory::root("my-space"))
///     .share_id("1689765568237837824")
///     .container_id("IAABh_RdhS8bOg0cA1684711052660690818")
///     .file_ids(["Fk63FCWhcDAga2puvYKRG1oTMjs-m30sI"])
///     .build()?;
/// let handle = client.create(&task).await?;
/// println!("{}", handle.task_id());
/// # Ok(()) }
/// ```
///
/// Cloning is cheap and shares connections, the token, and what is known of the server's clock: make one and clone it.
#[derive(Clone)]
pub struct Client(Arc<Shared>);

pub(crate) struct Shared {
    http: reqwest::Client,
    endpoint: String,
    credentials: Credentials,
    authorization: Source,
    user_id: HeaderValue,
    agent_name: HeaderValue,
    connect_timeout: Duration,
    timeout: Duration,
    max_attempts: u32,
    max_reply_bytes: usize,
    /// One for each request that may be on its way.
    places: Semaphore,
    clock: Arc<Clock>,
}

impl Client {
    /// Begins to set up a client.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// Makes a client from the environment: `KOODRIVE_ENDPOINT`, `KOODRIVE_USER_ID`, `KOODRIVE_AGENT_NAME`, and one of
    /// `KOODRIVE_TOKEN`, `KOODRIVE_AUTHORIZATION`, or `KOODRIVE_APP_ID` with `KOODRIVE_APP_SECRET`.
    ///
    /// # Errors
    ///
    /// All that is missing or wrong, together.
    pub fn from_env() -> Result<Self, BuildError> {
        ClientBuilder::from_env().build()
    }

    /// The base URL of the service.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.0.endpoint
    }

    pub(crate) fn user_id(&self) -> String {
        String::from_utf8_lossy(self.0.user_id.as_bytes()).into_owned()
    }

    /// Creates a share task, `createBatchTask`.
    ///
    /// The call is **not idempotent**: made twice, it makes two tasks. It is sent again only where nothing can have
    /// been made: after a connection that did not come about, after 429, once after a 401 to a renewed token, and once
    /// after a refused `X-Date` that the server's clock explains.
    ///
    /// # Errors
    ///
    /// See [`Error::outcome`] for whether a task may exist.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the connection and leaks nothing, but it does not take a request back: treat it as
    /// [`Outcome::Unknown`](crate::Outcome::Unknown), and keep [`ShareTask::trace_id`] to look for the task.
    pub async fn create(&self, task: &ShareTask) -> Result<TaskHandle, Error> {
        let (task_id, created_at) = Call::new(&self.0, task).run().await?;
        Ok(TaskHandle {
            task_id,
            share_id: task.share_id().to_owned(),
            trace_id: task.trace_id().clone(),
            created_at,
            endpoint: self.0.endpoint.clone(),
            kdstoken: task.body().kdstoken.clone(),
        })
    }

    /// Asks how far a task has come, `getBatchTask`.
    ///
    /// Idempotent, so passing failures are repeated within the time-out. A task that has "completed" has not always
    /// succeeded: see [`TaskStatus::state`]. To follow a task to its end, use [`poller`](Self::poller).
    ///
    /// # Errors
    ///
    /// As for [`create`](Self::create); a handle of another endpoint is a validation error.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaks nothing and does nothing to the task.
    pub async fn status(&self, handle: &TaskHandle) -> Result<TaskStatus, Error> {
        let trace_id = TraceId::random();
        self.validate_handle(handle).map_err(|error| Error::validation(error, &trace_id))?;
        let query = StatusQuery {
            trace_id,
            body: GetBatchTaskRequest {
                kdstoken: handle.kdstoken.clone(),
                share_id: handle.share_id.clone(),
                task_id: handle.task_id.clone(),
            },
        };
        let (status, _) = Call::new(&self.0, &query).run().await?;
        Ok(status)
    }

    /// Follows a task to its end, with the default [`PollingPolicy`].
    #[must_use]
    pub fn poller(&self, handle: TaskHandle) -> Poller {
        self.poller_with(handle, PollingPolicy::default())
    }

    /// Follows a task to its end as `policy` says.
    #[must_use]
    pub fn poller_with(&self, handle: TaskHandle, policy: PollingPolicy) -> Poller {
        Poller::new(self.clone(), handle, policy)
    }

    fn validate_handle(&self, handle: &TaskHandle) -> Result<(), ValidationError> {
        let mut violations = Violations::default();
        if handle.endpoint != self.0.endpoint {
            violations.push(Violation {
                path: "endpoint".into(),
                rule: rules::ENDPOINT_OF_TASK,
                actual: format!("{:?} to a client of {:?}", handle.endpoint, self.0.endpoint),
                advice: "use a client of that endpoint",
            });
        }
        violations.not_empty("$.taskId", &handle.task_id, "take the handle from the creation");
        violations.not_empty("$.shareId", &handle.share_id, "take the handle from the creation");
        let kdstoken = handle.kdstoken.as_ref().map(KdsToken::expose);
        let advice = "leave it out if the share has no access code";
        violations.not_empty("$.kdstoken", kdstoken.unwrap_or("unset"), advice);
        violations.into_result()
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shared { endpoint, credentials, user_id, agent_name, .. } = &*self.0;
        f.debug_struct("Client")
            .field("endpoint", endpoint)
            .field("credentials", credentials)
            .field("user_id", user_id)
            .field("agent_name", agent_name)
            .finish_non_exhaustive()
    }
}
