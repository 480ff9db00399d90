//! The contents of a ledger, also while it is written.

use std::{
    fs,
    io::Write,
    path::PathBuf,
    pin::pin,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use koodrive_share::{AfterUnknown, BulkPolicy, Ledger, LedgerError, Settlement};
use koodrive_share_emulator::{Answer, Emulator, Fault};
use serde_json::json;

use crate::support::{
    bulk::{ids, ledger, lines, states, until},
    bulk_run::{FOREVER, complete, drain, one_by_one},
    fixtures::{KDSTOKEN, client, dump_template, strict_emulator},
};

#[tokio::test]
async fn chunk_is_in_the_ledger_before_its_request_arrives() {
    let emulator = strict_emulator().start().await.unwrap();
    emulator.fail_next(FOREVER);
    let path = ledger("before");
    let policy = one_by_one().ledger(&path);
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
    // The service echoes secrets in the message of an error that the ledger records.
    let echo = format!("denied: {} {KDSTOKEN}", Emulator::DEFAULT_TOKEN);
    emulator.fail_next(Fault::Reply(Answer::service(400, "13000302", &echo)));
    let path = ledger("secrets");
    let policy = one_by_one().ledger(&path);
    let bulk = client(&emulator).create_bulk_with(dump_template(), ids(2_000), policy);
    complete(bulk.unwrap()).await;
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains("denied: *** ***"), "{text}");
    for secret in [Emulator::DEFAULT_TOKEN, KDSTOKEN, "F000000", "F001999"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

#[cfg(not(windows))]
#[tokio::test]
async fn secret_in_a_task_id_is_shown_in_no_error() {
    let emulator = strict_emulator().start().await.unwrap();
    let path = ledger("secret_task");
    let policy = one_by_one().after_unknown(AfterUnknown::Continue).ledger(&path);
    let created = json!({"code": 0, "msg": "Success", "taskId": Emulator::DEFAULT_TOKEN});
    for _ in 0..2 {
        emulator.fail_next(Fault::Reply(Answer::json(200, &created)));
    }
    let mut bulk = client(&emulator).create_bulk_with(dump_template(), ids(3_000), policy).unwrap();
    bulk.next().await.unwrap().unwrap();
    let repeated = bulk.next().await.unwrap().unwrap().result.unwrap_err();
    assert!(repeated.to_string().contains("it names task ***, which another chunk"), "{repeated}");
    assert_eq!(repeated.task_id(), Some("***"));

    // The error of a run whose ledger lacks the task.
    let path = ledger("secret_task_unwritten");
    let policy = one_by_one().ledger(&path);
    emulator.fail_next(Fault::Delay(Duration::from_millis(100)));
    emulator.fail_next(Fault::Reply(Answer::json(200, &created)));
    let mut bulk = client(&emulator).create_bulk_with(dump_template(), ids(1_000), policy).unwrap();
    let before = emulator.request_count();
    let remove = async {
        until("the request has arrived", || emulator.request_count() > before).await;
        fs::remove_file(&path).unwrap();
    };
    let ((_, error), ()) = tokio::join!(drain(&mut bulk), remove);
    let error = error.unwrap().to_string();
    assert!(error.contains("it lacks task"), "{error}");
    assert!(!error.contains(Emulator::DEFAULT_TOKEN), "{error}");
}

/// Writes the ledger of a run with this number of chunks.
async fn written(test: &str, chunks: usize) -> PathBuf {
    let emulator = strict_emulator().start().await.unwrap();
    let path = ledger(test);
    let policy = BulkPolicy::default().ledger(&path);
    complete(client(&emulator).create_bulk_with(dump_template(), ids(chunks * 1_000), policy).unwrap()).await;
    path
}

#[cfg(not(windows))]
#[tokio::test]
async fn line_that_is_being_written_does_not_count_as_damage() {
    let path = written("being_written", 1).await;
    let lines = fs::read_to_string(&path).unwrap();
    let (start, line) = lines.trim_end().rsplit_once('\n').unwrap();
    let (is_over, next) = (AtomicBool::new(false), path.with_extension("next"));
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                // The file is replaced each time, since a run never truncates its ledger.
                fs::write(&next, format!("{start}\n")).unwrap();
                fs::rename(&next, &path).unwrap();
                let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
                file.write_all(line.as_bytes()).unwrap();
                file.write_all(b"\n").unwrap();
            }
        });
        let damage = (0..15_000).find_map(|_| Ledger::read(&path).err());
        is_over.store(true, Ordering::Relaxed);
        assert!(damage.is_none(), "{damage:?}");
    });
}

#[tokio::test]
async fn ledger_may_be_read_by_several_threads_at_once() {
    let ledger = Ledger::read(written("threads", 20).await).unwrap();
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..200 {
                    let starts: Vec<u64> = ledger.chunks().map(|chunk| chunk.unwrap().range().start).collect();
                    assert!(starts.len() == 20 && starts.is_sorted(), "{starts:?}");
                }
            });
        }
    });
}

#[tokio::test]
async fn check_for_a_user_of_a_ledger_keeps_nobody_else_from_it() {
    let path = written("checked", 1).await;
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let ledger = Ledger::read(&path).unwrap();
            while !is_over.load(Ordering::Relaxed) {
                ledger.is_in_use();
            }
        });
        // The ledger has no unknown chunk to settle, which is known only once the ledger is locked and read.
        let errors = (0..500).map(|_| Ledger::settle(&path, 0..1_000, Settlement::NotMade).unwrap_err());
        let refused = errors.filter(LedgerError::is_in_use).count();
        is_over.store(true, Ordering::Relaxed);
        assert_eq!(refused, 0);
    });
}

#[tokio::test]
async fn ledger_that_changes_after_it_was_read_is_not_taken_for_one_in_use() {
    let path = written("changes", 2).await;
    let ledger = Ledger::read(&path).unwrap();
    fs::write(&path, "\n".repeat(10_000)).unwrap();
    let error = ledger.report().unwrap_err();
    assert!(!error.is_in_use(), "{error}");
    assert!(error.to_string().starts_with("the ledger was changed while it was used; restore it"), "{error}");
}
