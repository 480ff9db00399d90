//! The client's knowledge of the server's clock.
//!
//! The client learns only from a refusal that the server's time explains, since an intermediary may set its own `Date`
//! on any reply. If a corrected date is refused in turn, the correction is dropped, and this machine's clock is tried
//! once.

use std::{
    fmt,
    ops::RangeInclusive,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};

use crate::x_date::XDate;

/// The source of the current time.
pub(crate) type Now = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// How far our clock may be behind the server's before it is corrected. A slow clock only makes an `X-Date` older:
/// 60 s, 10 min of backdating, 30 s of latency and 2 s of rounding are still within the 15 minutes.
const SLOW_TOLERANCE: TimeDelta = TimeDelta::seconds(60);

/// The longest time between request and reply for which a correction is learnt. [`SLOW_TOLERANCE`] has the arithmetic.
const MAX_LATENCY: TimeDelta = TimeDelta::seconds(30);

/// Our clock, the backdating, and the correction learnt from a refusal.
pub(crate) struct Clock {
    now: Now,
    backdate: TimeDelta,
    correction: Mutex<Option<Correction>>,
}

/// How far the server's clock is ahead of ours: at least `least` and at most `most`, as learnt from a refusal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Correction {
    least: TimeDelta,
    most: TimeDelta,
    /// Whether a request has succeeded with this correction.
    pub(crate) is_confirmed: bool,
}

/// The `X-Date` of an attempt, our time when it was made, and the correction that it was made with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dated {
    pub(crate) x_date: XDate,
    pub(crate) sent: DateTime<Utc>,
    pub(crate) correction: Option<Correction>,
}

impl Clock {
    pub(crate) fn new(now: Now, backdate: Duration) -> Self {
        let backdate = TimeDelta::from_std(backdate).unwrap_or(TimeDelta::MAX);
        Self { now, backdate, correction: Mutex::default() }
    }

    /// Returns our own time, uncorrected.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        (self.now)()
    }

    /// Returns the range of the server's time at our time `now`, as far as it is known.
    pub(crate) fn server_time(&self, now: DateTime<Utc>) -> RangeInclusive<DateTime<Utc>> {
        let Correction { least, most, .. } = self.lock().unwrap_or_default();
        let corrected = |by| now.checked_add_signed(by).unwrap_or(now);
        corrected(least)..=corrected(most)
    }

    /// Returns the `X-Date` of an attempt at our time `now`.
    ///
    /// The date is made from the lower bound of the server's time. So it is never in the server's future, and is older
    /// than needed by no more than the latency of the reply that was learnt from, and a second.
    ///
    /// The date is not corrected if this bound does not need it: while the backdating covers a fast clock, or a slow
    /// clock is within [`SLOW_TOLERANCE`].
    pub(crate) fn date(&self, now: DateTime<Utc>) -> Dated {
        let needed = |correction: &Correction| !(-self.backdate..=SLOW_TOLERANCE).contains(&correction.least);
        let correction = self.lock().filter(needed);
        let shift = correction.unwrap_or_default().least - self.backdate;
        Dated { x_date: now.checked_add_signed(shift).unwrap_or(now).into(), sent: now, correction }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Correction>> {
        self.correction.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn learn(&self, correction: Correction) {
        *self.lock() = Some(correction);
    }

    /// Records that a request has succeeded with this correction.
    pub(crate) fn confirm(&self, correction: Option<Correction>) {
        if let Some(used) = correction
            && let Some(current) = self.lock().as_mut().filter(|current| **current == used)
        {
            current.is_confirmed = true;
        }
    }

    /// Goes back to our own clock, unless another call has learnt another correction.
    pub(crate) fn forget(&self, refused: Option<Correction>) {
        self.lock().take_if(|current| Some(*current) == refused);
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { now: _, backdate, correction } = self;
        f.debug_struct("Clock").field("backdate", backdate).field("correction", correction).finish_non_exhaustive()
    }
}

/// Returns how far the server's clock was ahead of ours, or `None` if the reply took too long, or if our clock was set
/// back meanwhile.
///
/// `server` is the server's time when it made the reply; `sent` and `received` are our times of the request and of the
/// reply.
///
/// The server made the reply between `sent` and `received`, so its clock is ahead of ours by at least
/// `server - received` and at most `server - sent`. `server` has whole seconds, so the upper bound is a second more.
fn correction(server: DateTime<Utc>, sent: DateTime<Utc>, received: DateTime<Utc>) -> Option<Correction> {
    let (least, most) = (server - received, server - sent + TimeDelta::seconds(1));
    let is_quick = (TimeDelta::zero()..=MAX_LATENCY).contains(&(received - sent));
    is_quick.then_some(Correction { least, most, is_confirmed: false })
}

/// What a refusal says about the `X-Date` of its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DateVerdict {
    /// The failure is no refusal or has another cause, or the caller gave the date.
    Unrelated,
    /// The refusal names no other cause, but nothing shows that the date is wrong.
    Unexplained,
    /// By the server's time, the date was outside of the window. The correction is for our clock.
    OutsideWindow(Correction),
    /// The date was made with a correction. This is not confirmed, or the reply does not tell the server's time to
    /// compare it with.
    CorrectionRefused,
}

