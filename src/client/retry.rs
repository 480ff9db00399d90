//! Whether a call makes another attempt, and what it does before.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};

use super::attempt::FailedAttempt;
use crate::{
    clock::{Correction, DateVerdict},
    error::{Effect, Error},
};

/// What to do after an attempt that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    Stop,
    /// Correct the clock, then retry.
    CorrectClock(Correction),
    /// Drop the correction of the clock, then retry.
    UseOwnClock,
    RenewToken,
    /// Wait, then retry.
    Wait(Duration),
}

/// The retries of one call, and what was tried before.
#[derive(Debug)]
pub(super) struct Retry {
    backoff: ExponentialBackoff,
    retries_throttling: bool,
    clock_corrections: u32,
    own_clock_used: bool,
    token_renewed: bool,
}

impl Retry {
    pub(super) fn new(max_attempts: u32, retries_throttling: bool) -> Self {
        Self {
            backoff: backoff(max_attempts),
            retries_throttling,
            clock_corrections: 0,
            own_clock_used: false,
            token_renewed: false,
        }
    }

    /// Decides what follows a failed attempt.
    ///
    /// A call corrects the clock at most twice, goes back to the local clock once, and renews the token once, whatever
    /// the maximum number of attempts is.
    pub(super) fn decide(&mut self, failed: &FailedAttempt) -> Decision {
        let may_renew = failed.refused_token.is_some() && !self.token_renewed;
        let is_date_confirmed = failed.correction.is_some_and(|correction| correction.is_confirmed);
        let decision = match failed.date {
            // If the clock correction has been confirmed, the token is suspected before the clock.
            _ if may_renew && is_date_confirmed => Decision::RenewToken,
            DateVerdict::OutsideWindow(correction) if self.clock_corrections < 2 && !self.own_clock_used => {
                Decision::CorrectClock(correction)
            }
            DateVerdict::CorrectionRefused if !self.own_clock_used => Decision::UseOwnClock,
            _ if may_renew => Decision::RenewToken,
            DateVerdict::OutsideWindow(_)
            | DateVerdict::CorrectionRefused
            | DateVerdict::Unexplained
            | DateVerdict::Unrelated => self.wait(&failed.error).map_or(Decision::Stop, Decision::Wait),
        };
        self.clock_corrections += u32::from(matches!(decision, Decision::CorrectClock(_)));
        self.own_clock_used |= decision == Decision::UseOwnClock;
        self.token_renewed |= decision == Decision::RenewToken;
        decision
    }

    /// Returns the wait before a retry of the same request, or `None` if it may not be retried.
    ///
    /// A creation is retried only if the attempt got no connection or was throttled.
    fn wait(&mut self, error: &Error) -> Option<Duration> {
        let is_passing = error.0.effect == Effect::Reads || error.is_connect() || error.is_throttled();
        if !is_passing || !error.is_retryable() || (error.is_throttled() && !self.retries_throttling) {
            return None;
        }
        Some(self.backoff.next()?.max(error.retry_after().unwrap_or_default()))
    }

    /// Whether a wrong clock may have caused the last failure.
    pub(super) fn is_clock_suspect(&self, date: DateVerdict) -> bool {
        match date {
            DateVerdict::Unrelated => false,
            DateVerdict::Unexplained => self.clock_corrections > 0 || self.own_clock_used,
            DateVerdict::OutsideWindow(_) | DateVerdict::CorrectionRefused => true,
        }
    }
}

