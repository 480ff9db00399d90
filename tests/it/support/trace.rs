//! Traces and logs.

use std::{
    io,
    sync::{Arc, LazyLock, Mutex, Once},
};

use tracing::Dispatch;
use tracing_log::LogTracer;
use tracing_subscriber::fmt::format::FmtSpan;

/// Gathers the traces and logs of this thread, at the finest level.
pub(crate) struct Trace {
    text: Sink,
    _scope: tracing::subscriber::DefaultGuard,
}

#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Trace {
    pub(crate) fn start() -> Self {
        static LOG_RECORDS: Once = Once::new();
        LOG_RECORDS.call_once(|| LogTracer::init().unwrap());
        add_subscriber_of_no_thread();
        let text = Sink::default();
        let sink = text.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_span_events(FmtSpan::FULL)
            .with_ansi(false)
            .with_writer(move || sink.clone())
            .finish();
        Self { text, _scope: tracing::subscriber::set_default(subscriber) }
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.text.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// If tracing knows only one subscriber, and an event first occurs on a thread without it, the event is disabled for
/// all threads. So this adds another subscriber.
pub(crate) fn add_subscriber_of_no_thread() {
    static OTHER: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(tracing_subscriber::registry()));
    LazyLock::force(&OTHER);
}
