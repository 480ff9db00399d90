//! Redaction: secrets are masked, and control characters escaped, in texts of a service or a store that an error shows.

use std::fs;

use futures_util::TryStreamExt;
use koodrive_share::{Credentials, DownloadUrl, Error, TaskHandle};
use koodrive_share_emulator::{Answer, Emulator, Fault, Package, Schedule};
use serde_json::json;

use crate::support::{
    answers::{AnsweringService, ok},
    bulk::{ids, ledger},
    bulk_run::{complete, drain, one_by_one},
    fixtures::{KDSTOKEN, SHARE, builder, client, dump, dump_template, strict_emulator},
    packages::target,
    share::{CODE, link},
    trace::Trace,
};

const TOKEN: &str = Emulator::DEFAULT_TOKEN;
const URL: &str = "https://download.invalid/7001.zip?token=CANARY";
/// Escape sequences for a colour and a title, a line end, a C1 control sequence, and a mark that reverses the text.
const ESCAPES: &str = "\u{1b}[31m\u{1b}]0;t\u{7}\r\n\u{9b}2J\u{202e}gpj";

/// All texts of an error.
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
    let service = AnsweringService::start().await;
    for status in [200, 400, 500] {
        let body = json!({"code": 13_000_312, "taskId": format!("7001{ESCAPES} {TOKEN} {KDSTOKEN} {URL}")});
        let error = service.create(Answer::json(status, &body)).await.unwrap_err();
        for text in [error.to_string(), error.task_id().unwrap().to_owned()] {
            assert!(text.contains(r"7001\u{1b}[31m"), "{text}");
            assert_escaped(&text);
        }
        assert_masked(&shown(&error), &[TOKEN, KDSTOKEN, "CANARY"]);
    }
}

#[tokio::test]
async fn other_task_in_a_status_is_masked_and_escaped() {
    let service = AnsweringService::start().await;
    let handle = |endpoint| TaskHandle::new("MINE", SHARE, endpoint, None).with_kdstoken(KDSTOKEN);
    for other in [ESCAPES, TOKEN, KDSTOKEN, URL] {
        let job = json!({"taskId": format!("OTHER {other}"), "taskStatus": 1});
        service.emulator.fail_next(Fault::Reply(Answer::json(200, &json!({"code": 0, "jobInfo": job}))));
        let error = service.client.status(&handle(service.client.endpoint())).await.unwrap_err();
        assert!(error.to_string().contains("OTHER"), "{error}");
        assert_escaped(&error.to_string());
        assert_masked(&shown(&error), &[TOKEN, KDSTOKEN, "CANARY"]);
    }
}

#[tokio::test]
async fn unreadable_field_is_masked_and_escaped() {
    let service = AnsweringService::start().await;
    for odd in [ESCAPES, TOKEN, KDSTOKEN, URL] {
        let job = json!({"taskStatus": format!("is {odd}")});
        service.emulator.fail_next(Fault::Reply(Answer::json(200, &json!({"code": 0, "jobInfo": job}))));
        let handle = TaskHandle::new("MINE", SHARE, service.client.endpoint(), None).with_kdstoken(KDSTOKEN);
        let error = service.client.status(&handle).await.unwrap_err();
        assert!(error.to_string().contains("$.jobInfo.taskStatus"), "{error}");
        assert_escaped(&error.to_string());
        assert_masked(&shown(&error), &[TOKEN, KDSTOKEN, "CANARY"]);
        let error = service.create(Answer::json(200, &json!({"code": [odd]}))).await.unwrap_err();
        assert!(error.to_string().contains("$.code"), "{error}");
        assert_escaped(&error.to_string());
        assert_masked(&shown(&error), &[TOKEN, KDSTOKEN, "CANARY"]);
    }
}

#[tokio::test]
async fn url_of_a_package_is_masked_in_a_querys_message_and_request_id() {
    let service = AnsweringService::start().await;
    let messages = [format!("see {URL} now"), format!("see\n{URL}"), format!("package=\"{URL}\"")];
    for message in &messages {
        for status in [200, 400, 403, 500] {
            let body = json!({"code": "13000410", "msg": message, "jobInfo": {"downloadUrl": URL}});
            let error = service.status("7001", Answer::json(status, &body)).await.unwrap_err();
            assert_masked(&shown(&error), &["CANARY"]);
        }
    }
    // Another secret beside the URL is masked, too.
    let kdstoken = "CANARY-kdstoken";
    for job in ["jobInfo", "taskInfo"] {
        let body =
            json!({"code": 1, "msg": format!("{URL} {kdstoken}"), job: {"downloadUrl": URL}, "kdstoken": kdstoken});
        let error = service.status("7001", Answer::json(200, &body)).await.unwrap_err();
        assert_masked(&shown(&error), &["CANARY"]);
    }
    for status in [400, 403, 500] {
        let answer = Answer::json(status, &json!({"code": "13000410"})).header("X-request-id", format!("r1 {URL}"));
        let error = service.status("7001", answer).await.unwrap_err();
        assert_eq!(error.request_id(), Some("r1 ***"), "{status}");
        assert_masked(&shown(&error), &["CANARY"]);
        let html = Answer::new(status).body(format!("<a href=\"{URL}\">here</a>"));
        let error = service.status("7001", html).await.unwrap_err();
        assert_masked(&shown(&error), &["CANARY"]);
    }
}

