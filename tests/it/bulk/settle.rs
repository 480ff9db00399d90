//! Reading a ledger, and settling its unknown chunks.

use std::{fs, path::PathBuf};

use koodrive_share::{BulkPolicy, Ledger, LedgerChunk, Outcome, Settlement};
use koodrive_share_emulator::{Answer, Emulator, Fault};

use crate::support::{
    bulk::{hold, ids, ledger, states, tasks_of},
    bulk_run::{append, complete, drain, forget, one_by_one, outcomes},
    fixtures::{KDSTOKEN, broken, client, dump_template, strict_emulator},
};

/// Writes a ledger of 5,000 ids, whose chunks are accepted, unknown, rejected, accepted, and sent without a reply.
/// Returns their trace ids.
async fn mixed(emulator: &Emulator, path: &PathBuf) -> Vec<String> {
    emulator.fail_next(Fault::Delay(std::time::Duration::ZERO));
    emulator.fail_next(Fault::CloseAfterProcessing);
    emulator.fail_next(Fault::Reply(Answer::service(400, "13000311", "not enough space")));
    let policy = one_by_one().ledger(path).after_unknown(koodrive_share::AfterUnknown::Continue);
    let items = complete(client(emulator).create_bulk_with(dump_template(), ids(5_000), policy).unwrap()).await;
    assert_eq!(outcomes(&items), [None, Some(Outcome::Unknown), Some(Outcome::Rejected), None, None]);
    // Remove the result of the last chunk and the `end` line.
    forget(path, 2);
    assert_eq!(states(path).last().unwrap(), "sending");
    items.iter().map(|item| item.trace_id.to_string()).collect()
}

#[tokio::test]
async fn ledger_shows_the_result_of_each_chunk_even_while_a_run_uses_it() {
    let emulator = strict_emulator().start().await.unwrap();
    let path = ledger("read");
    let trace_ids = mixed(&emulator, &path).await;
    // The line is incomplete, as while a run writes it.
    append(&path, "{\"chunk\":");
    let held = hold(&path).unwrap();
    let before = fs::read(&path).unwrap();
    let ledger = Ledger::read(&path).unwrap();
    let chunks: Vec<LedgerChunk> = ledger.chunks().collect::<Result<_, _>>().unwrap();
    let expected = [None, Some(Outcome::Unknown), Some(Outcome::Rejected), None, Some(Outcome::Unknown)];
    assert_eq!(chunks.iter().map(LedgerChunk::outcome).collect::<Vec<_>>(), expected);
    for (n, (chunk, trace_id)) in chunks.iter().zip(&trace_ids).enumerate() {
        let start = n as u64 * 1_000;
        assert_eq!(chunk.range(), start..start + 1_000);
        let unsettled: Vec<String> = chunk.unsettled().iter().map(ToString::to_string).collect();
        let is_unknown = chunk.outcome() == Some(Outcome::Unknown);
        assert_eq!(unsettled, if is_unknown { vec![trace_id.clone()] } else { vec![] });
        assert_eq!(chunk.task().is_some(), chunk.outcome().is_none());
        assert!(!serde_json::to_string(chunk).unwrap().contains(KDSTOKEN));
    }
    let said = "ids 0..5000: 2 created, 0 created earlier, 1 rejected, 0 not sent, 2 unknown";
    assert_eq!(ledger.report().unwrap().to_string(), said);
    assert_eq!(ledger.file_ids(), None, "no run is known to have come to the end");
    assert_eq!(fs::read(&path).unwrap(), before, "reading changes nothing");
    drop(held);
}

