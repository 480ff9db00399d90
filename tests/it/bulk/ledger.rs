//! What a ledger holds, and when.

use std::{fs, pin::pin};

use koodrive_share_emulator::{Answer, Emulator, Fault};
use serde_json::json;

use crate::support::{
    bulk::{ids, ledger, lines, states, until},
    bulk_run::{FOREVER, complete, one_by_one},
    fixtures::{KDSTOKEN, client, dump_template, strict_emulator},
};

#[tokio::test]
async fn chunk_is_in_the_ledger_before_its_request_arrives() {
    let emulator = strict_emulator().start().await.unwrap();
    emulator.fail_next(FOREVER);
    let path = ledger("before");
    let policy = one_by_one().ledger(&path).build().unwrap();
    let mut bulk = client(&emulator).create_bulk_with(dump_template(), ids(1_000), policy).unwrap();
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
    let emulator = strict_emulator().start().await.unwrap();
    // The service echoes what it must not, in an error that the ledger keeps.
    let echo = format!("denied: {} {KDSTOKEN}", Emulator::DEFAULT_TOKEN);
    emulator.fail_next(Fault::Reply(Answer::service(400, "13000302", &echo)));
    let path = ledger("secrets");
    let policy = one_by_one().ledger(&path).build().unwrap();
    let bulk = client(&emulator).create_bulk_with(dump_template(), ids(2_000), policy);
    complete(bulk.unwrap()).await;
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains("denied: *** ***"), "{text}");
    for secret in [Emulator::DEFAULT_TOKEN, KDSTOKEN, "F000000", "F001999"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}
