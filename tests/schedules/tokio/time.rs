//! A clock that moves only in `pass`.

use std::{
    collections::BTreeMap,
    future::poll_fn,
    ops::{Add, Sub},
    pin::{Pin, pin},
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::Duration,
};

use futures_util::future::{Either, select};

/// The time since the beginning of a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Instant(Duration);

impl Instant {
    pub(crate) fn now() -> Self {
        clock().now
    }

    pub(crate) fn elapsed(self) -> Duration {
        Self::now() - self
    }

    pub(crate) fn saturating_duration_since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, wait: Duration) -> Self {
        Self(self.0 + wait)
    }
}

impl Sub for Instant {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        self.saturating_duration_since(earlier)
    }
}

struct Clock {
    now: Instant,
    /// The wakers of pending sleeps, by deadline and number.
    sleepers: BTreeMap<(Instant, u64), Waker>,
    numbers: u64,
    /// The waker of `pass`, if it was called while no sleep was pending.
    mover: Option<Waker>,
}

shuttle::lazy_static! {
    static ref CLOCK: Mutex<Clock> = {
        let now = Instant(Duration::ZERO);
        Mutex::new(Clock { now, sleepers: BTreeMap::new(), numbers: 0, mover: None })
    };
}

fn clock() -> MutexGuard<'static, Clock> {
    CLOCK.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Advances the clock to the earliest deadline of a sleep, once there is a sleep.
pub(crate) async fn pass() {
    let due = poll_fn(|context| {
        let mut clock = clock();
        let Some((moment, _)) = clock.sleepers.keys().next().copied() else {
            clock.mover = Some(context.waker().clone());
            return Poll::Pending;
        };
        clock.now = moment;
        let later = clock.sleepers.split_off(&(moment, u64::MAX));
        Poll::Ready(std::mem::replace(&mut clock.sleepers, later))
    });
    due.await.into_values().for_each(Waker::wake);
}

/// A future that waits for a deadline.
pub(crate) struct Sleep {
    deadline: Instant,
    number: u64,
}

pub(crate) fn sleep_until(deadline: Instant) -> Sleep {
    let mut clock = clock();
    clock.numbers += 1;
    Sleep { deadline, number: clock.numbers }
}

pub(crate) fn sleep(wait: Duration) -> Sleep {
    sleep_until(Instant::now() + wait)
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut clock = clock();
        if self.deadline <= clock.now {
            return Poll::Ready(());
        }
        clock.sleepers.insert((self.deadline, self.number), context.waker().clone());
        let mover = clock.mover.take();
        drop(clock);
        mover.into_iter().for_each(Waker::wake);
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        clock().sleepers.remove(&(self.deadline, self.number));
    }
}

#[derive(Debug)]
pub(crate) struct Elapsed;

pub(crate) async fn timeout_at<F: Future>(deadline: Instant, future: F) -> Result<F::Output, Elapsed> {
    match select(pin!(future), sleep_until(deadline)).await {
        Either::Left((output, _)) => Ok(output),
        Either::Right(((), _)) => Err(Elapsed),
    }
}
