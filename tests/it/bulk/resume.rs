//! Runs that resume an earlier one.

use std::{fs, path::PathBuf};

use koodrive_share::{AfterUnknown, BulkPolicy, Outcome};
use koodrive_share_emulator::{Answer, Emulator, Fault};
use serde_json::json;

use crate::support::{
    bulk::{ids, ledger, lines, states, tasks_of},
    bulk_run::{complete, drain, forget, one_by_one, outcomes},
    fixtures::{KDSTOKEN, client, dump_template, strict_emulator},
};

#[tokio::test]
async fn complete_run_sends_nothing_again_and_gives_its_handles() {
    let emulator = strict_emulator().share_access(KDSTOKEN).start().await.unwrap();
    let client = client(&emulator);
    let path = ledger("complete");
    let policy = BulkPolicy::default().ledger(&path);
    let bulk = client.create_bulk_with(dump_template(), ids(2_500), policy.clone());
    let first = complete(bulk.unwrap()).await;
    let written = fs::read(&path).unwrap();
    // `end` is not always the last line: it may be written before the last replies.
    assert!(states(&path).iter().any(|state| state == "end"));

    let mut bulk = client.create_bulk_with(dump_template(), ids(2_500), policy).unwrap();
    let (again, error) = drain(&mut bulk).await;
    assert!(error.is_none());
    assert_eq!((emulator.request_count(), bulk.report().created_earlier), (3, 3));
    for (first, again) in first.iter().zip(&again) {
        assert!(again.from_ledger && !first.from_ledger);
        assert_eq!(again.range, first.range);
        assert_eq!(again.trace_id, first.trace_id);
        let handle = again.result.as_ref().unwrap();
        assert_eq!(handle.task_id(), first.result.as_ref().unwrap().task_id());
        // The emulator requires the kdstoken, which is not in the ledger.
        client.status(handle).await.unwrap();
    }
    assert_eq!(fs::read(&path).unwrap(), written);
}

