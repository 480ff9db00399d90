//! Tasks of shuttle.

use std::marker::PhantomData;

pub(crate) use shuttle::future::{JoinError, JoinHandle, yield_now};

pub(crate) fn spawn<F: Future<Output: Send + 'static> + Send + 'static>(future: F) -> JoinHandle<F::Output> {
    shuttle::future::spawn(future)
}

pub(crate) fn spawn_blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    spawn(async { work() })
}

/// Tasks that are aborted when the set is dropped. `join_next` awaits them in the order in which they were spawned.
#[derive(Debug, Default)]
pub(crate) struct JoinSet<T>(Vec<JoinHandle<T>>);

impl<T: Send + 'static> JoinSet<T> {
    pub(crate) fn new() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn spawn(&mut self, future: impl Future<Output = T> + Send + 'static) {
        self.0.push(spawn(future));
    }

    pub(crate) async fn join_next(&mut self) -> Option<Result<T, JoinError>> {
        let ended = self.0.first_mut()?.await;
        self.0.remove(0);
        Some(ended)
    }
}

impl<T> Drop for JoinSet<T> {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

#[derive(Debug)]
pub(crate) struct LocalKey<T>(PhantomData<T>);

#[allow(clippy::unused_self, reason = "as tokio's own has it")]
impl<T: Send + 'static> LocalKey<T> {
    pub(crate) const fn new() -> Self {
        Self(PhantomData)
    }

    pub(crate) fn scope<F: Future>(&'static self, _value: T, future: F) -> F {
        future
    }

    /// Returns an error, because the key has no value.
    pub(crate) fn try_with<R>(&'static self, _read: impl FnOnce(&T) -> R) -> Result<R, ()> {
        Err(())
    }
}
