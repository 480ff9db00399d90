//! Spans, exported by OpenTelemetry to a collector in this process.
//!
//! To export them to a collector elsewhere, use the exporter of `opentelemetry-otlp` instead.

use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};
use serde_json::{Value, json};
use tracing_subscriber::{
    Layer,
    filter::{LevelFilter, Targets},
    fmt::{self, format::FmtSpan},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

/// The collector. It keeps every span, since an example does not run for long.
#[derive(Clone)]
pub(crate) struct Spans(InMemorySpanExporter);

impl Spans {
    /// Sets up tracing for the whole process: the spans go to the collector, messages to standard error.
    pub(crate) fn collect() -> Self {
        let exporter = InMemorySpanExporter::default();
        let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
        let of_interest =
            Targets::new().with_targets([("portal", LevelFilter::INFO), ("koodrive_share", LevelFilter::DEBUG)]);
        let to_collector =
            tracing_opentelemetry::layer().with_tracer(provider.tracer("portal")).with_filter(of_interest);
        // Without span events, a terminal shows no span.
        let messages = fmt::layer().with_span_events(FmtSpan::CLOSE).with_writer(std::io::stderr);
        let messages = messages.with_filter(LevelFilter::INFO);
        tracing_subscriber::registry().with(to_collector).with(messages).init();
        Self(exporter)
    }

    /// Returns the spans that have ended.
    pub(crate) fn so_far(&self) -> Value {
        let spans = self.0.get_finished_spans().unwrap_or_default();
        let shown = spans.iter().map(|span| {
            let attributes = span.attributes.iter();
            let attributes = attributes.map(|pair| (pair.key.to_string(), pair.value.to_string().into()));
            json!({
                "id": span.span_context.span_id().to_string(),
                "parent": span.parent_span_id.to_string(),
                "name": span.name,
                "kind": format!("{:?}", span.span_kind),
                "attributes": attributes.collect::<serde_json::Map<_, _>>(),
            })
        });
        shown.collect()
    }
}
