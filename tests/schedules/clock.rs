//! Functions that let the time of `tokio/time.rs` pass.

use crate::tokio::{
    task::yield_now,
    time::{pass, sleep},
};
use shuttle::rand::{Rng, thread_rng};

/// From now on, time may pass at any moment while a sleep is pending.
pub(crate) fn run() {
    drop(crate::tokio::spawn(async {
        loop {
            linger().await;
            pass().await;
        }
    }));
}

/// Lets time pass once, at any moment while a sleep is pending.
pub(crate) fn run_once() {
    drop(crate::tokio::spawn(async {
        linger().await;
        pass().await;
    }));
}

/// Advances the clock by a duration.
pub(crate) async fn move_by(wait: std::time::Duration) {
    futures_util::future::join(sleep(wait), pass()).await;
}

/// Lets other tasks run, a random number of times.
pub(crate) async fn linger() {
    for _ in 0..thread_rng().gen_range(0..30) {
        yield_now().await;
    }
}
