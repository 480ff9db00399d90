//! The spans and events of a call.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

use koodrive_share::{AccessToken, Credentials, Outcome};
use koodrive_share_emulator::{Answer, EmulatedShare, Emulator, Fault};
use tracing::{
    Event, Instrument, Level, Subscriber,
    field::{Empty, Field, Visit},
    span::{Attributes, Id, Record},
    subscriber::DefaultGuard,
};
use tracing_subscriber::{
    Layer,
    filter::Targets,
    layer::{Context, SubscriberExt},
    registry::LookupSpan,
};

use crate::support::{
    fixtures::{FILE, KDSTOKEN, SHARE, builder, dump, strict_emulator},
    share::{CODE, open, with_share},
    trace::add_subscriber_of_no_thread,
};

/// A span or an event.
#[derive(Clone, Debug, Default)]
struct Seen {
    level: Option<Level>,
    parent: Option<String>,
    fields: BTreeMap<String, String>,
}

impl Visit for Seen {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.fields.insert(field.name().to_owned(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.fields.insert(field.name().to_owned(), format!("{value:?}"));
    }
}

impl Seen {
    #[track_caller]
    fn assert_fields(&self, expected: &[(&str, &str)]) {
        for (name, value) in expected {
            assert_eq!(self.fields.get(*name).map(String::as_str), Some(*value), "{name}: {self:?}");
        }
    }
}

/// Gathers the spans of the library and of this test, in the order in which they end, and the library's events.
#[derive(Clone, Default)]
struct Gathered(Arc<Mutex<[Vec<Seen>; 2]>>);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Gathered {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let span = context.span(id).unwrap();
        let parent = span.parent().map(|parent| parent.name().to_owned());
        let level = Some(*span.metadata().level());
        let mut seen = Seen { level, parent, ..Seen::default() };
        attributes.record(&mut seen);
        span.extensions_mut().insert(seen);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        values.record(context.span(id).unwrap().extensions_mut().get_mut::<Seen>().unwrap());
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let parent = context.event_span(event).map(|span| span.name().to_owned());
        let mut seen = Seen { level: Some(*event.metadata().level()), parent, ..Seen::default() };
        event.record(&mut seen);
        if event.metadata().target().starts_with("koodrive_share::") {
            self.0.lock().unwrap()[1].push(seen);
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let span = context.span(&id).unwrap();
        if ["koodrive_share::", "it::"].iter().any(|target| span.metadata().target().starts_with(target)) {
            let seen = span.extensions_mut().remove::<Seen>().unwrap();
            self.0.lock().unwrap()[0].push(seen);
        }
    }
}

impl Gathered {
    fn start() -> (Self, DefaultGuard) {
        Self::start_with(Targets::new().with_default(Level::TRACE))
    }

    fn start_with(filter: Targets) -> (Self, DefaultGuard) {
        add_subscriber_of_no_thread();
        let gathered = Self::default();
        let subscriber = tracing_subscriber::registry().with(filter).with(gathered.clone());
        (gathered, tracing::subscriber::set_default(subscriber))
    }

    fn spans(&self) -> Vec<Seen> {
        self.0.lock().unwrap()[0].clone()
    }

    fn events(&self) -> Vec<Seen> {
        self.0.lock().unwrap()[1].clone()
    }