#[tokio::test]
async fn request_id_is_masked_and_bounded() {
    let service = AnsweringService::start().await;
    let answer = Answer::new(400).header("X-request-id", format!("r1 {TOKEN} {KDSTOKEN}"));
    assert_eq!(service.create(answer).await.unwrap_err().request_id(), Some("r1 *** ***"));
    let answer = Answer::new(400).header("X-request-id", "r".repeat(8_000));
    assert!(service.create(answer).await.unwrap_err().to_string().len() < 2_000);
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
    // A secret of a usable length is masked wherever it occurs.
    let service = AnsweringService::start().await;
    let error = service.create(Answer::service(400, "13000311", &format!("x{TOKEN}y"))).await.unwrap_err();
    assert_eq!(error.message(), Some("x***y"));
}

#[tokio::test]
async fn state_of_a_file_is_escaped() {
    let service = AnsweringService::start().await;
    let body = json!({"code": 0, "jobInfo": {"taskStatus": 1}, "taskInfos": [{"fileId": ESCAPES, "status": ESCAPES}]});
    let status = service.status("7001", ok(body.to_string())).await.unwrap();
    let file = &status.files[0];
    assert_eq!(file.file_id.as_deref(), Some(ESCAPES), "kept as it came");
    assert_escaped(&format!("{file:?}\t{status:?}"));
}

#[tokio::test]
async fn secret_is_masked_where_the_start_of_a_refusals_text_ends() {
    let service = AnsweringService::start().await;
    for before in 0..260 {
        let padding = "x".repeat(before);
        for secret in [TOKEN, KDSTOKEN] {
            let error = service.create(Answer::new(403).body(format!("{padding} {secret}"))).await.unwrap_err();
            assert!(!shown(&error).contains(&secret[..6]), "after {before}: {error}");
        }
    }
}

#[tokio::test]
async fn secret_is_masked_where_the_start_of_an_unreadable_field_ends() {
    let service = AnsweringService::start().await;
    for before in 0..80 {
        let job = json!({"taskStatus": format!("{} {KDSTOKEN}", "x".repeat(before))});
        service.emulator.fail_next(Fault::Reply(Answer::json(200, &json!({"code": 0, "jobInfo": job}))));
        let handle = TaskHandle::new("MINE", SHARE, service.client.endpoint(), None).with_kdstoken(KDSTOKEN);
        let error = service.client.status(&handle).await.unwrap_err();
        assert!(!shown(&error).contains(&KDSTOKEN[..6]), "after {before}: {error}");
    }
}

#[tokio::test]
async fn secret_of_two_characters_beyond_ascii_mangles_nothing() {
    for short in ["密", "密钥", "é"] {
        let emulator = strict_emulator().app("app", short).start().await.unwrap();
        let client = builder(&emulator).credentials(Credentials::app("app", short)).build().unwrap();
        let message = "请检查您的密钥 (café)";
        emulator.fail_next(Fault::Reply(Answer::service(400, "13000311", message)));
        let error = client.create(&dump().build().unwrap()).await.unwrap_err();
        assert_eq!(error.message(), Some(message), "{short}");
    }
}

