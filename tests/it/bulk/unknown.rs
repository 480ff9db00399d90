//! An unknown outcome stops a run; no other failure of a chunk does.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::{FutureExt, StreamExt, stream};
use koodrive_share::{AccessToken, AfterUnknown, BulkPolicy, Credentials, FileIds, Outcome};
use koodrive_share_emulator::{Answer, Emulator, Fault};
use tokio::{runtime, sync::mpsc, task::yield_now, time::timeout};

use crate::support::{
    bulk::{ids, ledger, states},
    bulk_run::{FOREVER, FUTILE, complete, drain, one_by_one, outcomes},
    fixtures::{builder, client, dump_template, strict_emulator},
};

#[tokio::test]
async fn unknown_outcome_stops_the_run_which_says_what_was_not_attempted() {
    let emulator = strict_emulator().start().await.unwrap();
    emulator.fail_next(Fault::Delay(Duration::ZERO));
    emulator.fail_next(Fault::CloseAfterProcessing);
    let policy = one_by_one();
    let mut bulk = client(&emulator).create_bulk_with(dump_template(), ids(9_999), policy).unwrap();
    let (items, error) = drain(&mut bulk).await;
    assert_eq!(outcomes(&items), [None, Some(Outcome::Unknown)]);
    assert_eq!(emulator.request_count(), 2, "nothing after the unknown one");
    let error = error.unwrap();
    assert!(error.is_unknown());
    assert_eq!(error.attempted(), 0..2_000);
    let said = "an outcome is unknown, so no further request was sent: \
                of the file ids, 0..2000 were attempted, the rest was not";
    assert_eq!(error.to_string(), said);
    let report = bulk.report();
    assert_eq!((report.created, report.unknown), (1, 1));
    assert_eq!(report.attempted, 0..2_000);
}

#[tokio::test]
async fn unknown_outcome_of_the_last_chunk_leaves_nothing_unattempted() {
    let emulator = strict_emulator().start().await.unwrap();
    emulator.fail_next(Fault::CloseAfterProcessing);
    let path = ledger("unknown-last");
    let policy = one_by_one().ledger(&path);
    let bulk = client(&emulator).create_bulk_with(dump_template(), ids(1_000), policy);
    let items = complete(bulk.unwrap()).await;
    assert_eq!(outcomes(&items), [Some(Outcome::Unknown)]);
    assert_eq!(states(&path), ["run", "sending", "unknown", "end"]);
}

#[tokio::test]
async fn panic_of_a_token_provider_sends_nothing_and_is_no_unknown_outcome() {
    let emulator = strict_emulator().start().await.unwrap();
    let asked = AtomicUsize::new(0);
    let credentials = Credentials::provider(move || {
        let is_first = asked.fetch_add(1, Ordering::SeqCst) == 0;
        async move {
            assert!(!is_first, "the provider's own");
            Ok(AccessToken::new(Emulator::DEFAULT_TOKEN))
        }
    });
    let client = builder(&emulator).credentials(credentials).build().unwrap();
    let path = ledger("panic");
    let policy = one_by_one().ledger(&path);
    let bulk = || client.create_bulk_with(dump_template(), ids(2_000), policy.clone()).unwrap();
    let (items, error) = drain(&mut bulk()).await;
    assert_eq!(outcomes(&items), [Some(Outcome::NotSent)]);
    assert!(error.unwrap().to_string().starts_with(FUTILE), "a provider that fails ends the run");
    assert_eq!(outcomes(&complete(bulk()).await), [None, None]);
    assert_eq!(states(&path)[..4], ["run", "sending", "notSent", "sending"]);
}

#[test]
fn requests_that_a_runtime_cancels_stop_the_run_on_any_other_runtime() {
    let runtime = || runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (first, second) = (runtime(), runtime());
    let emulator = second.block_on(strict_emulator().start()).unwrap();
    emulator.fail_next(FOREVER);
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let read = Arc::new(AtomicUsize::new(0));
    let counted = read.clone();
    let slow = stream::poll_fn(move |context| receiver.poll_recv(context));
    let slow = FileIds::stream(slow.inspect(move |_| _ = counted.fetch_add(1, Ordering::SeqCst)));
    let policy = BulkPolicy::default().concurrency(2);
    let mut bulk = client(&emulator).create_bulk_with(dump_template(), slow, policy).unwrap();
    let ids = ids(2_000);
    ids[..1_000].iter().for_each(|id| sender.send(id.clone()).unwrap());
    first.block_on(async {
        while read.load(Ordering::SeqCst) < 1_000 {
            assert!(bulk.next().now_or_never().is_none());
            yield_now().await;
        }
        let polled = timeout(Duration::from_millis(50), bulk.next()).await;
        assert!(polled.is_err(), "{polled:?}");
    });
    drop(first);
    ids[1_000..].iter().for_each(|id| sender.send(id.clone()).unwrap());
    let (items, error) = second.block_on(drain(&mut bulk));
    assert_eq!(outcomes(&items), [Some(Outcome::Unknown)]);
    let error = error.unwrap();
    assert!(error.is_unknown(), "{error}");
    assert_eq!(error.attempted(), 0..1_000);
    assert_eq!(emulator.tasks().len(), 0);
}

#[tokio::test]
async fn run_continues_after_unknown_when_told_so() {
    let emulator = strict_emulator().start().await.unwrap();
    emulator.fail_next(Fault::CloseAfterProcessing);
    let policy = one_by_one().after_unknown(AfterUnknown::Continue);
    let bulk = client(&emulator).create_bulk_with(dump_template(), ids(3_000), policy);
    let items = complete(bulk.unwrap()).await;
    assert_eq!(outcomes(&items), [Some(Outcome::Unknown), None, None]);
}

#[tokio::test]
async fn rejected_and_unsendable_chunks_do_not_stop_the_run() {
    let emulator = strict_emulator().start().await.unwrap();
    let full = Answer::service(400, "13000311", "not enough space");
    emulator.fail_next(Fault::Reply(full));
    let mut ids = ids(3_000);
    ids[1_005].clear();
    let policy = one_by_one();
    let mut bulk = client(&emulator).create_bulk_with(dump_template(), ids, policy).unwrap();
    let (items, error) = drain(&mut bulk).await;
    assert!(error.is_none());
    let expected = [Some(Outcome::Rejected), Some(Outcome::NotSent), None];
    assert_eq!(outcomes(&items), expected);
    let broken = items[1].result.as_ref().unwrap_err().validation_error().unwrap();
    assert_eq!(broken.violations()[0].path, "$.fileIds[5]");
    let said = "ids 0..3000: 1 created, 0 created earlier, 1 rejected, 1 not sent, 0 unknown";
    assert_eq!(bulk.report().to_string(), said);
}
