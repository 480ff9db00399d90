//! One attempt: authorize, date, exchange, interpret.

use std::{sync::OnceLock, time::Duration};

use chrono::{DateTime, Utc};
use http::{HeaderValue, StatusCode};
use tokio::{
    task::yield_now,
    time::{Instant, timeout_at},
};
use tracing::Span;

use super::{
    exchange::{Exchange, Signed},
    failure::{self, FailureDetails, interpret},
    inner::Inner,
    operation::{Decoded, Operation},
    reply::{Reply, date},
};
use crate::{
    clock::{Correction, DateVerdict, Dated, gateway_time, judge},
    connect_fault::ConnectFault,
    credentials::{Authorization, AuthorizationSource, token_cache::CachedToken},
    error::{BoxError, Error, ErrorKind},
    generated::{self, Headers},
    service_code::ServiceCode,
    trace_id::TraceId,
    x_date::XDate,
};

/// The output of a call, and the time when its reply arrived.
pub(super) type Success<O> = (<O as Operation>::Output, DateTime<Utc>);

/// The part of a call that all of its attempts share.
pub(super) struct Call<'a, O> {
    pub(super) client: &'a Inner,
    pub(super) operation: &'a O,
    pub(super) trace_id: &'a TraceId,
    pub(super) started: Instant,
    pub(super) deadline: Instant,
}

/// A failed attempt: the error to return if no other attempt follows, and what the decision to retry depends on.
pub(super) struct FailedAttempt {
    pub(super) error: Error,
    /// The clock correction that `X-Date` was made with.
    pub(super) correction: Option<Correction>,
    pub(super) date: DateVerdict,
    /// The token that the service refused, if it can be renewed.
    pub(super) refused_token: Option<CachedToken>,
}

impl From<Error> for FailedAttempt {
    fn from(error: Error) -> Self {
        Self { error, correction: None, date: DateVerdict::Unrelated, refused_token: None }
    }
}