/// Writes a ledger of 3,000 ids whose second chunk was sent without a reply, and whose third was never sent. Returns
/// the trace id of the second chunk.
async fn died(emulator: &Emulator, path: &PathBuf) -> String {
    let policy = one_by_one().ledger(path);
    let mut bulk = client(emulator).create_bulk_with(dump_template(), ids(3_000), policy).unwrap();
    bulk.next().await.unwrap().unwrap();
    bulk.next().await.unwrap().unwrap();
    drop(bulk);
    forget(path, 1);
    assert_eq!(states(path), ["run", "sending", "accepted", "sending"]);
    lines(path)[3]["chunk"]["traceId"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn unanswered_chunk_is_reported_unknown_and_the_rest_is_sent() {
    let emulator = strict_emulator().start().await.unwrap();
    let path = ledger("unanswered");
    let suspect = died(&emulator, &path).await;
    let policy = one_by_one().ledger(&path);
    let bulk = client(&emulator).create_bulk_with(dump_template(), ids(3_000), policy);
    let items = complete(bulk.unwrap()).await;
    assert_eq!(outcomes(&items), [None, Some(Outcome::Unknown), None]);
    let from_ledger: Vec<bool> = items.iter().map(|item| item.from_ledger).collect();
    assert_eq!(from_ledger, [true, true, false]);
    assert_eq!(items[1].trace_id.as_str(), suspect);
    let error = items[1].result.as_ref().unwrap_err();
    assert_eq!(error.trace_id().unwrap().as_str(), suspect);
    let said = "an earlier run may have sent this request, and its outcome is unknown; the request may";
    assert!(error.to_string().starts_with(said), "{error}");
    for chunk in ids(3_000).chunks(1_000) {
        assert_eq!(tasks_of(&emulator.tasks(), chunk).len(), 1);
    }
}

#[tokio::test]
async fn error_of_an_earlier_run_is_reported_once() {
    let emulator = strict_emulator().start().await.unwrap();
    let policy = one_by_one().ledger(ledger("told_once"));
    emulator.fail_next(Fault::CloseAfterProcessing);
    let run =
        async || complete(client(&emulator).create_bulk_with(dump_template(), ids(10), policy.clone()).unwrap()).await;
    run().await;
    let told = run().await[0].result.as_ref().unwrap_err().to_string();
    assert!(
        told.contains("; that run saw: the connection broke before the reply was complete; the request may"),
        "{told}"
    );
    for once in ["may still have been carried out", "look for the task before sending it again", "(trace id "] {
        assert_eq!(told.matches(once).count(), 1, "{told}");
    }
}

#[tokio::test]
async fn unknown_chunk_is_resent_only_with_consent_and_stays_unknown_until_accepted() {
    let emulator = strict_emulator().start().await.unwrap();
    let path = ledger("consent");
    let suspect = died(&emulator, &path).await;
    let run = async |policy: BulkPolicy| {
        let policy = policy.ledger(&path);
        let bulk = client(&emulator).create_bulk_with(dump_template(), ids(3_000), policy);
        complete(bulk.unwrap()).await
    };
    // The resent request is refused, which says nothing about the first request.
    let full = Answer::service(400, "13000311", "not enough space");
    emulator.fail_next(Fault::Reply(full));
    let items = run(one_by_one().resend_unknown(true)).await;
    assert_eq!(outcomes(&items), [None, Some(Outcome::Unknown), None]);
    let said = items[1].result.as_ref().unwrap_err().to_string();
    assert!(said.contains("not enough space") && said.contains(&suspect), "{said}");
    let refused = lines(&path).into_iter().find(|line| line["chunk"]["state"].get("rejected").is_some()).unwrap();
    assert_eq!(refused["chunk"]["unknownBefore"], json!([suspect]));

    let before = emulator.request_count();
    let items = run(one_by_one()).await;
    assert_eq!(outcomes(&items), [None, Some(Outcome::Unknown), None]);
    assert_eq!(items[1].trace_id.as_str(), suspect);
    assert_eq!(emulator.request_count(), before);

    let items = run(one_by_one().resend_unknown(true)).await;
    assert_eq!(outcomes(&items), [None, None, None]);
    assert_eq!(emulator.request_count(), before + 1);
    let items = run(one_by_one().resend_unknown(true)).await;
    assert!(items.iter().all(|item| item.from_ledger));
    assert_eq!(emulator.request_count(), before + 1);
}

#[tokio::test]
async fn chunk_that_is_unknown_again_names_all_its_requests() {
    let emulator = strict_emulator().start().await.unwrap();
    let path = ledger("unknown_again");
    let suspect = died(&emulator, &path).await;
    emulator.fail_next(Fault::CloseAfterProcessing);
    let mut latest = Vec::new();
    for consent in [true, false] {
        let policy = one_by_one().ledger(&path).resend_unknown(consent).after_unknown(AfterUnknown::Continue);
        let bulk = client(&emulator).create_bulk_with(dump_template(), ids(3_000), policy);
        let items = complete(bulk.unwrap()).await;
        let error = items[1].result.as_ref().unwrap_err();
        assert_eq!((error.outcome(), items[1].from_ledger), (Outcome::Unknown, !consent));
        assert!(error.to_string().contains(&format!("the outcome of trace id {suspect} is unknown")), "{error}");
        assert_eq!(error.trace_id(), Some(&items[1].trace_id));
        latest.push(items[1].trace_id.to_string());
    }
    assert!(latest[0] == latest[1] && latest[0] != suspect, "{latest:?}, {suspect}");
}

#[tokio::test]
async fn unknown_outcome_is_reported_again_with_the_error_of_the_earlier_run() {
    let emulator = strict_emulator().start().await.unwrap();
    let bad_gateway = Answer::gateway(502, "APIGW.0201", "bad gateway");
    emulator.fail_next(Fault::ReplyAfterProcessing(bad_gateway));
    let path = ledger("told_again");
    let policy = one_by_one().ledger(&path);
    for _ in 0..2 {
        let bulk = client(&emulator).create_bulk_with(dump_template(), ids(500), policy.clone());
        let items = complete(bulk.unwrap()).await;
        let error = items[0].result.as_ref().unwrap_err();
        assert_eq!(error.outcome(), Outcome::Unknown);
        assert!(error.to_string().contains("status 502"), "{error}");
    }
    assert_eq!(emulator.request_count(), 1);
}

#[tokio::test]
async fn rejected_chunks_are_sent_again_by_a_resumed_run() {
    let emulator = strict_emulator().start().await.unwrap();
    let full = Answer::service(400, "13000311", "not enough space");
    emulator.fail_next(Fault::Reply(full));
    let path = ledger("rejected");
    let policy = one_by_one().ledger(&path);
    for expected in [[Some(Outcome::Rejected), None], [None, None]] {
        let bulk = client(&emulator).create_bulk_with(dump_template(), ids(2_000), policy.clone());
        let items = complete(bulk.unwrap()).await;
        assert_eq!(outcomes(&items), expected);
    }
    // The first run sends two requests, and the second resends the refused one.
    assert_eq!(emulator.request_count(), 3);
}
