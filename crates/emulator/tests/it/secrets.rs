//! Secrets, which must show nowhere.

use std::{fmt::Write as _, time::Duration};

use koodrive_share_emulator::{Answer, Emulator, Fault, RecordedRequest, Schedule, Step};
use serde_json::json;

use crate::support::{CREATE, Sent, package, send};

async fn recorded(authorization: &str, body: &str) -> RecordedRequest {
    let emulator = Emulator::start().await.unwrap();
    let sent = Sent::create().with("Authorization", authorization).body(body);
    send(&emulator, &sent).await;
    emulator.requests().pop().unwrap()
}

#[tokio::test]
async fn a_recorded_request_gives_everything_and_shows_no_secret() {
    let body = r#"{"taskType": 1, "kdstoken" : "s3cret", "fileIds":["f"], "kdsto\u006ben":"s3cret", "x":{"y":"s3cret"}, "shareId":"s"}"#;
    let signed = "HMAC-SHA256 AppId=id,SignedHeaders=x-date;x-user-id,Signature=s3cret";
    for (authorization, shown) in [
        ("Bearer s3cret", "Bearer ***"),
        ("Bearer+s3cret", "***"),
        ("s3cret s3cret", "***"),
        (signed, "HMAC-SHA256 AppId=id,SignedHeaders=x-date;x-user-id,Signature=***"),
        ("HMAC-SHA256 s3cret", "HMAC-SHA256 ***"),
    ] {
        let request = recorded(authorization, body).await;
        assert_eq!(request.header("AUTHORIZATION"), Some(authorization));
        assert_eq!(request.body(), body.as_bytes());
        assert_eq!((request.method(), request.path()), ("POST", CREATE));
        let text = request.to_string();
        let mut expected = format!("POST {CREATE} HTTP/1.1\n");
        for (name, value) in request.headers() {
            let value = if name == "authorization" { shown } else { value };
            writeln!(expected, "{name}: {value}").unwrap();
        }
        let masked = body.replace("\"s3cret\"", "\"***\"").replace("{\"y\":\"***\"}", "\"***\"");
        write!(expected, "\n{masked}").unwrap();
        assert_eq!(text, expected);
        assert!(!format!("{request:?}").contains("s3cret"));
    }
    let request = recorded("Bearer x", "kdstoken=s3cret").await;
    assert!(request.to_string().ends_with("<15 bytes, not a JSON object>"));
    assert!(request.json().is_err());
}

#[tokio::test]
async fn no_debug_output_shows_a_secret() {
    let builder = Emulator::builder()
        .token("s3cret")
        .authorization("s3cret")
        .app("id", "s3cret")
        .share_access("s3cret")
        .schedule(Schedule::by_polls([Step::pending().download_url("s3cret").member("/jobInfo/more", "s3cret")]));
    let mut shown = format!("{builder:?}");
    let emulator = builder.start().await.unwrap();
    emulator.fail_next(Fault::Delay(Duration::ZERO));
    let mut body = package();
    body["kdstoken"] = json!("s3cret");
    let sent = Sent::new(CREATE, &body).with("Authorization", "Bearer s3cret");
    assert_eq!(send(&emulator, &sent).await.status, 200);
    let answer = Answer::new(200).header("a", "s3cret").body("s3cret");
    let fault = Fault::Reply(answer);
    write!(shown, "{emulator:?} {:?} {:?} {fault:?}", emulator.requests(), emulator.tasks()).unwrap();
    assert!(!shown.contains("s3cret"), "{shown}");
    for part in ["EmulatorBuilder", "kdstoken", "EmulatedTask", "Reply"] {
        assert!(shown.contains(part), "{part} is not in {shown}");
    }
}
