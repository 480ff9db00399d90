//! Task ids: the texts that name a task, ids that must not be lost, and replies about another task.

use koodrive_share::{AfterUnknown, Error, Outcome, TaskState};
use koodrive_share_emulator::{Answer, Fault, Schedule, Step};
use serde_json::{Value, json};

use crate::support::{
    answers::{AnsweringService, ok},
    bulk::{ids, ledger, lines, states},
    bulk_run::{complete, drain, one_by_one, outcomes},
    fixtures::{builder_at, client, dump, dump_template, strict_emulator},
    scripted_server::{self, ScriptedServer},
};

/// JSON that a service writes where there is no task.
const NONE: [&str; 13] = [
    "null",
    "\"\"",
    "\" \"",
    "\"\\t\"",
    "0",
    "0.0",
    "\"0\"",
    "\" 0 \"",
    "\"null\"",
    "\" NULL \"",
    "\"None\"",
    "-1",
    "{\"id\":7001}",
];

fn created(task_id: &str) -> Answer {
    Answer::json(200, &json!({"code": 0, "msg": "Success", "taskId": task_id}))
}

fn running(task_id: &Value) -> Answer {
    Answer::json(200, &json!({"code": 0, "jobInfo": {"taskId": task_id, "taskStatus": 1}}))
}

