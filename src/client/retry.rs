//! Whether a call makes another attempt, and what it does before.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};

use crate::{
    clock::{Correction, DateVerdict},
    error::{Effect, Error},
};

/// What is known of an attempt that failed.
#[derive(Clone, Copy, Debug)]
pub(super) struct FailedAttempt {
    pub(super) date: DateVerdict,
    /// Requests have succeeded with the correction of the clock that dated it.
    pub(super) is_date_confirmed: bool,
    /// The service refused a token that can be renewed.
    pub(super) is_token_refused: bool,
    /// As [`resend_after`] tells.
    pub(super) resend_after: Option<Duration>,
}

/// The wait after which the request may be sent again as it is, at the earliest, if the failure may pass. A creation is sent
/// again only where the attempt did not get through.
pub(super) fn resend_after(error: &Error, retries_throttling: bool) -> Option<Duration> {
    let is_passing = error.0.effect == Effect::Reads || error.is_connect() || error.is_throttled();
    let is_resendable = is_passing && error.is_retryable() && (retries_throttling || !error.is_throttled());
    is_resendable.then(|| error.retry_after().unwrap_or_default())
}

/// What to do after an attempt that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    Stop,
    /// Correct the clock and send the request again.
    CorrectClock(Correction),
    /// Drop the correction of the clock and send the request again.
    UseOwnClock,
    RenewToken,
    /// Wait and send the request again.
    Wait(Duration),
}

/// The attempts of one call.
#[derive(Debug)]
pub(super) struct Retry {
    max_attempts: u32,
    /// Made when a wait is needed, since most calls need none.
    backoff: Option<ExponentialBackoff>,
    clock_corrections: u32,
    own_clock_used: bool,
    token_renewed: bool,
}

impl Retry {
    pub(super) fn new(max_attempts: u32) -> Self {
        Self { max_attempts, backoff: None, clock_corrections: 0, own_clock_used: false, token_renewed: false }
    }

    /// Decides after an attempt that failed.
    ///
    /// A call corrects the clock at most twice, goes back to its own once, and renews the token once, whatever the
    /// maximum of attempts is.
    pub(super) fn decide(&mut self, failed: &FailedAttempt) -> Decision {
        let may_renew = failed.is_token_refused && !self.token_renewed;
        let decision = match failed.date {
            // Where the date has stood the test, the token is the first suspect.
            _ if may_renew && failed.is_date_confirmed => Decision::RenewToken,
            DateVerdict::OutsideWindow(correction) if self.clock_corrections < 2 && !self.own_clock_used => {
                Decision::CorrectClock(correction)
            }
            DateVerdict::CorrectionRefused if !self.own_clock_used => Decision::UseOwnClock,
            _ if may_renew => Decision::RenewToken,
            DateVerdict::OutsideWindow(_)
            | DateVerdict::CorrectionRefused
            | DateVerdict::Unexplained
            | DateVerdict::Unrelated => {
                let wait = failed.resend_after.and_then(|least| Some(self.backoff().next()?.max(least)));
                wait.map_or(Decision::Stop, Decision::Wait)
            }
        };
        self.clock_corrections += u32::from(matches!(decision, Decision::CorrectClock(_)));
        self.own_clock_used |= decision == Decision::UseOwnClock;
        self.token_renewed |= decision == Decision::RenewToken;
        decision
    }

    fn backoff(&mut self) -> &mut ExponentialBackoff {
        self.backoff.get_or_insert_with(|| backoff(self.max_attempts))
    }

    /// Whether the clock is to blame for the last failure, as far as anyone can tell.
    pub(super) fn is_clock_suspect(&self, date: DateVerdict) -> bool {
        match date {
            DateVerdict::Unrelated => false,
            DateVerdict::Unexplained => self.clock_corrections > 0 || self.own_clock_used,
            DateVerdict::OutsideWindow(_) | DateVerdict::CorrectionRefused => true,
        }
    }
}

