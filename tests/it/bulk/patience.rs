//! Runs that are throttled, or lose the network or their tokens. They pause, go on, and end only with their patience.

use std::{
    panic::AssertUnwindSafe,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::FutureExt;
use koodrive_share::{AccessToken, BulkError, BulkItem, BulkPolicy, Credentials, Ledger, Outcome};
use koodrive_share_emulator::{Answer, Emulator, Fault, Throttle};
use serde_json::json;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep},
};

use crate::support::{
    bulk::{hold, ids, ledger, states, tasks_of, until},
    bulk_run::{FUTILE, complete, drain_within, one_by_one, outcomes},
    fixtures::{broken, builder, builder_at, client, dump_template, strict_emulator},
    own_server::{OwnServer, Reply},
};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Starts an emulator that accepts this number of calls per minute.
async fn throttled(calls: u32, retry_after: bool) -> Arc<Emulator> {
    let throttle = Throttle::new(calls, MINUTE).retry_after(retry_after);
    Arc::new(strict_emulator().throttle(throttle).start().await.unwrap())
}

/// The pauses of a run: the length of each, and the number of requests before it.
type Pauses = Arc<Mutex<Vec<(Duration, u64)>>>;

fn told(policy: BulkPolicy, emulator: &Arc<Emulator>) -> (BulkPolicy, Pauses) {
    let (pauses, emulator) = (Pauses::default(), emulator.clone());
    let all = pauses.clone();
    let policy = policy.on_pause(move |length, error| {
        assert!(error.is_throttled() && error.outcome() == Outcome::Rejected, "{error}");
        pauses.lock().unwrap().push((length, emulator.request_count()));
    });
    (policy, all)
}

/// Runs a bulk creation of `count` ids. Returns all items, the error that ended the run, and its duration.
async fn run(emulator: &Emulator, count: usize, policy: BulkPolicy) -> (Vec<BulkItem>, Option<BulkError>, Duration) {
    let started = Instant::now();
    let mut bulk = client(emulator).create_bulk_with(dump_template(), ids(count), policy).unwrap();
    let (items, error) = drain_within(&mut bulk, DAY).await;
    (items, error, started.elapsed())
}

#[tokio::test(start_paused = true)]
async fn throttled_run_outlasts_each_window_and_makes_every_task_once() {
    for (name, retry_after) in [("window", false), ("window_told", true)] {
        let emulator = throttled(10, retry_after).await;
        let path = ledger(name);
        let (policy, pauses) = told(BulkPolicy::default().ledger(&path), &emulator);
        let (items, error, elapsed) = run(&emulator, 25_000, policy).await;
        assert!(error.is_none(), "{error:?}");
        assert_eq!(outcomes(&items), [None; 25]);
        for chunk in ids(25_000).chunks(1_000) {
            assert_eq!(tasks_of(&emulator.tasks(), chunk).len(), 1);
        }
        // 25 requests in windows of 10 exceed the limit twice. Each time, at most 4 requests in flight are refused,
        // then one at a time: at most 6 after 1, 2, 4 … seconds or more until the minute is over, or none if the
        // service states the wait.
        let refused = emulator.request_count() - 25;
        assert!(refused <= 2 * if retry_after { 4 } else { 10 }, "{refused} refused");
        let pauses = pauses.lock().unwrap();
        assert!(if retry_after { pauses.len() == 2 } else { pauses.len() >= 2 }, "{pauses:?}");
        assert!(elapsed >= 2 * MINUTE && elapsed < 5 * MINUTE, "{elapsed:?}");
        let count = |state: &str| states(&path).iter().filter(|it| *it == state).count() as u64;
        assert_eq!([count("accepted"), count("notSent"), count("sending")], [25, refused, 25 + refused]);
    }
}

#[tokio::test(start_paused = true)]
async fn one_request_probes_after_a_pause() {
    let emulator = throttled(0, false).await;
    let (policy, pauses) = told(BulkPolicy::default().patience(10 * MINUTE), &emulator);
    run(&emulator, 25_000, policy).await;
    let pauses = pauses.lock().unwrap();
    // Pauses of 1, 2, 4 … 60 seconds, or up to twice as long, fill 10 minutes.
    assert!(pauses.len() >= 8, "{pauses:?}");
    assert!(pauses[0].1 <= 4, "a call of a run does not retry throttling: {pauses:?}");
    // The other requests that were sent with the first may still be in flight when the first pause begins.
    assert_eq!(pauses[1].1, 5, "{pauses:?}");
    assert!(pauses[1..].is_sorted_by(|(_, before), (_, after)| before + 1 == *after), "{pauses:?}");
}