#[tokio::test]
async fn chunk_that_its_owner_settles_is_resumed_as_settled() {
    let emulator = strict_emulator().start().await.unwrap();
    let path = ledger("settle");
    mixed(&emulator, &path).await;
    let all = ids(5_000);
    let found = tasks_of(&emulator.tasks(), &all[1_000..2_000])[0].task_id().to_owned();
    Ledger::settle(&path, 1_000..2_000, Settlement::Made(found.clone())).unwrap();
    // This settlement says that its owner found no task.
    Ledger::settle(&path, 4_000..5_000, Settlement::NotMade).unwrap();
    let before = emulator.request_count();
    let policy = BulkPolicy::default().ledger(&path);
    let items = complete(client(&emulator).create_bulk_with(dump_template(), all, policy).unwrap()).await;
    assert_eq!(outcomes(&items), [None; 5]);
    assert_eq!(items[1].result.as_ref().unwrap().task_id(), found);
    client(&emulator).status(items[1].result.as_ref().unwrap()).await.unwrap();
    assert_eq!(emulator.request_count() - before, 3, "the rejected one, the one not made, and a query");
    assert_eq!(Ledger::read(&path).unwrap().file_ids(), Some(5_000));
}

#[tokio::test]
async fn what_cannot_be_settled_is_refused_with_every_rule_and_changes_nothing() {
    let emulator = strict_emulator().start().await.unwrap();
    let path = ledger("not_settled");
    mixed(&emulator, &path).await;
    let other = emulator.tasks()[0].task_id().to_owned();
    let before = fs::read(&path).unwrap();
    let settled = |range, settlement| Ledger::settle(&path, range, settlement).unwrap_err();
    let unknown_chunk = "range unknown-chunk";
    for (range, settlement, expected) in [
        (0..1_000, Settlement::NotMade, &[unknown_chunk][..]),
        (2_000..3_000, Settlement::NotMade, &[unknown_chunk]),
        (1_000..1_500, Settlement::NotMade, &[unknown_chunk]),
        (9_000..10_000, Settlement::NotMade, &[unknown_chunk]),
        (u64::MAX - 5..u64::MAX, Settlement::NotMade, &[unknown_chunk]),
        (1_000..2_000, Settlement::Made(other.clone()), &["task_id task-of-chunk"]),
        (1_000..2_000, Settlement::Made(String::new()), &["task_id not-empty"]),
        (2_000..3_000, Settlement::Made(other), &[unknown_chunk, "task_id task-of-chunk"]),
    ] {
        let error = settled(range.clone(), settlement);
        assert_eq!(broken(error.validation_error().unwrap()), expected, "{range:?}: {error}");
    }
    let held = hold(&path).unwrap();
    let error = settled(1_000..2_000, Settlement::NotMade);
    assert!(error.is_in_use() && error.to_string().starts_with("the ledger is in use by another run"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), before);
    drop(held);
    let missing = path.with_extension("none");
    assert!(Ledger::settle(&missing, 0..1_000, Settlement::NotMade).is_err() && !missing.exists());
}

#[tokio::test]
async fn settlement_of_a_chunk_covers_all_its_unknown_requests() {
    let emulator = strict_emulator().start().await.unwrap();
    let path = ledger("settle_doubts");
    for _ in 0..2 {
        emulator.fail_next(Fault::CloseAfterProcessing);
        let policy = one_by_one().ledger(&path).resend_unknown(true);
        let mut bulk = client(&emulator).create_bulk_with(dump_template(), ids(1_000), policy).unwrap();
        drain(&mut bulk).await;
    }
    let unsettled = Ledger::read(&path).unwrap().chunks().next().unwrap().unwrap().unsettled();
    assert_eq!(unsettled.len(), 2, "{unsettled:?}");
    let copy = ledger("settle_doubts_copy");
    let settled = |settlement| {
        fs::copy(&path, &copy).unwrap();
        Ledger::settle(&copy, 0..1_000, settlement).unwrap();
        Ledger::read(&copy).unwrap().chunks().next().unwrap().unwrap()
    };
    let made = settled(Settlement::Made("7001".to_owned()));
    assert!(made.unsettled().is_empty());
    assert_eq!(made.task().unwrap().trace_id(), unsettled.last().unwrap());
    assert_eq!(settled(Settlement::NotMade).outcome(), Some(Outcome::NotSent));
}
