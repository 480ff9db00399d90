//! Tokio's own types, which need no tokio runtime.

pub(crate) use ::tokio::sync::{Mutex, OwnedMutexGuard, oneshot};

/// A watch channel that lets other tasks run before each use.
pub(crate) mod watch {
    use ::tokio::sync::watch;
    use shuttle::thread::yield_now;

    pub(crate) use ::tokio::sync::watch::{
        Ref,
        error::{RecvError, SendError},
    };

    #[derive(Debug, Default)]
    pub(crate) struct Sender<T>(watch::Sender<T>);

    #[derive(Clone, Debug)]
    pub(crate) struct Receiver<T>(watch::Receiver<T>);

    pub(crate) fn channel<T>(value: T) -> (Sender<T>, Receiver<T>) {
        let (sender, receiver) = watch::channel(value);
        (Sender(sender), Receiver(receiver))
    }

    impl<T> Sender<T> {
        pub(crate) fn send(&self, value: T) -> Result<(), SendError<T>> {
            yield_now();
            self.0.send(value)
        }

        pub(crate) fn send_modify(&self, modify: impl FnOnce(&mut T)) {
            yield_now();
            self.0.send_modify(modify);
        }

        pub(crate) fn send_replace(&self, value: T) -> T {
            yield_now();
            self.0.send_replace(value)
        }

        pub(crate) fn borrow(&self) -> Ref<'_, T> {
            yield_now();
            self.0.borrow()
        }

        pub(crate) fn subscribe(&self) -> Receiver<T> {
            yield_now();
            Receiver(self.0.subscribe())
        }
    }

    impl<T> Receiver<T> {
        pub(crate) fn borrow(&self) -> Ref<'_, T> {
            yield_now();
            self.0.borrow()
        }

        pub(crate) fn has_changed(&self) -> Result<bool, RecvError> {
            yield_now();
            self.0.has_changed()
        }

        pub(crate) async fn wait_for(&mut self, condition: impl FnMut(&T) -> bool) -> Result<Ref<'_, T>, RecvError> {
            yield_now();
            self.0.wait_for(condition).await
        }
    }
}