impl<O: Operation> Call<'_, O> {
    /// Makes one attempt: sends the request once.
    pub(super) async fn attempt(&self, authorization: Authorization, span: &Span) -> Result<Success<O>, FailedAttempt> {
        // The runtime may not have run since the last call. Let it read what has arrived on idle connections, so that
        // no closed one is used.
        if self.client.is_idle() {
            yield_now().await;
        }
        let left = self.time_left(Duration::ZERO)?;
        let clock = &self.client.clock;
        let dated = self.date(clock.now())?;
        let mut client = generated::Client {
            baseurl: self.client.endpoint.clone(),
            client: self.client.http.clone(),
            inner: Exchange {
                dated,
                headers: self.headers(dated.x_date),
                authorization,
                // The HTTP client's own time-out is that of a whole call. Tokio's timers have a resolution of one
                // millisecond.
                timeout: (left.abs_diff(self.client.http_timeout) > Duration::from_millis(1)).then_some(left),
                max_reply_bytes: self.client.limits.max_reply_bytes.unwrap_or(O::MAX_REPLY_BYTES),
                clock: clock.clone(),
                span: span.clone(),
                signed: OnceLock::new(),
                reply: OnceLock::new(),
            },
        };
        tracing::trace!(headers = ?client.inner.headers, request = ?self.operation, "sending");
        let decoded = self.operation.send(&client).await;
        let Some(reply) = client.inner.reply.take() else { return Err(self.no_reply(decoded).into()) };
        tracing::debug!(status = reply.status.as_u16(), "reply");
        self.client.record_reply();
        if let Authorization::Renewed(token) = &client.inner.authorization
            && reply.status != StatusCode::UNAUTHORIZED
        {
            token.used();
        }
        let (response, cause) = match decoded {
            Ok(response) => (Some(response.into_inner()), None),
            Err(generated::Error::CommunicationError(cause)) => (None, Some(cause)),
            // The reply may have an undocumented status of success.
            Err(_) => (reply.decode(), None),
        };
        match interpret(self.operation, &reply, response) {
            Ok(output) => {
                clock.confirm(dated.correction);
                Ok((output, reply.received))
            }
            Err(details) => Err(self.failure(&client.inner, &reply, &details, cause)),
        }
    }

    /// Returns the time to the deadline, or an error if it is too short to wait and then to connect.
    ///
    /// An attempt without enough time to connect could turn the outcome "not sent" into "unknown".
    pub(super) fn time_left(&self, wait: Duration) -> Result<Duration, Error> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let is_enough = wait.saturating_add(self.client.limits.connect_timeout()) <= left;
        if is_enough { Ok(left) } else { Err(self.busy()) }
    }

    pub(super) fn busy(&self) -> Error {
        self.error(ErrorKind::Busy, None)
    }

    fn error(&self, kind: ErrorKind, source: Option<BoxError>) -> Error {
        let mut error = Error::new(kind, O::EFFECT, self.trace_id.clone());
        error.0.source = source;
        error
    }

    /// Returns the authorization of the request. If needed, asks the token provider for a token.
    pub(super) async fn authorize(&self) -> Result<Authorization, Error> {
        let cache = match &self.client.caller.authorization {
            AuthorizationSource::Fixed(authorization) => return Ok(authorization.clone()),
            AuthorizationSource::Renewed(cache) => cache,
        };
        // Do not ask the provider if no time is left to send the request.
        self.time_left(Duration::ZERO)?;
        let failed = |what, source| self.error(ErrorKind::Credentials(what), source);
        match timeout_at(self.deadline, cache.token(self.client.limits.renewal_timeout)).await {
            Ok(Ok(token)) => Ok(Authorization::Renewed(token)),
            Ok(Err(failure)) => Err(failed("the token provider failed", Some(failure.into()))),
            Err(_) => Err(failed("the token provider gave no token in time", None)),
        }
    }

    /// Returns the caller's `X-Date` after checking it, or one that the clock makes.
    fn date(&self, now: DateTime<Utc>) -> Result<Dated, Error> {
        let clock = &self.client.clock;
        let Some(x_date) = self.operation.x_date() else { return Ok(clock.date(now)) };
        let refused = |error| self.error(ErrorKind::Validation(error), None);
        x_date.check(clock.server_time(now)).map_err(refused)?;
        Ok(Dated { x_date, sent: now, correction: None })
    }

    fn headers(&self, x_date: XDate) -> Headers {
        let header = |text: String| HeaderValue::try_from(text).expect("dates and trace ids are visible ASCII");
        Headers {
            x_date: header(x_date.to_string()),
            x_hw_agentname: self.client.caller.agent_name.clone(),
            x_traceid: Some(header(self.trace_id.as_str().to_owned())),
            x_user_id: self.client.caller.user_id.clone(),
        }
    }

    /// Returns the error of an attempt that got no reply.
    fn no_reply(&self, decoded: Decoded<O::Response>) -> Error {
        let cause = match decoded {
            Err(generated::Error::CommunicationError(cause)) => cause,
            // The generated client could not make the request; input that keeps the rules does not lead here.
            Err(error) => return self.error(ErrorKind::Request, Some(error.to_string().into())),
            Ok(_) => return self.error(ErrorKind::Lost, None),
        };
        let kind = match ConnectFault::of(&cause, cause.is_connect()) {
            Some(fault) => ErrorKind::ConnectRefused(fault),
            None if cause.is_builder() => ErrorKind::Request,
            // A connect time-out is also a time-out, but nothing was sent.
            None if cause.is_connect() => ErrorKind::Connect,
            None if cause.is_timeout() => ErrorKind::TimedOut,
            None => ErrorKind::Lost,
        };
        self.error(kind, Some(cause.into()))
    }

    /// Makes the failure of a reply that reports no success. `cause` is the error that cut the reply short, if any.
    fn failure(
        &self,
        exchange: &Exchange,
        reply: &Reply,
        details: &FailureDetails,
        cause: Option<reqwest::Error>,
    ) -> FailedAttempt {
        let (Exchange { dated, authorization, .. }, signed) = (exchange, exchange.signed.get());
        let mut secrets = self.client.secrets(Some(authorization));
        secrets.extend(self.operation.secret());
        secrets.extend(signed.and_then(Signed::signature));
        secrets.extend(details.secrets.iter().map(String::as_str));
        let mut error = failure::error(self.trace_id, O::EFFECT, reply, details, cause, &secrets);
        let message = details.message.as_deref().unwrap_or_default();
        error.0.notes.extend(signed.and_then(|signed| signed.canonical.compare(message, &secrets)));
        let is_of_service = error.service_code().is_some_and(|code| code.gateway_number().is_none());
        let is_judged = is_of_service && !error.is_throttled();
        let is_final = reply.status != StatusCode::UNAUTHORIZED && error.is_refused() && !error.is_retryable();
        if O::CHECKS_EXTRACT_CODE && is_judged && is_final {
            error.0.kind = ErrorKind::ExtractCode;
        }
        if is_judged && !error.is_unauthorized() {
            error.0.advice = self.operation.advice(&error);
        }
        let date = self.judge_date(*dated, &error, reply, message);
        let refused_token = match authorization {
            Authorization::Renewed(token) if error.is_refused() && error.is_unauthorized() => Some(token.clone()),
            Authorization::Renewed(_) | Authorization::Ready(_) | Authorization::Signed(_) => None,
        };
        FailedAttempt { error, correction: dated.correction, date, refused_token }
    }

    /// Returns what the failure of a request says about its `X-Date`. `message` is that of the service.
    fn judge_date(&self, dated: Dated, error: &Error, reply: &Reply, message: &str) -> DateVerdict {
        let is_refusal = error.is_refused() && matches!(reply.status.as_u16(), 200 | 400 | 401 | 403);
        let has_other_cause = error.is_throttled() || error.service_code().is_some_and(ServiceCode::names_its_cause);
        // The refusal of a date that the caller gave says nothing about our clock.
        if !is_refusal || has_other_cause || self.operation.x_date().is_some() {
            return DateVerdict::Unrelated;
        }
        // The time in the message is that of the clock that judged the request. An intermediary may set its own Date.
        judge(dated, gateway_time(message).or_else(|| date(&reply.headers)), reply.received)
    }
}
