//! The rules of the headers.

use chrono::TimeDelta;
use koodrive_share_emulator::Emulator;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

use crate::support::{
    CREATE, DETAIL, Sent, TRACE_ID, connect, cut, dump, host, package, read_reply, send, set, strict, ten_seconds_ago,
};

/// Writes a request to a host and port.
type Client = fn(&str) -> String;

/// The request that `fetch` of Node 20 sends, byte for byte.
fn node(host: &str) -> String {
    let (date, body) = (ten_seconds_ago(), package().to_string());
    let len = body.len();
    format!(
        "POST {CREATE} HTTP/1.1\r\n\
         host: {host}\r\n\
         connection: keep-alive\r\n\
         Authorization: Bearer emulator-token\r\n\
         X-User-Id: 1505084218764547200\r\n\
         X-Date: {date}\r\n\
         X-Hw-Agentname: carrier\r\n\
         Content-Type: application/json\r\n\
         accept: */*\r\n\
         accept-language: *\r\n\
         sec-fetch-mode: cors\r\n\
         user-agent: node\r\n\
         accept-encoding: gzip, deflate\r\n\
         content-length: {len}\r\n\r\n{body}"
    )
}

/// The request that `java.net.http.HttpClient` of JDK 17 sends, byte for byte. By default it offers HTTP/2.
fn jdk(host: &str) -> String {
    let (date, body) = (ten_seconds_ago(), package().to_string());
    let len = body.len();
    format!(
        "POST {CREATE} HTTP/1.1\r\n\
         Connection: Upgrade, HTTP2-Settings\r\n\
         Content-Length: {len}\r\n\
         Host: {host}\r\n\
         HTTP2-Settings: AAEAAEAAAAIAAAAAAAMAAAAAAAQBAAAAAAUAAEAAAAYABgAA\r\n\
         Upgrade: h2c\r\n\
         User-Agent: Java-http-client/17.0.15\r\n\
         Authorization: Bearer emulator-token\r\n\
         Content-Type: application/json\r\n\
         X-Date: {date}\r\n\
         X-Hw-Agentname: carrier\r\n\
         X-User-Id: 1505084218764547200\r\n\r\n{body}"
    )
}

#[tokio::test]
async fn every_header_rule_refuses() {
    let emulator = strict().await;
    let valid = Sent::create;
    let long = format!("{TRACE_ID}x");
    let cases = [
        (valid().without("X-Date"), "x-date: mandatory"),
        (valid().with("X-Date", "2026-11-24"), "x-date: must be a date"),
        (valid().with("X-Date", "20260230T000000Z"), "x-date: must be a date"),
        (valid().without("X-User-Id"), "x-user-id: mandatory"),
        (valid().with("X-User-Id", ""), "x-user-id: must not be empty"),
        (valid().with("X-User-Id", "ü"), "x-user-id: must be printable"),
        (valid().with("X-User-Id", b"\xff\xfe".as_slice()), "x-user-id: must be printable"),
        (valid().with("X-User-Id", "a\tb"), "x-user-id: must be printable"),
        (valid().without("X-Hw-Agentname"), "x-hw-agentname: mandatory"),
        (valid().with("X-Hw-Agentname", ""), "x-hw-agentname: must not be empty"),
        (valid().with("X-Traceid", &TRACE_ID[1..]), "x-traceid"),
        (valid().with("X-Traceid", long), "x-traceid"),
        (valid().with("X-Traceid", TRACE_ID.replace('_', "-")), "x-traceid"),
        (valid().with("X-Traceid", ""), "x-traceid"),
        (valid().with("api-version", "1"), "api-version: not documented"),
        (valid().with("Cookie", "a=b"), "cookie: not documented"),
        (valid().and("X-Date", "20261124T080000Z"), "x-date: given twice"),
        (valid().and("X-User-Id", "other"), "x-user-id: given twice"),
        (valid().and("X-Traceid", TRACE_ID), "x-traceid: given twice"),
        (valid().and("X-Hw-Agentname", "carrier"), "x-hw-agentname: given twice"),
        (valid().and("Content-Type", "application/json"), "content-type: given twice"),
        (valid().without("Content-Type"), "content-type: must be"),
        (valid().with("Content-Type", "text/plain"), "content-type: must be"),
        (valid().with("Content-Type", "applic ation/json"), "content-type: must be"),
        (valid().with("Content-Type", "application/json;charset=utf-8;a=b"), "content-type: must be"),
        (valid().with("Content-Type", "application/json; charset=gbk"), "content-type: must be"),
    ];
    for (sent, why) in cases {
        let reply = send(&emulator, &sent).await;
        reply.refused(400, "\"13000102\"", &format!("header {why}"));
    }
    assert!(emulator.tasks().is_empty());

    for sent in [
        valid().without("X-Traceid"),
        valid().with("X-User-Id", "user 1"),
        valid().with("Content-Type", "application/json; charset=UTF-8"),
        valid()
            .with("User-Agent", "test")
            .with("Accept", "*/*")
            .with("Accept-Encoding", "gzip")
            .with("Connection", "keep-alive"),
    ] {
        assert_eq!(send(&emulator, &sent).await.status, 200);
    }
}

