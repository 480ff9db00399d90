//! A server that derives its replies from the requests.

use std::{
    fmt::Write as _,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// A running server on a free loopback port, for a service that the emulator does not imitate.
pub(crate) struct OwnServer {
    endpoint: String,
    connections: Arc<AtomicU64>,
    requests: Arc<AtomicU64>,
    acceptor: JoinHandle<()>,
}

/// One request, without its body.
pub(crate) struct Request {
    /// The number of the request, from 1.
    pub(crate) number: u64,
    head: String,
}

impl Request {
    /// The header of that name, in any case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().filter_map(|line| line.split_once(": ")).find_map(|(header, value)| {
            let is_it = header.eq_ignore_ascii_case(name);
            is_it.then_some(value)
        })
    }
}

/// A reply in JSON.
pub(crate) struct Reply {
    status: u16,
    headers: String,
    body: String,
}

impl Reply {
    pub(crate) fn new(status: u16, body: &serde_json::Value) -> Self {
        Self { status, headers: String::new(), body: body.to_string() }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        write!(self.headers, "{name}: {value}\r\n").unwrap();
        self
    }

    fn bytes(&self) -> Vec<u8> {
        let Self { status, headers, body } = self;
        let length = body.len();
        format!("HTTP/1.1 {status} Said\r\n{headers}Content-Length: {length}\r\n\r\n{body}").into_bytes()
    }
}

impl OwnServer {
    pub(crate) async fn start(reply: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let (connections, requests) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let (connected, counter, reply) = (connections.clone(), requests.clone(), Arc::new(reply));
        let acceptor = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                connected.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(stream, counter.clone(), reply.clone()));
            }
        });
        Self { endpoint, connections, requests, acceptor }
    }

    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    pub(crate) fn connection_count(&self) -> u64 {
        self.connections.load(Ordering::SeqCst)
    }

    pub(crate) fn request_count(&self) -> u64 {
        self.requests.load(Ordering::SeqCst)
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        self.acceptor.abort();
    }
}

/// Answers the requests of one connection until the client hangs up.
async fn serve(mut stream: TcpStream, requests: Arc<AtomicU64>, reply: Arc<impl Fn(&Request) -> Reply>) {
    const END: &[u8] = b"\r\n\r\n";
    let mut unread = Vec::new();
    loop {
        let end = loop {
            if let Some(end) = unread.windows(END.len()).position(|four| four == END) {
                break end + END.len();
            }
            match stream.read_buf(&mut unread).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        };
        let head = String::from_utf8(unread.drain(..end).collect()).unwrap();
        let request = Request { number: requests.fetch_add(1, Ordering::SeqCst) + 1, head };
        let length: usize = request.header("content-length").map_or(0, |length| length.parse().unwrap());
        while unread.len() < length {
            match stream.read_buf(&mut unread).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        }
        unread.drain(..length);
        if stream.write_all(&reply(&request).bytes()).await.is_err() {
            return;
        }
    }
}