#[tokio::test]
async fn task_id_of_a_creation_is_a_text_or_a_number() {
    let service = AnsweringService::start().await;
    for (json, task_id) in [
        ("\"1689765568237837824\"", "1689765568237837824"),
        ("1689765568237837824", "1689765568237837824"),
        // No digit is lost beyond 64 bits.
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        ("7", "7"),
        ("7.0", "7"),
        ("\"T-7\"", "T-7"),
        ("\"00\"", "00"),
        ("\"\\u0037\"", "7"),
    ] {
        let handle = service.create(ok(format!(r#"{{"code":0,"taskId":{json}}}"#))).await.unwrap();
        assert_eq!(handle.task_id(), task_id, "{json}");
    }
}

#[tokio::test]
async fn success_with_what_names_no_task_is_unknown() {
    let service = AnsweringService::start().await;
    for json in NONE {
        let error = service.create(ok(format!(r#"{{"code":0,"taskId":{json}}}"#))).await.unwrap_err();
        assert_eq!((error.outcome(), error.task_id()), (Outcome::Unknown, None), "{json}");
        assert!(error.to_string().contains("without a task id"), "{json}: {error}");
    }
}

#[tokio::test]
async fn refusal_with_what_names_no_task_is_a_refusal() {
    let service = AnsweringService::start().await;
    for json in NONE {
        for (status, code) in [(400, "13009999"), (200, "13000311"), (401, "APIGW.0301")] {
            let body = format!(r#"{{"code":"{code}","msg":"too many tasks","taskId":{json}}}"#);
            let error = service.create(Answer::new(status).body(body)).await.unwrap_err();
            assert_eq!((error.outcome(), error.task_id()), (Outcome::Rejected, None), "{json} {status}");
        }
    }
}

/// Returns the error of a creation whose reply breaks off after this body.
async fn cut_off(status: u16, body: &str) -> Error {
    use scripted_server::Step::{Close, Request, Send};
    let reply = format!("HTTP/1.1 {status} Cut\r\nContent-Length: 1000\r\n\r\n{body}").into_bytes();
    let server = ScriptedServer::start(vec![vec![Request, Send(reply), Close]]).await;
    let client = builder_at(&server.endpoint()).max_attempts(1).build().unwrap();
    let error = client.create(&dump().build().unwrap()).await.unwrap_err();
    drop(client);
    server.finish().await;
    error
}

#[tokio::test]
async fn task_id_in_a_reply_that_breaks_off_is_reported() {
    use Outcome::{Rejected, Unknown};
    for (status, body, outcome, task_id) in [
        (400, r#"{"code":"13000101","taskId":"7001","msg":"no"#, Unknown, Some("7001")),
        (400, r#"{"code":"13000101","taskId":7001,"msg":"no"#, Unknown, Some("7001")),
        (429, r#"{"error_code":"APIGW.0308","taskId":"7001"}"#, Unknown, Some("7001")),
        (200, r#"{"code":0,"taskId":"7001"}"#, Unknown, Some("7001")),
        (200, r#"{"code":0,"msg":"Suc"#, Unknown, None),
        // The reply names a task, but breaks off within its id.
        (400, r#"{"taskId":"700"#, Unknown, None),
        (400, r#"{"taskId":700"#, Unknown, None),
        // The status alone proves that no task was created.
        (400, r#"{"code":"13000101","msg":"no"#, Rejected, None),
        (400, r#"{"taskId":null,"msg":"no"#, Rejected, None),
        (400, r#"<html>"taskId":"7001""#, Rejected, None),
        (400, "", Rejected, None),
    ] {
        let error = cut_off(status, body).await;
        assert_eq!((error.outcome(), error.task_id()), (outcome, task_id), "{status} {body}: {error}");
        assert_eq!((error.status(), error.service_code(), error.message()), (Some(status), None, None), "{body}");
        assert!(task_id.is_none() || error.to_string().contains("its beginning names task 7001"), "{error}");
    }
    // The same holds for a reply over the limit that is read.
    let service = AnsweringService::start().await;
    let rest = "x".repeat(2 << 20);
    for (body, outcome, task_id) in [
        (r#"{"code":"13000101","taskId":"7001","msg":""#, Unknown, Some("7001")),
        (r#"{"code":"13000101","msg":""#, Rejected, None),
    ] {
        let error = service.create(Answer::new(400).body(format!("{body}{rest}\"}}"))).await.unwrap_err();
        assert_eq!((error.outcome(), error.task_id()), (outcome, task_id), "{body}: {error}");
    }
}

#[tokio::test]
async fn task_id_in_a_reply_without_success_is_in_error_and_ledger() {
    let bodies = [
        (200, json!({"code": 13_000_312, "msg": "some files exist", "taskId": "7001"})),
        (200, json!({"code": true, "taskId": "7001"})),
        (200, json!({"code": null, "taskId": "7001"})),
        (200, json!({"code": "", "msg": null, "taskId": "7001"})),
        (200, json!({"taskId": 7001})),
        (400, json!({"code": "0", "taskId": "7001"})),
        (429, json!({"error_code": "APIGW.0308", "taskId": "7001"})),
        (504, json!({"code": 0, "msg": "Success", "taskId": "7001"})),
        (302, json!({"code": 0, "taskId": "7001"})),
        // The task is named in the place where a status names it.
        (200, json!({"code": 0, "jobInfo": {"taskId": "7001"}})),
        (400, json!({"code": "13000101", "taskId": null, "jobInfo": {"taskId": 7001}})),
        (400, json!({"code": "13000101", "jobInfo": "none", "taskInfo": {"taskId": "7001"}})),
    ];
    for (n, (status, body)) in bodies.into_iter().enumerate() {
        let service = AnsweringService::start().await;
        let error = service.create(Answer::json(status, &body)).await.unwrap_err();
        assert_eq!((error.outcome(), error.task_id()), (Outcome::Unknown, Some("7001")), "{status} {body}");
        assert!(error.to_string().contains("7001"), "{status} {body}: {error}");

        let path = ledger(&format!("task_id_that_came_{n}"));
        let policy = one_by_one().ledger(&path);
        service.emulator.fail_next(Fault::Reply(Answer::json(status, &body)));
        let bulk = service.client.create_bulk_with(dump_template(), ids(10), policy.clone()).unwrap();
        let items = complete(bulk).await;
        assert_eq!(items[0].result.as_ref().unwrap_err().task_id(), Some("7001"), "{status} {body}");
        let state = lines(&path).iter().rev().find_map(|line| line.get("chunk").map(|chunk| chunk["state"].clone()));
        assert!(state.unwrap()["unknown"]["error"].as_str().unwrap().contains("7001"), "{status} {body}");
        // A resumed run shows the task, too.
        let items = complete(service.client.create_bulk_with(dump_template(), ids(10), policy).unwrap()).await;
        let text = items[0].result.as_ref().unwrap_err().to_string();
        assert!(text.contains("7001"), "{status} {body}: {text}");
    }
}

#[tokio::test]
async fn status_of_another_task_is_not_taken() {
    let service = AnsweringService::start().await;
    for other in [json!("OTHER"), json!(7001), json!("MINE2"), json!("mine"), json!("MIN")] {
        for member in ["jobInfo", "taskInfo"] {
            let url = "https://download.invalid/other.zip?token=CANARY";
            let job = json!({"taskId": other, "taskStatus": 2, "taskResultCode": 1, "downloadUrl": url});
            let answer = Answer::json(200, &json!({"code": 0, "msg": url, member: job}));
            let error = service.status("MINE", answer).await.unwrap_err();
            assert_eq!(error.outcome(), Outcome::Unknown, "{other}");
            let text = error.to_string();
            let named = other.as_str().map_or_else(|| other.to_string(), str::to_owned);
            assert!(text.contains(&format!("$.{member}.taskId")), "{text}");
            assert!(text.contains(&named) && text.contains("MINE"), "{text}");
            assert!(!format!("{error} {error:?}").contains("CANARY"), "{error:?}");
        }
    }
}

#[tokio::test]
async fn status_that_names_its_task_in_any_form_or_not_at_all_is_taken() {
    let service = AnsweringService::start().await;
    for same in [json!("7001"), json!(7001), json!(" 7001 "), json!(""), json!(" "), Value::Null, json!([7]), json!({})]
    {
        let status = service.status("7001", running(&same)).await.unwrap();
        assert_eq!(status.state, TaskState::Running, "{same}");
    }
}

#[tokio::test]
async fn poller_takes_no_status_of_another_task() {
    let steps = [Step::running(50).member("/jobInfo/taskId", "OTHER"), Step::completed(1)];
    let emulator = strict_emulator().schedule(Schedule::by_polls(steps)).start().await.unwrap();
    let client = client(&emulator);
    let handle = client.create(&dump().build().unwrap()).await.unwrap();
    let error = client.poller(handle.clone()).until_done().await.unwrap_err();
    let cause = error.error().unwrap().to_string();
    assert!(cause.contains("OTHER") && cause.contains(handle.task_id()), "{cause}");
    assert!(error.last_status().is_none());
}

#[tokio::test]
async fn second_chunk_of_a_run_with_the_same_task_is_unknown() {
    let service = AnsweringService::start().await;
    for task_id in ["7001", "7001", "7002"] {
        service.emulator.fail_next(Fault::Reply(created(task_id)));
    }
    let path = ledger("same_task");
    let policy = one_by_one().ledger(&path).after_unknown(AfterUnknown::Continue);
    let bulk = service.client.create_bulk_with(dump_template(), ids(3_000), policy).unwrap();
    let items = complete(bulk).await;
    assert_eq!(outcomes(&items), [None, Some(Outcome::Unknown), None]);
    let text = items[1].result.as_ref().unwrap_err().to_string();
    assert!(text.contains("7001"), "{text}");
    assert_eq!(states(&path), ["run", "sending", "accepted", "sending", "unknown", "sending", "accepted", "end"]);
}

#[tokio::test]
async fn second_chunk_with_the_same_task_stops_a_run_that_stops_at_unknown() {
    let service = AnsweringService::start().await;
    for _ in 0..2 {
        service.emulator.fail_next(Fault::Reply(created("7001")));
    }
    let mut bulk = service.client.create_bulk_with(dump_template(), ids(3_000), one_by_one()).unwrap();
    let (items, error) = drain(&mut bulk).await;
    assert_eq!(outcomes(&items), [None, Some(Outcome::Unknown)]);
    assert!(error.unwrap().is_unknown());
}

#[tokio::test]
async fn chunk_with_a_task_that_the_ledger_has_for_an_earlier_one_is_unknown() {
    let service = AnsweringService::start().await;
    service.emulator.fail_next(Fault::Reply(created("7001")));
    service.emulator.fail_next(Fault::Reply(Answer::service(400, "13000311", "not enough space")));
    let path = ledger("same_task_as_earlier");
    let policy = one_by_one().ledger(&path);
    let run = async || {
        let bulk = service.client.create_bulk_with(dump_template(), ids(2_000), policy.clone()).unwrap();
        complete(bulk).await
    };
    assert_eq!(outcomes(&run().await), [None, Some(Outcome::Rejected)]);
    service.emulator.fail_next(Fault::Reply(created("7001")));
    let items = run().await;
    assert_eq!(outcomes(&items), [None, Some(Outcome::Unknown)]);
    assert!(items[1].result.as_ref().unwrap_err().to_string().contains("7001"));
}

#[tokio::test]
async fn runs_of_their_own_may_get_the_same_task() {
    let service = AnsweringService::start().await;
    for _ in 0..2 {
        // The task belongs to another run, so nothing says which of the two replies is wrong.
        service.emulator.fail_next(Fault::Reply(created("7001")));
        let bulk = service.client.create_bulk(dump_template(), ids(10)).unwrap();
        assert_eq!(outcomes(&complete(bulk).await), [None]);
    }
}

#[tokio::test]
async fn task_id_that_a_chunk_shares_with_another_is_in_its_error() {
    let service = AnsweringService::start().await;
    for _ in 0..2 {
        service.emulator.fail_next(Fault::Reply(created("7001")));
    }
    let policy = one_by_one().after_unknown(AfterUnknown::Continue);
    let items = complete(service.client.create_bulk_with(dump_template(), ids(2_000), policy).unwrap()).await;
    let error = items[1].result.as_ref().unwrap_err();
    assert_eq!((error.task_id(), error.status()), (Some("7001"), Some(200)), "{error}");
    assert_eq!(error.attempts(), 1, "{error}");
}

#[tokio::test]
async fn chunk_with_a_task_that_the_ledger_has_for_a_later_one_is_unknown() {
    let service = AnsweringService::start().await;
    service.emulator.fail_next(Fault::Reply(Answer::service(400, "13000311", "not enough space")));
    service.emulator.fail_next(Fault::Reply(created("7001")));
    let path = ledger("same_task_as_later");
    let policy = one_by_one().ledger(&path).after_unknown(AfterUnknown::Continue);
    let run = async || {
        let bulk = service.client.create_bulk_with(dump_template(), ids(2_000), policy.clone()).unwrap();
        complete(bulk).await
    };
    assert_eq!(outcomes(&run().await), [Some(Outcome::Rejected), None]);
    // The ledger has 7001 for the second chunk, which the resumed run has not reached yet.
    service.emulator.fail_next(Fault::Reply(created("7001")));
    let items = run().await;
    assert_eq!(outcomes(&items), [Some(Outcome::Unknown), None]);
}

#[tokio::test]
async fn task_id_in_a_reply_that_is_not_json_is_reported() {
    let service = AnsweringService::start().await;
    for body in [
        // The bodies have an unescaped line break, a value that breaks off (twice), and a name that comes twice.
        "{\"code\":0,\"taskId\":\"7001\",\"msg\":\"a\nb\"}",
        r#"{"code":0,"taskId":"7001","msg":"Succ"#,
        r#"{"code":0,"taskId":7001,"msg":"#,
        r#"{"code":0,"code":0,"taskId":"7001"}"#,
    ] {
        for status in [200, 400] {
            let error = service.create(Answer::new(status).body(body)).await.unwrap_err();
            assert_eq!(
                (error.outcome(), error.task_id()),
                (Outcome::Unknown, Some("7001")),
                "{status} {body}: {error}"
            );
            assert!(error.to_string().contains("7001"), "{error}");
        }
    }
}

#[tokio::test]
async fn task_id_of_a_creation_is_taken_without_the_blanks_around_it() {
    let service = AnsweringService::start().await;
    let handle = service.create(created(" 7001 ")).await.unwrap();
    let status = service.status(handle.task_id(), running(&json!("7001"))).await.unwrap();
    assert_eq!(status.state, TaskState::Running);
}

#[tokio::test]
async fn status_that_names_no_task_is_taken() {
    let service = AnsweringService::start().await;
    for none in [json!(0), json!("0"), json!("null")] {
        let status = service.status("7001", running(&none)).await.map(|status| status.state);
        assert_eq!(status.map_err(|error| error.to_string()), Ok(TaskState::Running), "{none}");
    }
}
