//! One call: a permit, a deadline, and attempts until one succeeds or none may follow.

use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::{Instant, sleep, timeout_at};

use super::{
    attempt::{Attempt, Failure},
    operation::Operation,
    retry::{Decision, Retry},
    shared::Shared,
};
use crate::{
    error::{Error, ErrorKind},
    trace_id::TraceId,
};

/// Sends the request of an operation until it succeeds or may not be sent again.
///
/// Gives what came of it, and when the reply came.
pub(super) async fn call<O: Operation>(
    client: &Shared,
    operation: &O,
    trace_id: &TraceId,
) -> Result<(O::Output, DateTime<Utc>), Error> {
    let started = Instant::now();
    let attempt = Attempt { client, operation, trace_id, deadline: started + client.limits.timeout };
    let mut retry = Retry::new(client.limits.max_attempts);
    let mut attempts = 0;
    loop {
        attempts += 1;
        let failure = match with_permit(&attempt).await {
            Ok(success) => return Ok(success),
            Err(failure) => failure,
        };
        tracing::debug!(%trace_id, error = %failure.error, "attempt failed");
        let wait = remedy(client, retry.decide(&failure.facts(O::EFFECT)), &failure);
        let Some(wait) = wait.filter(|wait| attempt.time_left(*wait).is_some()) else {
            let is_clock_refused = failure.is_clock_suspect(retry.has_questioned_clock());
            let mut error = failure.error;
            error.0.attempts = attempts;
            error.0.elapsed = started.elapsed();
            error.0.is_clock_refused = is_clock_refused;
            return Err(error);
        };
        sleep(wait).await;
    }
}

/// Makes an attempt once there are less than the maximum of concurrent requests. A call that waits between attempts holds
/// no permit.
async fn with_permit<O: Operation>(attempt: &Attempt<'_, O>) -> Result<(O::Output, DateTime<Utc>), Failure> {
    let permits = &attempt.client.permits;
    let _permit = match permits.try_acquire() {
        Ok(permit) => permit,
        Err(_) => match timeout_at(attempt.deadline, permits.acquire()).await {
            Ok(Ok(permit)) => permit,
            Ok(Err(_)) | Err(_) => return Err(attempt.error(ErrorKind::Busy, None).into()),
        },
    };
    attempt.run().await
}

/// Carries a decision out. Gives the wait before the next attempt, or nothing if there is none.
fn remedy(client: &Shared, decision: Decision, failure: &Failure) -> Option<Duration> {
    match decision {
        Decision::Stop => return None,
        Decision::CorrectClock(offset) => client.clock.learn(offset),
        Decision::UseOwnClock => client.clock.forget(failure.dated.and_then(|dated| dated.correction)),
        Decision::RefreshToken => {
            if let (Some(cache), Some(token)) = (client.caller.authorization.token_cache(), &failure.refused_token) {
                cache.discard(token);
            }
        }
        Decision::Wait(wait) => return Some(wait),
    }
    Some(Duration::ZERO)
}
