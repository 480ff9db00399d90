//! The client: its public calls, and the methods that return a client with one setting changed.

mod attempt;
pub(crate) mod builder;
mod call;
mod env;
pub(crate) mod exchange;
pub(crate) mod failure;
mod inner;
pub(crate) mod operation;
pub(crate) mod outcome;
mod proxy;
pub(crate) mod reply;
pub(crate) mod retry;
pub(crate) mod settings;
#[cfg(feature = "download")]
mod storage_client;
mod transport;

use std::{fmt, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use tokio::{sync::Semaphore, time::sleep};

use self::{
    builder::{BuildError, Cause, ClientBuilder},
    call::call,
    inner::Inner,
    operation::Operation,
    settings::Limits,
    transport::http_client,
};
use crate::{
    clock::Clock,
    credentials::{AuthorizationSource, Credentials, RequestSecret},
    error::Error,
    generated::types::GetBatchTaskRequest,
    patience::CallPatience,
    rules,
    share_task::ShareTask,
    task::{handle::TaskHandle, status::TaskStatus},
    trace_id::TraceId,
    validation::{ValidationError, Violations, header_text, shown},
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
/// Cloning is cheap. Clones share connections, the token, and what is known of the server's clock, so make one client
/// and clone it. [`for_user`](Self::for_user), [`with_credentials`](Self::with_credentials) and
/// [`with_timeout`](Self::with_timeout) return a client that differs in one setting.
///
/// # Runtimes
///
/// A client belongs to the tokio runtime in which its first call is made, because its connections are tasks of that
/// runtime. A call in another runtime may get a connection that is not driven, and waits until its time-out. Make a
/// client for each runtime.
///
/// A synchronous program makes a runtime of its own:
///
/// ```no_run
/// # use koodrive_share::{Client, ShareTask, TargetDirectory};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let task = ShareTask::dump(TargetDirectory::root("my-space")).share_id("s").container_id("c").file_id("f").build()?;
/// let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
/// let client = Client::from_env()?;
/// let status = runtime.block_on(async {
///     let handle = client.create(&task).await?;
///     Ok::<_, Box<dyn std::error::Error>>(client.wait(&handle).await?)
/// })?;
/// println!("{}", status.state);
/// # Ok(()) }
/// ```
///
/// # Tracing
///
/// Each call is a `tracing` span `call` at level info, and each of its attempts is a span `attempt` at debug. The
/// fields have the names of OpenTelemetry's HTTP conventions, or are `koodrive.operation`, `.trace_id`, `.task_id`,
/// `.outcome`, `.code` and `.elapsed_ms`. `error.type` is [`Error::error_type`]: a layer that counts it also sees
/// failures that a retry or a poller overcomes. The events are:
///
/// - debug: replies, failed attempts and polls, chunks of a bulk run, waits for a permit, renewed tokens
/// - info: a corrected clock
/// - warn: a token that was not renewed, a creation whose outcome is unknown
/// - trace: the request, without secrets
///
/// tracing-subscriber prints spans only if it is told to, for example by
/// `tracing_subscriber::fmt().with_span_events(FmtSpan::CLOSE).init()`. All targets begin with `koodrive_share`, so a
/// filter can tell them from the HTTP client's. The spans do not name the user: put each user's calls into a span of
/// your own. A download has events at debug, and no span of its own.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

impl Client {
    /// Returns a builder to set up a client.
    #[doc(alias("http_client", "new"))]
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// Makes a client from the environment: `KOODRIVE_ENDPOINT`, `KOODRIVE_USER_ID`, `KOODRIVE_AGENT_NAME`, and one of
    /// `KOODRIVE_TOKEN`, `KOODRIVE_AUTHORIZATION`, or `KOODRIVE_APP_ID` with `KOODRIVE_APP_SECRET`.
    ///
    /// # Errors
    ///
    /// Returns everything that is missing or wrong in one error.
    pub fn from_env() -> Result<Self, BuildError> {
        ClientBuilder::from_env().build()
    }

    /// Returns a handle for a task at this client's endpoint from its ids. If its trace id is known, too, use
    /// [`TaskHandle::new`].
    ///
    /// ```no_run
    /// # use koodrive_share::Client;
    /// # async fn example(client: Client) -> Result<(), koodrive_share::Error> {
    /// let handle = client.handle("7001", "1689765568237837824");
    /// println!("{}", client.status(&handle).await?.state);
    /// # Ok(()) }
    /// ```
    #[doc(alias("task"))]
    pub fn handle(&self, task_id: impl Into<String>, share_id: impl Into<String>) -> TaskHandle {
        TaskHandle { created_at: self.now(), ..TaskHandle::new(task_id, share_id, self.endpoint(), None) }
    }

    /// Returns a client for another user of the same service. It shares everything else with this one, credentials
    /// included, and costs little: a process can make one for each request that it serves.
    ///
    /// ```no_run
    /// # use koodrive_share::{Client, Credentials, Error, ShareTask, TaskHandle};
    /// # async fn example(client: &Client, user_id: &str, token: &str, task: &ShareTask) -> Result<TaskHandle, Error> {
    /// let client = client.for_user(user_id)?.with_credentials(Credentials::bearer(token))?;
    /// client.create(task).await
    /// # }
    /// ```
    ///
    /// If each user has a token of their own, set it by [`with_credentials`](Self::with_credentials).
    ///
    /// # Errors
    ///
    /// Returns an error if the id breaks the rule `header-text`.
    #[doc(alias("with_user_id"))]
    pub fn for_user(&self, user_id: impl AsRef<str>) -> Result<Self, ValidationError> {
        let user_id = header_text("X-User-Id", user_id.as_ref(), shown, "give for_user(…) the id of a user")?;
        Ok(self.with(|inner| inner.caller.user_id = user_id))
    }

    /// Returns a client with other credentials that shares everything else with this one. Clones of one [`Credentials`]
    /// share its token: keep a user's credentials, so that the token is not renewed before it lapses.
    ///
    /// # Errors
    ///
    /// Returns all rules that the credentials break in one error.
    #[doc(alias("with_bearer_token", "with_token"))]
    pub fn with_credentials(&self, credentials: Credentials) -> Result<Self, ValidationError> {
        let authorization = credentials.0?;
        Ok(self.with(|inner| inner.caller.authorization = authorization))
    }

    /// Returns a client with another [`timeout`](ClientBuilder::timeout) that shares everything else with this one. The
    /// time-out must be more than the connect time-out, which stays the same, and at most a day.
    ///
    /// # Errors
    ///
    /// Returns an error if the time-out breaks the rule `timeout` or `connect-timeout`.
    pub fn with_timeout(&self, timeout: Duration) -> Result<Self, ValidationError> {
        let limits = Limits { timeout, ..self.0.limits };
        let mut violations = Violations::default();
        limits.validate(&mut violations);
        violations.into_result()?;
        Ok(self.with(|inner| inner.limits = limits))
    }

    /// Returns a client whose read-only calls wait out throttling, and that shares everything else with this one. These
    /// calls are opening a share, each page of its files, a task's status, and each poll of a poller.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # fn example(client: koodrive_share::Client) {
    /// let patient = client.with_patience(Duration::from_secs(900), |pause, error| eprintln!("paused for {pause:.0?}: {error}"));
    /// # }
    /// ```
    ///
    /// The client pauses and repeats such a call until it has failed for the `limit`, or the service asks for a wait
    /// that would exceed it. A limit of 0 does not wait. The pauses are those of a
    /// [bulk run](crate::BulkPolicy::patience): 1 to 2 seconds, doubled each time up to 1 to 2 minutes, and at least
    /// `Retry-After`. Missing or lost connections, time-outs, failures of the server (5xx) and of a token provider are
    /// also waited out, but only after any other reply: until then, the endpoint may be mistyped.
    ///
    /// `on_pause` is called at the beginning of each pause; it must not block. A pause begins only after a call's own
    /// attempts. The waits between these are not reported; with [`max_attempts(1)`](crate::ClientBuilder::max_attempts)
    /// there are none.
    #[must_use]
    pub fn with_patience(&self, limit: Duration, on_pause: impl Fn(Duration, &Error) + Send + Sync + 'static) -> Self {
        self.with(|inner| inner.patience = Some(CallPatience::new(limit, on_pause)))
    }

    /// Returns a client whose calls wait out throttling and outages for at most `limit`.
    pub(crate) fn with_patience_at_most(&self, limit: Duration) -> Self {
        self.with(|inner| inner.patience = inner.patience.as_ref().map(|patience| patience.at_most(limit)))
    }

    /// Returns a client whose calls do not retry throttling.
    pub(crate) fn without_throttle_retry(&self) -> Self {
        self.with(|inner| inner.retries_throttling = false)
    }

    fn with(&self, change: impl FnOnce(&mut Inner)) -> Self {
        let mut inner = Inner::clone(&self.0);
        change(&mut inner);
        Self(Arc::new(inner))
    }

    /// Returns the base URL of the service.
    pub fn endpoint(&self) -> &str {
        &self.0.endpoint
    }

    /// Whether a time has passed, even if the server's clock shows the earliest time that it may.
    pub(crate) fn has_passed(&self, time: DateTime<Utc>) -> bool {
        time < *self.0.clock.server_time(self.now()).start()
    }

    /// Returns this machine's time.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.0.clock.now()
    }

    /// Returns the client's secrets, except tokens that a provider supplies.
    pub(crate) fn secrets(&self) -> Vec<&str> {
        self.0.secrets(match &self.0.caller.authorization {
            AuthorizationSource::Fixed(authorization) => Some(authorization),
            AuthorizationSource::Renewed(_) => None,
        })
    }

    pub(crate) fn user_id(&self) -> String {
        String::from_utf8_lossy(self.0.caller.user_id.as_bytes()).into_owned()
    }

    /// Creates a share task, `createBatchTask`.
    ///
    /// The call is **not idempotent**: two calls create two tasks. The request is retried only if it cannot have
    /// created a task: if no connection was established, after throttling, once if a provider's token was refused, and
    /// at most three times with another `X-Date` if a refusal shows that the clock is wrong.
    ///
    /// # Errors
    ///
    /// After an error, [`Error::outcome`] tells whether a task may exist.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the connection and leaks nothing, but does not take back a request that was sent.
    /// Treat the result as [`Outcome::Unknown`](crate::Outcome::Unknown), and keep [`ShareTask::trace_id`] to look for
    /// the task.
    ///
    /// # Panics
    ///
    /// Panics outside of a tokio runtime with I/O and time enabled.
    #[doc(alias("createBatchTask", "create_batch_task", "create_task", "send", "submit"))]
    pub async fn create(&self, task: &ShareTask) -> Result<TaskHandle, Error> {
        let (task_id, created_at) = call(&self.0, task, task.trace_id()).await?;
        Ok(TaskHandle {
            task_id,
            share_id: task.share_id().to_owned(),
            trace_id: task.trace_id().clone(),
            created_at,
            endpoint: self.0.endpoint.clone(),
            kdstoken: task.body().kdstoken.clone(),
        })
    }

    /// Returns the status of a task, `getBatchTask`.
    ///
    /// The call is idempotent, so it is retried within the time-out after failures that may pass. A task that has
    /// "completed" has not always succeeded: see [`TaskStatus::state`]. To wait for a task's end, use
    /// [`wait`](Self::wait).
    ///
    /// # Errors
    ///
    /// Returns the errors of [`create`](Self::create). A handle of another endpoint is a validation error.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaks nothing and does not affect the task.
    ///
    /// # Panics
    ///
    /// Panics outside of a tokio runtime with I/O and time enabled.
    #[doc(alias("getBatchTask", "get_batch_task", "get_task", "get", "task_status"))]
    pub async fn status(&self, handle: &TaskHandle) -> Result<TaskStatus, Error> {
        self.validate_handle(handle)?;
        let query = GetBatchTaskRequest {
            kdstoken: handle.kdstoken.clone(),
            share_id: handle.share_id.clone(),
            task_id: handle.task_id.clone(),
        };
        self.query(&query, &TraceId::random()).await
    }

    /// Makes a read-only call, and repeats it while the client's patience lasts.
    pub(crate) async fn query<O: Operation>(&self, operation: &O, trace_id: &TraceId) -> Result<O::Output, Error> {
        let mut state = None;
        loop {
            let result = call(&self.0, operation, trace_id).await.map(|(output, _)| output);
            let pause = self.0.patience.as_ref().and_then(|patience| patience.pause(&mut state, &result));
            let Some(pause) = pause else { return result };
            sleep(pause).await;
        }
    }

    fn validate_handle(&self, handle: &TaskHandle) -> Result<(), ValidationError> {
        let mut violations = Violations::default();
        if handle.endpoint.trim_end_matches('/') != self.0.endpoint {
            let actual = format!("{:?} to a client of {:?}", handle.endpoint, self.0.endpoint);
            violations
                .add(rules::ENDPOINT_OF_TASK.at("endpoint").given(actual).advise("use a client of that endpoint"));
        }
        violations.not_empty("$.taskId", handle.task_id.as_str(), "take the handle from the creation");
        violations.not_empty("$.shareId", handle.share_id.as_str(), "take the handle from the creation");
        let kdstoken = handle.kdstoken.as_ref().map(RequestSecret::expose);
        let advice = "leave it out if the share has no extract code";
        violations.not_empty("$.kdstoken", kdstoken, advice);
        violations.into_result()
    }
}

impl ClientBuilder {
    /// Checks the settings and makes the client. This opens no connection.
    ///
    /// # Errors
    ///
    /// Returns all broken rules in one error, or the reason why the HTTP client cannot be made (certificates, TLS).
    pub fn build(self) -> Result<Client, BuildError> {
        let Self(settings) = self;
        let checked = settings.check().map_err(Cause::Rules)?;
        let http = http_client(&settings, &checked).map_err(Cause::Tls)?;
        let limits = settings.limits;
        let now = settings.now.clone().unwrap_or_else(|| Arc::new(Utc::now));
        Ok(Client(Arc::new(Inner {
            http,
            http_timeout: limits.timeout,
            endpoint: checked.endpoint.as_str().trim_end_matches('/').to_owned(),
            request_headers: checked.request_headers,
            caller: checked.caller,
            limits: Limits { connect_timeout: Some(limits.connect_timeout()), ..limits },
            retries_throttling: true,
            patience: None,
            permits: Arc::new(Semaphore::new(limits.max_concurrent_requests)),
            last_reply: Arc::default(),
            clock: Arc::new(Clock::new(now, limits.backdate)),
            #[cfg(feature = "download")]
            storage: Arc::new(settings.for_storage()),
        })))
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { endpoint, caller, .. } = &*self.0;
        f.debug_struct("Client").field("endpoint", endpoint).field("caller", caller).finish_non_exhaustive()
    }
}