#[tokio::test]
async fn the_headers_of_other_languages_clients_pass_unless_strict() {
    let (lenient, strict) = (Emulator::start().await.unwrap(), strict().await);
    let clients: [(Client, &str); 2] = [(node, "accept-language"), (jdk, "http2-settings")];
    for (client, undocumented) in clients {
        let mut stream = connect(&lenient).await;
        // The second request shows that the connection still speaks HTTP/1.1.
        for _ in 0..2 {
            stream.write_all(client(host(&lenient)).as_bytes()).await.unwrap();
            let reply = read_reply(&mut stream).await.unwrap();
            assert!(reply.head.starts_with("HTTP/1.1 200 OK\r\n"), "{reply:?}");
            assert_eq!(reply.header("upgrade"), None);
        }
        let mut stream = connect(&strict).await;
        stream.write_all(client(host(&strict)).as_bytes()).await.unwrap();
        let reply = read_reply(&mut stream).await.unwrap();
        reply.refused(400, "13000102", &format!("header {undocumented}: not documented"));
    }
    assert_eq!((lenient.tasks().len(), strict.tasks().len()), (4, 0));
}

#[tokio::test]
async fn what_the_reference_does_not_mention_passes_unless_strict() {
    let (lenient, strict) = (Emulator::start().await.unwrap(), strict().await);
    let valid = Sent::create;
    let more = |body: Value, pointer| valid().body(set(body, pointer, json!(null)));
    for sent in [
        valid().with("api-version", "1"),
        valid().with("Cookie", "a=b"),
        valid().with("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        valid().and("X-Date", "20261124T080000Z"),
        valid().and("X-User-Id", "other"),
        valid().and("Content-Type", "text/plain"),
        more(package(), "/more"),
        more(dump(), "/targetFileId/more"),
    ] {
        let reply = send(&lenient, &sent).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        assert_eq!(send(&strict, &sent).await.status, 400);
    }
    for task in lenient.tasks() {
        assert_eq!(task.user_id(), "1505084218764547200", "the first value counts");
    }
    let id = lenient.tasks()[0].task_id().to_owned();
    let body = json!({"taskId": id, "shareId": "share", "more": 1});
    assert_eq!(send(&lenient, &Sent::new(DETAIL, &body)).await.status, 200);
}

#[tokio::test]
async fn what_the_reference_demands_is_demanded_of_every_client() {
    let emulator = Emulator::start().await.unwrap();
    for (sent, why) in [
        (Sent::create().without("X-Hw-Agentname"), "x-hw-agentname: mandatory"),
        (Sent::create().with("X-Date", "2026-11-24"), "x-date: must be a date"),
        (Sent::create().with("X-Traceid", &TRACE_ID[1..]), "x-traceid: must be 58"),
        (Sent::create().body(cut(package(), "", "zipName")), "zipName: mandatory"),
        (Sent::create().body(set(package(), "/kdstoken", json!(null))), "kdstoken: must be a string"),
    ] {
        send(&emulator, &sent).await.refused(400, "13000102", why);
    }
}

#[tokio::test]
async fn a_date_outside_the_window_of_the_servers_clock_is_refused() {
    let emulator = Emulator::start().await.unwrap();
    let sent = Sent::create();
    // The request is dated 10 s ago.
    for (seconds, accepted) in [(-30, false), (0, true), (14 * 60, true), (16 * 60, false)] {
        emulator.set_clock_offset(TimeDelta::seconds(seconds));
        let reply = send(&emulator, &sent).await;
        assert_eq!(reply.status == 200, accepted, "{seconds}: {reply:?}");
        if !accepted {
            reply.refused(401, "APIGW.0301", "signature expired, signature time:2");
            reply.refused(401, "APIGW.0301", "Z,server time:2");
        }
    }
    emulator.set_clock_offset(TimeDelta::MAX);
    let date = send(&emulator, &sent).await.header("date").unwrap().to_owned();
    assert!(date.contains(" 21"), "a hundred years on: {date}");
}
