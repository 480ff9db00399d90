//! Tests of bulk runs with a ledger, which are stopped and dropped at any moment.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::future::select;
use serde_json::Value;

use crate::{
    bulk::{Bulk, error::BulkError, policy::BulkPolicy},
    client::{Answer, Client},
    clock,
    schedules::check,
    share_task::{ShareTask, TargetDirectory},
    tokio::time::Instant,
};

const ORDERS: usize = 200;
const CHUNKS: usize = 3;

/// A file that no other schedule uses. It is in memory if possible, because a schedule waits for every line to be
/// synced.
struct Ledger(PathBuf);

impl Ledger {
    fn new() -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let memory = Path::new("/dev/shm");
        let directory = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        Self(directory.join(format!("schedules-{}-{number}.ledger", std::process::id())))
    }

    /// Returns the states of each chunk in their order, by the trace id of its request.
    fn states(&self) -> BTreeMap<String, Vec<String>> {
        let text = fs::read_to_string(&self.0).unwrap_or_default();
        let mut states = BTreeMap::<_, Vec<String>>::new();
        for line in text.lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            let Some(chunk) = line.get("chunk") else { continue };
            let state = &chunk["state"];
            let state = state.as_str().unwrap_or_else(|| state.as_object().unwrap().keys().next().unwrap());
            states.entry(chunk["traceId"].as_str().unwrap().to_owned()).or_default().push(state.to_owned());
        }
        states
    }

    fn begun(&self) -> BTreeSet<String> {
        self.states().into_keys().collect()
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Makes a client that panics if a request is sent before its line is in the ledger.
fn client(ledger: &Arc<Ledger>, answer: impl Fn(usize) -> Answer + Send + Sync + 'static) -> Client {
    let ledger = ledger.clone();
    Client::new(move |number, task| {
        let states = ledger.states();
        let last = states.get(task.trace_id().as_str()).and_then(|states| states.last());
        assert_eq!(last.map(String::as_str), Some("sending"), "no line before the request");
        answer(number)
    })
}

/// Makes a run of three chunks, two at a time.
fn bulk(client: &Client, ledger: &Ledger) -> Bulk<'static> {
    bulk_with(client, BulkPolicy::default().concurrency(2).ledger(&ledger.0))
}

fn bulk_with(client: &Client, policy: BulkPolicy) -> Bulk<'static> {
    let task = ShareTask::dump(TargetDirectory::root("space")).share_id("share").container_id("space");
    client.create_bulk_with(task, (0..CHUNKS * 1_000).map(|n| n.to_string()), policy).unwrap()
}

/// Takes items until the run ends, or until a random moment before.
async fn take_some(bulk: &mut Bulk<'_>) {
    drop(select(pin!(take_all(bulk)), pin!(clock::linger())).await);
}

/// Makes a run whose requests create their tasks, and takes some of its items.
async fn taken_in_part() -> (Arc<Ledger>, Client, Bulk<'static>) {
    let ledger = Arc::new(Ledger::new());
    let client = client(&ledger, |_| Answer::Made);
    let mut bulk = bulk(&client, &ledger);
    take_some(&mut bulk).await;
    (ledger, client, bulk)
}

async fn take_all(bulk: &mut Bulk<'_>) -> Option<BulkError> {
    while let Some(item) = bulk.next().await {
        if let Err(error) = item {
            return Some(error);
        }
    }
    None
}

/// Asserts that each chunk that was begun was sent once and its result is in the ledger, or that the ledger says that
/// the chunk was not sent.
fn assert_settled(client: &Client, ledger: &Ledger) {
    let requests = client.requests();
    for (trace_id, states) in ledger.states() {
        let states: Vec<&str> = states.iter().map(String::as_str).collect();
        let sent = requests.iter().filter(|request| **request == trace_id).count();
        let is_settled =
            matches!((sent, states.as_slice()), (0, ["sending", "notSent"]) | (1, ["sending", "accepted" | "unknown"]));
        assert!(is_settled, "sent {sent} times: {states:?}");
    }
}

#[test]
fn a_stopped_run_begins_no_further_chunk_and_sends_what_was_begun_or_notes_that_it_was_not() {
    check(ORDERS, || async {
        let (ledger, client, mut bulk) = taken_in_part().await;
        bulk.stop();
        let begun = ledger.begun();
        take_all(&mut bulk).await;
        drop(bulk);
        client.alone().await;
        assert!(client.requests().iter().all(|request| begun.contains(request)));
        assert_settled(&client, &ledger);
    });
}

#[test]
fn a_dropped_run_sends_what_was_begun() {
    check(ORDERS, || async {
        let (ledger, client, bulk) = taken_in_part().await;
        drop(bulk);
        client.alone().await;
        assert_settled(&client, &ledger);
        assert_eq!(client.requests().len(), ledger.begun().len());
    });
}

#[test]
fn a_run_begins_no_further_chunk_once_an_outcome_is_unknown() {
    check(ORDERS, || async {
        let ledger = Arc::new(Ledger::new());
        let client = client(&ledger, |number| if number == 0 { Answer::Unknown } else { Answer::Made });
        let mut bulk = bulk(&client, &ledger);
        while bulk.next().await.unwrap().unwrap().result.is_ok() {}
        let begun = ledger.begun();
        take_all(&mut bulk).await;
        drop(bulk);
        client.alone().await;
        assert!(client.requests().iter().all(|request| begun.contains(request)));
        assert_settled(&client, &ledger);
    });
}

/// Makes a client whose first two requests are throttled.
fn throttling(ledger: &Arc<Ledger>) -> Client {
    client(ledger, |number| if number < 2 { Answer::Throttled(Duration::from_secs(1)) } else { Answer::Made })
}

#[test]
fn a_paused_run_makes_every_task_once() {
    check(ORDERS, || async {
        let ledger = Arc::new(Ledger::new());
        let client = throttling(&ledger);
        let mut bulk = bulk(&client, &ledger);
        clock::run();
        assert!(take_all(&mut bulk).await.is_none());
        assert_eq!(bulk.report().created, CHUNKS as u64);
        assert_eq!((client.requests().len(), ledger.begun().len()), (CHUNKS + 2, CHUNKS));
    });
}

#[test]
fn a_throttled_chunk_is_sent_again_only_after_the_time_that_the_service_asks_for() {
    const WAIT: Duration = Duration::from_secs(60);
    check(ORDERS, || async {
        let first = Mutex::new(None);
        let client = Client::new(move |number, task| {
            let mut first = first.lock().unwrap();
            if number == 0 {
                *first = Some((task.trace_id().clone(), Instant::now()));
                return Answer::Throttled(WAIT);
            }
            if let Some((trace_id, at)) = &*first {
                assert!(trace_id != task.trace_id() || at.elapsed() >= WAIT, "sent again in the pause");
            }
            Answer::Made
        });
        let mut bulk = bulk_with(&client, BulkPolicy::default().concurrency(CHUNKS));
        clock::run();
        assert!(take_all(&mut bulk).await.is_none());
    });
}

#[test]
fn a_paused_run_that_is_stopped_or_dropped_leaves_no_request_waiting() {
    for is_stopped in [false, true] {
        check(ORDERS, move || async move {
            let ledger = Arc::new(Ledger::new());
            let client = throttling(&ledger);
            let mut bulk = bulk(&client, &ledger);
            // No time passes, so a request that waited for the end of the pause would wait for ever.
            take_some(&mut bulk).await;
            if is_stopped {
                bulk.stop();
                take_all(&mut bulk).await;
            }
            drop(bulk);
            client.alone().await;
        });
    }
}
