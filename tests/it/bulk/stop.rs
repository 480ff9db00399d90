//! Runs that are stopped or dropped.

use std::{error::Error, path::PathBuf, pin::pin, sync::mpsc as std_mpsc, thread, time::Duration};

use futures_util::{FutureExt, StreamExt, stream};
use koodrive_share::{AfterUnknown, BulkError, BulkPolicy, FileIds, Ledger, Outcome};
use koodrive_share_emulator::Fault;
use tokio::{
    runtime,
    sync::{mpsc, oneshot},
    task::{spawn_blocking, yield_now},
    time::{sleep, timeout},
};

use crate::support::{
    bulk::{ids, ledger, states, until},
    bulk_run::{FOREVER, complete, drain, one_by_one},
    fixtures::{client, dump_template, strict_emulator},
};

#[tokio::test]
async fn stopped_run_finishes_what_was_begun_and_does_not_wait_for_ids() {
    let emulator = strict_emulator().start().await.unwrap();
    let slow = stream::iter(ids(2_000)).chain(stream::pending());
    let mut bulk = client(&emulator).create_bulk(dump_template(), FileIds::stream(slow)).unwrap();
    let first = bulk.next().await.unwrap().unwrap();
    bulk.stop();
    let (items, error) = drain(&mut bulk).await;
    let error = error.unwrap();
    assert!(first.result.is_ok() && error.is_stopped());
    assert_eq!(error.attempted(), 0..1_000 + items.len() as u64 * 1_000);
    assert_eq!(emulator.tasks().len(), 1 + items.len());
}

#[tokio::test]
async fn first_reason_to_stop_is_reported() {
    let emulator = strict_emulator().start().await.unwrap();
    emulator.fail_next(Fault::CloseAfterProcessing);
    let mut bulk = client(&emulator).create_bulk_with(dump_template(), ids(2_000), one_by_one()).unwrap();
    assert!(bulk.next().await.unwrap().unwrap().result.is_err());
    bulk.stop();
    let (items, error) = drain(&mut bulk).await;
    assert!(items.is_empty() && error.unwrap().is_unknown());
}

#[tokio::test]
async fn stopped_run_tells_that_ids_which_it_read_were_not_attempted() {
    let emulator = strict_emulator().start().await.unwrap();
    let (sender, mut receiver) = mpsc::unbounded_channel();
    // These ids are few enough to be read at one poll.
    for id in ids(100) {
        sender.send(id).unwrap();
    }
    let slow = stream::poll_fn(move |context| receiver.poll_recv(context));
    let mut bulk = client(&emulator).create_bulk(dump_template(), FileIds::stream(slow)).unwrap();
    assert!(bulk.next().now_or_never().is_none());
    bulk.stop();
    // The source ends right after the stop, as a pipe does if the same Ctrl-C ends its writer.
    drop(sender);
    let (items, error) = drain(&mut bulk).await;
    let error = error.unwrap();
    assert!(items.is_empty() && error.is_stopped(), "{error}");
    assert_eq!(error.attempted(), 0..0);
}

#[tokio::test]
async fn dropped_run_leaves_what_was_begun_to_the_ledger() {
    let emulator = strict_emulator().start().await.unwrap();
    emulator.fail_next(Fault::Delay(Duration::from_millis(50)));
    let path = ledger("dropped");
    let policy = one_by_one().ledger(&path);
    let mut bulk = client(&emulator).create_bulk_with(dump_template(), ids(3_000), policy).unwrap();
    {
        let mut next = pin!(bulk.next());
        let arrived = until("the request has arrived", || emulator.request_count() == 1);
        let mut arrived = pin!(arrived);
        tokio::select! {
            item = &mut next => panic!("{item:?}"),
            () = &mut arrived => {}
        }
    }
    drop(bulk);
    until("the reply is written", || states(&path).len() == 3).await;
    assert_eq!(states(&path), ["run", "sending", "accepted"]);
    assert_eq!(emulator.request_count(), 1);
}

/// Whenever a run is dropped, its ledger has no chunk in the state `sending` that is never sent.
#[tokio::test]
async fn dropped_run_sends_every_chunk_that_its_ledger_has() {
    for moment in 0..30 {
        let emulator = strict_emulator().start().await.unwrap();
        let path = ledger(&format!("dropped-at-any-time-{moment}"));
        let policy = BulkPolicy::default().ledger(&path);
        let mut bulk = client(&emulator).create_bulk_with(dump_template(), ids(20_000), policy).unwrap();
        bulk.next().await.unwrap().unwrap();
        // The run is polled for some time, then no more.
        let _ = timeout(Duration::from_micros(moment * 300), async { while bulk.next().await.is_some() {} }).await;
        sleep(Duration::from_millis(20)).await;
        drop(bulk);
        sleep(Duration::from_millis(50)).await;
        let count = |state: &str| states(&path).iter().filter(|it| *it == state).count();
        until("all that was begun is sent", || count("sending") == count("accepted")).await;
        assert_eq!(emulator.tasks().len(), count("accepted"), "after {moment} x 300 us");
    }
}