#[tokio::test(start_paused = true)]
async fn a_late_success_does_not_end_a_pause_but_the_success_of_the_probe_does() {
    let emulator = strict_emulator().start().await.unwrap();
    // Of four requests, one succeeds during the pause that the others begin. Then the probe waits for its reply.
    emulator.fail_next(Fault::Delay(MINUTE / 120));
    for _ in 0..3 {
        emulator.fail_next(Fault::Reply(Answer::json(429, &json!({"error_code": "APIG.0308"}))));
    }
    for _ in 0..4 {
        emulator.fail_next(Fault::Delay(MINUTE));
    }
    let client = builder(&emulator).timeout(3 * MINUTE).build().unwrap();
    let mut bulk = client.create_bulk_with(dump_template(), ids(6_000), BulkPolicy::default()).unwrap();
    let counts = async {
        let mut counts = Vec::new();
        for seconds in [10, 70] {
            // Time advances in steps, so that requests and replies in flight arrive before it goes on.
            for _ in 0..seconds * 100 {
                sleep(Duration::from_millis(10)).await;
            }
            counts.push(emulator.request_count());
        }
        counts
    };
    let ((items, error), counts) = tokio::join!(drain_within(&mut bulk, DAY), counts);
    assert!(error.is_none(), "{error:?}");
    assert_eq!(outcomes(&items), [None; 6]);
    let [paused, after] = counts.as_slice() else { panic!("{counts:?}") };
    assert_eq!(*paused, 5, "the probe alone");
    assert!(*after >= 7, "the two others at once: {after}");
}

#[tokio::test(start_paused = true)]
async fn run_ends_with_its_patience_and_a_resumed_one_loses_and_doubles_nothing() {
    let emulator = throttled(3, false).await;
    let path = ledger("patience");
    // The patience is shorter than the window, so that the first run ends and the next runs resume it.
    let mut made = 0;
    for n in 0.. {
        let (items, error, elapsed) =
            run(&emulator, 9_500, BulkPolicy::default().ledger(&path).patience(MINUTE / 3)).await;
        made += items.iter().filter(|item| item.result.is_ok() && !item.from_ledger).count();
        let Some(error) = error else { break };
        assert!(n < 20 && error.is_out_of_patience() && !error.is_ledger() && !error.is_unknown(), "{n}: {error}");
        let said = error.to_string();
        let attempted = said.strip_prefix("no task was created for 20s, the patience of this run; resume it later: ");
        let all = "all file ids, 0..9500, were attempted";
        assert!(attempted.is_some_and(|it| it == all || it.starts_with("of the file ids, 0..")), "{said}");
        assert!(elapsed >= MINUTE / 3 && elapsed < MINUTE, "{elapsed:?}");
        let refused = items.iter().filter_map(|item| item.result.as_ref().err());
        assert!(refused.clone().count() > 0 && refused.clone().all(koodrive_share::Error::is_throttled), "{items:?}");
        assert_eq!(error.attempted(), 0..items.last().unwrap().range.end);
        // The `end` line may be written before the results of the last chunks.
        let states = states(&path);
        let last = states.iter().rfind(|state| *state != "end");
        assert_eq!(last.unwrap(), "notSent", "what was throttled is noted");
        let report = Ledger::read(&path).unwrap().report().unwrap();
        assert_eq!(report.rejected, 0, "{report}");
    }
    assert_eq!((made, emulator.tasks().len()), (10, 10));
}

#[tokio::test]
async fn patience_of_0_ends_at_the_first_refusal() {
    let emulator = throttled(2, false).await;
    let (policy, pauses) = told(one_by_one().patience(Duration::ZERO), &emulator);
    let (items, error, _) = run(&emulator, 9_000, policy).await;
    assert_eq!(outcomes(&items), [None, None, Some(Outcome::Rejected)]);
    assert!(error.unwrap().is_out_of_patience());
    assert_eq!((emulator.request_count(), pauses.lock().unwrap().len()), (3, 0));
}