/// Judges the date of a request whose refusal names no other cause.
///
/// `server` is the server's time, if the reply tells it. `received` is our time when the reply arrived.
pub(crate) fn judge(dated: Dated, server: Option<DateTime<Utc>>, received: DateTime<Utc>) -> DateVerdict {
    if let Some(server) = server
        && dated.x_date.check(server..=server).is_err()
        && let Some(correction) = correction(server, dated.sent, received)
    {
        return DateVerdict::OutsideWindow(correction);
    }
    match dated.correction {
        // Keep a correction only if requests have succeeded with it and the server's time agrees.
        Some(correction) if !(correction.is_confirmed && server.is_some()) => DateVerdict::CorrectionRefused,
        Some(_) | None => DateVerdict::Unexplained,
    }
}

/// Returns the time in the gateway's text, `server time:20261124T081700Z`. It is that of the clock which judged the
/// request.
pub(crate) fn gateway_time(text: &str) -> Option<DateTime<Utc>> {
    let (_, rest) = text.split_once("server time:")?;
    let date: XDate = rest.trim_start().get(.."20261124T081700Z".len())?.parse().ok()?;
    Some(date.time())
}

#[cfg(test)]
mod tests {
    use chrono::SubsecRound;

    use super::*;
    use crate::x_date::WINDOW;

    /// The true time of the tests, which the server's clock shows.
    fn true_time(millis: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::milliseconds(millis)
    }

    /// Returns a client's clock that is `ahead` of the true time, and the true time, which a test moves.
    fn clock(ahead: TimeDelta, backdate: Duration) -> (Clock, Arc<Mutex<DateTime<Utc>>>) {
        let truth = Arc::new(Mutex::new(true_time(0)));
        let shared = truth.clone();
        let now: Now = Arc::new(move || *shared.lock().unwrap() + ahead);
        (Clock::new(now, backdate), truth)
    }

    #[test]
    fn after_one_round_trip_x_date_is_within_the_window() {
        let day = 86_400_000;
        let (offsets, latencies, pauses) = (
            [-day / 2, -1_000_000, -61_000, -1_500, 0, 500, 9_999, 10_001, 60_000, 1_000_000, day / 2],
            [(0, 0), (0, 30_000), (30_000, 0), (15_000, 15_000), (1, 999)],
            [0, 999, day],
        );
        // The largest backdating makes the narrowest window.
        for (ahead, backdate, start) in
            offsets.iter().flat_map(|ahead| [(*ahead, 0, 0), (*ahead, 10, 500), (*ahead, 600, 999)])
        {
            for (there, back) in latencies {
                let (clock, truth) = clock(TimeDelta::milliseconds(ahead), Duration::from_secs(backdate));
                *truth.lock().unwrap() = true_time(start);
                let began = clock.now();
                *truth.lock().unwrap() = true_time(start + there);
                let date = truth.lock().unwrap().trunc_subsecs(0);
                *truth.lock().unwrap() = true_time(start + there + back);
                clock.learn(correction(date, began, clock.now()).unwrap());
                for pause in pauses {
                    let sent = true_time(start + there + back + pause);
                    *truth.lock().unwrap() = sent;
                    let x_date = clock.date(clock.now()).x_date;
                    assert!(x_date.time() <= sent, "{x_date} is in the future of {sent}");
                    // The request takes up to 30 s to arrive.
                    let arrived = sent + TimeDelta::seconds(30);
                    assert!(arrived - x_date.time() <= WINDOW, "{x_date} has expired at {arrived}");
                }
            }
        }
    }

    #[test]
    fn a_right_clock_and_a_quick_reply_correct_nothing() {
        for ahead in [-59_000i64, -1_000, 0, 1_000, 5_000, 9_000] {
            for latency in [0i64, 500, 999] {
                let (clock, truth) = clock(TimeDelta::milliseconds(ahead), Duration::from_secs(10));
                let (uncorrected, began) = (clock.date(clock.now()).x_date, clock.now());
                *truth.lock().unwrap() = true_time(latency);
                // The server makes the reply right after the request was sent.
                clock.learn(correction(true_time(0), began, clock.now()).unwrap());
                *truth.lock().unwrap() = true_time(0);
                let correction = uncorrected.time() - clock.date(clock.now()).x_date.time();
                // The clock may be corrected only if its advance and the latency exceed the backdating.
                assert!(correction.is_zero() || ahead + latency > 10_000, "{correction}");
            }
        }
    }

