//! One call: a permit, a deadline, and attempts until one succeeds or none may follow.

use std::{pin::pin, time::Duration};

use tokio::time::{Instant, sleep, timeout_at};
use tracing::{
    Instrument, Span,
    field::{Empty, display},
};

use super::{
    attempt::{Call, FailedAttempt, Success},
    inner::Inner,
    operation::Operation,
    retry::{Decision, Retry},
};
use crate::{
    credentials::token_cache::CachedToken,
    error::{Effect, Error, ErrorKind, Outcome},
    service_code::ServiceCode,
    trace_id::TraceId,
};

/// Sends an operation's request, and retries it until it succeeds or may not be retried.
pub(super) async fn call<O: Operation>(client: &Inner, operation: &O, trace_id: &TraceId) -> Result<Success<O>, Error> {
    let started = Instant::now();
    // Field names are OpenTelemetry's where it defines one.
    let span = tracing::info_span!(
        "call",
        otel.name = O::NAME,
        otel.kind = "internal",
        otel.status_code = Empty,
        "error.type" = Empty,
        koodrive.code = Empty,
        koodrive.operation = O::NAME,
        koodrive.trace_id = trace_id.as_str(),
        koodrive.task_id = Empty,
        koodrive.outcome = Empty,
        koodrive.elapsed_ms = Empty,
    );
    // The future is pinned so that `instrument` moves a pointer instead of the future itself.
    let call = Call { client, operation, trace_id, started, deadline: started + client.limits.timeout };
    let result = pin!(attempts(&call)).instrument(span.clone()).await;
    span.record("koodrive.elapsed_ms", (started.elapsed().as_secs_f64() * 1e6).round() / 1e3);
    match &result {
        Ok((output, _)) => {
            span.record("koodrive.task_id", operation.task_id(output)).record("koodrive.outcome", display("succeeded"));
        }
        Err(error) => {
            span.record("koodrive.task_id", error.task_id()).record("koodrive.outcome", display(error.outcome()));
            record_error(&span, error);
            if error.outcome() == Outcome::Unknown && O::EFFECT == Effect::CreatesTask {
                // If a filter disables this span, the event belongs to the caller's span.
                span.in_scope(|| tracing::warn!(%error, "a task may exist"));
            }
        }
    }
    result
}

async fn attempts<O: Operation>(call: &Call<'_, O>) -> Result<Success<O>, Error> {
    let client = call.client;
    let mut retry = Retry::new(client.limits.max_attempts, client.retries_throttling);
    let mut attempts = 0;
    let mut last: Option<FailedAttempt> = None;
    loop {
        let mut failure = match with_permit(call, attempts).await {
            Ok(success) => return Ok(success),
            Err(failure) => failure,
        };
        // An attempt that ran out of time or broke a rule sent nothing: the failure before it says more.
        let sent_nothing = matches!(failure.error.0.kind, ErrorKind::Busy | ErrorKind::Validation(_));
        let mut wait = None;
        if sent_nothing && let Some(last) = last.take() {
            failure = last;
        } else {
            attempts += 1;
            let next = retry.decide(&failure);
            wait = carry_out(client, next, &failure).filter(|wait| call.time_left(*wait).is_ok());
            tracing::debug!(error = %failure.error, ?next, ?wait, "attempt failed");
        }
        let Some(wait) = wait else {
            let mut error = failure.error;
            error.0.attempts = attempts;
            error.0.elapsed = call.started.elapsed();
            if retry.is_clock_suspect(failure.date) {
                error.0.advice = Some("check this machine's clock, and whether a proxy changes the header Date");
            }
            return Err(error);
        };
        // A failure that was remedied without a wait no longer explains why the call fails.
        last = (!wait.is_zero()).then_some(failure);
        sleep(wait).await;
    }
}

/// Acquires a permit and makes an attempt. A call holds no permit while it waits for a token or between attempts.
async fn with_permit<O: Operation>(call: &Call<'_, O>, earlier: u32) -> Result<Success<O>, FailedAttempt> {
    let authorized = call.authorize().await?;
    let permits = &call.client.permits;
    let _permit = if let Ok(permit) = permits.try_acquire() {
        permit
    } else {
        tracing::debug!("waiting for another request to end");
        let Ok(Ok(permit)) = timeout_at(call.deadline, permits.acquire()).await else { return Err(call.busy().into()) };
        permit
    };
    let span = tracing::debug_span!(
        "attempt",
        otel.name = O::NAME,
        otel.kind = "client",
        otel.status_code = Empty,
        "error.type" = Empty,
        koodrive.code = Empty,
        http.request.method = Empty,
        http.request.resend_count = (earlier > 0).then_some(earlier),
        http.response.status_code = Empty,
        server.address = Empty,
        server.port = Empty,
    );
    let result = pin!(call.attempt(authorized, &span)).instrument(span.clone()).await;
    if let Err(FailedAttempt { error, .. }) = &result {
        record_error(&span, error);
    }
    result
}

fn record_error(span: &Span, error: &Error) {
    span.record("otel.status_code", "ERROR").record("error.type", error.error_type());
    span.record("koodrive.code", error.service_code().map(ServiceCode::as_str));
}

/// Carries out a decision. Returns the wait before the next attempt, or `None` if there is no next attempt.
fn carry_out(client: &Inner, decision: Decision, failure: &FailedAttempt) -> Option<Duration> {
    match decision {
        Decision::Stop => return None,
        Decision::CorrectClock(correction) => {
            tracing::info!(?correction, "the server's clock is not ours: correcting X-Date");
            client.clock.learn(correction);
        }
        Decision::UseOwnClock => client.clock.forget(failure.correction),
        Decision::RenewToken => failure.refused_token.iter().for_each(CachedToken::discard),
        Decision::Wait(wait) => return Some(wait),
    }
    Some(Duration::ZERO)
}
