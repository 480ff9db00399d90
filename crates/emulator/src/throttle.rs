//! Throttling, as a gateway in front of the service does it.

use std::time::Duration;

use tokio::time::Instant;

use crate::answer::Answer;

/// A limit on how many calls pass in a window of time.
///
/// A window starts with the first call after the previous window has ended. It counts the calls of all operations,
/// whatever their outcome, but no downloads. A call beyond the limit is refused with HTTP 429 and `APIGW.0308` once its
/// path and method are checked. It makes no task, and neither counts nor prolongs the window. Measured by tokio's
/// clock, so paused time applies.
///
/// ```
/// use std::time::Duration;
/// use koodrive_share_emulator::{Emulator, Throttle};
///
/// let builder = Emulator::builder().throttle(Throttle::new(20, Duration::from_secs(1)).retry_after(true));
/// # let _ = builder;
/// ```
#[derive(Debug, Clone)]
pub struct Throttle {
    calls: u32,
    window: Duration,
    retry_after: bool,
}

impl Throttle {
    /// Lets this many calls pass in each window. With 0 calls none passes. A window of zero ends at once, so it refuses
    /// nothing unless `calls` is 0.
    pub fn new(calls: u32, window: Duration) -> Self {
        Self { calls, window, retry_after: false }
    }

    /// Adds `Retry-After` to refusals: the seconds until the window ends, rounded up. Defaults to `false`: the reference
    /// mentions no such header.
    pub fn retry_after(mut self, retry_after: bool) -> Self {
        self.retry_after = retry_after;
        self
    }

    fn refusal(&self, left: Duration) -> Answer {
        let answer = Answer::gateway(429, "APIGW.0308", "The throttling threshold has been reached");
        if self.retry_after {
            answer.header("Retry-After", left.as_nanos().div_ceil(1_000_000_000).to_string())
        } else {
            answer
        }
    }
}

/// The current window.
#[derive(Default)]
pub(crate) struct Window {
    started: Option<Instant>,
    passed: u32,
}

impl Window {
    /// Counts a call at the time `now`.
    ///
    /// # Errors
    /// The refusal to send, if the limit is reached.
    pub(crate) fn admit(&mut self, throttle: &Throttle, now: Instant) -> Result<(), Answer> {
        let elapsed = self.started.map(|started| now.saturating_duration_since(started));
        let left = match elapsed.and_then(|elapsed| throttle.window.checked_sub(elapsed)) {
            Some(left) if !left.is_zero() => left,
            _ => {
                *self = Self { started: Some(now), passed: 0 };
                throttle.window
            }
        };
        if self.passed == throttle.calls {
            return Err(throttle.refusal(left));
        }
        self.passed += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which of the calls pass, each this many milliseconds after the first.
    fn passed<const N: usize>(throttle: &Throttle, calls: [u64; N]) -> [bool; N] {
        let (mut window, start) = (Window::default(), Instant::now());
        calls.map(|millis| window.admit(throttle, start + Duration::from_millis(millis)).is_ok())
    }

    #[test]
    fn so_many_calls_pass_in_each_window() {
        let second = Duration::from_secs(1);
        // The refusal at 999 ms doesn't prolong the window, and the next one starts with the call at 1,500 ms.
        let calls = [0, 400, 500, 999, 1500, 1600, 2499, 2500];
        let expected = [true, true, false, false, true, true, false, true];
        assert_eq!(passed(&Throttle::new(2, second), calls), expected);
        assert_eq!(passed(&Throttle::new(0, second), [0, 1, 2000]), [false; 3]);
        assert_eq!(passed(&Throttle::new(1, Duration::ZERO), [0, 0, 1]), [true; 3]);
        assert_eq!(passed(&Throttle::new(0, Duration::ZERO), [0, 0, 1]), [false; 3]);
    }
}