#[tokio::test]
async fn last_chunk_that_is_refused_ends_the_run_with_an_error() {
    let emulator = throttled(0, false).await;
    let (items, error, _) = run(&emulator, 1, one_by_one().patience(Duration::ZERO)).await;
    assert_eq!(outcomes(&items), [Some(Outcome::Rejected)]);
    let error = error.unwrap();
    assert!(error.is_out_of_patience());
    let said =
        "no task was created for 0s, the patience of this run; resume it later: all file ids, 0..1, were attempted";
    assert_eq!(error.to_string(), said);
}

#[tokio::test(start_paused = true)]
async fn wait_longer_than_the_patience_is_not_begun() {
    let emulator = throttled(1, true).await;
    let (policy, pauses) = told(one_by_one().patience(MINUTE / 2), &emulator);
    let (items, error, _) = run(&emulator, 9_000, policy).await;
    assert_eq!(outcomes(&items), [None, Some(Outcome::Rejected)]);
    let error = error.unwrap();
    assert!(error.is_out_of_patience());
    let said = "the service asks to wait for 1m, longer than the patience of this run; resume it after that: ";
    assert!(error.to_string().starts_with(said), "{error}");
    assert_eq!((emulator.request_count(), pauses.lock().unwrap().len()), (2, 0));
}

#[tokio::test]
async fn stop_ends_a_pause_at_once() {
    let emulator = throttled(1, true).await;
    let path = ledger("stop_in_pause");
    let (tell, mut pauses) = mpsc::unbounded_channel();
    let policy = one_by_one().ledger(&path).on_pause(move |length, _| tell.send(length).unwrap());
    let mut bulk = client(&emulator).create_bulk_with(dump_template(), ids(9_000), policy).unwrap();
    let first = bulk.next().await.unwrap().unwrap();
    assert!(first.result.is_ok());
    tokio::select! {
        item = bulk.next() => panic!("{item:?}"),
        length = pauses.recv() => assert!(length.unwrap() > MINUTE / 2, "{length:?}"),
    }
    let stopped = Instant::now();
    bulk.stop();
    let (items, error) = drain_within(&mut bulk, MINUTE).await;
    assert!(stopped.elapsed() < MINUTE / 6);
    assert_eq!(outcomes(&items), [Some(Outcome::Rejected)]);
    let error = error.unwrap();
    assert!(error.is_stopped() && !error.is_ledger_lost() && !error.is_in_use());
    assert_eq!(error.attempted(), 0..2_000);
    assert_eq!(states(&path), ["run", "sending", "accepted", "sending", "notSent"]);
}

#[tokio::test]
async fn dropped_run_does_not_wait_for_the_end_of_a_pause() {
    let emulator = throttled(1, true).await;
    let path = ledger("drop_in_pause");
    let (tell, mut pauses) = mpsc::unbounded_channel();
    let policy = BulkPolicy::default().ledger(&path).on_pause(move |length, _| tell.send(length).unwrap());
    let mut bulk = client(&emulator).create_bulk_with(dump_template(), ids(9_000), policy).unwrap();
    while pauses.is_empty() {
        let _ = tokio::time::timeout(Duration::from_millis(1), bulk.next()).await;
    }
    pauses.recv().await.unwrap();
    drop(bulk);
    // The run's lock is released with the last of its chunks.
    until("the ledger is free", || hold(&path).is_some()).await;
    // Four chunks are sent at a time, and one more once the first was accepted and taken.
    assert!(emulator.request_count() <= 5);
    // The replies may come in any order.
    let states = states(&path);
    let count = |state: &str| states.iter().filter(|it| *it == state).count();
    assert_eq!(count("accepted"), 1, "{states:?}");
    assert_eq!(count("sending"), 1 + count("rejected") + count("notSent"), "{states:?}");
}

