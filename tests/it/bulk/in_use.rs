//! Ledgers that two runs use at once. On Windows, a second run cannot open a ledger, on any file system.

use std::{fs, time::Duration};

use futures_util::{StreamExt, stream};
use koodrive_share::{BulkPolicy, FileIds, Ledger};
use koodrive_share_emulator::Fault;

use crate::support::{
    bulk::{ids, ledger, states, until},
    bulk_run::{append, drain, one_by_one, outcomes},
    fixtures::{client, dump_template, strict_emulator},
};

#[cfg(not(windows))]
#[tokio::test]
async fn ledger_in_use_by_another_run_stops_the_one_that_notices() {
    let emulator = strict_emulator().start().await.unwrap();
    let path = ledger("in_use");
    let policy = one_by_one().ledger(&path);
    let mut bulk = client(&emulator).create_bulk_with(dump_template(), ids(9_000), policy).unwrap();
    bulk.next().await.unwrap().unwrap();
    let before = emulator.request_count();
    // Another run writes its next line.
    let line = fs::read_to_string(&path).unwrap();
    let line = line.split_inclusive('\n').nth(1).unwrap();
    append(&path, line);
    let (items, error) = drain(&mut bulk).await;
    let error = error.unwrap();
    assert!(items.is_empty() && error.is_ledger());
    let said = "the ledger is in use by another run; wait until that has ended: \
                of the file ids, 0..1000 were attempted, the rest was not";
    assert_eq!(error.to_string(), said);
    assert_eq!(emulator.request_count(), before);
}

#[tokio::test]
async fn ledger_can_be_read_while_a_run_uses_it() {
    let emulator = strict_emulator().start().await.unwrap();
    let path = ledger("read_in_use");
    let policy = one_by_one().ledger(&path);
    let mut bulk = client(&emulator).create_bulk_with(dump_template(), ids(2_000), policy).unwrap();
    bulk.next().await.unwrap().unwrap();
    let read = Ledger::read(&path).unwrap();
    assert!(read.is_in_use() && read.report().unwrap().created > 0);
    if cfg!(windows) {
        assert!(fs::remove_file(&path).is_err(), "it was deleted");
        assert!(fs::rename(&path, path.with_extension("moved")).is_err(), "it was moved");
        assert!(fs::OpenOptions::new().append(true).open(&path).is_err(), "it can be written to");
    }
    assert_eq!(drain(&mut bulk).await.0.len(), 1);
    assert!(!read.is_in_use() && !Ledger::read(&path).unwrap().is_in_use());
}

#[tokio::test]
async fn ledger_is_locked_until_its_run_has_ended() {
    let emulator = strict_emulator().start().await.unwrap();
    let path = ledger("locked");
    let policy = one_by_one().ledger(&path);
    let bulk = |ids| client(&emulator).create_bulk_with(dump_template(), ids, policy.clone()).unwrap();
    let mut first = bulk(ids(2_000));
    first.next().await.unwrap().unwrap();
    let (items, error) = drain(&mut bulk(ids(2_000))).await;
    let error = error.unwrap();
    assert!(items.is_empty() && error.is_ledger() && error.attempted().is_empty(), "{error}");
    assert!(error.to_string().contains("in use by another run"), "{error}");
    assert_eq!(drain(&mut first).await.0.len(), 1);
    // The first run has not been dropped, but it has ended.
    assert_eq!(drain(&mut bulk(ids(2_000))).await.0.len(), 2);
    assert_eq!(emulator.request_count(), 2);
}

#[cfg(not(windows))]
#[tokio::test]
async fn failure_of_the_ledger_is_reported_before_any_other() {
    for is_stopped in [false, true] {
        let emulator = strict_emulator().start().await.unwrap();
        let path = ledger("failure");
        let policy = BulkPolicy::default().ledger(&path);
        emulator.fail_next(Fault::Delay(Duration::from_millis(100)));
        let torn = stream::iter(ids(1_000).into_iter().map(Ok)).chain(stream::iter([Err("torn")]));
        let mut bulk = client(&emulator).create_bulk_with(dump_template(), FileIds::try_stream(torn), policy).unwrap();
        tokio::select! {
            item = bulk.next() => panic!("{item:?}"),
            () = until("the request has arrived", || emulator.request_count() == 1) => {}
        }
        if is_stopped {
            bulk.stop();
        }
        append(&path, "\n");
        let (items, error) = drain(&mut bulk).await;
        assert_eq!(outcomes(&items), [None]);
        let error = error.unwrap();
        assert!(error.is_ledger(), "{error}");
    }
}

#[cfg(not(windows))]
#[tokio::test]
async fn reply_is_written_even_if_another_run_uses_the_ledger() {
    let emulator = strict_emulator().start().await.unwrap();
    let path = ledger("in_use_reply");
    let policy = one_by_one().ledger(&path);
    emulator.fail_next(Fault::Delay(Duration::from_millis(100)));
    let mut bulk = client(&emulator).create_bulk_with(dump_template(), ids(1_000), policy).unwrap();
    let interfere = async {
        until("the request has arrived", || emulator.request_count() == 1).await;
        append(&path, "{\"end\":{\"fileIds\":1000}}\n");
    };
    let ((items, error), ()) = tokio::join!(drain(&mut bulk), interfere);
    assert_eq!(outcomes(&items), [None]);
    let error = error.unwrap();
    assert!(error.is_in_use() && !error.to_string().contains("lacks"), "{error}");
    assert_eq!(states(&path), ["run", "sending", "end", "accepted"]);
}
