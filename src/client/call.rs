//! One call: its attempts, and what comes of them.

use std::{sync::OnceLock, time::Duration};

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use chrono::{DateTime, Utc};
use http::StatusCode;
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep, timeout_at};

use super::{
    Shared,
    hooks::{Attempt, Signed},
    reply::{Body, Said, lack, task_without_success},
};
use crate::{
    Error, Outcome, ShareTask, TaskStatus, TraceId, XDate,
    clock::ServerTime,
    credentials::{self, Authorization, KdsToken, Source, token_cache::TokenCache},
    error::Kind,
    generated::{
        self, ResponseValue,
        types::{CreateBatchTaskResponse, ErrorBody, GetBatchTaskRequest, GetBatchTaskResponse},
    },
    redact::{presentable, scrubbed},
};

type Sent<T> = Result<ResponseValue<T>, generated::Error<ErrorBody>>;

/// An operation of the generated client, with all that one call of it needs.
pub(crate) trait Operation: Sync {
    type Answer: DeserializeOwned + Send;

    /// What a caller gets from an answer that reports success.
    type Made: Send;

    /// Whether sending it twice is the same as sending it once.
    const IDEMPOTENT: bool;

    fn trace_id(&self) -> &TraceId;

    /// Given by the caller, for every attempt.
    fn x_date(&self) -> Option<XDate>;

    fn kdstoken(&self) -> Option<&KdsToken>;

    /// Sends it, with the headers that the client's hooks add.
    fn send<'a>(&'a self, client: &'a generated::Client) -> impl Future<Output = Sent<Self::Answer>> + Send;

    /// Takes it out of an answer that reports success and brings it.
    ///
    /// # Errors
    ///
    /// What any other answer says.
    fn made(answer: Self::Answer) -> Result<Self::Made, Said>;
}

impl Operation for ShareTask {
    type Answer = CreateBatchTaskResponse;

    /// The task's id.
    type Made = String;

    const IDEMPOTENT: bool = false;

    fn trace_id(&self) -> &TraceId {
        self.trace_id()
    }

    fn x_date(&self) -> Option<XDate> {
        self.x_date()
    }

    fn kdstoken(&self) -> Option<&KdsToken> {
        self.body().kdstoken.as_ref()
    }

    fn send<'a>(&'a self, client: &'a generated::Client) -> impl Future<Output = Sent<Self::Answer>> + Send {
        client.create_batch_task(None, None, None, None, self.body())
    }

    fn made(answer: Self::Answer) -> Result<String, Said> {
        let CreateBatchTaskResponse { code, msg, task_id } = answer;
        match task_id.filter(|task_id| !task_id.is_empty()) {
            Some(task_id) if code.is_success() => Ok(task_id),
            task_id => Err(Said {
                message: msg,
                names_a_task: task_id.is_some(),
                defect: match task_id {
                    Some(task_id) => Some(task_without_success(&task_id)),
                    None => lack(&code, "task id"),
                },
                code: Some(code),
                ..Said::default()
            }),
        }
    }
}

/// A query of a task's state, with a trace id of its own.
pub(super) struct StatusQuery {
    pub(super) trace_id: TraceId,
    pub(super) body: GetBatchTaskRequest,
}

impl Operation for StatusQuery {
    type Answer = GetBatchTaskResponse;
    type Made = TaskStatus;

    const IDEMPOTENT: bool = true;

    fn trace_id(&self) -> &TraceId {
        &self.trace_id
    }

    fn x_date(&self) -> Option<XDate> {
        None
    }

    fn kdstoken(&self) -> Option<&KdsToken> {
        self.body.kdstoken.as_ref()
    }

    fn send<'a>(&'a self, client: &'a generated::Client) -> impl Future<Output = Sent<Self::Answer>> + Send {
        client.get_batch_task(None, None, None, None, &self.body)
    }

    fn made(answer: Self::Answer) -> Result<TaskStatus, Said> {
        let GetBatchTaskResponse { code, job_info, msg, task_infos } = answer;
        match job_info {
            Some(job) if code.is_success() => Ok(TaskStatus::new(job, task_infos)),
            job => Err(Said {
                message: msg,
                url: job.and_then(|job| job.download_url),
                defect: lack(&code, "jobInfo"),
                code: Some(code),
                ..Said::default()
            }),
        }
    }
}

/// One call of an operation: all its attempts, within one deadline.
pub(super) struct Call<'a, O> {
    client: &'a Shared,
    operation: &'a O,
    deadline: Instant,
}

