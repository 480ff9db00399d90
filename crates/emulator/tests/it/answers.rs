//! The answers to a creation.

use chrono::{NaiveDateTime, TimeDelta, Utc};
use koodrive_share_emulator::Emulator;
use serde_json::json;

use crate::support::{CREATE, Reply, Sent, TRACE_ID, dump, package, send};

/// How far the reply's Date is ahead of this machine's clock.
fn ahead(reply: &Reply) -> TimeDelta {
    let date = reply.header("date").unwrap();
    let date = NaiveDateTime::parse_from_str(date, "%a, %d %b %Y %H:%M:%S GMT").unwrap();
    date.and_utc() - Utc::now()
}

#[tokio::test]
async fn a_valid_create_answers_as_the_reference_says() {
    let emulator = Emulator::start().await.unwrap();
    for body in [package(), dump()] {
        let reply = send(&emulator, &Sent::new(CREATE, &body)).await;
        let id = reply.body["taskId"].as_str().unwrap();
        assert_eq!(reply.body, json!({"code": 0, "msg": "Success", "taskId": id}));
        assert!(id.len() == 19 && id.bytes().all(|digit| digit.is_ascii_digit()));
        assert_eq!(reply.header("content-type"), Some("application/json"));
        assert!(ahead(&reply).num_seconds().abs() < 60);
        let request_id = reply.header("x-request-id").unwrap();
        assert!(request_id.len() == 32 && request_id.bytes().all(|b| b.is_ascii_hexdigit()));
    }
    let tasks = emulator.tasks();
    assert_eq!(tasks.len(), 2);
    assert_ne!(tasks[0].task_id(), tasks[1].task_id());
    assert_eq!((tasks[0].task_type(), tasks[1].task_type()), (1, 2));
    assert_eq!(tasks[0].trace_id(), Some(TRACE_ID));
    assert_eq!((tasks[0].share_id(), tasks[0].file_count()), ("share", 3));
    assert_eq!(tasks[0].body(), Some(package()));
    // printf 'a\nb\nc' | sha256sum
    let digest = "ea7fb08b7a2dc4619ffb7c7bb38d95a2047935fa165d71b12efd3852a2e6d0cc";
    assert_eq!(tasks[0].file_ids_sha256(), digest);
    assert_eq!(tasks[0].file_ids_sha256(), tasks[1].file_ids_sha256());
}

#[tokio::test]
async fn an_intermediary_stamps_its_own_date_and_judges_nothing() {
    let hour = TimeDelta::hours(1);
    for (every, replies) in
        [(0, [false; 4]), (1, [true; 4]), (2, [false, true, false, true]), (3, [false, false, true, false])]
    {
        let emulator = Emulator::builder().stamped_date(hour, every).start().await.unwrap();
        for shifted in replies {
            let reply = send(&emulator, &Sent::create()).await;
            // X-Date would be too old by the clock of the intermediary.
            assert_eq!(reply.status, 200);
            let expected = if shifted { hour } else { TimeDelta::zero() };
            assert!((ahead(&reply) - expected).num_seconds().abs() < 60, "{every}: {reply:?}");
        }
    }

    let emulator = Emulator::builder().stamped_date(-hour, 1).clock_offset(hour).start().await.unwrap();
    let reply = send(&emulator, &Sent::create()).await;
    reply.refused(401, "APIGW.0301", "signature expired");
    assert!(ahead(&reply).num_seconds().abs() < 60, "off from the server's clock: {reply:?}");
}