#[tokio::test(start_paused = true)]
async fn network_that_is_away_for_a_while_pauses_a_run() {
    // Two emulators would create tasks with the same ids.
    let server = OwnServer::start(|_| Reply::new(200, &json!({ "code": 0, "msg": "ok", "taskId": "7001" }))).await;
    let endpoint = server.endpoint().to_owned();
    // Each request has a connection of its own, so that no request is sent over a connection that breaks.
    let client = builder_at(&endpoint).idle_timeout(Duration::ZERO).build().unwrap();
    let path = ledger("network");
    let (tell, mut pauses) = mpsc::unbounded_channel();
    let policy = one_by_one().ledger(&path).on_pause(move |length, error| {
        assert!(error.is_connect() && error.outcome() == Outcome::NotSent, "{error}");
        tell.send(length).unwrap();
    });
    let mut bulk = client.create_bulk_with(dump_template(), ids(5_000), policy).unwrap();
    assert!(bulk.next().await.unwrap().unwrap().result.is_ok());
    drop(server);
    let address = endpoint.trim_start_matches("http://");
    until("nobody listens", || std::net::TcpStream::connect(address).is_err()).await;
    let port: u16 = endpoint.rsplit(':').next().unwrap().parse().unwrap();
    let back = async {
        pauses.recv().await.unwrap();
        strict_emulator().port(port).start().await.unwrap()
    };
    let ((items, error), emulator) = tokio::join!(drain_within(&mut bulk, DAY), back);
    assert!(error.is_none(), "{error:?}, {items:?}");
    assert_eq!(outcomes(&items), [None; 4]);
    assert_eq!(emulator.tasks().len(), 4);
    assert!(states(&path).contains(&"notSent".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn token_provider_that_fails_for_a_while_pauses_a_run() {
    let emulator = strict_emulator().start().await.unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = asked.clone();
    // Each request needs a new token, and the two calls of the provider after the first fail.
    let credentials = Credentials::provider(move || {
        let is_away = (1..3).contains(&counted.fetch_add(1, Ordering::SeqCst));
        let token = AccessToken::new(Emulator::DEFAULT_TOKEN).expires_in(Duration::ZERO);
        async move { if is_away { Err("the identity service is away".into()) } else { Ok(token) } }
    });
    let client = builder(&emulator).credentials(credentials).build().unwrap();
    let path = ledger("provider");
    let pauses = Arc::new(AtomicUsize::new(0));
    let told = pauses.clone();
    let policy = one_by_one().ledger(&path).on_pause(move |_, error| {
        assert!(error.is_credentials() && error.outcome() == Outcome::NotSent, "{error}");
        told.fetch_add(1, Ordering::SeqCst);
    });
    let bulk = client.create_bulk_with(dump_template(), ids(5_000), policy);
    let (items, error) = drain_within(&mut bulk.unwrap(), DAY).await;
    assert!(error.is_none(), "{error:?}, {items:?}");
    assert_eq!(outcomes(&items), [None; 5]);
    assert_eq!((emulator.tasks().len(), emulator.request_count()), (5, 5));
    assert_eq!(pauses.load(Ordering::SeqCst), 2, "one after each call without a token");
    let count = |state: &str| states(&path).iter().filter(|it| *it == state).count();
    assert_eq!([count("sending"), count("notSent"), count("accepted")], [7, 2, 5]);
}

#[tokio::test]
async fn connection_that_fails_before_any_reply_ends_a_run() {
    let gone = strict_emulator().start().await.unwrap();
    let client = builder_at(gone.endpoint()).max_attempts(1).build().unwrap();
    drop(gone);
    let policy = one_by_one();
    let mut bulk = client.create_bulk_with(dump_template(), ids(5_000), policy).unwrap();
    let (items, error) = drain_within(&mut bulk, MINUTE).await;
    assert_eq!(outcomes(&items), [Some(Outcome::NotSent)]);
    let error = error.unwrap();
    assert!(!error.is_out_of_patience());
    assert!(error.to_string().starts_with(&format!("{FUTILE}: of the file ids, 0..1000")), "{error}");
}

#[tokio::test]
async fn refused_credentials_end_a_run_after_one_request() {
    let emulator = strict_emulator().start().await.unwrap();
    let policy = one_by_one();
    let mut bulk = client(&emulator).create_bulk_with(dump_template(), ids(5_000), policy).unwrap();
    assert!(bulk.next().await.unwrap().unwrap().result.is_ok());
    emulator.revoke_token(Emulator::DEFAULT_TOKEN);
    let (items, error) = drain_within(&mut bulk, MINUTE).await;
    assert_eq!(outcomes(&items), [Some(Outcome::Rejected)]);
    assert!(error.unwrap().to_string().starts_with(FUTILE));
    assert_eq!(emulator.request_count(), 2);
}

#[tokio::test]
async fn refused_credentials_of_the_last_chunk_end_the_run_with_an_error() {
    let emulator = strict_emulator().start().await.unwrap();
    emulator.revoke_token(Emulator::DEFAULT_TOKEN);
    let (items, error, _) = run(&emulator, 1, one_by_one()).await;
    assert_eq!(outcomes(&items), [Some(Outcome::Rejected)]);
    let error = error.unwrap();
    assert!(error.to_string().starts_with(FUTILE), "{error}");
    assert!(error.to_string().ends_with("all file ids, 0..1, were attempted"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn requests_are_as_far_apart_as_the_rate_says() {
    let emulator = strict_emulator().start().await.unwrap();
    let (items, error, elapsed) = run(&emulator, 10_000, BulkPolicy::default().rate(2, Duration::from_secs(10))).await;
    assert!(error.is_none() && items.len() == 10);
    // One request is sent at once, and nine more 5 s apart.
    assert!((45..47).contains(&elapsed.as_secs()), "{elapsed:?}");
}

#[tokio::test]
async fn stop_ends_a_wait_for_the_rate_and_chunks_of_the_ledger_need_no_wait() {
    let emulator = strict_emulator().start().await.unwrap();
    let path = ledger("rate");
    let done = client(&emulator).create_bulk_with(dump_template(), ids(3_000), BulkPolicy::default().ledger(&path));
    complete(done.unwrap()).await;
    let text = std::fs::read_to_string(&path).unwrap();
    let without_end: String = text.split_inclusive('\n').filter(|line| !line.contains("\"end\":{")).collect();
    std::fs::write(&path, without_end).unwrap();
    let policy = BulkPolicy::default().ledger(&path).rate(1, DAY);
    let mut bulk = client(&emulator).create_bulk_with(dump_template(), ids(9_000), policy).unwrap();
    for _ in 0..4 {
        assert!(bulk.next().await.unwrap().unwrap().result.is_ok(), "three of the ledger, one at once");
    }
    assert!(tokio::time::timeout(Duration::from_millis(50), bulk.next()).await.is_err());
    bulk.stop();
    let (items, error) = drain_within(&mut bulk, MINUTE).await;
    assert!(items.is_empty(), "none was begun");
    let error = error.unwrap();
    assert!(error.is_stopped());
    assert_eq!(error.attempted(), 0..4_000);
}

#[tokio::test]
async fn dropped_run_does_not_wait_for_the_rate() {
    let emulator = strict_emulator().start().await.unwrap();
    let path = ledger("drop_in_rate");
    let policy = BulkPolicy::default().ledger(&path).rate(1, DAY);
    let mut bulk = client(&emulator).create_bulk_with(dump_template(), ids(9_000), policy).unwrap();
    assert!(bulk.next().await.unwrap().unwrap().result.is_ok());
    assert!(tokio::time::timeout(Duration::from_millis(50), bulk.next()).await.is_err());
    drop(bulk);
    // The run's lock is released with the last of its chunks.
    until("the ledger is free", || hold(&path).is_some()).await;
    assert_eq!(states(&path), ["run", "sending", "accepted"]);
    assert_eq!(emulator.request_count(), 1);
}

#[test]
fn rate_is_bounded() {
    let second = Duration::from_secs(1);
    for (requests, per) in [(0, second), (1, Duration::ZERO), (1_000_001, second), (1, DAY + second)] {
        let refused = BulkPolicy::default().rate(requests, per).concurrency(0).validate().unwrap_err();
        assert_eq!(broken(&refused), ["concurrency concurrency", "rate rate"], "{requests} per {per:?}");
    }
    for (requests, per) in [(1, DAY), (1_000_000, second), (u32::MAX, DAY)] {
        assert!(BulkPolicy::default().rate(requests, per).validate().is_ok(), "{requests} per {per:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn on_pause_that_panics_panics_the_stream() {
    let emulator = throttled(1, false).await;
    let policy = one_by_one().on_pause(|_, _| panic!("told in vain"));
    let mut bulk = client(&emulator).create_bulk_with(dump_template(), ids(2_000), policy).unwrap();
    assert!(bulk.next().await.unwrap().unwrap().result.is_ok());
    let panic = AssertUnwindSafe(bulk.next()).catch_unwind().await.unwrap_err();
    assert_eq!(panic.downcast_ref(), Some(&"told in vain"));
}
