//! The default limits on the size of a reply.

use koodrive_share::{Outcome, TaskState};
use koodrive_share_emulator::Answer;
use serde_json::{Value, json};

use crate::support::{
    answers::{AnsweringService, ok},
    fixtures::builder,
};

const MIB: usize = 1 << 20;

/// The reply to a creation, with this many bytes.
fn creation(bytes: usize) -> String {
    let (before, after) = (r#"{"code":0,"taskId":"7001","msg":""#, r#""}"#);
    format!("{before}{}{after}", "x".repeat(bytes - before.len() - after.len()))
}

/// The reply to a query about 1,000 files, each with ids of 250 characters like this one.
fn thousand_files(character: &str) -> String {
    let id = |n: usize| format!("{n:04}{}", character.repeat(246));
    let entry = |n: usize| {
        let id = id(n);
        format!(r#"{{"fileId":"{id}","status":"1","newFileId":"{id}","srcContainerId":"{id}"}}"#)
    };
    let entries: Vec<String> = (0..1_000).map(entry).collect();
    let entries = entries.join(",");
    format!(r#"{{"code":0,"jobInfo":{{"taskStatus":2,"taskResultCode":1}},"taskInfos":[{entries}]}}"#)
}

#[tokio::test]
async fn status_of_a_thousand_files_with_long_ids_is_read() {
    let service = AnsweringService::start().await;
    // The cases are ASCII, a character of three bytes, and the escapes that some services write.
    for (character, written) in [("F", "F"), ("照", "照"), ("照", "\\u7167"), ("\u{1f4f7}", "\\ud83d\\udcf7")] {
        let body = thousand_files(written);
        assert!(body.len() > 700_000, "{} bytes", body.len());
        let status = service.status("7001", ok(body)).await.unwrap();
        assert!(matches!(status.state, TaskState::Completed(_)));
        assert_eq!(status.files.len(), 1_000, "{written}");
        for (n, file) in status.files.iter().enumerate() {
            let id = format!("{n:04}{}", character.repeat(246));
            let ids = [file.file_id.as_deref(), file.new_file_id.as_deref(), file.source_container_id.as_deref()];
            assert_eq!(ids, [Some(id.as_str()); 3]);
        }
    }
}

#[tokio::test]
async fn creation_of_more_than_a_mebibyte_is_not_read() {
    let service = AnsweringService::start().await;
    let handle = service.create(ok(creation(MIB))).await.unwrap();
    assert_eq!(handle.task_id(), "7001");
    // The part of the last body within the limit is a complete object.
    let padded = format!(r#"{{"code":0,"taskId":"7001"}}{}"#, " ".repeat(MIB));
    for body in [creation(MIB + 1), creation(4 * MIB), padded] {
        let bytes = body.len();
        let error = service.create(ok(body)).await.unwrap_err();
        assert_eq!((error.outcome(), error.status()), (Outcome::Unknown, Some(200)), "{bytes} bytes");
        assert!(error.to_string().contains("its body is larger than the limit"), "{error}");
    }
    // The status proves the refusal, whatever the size.
    let error = service.create(Answer::new(400).body("x".repeat(2 * MIB))).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Rejected);
}

#[tokio::test]
async fn status_of_more_than_sixteen_mebibytes_is_not_read() {
    let service = AnsweringService::start().await;
    let body = |bytes: usize| {
        let job: Value = json!({"taskStatus": 1});
        let start = format!(r#"{{"code":0,"jobInfo":{job},"msg":""#);
        format!("{start}{}\"}}", "x".repeat(bytes - start.len() - 2))
    };
    let status = service.status("7001", ok(body(16 * MIB))).await.unwrap();
    assert_eq!(status.state, TaskState::Running);
    let error = service.status("7001", ok(body(16 * MIB + 1))).await.unwrap_err();
    assert!(error.to_string().contains("its body is larger than the limit"), "{error}");
}

#[tokio::test]
async fn limit_that_is_set_holds_for_creation_and_status() {
    let mut service = AnsweringService::start().await;
    service.client = builder(&service.emulator).max_attempts(1).max_reply_bytes(2 * MIB).build().unwrap();
    service.create(ok(creation(2 * MIB))).await.unwrap();
    service.create(ok(creation(2 * MIB + 1))).await.unwrap_err();
    service.status("7001", ok(thousand_files("F"))).await.unwrap();
    service.status("7001", ok(thousand_files("\\u7167"))).await.unwrap_err();
}