/// Returns the waits between this many attempts: 0.2 s, doubled each time to at most 5 s, plus up to as much again at
/// random.
pub(crate) fn backoff(attempts: u32) -> ExponentialBackoff {
    ExponentialBuilder::new()
        .with_min_delay(Duration::from_millis(200))
        .with_max_delay(Duration::from_secs(5))
        .with_max_times(attempts as usize - 1)
        .with_jitter()
        .build()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        connect_fault::ConnectFault,
        credentials::token_cache::{CachedToken, TokenCache},
        error::{
            Effect::{CreatesTask, Reads},
            ErrorKind, ReplyDetails,
        },
    };

    type Make = fn() -> FailedAttempt;

    fn retry(max_attempts: u32) -> Retry {
        Retry::new(max_attempts, true)
    }

    fn failed_by(kind: ErrorKind, effect: Effect) -> FailedAttempt {
        Error::new(kind, effect, None).into()
    }

    fn refused() -> FailedAttempt {
        failed_by(ErrorKind::Refused, CreatesTask)
    }

    fn no_connection() -> FailedAttempt {
        failed_by(ErrorKind::Connect, CreatesTask)
    }

    fn throttled(retry_after: Duration) -> FailedAttempt {
        let mut failed = refused();
        let retry_after = Some(retry_after);
        failed.error.0.reply = Some(ReplyDetails { status: 429, retry_after, ..ReplyDetails::default() });
        failed
    }

    fn token_refused() -> FailedAttempt {
        FailedAttempt { refused_token: Some(token()), ..refused() }
    }

    fn token() -> CachedToken {
        let cache = Arc::new(TokenCache::new(|| async { Ok("token".into()) }));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(cache.token(Duration::from_secs(1))).unwrap()
    }

    fn outside_window() -> FailedAttempt {
        FailedAttempt { date: DateVerdict::OutsideWindow(Correction::default()), ..refused() }
    }

    fn correction_refused() -> FailedAttempt {
        FailedAttempt { date: DateVerdict::CorrectionRefused, ..refused() }
    }

    fn outside_window_and_token_refused() -> FailedAttempt {
        FailedAttempt { refused_token: Some(token()), ..outside_window() }
    }

    fn confirmed_date_and_token_refused() -> FailedAttempt {
        let mut correction = Correction::default();
        correction.is_confirmed = true;
        FailedAttempt { correction: Some(correction), ..outside_window_and_token_refused() }
    }

    /// Returns the decisions of a call with at most three attempts after these failures, without the lengths of the
    /// waits.
    fn decisions(failures: &[Make]) -> Vec<&'static str> {
        let mut retry = retry(3);
        let name = |decision| match decision {
            Decision::Stop => "stop",
            Decision::CorrectClock(_) => "correct",
            Decision::UseOwnClock => "own clock",
            Decision::RenewToken => "renew",
            Decision::Wait(_) => "wait",
        };
        failures.iter().map(|failed| name(retry.decide(&failed()))).collect()
    }

    #[test]
    fn the_failure_and_earlier_remedies_decide() {
        let cases: &[(&[Make], &[&str])] = &[
            (&[refused], &["stop"]),
            (&[no_connection, no_connection, no_connection], &["wait", "wait", "stop"]),
            (&[token_refused, token_refused], &["renew", "stop"]),
            (&[outside_window, refused], &["correct", "stop"]),
            (&[outside_window, outside_window, outside_window], &["correct", "correct", "stop"]),
            (&[outside_window, correction_refused, outside_window], &["correct", "own clock", "stop"]),
            (&[correction_refused, correction_refused], &["own clock", "stop"]),
            // Each cause has its own remedy. Only the attempts after a wait count towards the maximum.
            (
                &[no_connection, outside_window, token_refused, no_connection, refused],
                &["wait", "correct", "renew", "wait", "stop"],
            ),
            // The clock is corrected first: with a wrong date, the service may also refuse a good token.
            (&[outside_window_and_token_refused, token_refused], &["correct", "renew"]),
            // The token is renewed first if the correction has been confirmed.
            (&[confirmed_date_and_token_refused, outside_window], &["renew", "correct"]),
        ];
        for (failures, expected) in cases {
            assert_eq!(decisions(failures), *expected);
        }
    }

    #[test]
    fn a_creation_is_sent_again_only_where_it_did_not_get_through() {
        let fault = ErrorKind::ConnectRefused(ConnectFault::OutOfDate);
        for (failed, is_sent_again) in [
            (no_connection(), true),
            (throttled(Duration::ZERO), true),
            (refused(), false),
            (failed_by(ErrorKind::Busy, CreatesTask), false),
            (failed_by(ErrorKind::Credentials("none"), CreatesTask), false),
            (failed_by(ErrorKind::TimedOut, CreatesTask), false),
            (failed_by(ErrorKind::Lost, CreatesTask), false),
            (failed_by(fault, CreatesTask), false),
            (failed_by(ErrorKind::TimedOut, Reads), true),
            (failed_by(ErrorKind::Lost, Reads), true),
            (failed_by(ErrorKind::Refused, Reads), false),
        ] {
            let decision = retry(2).decide(&failed);
            assert_eq!(decision != Decision::Stop, is_sent_again, "{:?}", failed.error);
        }
        assert_eq!(Retry::new(2, false).decide(&throttled(Duration::ZERO)), Decision::Stop);
    }

    #[test]
    fn the_clock_is_suspect_by_the_date_or_once_the_call_has_questioned_it() {
        use DateVerdict::{CorrectionRefused, OutsideWindow, Unexplained, Unrelated};
        let suspects = |retry: &Retry| {
            let dates = [Unrelated, Unexplained, OutsideWindow(Correction::default()), CorrectionRefused];
            dates.map(|date| retry.is_clock_suspect(date))
        };
        assert_eq!(suspects(&retry(3)), [false, false, true, true]);
        for questioned in [correction_refused(), outside_window()] {
            let mut retry = retry(3);
            retry.decide(&questioned);
            assert_eq!(suspects(&retry), [false, true, true, true], "{:?}", questioned.date);
        }
    }

    #[test]
    fn a_call_of_one_attempt_waits_for_no_other() {
        assert_eq!(retry(1).decide(&no_connection()), Decision::Stop);
        assert_eq!(retry(1).decide(&token_refused()), Decision::RenewToken);
    }

    #[test]
    fn waits_double_up_to_five_seconds_with_up_to_as_much_again_at_random() {
        let mut retry = retry(10);
        for base in [200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000, 5_000] {
            let Decision::Wait(wait) = retry.decide(&no_connection()) else { panic!("no wait of {base} ms") };
            let base = Duration::from_millis(base);
            assert!((base..=2 * base).contains(&wait), "{wait:?} of {base:?}");
        }
        assert_eq!(retry.decide(&no_connection()), Decision::Stop);
    }

    #[test]
    fn a_wait_is_at_least_what_the_service_asks_for() {
        let retry_after = Duration::from_secs(60);
        assert_eq!(retry(2).decide(&throttled(retry_after)), Decision::Wait(retry_after));
    }
}
