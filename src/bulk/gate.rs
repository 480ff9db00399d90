//! The gate that every request of a run passes: it is closed during a pause, and spaces requests by the rate.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Mutex as AsyncMutex, OwnedMutexGuard},
    time::{Instant, sleep_until},
};

use super::policy::BulkPolicy;
use crate::patience::{Decision, Patience, Signal};

/// The earliest time for the next request, by the rate. Tokio's mutex around it is fair, so requests keep their order.
type NextSlot = Option<Instant>;

pub(super) struct Gate {
    interval: Option<Duration>,
    next_slot: Arc<AsyncMutex<NextSlot>>,
    state: Mutex<State>,
}

struct State {
    patience: Patience,
    /// The end of the latest pause. None once a request that was sent after the pause has caused no other.
    pause: Option<Instant>,
    /// The number of pauses so far.
    pauses: u64,
}

/// The permit to send one request.
pub(super) struct Permit {
    /// The number of pauses before this permit.
    pauses: u64,
    /// After a pause, one request probes the service: it holds the lock until its result is known, so no other is sent.
    _probe: Option<OwnedMutexGuard<NextSlot>>,
}

impl Gate {
    pub(super) fn new(policy: &BulkPolicy) -> Self {
        let state = State { patience: Patience::new(policy.patience), pause: None, pauses: 0 };
        Self { interval: policy.interval(), next_slot: Arc::default(), state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the caller's turn, for the end of a pause and for the rate.
    pub(super) async fn admit(&self) -> Permit {
        let mut next_slot = self.next_slot.clone().lock_owned().await;
        loop {
            // Both fields are read under one lock: a pause that begins between two reads would go unnoticed.
            let State { pause, pauses, .. } = *self.state();
            let now = Instant::now();
            match pause.max(*next_slot) {
                Some(until) if until > now => sleep_until(until).await,
                Some(_) | None => {
                    *next_slot = self.interval.map(|interval| now + interval);
                    return Permit { pauses, _probe: pause.is_some().then_some(next_slot) };
                }
            }
        }
    }

    /// Records the result of a request. Returns what the run does next and, for a pause, whether this request began it.
    pub(super) fn record(&self, permit: &Permit, signal: Signal) -> (Decision, bool) {
        let (mut state, now) = (self.state(), Instant::now());
        let is_late = permit.pauses < state.pauses;
        let decision = state.patience.decide(signal, is_late, now);
        match decision {
            Decision::Pause(wait) => {
                state.pause = state.pause.max(Some(now + wait));
                state.pauses += u64::from(!is_late);
            }
            Decision::GoOn if !is_late => state.pause = None,
            Decision::GoOn | Decision::End(_) => {}
        }
        (decision, !is_late)
    }
}
