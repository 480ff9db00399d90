//! Raw HTTP over TCP, and the requests that the tests send.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use koodrive_share_emulator::{Emulator, Schedule};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

pub(crate) const CREATE: &str = "/koodrive/ose/v1/share/tasks";
pub(crate) const DETAIL: &str = "/koodrive/ose/v1/share/taskDetail";
pub(crate) const TRACE_ID: &str = "0123456789_abcdefghijklmnopqrstuvwxyz_ABCDEFGHIJKLMNOPQRST";

#[derive(Clone)]
pub(crate) struct Sent {
    pub(crate) line: String,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
}

impl Sent {
    pub(crate) fn new(path: &str, body: &Value) -> Self {
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

    pub(crate) fn create() -> Self {
        Self::new(CREATE, &package())
    }

    pub(crate) fn with(self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.without(name).and(name, value)
    }

    pub(crate) fn and(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(header, _)| header != name);
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        let len = self.body.len().to_string();
        self.with("Content-Length", len)
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
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

    pub(crate) fn body_less(&self) -> Vec<u8> {
        let bytes = self.bytes();
        bytes[..bytes.len() - self.body.len()].to_vec()
    }
}

#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Value,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (header, value) = line.split_once(": ")?;
            header.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    pub(crate) fn text(&self) -> String {
        self.body.to_string()
    }

    #[track_caller]
    pub(crate) fn refused(&self, status: u16, code: &str, why: &str) {
        let text = self.text();
        let actual = (self.status, text.contains(code), text.contains(why));
        assert_eq!(actual, (status, true, true), "{code} {why}: {self:?}");
    }
}

pub(crate) fn ten_seconds_ago() -> String {
    (Utc::now() - TimeDelta::seconds(10)).format("%Y%m%dT%H%M%SZ").to_string()
}

pub(crate) fn package() -> Value {
    json!({
        "taskType": 1,
        "containerId": "space",
        "fileIds": ["a", "b", "c"],
        "zipName": "all.zip",
        "shareId": "share",
        "kdstoken": "kds-secret",
    })
}

pub(crate) fn dump() -> Value {
    json!({
        "taskType": 2,
        "containerId": "space",
        "fileIds": ["a", "b", "c"],
        "targetFileId": {"fileId": "root", "containerId": "own"},
        "shareId": "share",
    })
}

pub(crate) fn set(mut body: Value, pointer: &str, value: Value) -> String {
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    body.pointer_mut(parent).unwrap()[field] = value;
    body.to_string()
}

pub(crate) fn cut(mut body: Value, parent: &str, field: &str) -> String {
    let parent = body.pointer_mut(parent).unwrap();
    parent.as_object_mut().unwrap().remove(field);
    body.to_string()
}

/// The emulator's host and port.
pub(crate) fn host(emulator: &Emulator) -> &str {
    let address = emulator.endpoint().strip_prefix("http://").unwrap();
    address.split('/').next().unwrap()
}

pub(crate) async fn connect(emulator: &Emulator) -> TcpStream {
    TcpStream::connect(host(emulator)).await.unwrap()
}

/// `None` if the connection closes before the head is whole.
pub(crate) async fn read_reply(stream: &mut TcpStream) -> Option<Reply> {
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

pub(crate) async fn exchange(stream: &mut TcpStream, sent: &Sent) -> Option<Reply> {
    stream.write_all(&sent.bytes()).await.unwrap();
    read_reply(stream).await
}

pub(crate) async fn send(emulator: &Emulator, sent: &Sent) -> Reply {
    let mut stream = connect(emulator).await;
    exchange(&mut stream, sent).await.unwrap()
}

pub(crate) async fn create(emulator: &Emulator, body: &Value) -> String {
    let reply = send(emulator, &Sent::new(CREATE, body)).await;
    reply.body["taskId"].as_str().unwrap().to_owned()
}

pub(crate) async fn poll(emulator: &Emulator, task_id: &str) -> Value {
    let body = json!({"taskId": task_id, "shareId": "share"});
    let reply = send(emulator, &Sent::new(DETAIL, &body)).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.body
}

pub(crate) async fn strict() -> Emulator {
    Emulator::builder().strict(true).start().await.unwrap()
}

pub(crate) async fn scheduled(schedule: Schedule) -> Emulator {
    let builder = Emulator::builder().schedule(schedule);
    builder.start().await.unwrap()
}

/// Advances tokio's clock by this much at once. The clock is paused only meanwhile: when paused, it runs ahead whenever
/// every task waits, even for a socket.
pub(crate) async fn pass(duration: Duration) {
    tokio::time::pause();
    tokio::time::advance(duration).await;
    tokio::time::resume();
}