/// An attempt that failed, and what could make the next one succeed.
struct Failed {
    error: Error,
    /// The server's clock explains the refusal.
    x_date_refused: bool,
    /// The token that was sent, if it can be renewed.
    renewable: Option<SecretString>,
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self { error, x_date_refused: false, renewable: None }
    }
}

impl<'a, O: Operation> Call<'a, O> {
    pub(super) fn new(client: &'a Shared, operation: &'a O) -> Self {
        Self { client, operation, deadline: Instant::now() + client.timeout }
    }

    /// Sends the request until it succeeds or may not be sent again.
    ///
    /// Gives when the reply came, too.
    pub(super) async fn run(&self) -> Result<(O::Made, DateTime<Utc>), Error> {
        let places = &self.client.places;
        let _place = match places.try_acquire() {
            Ok(place) => place,
            Err(_) => match timeout_at(self.deadline, places.acquire()).await {
                Ok(Ok(place)) => place,
                _ => return Err(self.error(Kind::Busy, Outcome::NotSent)),
            },
        };
        let mut waits = None;
        let (mut resigned, mut renewed) = (false, false);
        loop {
            let Failed { error, x_date_refused, renewable } = match self.attempt().await {
                Ok(success) => return Ok(success),
                Err(failed) => failed,
            };
            tracing::debug!(trace_id = %self.operation.trace_id(), %error, "attempt failed");
            let rejected = error.outcome() == Outcome::Rejected;
            let resendable =
                error.is_connect() || (error.is_throttled() && rejected) || (O::IDEMPOTENT && error.is_transient());
            let wait = if x_date_refused && !resigned {
                resigned = true;
                Duration::ZERO
            } else if let (Some(token), Some(cache), false) = (renewable, self.token_cache(), renewed) {
                renewed = true;
                cache.discard(&token);
                Duration::ZERO
            } else if resendable && let Some(wait) = waits.get_or_insert_with(|| self.waits()).next() {
                wait.max(error.retry_after().unwrap_or_default())
            } else {
                return Err(error);
            };
            if self.time_left(wait).is_none() {
                return Err(error);
            }
            sleep(wait).await;
        }
    }

