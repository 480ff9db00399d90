//! What is traced and logged.

use std::{
    io,
    sync::{Arc, LazyLock, Mutex, Once},
};

use tracing::Dispatch;
use tracing_log::LogTracer;
use tracing_subscriber::fmt::format::FmtSpan;

/// Gathers what is traced and logged on this thread, at the finest level.
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

/// While tracing knows of a single subscriber, an event that first occurs on a thread without it counts as unwanted by all.
/// So there is always another one.
pub(crate) fn add_subscriber_of_no_thread() {
    static OTHER: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(tracing_subscriber::registry()));
    LazyLock::force(&OTHER);
}
