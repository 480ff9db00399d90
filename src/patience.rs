//! When a run pauses, for how long, and when its patience ends.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use tokio::time::Instant;

use crate::{
    error::{Error, Outcome},
    validation::{DAY, time_shown},
};

/// A callback that gets the length of a pause and the error that caused it.
type Callback = dyn Fn(Duration, &Error) + Send + Sync;

/// The callback at the beginning of each pause.
#[derive(Clone)]
pub(crate) struct OnPause(pub(crate) Arc<Callback>);

impl fmt::Debug for OnPause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnPause").finish_non_exhaustive()
    }
}

/// What the result of a request means for later requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    /// A task was created, or a read-only call succeeded.
    Succeeded,
    /// The request was throttled, and the service asks for a wait of this length.
    Throttled(Duration),
    /// There was no connection to the service, or no token from the provider. For a read-only call, also no usable
    /// reply.
    Unreachable,
    /// The credentials, a certificate or a proxy would fail every request.
    Permanent,
    /// There was a reply, which concerns only this request.
    Replied,
    /// There was no reply, for a reason that need not affect other requests.
    NoReply,
}

impl Signal {
    pub(crate) fn of<T>(result: &Result<T, Error>) -> Self {
        let Err(error) = result else { return Self::Succeeded };
        match error.outcome() {
            Outcome::Rejected if error.is_throttled() => Self::Throttled(error.retry_after().unwrap_or_default()),
            Outcome::Rejected if error.is_unauthorized() || error.is_proxy_unauthorized() => Self::Permanent,
            Outcome::NotSent if error.is_connect() && !error.is_retryable() => Self::Permanent,
            Outcome::NotSent if error.is_connect() || error.is_credentials() => Self::Unreachable,
            // Only a read-only call is retryable after an unknown outcome.
            Outcome::Unknown if error.is_retryable() => Self::Unreachable,
            _ if error.status().is_some() => Self::Replied,
            Outcome::NotSent | Outcome::Rejected | Outcome::Unknown => Self::NoReply,
        }
    }
}

/// Why a run does not retry a request that was not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum GiveUp {
    #[error("no task was created for {shown}, the patience of this run; resume it later", shown = time_shown(*.0))]
    Exhausted(Duration),
    #[error("the service asks to wait for {shown}, longer than the patience of this run; resume it after that", shown = time_shown(*.0))]
    WaitTooLong(Duration),
    #[error("every further request would fail, too; remove the cause, then resume")]
    Permanent,
}

/// What to do after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    GoOn,
    /// Send nothing for this time, then retry this request.
    Pause(Duration),
    End(GiveUp),
}

#[derive(Debug)]
pub(crate) struct Patience {
    limit: Duration,
    /// Whether there was a usable reply, to this call or to another one that shares the flag.
    has_reply: Arc<AtomicBool>,
    /// When a request was first throttled, or found no service, since the last success.
    failing_since: Option<Instant>,
    backoff: Option<ExponentialBackoff>,
}

impl Patience {
    pub(crate) fn new(limit: Duration) -> Self {
        Self { limit, has_reply: Arc::default(), failing_since: None, backoff: None }
    }

    /// Decides what to do after a request. `is_late` means that the request was sent before the latest pause began:
    /// requests that were sent together cause one pause.
    pub(crate) fn decide(&mut self, signal: Signal, is_late: bool, now: Instant) -> Decision {
        let is_reply = matches!(signal, Signal::Succeeded | Signal::Throttled(_) | Signal::Replied);
        let has_reply = self.has_reply.fetch_or(is_reply, Relaxed) || is_reply;
        let retry_after = match signal {
            Signal::Throttled(retry_after) => retry_after,
            Signal::Unreachable if has_reply => Duration::ZERO,
            Signal::Unreachable | Signal::Permanent => return Decision::End(GiveUp::Permanent),
            Signal::Succeeded | Signal::Replied | Signal::NoReply => {
                if signal == Signal::Succeeded {
                    self.failing_since = None;
                }
                if !is_late {
                    self.backoff = None;
                }
                return Decision::GoOn;
            }
        };
        let waited = now.saturating_duration_since(*self.failing_since.get_or_insert(now));
        let left = self.limit.saturating_sub(waited);
        if left.is_zero() {
            return Decision::End(GiveUp::Exhausted(self.limit));
        }
        if retry_after > left {
            return Decision::End(GiveUp::WaitTooLong(retry_after));
        }
        let wait = if is_late { Duration::ZERO } else { self.backoff().next().unwrap_or(DAY) };
        Decision::Pause(wait.min(left).max(retry_after).min(DAY))
    }

