//! Bulk creation, on the emulator.

use std::{
    fs,
    io::Write as _,
    path::PathBuf,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::{FutureExt, StreamExt, stream};
use koodrive_share::{
    AfterUnknown, Bulk, BulkError, BulkItem, BulkPolicy, BulkPolicyBuilder, Client, Credentials, FileIds, Outcome,
    ShareTask, ShareTaskBuilder, TargetDirectory, TraceId, Violation,
};
use koodrive_share_emulator::{Answer, EmulatedTask, Emulator, Fault};
use serde_json::{Value, json};
use tokio::{sync::mpsc, time::timeout};

use crate::support::bulk::{ids, ledger, lines, states, tasks_of, until};

const KDSTOKEN: &str = "kds-4b1d5c0ffee";
const FOREVER: Fault = Fault::Delay(Duration::from_secs(3_600));

fn client(emulator: &Emulator) -> Client {
    client_of(emulator, "1505084218764547200")
}

fn client_of(emulator: &Emulator, user_id: &str) -> Client {
    let client = Client::builder()
        .endpoint(emulator.endpoint())
        .credentials(Credentials::bearer(Emulator::DEFAULT_TOKEN))
        .user_id(user_id)
        .agent_name("carrier");
    client.build().unwrap()
}

fn dump() -> ShareTaskBuilder {
    let target = TargetDirectory::root("my-space");
    ShareTask::dump(target).share_id("share").container_id("space").kdstoken(KDSTOKEN)
}

fn package() -> ShareTaskBuilder {
    ShareTask::package_download("photos.zip").share_id("share").container_id("space")
}

fn one_by_one() -> BulkPolicyBuilder {
    BulkPolicy::builder().concurrency(1)
}

/// Takes the last lines off a ledger, as if the run had died before they were written.
fn forget(path: &PathBuf, count: usize) {
    let text = fs::read_to_string(path).unwrap();
    let kept = text.lines().count() - count;
    let kept: String = text.split_inclusive('\n').take(kept).collect();
    fs::write(path, kept).unwrap();
}

/// Writes to a ledger as another run does.
fn append(path: &PathBuf, line: &str) {
    let mut other = fs::OpenOptions::new().append(true).open(path).unwrap();
    other.write_all(line.as_bytes()).unwrap();
}

/// All items, and the error that ended them.
async fn drain(bulk: &mut Bulk<'_>) -> (Vec<BulkItem>, Option<BulkError>) {
    let mut items = Vec::new();
    loop {
        let next = timeout(Duration::from_secs(30), bulk.next()).await;
        match next.expect("a run that neither goes on nor ends") {
            Some(Ok(item)) => items.push(item),
            Some(Err(error)) => {
                assert!(bulk.next().await.is_none(), "nothing comes after an error");
                return (items, Some(error));
            }
            None => return (items, None),
        }
    }
}

/// All items of a run that is complete.
async fn complete(mut bulk: Bulk<'_>) -> Vec<BulkItem> {
    let (items, error) = drain(&mut bulk).await;
    assert!(error.is_none(), "{error:?}");
    items
}

fn outcomes(items: &[BulkItem]) -> Vec<Option<Outcome>> {
    let outcome = |item: &BulkItem| item.result().err().map(koodrive_share::Error::outcome);
    items.iter().map(outcome).collect()
}

/// The tasks that were made of exactly these ids.
#[tokio::test]
async fn items_come_in_the_order_of_the_ids_with_one_task_each() {
    let emulator = Emulator::start().await.unwrap();
    // One of the first requests is slower than all others.
    emulator.fail_next(Fault::Delay(Duration::from_millis(200)));
    // Shorter and longer ones, so that none is left of an earlier chunk in the same memory.
    let ids: Vec<_> = (0..5_500).map(|n| format!("F{:1$}", n, n % 7)).collect();
    let bulk = client(&emulator).create_bulk(dump(), ids.iter().map(String::as_str));
    let items = complete(bulk.unwrap()).await;
    let tasks = emulator.tasks();
    assert_eq!((items.len(), tasks.len()), (6, 6), "5,500 ids, 1,000 each");
    for (item, (n, chunk)) in items.iter().zip(ids.chunks(1_000).enumerate()) {
        let start = n as u64 * 1_000;
        assert_eq!(item.index(), n as u64);
        assert_eq!(item.range(), start..start + chunk.len() as u64);
        let of_chunk = tasks_of(&tasks, chunk);
        assert_eq!(of_chunk.len(), 1);
        let handle = item.result().unwrap();
        assert_eq!(handle.task_id(), of_chunk[0].task_id());
        assert_eq!(of_chunk[0].trace_id(), Some(item.trace_id().as_str()));
        assert_eq!(handle.trace_id(), item.trace_id());
    }
}

#[tokio::test]
async fn ids_are_read_no_further_than_the_concurrency() {
    let emulator = Emulator::start().await.unwrap();
    for _ in 0..8 {
        emulator.fail_next(FOREVER);
    }
    for (policy, chunks) in [(BulkPolicy::default(), 4), (BulkPolicy::builder().concurrency(2).build().unwrap(), 2)] {
        let before = emulator.request_count();
        let read = Arc::new(AtomicUsize::new(0));
        let counted = ids(20_000);
        let counted = counted.into_iter().inspect(|_| {
            read.fetch_add(1, Ordering::Relaxed);
        });
        let mut bulk = client(&emulator).create_bulk_with(dump(), counted, policy).unwrap();
        assert_eq!(read.load(Ordering::Relaxed), 0, "nothing before the poll");
        let mut next = pin!(bulk.next());
        let arrived = until("the chunks have arrived", || emulator.request_count() == before + chunks);
        let mut arrived = pin!(arrived);
        tokio::select! {
            item = &mut next => panic!("{item:?}"),
            () = &mut arrived => {}
        }
        assert!(next.as_mut().now_or_never().is_none());
        let read = read.load(Ordering::Relaxed) as u64;
        assert_eq!(read, chunks * 1_000);
    }
}

#[tokio::test]
async fn begun_chunks_are_sent_without_the_stream_being_polled() {
    let emulator = Emulator::start().await.unwrap();
    let ids = ids(4_000);
    let mut bulk = client(&emulator).create_bulk(dump(), ids).unwrap();
    assert!(bulk.next().now_or_never().is_none());
    until("4 tasks", || emulator.tasks().len() == 4).await;
}

#[tokio::test]
async fn unknown_outcome_stops_the_run_which_says_what_was_not_attempted() {
    let emulator = Emulator::start().await.unwrap();
    emulator.fail_next(Fault::Delay(Duration::ZERO));
    emulator.fail_next(Fault::CloseAfterProcessing);
    let policy = one_by_one().build().unwrap();
    let mut bulk = client(&emulator).create_bulk_with(dump(), ids(9_999), policy).unwrap();
    let (items, error) = drain(&mut bulk).await;
    assert_eq!(outcomes(&items), [None, Some(Outcome::Unknown)]);
    assert_eq!(emulator.request_count(), 2, "nothing after the unknown one");
    let error = error.unwrap();
    assert!(error.is_unknown());
    assert_eq!(error.attempted(), 0..2_000);
    let said = "an outcome is unknown, so nothing more was begun: \
                of the file ids, 0..2000 were attempted, the rest was not";
    assert_eq!(error.to_string(), said);
    let report = bulk.report();
    assert_eq!((report.created(), report.unknown()), (1, 1));
    assert_eq!(report.attempted(), 0..2_000);
}

#[tokio::test]
async fn unknown_outcome_of_the_last_chunk_leaves_nothing_unattempted() {
    let emulator = Emulator::start().await.unwrap();
    emulator.fail_next(Fault::CloseAfterProcessing);
    let policy = one_by_one().build().unwrap();
    let bulk = client(&emulator).create_bulk_with(dump(), ids(1_000), policy);
    let items = complete(bulk.unwrap()).await;
    assert_eq!(outcomes(&items), [Some(Outcome::Unknown)]);
}

#[tokio::test]
async fn run_continues_after_unknown_when_told_so() {
    let emulator = Emulator::start().await.unwrap();
    emulator.fail_next(Fault::CloseAfterProcessing);
    let policy = one_by_one().after_unknown(AfterUnknown::Continue);
    let policy = policy.build().unwrap();
    let bulk = client(&emulator).create_bulk_with(dump(), ids(3_000), policy);
    let items = complete(bulk.unwrap()).await;
    assert_eq!(outcomes(&items), [Some(Outcome::Unknown), None, None]);
}

#[tokio::test]
async fn rejected_and_unsendable_chunks_do_not_stop_the_run() {
    let emulator = Emulator::start().await.unwrap();
    let full = Answer::service(400, "13000311", "not enough space");
    emulator.fail_next(Fault::Reply(full));
    let mut ids = ids(3_000);
    ids[1_005].clear();
    let policy = one_by_one().build().unwrap();
    let mut bulk = client(&emulator).create_bulk_with(dump(), ids, policy).unwrap();
    let (items, error) = drain(&mut bulk).await;
    assert!(error.is_none());
    let expected = [Some(Outcome::Rejected), Some(Outcome::NotSent), None];
    assert_eq!(outcomes(&items), expected);
    let broken = items[1].result().unwrap_err().validation_error().unwrap();
    assert_eq!(broken.violations()[0].path(), "$.fileIds[5]");
    let said = "ids 0..3000: 1 created, 0 created earlier, 1 rejected, 1 not sent, 0 unknown";
    assert_eq!(bulk.report().to_string(), said);
}

#[tokio::test]
async fn package_is_split_only_with_consent() {
    let emulator = Emulator::start().await.unwrap();
    let client = client(&emulator);
    let mut bulk = client.create_bulk(package(), ids(1_001)).unwrap();
    let (items, error) = drain(&mut bulk).await;
    let error = error.unwrap();
    let broken = error.validation_error().unwrap();
    assert_eq!(broken.violations()[0].rule(), "split-consent");
    assert_eq!((items.len(), emulator.request_count()), (0, 0));

    let bulk = client.create_bulk(package(), ids(1_000)).unwrap();
    let items = complete(bulk).await;
    assert_eq!(items[0].zip_name(), Some("photos.zip"));

    let policy = BulkPolicy::builder().split_packages(true).build().unwrap();
    let bulk = client.create_bulk_with(package(), ids(2_001), policy);
    let items = complete(bulk.unwrap()).await;
    let tasks = emulator.tasks();
    for (item, name) in items.iter().zip(["photos-0001.zip", "photos-0002.zip", "photos-0003.zip"]) {
        assert_eq!(item.zip_name(), Some(name));
        let id = item.result().unwrap().task_id();
        let task = tasks.iter().find(|task| task.task_id() == id).unwrap();
        assert_eq!(task.body().unwrap()["zipName"], name);
    }
    assert_eq!(items.len(), 3);
}

#[tokio::test]
async fn template_reports_every_broken_rule_before_anything_is_read() {
    let emulator = Emulator::start().await.unwrap();
    let template = ShareTask::package_download("").container_id("space").file_ids(["F1"]).trace_id(TraceId::random());
    let unread = std::iter::from_fn(|| -> Option<String> { panic!("an id was read") });
    let error = client(&emulator).create_bulk(template, unread).unwrap_err();
    let paths: Vec<&str> = error.violations().iter().map(Violation::path).collect();
    assert_eq!(paths, ["$.shareId", "$.zipName", "$.fileIds", "X-Traceid"]);
}

#[test]
fn policy_reports_every_broken_rule() {
    for concurrency in [0, 101] {
        let policy = BulkPolicy::builder().concurrency(concurrency).resend_unknown(true);
        let error = policy.build().unwrap_err();
        let rules: Vec<&str> = error.violations().iter().map(Violation::rule).collect();
        assert_eq!(rules, ["concurrency", "ledger-required"]);
    }
    BulkPolicy::builder().concurrency(100).build().unwrap();
}

#[tokio::test]
async fn no_ids_at_all_are_an_error() {
    let emulator = Emulator::start().await.unwrap();
    let path = ledger("no_ids");
    let policy = BulkPolicy::builder().ledger(&path).build().unwrap();
    let bulk = client(&emulator).create_bulk_with(dump(), ids(0), policy);
    let (items, error) = drain(&mut bulk.unwrap()).await;
    let error = error.unwrap();
    let broken = error.validation_error().unwrap();
    assert_eq!(broken.violations()[0].rule(), "file-ids-count");
    assert_eq!((items.len(), states(&path)), (0, vec!["run".to_owned()]));
}

#[tokio::test]
async fn unreadable_ids_end_the_run_without_sending_half_a_chunk() {
    let emulator = Emulator::start().await.unwrap();
    let readable = ids(1_500).into_iter().map(Ok);
    let failing = readable.chain([Err("the pipe broke")]);
    let file_ids = FileIds::try_stream(stream::iter(failing));
    let mut bulk = client(&emulator).create_bulk(dump(), file_ids).unwrap();
    let (items, error) = drain(&mut bulk).await;
    assert_eq!(outcomes(&items), [None]);
    let error = error.unwrap();
    assert!(error.is_input());
    assert_eq!(error.attempted(), 0..1_000);
    let source = std::error::Error::source(&error).unwrap();
    assert_eq!(source.to_string(), "the pipe broke");
    assert_eq!(emulator.tasks().len(), 1);
}

#[tokio::test]
async fn stopped_run_finishes_what_was_begun_and_does_not_wait_for_ids() {
    let emulator = Emulator::start().await.unwrap();
    let slow = stream::iter(ids(2_000)).chain(stream::pending());
    let mut bulk = client(&emulator).create_bulk(dump(), FileIds::stream(slow)).unwrap();
    let first = bulk.next().await.unwrap().unwrap();
    bulk.stop();
    let (items, error) = drain(&mut bulk).await;
    let error = error.unwrap();
    assert!(first.result().is_ok() && error.is_stopped());
    assert_eq!(error.attempted(), 0..1_000 + items.len() as u64 * 1_000);
    assert_eq!(emulator.tasks().len(), 1 + items.len());
}

#[tokio::test]
async fn stopped_run_tells_that_ids_which_it_read_were_not_attempted() {
    let emulator = Emulator::start().await.unwrap();
    let (sender, mut receiver) = mpsc::unbounded_channel();
    // Few enough to be read at one poll.
    for id in ids(100) {
        sender.send(id).unwrap();
    }
    let slow = stream::poll_fn(move |context| receiver.poll_recv(context));
    let mut bulk = client(&emulator).create_bulk(dump(), FileIds::stream(slow)).unwrap();
    assert!(bulk.next().now_or_never().is_none());
    bulk.stop();
    // The source ends right after, as that of a pipe does which the same Ctrl-C ends.
    drop(sender);
    let (items, error) = drain(&mut bulk).await;
    let error = error.unwrap();
    assert!(items.is_empty() && error.is_stopped(), "{error}");
    assert_eq!(error.attempted(), 0..0);
}

#[tokio::test]
async fn dropped_run_leaves_what_was_begun_to_the_ledger() {
    let emulator = Emulator::start().await.unwrap();
    emulator.fail_next(Fault::Delay(Duration::from_millis(50)));
    let path = ledger("dropped");
    let policy = one_by_one().ledger(&path).build().unwrap();
    let mut bulk = client(&emulator).create_bulk_with(dump(), ids(3_000), policy).unwrap();
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

#[tokio::test]
async fn chunk_is_in_the_ledger_before_its_request_arrives() {
    let emulator = Emulator::start().await.unwrap();
    emulator.fail_next(FOREVER);
    let path = ledger("before");
    let policy = one_by_one().ledger(&path).build().unwrap();
    let mut bulk = client(&emulator).create_bulk_with(dump(), ids(1_000), policy).unwrap();
    let mut next = pin!(bulk.next());
    let arrived = until("the request has arrived", || emulator.request_count() == 1);
    let mut arrived = pin!(arrived);
    tokio::select! {
        item = &mut next => panic!("{item:?}"),
        () = &mut arrived => {}
    }
    let lines = lines(&path);
    assert_eq!(states(&path), ["run", "sending"]);
    let sent = emulator.requests()[0].header("X-Traceid").map(str::to_owned);
    let chunk = &lines[1]["chunk"];
    assert_eq!(chunk["traceId"].as_str(), sent.as_deref());
    assert_eq!((&chunk["start"], &chunk["end"]), (&json!(0), &json!(1_000)));
    let fields: Vec<&str> = lines[0]["run"].as_object().unwrap().keys().map(String::as_str).collect();
    let expected =
        ["chunkSize", "containerId", "endpoint", "shareId", "split", "targetFileId", "taskType", "userId", "version"];
    assert_eq!(fields, expected);
}

#[tokio::test]
async fn ledger_holds_no_secret_and_no_file_id() {
    let emulator = Emulator::start().await.unwrap();
    // The service echoes what it must not, in an error that the ledger keeps.
    let echo = format!("denied: {} {KDSTOKEN}", Emulator::DEFAULT_TOKEN);
    emulator.fail_next(Fault::Reply(Answer::service(400, "13000410", &echo)));
    let path = ledger("secrets");
    let policy = one_by_one().ledger(&path).build().unwrap();
    let bulk = client(&emulator).create_bulk_with(dump(), ids(2_000), policy);
    complete(bulk.unwrap()).await;
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains("denied: *** ***"), "{text}");
    for secret in [Emulator::DEFAULT_TOKEN, KDSTOKEN, "F000000", "F001999"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

#[tokio::test]
async fn complete_run_sends_nothing_again_and_gives_its_handles() {
    let emulator = Emulator::builder().share_access(KDSTOKEN).start().await.unwrap();
    let client = client(&emulator);
    let path = ledger("complete");
    let policy = BulkPolicy::builder().ledger(&path).build().unwrap();
    let bulk = client.create_bulk_with(dump(), ids(2_500), policy.clone());
    let first = complete(bulk.unwrap()).await;
    let written = fs::read(&path).unwrap();
    // Not always the last line: it may come before the last replies.
    assert!(states(&path).iter().any(|state| state == "end"));

    let mut bulk = client.create_bulk_with(dump(), ids(2_500), policy).unwrap();
    let (again, error) = drain(&mut bulk).await;
    assert!(error.is_none());
    assert_eq!((emulator.request_count(), bulk.report().created_earlier()), (3, 3));
    for (first, again) in first.iter().zip(&again) {
        assert!(again.is_from_ledger() && !first.is_from_ledger());
        assert_eq!(again.range(), first.range());
        assert_eq!(again.trace_id(), first.trace_id());
        let handle = again.result().unwrap();
        assert_eq!(handle.task_id(), first.result().unwrap().task_id());
        // The emulator asks for the kdstoken, which is not in the ledger.
        client.status(handle).await.unwrap();
    }
    assert_eq!(fs::read(&path).unwrap(), written);
}

/// A ledger of 3,000 ids whose second chunk was sent and never answered, and whose third was never sent.
async fn died(emulator: &Emulator, path: &PathBuf) -> String {
    let policy = one_by_one().ledger(path).build().unwrap();
    let mut bulk = client(emulator).create_bulk_with(dump(), ids(3_000), policy).unwrap();
    bulk.next().await.unwrap().unwrap();
    bulk.next().await.unwrap().unwrap();
    drop(bulk);
    forget(path, 1);
    assert_eq!(states(path), ["run", "sending", "accepted", "sending"]);
    lines(path)[3]["chunk"]["traceId"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn unanswered_chunk_is_reported_unknown_and_the_rest_is_sent() {
    let emulator = Emulator::start().await.unwrap();
    let path = ledger("unanswered");
    let suspect = died(&emulator, &path).await;
    let policy = one_by_one().ledger(&path).build().unwrap();
    let bulk = client(&emulator).create_bulk_with(dump(), ids(3_000), policy);
    let items = complete(bulk.unwrap()).await;
    assert_eq!(outcomes(&items), [None, Some(Outcome::Unknown), None]);
    let from_ledger: Vec<bool> = items.iter().map(BulkItem::is_from_ledger).collect();
    assert_eq!(from_ledger, [true, true, false]);
    assert_eq!(items[1].trace_id().as_str(), suspect);
    let error = items[1].result().unwrap_err();
    assert_eq!(error.trace_id().as_str(), suspect);
    let said = "an earlier run may have sent it, and its outcome is unknown; it may have been";
    assert!(error.to_string().starts_with(said), "{error}");
    for chunk in ids(3_000).chunks(1_000) {
        assert_eq!(tasks_of(&emulator.tasks(), chunk).len(), 1);
    }
}

#[tokio::test]
async fn unknown_chunk_is_resent_only_with_consent_and_stays_unknown_until_accepted() {
    let emulator = Emulator::start().await.unwrap();
    let path = ledger("consent");
    let suspect = died(&emulator, &path).await;
    let run = async |policy: BulkPolicyBuilder| {
        let policy = policy.ledger(&path).build().unwrap();
        let bulk = client(&emulator).create_bulk_with(dump(), ids(3_000), policy);
        complete(bulk.unwrap()).await
    };
    // The resent request is refused, which settles nothing about the first one.
    let full = Answer::service(400, "13000311", "not enough space");
    emulator.fail_next(Fault::Reply(full));
    let items = run(one_by_one().resend_unknown(true)).await;
    assert_eq!(outcomes(&items), [None, Some(Outcome::Unknown), None]);
    let said = items[1].result().unwrap_err().to_string();
    assert!(said.contains("not enough space") && said.contains(&suspect), "{said}");
    let refused = lines(&path).into_iter().find(|line| line["chunk"]["state"].get("rejected").is_some()).unwrap();
    assert_eq!(refused["chunk"]["unknownBefore"], json!([suspect]));

    let before = emulator.request_count();
    let items = run(one_by_one()).await;
    assert_eq!(outcomes(&items), [None, Some(Outcome::Unknown), None]);
    assert_eq!(items[1].trace_id().as_str(), suspect);
    assert_eq!(emulator.request_count(), before);

    let items = run(one_by_one().resend_unknown(true)).await;
    assert_eq!(outcomes(&items), [None, None, None]);
    assert_eq!(emulator.request_count(), before + 1);
    let items = run(one_by_one().resend_unknown(true)).await;
    assert!(items.iter().all(BulkItem::is_from_ledger));
    assert_eq!(emulator.request_count(), before + 1);
}

#[tokio::test]
async fn unknown_outcome_is_told_again_with_what_was_seen() {
    let emulator = Emulator::start().await.unwrap();
    let bad_gateway = Answer::gateway(502, "APIGW.0201", "bad gateway");
    emulator.fail_next(Fault::ReplyAfterProcessing(bad_gateway));
    let path = ledger("told_again");
    let policy = one_by_one().ledger(&path).build().unwrap();
    for _ in 0..2 {
        let bulk = client(&emulator).create_bulk_with(dump(), ids(500), policy.clone());
        let items = complete(bulk.unwrap()).await;
        let error = items[0].result().unwrap_err();
        assert_eq!(error.outcome(), Outcome::Unknown);
        assert!(error.to_string().contains("status 502"), "{error}");
    }
    assert_eq!(emulator.request_count(), 1);
}

#[tokio::test]
async fn rejected_chunks_are_sent_again_by_a_resumed_run() {
    let emulator = Emulator::start().await.unwrap();
    let full = Answer::service(400, "13000311", "not enough space");
    emulator.fail_next(Fault::Reply(full));
    let path = ledger("rejected");
    let policy = one_by_one().ledger(&path).build().unwrap();
    for expected in [[Some(Outcome::Rejected), None], [None, None]] {
        let bulk = client(&emulator).create_bulk_with(dump(), ids(2_000), policy.clone());
        let items = complete(bulk.unwrap()).await;
        assert_eq!(outcomes(&items), expected);
    }
    // Two by the first run, the refused one again by the second.
    assert_eq!(emulator.request_count(), 3);
}

#[tokio::test]
async fn resumed_run_numbers_its_packages_as_the_first_one_did() {
    let emulator = Emulator::start().await.unwrap();
    let full = Answer::service(400, "13000311", "not enough space");
    emulator.fail_next(Fault::Delay(Duration::ZERO));
    emulator.fail_next(Fault::Reply(full));
    let path = ledger("numbers");
    let policy = one_by_one().ledger(&path).split_packages(true);
    let policy = policy.build().unwrap();
    for _ in 0..2 {
        let bulk = client(&emulator).create_bulk_with(package(), ids(2_500), policy.clone());
        let items = complete(bulk.unwrap()).await;
        let names: Vec<Option<&str>> = items.iter().map(BulkItem::zip_name).collect();
        let expected = ["photos-0001.zip", "photos-0002.zip", "photos-0003.zip"];
        assert_eq!(names, expected.map(Some));
    }
    let tasks = emulator.tasks();
    let body = |task: &EmulatedTask| task.body().unwrap()["zipName"].clone();
    let names: Vec<Value> = tasks.iter().map(body).collect();
    assert_eq!(names, ["photos-0001.zip", "photos-0003.zip", "photos-0002.zip"]);
}

#[tokio::test]
async fn other_ids_are_refused_before_any_of_them_is_sent() {
    let emulator = Emulator::start().await.unwrap();
    let path = ledger("other_ids");
    let policy = one_by_one().ledger(&path).build().unwrap();
    let client = client(&emulator);
    let bulk = client.create_bulk_with(dump(), ids(2_500), policy.clone());
    complete(bulk.unwrap()).await;
    let mut changed = ids(2_500);
    changed[1_700] = "another".to_owned();
    let mut swapped = ids(2_500);
    swapped.swap(0, 1);
    let cases = [
        ("file ids 1000..2000 are not those", changed, 1_000),
        ("file ids 0..1000 are not those", swapped, 0),
        ("file ids 2000..2499 are not those", ids(2_499), 2_000),
        ("file ids 2000..3000 are not those", ids(3_000), 2_000),
        ("there are fewer file ids than", ids(2_000), 2_000),
    ];
    for (said, other, attempted) in cases {
        let mut bulk = client.create_bulk_with(dump(), other, policy.clone()).unwrap();
        let (_, error) = drain(&mut bulk).await;
        let error = error.unwrap();
        assert!(error.is_other_run() && !error.is_ledger());
        assert_eq!(error.attempted(), 0..attempted);
        assert!(error.to_string().starts_with(said), "{error}");
        let advice = "; name another ledger, or give what that run was given: ";
        assert!(error.to_string().contains(advice), "{error}");
    }
    assert_eq!(emulator.request_count(), 3);
}

#[tokio::test]
async fn number_of_ids_is_compared_with_that_of_the_first_run() {
    let emulator = Emulator::start().await.unwrap();
    let path = ledger("further_ids");
    let policy = one_by_one().ledger(&path).build().unwrap();
    let client = client(&emulator);
    let bulk = client.create_bulk_with(dump(), ids(1_000), policy.clone());
    complete(bulk.unwrap()).await;
    let mut bulk = client.create_bulk_with(dump(), ids(1_001), policy.clone()).unwrap();
    let (_, error) = drain(&mut bulk).await;
    let error = error.unwrap().to_string();
    assert!(error.starts_with("there are more file ids than"), "{error}");
    // Without the end of the first run they are its continuation.
    forget(&path, 1);
    let bulk = client.create_bulk_with(dump(), ids(2_000), policy.clone());
    assert_eq!(complete(bulk.unwrap()).await.len(), 2);
    forget(&path, 1);
    let mut bulk = client.create_bulk_with(dump(), ids(1_000), policy).unwrap();
    let (_, error) = drain(&mut bulk).await;
    let error = error.unwrap().to_string();
    assert!(error.starts_with("there are fewer file ids than"), "{error}");
    assert_eq!(emulator.request_count(), 2);
}

#[tokio::test]
async fn ledger_of_another_task_is_refused_and_says_what_differs() {
    let emulator = Emulator::start().await.unwrap();
    let other_emulator = Emulator::start().await.unwrap();
    let path = ledger("other_task");
    let policy = one_by_one().ledger(&path);
    let split = policy.clone().split_packages(true).build().unwrap();
    let policy = policy.build().unwrap();
    let client = client(&emulator);
    let bulk = client.create_bulk_with(dump(), ids(10), policy.clone());
    complete(bulk.unwrap()).await;
    let target = ShareTask::dump(TargetDirectory::new("dir", "my-space")).share_id("share").container_id("space");
    let other_user = client_of(&emulator, "another");
    let elsewhere = crate::bulk::client(&other_emulator);
    let cases = [
        ("shareId is \"share\" there and \"other\" here", &client, dump().share_id("other"), &policy),
        ("containerId is ", &client, dump().container_id("other"), &policy),
        ("targetFileId is ", &client, target, &policy),
        (
            "targetFileId is {\"containerId\":\"my-space\",\"fileId\":\"root\"} there and none here, \
          taskType is 2 there and 1 here, zipName is none there",
            &client,
            package(),
            &policy,
        ),
        ("userId is ", &other_user, dump(), &policy),
        ("endpoint is ", &elsewhere, dump(), &policy),
        ("split is false there and true here", &client, dump(), &split),
    ];
    for (said, client, task, policy) in cases {
        let bulk = client.create_bulk_with(task, ids(10), policy.clone());
        let (items, error) = drain(&mut bulk.unwrap()).await;
        let error = error.unwrap();
        assert!(items.is_empty() && error.is_other_run());
        let said = format!("the ledger is of another run: {said}");
        assert!(error.to_string().starts_with(&said), "{error}");
        let advice = "; name another ledger, or give what that run was given: ";
        assert!(error.to_string().contains(advice), "{error}");
    }
    assert_eq!((emulator.request_count(), other_emulator.request_count()), (1, 0));
}

#[tokio::test]
async fn torn_last_line_is_recovered_wherever_it_is_torn() {
    let emulator = Emulator::builder().record(0).start().await.unwrap();
    let client = client(&emulator);
    let path = ledger("torn");
    let policy = one_by_one().ledger(&path).build().unwrap();
    let ids = ids(1_001);
    let bulk = client.create_bulk_with(dump(), &ids, policy.clone());
    complete(bulk.unwrap()).await;
    let whole = fs::read(&path).unwrap();
    let ends: Vec<usize> = (0..whole.len()).filter(|n| whole[*n] == b'\n').collect();
    // run, sending and accepted of both chunks, end
    assert_eq!(ends.len(), 6);
    let near_an_end = |cut: usize| ends.iter().any(|end| cut.abs_diff(*end) <= 2);
    for cut in (0..=whole.len()).filter(|cut| cut % 13 == 0 || near_an_end(*cut)) {
        fs::write(&path, &whole[..cut]).unwrap();
        let before = emulator.request_count();
        let bulk = client.create_bulk_with(dump(), &ids, policy.clone());
        let items = complete(bulk.unwrap()).await;
        // A line counts once it is whole, with or without its line break.
        let whole_lines = ends.iter().filter(|end| cut >= **end).count();
        let (sent, expected) = match whole_lines {
            0 | 1 => (2, [None, None]),
            2 => (1, [Some(Outcome::Unknown), None]),
            3 => (1, [None, None]),
            4 => (0, [None, Some(Outcome::Unknown)]),
            _ => (0, [None, None]),
        };
        assert_eq!(outcomes(&items), expected, "cut at {cut}");
        assert_eq!(emulator.request_count() - before, sent, "cut at {cut}");
        assert_eq!(states(&path).last().unwrap(), "end", "cut at {cut}");
    }
}

#[tokio::test]
async fn damaged_ledgers_and_other_files_are_refused_and_left_alone() {
    let emulator = Emulator::start().await.unwrap();
    let client = client(&emulator);
    let path = ledger("damaged");
    let policy = one_by_one().ledger(&path).build().unwrap();
    let bulk = client.create_bulk_with(dump(), ids(2_000), policy.clone());
    complete(bulk.unwrap()).await;
    let text = fs::read_to_string(&path).unwrap();
    let skipped: String = text.split_inclusive('\n').take(1).chain(text.split_inclusive('\n').skip(3)).collect();
    // Two runs that begin a ledger at once may both write its first line.
    let first = text.split_inclusive('\n').next().unwrap();
    fs::write(&path, format!("{first}{text}")).unwrap();
    let bulk = client.create_bulk_with(dump(), ids(2_000), policy.clone());
    complete(bulk.unwrap()).await;
    let cases = [
        ("the file is no ledger", "F000001".to_owned()),
        ("the file is no ledger", "F000001\nF000002\n".to_owned()),
        ("the file is no ledger", text.split_inclusive('\n').skip(1).collect()),
        ("line 3 of the ledger is damaged", text.replacen("\"accepted\"", "\"\0\"", 1)),
        ("line 2 of the ledger is damaged", skipped),
    ];
    for (said, content) in cases {
        fs::write(&path, &content).unwrap();
        let bulk = client.create_bulk_with(dump(), ids(2_000), policy.clone());
        let (items, error) = drain(&mut bulk.unwrap()).await;
        let error = error.unwrap();
        assert!(items.is_empty() && error.is_ledger() && !error.is_other_run());
        assert!(error.to_string().starts_with(said), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), content);
    }
    assert_eq!(emulator.request_count(), 2);
}

#[tokio::test]
async fn ledger_that_cannot_be_written_keeps_anything_from_being_sent() {
    let emulator = Emulator::start().await.unwrap();
    let directory = env!("CARGO_TARGET_TMPDIR");
    let policy = BulkPolicy::builder().ledger(directory).build().unwrap();
    let bulk = client(&emulator).create_bulk_with(dump(), ids(10), policy);
    let (items, error) = drain(&mut bulk.unwrap()).await;
    let error = error.unwrap();
    assert!(error.is_ledger() && std::error::Error::source(&error).is_some());
    let said = "the ledger cannot be read or written: none of the file ids was attempted";
    assert_eq!(error.to_string(), said);
    assert_eq!((items.len(), emulator.request_count()), (0, 0));
}

#[tokio::test]
async fn ledger_in_use_by_another_run_stops_the_one_that_notices() {
    let emulator = Emulator::start().await.unwrap();
    let path = ledger("in_use");
    let policy = one_by_one().ledger(&path).build().unwrap();
    let mut bulk = client(&emulator).create_bulk_with(dump(), ids(9_000), policy).unwrap();
    bulk.next().await.unwrap().unwrap();
    let before = emulator.request_count();
    // Another run writes its next line.
    let line = fs::read_to_string(&path).unwrap();
    let line = line.split_inclusive('\n').nth(1).unwrap();
    append(&path, line);
    let (items, error) = drain(&mut bulk).await;
    let error = error.unwrap();
    assert!(items.is_empty() && error.is_ledger());
    let said = "the ledger is in use by another run; resume once that has ended: \
                of the file ids, 0..1000 were attempted, the rest was not";
    assert_eq!(error.to_string(), said);
    assert_eq!(emulator.request_count(), before);
}

#[tokio::test]
async fn failure_of_the_ledger_is_told_before_any_other() {
    let emulator = Emulator::start().await.unwrap();
    let path = ledger("failure");
    let policy = BulkPolicy::builder().ledger(&path).build().unwrap();
    emulator.fail_next(Fault::Delay(Duration::from_millis(100)));
    let torn = stream::iter(ids(1_000).into_iter().map(Ok)).chain(stream::iter([Err("torn")]));
    let mut bulk = client(&emulator).create_bulk_with(dump(), FileIds::try_stream(torn), policy).unwrap();
    let interfere = async {
        until("the request has arrived", || emulator.request_count() == 1).await;
        append(&path, "\n");
    };
    let ((items, error), ()) = tokio::join!(drain(&mut bulk), interfere);
    assert_eq!(outcomes(&items), [None]);
    let error = error.unwrap();
    assert!(error.is_ledger(), "{error}");
}

#[tokio::test]
async fn reply_is_written_even_if_another_run_uses_the_ledger() {
    let emulator = Emulator::start().await.unwrap();
    let path = ledger("in_use_reply");
    let policy = one_by_one().ledger(&path).build().unwrap();
    emulator.fail_next(Fault::Delay(Duration::from_millis(100)));
    let mut bulk = client(&emulator).create_bulk_with(dump(), ids(1_000), policy).unwrap();
    let interfere = async {
        until("the request has arrived", || emulator.request_count() == 1).await;
        append(&path, "{\"end\":{\"fileIds\":1000}}\n");
    };
    let ((items, error), ()) = tokio::join!(drain(&mut bulk), interfere);
    assert_eq!(outcomes(&items), [None]);
    assert!(error.unwrap().is_ledger());
    assert_eq!(states(&path), ["run", "sending", "end", "accepted"]);
}