#[tokio::test]
async fn secret_in_a_text_that_stands_as_json_is_masked_in_every_escape() {
    let service = AnsweringService::start().await;
    let escaped = |text: &str| text.chars().fold(String::new(), |text, c| format!("{text}\\u{:04x}", u32::from(c)));
    let url = URL.replace('/', "\\/");
    let forms = [format!("see {url}"), format!("token {}", escaped(TOKEN)), format!("kds {}", escaped(KDSTOKEN))];
    for form in forms {
        for body in [
            format!(r#"{{"code":"13000410","msg":{{"zh":"{form}"}}}}"#),
            format!(r#"{{"code":["{form}"],"msg":"no"}}"#),
        ] {
            let error = service.create(Answer::new(400).body(body.clone())).await.unwrap_err();
            let text = shown(&error);
            let raw = form.split_once(' ').unwrap().1;
            assert!(!text.contains("CANARY") && !text.contains(raw), "{body}: {error}");
        }
    }
}

#[tokio::test]
async fn task_id_is_escaped_where_polling_is_given_up() {
    let service = AnsweringService::start().await;
    let handle =
        service.create(Answer::json(200, &json!({"code": 0, "taskId": format!("7001{ESCAPES}")}))).await.unwrap();
    service.emulator.fail_next(Fault::Reply(Answer::new(403)));
    let error = service.client.poller(handle).until_done().await.unwrap_err();
    assert!(error.to_string().contains(r"7001\u{1b}[31m"), "{error}");
    assert_escaped(&error.to_string());
}

/// The first error of a run with a ledger in whose lines escapes and secrets were inserted after `mark`.
async fn tampered(name: &str, mark: &str) -> String {
    let service = AnsweringService::start().await;
    service.emulator.fail_next(Fault::Reply(Answer::new(502)));
    let path = ledger(name);
    let policy = one_by_one().ledger(&path);
    let bulk = || service.client.create_bulk_with(dump_template(), ids(10), policy.clone()).unwrap();
    complete(bulk()).await;
    let whole = fs::read_to_string(&path).unwrap();
    let escapes = json!(format!("{mark} {ESCAPES} {URL} {TOKEN} {KDSTOKEN}")).to_string();
    let tampered = whole.replace(mark, escapes.trim_matches('"'));
    assert_ne!(tampered, whole);
    fs::write(&path, tampered).unwrap();
    let (items, error) = drain(&mut bulk()).await;
    let item = items.first().map(|item| item.result.as_ref().unwrap_err().to_string());
    item.or(error.map(|error| error.to_string())).unwrap()
}

#[tokio::test]
async fn error_in_a_tampered_ledger_is_masked_and_escaped() {
    let text = tampered("tampered_error", "status 502").await;
    assert!(text.contains("that run saw") && text.contains("[31m"), "{text}");
    assert_escaped(&text);
    assert_masked(&text, &[TOKEN, KDSTOKEN, "CANARY"]);
}

#[tokio::test]
async fn task_of_a_tampered_ledger_is_masked_and_escaped() {
    // The second ledger names another endpoint, which an error shows if it is nothing but an endpoint.
    for (name, mark) in [("tampered_task", SHARE), ("tampered_endpoint", "http://127")] {
        let text = tampered(name, mark).await;
        assert!(text.contains("another run") && text.contains("[31m"), "{text}");
        assert_escaped(&text);
        assert_masked(&text, &[TOKEN, KDSTOKEN, "CANARY"]);
    }
}

/// The whole way from the link to the file, with a failure in each step.
#[tokio::test(start_paused = true)]
async fn trace_of_a_share_and_its_download_shows_no_secret() {
    let trace = Trace::start();
    let package = Package::new().file_bytes(100_000).cut_every(100_000).url_uses(2);
    let emulator = strict_emulator().package(package).schedule(Schedule::immediate_success()).start().await.unwrap();
    let client = client(&emulator);
    let wrong = "wr0ngC0d";
    client.open_share(&link(), Some(wrong)).await.unwrap_err();
    let share = client.open_share(&link(), Some(CODE)).await.unwrap();
    let files: Vec<_> = share.files().into_stream().try_collect().await.unwrap();
    let handle = client.create(&share.package("photos.zip").file_ids(files).build().unwrap()).await.unwrap();
    let url = client.status(&handle).await.unwrap().download_url.unwrap();
    let _ = client.download(&handle, target("traced")).await.unwrap();
    client.download(&url, target("traced_lapsed")).await.unwrap_err();
    let nobody = DownloadUrl::new(URL.replace("https://download.invalid", "http://127.0.0.1:1"));
    client.download(&nobody, target("traced_nobody")).max_attempts(2).await.unwrap_err();

    let text = trace.text();
    for seen in ["getShareInfo", "verifyExtractCode", "listShareFiles", "createBatchTask", "getBatchTask"] {
        assert!(text.contains(seen), "no {seen} in {text}");
    }
    assert!(text.matches("download attempt failed").count() >= 3, "{text}");
    assert_eq!(share.expose_kdstoken(), Some(KDSTOKEN));
    let (_, query) = url.expose().split_once('?').unwrap();
    assert_masked(&text, &[TOKEN, CODE, wrong, KDSTOKEN, url.expose(), query, "CANARY"]);
}