    #[test]
    fn a_given_date_is_judged_by_the_whole_range_of_the_servers_time() {
        // The clock is fast by a minute, and the reply takes four seconds to come back.
        let (clock, truth) = clock(TimeDelta::minutes(1), Duration::from_secs(10));
        let began = clock.now();
        *truth.lock().unwrap() = true_time(4_000);
        clock.learn(correction(true_time(0), began, clock.now()).unwrap());
        let judged =
            |seconds: i64| XDate::from(true_time(4_000 + seconds * 1_000)).check(clock.server_time(clock.now()));
        assert!(judged(0).is_ok() && judged(1).is_ok());
        assert!(judged(2).is_err());
        assert!(judged(-904).is_ok() && judged(-905).is_err());
    }

    #[test]
    fn a_given_date_is_judged_by_the_servers_time_even_if_ours_needs_no_correction() {
        let (clock, truth) = clock(TimeDelta::seconds(-40), Duration::from_secs(10));
        let replayed = XDate::from(true_time(-5_000));
        assert!(replayed.check(clock.server_time(clock.now())).is_err(), "not known yet");
        clock.learn(correction(true_time(0), clock.now(), clock.now()).unwrap());
        let ours = *truth.lock().unwrap() - TimeDelta::seconds(50);
        assert_eq!(clock.date(clock.now()).x_date, XDate::from(ours), "not corrected");
        assert!(replayed.check(clock.server_time(clock.now())).is_ok());
    }

    #[test]
    fn a_reply_that_took_too_long_teaches_nothing() {
        let received = true_time(0);
        for (seconds, teaches) in [(0, true), (30, true), (31, false), (-1, false)] {
            let learnt = correction(true_time(60_000), received - TimeDelta::seconds(seconds), received);
            assert_eq!(learnt.is_some(), teaches, "{seconds} s");
        }
    }

    /// Returns the verdict on a refusal right after the request. `dated` and `server` are in seconds from the true
    /// time.
    fn verdict(dated: i64, correction: Option<bool>, server: Option<i64>) -> DateVerdict {
        let now = true_time(0);
        let from_now = |seconds| now + TimeDelta::seconds(seconds);
        let correction = correction.map(|is_confirmed| Correction { is_confirmed, ..Correction::default() });
        let dated = Dated { x_date: from_now(dated).into(), sent: now, correction };
        judge(dated, server.map(from_now), now)
    }

    #[test]
    fn a_refusal_is_judged_by_the_servers_time_and_by_what_the_date_was_made_with() {
        use DateVerdict::{CorrectionRefused, OutsideWindow, Unexplained};
        let off_by = |seconds| {
            let least = TimeDelta::seconds(seconds);
            OutsideWindow(Correction { least, most: least + TimeDelta::seconds(1), is_confirmed: false })
        };
        let (unconfirmed, confirmed) = (Some(false), Some(true));
        let cases = [
            // The date is that of our own clock, and the server's time agrees, is not told, or does not agree.
            (-10, None, Some(0), Unexplained),
            (-10, None, None, Unexplained),
            (-10, None, Some(3_600), off_by(3_600)),
            (-10, None, Some(-11), off_by(-11)),
            (-910, None, Some(0), off_by(0)),
            // No success has confirmed the correction.
            (80, unconfirmed, Some(90), CorrectionRefused),
            (80, unconfirmed, None, CorrectionRefused),
            (80, unconfirmed, Some(0), off_by(0)),
            // A success has confirmed the correction.
            (-10, confirmed, Some(0), Unexplained),
            (-10, confirmed, None, CorrectionRefused),
            (80, confirmed, Some(0), off_by(0)),
        ];
        for (dated, correction, server, expected) in cases {
            assert_eq!(verdict(dated, correction, server), expected, "{dated} {correction:?} {server:?}");
        }
    }

    #[test]
    fn a_correction_is_confirmed_and_dropped_only_while_it_is_the_current_one() {
        let (clock, _) = clock(TimeDelta::zero(), Duration::from_secs(10));
        let ahead = |hours, is_confirmed| {
            let hours = TimeDelta::hours(hours);
            Correction { least: hours, most: hours, is_confirmed }
        };
        clock.learn(ahead(1, false));
        let first = clock.date(clock.now()).correction;
        clock.learn(ahead(2, false));
        clock.confirm(first);
        clock.forget(first);
        assert_eq!(*clock.lock(), Some(ahead(2, false)));
        let current = *clock.lock();
        clock.confirm(current);
        assert_eq!(*clock.lock(), Some(ahead(2, true)));
        let current = *clock.lock();
        clock.forget(current);
        assert_eq!(*clock.lock(), None);
    }

    #[test]
    fn the_gateways_text_holds_the_servers_time() {
        let time = true_time(0);
        let text = format!("signature time:20240909T033325Z,server time:{},ask support", XDate::from(time));
        assert_eq!(gateway_time(&text), Some(time));
        for text in ["nothing", "server time:soon", "server time:"] {
            assert_eq!(gateway_time(text), None, "{text}");
        }
    }
}