    /// Returns the waits: 1 s, doubled each time to at most 1 min, plus up to as much again at random.
    fn backoff(&mut self) -> &mut ExponentialBackoff {
        let backoff =
            ExponentialBuilder::new().with_max_delay(Duration::from_secs(60)).without_max_times().with_jitter();
        self.backoff.get_or_insert_with(|| backoff.build())
    }
}

/// How long read-only calls are repeated, and the callback for each pause.
#[derive(Clone)]
pub(crate) struct CallPatience {
    limit: Duration,
    on_pause: OnPause,
    has_reply: Arc<AtomicBool>,
}

impl CallPatience {
    pub(crate) fn new(limit: Duration, on_pause: impl Fn(Duration, &Error) + Send + Sync + 'static) -> Self {
        Self { limit, on_pause: OnPause(Arc::new(on_pause)), has_reply: Arc::default() }
    }

    /// Returns the same patience with at most this limit.
    pub(crate) fn at_most(&self, limit: Duration) -> Self {
        Self { limit: self.limit.min(limit), ..self.clone() }
    }

    /// Returns the pause before a call is repeated, after telling the callback. `patience` is the state of the call,
    /// `None` at first.
    pub(crate) fn pause<T>(&self, patience: &mut Option<Patience>, result: &Result<T, Error>) -> Option<Duration> {
        let new = || Patience { has_reply: self.has_reply.clone(), ..Patience::new(self.limit) };
        let decision = patience.get_or_insert_with(new).decide(Signal::of(result), false, Instant::now());
        let (Decision::Pause(pause), Err(error)) = (decision, result) else { return None };
        self.on_pause.0(pause, error);
        Some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::{
        Decision::{End, GoOn},
        GiveUp::{Exhausted, Permanent, WaitTooLong},
        Signal::{NoReply, Replied, Succeeded, Throttled, Unreachable},
        *,
    };
    use crate::{
        connect_fault::ConnectFault,
        error::{Effect, ErrorKind, ReplyDetails},
        service_code::ServiceCode,
    };

    const NO_WAIT: Signal = Throttled(Duration::ZERO);

    const fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    /// A decision, a pause of this many seconds, or a pause of one to two times as many.
    #[derive(Debug)]
    enum Expected {
        Is(Decision),
        Pause(u64),
        PauseOfOneToTwoTimes(u64),
    }

    use Expected::{Is, Pause, PauseOfOneToTwoTimes};

    /// Plays requests against a patience, each at its number of seconds after the first.
    #[track_caller]
    fn play(limit: Duration, requests: &[(u64, Signal, Expected)]) {
        let (mut patience, start) = (Patience::new(limit), Instant::now());
        for (at, signal, expected) in requests {
            let decision = patience.decide(*signal, false, start + secs(*at));
            let is_expected = match (expected, decision) {
                (Is(expected), decision) => decision == *expected,
                (Pause(expected), decision) => decision == Decision::Pause(secs(*expected)),
                (PauseOfOneToTwoTimes(base), Decision::Pause(pause)) => (secs(*base)..=secs(2 * base)).contains(&pause),
                (PauseOfOneToTwoTimes(_), GoOn | End(_)) => false,
            };
            assert!(is_expected, "{at} s, {signal:?}: {decision:?}, not {expected:?}");
        }
    }

    #[test]
    fn error_tells_what_it_means_for_other_requests() {
        let signal = |kind, status: Option<u16>, code: Option<&str>, retry_after| {
            let mut error = Error::new(kind, Effect::CreatesTask, None);
            let code = code.map(ServiceCode::from);
            error.0.reply = status.map(|status| ReplyDetails { status, code, retry_after, ..ReplyDetails::default() });
            Signal::of::<()>(&Err(error))
        };
        let mut failed = Error::new(ErrorKind::Refused, Effect::CreatesTask, None);
        let message = Some("Authentication failed".to_owned());
        failed.0.reply = Some(ReplyDetails { status: 400, message, ..ReplyDetails::default() });
        assert_eq!(Signal::of::<()>(&Err(failed)), Signal::Permanent);
        let unreadable = || ErrorKind::Unreadable("a task is named".to_owned());
        assert_eq!(signal(ErrorKind::Refused, Some(429), None, Some(secs(9))), Throttled(secs(9)));
        assert_eq!(signal(ErrorKind::Refused, Some(429), None, None), NO_WAIT);
        for (kind, status, code, expected) in [
            (ErrorKind::Connect, None, None, Unreachable),
            (ErrorKind::ConnectRefused(ConnectFault::UnknownIssuer), None, None, Signal::Permanent),
            (ErrorKind::ConnectRefused(ConnectFault::ProxyCredentials), None, None, Signal::Permanent),
            (ErrorKind::Credentials("no token"), None, None, Unreachable),
            (ErrorKind::Refused, Some(401), None, Signal::Permanent),
            (ErrorKind::Refused, Some(407), None, Signal::Permanent),
            (ErrorKind::Refused, Some(400), None, Replied),
            (ErrorKind::Refused, Some(400), Some("13000311"), Replied),
            (ErrorKind::Refused, Some(400), Some("APIGW.0308"), NO_WAIT),
            // A task may have been created, so the request is never retried.
            (unreadable(), Some(429), None, Replied),
            (ErrorKind::TimedOut, None, None, NoReply),
            (ErrorKind::Lost, Some(200), None, Replied),
            (ErrorKind::Busy, None, None, NoReply),
        ] {
            let shown = format!("{kind:?} {status:?} {code:?}");
            assert_eq!(signal(kind, status, code, None), expected, "{shown}");
        }
    }

    #[test]
    fn waits_grow_from_a_second_to_two_minutes_and_begin_anew_after_a_reply() {
        for reply in [Succeeded, Replied, NoReply] {
            let refused = |base| (0, NO_WAIT, PauseOfOneToTwoTimes(base));
            let mut requests: Vec<_> = [1, 2, 4, 8, 16, 32, 60, 60].map(refused).into();
            requests.extend([(0, reply, Is(GoOn)), refused(1)]);
            play(Duration::MAX, &requests);
        }
    }

    #[test]
    fn wait_that_the_service_asks_for_is_the_least() {
        play(secs(900), &[(0, Throttled(secs(600)), Pause(600)), (600, Throttled(secs(300)), Pause(300))]);
        play(Duration::MAX, &[(0, Throttled(Duration::MAX), Pause(24 * 60 * 60))]);
    }

    #[test]
    fn patience_ends_when_no_task_was_made_for_so_long() {
        let end = |limit| Is(End(Exhausted(secs(limit))));
        play(secs(0), &[(0, NO_WAIT, end(0))]);
        // The last pause ends with the patience.
        play(secs(10), &[(0, NO_WAIT, PauseOfOneToTwoTimes(1)), (9, NO_WAIT, Pause(1)), (10, NO_WAIT, end(10))]);
        // A reply without success does not restart the patience; a success does.
        let pause = || PauseOfOneToTwoTimes(1);
        play(secs(10), &[(0, NO_WAIT, pause()), (5, Replied, Is(GoOn)), (10, NO_WAIT, end(10))]);
        play(secs(10), &[(0, NO_WAIT, pause()), (5, Succeeded, Is(GoOn)), (99, NO_WAIT, pause())]);
        play(Duration::MAX, &[(0, NO_WAIT, pause()), (100_000_000, NO_WAIT, PauseOfOneToTwoTimes(2))]);
    }

    #[test]
    fn wait_that_exceeds_the_patience_is_not_begun() {
        let exceeded = |asked| Is(End(WaitTooLong(secs(asked))));
        play(secs(10), &[(0, Throttled(secs(11)), exceeded(11))]);
        play(secs(10), &[(0, Throttled(secs(7)), Pause(7)), (7, Throttled(secs(4)), exceeded(4))]);
    }

    #[test]
    fn service_or_provider_that_is_away_pauses_only_after_a_reply() {
        let futile = || Is(End(Permanent));
        play(secs(10), &[(0, Unreachable, futile())]);
        play(secs(10), &[(0, NoReply, Is(GoOn)), (0, Unreachable, futile())]);
        for reply in [Succeeded, Replied] {
            play(secs(10), &[(0, reply, Is(GoOn)), (0, Unreachable, PauseOfOneToTwoTimes(1))]);
        }
        play(secs(10), &[(0, Succeeded, Is(GoOn)), (0, Signal::Permanent, futile())]);
    }

    #[test]
    fn requests_that_left_together_are_one_refusal() {
        let (mut patience, now) = (Patience::new(secs(100)), Instant::now());
        assert!(matches!(patience.decide(NO_WAIT, false, now), Decision::Pause(_)));
        assert_eq!(patience.decide(NO_WAIT, true, now), Decision::Pause(secs(0)));
        assert_eq!(patience.decide(Throttled(secs(9)), true, now), Decision::Pause(secs(9)));
        assert_eq!(patience.decide(Succeeded, true, now), GoOn);
        let Decision::Pause(second) = patience.decide(NO_WAIT, false, now) else { panic!("no pause") };
        assert!((secs(2)..=secs(4)).contains(&second), "the first one's growth is kept: {second:?}");
    }
}
