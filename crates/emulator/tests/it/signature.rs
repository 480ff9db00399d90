//! App signatures.

use chrono::{NaiveDateTime, TimeDelta, Utc};
use koodrive_share_emulator::Emulator;
use serde_json::Value;

use crate::support::{CREATE, Sent, send};

const VECTORS: &str = include_str!("../testdata/app-signature.json");

#[tokio::test]
async fn a_signature_of_the_vectors_passes_over_the_wire() {
    let vectors: Vec<Value> = serde_json::from_str(VECTORS).unwrap();
    let vector = &vectors[1];
    let text = |pointer: &str| vector.pointer(pointer).unwrap().as_str().unwrap();
    let date = NaiveDateTime::parse_from_str(text("/headers/x-date"), "%Y%m%dT%H%M%SZ").unwrap();
    let emulator = Emulator::builder()
        .app(text("/app_id"), text("/app_secret"))
        .clock_offset(date.and_utc() - Utc::now() + TimeDelta::minutes(5))
        .start()
        .await
        .unwrap();
    let sent = Sent::new(CREATE, &Value::Null)
        .with("Host", text("/headers/host"))
        .with("X-Date", text("/headers/x-date"))
        .with("X-User-Id", text("/headers/x-user-id"))
        .with("Authorization", text("/authorization"))
        .body(text("/body"));
    let reply = send(&emulator, &sent).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    let changed = sent.with("X-User-Id", "v");
    send(&emulator, &changed).await.refused(401, "APIGW.0301", "|x-user-id:v|");
}

#[tokio::test]
async fn a_signature_covers_the_query_in_its_canonical_form() {
    let emulator = Emulator::builder().app("app", "secret").start().await.unwrap();
    let mut sent =
        Sent::create().with("Authorization", "HMAC-SHA256 AppId=app,SignedHeaders=x-date;x-user-id,Signature=00");
    sent.line = format!("POST {CREATE}?b=a+b%2fc&F= HTTP/1.1");
    let reply = send(&emulator, &sent).await;
    reply.refused(401, "APIGW.0301", &format!("canonical request: POST|{CREATE}/|F=&b=a%20b%2Fc|x-date:"));
}