/// Occupies the only blocking thread of a runtime, so that disk operations wait until `release`.
struct SlowDisk {
    release: std_mpsc::Sender<()>,
    begun: oneshot::Receiver<()>,
}

impl SlowDisk {
    /// Makes every later disk operation wait. Earlier ones are carried out first.
    fn hold() -> Self {
        let ((release, held), (mark, begun)) = (std_mpsc::channel(), oneshot::channel());
        spawn_blocking(move || {
            mark.send(()).unwrap_or_default();
            held.recv()
        });
        Self { release, begun }
    }

    /// Waits until all disk operations from before `hold` are done.
    async fn begun(&mut self) {
        (&mut self.begun).await.unwrap();
    }

    fn release(self) {
        self.release.send(()).unwrap();
    }
}

/// Runs a test on a runtime with a single blocking thread for disk operations.
fn on_a_slow_disk(test: impl Future<Output = ()>) {
    let runtime = runtime::Builder::new_current_thread().max_blocking_threads(1).enable_all().build();
    runtime.unwrap().block_on(test);
}

/// Waits for the state of a ledger's last line, and blocks the runtime's thread so that no tokio task runs meanwhile.
fn wait_for_state(path: &PathBuf, state: &str) {
    while states(path).last().is_none_or(|last| last != state) {
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn run_that_is_stopped_before_a_chunks_line_does_not_begin_it() {
    on_a_slow_disk(async {
        let emulator = strict_emulator().start().await.unwrap();
        let path = ledger("stopped-before-the-line");
        let policy = one_by_one().ledger(&path);
        let mut bulk = client(&emulator).create_bulk_with(dump_template(), ids(3_000), policy).unwrap();
        bulk.next().await.unwrap().unwrap();
        let look_up = SlowDisk::hold();
        assert!(bulk.next().now_or_never().is_none());
        let mut line = SlowDisk::hold();
        look_up.release();
        line.begun().await;
        let polled = timeout(Duration::from_millis(100), bulk.next()).await;
        assert!(polled.is_err(), "{polled:?}");
        bulk.stop();
        line.release();
        let (items, error) = drain(&mut bulk).await;
        assert!(items.is_empty());
        assert_eq!(error.unwrap().attempted(), 0..1_000);
        assert_eq!((states(&path).join(" "), emulator.request_count()), ("run sending accepted".to_owned(), 1));
    });
}

#[test]
fn run_that_is_stopped_after_a_chunks_line_notes_that_it_was_not_sent() {
    on_a_slow_disk(async {
        let emulator = strict_emulator().start().await.unwrap();
        let path = ledger("stopped-after-the-line");
        let policy = one_by_one().ledger(&path);
        let mut bulk = client(&emulator).create_bulk_with(dump_template(), ids(3_000), policy.clone()).unwrap();
        bulk.next().await.unwrap().unwrap();
        let look_up = SlowDisk::hold();
        assert!(bulk.next().now_or_never().is_none());
        let mut line = SlowDisk::hold();
        look_up.release();
        line.begun().await;
        let polled = timeout(Duration::from_millis(100), bulk.next()).await;
        assert!(polled.is_err(), "{polled:?}");
        line.release();
        wait_for_state(&path, "sending");
        bulk.stop();
        let (items, error) = drain(&mut bulk).await;
        assert!(items.is_empty());
        assert_eq!(error.unwrap().attempted(), 0..1_000);
        drop(bulk);
        let expected = ["run", "sending", "accepted", "sending", "notSent"];
        assert_eq!((states(&path), emulator.request_count()), (expected.map(str::to_owned).to_vec(), 1));
        // A resumed run sends the chunk.
        let mut resumed = client(&emulator).create_bulk_with(dump_template(), ids(3_000), policy).unwrap();
        let (items, error) = drain(&mut resumed).await;
        assert!(error.is_none() && items.iter().all(|item| item.result.is_ok()), "{items:?}");
        assert_eq!(emulator.tasks().len(), 3);
    });
}

#[test]
fn unknown_outcome_stops_a_chunk_whose_line_is_being_written() {
    on_a_slow_disk(async {
        let emulator = strict_emulator().start().await.unwrap();
        emulator.fail_next(Fault::CloseAfterProcessing);
        let path = ledger("unknown-before-the-line");
        let policy = BulkPolicy::default().concurrency(2).ledger(&path);
        let (open, gate) = oneshot::channel();
        let mut first = ids(3_000);
        let further = first.split_off(1_000);
        let further = stream::once(async move { gate.await.map(|()| stream::iter(further)).unwrap() }).flatten();
        let slow = FileIds::stream(stream::iter(first).chain(further));
        let mut bulk = client(&emulator).create_bulk_with(dump_template(), slow, policy).unwrap();
        // Once the request of the first chunk is in flight, the second chunk is looked up, and its line has to wait.
        let (mut open, mut disk) = (Some(open), None);
        while emulator.request_count() == 0 {
            assert!(bulk.next().now_or_never().is_none());
            yield_now().await;
            if disk.is_none() && path.exists() && states(&path).len() == 2 {
                open.take().unwrap().send(()).unwrap();
                let look_up = SlowDisk::hold();
                assert!(bulk.next().now_or_never().is_none());
                disk = Some(SlowDisk::hold());
                look_up.release();
            }
        }
        let polled = timeout(Duration::from_millis(100), bulk.next()).await;
        assert!(polled.is_err(), "the line of its outcome waits for the disk: {polled:?}");
        disk.unwrap().release();
        let (items, error) = drain(&mut bulk).await;
        assert_eq!((items.len(), emulator.request_count()), (1, 1));
        assert!(error.unwrap().is_unknown());
        assert_eq!(states(&path), ["run", "sending", "unknown"]);
    });
}

#[tokio::test]
async fn begun_chunks_continue_while_an_item_is_processed_and_no_other_begins() {
    let emulator = strict_emulator().start().await.unwrap();
    let mut bulk = client(&emulator).create_bulk(dump_template(), ids(20_000)).unwrap();
    for seen in 1..4 {
        bulk.next().await.unwrap().unwrap();
        // Four chunks are sent at a time: this one and three more.
        until("the others are done", || emulator.tasks().len() as u64 == seen + 3).await;
        sleep(Duration::from_millis(20)).await;
        assert_eq!(emulator.request_count(), seen + 3);
    }
}

#[tokio::test]
async fn next_that_is_dropped_loses_no_item() {
    let emulator = strict_emulator().start().await.unwrap();
    let path = ledger("dropped-next");
    let policy = BulkPolicy::default().ledger(&path);
    let mut bulk = client(&emulator).create_bulk_with(dump_template(), ids(20_000), policy).unwrap();
    let mut starts = Vec::new();
    for micros in (0..).map(|n| n * 37 % 1_000) {
        match timeout(Duration::from_micros(micros), bulk.next()).await {
            Ok(Some(item)) => starts.push(item.unwrap().range.start),
            Ok(None) => break,
            Err(_) => {}
        }
    }
    assert!(starts.into_iter().eq((0..20_000).step_by(1_000)));
    assert_eq!(emulator.tasks().len(), 20);
}

#[tokio::test]
async fn request_whose_runtime_is_shut_down_says_so() {
    let emulator = strict_emulator().start().await.unwrap();
    emulator.fail_next(FOREVER);
    let mut bulk = client(&emulator).create_bulk(dump_template(), ids(1_000)).unwrap();
    let other = runtime::Builder::new_multi_thread().enable_all().worker_threads(1).build().unwrap();
    let polled = other.spawn(async move {
        assert!(bulk.next().now_or_never().is_none());
        bulk
    });
    let mut bulk = polled.await.unwrap();
    until("the request has arrived", || emulator.request_count() == 1).await;
    other.shutdown_background();
    let error = bulk.next().await.unwrap().unwrap().result.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Unknown);
    assert_eq!(error.source().unwrap().to_string(), "the runtime was shut down");
}

/// The runtime is shut down once the first chunk is begun, and before its line is written.
#[tokio::test]
async fn a_run_whose_runtime_is_shut_down_leaves_no_gap_in_its_ledger() {
    let emulator = strict_emulator().start().await.unwrap();
    let path = ledger("shut-down");
    let policy = BulkPolicy::default().after_unknown(AfterUnknown::Continue).ledger(&path);
    let (taken, is_taken) = std_mpsc::channel();
    let given = ids(3_000).into_iter().inspect(move |_| taken.send(()).unwrap_or_default());
    let mut bulk = client(&emulator).create_bulk_with(dump_template(), given, policy.clone()).unwrap();
    let begun = spawn_blocking(move || {
        let other = runtime::Builder::new_current_thread().enable_all().max_blocking_threads(1).build().unwrap();
        let mut poll = || assert!(other.block_on(async { bulk.next().now_or_never() }).is_none());
        while is_taken.try_recv().is_err() {
            poll();
        }
        // The runtime's only blocking thread runs this once it has looked up the chunk in the ledger.
        let (looked_up, is_looked_up) = std_mpsc::channel();
        other.spawn_blocking(move || looked_up.send(()));
        is_looked_up.recv().unwrap();
        poll();
        other.shutdown_background();
        bulk
    });
    let (items, error) = drain(&mut begun.await.unwrap()).await;
    assert!(items.is_empty() && error.as_ref().is_some_and(BulkError::is_ledger), "{items:?} {error:?}");
    assert!(emulator.tasks().is_empty());
    assert_eq!(Ledger::read(&path).unwrap().chunks().count(), 0);
    complete(client(&emulator).create_bulk_with(dump_template(), ids(3_000), policy).unwrap()).await;
    assert_eq!(emulator.tasks().len(), 3);
}
