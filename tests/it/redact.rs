//! Texts of a service, and secrets in them: masked and escaped wherever an error shows them.

use koodrive_share::{Credentials, Error, TaskHandle};
use koodrive_share_emulator::{Answer, Emulator, Fault};
use serde_json::json;

use crate::support::{
    answers::{Told, ok},
    fixtures::{KDSTOKEN, SHARE, builder, dump, strict_emulator},
};

const TOKEN: &str = Emulator::DEFAULT_TOKEN;
const URL: &str = "https://download.invalid/7001.zip?token=CANARY";
/// A colour, a title, a line's end, what a C1 terminal takes for a sequence, and text that runs backwards.
const ESCAPES: &str = "\u{1b}[31m\u{1b}]0;t\u{7}\r\n\u{9b}2J\u{202e}gpj";

/// All that an error shows.
fn shown(error: &Error) -> String {
    let mut shown = format!("{error}\t{error:?}\t{error:#?}");
    for part in [error.message(), error.task_id(), error.request_id()].into_iter().flatten() {
        shown = format!("{shown}\t{part}");
    }
    shown
}

#[track_caller]
fn assert_escaped(text: &str) {
    let raw: Vec<char> = ESCAPES.chars().filter(|c| !c.is_ascii() || c.is_ascii_control()).collect();
    let shown = text.chars().find(|c| raw.contains(c));
    assert_eq!(shown, None, "{text:?}");
}

#[track_caller]
fn assert_masked(text: &str, secrets: &[&str]) {
    for secret in secrets {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

#[tokio::test]
async fn task_id_in_an_error_is_masked_and_escaped() {
    let told = Told::start().await;
    for status in [200, 400, 500] {
        let body = json!({"code": 13_000_312, "taskId": format!("7001{ESCAPES} {TOKEN} {KDSTOKEN} {URL}")});
        let error = told.create(Answer::json(status, &body)).await.unwrap_err();
        for text in [error.to_string(), error.task_id().unwrap().to_owned()] {
            assert!(text.contains(r"7001\u{1b}[31m"), "{text}");
            assert_escaped(&text);
        }
        assert_masked(&shown(&error), &[TOKEN, KDSTOKEN, "CANARY"]);
    }
}

#[tokio::test]
async fn other_task_in_a_status_is_masked_and_escaped() {
    let told = Told::start().await;
    let handle = |endpoint| TaskHandle::new("MINE", SHARE, endpoint, None).with_kdstoken(KDSTOKEN);
    for other in [ESCAPES, TOKEN, KDSTOKEN, URL] {
        let job = json!({"taskId": format!("OTHER {other}"), "taskStatus": 1});
        told.emulator.fail_next(Fault::Reply(Answer::json(200, &json!({"code": 0, "jobInfo": job}))));
        let error = told.client.status(&handle(told.client.endpoint())).await.unwrap_err();
        assert!(error.to_string().contains("OTHER"), "{error}");
        assert_escaped(&error.to_string());
        assert_masked(&shown(&error), &[TOKEN, KDSTOKEN, "CANARY"]);
    }
}

#[tokio::test]
async fn unreadable_field_is_masked_and_escaped() {
    let told = Told::start().await;
    for odd in [ESCAPES, TOKEN, KDSTOKEN, URL] {
        let job = json!({"taskStatus": format!("is {odd}")});
        told.emulator.fail_next(Fault::Reply(Answer::json(200, &json!({"code": 0, "jobInfo": job}))));
        let handle = TaskHandle::new("MINE", SHARE, told.client.endpoint(), None).with_kdstoken(KDSTOKEN);
        let error = told.client.status(&handle).await.unwrap_err();
        assert!(error.to_string().contains("$.jobInfo.taskStatus"), "{error}");
        assert_escaped(&error.to_string());
        assert_masked(&shown(&error), &[TOKEN, KDSTOKEN, "CANARY"]);
        let error = told.create(Answer::json(200, &json!({"code": [odd]}))).await.unwrap_err();
        assert!(error.to_string().contains("$.code"), "{error}");
        assert_escaped(&error.to_string());
        assert_masked(&shown(&error), &[TOKEN, KDSTOKEN, "CANARY"]);
    }
}

#[tokio::test]
async fn url_of_a_package_is_masked_in_a_querys_message_and_request_id() {
    let told = Told::start().await;
    let messages = [format!("see {URL} now"), format!("see\n{URL}"), format!("package=\"{URL}\"")];
    for message in &messages {
        for status in [200, 400, 403, 500] {
            let body = json!({"code": "13000410", "msg": message, "jobInfo": {"downloadUrl": URL}});
            let error = told.status("7001", Answer::json(status, &body)).await.unwrap_err();
            assert_masked(&shown(&error), &["CANARY"]);
        }
    }
    for status in [400, 403, 500] {
        let answer = Answer::json(status, &json!({"code": "13000410"})).header("X-request-id", format!("r1 {URL}"));
        let error = told.status("7001", answer).await.unwrap_err();
        assert_eq!(error.request_id(), Some("r1 ***"), "{status}");
        assert_masked(&shown(&error), &["CANARY"]);
        let html = Answer::new(status).body(format!("<a href=\"{URL}\">here</a>"));
        let error = told.status("7001", html).await.unwrap_err();
        assert_masked(&shown(&error), &["CANARY"]);
    }
}

#[tokio::test]
async fn request_id_is_masked_and_bounded() {
    let told = Told::start().await;
    let answer = Answer::new(400).header("X-request-id", format!("r1 {TOKEN} {KDSTOKEN}"));
    assert_eq!(told.create(answer).await.unwrap_err().request_id(), Some("r1 *** ***"));
    let answer = Answer::new(400).header("X-request-id", "r".repeat(8_000));
    assert!(told.create(answer).await.unwrap_err().to_string().len() < 2_000);
}

#[tokio::test]
async fn secret_of_one_or_two_characters_mangles_nothing() {
    for short in ["e", "er", "3", "13"] {
        let emulator = strict_emulator().token(short).start().await.unwrap();
        let client = builder(&emulator).credentials(Credentials::bearer(short)).build().unwrap();
        emulator.fail_next(Fault::Reply(Answer::service(400, "13000311", "the server needs 13 more")));
        let error = client.create(&dump().kdstoken(short).build().unwrap()).await.unwrap_err();
        assert_eq!(error.message(), Some("the server needs 13 more"), "{short}");
        assert_eq!(error.service_code().unwrap().as_str(), "13000311", "{short}");
        assert!(!error.to_string().contains("***"), "{short}: {error}");
    }
    // One of any use is masked wherever it stands.
    let told = Told::start().await;
    let error = told.create(Answer::service(400, "13000311", &format!("x{TOKEN}y"))).await.unwrap_err();
    assert_eq!(error.message(), Some("x***y"));
}

#[tokio::test]
async fn state_of_a_file_is_escaped() {
    let told = Told::start().await;
    let body = json!({"code": 0, "jobInfo": {"taskStatus": 1}, "taskInfos": [{"fileId": ESCAPES, "status": ESCAPES}]});
    let status = told.status("7001", ok(body.to_string())).await.unwrap();
    let file = &status.files()[0];
    assert_eq!(file.file_id(), Some(ESCAPES), "kept as it came");
    assert_escaped(&format!("{}\t{file:?}\t{status:?}", file.status().unwrap()));
}
