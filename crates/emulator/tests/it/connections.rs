//! Connections, and hostile bytes on them.

use std::time::Duration;

use koodrive_share_emulator::{Emulator, Fault};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{Sent, connect, exchange, package, send};

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
        // The connection closes, with or without a reset, and without a byte.
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
