//! Time that passes at any moment.

use crate::tokio::{
    task::yield_now,
    time::{pass, sleep},
};
use shuttle::rand::{Rng, thread_rng};

/// From now on, time may pass whenever anybody waits for it.
pub(crate) fn run() {
    drop(crate::tokio::spawn(async {
        loop {
            linger().await;
            pass().await;
        }
    }));
}

/// The same, but once.
pub(crate) fn run_once() {
    drop(crate::tokio::spawn(async {
        linger().await;
        pass().await;
    }));
}

/// Moves to a moment that lies so far ahead.
pub(crate) async fn move_by(wait: std::time::Duration) {
    futures_util::future::join(sleep(wait), pass()).await;
}

/// Lets others go on, for some time.
pub(crate) async fn linger() {
    for _ in 0..thread_rng().gen_range(0..30) {
        yield_now().await;
    }
}
