//! The input of a run: the task, the policy and the ids.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use futures_util::{StreamExt, stream};
use koodrive_share::{BulkPolicy, FileIds, ShareTask, TraceId};

use crate::support::{
    bulk::{ids, ledger, states, until},
    bulk_run::{drain, outcomes},
    fixtures::{client, dump_template, strict_emulator},
};

#[tokio::test]
async fn template_and_policy_report_every_broken_rule_before_anything_is_read() {
    let emulator = strict_emulator().start().await.unwrap();
    let template = ShareTask::package_download("").container_id("space").file_ids(["F1"]).trace_id(TraceId::random());
    let unread = std::iter::from_fn(|| -> Option<String> { panic!("an id was read") });
    let policy = BulkPolicy::default().concurrency(0);
    let error = client(&emulator).create_bulk_with(template, unread, policy).unwrap_err();
    let paths: Vec<&str> = error.violations().iter().map(|violation| &*violation.path).collect();
    assert_eq!(paths, ["$.shareId", "$.zipName", "$.fileIds", "X-Traceid", "concurrency"]);
}

#[test]
fn policy_reports_every_broken_rule() {
    for concurrency in [0, 101] {
        let policy = BulkPolicy::default().concurrency(concurrency).resend_unknown(true);
        let error = policy.validate().unwrap_err();
        let rules: Vec<&str> = error.violations().iter().map(|violation| violation.rule).collect();
        assert_eq!(rules, ["concurrency", "ledger-required"]);
    }
    BulkPolicy::default().concurrency(100).validate().unwrap();
}

#[tokio::test]
async fn no_ids_at_all_are_an_error() {
    let emulator = strict_emulator().start().await.unwrap();
    let path = ledger("no_ids");
    let policy = BulkPolicy::default().ledger(&path);
    let bulk = client(&emulator).create_bulk_with(dump_template(), ids(0), policy);
    let (items, error) = drain(&mut bulk.unwrap()).await;
    let error = error.unwrap();
    let broken = error.validation_error().unwrap();
    assert_eq!(broken.violations()[0].rule, "file-ids-count");
    assert_eq!((items.len(), states(&path)), (0, vec!["run".to_owned()]));
}

#[tokio::test]
async fn unreadable_ids_end_the_run_without_sending_half_a_chunk() {
    let emulator = strict_emulator().start().await.unwrap();
    let readable = ids(1_500).into_iter().map(Ok);
    let failing = readable.chain([Err("the pipe broke")]);
    let file_ids = FileIds::try_stream(stream::iter(failing));
    let mut bulk = client(&emulator).create_bulk(dump_template(), file_ids).unwrap();
    let (items, error) = drain(&mut bulk).await;
    assert_eq!(outcomes(&items), [None]);
    let error = error.unwrap();
    assert!(error.is_input());
    assert_eq!(error.attempted(), 0..1_000);
    let source = std::error::Error::source(&error).unwrap();
    assert_eq!(source.to_string(), "the pipe broke");
    assert_eq!(emulator.tasks().len(), 1);
}

/// The emulator runs on the same thread.
#[tokio::test(flavor = "current_thread")]
async fn an_iterator_that_blocks_holds_up_requests_and_a_stream_that_waits_does_not() {
    let emulator = Arc::new(strict_emulator().start().await.unwrap());
    let (served, received) = (Arc::new(AtomicU64::new(u64::MAX)), emulator.clone());
    let seen = served.clone();
    let blocking = ids(2_000).into_iter().enumerate().map(move |(n, id)| {
        if n == 1_000 {
            thread::sleep(Duration::from_millis(200));
            seen.store(received.request_count(), Ordering::Relaxed);
        }
        id
    });
    drain(&mut client(&emulator).create_bulk(dump_template(), blocking).unwrap()).await;
    assert_eq!(served.load(Ordering::Relaxed), 0);

    let waiting = stream::iter(ids(2_000)).enumerate().then(|(n, id)| {
        let emulator = emulator.clone();
        async move {
            if n == 1_000 {
                until("the request of the first chunk", || emulator.request_count() == 3).await;
            }
            id
        }
    });
    let (items, error) =
        drain(&mut client(&emulator).create_bulk(dump_template(), FileIds::stream(waiting)).unwrap()).await;
    assert!(items.len() == 2 && error.is_none());
}