/// The waits between so many attempts: 0.2 s, doubled each time to at most 5 s, and up to as much again at random.
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
    use super::*;

    const FINAL: FailedAttempt = FailedAttempt {
        date: DateVerdict::Unrelated,
        is_date_confirmed: false,
        is_token_refused: false,
        resend_after: None,
    };
    const RESENDABLE: FailedAttempt = FailedAttempt { resend_after: Some(Duration::ZERO), ..FINAL };
    const TOKEN_REFUSED: FailedAttempt = FailedAttempt { is_token_refused: true, ..FINAL };
    const CORRECTION_REFUSED: FailedAttempt = FailedAttempt { date: DateVerdict::CorrectionRefused, ..FINAL };

    fn outside_window() -> FailedAttempt {
        FailedAttempt { date: DateVerdict::OutsideWindow(Correction::default()), ..FINAL }
    }

    /// What a call of three attempts does after these failures in turn, without the lengths of its waits.
    fn decisions(failures: &[FailedAttempt]) -> Vec<&'static str> {
        let mut retry = Retry::new(3);
        let name = |decision| match decision {
            Decision::Stop => "stop",
            Decision::CorrectClock(_) => "correct",
            Decision::UseOwnClock => "own clock",
            Decision::RenewToken => "renew",
            Decision::Wait(_) => "wait",
        };
        failures.iter().map(|failed| name(retry.decide(failed))).collect()
    }

    #[test]
    fn what_failed_and_what_was_tried_decide() {
        let date = outside_window();
        let cases: &[(&[FailedAttempt], &[&str])] = &[
            (&[FINAL], &["stop"]),
            (&[RESENDABLE, RESENDABLE, RESENDABLE], &["wait", "wait", "stop"]),
            (&[TOKEN_REFUSED, TOKEN_REFUSED], &["renew", "stop"]),
            (&[date, FINAL], &["correct", "stop"]),
            (&[date, date, date], &["correct", "correct", "stop"]),
            (&[date, CORRECTION_REFUSED, date], &["correct", "own clock", "stop"]),
            (&[CORRECTION_REFUSED, CORRECTION_REFUSED], &["own clock", "stop"]),
            // Each cause has its own remedy, beside the attempts that wait.
            (&[RESENDABLE, date, TOKEN_REFUSED, RESENDABLE, FINAL], &["wait", "correct", "renew", "wait", "stop"]),
            // The clock goes first: a token is refused, too, where the date is.
            (&[FailedAttempt { is_token_refused: true, ..date }, TOKEN_REFUSED], &["correct", "renew"]),
            // Unless the date has stood the test.
            (&[FailedAttempt { is_token_refused: true, is_date_confirmed: true, ..date }, date], &["renew", "correct"]),
        ];
        for (failures, expected) in cases {
            assert_eq!(decisions(failures), *expected, "{failures:?}");
        }
    }

    #[test]
    fn the_clock_is_suspect_by_the_date_or_once_the_call_has_questioned_it() {
        use DateVerdict::{CorrectionRefused, OutsideWindow, Unexplained, Unrelated};
        let suspects = |retry: &Retry| {
            let dates = [Unrelated, Unexplained, OutsideWindow(Correction::default()), CorrectionRefused];
            dates.map(|date| retry.is_clock_suspect(date))
        };
        assert_eq!(suspects(&Retry::new(3)), [false, false, true, true]);
        for questioned in [CORRECTION_REFUSED, outside_window()] {
            let mut retry = Retry::new(3);
            retry.decide(&questioned);
            assert_eq!(suspects(&retry), [false, true, true, true], "{questioned:?}");
        }
    }

    #[test]
    fn a_call_of_one_attempt_waits_for_no_other() {
        assert_eq!(Retry::new(1).decide(&RESENDABLE), Decision::Stop);
        assert_eq!(Retry::new(1).decide(&TOKEN_REFUSED), Decision::RenewToken);
    }

    #[test]
    fn waits_double_up_to_five_seconds_with_up_to_as_much_again_at_random() {
        let mut retry = Retry::new(10);
        for base in [200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000, 5_000] {
            let Decision::Wait(wait) = retry.decide(&RESENDABLE) else { panic!("no wait of {base} ms") };
            let base = Duration::from_millis(base);
            assert!((base..=2 * base).contains(&wait), "{wait:?} of {base:?}");
        }
        assert_eq!(retry.decide(&RESENDABLE), Decision::Stop);
    }

    #[test]
    fn a_wait_is_at_least_what_the_service_asks_for() {
        let resend_after = Some(Duration::from_secs(60));
        let decision = Retry::new(2).decide(&FailedAttempt { resend_after, ..FINAL });
        assert_eq!(decision, Decision::Wait(Duration::from_secs(60)));
    }
}
