//! The emulator, from outside: raw HTTP over TCP.

use std::fmt::Write as _;
use std::time::Duration;

use chrono::{NaiveDateTime, TimeDelta, Utc};
use koodrive_share_emulator::{Answer, CodeShape, Emulator, Fault, RecordedRequest, Schedule, Step, TaskInfosShape};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const CREATE: &str = "/koodrive/ose/v1/share/tasks";
const DETAIL: &str = "/koodrive/ose/v1/share/taskDetail";
pub(crate) const TRACE_ID: &str = "0123456789_abcdefghijklmnopqrstuvwxyz_ABCDEFGHIJKLMNOPQRST";
const VECTORS: &str = include_str!("../testdata/app-signature.json");

#[derive(Clone)]
struct Sent {
    line: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

impl Sent {
    fn new(path: &str, body: &Value) -> Self {
        Self { line: format!("POST {path} HTTP/1.1"), headers: Vec::new(), body: Vec::new() }
            .with("Host", "127.0.0.1")
            .with("Authorization", "Bearer emulator-token")
            .with("X-User-Id", "1505084218764547200")
            .with("X-Date", ten_seconds_ago())
            .with("X-Hw-Agentname", "carrier")
            .with("X-Traceid", TRACE_ID)
            .with("Content-Type", "application/json")
            .body(body.to_string())
    }

    fn create() -> Self {
        Self::new(CREATE, &package())
    }

    fn with(self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.without(name).and(name, value)
    }

    fn and(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(header, _)| header != name);
        self
    }

    fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        let len = self.body.len().to_string();
        self.with("Content-Length", len)
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = format!("{}\r\n", self.line).into_bytes();
        for (name, value) in &self.headers {
            bytes.extend_from_slice(name.as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(value);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

#[derive(Debug)]
struct Reply {
    status: u16,
    head: String,
    body: Value,
}

impl Reply {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (header, value) = line.split_once(": ")?;
            header.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    fn text(&self) -> String {
        self.body.to_string()
    }

    #[track_caller]
    fn refused(&self, status: u16, code: &str, why: &str) {
        let text = self.text();
        let said = (self.status, text.contains(code), text.contains(why));
        assert_eq!(said, (status, true, true), "{code} {why}: {self:?}");
    }
}

fn ten_seconds_ago() -> String {
    (Utc::now() - TimeDelta::seconds(10)).format("%Y%m%dT%H%M%SZ").to_string()
}

fn package() -> Value {
    json!({
        "taskType": 1,
        "containerId": "space",
        "fileIds": ["a", "b", "c"],
        "zipName": "all.zip",
        "shareId": "share",
        "kdstoken": "kds-secret",
    })
}

fn dump() -> Value {
    json!({
        "taskType": 2,
        "containerId": "space",
        "fileIds": ["a", "b", "c"],
        "targetFileId": {"fileId": "root", "containerId": "own"},
        "shareId": "share",
    })
}

async fn connect(emulator: &Emulator) -> TcpStream {
    let address = emulator.endpoint().strip_prefix("http://").unwrap();
    let address = address.split('/').next().unwrap();
    TcpStream::connect(address).await.unwrap()
}

/// `None` if the connection closes before the head is whole.
async fn read_reply(stream: &mut TcpStream) -> Option<Reply> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let mut body = bytes.split_off(end + 4);
    let mut reply = Reply { status: head.split(' ').nth(1).unwrap().parse().unwrap(), head, body: Value::Null };
    let len: usize = reply.header("content-length").unwrap().parse().unwrap();
    while body.len() < len {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    assert_eq!(body.len(), len);
    reply.body = serde_json::from_slice(&body).unwrap_or_default();
    Some(reply)
}

async fn exchange(stream: &mut TcpStream, sent: &Sent) -> Option<Reply> {
    stream.write_all(&sent.bytes()).await.unwrap();
    read_reply(stream).await
}

async fn send(emulator: &Emulator, sent: &Sent) -> Reply {
    let mut stream = connect(emulator).await;
    exchange(&mut stream, sent).await.unwrap()
}

async fn create(emulator: &Emulator, body: &Value) -> String {
    let reply = send(emulator, &Sent::new(CREATE, body)).await;
    reply.body["taskId"].as_str().unwrap().to_owned()
}

async fn poll(emulator: &Emulator, task_id: &str) -> Value {
    let body = json!({"taskId": task_id, "shareId": "share"});
    let reply = send(emulator, &Sent::new(DETAIL, &body)).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.body
}

async fn strict() -> Emulator {
    Emulator::builder().strict(true).start().await.unwrap()
}

async fn scheduled(schedule: Schedule) -> Emulator {
    let builder = Emulator::builder().schedule(schedule);
    builder.start().await.unwrap()
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
        let date = reply.header("date").unwrap();
        let date = NaiveDateTime::parse_from_str(date, "%a, %d %b %Y %H:%M:%S GMT").unwrap();
        assert!((Utc::now() - date.and_utc()).num_seconds().abs() < 60);
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

/// What fetch of Node 20 sends, byte for byte.
fn node(path: &str, host: &str, body: &str) -> String {
    let (date, len) = (ten_seconds_ago(), body.len());
    format!(
        "POST {path} HTTP/1.1\r\n\
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

/// What `java.net.http.HttpClient` of JDK 17 sends, byte for byte. It offers HTTP/2 unless told otherwise.
fn jdk(path: &str, host: &str, body: &str) -> String {
    let (date, len) = (ten_seconds_ago(), body.len());
    format!(
        "POST {path} HTTP/1.1\r\n\
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
async fn the_headers_of_other_languages_clients_pass_unless_strict() {
    let (lenient, strict) = (Emulator::start().await.unwrap(), strict().await);
    for (client, undocumented) in [(node as fn(&str, &str, &str) -> String, "accept-language"), (jdk, "http2-settings")]
    {
        let request =
            |emulator: &Emulator| client(CREATE, &emulator.endpoint()["http://".len()..], &package().to_string());
        let mut stream = connect(&lenient).await;
        // The second request shows that the connection speaks HTTP/1.1 still.
        for _ in 0..2 {
            stream.write_all(request(&lenient).as_bytes()).await.unwrap();
            let reply = read_reply(&mut stream).await.unwrap();
            assert!(reply.head.starts_with("HTTP/1.1 200 OK\r\n"), "{reply:?}");
            assert_eq!(reply.header("upgrade"), None);
        }
        let mut stream = connect(&strict).await;
        stream.write_all(request(&strict).as_bytes()).await.unwrap();
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

fn set(mut body: Value, pointer: &str, value: Value) -> String {
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    body.pointer_mut(parent).unwrap()[field] = value;
    body.to_string()
}

fn cut(mut body: Value, parent: &str, field: &str) -> String {
    let parent = body.pointer_mut(parent).unwrap();
    parent.as_object_mut().unwrap().remove(field);
    body.to_string()
}

async fn refuse_all(emulator: &Emulator, cases: &[(String, &str)]) {
    for (body, why) in cases {
        let reply = send(emulator, &Sent::create().body(body.as_str())).await;
        let why = format!("parameter verification failed: {why}");
        reply.refused(400, "\"13000102\"", &why);
    }
    assert!(emulator.tasks().is_empty());
}

#[tokio::test]
async fn every_rule_of_the_create_body_refuses() {
    let emulator = strict().await;
    let ids = |count: usize| json!(vec!["id"; count]);
    let cases = [
        (String::new(), "body: "),
        ("{".to_owned(), "body: "),
        ("[]".to_owned(), "body: "),
        ("[1,\"c\",[\"f\"],\"z\",\"s\"]".to_owned(), "body: "),
        ("null".to_owned(), "body: "),
        (format!("{} x", package()), "body: "),
        (cut(package(), "", "taskType"), "taskType: mandatory"),
        (set(package(), "/taskType", json!("1")), "taskType: must be an integer"),
        (set(package(), "/taskType", json!(1.5)), "taskType: must be an integer"),
        (set(package(), "/taskType", json!(null)), "taskType: must be an integer"),
        (set(package(), "/taskType", json!(0)), "taskType: must be 1 or 2"),
        (set(package(), "/taskType", json!(3)), "taskType: must be 1 or 2"),
        (cut(package(), "", "containerId"), "containerId: mandatory"),
        (set(package(), "/containerId", json!("")), "containerId: must not be empty"),
        (set(package(), "/containerId", json!(null)), "containerId: must be a string"),
        (cut(package(), "", "shareId"), "shareId: mandatory"),
        (set(package(), "/shareId", json!(7)), "shareId: must be a string"),
        (cut(package(), "", "fileIds"), "fileIds: mandatory"),
        (set(package(), "/fileIds", json!("a")), "fileIds: must be an array"),
        (set(package(), "/fileIds", ids(0)), "fileIds: must hold 1 to 1000"),
        (set(package(), "/fileIds", ids(1001)), "fileIds: must hold 1 to 1000"),
        (set(package(), "/fileIds", json!(["a", ""])), "fileIds[1]: must not be empty"),
        (set(package(), "/fileIds", json!(["a", null])), "fileIds[1]: must be a string"),
        (set(package(), "/kdstoken", json!(null)), "kdstoken: must be a string"),
        (set(package(), "/kdstoken", json!("")), "kdstoken: must not be empty"),
        (cut(package(), "", "zipName"), "zipName: mandatory when taskType is 1"),
        (set(package(), "/zipName", json!("")), "zipName: must not be empty"),
        (set(package(), "/zipName", json!(null)), "zipName: must be a string"),
        (set(package(), "/more", json!(1)), "more: unknown field"),
        (package().to_string().replacen('{', "{\"shareId\":\"x\",", 1), "shareId: given twice"),
    ];
    refuse_all(&emulator, &cases).await;
    let reply = send(&emulator, &Sent::create().body(b"{\"a\":\"\xff\"}".as_slice())).await;
    reply.refused(400, "13000102", "body: not UTF-8");

    let thousand = set(package(), "/fileIds", ids(1000));
    let reply = send(&emulator, &Sent::create().body(thousand)).await;
    assert_eq!(reply.status, 200);
    assert_eq!(emulator.tasks()[0].file_count(), 1000);
}

#[tokio::test]
async fn every_rule_of_the_target_refuses() {
    let emulator = strict().await;
    let cases = [
        (cut(dump(), "", "targetFileId"), "targetFileId: mandatory when taskType is 2"),
        (set(dump(), "/targetFileId", json!(null)), "targetFileId: "),
        (set(dump(), "/targetFileId", json!(["root", "own"])), "targetFileId: "),
        (cut(dump(), "/targetFileId", "fileId"), "targetFileId.fileId: mandatory"),
        (cut(dump(), "/targetFileId", "containerId"), "targetFileId.containerId: mandatory"),
        (set(dump(), "/targetFileId/fileId", json!("")), "targetFileId.fileId: must not"),
        (set(dump(), "/targetFileId/more", json!("")), "targetFileId.more: unknown field"),
        (dump().to_string().replace("\"root\"", "\"root\",\"fileId\":\"x\""), "fileId: given twice"),
        (set(dump(), "/zipName", json!(null)), "zipName: must be a string"),
    ];
    refuse_all(&emulator, &cases).await;
}

#[tokio::test]
async fn every_rule_of_the_detail_body_refuses() {
    let emulator = strict().await;
    let id = create(&emulator, &package()).await;
    let cases = [
        (json!({"shareId": "share"}), "13000102", "taskId: mandatory"),
        (json!({"taskId": id}), "13000102", "shareId: mandatory"),
        (json!({"taskId": id, "shareId": ""}), "13000102", "shareId: must not be empty"),
        (json!({"taskId": 1, "shareId": "share"}), "13000102", "taskId: must be a string"),
        (json!({"taskId": id, "shareId": "share", "kdstoken": null}), "13000102", "kdstoken"),
        (json!({"taskId": id, "shareId": "share", "more": 1}), "13000102", "more: unknown"),
        (json!({"taskId": id, "shareId": "other"}), "13000309", "does not exist"),
        (json!({"taskId": format!("+{id}"), "shareId": "share"}), "13000309", "does not exist"),
        (json!({"taskId": "1689765568237837825", "shareId": "share"}), "13000309", "not exist"),
        (json!({"taskId": "1", "shareId": "share"}), "13000309", "does not exist"),
        (json!({"taskId": "x", "shareId": "share"}), "13000309", "does not exist"),
    ];
    for (body, code, why) in cases {
        let reply = send(&emulator, &Sent::new(DETAIL, &body)).await;
        reply.refused(400, code, why);
    }
    assert_eq!(emulator.tasks()[0].polls(), 0);
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
async fn a_share_that_needs_a_kdstoken_refuses_any_other() {
    let builder = Emulator::builder().share_access("kds-secret");
    let emulator = builder.start().await.unwrap();
    let id = create(&emulator, &package()).await;
    let mut other = package();
    other["kdstoken"] = json!("guess");
    for sent in [
        Sent::new(CREATE, &other),
        Sent::new(CREATE, &dump()),
        Sent::new(DETAIL, &json!({"taskId": id, "shareId": "share"})),
    ] {
        send(&emulator, &sent).await.refused(400, "13000410", "msg");
    }
    assert_eq!(emulator.tasks().len(), 1);
}

#[tokio::test]
async fn a_package_download_runs_and_completes_with_a_url() {
    let emulator = Emulator::start().await.unwrap();
    let id = create(&emulator, &package()).await;
    for progress in [30, 70] {
        let answer = poll(&emulator, &id).await;
        let job = &answer["jobInfo"];
        assert_eq!((&job["taskStatus"], &job["progress"]), (&json!(1), &json!(progress)));
        for absent in ["taskResultCode", "endTime", "downloadUrl"] {
            assert_eq!(job.get(absent), None, "{absent}");
        }
    }
    let answer = poll(&emulator, &id).await;
    assert_eq!((&answer["code"], &answer["msg"]), (&json!(0), &json!("Success")));
    let job = &answer["jobInfo"];
    assert_eq!(job["userId"], "1505084218764547200");
    assert_eq!((&job["taskId"], &job["taskType"]), (&json!(id), &json!(1)));
    assert_eq!((&job["taskStatus"], &job["taskResultCode"]), (&json!(2), &json!(1)));
    for time in ["createTime", "startTime", "endTime"] {
        let text = job[time].as_str().unwrap();
        let time = NaiveDateTime::parse_from_str(text, "%Y%m%d%H%M%S").unwrap();
        assert!(text.len() == 14 && (Utc::now() - time.and_utc()).num_seconds() < 60);
    }
    let url = job["downloadUrl"].as_str().unwrap();
    assert!(url.starts_with(&format!("https://download.invalid/{id}.zip?token=")));
    let infos = answer["taskInfos"].as_array().unwrap();
    assert_eq!(infos.len(), 3);
    let first = json!({"fileId": "a", "status": "1", "srcContainerId": "space"});
    assert_eq!(infos[0], first);
    assert_eq!(emulator.tasks()[0].polls(), 3);
}

#[tokio::test]
async fn the_named_schedules_end_as_named() {
    let cases = [
        (Schedule::immediate_success(), json!([2, 1]), "111"),
        (Schedule::partially_failed(), json!([2, 2]), "212"),
        (Schedule::all_failed(), json!([2, 3]), "222"),
        (Schedule::cancelled(), json!([3, null]), "000"),
    ];
    let emulator = Emulator::start().await.unwrap();
    for (schedule, end, files) in cases {
        emulator.set_schedule(schedule);
        let id = create(&emulator, &dump()).await;
        poll(&emulator, &id).await;
        let answer = poll(&emulator, &id).await;
        let job = &answer["jobInfo"];
        assert_eq!(json!([job["taskStatus"], job["taskResultCode"]]), end);
        assert_eq!(job.get("downloadUrl"), None, "a dump has no package");
        let infos = answer["taskInfos"].as_array().unwrap();
        let statuses: String = infos.iter().map(|info| info["status"].as_str().unwrap()).collect();
        assert_eq!(statuses, files);
        for info in infos {
            assert_eq!(info.get("newFileId").is_some(), info["status"] == "1");
        }
    }
}

#[tokio::test]
async fn unknown_numbers_and_every_json_shape_are_let_through() {
    let steps = [
        Step::new(7).task_infos(TaskInfosShape::Absent),
        Step::completed(9).task_infos(TaskInfosShape::Null).code(CodeShape::Digits).download_url("https://x.invalid/"),
        Step::completed(1).task_infos(TaskInfosShape::Object).without_download_url().file_statuses(["8"]),
        Step::completed(1).file_statuses(Vec::<String>::new()),
    ];
    let builder = Emulator::builder().create_code(CodeShape::Digits);
    let emulator = builder.schedule(Schedule::by_polls(steps)).start().await.unwrap();
    let reply = send(&emulator, &Sent::create()).await;
    assert_eq!(reply.body["code"], "0");
    let id = reply.body["taskId"].as_str().unwrap();

    let first = poll(&emulator, id).await;
    assert_eq!(first["jobInfo"]["taskStatus"], 7);
    assert_eq!(first.get("taskInfos"), None);
    let second = poll(&emulator, id).await;
    assert_eq!((&second["code"], &second["taskInfos"]), (&json!("0"), &Value::Null));
    assert!(second.get("taskInfos").is_some());
    assert_eq!(second["jobInfo"]["taskResultCode"], 9);
    assert_eq!(second["jobInfo"]["downloadUrl"], "https://x.invalid/");
    let third = poll(&emulator, id).await;
    assert_eq!(third["jobInfo"].get("downloadUrl"), None);
    assert_eq!(third["taskInfos"]["status"], "8");
    let fourth = poll(&emulator, id).await;
    assert_eq!(fourth["taskInfos"][2]["status"], "0");
}

#[tokio::test]
async fn an_elapsed_schedule_follows_tokios_clock() {
    let step = (Duration::from_secs(60), Step::completed(1));
    let emulator = scheduled(Schedule::by_elapsed([step])).await;
    let id = create(&emulator, &package()).await;
    assert_eq!(poll(&emulator, &id).await["jobInfo"]["taskStatus"], 0);
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(60)).await;
    tokio::time::resume();
    assert_eq!(poll(&emulator, &id).await["jobInfo"]["taskStatus"], 2);
}

#[tokio::test]
async fn a_connection_serves_many_requests() {
    let emulator = Emulator::start().await.unwrap();
    let mut stream = connect(&emulator).await;
    let mut request_ids = Vec::new();
    for _ in 0..3 {
        let reply = exchange(&mut stream, &Sent::create()).await.unwrap();
        assert_eq!(reply.status, 200);
        request_ids.push(reply.header("x-request-id").unwrap().to_owned());
    }
    request_ids.dedup();
    assert_eq!(request_ids.len(), 3);
}

#[tokio::test]
async fn a_scripted_reply_takes_the_place_of_processing() {
    let emulator = Emulator::start().await.unwrap();
    let busy = Answer::gateway(429, "APIGW.0308", "slow down").header("Retry-After", "7");
    emulator.fail_next(Fault::Reply(busy));
    emulator.fail_next(Fault::Reply(Answer::service(400, "13000311", "no space")));
    // The HTTP layer asserts that a length set by hand is true.
    let own = Answer::new(503).body("{}").header("Content-Length", "9").header("X-Request-Id", "own");
    emulator.fail_next(Fault::Reply(own));
    for unsendable in [
        Answer::new(99),
        Answer::new(100),
        Answer::new(1000),
        Answer::new(200).header("a b", "c"),
        Answer::new(200).header("a", "b\n"),
    ] {
        emulator.fail_next(Fault::Reply(unsendable));
    }
    let reply = send(&emulator, &Sent::create()).await;
    reply.refused(429, "APIGW.0308", "error_code");
    assert_eq!(reply.header("retry-after"), Some("7"));
    send(&emulator, &Sent::create()).await.refused(400, "13000311", "code");
    let reply = send(&emulator, &Sent::create()).await;
    assert_eq!((reply.status, reply.header("x-request-id")), (503, Some("own")));
    assert_eq!(emulator.faults_left(), 5);
    for _ in 0..5 {
        let reply = send(&emulator, &Sent::create()).await;
        reply.refused(500, "EMULATOR", "can't be sent");
    }
    assert_eq!(emulator.faults_left(), 0);
    assert!(emulator.tasks().is_empty());
    assert_eq!(send(&emulator, &Sent::create()).await.status, 200);
    assert_eq!(emulator.request_count(), 9);
}

#[tokio::test]
async fn a_lost_reply_leaves_a_task() {
    let emulator = Emulator::start().await.unwrap();
    let gone = Answer::new(504).header("Content-Type", "text/html").body("<html>");
    emulator.fail_next(Fault::ReplyAfterProcessing(gone));
    let reply = send(&emulator, &Sent::create()).await;
    assert_eq!((reply.status, reply.header("content-type")), (504, Some("text/html")));
    assert_eq!(emulator.tasks().len(), 1);

    emulator.fail_next(Fault::ReplyAfterProcessing(Answer::new(504)));
    let refused = Sent::create().without("X-Date");
    assert_eq!(send(&emulator, &refused).await.status, 504);
    assert_eq!(emulator.tasks().len(), 1);
}

#[tokio::test]
async fn closing_after_processing_sends_not_a_byte() {
    let emulator = Emulator::start().await.unwrap();
    emulator.fail_next(Fault::Delay(Duration::ZERO));
    emulator.fail_next(Fault::CloseAfterProcessing);
    let mut stream = connect(&emulator).await;
    assert!(exchange(&mut stream, &Sent::create()).await.is_some());
    stream.write_all(&Sent::create().bytes()).await.unwrap();
    let mut rest = Vec::new();
    // The end of the stream, not an answer and not a wait.
    assert_eq!(stream.read_to_end(&mut rest).await.unwrap(), 0);
    assert_eq!(emulator.tasks().len(), 2);
    assert_eq!(send(&emulator, &Sent::create()).await.status, 200);
}

#[tokio::test]
async fn a_cut_answer_ends_where_it_was_told_to() {
    let emulator = Emulator::start().await.unwrap();
    for (after, expected) in [(0, 0), (20, 20), (100_000, 57), (usize::MAX, 57)] {
        emulator.fail_next(Fault::CutAnswer { after });
        let mut stream = connect(&emulator).await;
        stream.write_all(&Sent::create().bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.contains("content-length: 57"));
        // {"code":0,"msg":"Success","taskId":"…"} is 38 + 19 bytes long.
        assert_eq!(body.len(), expected);
    }
    assert_eq!(emulator.tasks().len(), 4);
}

#[tokio::test]
async fn a_delayed_request_is_processed_though_its_caller_has_gone() {
    let emulator = Emulator::start().await.unwrap();
    emulator.fail_next(Fault::Delay(Duration::from_secs(3600)));
    let mut gone = connect(&emulator).await;
    gone.write_all(&Sent::create().bytes()).await.unwrap();
    while emulator.request_count() == 0 {
        tokio::task::yield_now().await;
    }
    drop(gone);
    // A second exchange gives the server time to see the first caller's end.
    assert_eq!(send(&emulator, &Sent::create()).await.status, 200);
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(3600)).await;
    tokio::time::resume();
    while emulator.tasks().len() < 2 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_delay_holds_one_request_back() {
    let emulator = Emulator::start().await.unwrap();
    emulator.fail_next(Fault::Delay(Duration::from_secs(3600)));
    let mut slow = connect(&emulator).await;
    slow.write_all(&Sent::create().bytes()).await.unwrap();
    while emulator.request_count() == 0 {
        tokio::task::yield_now().await;
    }
    assert!(emulator.tasks().is_empty());
    assert_eq!(send(&emulator, &Sent::create()).await.status, 200);
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(3600)).await;
    tokio::time::resume();
    assert_eq!(read_reply(&mut slow).await.unwrap().status, 200);
    assert_eq!(emulator.tasks().len(), 2);
}

#[tokio::test]
async fn dropping_it_closes_the_port_and_every_connection() {
    let emulator = Emulator::start().await.unwrap();
    let address = emulator.endpoint().strip_prefix("http://").unwrap().to_owned();
    let mut idle = connect(&emulator).await;
    exchange(&mut idle, &Sent::create()).await.unwrap();
    let mut fresh = connect(&emulator).await;
    let mut half = connect(&emulator).await;
    half.write_all(&Sent::create().body_less()).await.unwrap();
    emulator.fail_next(Fault::Delay(Duration::from_secs(3600)));
    let mut waiting = connect(&emulator).await;
    // More than one request at once: the second one sits in the server's buffer meanwhile.
    let two = [Sent::create().bytes(), Sent::create().bytes()].concat();
    waiting.write_all(&two).await.unwrap();
    while emulator.request_count() < 2 {
        tokio::task::yield_now().await;
    }
    drop(emulator);
    for stream in [&mut idle, &mut fresh, &mut half, &mut waiting] {
        let mut rest = Vec::new();
        let end = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut rest));
        // Closed, with or without a reset, and not a byte.
        let _ = end.await.expect("closes promptly");
        assert!(rest.is_empty());
    }
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn hostile_bytes_are_refused_and_the_server_lives_on() {
    let emulator = Emulator::start().await.unwrap();
    let nested = format!("{{\"a\":{}", "[".repeat(2_000_000));
    let chunked = "POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n";
    for bytes in [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n".to_vec(),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        b"POST\r\n\r\n".to_vec(),
        chunked.as_bytes().to_vec(),
        Sent::create().with("bäd", "x").bytes(),
        Sent::create().with("X-Date", "2026\u{e9}124T080000Z").bytes(),
        Sent::create().body(nested).bytes(),
        Sent::create().body("]".repeat(1000)).bytes(),
    ] {
        let mut stream = connect(&emulator).await;
        // The server may close before all is written.
        let _ = stream.write_all(&bytes).await;
        let _ = stream.shutdown().await;
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await;
        let rest = String::from_utf8_lossy(&rest);
        assert!(rest.is_empty() || rest.starts_with("HTTP/1.1 4"), "{rest}");
        for request in emulator.requests() {
            let _ = format!("{request} {request:?}");
        }
    }
    assert!(emulator.tasks().is_empty());
    assert_eq!(send(&emulator, &Sent::create()).await.status, 200);
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused() {
    let emulator = Emulator::start().await.unwrap();
    let mut stream = connect(&emulator).await;
    let head = Sent::create().with("Content-Length", (Emulator::BODY_LIMIT + 1).to_string());
    stream.write_all(&head.body_less()).await.unwrap();
    let (mut reader, mut writer) = stream.into_split();
    let writing = tokio::spawn(async move {
        let _ = writer.write_all(&vec![b' '; Emulator::BODY_LIMIT + 1]).await;
        writer
    });
    let mut start = [0; 12];
    reader.read_exact(&mut start).await.unwrap();
    assert_eq!(&start, b"HTTP/1.1 413");
    writing.abort();
    assert!(emulator.requests()[0].body().is_empty());
    let mut spaces = package().to_string();
    spaces.push_str(&" ".repeat(Emulator::BODY_LIMIT - spaces.len()));
    assert_eq!(send(&emulator, &Sent::create().body(spaces)).await.status, 200);
}

impl Sent {
    fn body_less(&self) -> Vec<u8> {
        let bytes = self.bytes();
        bytes[..bytes.len() - self.body.len()].to_vec()
    }
}

#[tokio::test]
async fn only_the_most_recent_requests_and_bodies_are_kept() {
    let builder = Emulator::builder().record(2);
    let emulator = builder.start().await.unwrap();
    let mut ids = Vec::new();
    for name in ["1", "2", "3"] {
        let mut body = package();
        body["zipName"] = json!(name);
        ids.push(create(&emulator, &body).await);
    }
    let kept: Vec<Value> = emulator.requests().iter().map(|request| request.json().unwrap()).collect();
    assert_eq!((kept.len(), &kept[0]["zipName"]), (2, &json!("2")));
    assert_eq!(emulator.request_count(), 3);
    let tasks = emulator.tasks();
    let bodies: Vec<bool> = tasks.iter().map(|task| task.body().is_some()).collect();
    assert_eq!(bodies, [false, true, true]);
    assert_eq!(poll(&emulator, &ids[0]).await["taskInfos"], json!([]));
    assert_eq!(poll(&emulator, &ids[1]).await["taskInfos"][0]["fileId"], "a");

    let none = Emulator::builder().record(0).start().await.unwrap();
    create(&none, &package()).await;
    assert!(none.requests().is_empty() && none.tasks()[0].body().is_none());
}

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
        .schedule(Schedule::by_polls([Step::pending().download_url("s3cret")]));
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
    assert!(shown.contains("kdstoken") && shown.contains("Delay") || shown.contains("EmulatedTask"));
}
