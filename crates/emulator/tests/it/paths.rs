//! The request line.

use koodrive_share_emulator::Emulator;

use crate::support::{CREATE, Sent, package, send};

#[tokio::test]
async fn unknown_paths_methods_and_queries_are_refused() {
    let emulator = Emulator::start().await.unwrap();
    let ask = |line: &str| {
        let mut sent = Sent::create();
        sent.line = format!("{line} HTTP/1.1");
        sent
    };
    for line in ["POST /", "GET /koodrive", "POST /koodrive/ose/v1/share/tasks/", "OPTIONS *"] {
        let reply = send(&emulator, &ask(line)).await;
        reply.refused(404, "APIGW.0101", "error_msg");
    }
    let reply = send(&emulator, &ask(&format!("PUT {CREATE}"))).await;
    reply.refused(405, "APIGW.0103", "method");
    assert_eq!(reply.header("allow"), Some("POST"));
    let reply = send(&emulator, &ask(&format!("POST {CREATE}?a=b"))).await;
    reply.refused(400, "13000102", "query");
    assert_eq!(emulator.requests()[5].path(), format!("{CREATE}?a=b"));
    assert!(emulator.tasks().is_empty());
}

#[tokio::test]
async fn a_path_prefix_is_demanded_once_set() {
    let builder = Emulator::builder().path_prefix("gateway/");
    let emulator = builder.start().await.unwrap();
    assert!(emulator.endpoint().ends_with("/gateway"));
    assert_eq!(send(&emulator, &Sent::create()).await.status, 404);
    let sent = Sent::new(&format!("/gateway{CREATE}"), &package());
    assert_eq!(send(&emulator, &sent).await.status, 200);
}
