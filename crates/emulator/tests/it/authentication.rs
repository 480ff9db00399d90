//! Credentials.

use koodrive_share_emulator::Emulator;

use crate::support::{Sent, send};

#[tokio::test]
async fn only_accepted_credentials_pass() {
    let emulator =
        Emulator::builder().token("t0ken").authorization("Bearer+10f88").app("app", "secret").start().await.unwrap();
    let sent = |value: &str| Sent::create().with("Authorization", value);
    for (value, why) in [
        ("Bearer emulator-token", "decrypt token fail"),
        ("bearer t0ken", "decrypt token fail"),
        ("Bearer  t0ken", "decrypt token fail"),
        ("Bearer+t0ken", "decrypt token fail"),
        ("t0ken", "decrypt token fail"),
        ("", "decrypt token fail"),
        ("ü", "not ASCII"),
        ("HMAC-SHA256 nonsense", "format is incorrect"),
        ("HMAC-SHA256 AppId=x,SignedHeaders=x-date,Signature=00", "app not found, appkey x"),
        ("HMAC-SHA256 AppId=app,SignedHeaders=x-date,Signature=00", "contain x-user-id"),
        (
            "HMAC-SHA256 AppId=app,SignedHeaders=x-date;x-user-id,Signature=00",
            "verify signature failed, canonical request: POST|/koodrive/ose/v1/share/tasks/||x-date:",
        ),
    ] {
        let reply = send(&emulator, &sent(value)).await;
        reply.refused(401, "APIGW.0301", why);
    }
    let missing = Sent::create().without("Authorization");
    send(&emulator, &missing).await.refused(401, "APIGW.0301", "missing");
    let twice = sent("Bearer t0ken").and("Authorization", "Bearer t0ken");
    send(&emulator, &twice).await.refused(401, "APIGW.0301", "duplicated");
    for value in ["Bearer t0ken", "Bearer+10f88"] {
        assert_eq!(send(&emulator, &sent(value)).await.status, 200);
    }

    emulator.revoke_token("t0ken");
    assert_eq!(send(&emulator, &sent("Bearer t0ken")).await.status, 401);
    emulator.accept_token("t1");
    assert_eq!(send(&emulator, &sent("Bearer t1")).await.status, 200);
    assert_eq!(emulator.tasks().len(), 3);
}