    /// Time to the deadline, if it is enough to wait and then to connect: an attempt without time to connect would turn
    /// "not sent" into "unknown".
    fn time_left(&self, wait: Duration) -> Option<Duration> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        (wait.saturating_add(self.client.connect_timeout) <= left).then_some(left)
    }

    /// The waits between attempts: 0.2 s, doubled each time to at most 5 s, and up to as much again at random.
    fn waits(&self) -> ExponentialBackoff {
        ExponentialBuilder::new()
            .with_min_delay(Duration::from_millis(200))
            .with_max_delay(Duration::from_secs(5))
            .with_max_times(self.client.max_attempts as usize - 1)
            .with_jitter()
            .build()
    }

    async fn attempt(&self) -> Result<(O::Made, DateTime<Utc>), Failed> {
        let (authorization, token) = match &self.client.authorization {
            Source::Fixed(authorization) => (authorization.clone(), None),
            Source::Renewed(cache) => self.renewed(cache).await?,
        };
        let Some(left) = self.time_left(Duration::ZERO) else {
            return Err(self.error(Kind::Busy, Outcome::NotSent).into());
        };
        // The HTTP client's own time-out is that of a whole call, and one for the request takes three allocations more.
        // A timer does not tell less than a millisecond.
        let timeout = (left + Duration::from_millis(1) < self.client.timeout).then_some(left);
        let clock = &self.client.clock;
        let began = clock.now();
        let x_date = match self.operation.x_date() {
            Some(given) => {
                let checked = given.check(clock.server_time(began));
                checked.map_err(|error| Error::validation(error, self.operation.trace_id()))?;
                given
            }
            None => clock.x_date(began),
        };
        let mut client = generated::Client {
            baseurl: self.client.endpoint.clone(),
            client: self.client.http.clone(),
            inner: Attempt {
                x_date,
                agent_name: self.client.agent_name.clone(),
                trace_id: self.operation.trace_id().clone(),
                user_id: self.client.user_id.clone(),
                authorization,
                timeout,
                max_reply_bytes: self.client.max_reply_bytes,
                clock: clock.clone(),
                signed: OnceLock::new(),
                reply: OnceLock::new(),
            },
        };
        let sent = self.operation.send(&client).await;
        let Attempt { signed, reply, .. } = &mut client.inner;
        let Some(reply) = reply.get_mut() else {
            return Err(self.no_reply(sent).into());
        };
        tracing::debug!(trace_id = %self.operation.trace_id(), status = reply.status.as_u16(), "reply");
        let (answer, broken) = match sent {
            Ok(answer) => (Some(answer.into_inner()), None),
            Err(generated::Error::CommunicationError(cause) | generated::Error::ResponseBodyError(cause)) => {
                (None, Some(cause))
            }
            Err(generated::Error::InvalidResponsePayload(body, _)) if matches!(reply.body, Body::Unread) => {
                reply.body = Body::Whole(body);
                (None, None)
            }
            Err(_) => (reply.answer(), None),
        };
        let unauthorized = reply.status == StatusCode::UNAUTHORIZED;
        if let (Some(token), Some(cache), false) = (&token, self.token_cache(), unauthorized) {
            cache.used(token);
        }
        let verdict = match reply.settle::<O>(answer) {
            Ok(made) => {
                clock.learn(reply.date(), began, reply.received);
                return Ok((made, reply.received));
            }
            Err(verdict) => verdict,
        };
        let mut secrets = self.secrets(token.as_ref(), signed.get());
        secrets.extend(verdict.url());
        let server_time = ServerTime::read(reply.date(), verdict.message());
        clock.learn(server_time.known(), began, reply.received);
        let rejected = verdict.outcome == Outcome::Rejected;
        let x_date_refused = self.operation.x_date().is_none()
            && rejected
            && matches!(reply.status.as_u16(), 400 | 401 | 403)
            && server_time.refuses(x_date);
        // Scrubbed first: the comparison quotes what differs, and quoting changes a secret.
        let compared = signed.get().and_then(|signed| signed.canonical.compare(&scrubbed(verdict.message(), &secrets)));
        let note = compared.map(|text| presentable(&text, &[])).or_else(|| server_time.contradiction());
        let mut error = reply.error(&verdict, self.operation.trace_id(), &secrets);
        error = error.of_query(O::IDEMPOTENT).with_note(note);
        if let Some(cause) = broken {
            error = error.broken_by(cause);
        }
        Err(Failed { error, x_date_refused, renewable: token.filter(|_| unauthorized && rejected) })
    }

    /// The `Authorization` of an attempt with a provider's token, and that token.
    async fn renewed(&self, cache: &TokenCache) -> Result<(Authorization, Option<SecretString>), Error> {
        let failed = |what| self.error(Kind::Credentials(what), Outcome::NotSent);
        let token = match timeout_at(self.deadline, cache.token()).await {
            Ok(Ok(token)) => token,
            Ok(Err(failure)) => {
                return Err(failed("the token provider failed").with_source(failure));
            }
            Err(_) => return Err(failed("the token provider gave no token in time")),
        };
        let Some(value) = credentials::bearer(&token) else {
            // The next call asks anew, instead of failing until this one lapses.
            cache.discard(&token);
            return Err(failed("the provider's token fits no header: it must be visible ASCII without a scheme"));
        };
        Ok((Authorization::Ready(value), Some(token)))
    }

    fn token_cache(&self) -> Option<&TokenCache> {
        match &self.client.authorization {
            Source::Fixed(_) => None,
            Source::Renewed(cache) => Some(cache),
        }
    }

    /// The error of an attempt that no reply came to.
    fn no_reply(&self, sent: Sent<O::Answer>) -> Error {
        let Err(generated::Error::CommunicationError(cause)) = sent else {
            // The request was not made: a header that holds no value, which the rules exclude.
            let what = "the request cannot be made";
            return self.error(Kind::Credentials(what), Outcome::NotSent);
        };
        // A connect time-out is both; nothing was sent then.
        if cause.is_connect() || cause.is_builder() {
            return self.error(Kind::Connect, Outcome::NotSent).with_source(cause);
        }
        self.error(Kind::Lost, Outcome::Unknown).broken_by(cause)
    }

    fn error(&self, kind: Kind, outcome: Outcome) -> Error {
        Error::new(kind, outcome, self.operation.trace_id()).of_query(O::IDEMPOTENT)
    }

    /// What a reply must not echo into an error.
    fn secrets<'b>(&'b self, token: Option<&'b SecretString>, signed: Option<&'b Signed>) -> Vec<&'b str> {
        let mut secrets = self.client.credentials.secrets();
        secrets.extend(token.map(ExposeSecret::expose_secret));
        secrets.extend(self.operation.kdstoken().map(KdsToken::expose));
        secrets.extend(signed.and_then(Signed::signature));
        secrets
    }
}