    /// The event with this message.
    #[track_caller]
    fn event(&self, message: &str) -> Seen {
        let events = self.events();
        let found = events.iter().find(|event| event.fields["message"] == message);
        found.unwrap_or_else(|| panic!("no {message:?} in {events:#?}")).clone()
    }
}

#[tokio::test]
async fn a_creation_and_a_query_are_a_span_each_around_their_attempts() {
    let emulator = strict_emulator().start().await.unwrap();
    let client = builder(&emulator).build().unwrap();
    let task = dump().build().unwrap();
    let (gathered, _guard) = Gathered::start();
    let handle = client.create(&task).await.unwrap();
    client.status(&handle).await.unwrap();
    let [attempt, call, query_attempt, query] = gathered.spans().try_into().unwrap();
    assert_eq!((call.level, attempt.level), (Some(Level::INFO), Some(Level::DEBUG)));
    assert_eq!(attempt.parent.as_deref(), Some("call"));
    call.assert_fields(&[
        ("otel.name", "createBatchTask"),
        ("otel.kind", "internal"),
        ("koodrive.operation", "createBatchTask"),
        ("koodrive.trace_id", task.trace_id().as_str()),
        ("koodrive.task_id", handle.task_id()),
        ("koodrive.outcome", "succeeded"),
    ]);
    assert!(call.fields["koodrive.elapsed_ms"].parse::<f64>().unwrap() > 0.0);
    assert!(!call.fields.contains_key("error.type"), "{call:?}");
    let port = emulator.endpoint().rsplit(':').next().unwrap();
    for attempt in [&attempt, &query_attempt] {
        attempt.assert_fields(&[
            ("otel.kind", "client"),
            ("http.request.method", "POST"),
            ("http.response.status_code", "200"),
            ("server.address", "127.0.0.1"),
            ("server.port", port),
        ]);
        assert!(!attempt.fields.contains_key("http.request.resend_count"), "{attempt:?}");
    }
    query.assert_fields(&[("koodrive.operation", "getBatchTask"), ("koodrive.task_id", handle.task_id())]);
}

#[tokio::test]
async fn calls_about_no_task_name_none() {
    let emulator = with_share(EmulatedShare::example()).await;
    let (gathered, _guard) = Gathered::start();
    open(&emulator, Some(CODE)).await;
    let is_call = |span: &Seen| span.fields["otel.kind"] == "internal";
    let calls: Vec<_> = gathered.spans().into_iter().filter(is_call).collect();
    let operations = calls.iter().map(|call| call.fields["koodrive.operation"].as_str());
    assert!(operations.eq(["getShareInfo", "verifyExtractCode", "listShareFiles"]), "{calls:#?}");
    assert!(!calls.iter().any(|call| call.fields.contains_key("koodrive.task_id")), "{calls:#?}");
}

#[tokio::test(start_paused = true)]
async fn attempts_that_failed_tell_why_and_what_follows() {
    let emulator = strict_emulator().start().await.unwrap();
    let client = builder(&emulator).build().unwrap();
    let (gathered, _guard) = Gathered::start();
    emulator.fail_next(Fault::Reply(Answer::gateway(403, "APIGW.0308", "slow down").header("Retry-After", "3")));
    emulator.fail_next(Fault::Reply(Answer::service(500, "13000201", "inner")));
    client.create(&dump().build().unwrap()).await.unwrap_err();
    let [first, second, call] = gathered.spans().try_into().unwrap();
    first.assert_fields(&[("http.response.status_code", "403"), ("error.type", "throttled")]);
    first.assert_fields(&[("koodrive.code", "APIGW.0308")]);
    second.assert_fields(&[("http.request.resend_count", "1"), ("error.type", "unreadable")]);
    call.assert_fields(&[
        ("koodrive.code", "13000201"),
        ("koodrive.outcome", "unknown"),
        ("error.type", "unreadable"),
        ("otel.status_code", "ERROR"),
        ("koodrive.elapsed_ms", "3000.0"),
    ]);
    let doubtful = gathered.event("a task may exist");
    assert_eq!((doubtful.level, doubtful.parent.as_deref()), (Some(Level::WARN), Some("call")));
    let failed = gathered.event("attempt failed");
    assert_eq!((failed.level, failed.parent.as_deref()), (Some(Level::DEBUG), Some("call")));
    failed.assert_fields(&[("wait", "Some(3s)"), ("next", "Wait(3s)")]);
    assert!(failed.fields["error"].contains("status 403"), "{failed:?}");
}

#[tokio::test]
async fn only_a_creation_of_unknown_outcome_warns_of_a_task() {
    let emulator = strict_emulator().start().await.unwrap();
    let client = builder(&emulator).max_attempts(1).build().unwrap();
    let (gathered, _guard) = Gathered::start();
    emulator.fail_next(Fault::Reply(Answer::service(400, "13000311", "not enough space")));
    client.create(&dump().build().unwrap()).await.unwrap_err();
    emulator.fail_next(Fault::Reply(Answer::new(500)));
    let error = client.status(&client.handle("7001", SHARE)).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Unknown);
    let warnings: Vec<_> = gathered.events().into_iter().filter(|event| event.level == Some(Level::WARN)).collect();
    assert!(warnings.is_empty(), "{warnings:#?}");
}

#[tokio::test]
async fn a_callers_own_span_is_left_as_it_is_where_a_filter_drops_ours() {
    let emulator = strict_emulator().start().await.unwrap();
    let client = builder(&emulator).build().unwrap();
    let filter = Targets::new().with_default(Level::TRACE).with_target("koodrive_share", Level::WARN);
    let (gathered, _guard) = Gathered::start_with(filter);
    emulator.fail_next(Fault::Reply(Answer::new(500)));
    let span = tracing::info_span!(
        "own",
        otel.status_code = Empty,
        error.r#type = Empty,
        http.request.method = "GET",
        http.response.status_code = Empty,
        server.address = "portal.example",
        server.port = Empty,
    );
    client.create(&dump().build().unwrap()).instrument(span).await.unwrap_err();
    let [own] = gathered.spans().try_into().unwrap();
    let fields: Vec<_> = own.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(fields, [("http.request.method", "GET"), ("server.address", "portal.example")]);
    assert_eq!(gathered.event("a task may exist").parent.as_deref(), Some("own"));
}

#[tokio::test]
async fn a_renewed_token_and_a_learnt_clock_are_told() {
    let emulator = strict_emulator().start().await.unwrap();
    let provider = || async { Ok(AccessToken::new(Emulator::DEFAULT_TOKEN).expires_in(Duration::ZERO)) };
    let client = builder(&emulator).credentials(Credentials::provider(provider));
    let client = client.clock(|| chrono::Utc::now() - chrono::TimeDelta::hours(12)).build().unwrap();
    let (gathered, _guard) = Gathered::start();
    client.create(&dump().build().unwrap()).await.unwrap();
    gathered.event("the token was renewed");
    let tokens =
        || gathered.events().into_iter().filter(|event| event.fields["message"] == "the token was renewed").count();
    client.create(&dump().build().unwrap()).await.unwrap();
    assert_eq!(tokens(), 1, "it is the same token");
    let learnt = gathered.event("the server's clock is not ours: correcting X-Date");
    assert_eq!(learnt.level, Some(Level::INFO));
}

#[tokio::test]
async fn trace_shows_the_request_without_its_secrets() {
    let emulator = strict_emulator().start().await.unwrap();
    let client = builder(&emulator).timeout(Duration::from_secs(20)).build().unwrap();
    let (gathered, _guard) = Gathered::start();
    client.create(&dump().build().unwrap()).await.unwrap();
    let sent = gathered.event("sending");
    assert_eq!(sent.level, Some(Level::TRACE));
    assert!(sent.fields["request"].contains(FILE), "{sent:?}");
    let all = format!("{:?} {:?}", gathered.spans(), gathered.events());
    assert!(!all.contains(KDSTOKEN) && !all.contains(Emulator::DEFAULT_TOKEN), "{all}");
}
