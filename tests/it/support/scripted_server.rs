//! A server that does what a script says, byte by byte, and counts what reaches it.
//!
//! A [`Script`] is a list of connections, each a list of [`Step`]s, in the order in which clients connect. A server
//! fails on a connection or a request that the script doesn't hold, and on a step that was left unplayed: all of it
//! comes out in [`ScriptedServer::finish`], which every test must call.

use std::{future::pending, io, net::SocketAddr, time::Duration};

use serde_json::Value;
use socket2::SockRef;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// How long a script may take to end after its test: generous, for a machine under load.
const PATIENCE: Duration = Duration::from_secs(120);

/// A step on one connection. After the last step, the server waits for the client to close.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Reads one complete request.
    Request,
    /// Reads one request up to the blank line that ends its head.
    Head,
    /// Reads a single byte.
    Byte,
    /// Writes all bytes.
    Send(Vec<u8>),
    /// Writes the bytes as far as the client reads them.
    Flood(Vec<u8>),
    /// Writes a byte at each interval until the client hangs up; fails if it doesn't.
    Drip(Vec<u8>, Duration),
    /// Does nothing until the client hangs up; fails on another request.
    Stall,
    /// Reads whatever arrives, and sends nothing, until the client hangs up.
    Hold,
    /// Closes the connection in order, and waits until the client has closed it, too.
    Close,
    /// Resets the connection.
    Reset,
    /// Expects the TLS handshake to fail. Must be the first step of its connection.
    NoHandshake,
}

pub(crate) type Script = Vec<Vec<Step>>;

/// The connections and requests that reached a server.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) connections: usize,
    /// The requests that arrived completely, as text.
    pub(crate) requests: Vec<String>,
    /// The number of [`Step::Send`]s that were written completely.
    pub(crate) sent: usize,
    /// The number of connections that were played to their end.
    pub(crate) ended: usize,
    faults: Vec<String>,
}

/// A running server on a free loopback port.
#[must_use = "a script proves nothing until `finish` has looked at it"]
pub(crate) struct ScriptedServer {
    address: SocketAddr,
    tls: bool,
    seen: watch::Receiver<Seen>,
    scripted: usize,
    acceptor: tokio::task::JoinHandle<()>,
    finished: bool,
}

impl ScriptedServer {
    pub(crate) async fn start(script: Script) -> Self {
        Self::listen(script, None).await
    }

    pub(crate) async fn start_tls(script: Script, tls: TlsAcceptor) -> Self {
        Self::listen(script, Some(tls)).await
    }

    async fn listen(script: Script, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, seen) = watch::channel(Seen::default());
        Self {
            address,
            tls: tls.is_some(),
            seen,
            scripted: script.len(),
            acceptor: tokio::spawn(accept(listener, tls, script, sender)),
            finished: false,
        }
    }

    pub(crate) fn endpoint(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Waits until the condition holds for what the server has seen.
    pub(crate) async fn until(&mut self, is_so: impl Fn(&Seen) -> bool) -> Seen {
        let waited = timeout(PATIENCE, self.seen.wait_for(|seen| is_so(seen))).await;
        let is_so = matches!(waited, Ok(Ok(_)));
        drop(waited);
        let seen = self.seen.borrow().clone();
        assert!(is_so, "waited in vain: {seen:?}");
        seen
    }

    /// Ends the server, once its clients are gone.
    ///
    /// # Panics
    ///
    /// If a part of the script was not played, or a connection or request came that the script doesn't hold.
    pub(crate) async fn finish(mut self) -> Seen {
        self.finished = true;
        let scripted = self.scripted;
        let is_over = |seen: &Seen| seen.connections >= scripted && seen.ended == seen.connections;
        let seen = self.until(is_over).await;
        assert!(seen.faults.is_empty(), "{:#?}", seen.faults);
        seen
    }
}

impl Drop for ScriptedServer {
    fn drop(&mut self) {
        self.acceptor.abort();
        assert!(self.finished || std::thread::panicking(), "nobody looked at the script's end");
    }
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, script: Script, seen: watch::Sender<Seen>) {
    let mut connections = JoinSet::new();
    let mut script = script.into_iter();
    while let Ok((stream, _)) = listener.accept().await {
        seen.send_modify(|seen| seen.connections += 1);
        let steps = script.next();
        let (tls, seen) = (tls.clone(), seen.clone());
        connections.spawn(async move {
            let played = match steps {
                Some(steps) => serve(stream, tls, steps, &seen).await,
                None => Err("a connection that the script doesn't hold".to_owned()),
            };
            seen.send_modify(|seen| {
                seen.ended += 1;
                seen.faults.extend(played.err());
            });
        });
    }
}

async fn serve(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    mut steps: Vec<Step>,
    seen: &watch::Sender<Seen>,
) -> Result<(), String> {
    let Some(tls) = tls else {
        return play(stream, steps, seen).await;
    };
    let refusal = matches!(steps.first(), Some(Step::NoHandshake)).then(|| steps.remove(0));
    match (tls.accept(stream).into_fallible().await, refusal) {
        (Ok(stream), None) => play(stream, steps, seen).await,
        // TLS 1.3 lets a server end the handshake before the client has judged its certificate.
        (Ok(mut stream), Some(_)) => match stream.read_u8().await {
            Ok(_) => Err("data under a certificate that is none".to_owned()),
            Err(_) => Ok(()),
        },
        // Read all first: closing a connection with unread bytes resets it, and the client loses the server's alert.
        (Err((_, stream)), Some(_)) => play(stream, vec![Step::Hold], seen).await,
        (Err((error, _)), None) => Err(format!("the client gave up the handshake: {error}")),
    }
}

/// A connection, with TLS or without.
trait Wire: AsyncRead + AsyncWrite + Unpin {
    fn tcp(&self) -> &TcpStream;
}

impl Wire for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }
}

impl Wire for TlsStream<TcpStream> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().0
    }
}

async fn play(mut wire: impl Wire, steps: Vec<Step>, seen: &watch::Sender<Seen>) -> Result<(), String> {
    let mut unread = Vec::new();
    for step in steps {
        let name = format!("{step:?}").chars().take(60).collect::<String>();
        let failed = |error: io::Error| format!("{name}: {error}");
        match step {
            Step::Request => {
                let request = read_request(&mut wire, &mut unread).await.map_err(failed)?;
                seen.send_modify(|seen| seen.requests.push(request));
            }
            Step::Head => {
                read_head(&mut wire, &mut unread).await.map_err(failed)?;
            }
            Step::Byte => {
                wire.read_u8().await.map_err(failed)?;
            }
            Step::Send(bytes) => {
                wire.write_all(&bytes).await.map_err(failed)?;
                seen.send_modify(|seen| seen.sent += 1);
            }
            Step::Flood(bytes) => {
                // The client hangs up at its limit, so a failure is ignored.
                let _ = wire.write_all(&bytes).await;
            }
            Step::Drip(bytes, every) => {
                let hung_up = timeout(PATIENCE, drip(&mut wire, &bytes, every)).await;
                return hung_up.unwrap_or_else(|_| Err("the client put up with it".to_owned()));
            }
            Step::Stall => {
                let end = timeout(PATIENCE, wire.read_u8()).await;
                return match end {
                    Ok(Err(_)) => Ok(()),
                    Ok(Ok(_)) => Err("a request into a stall".to_owned()),
                    Err(_) => Err("the client put up with it".to_owned()),
                };
            }
            Step::Hold => {
                let end = timeout(PATIENCE, async { while wire.read_u8().await.is_ok() {} }).await;
                return end.map_err(|_| "the client put up with it".to_owned());
            }
            Step::Close => {
                wire.shutdown().await.map_err(failed)?;
                break;
            }
            Step::Reset => return SockRef::from(wire.tcp()).set_linger(Some(Duration::ZERO)).map_err(failed),
            Step::NoHandshake => return Err("a handshake comes first, under TLS".to_owned()),
        }
    }
    match (unread.is_empty(), wire.read_u8().await) {
        (true, Err(_)) => Ok(()),
        _ => Err("a request that the script doesn't hold".to_owned()),
    }
}

/// Writes the bytes one by one. Returns `Ok` once the client hangs up.
async fn drip(wire: &mut impl Wire, bytes: &[u8], every: Duration) -> Result<(), String> {
    for byte in bytes {
        if wire.write_all(&[*byte]).await.is_err() || wire.flush().await.is_err() {
            return Ok(());
        }
        tokio::select! {
            end = wire.read_u8() => return match end {
                Ok(_) => Err("a request into a drip".to_owned()),
                Err(_) => Ok(()),
            },
            () = sleep(every) => {}
        }
    }
    pending().await
}

async fn read_request(wire: &mut impl Wire, unread: &mut Vec<u8>) -> io::Result<String> {
    let mut request = read_head(wire, unread).await?;
    let length = request.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        let is_it = name.eq_ignore_ascii_case("content-length");
        is_it.then(|| value.parse::<usize>().unwrap())
    });
    let length = length.unwrap_or(0);
    while unread.len() < length {
        read_more(wire, unread).await?;
    }
    let body = unread.drain(..length).collect();
    request.push_str(&String::from_utf8(body).map_err(io::Error::other)?);
    Ok(request)
}

async fn read_head(wire: &mut impl Wire, unread: &mut Vec<u8>) -> io::Result<String> {
    const END: &[u8] = b"\r\n\r\n";
    loop {
        if let Some(end) = unread.windows(END.len()).position(|four| four == END) {
            let head = unread.drain(..end + END.len()).collect();
            return String::from_utf8(head).map_err(io::Error::other);
        }
        read_more(wire, unread).await?;
    }
}

async fn read_more(wire: &mut impl Wire, unread: &mut Vec<u8>) -> io::Result<()> {
    match wire.read_buf(unread).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}

/// A reply with a JSON body.
pub(crate) fn json_reply(status: u16, body: &Value) -> Vec<u8> {
    let body = body.to_string();
    let length = body.len();
    format!("HTTP/1.1 {status} Scripted\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}")
        .into_bytes()
}

/// A body as `Transfer-Encoding: chunked` frames it.
pub(crate) fn chunked(chunks: &[&[u8]]) -> Vec<u8> {
    let mut framed = Vec::new();
    // An empty chunk would end the body.
    for chunk in chunks.iter().filter(|chunk| !chunk.is_empty()) {
        framed.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        framed.extend_from_slice(chunk);
        framed.extend_from_slice(b"\r\n");
    }
    framed.extend_from_slice(b"0\r\n\r\n");
    framed
}

mod tests {
    use super::*;

    const REQUEST: &[u8] = b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}";

    /// Sends these bytes to a server that plays `script`, hangs up, and finishes the server.
    async fn send(script: Script, bytes: &[u8]) -> Seen {
        let server = ScriptedServer::start(script).await;
        let mut client = TcpStream::connect(server.address).await.unwrap();
        client.write_all(bytes).await.unwrap();
        client.shutdown().await.unwrap();
        // A reset ends the connection, too.
        let _ = client.read_to_end(&mut vec![]).await;
        server.finish().await
    }

    #[tokio::test]
    async fn script_that_is_played_passes() {
        let seen = send(vec![vec![Step::Request; 2]], &REQUEST.repeat(2)).await;
        assert_eq!((seen.connections, seen.requests.len()), (1, 2));
    }

    #[tokio::test]
    #[should_panic(expected = "a request that the script doesn't hold")]
    async fn unscripted_request_fails() {
        send(vec![vec![Step::Request]], &REQUEST.repeat(2)).await;
    }

    #[tokio::test]
    #[should_panic(expected = "a connection that the script doesn't hold")]
    async fn unscripted_connection_fails() {
        send(vec![], b"").await;
    }

    #[tokio::test]
    #[should_panic(expected = "Request: unexpected end of file")]
    async fn step_left_unplayed_fails() {
        send(vec![vec![Step::Request; 2]], REQUEST).await;
    }

    /// Time is paused, so that the wait for the connection ends at once.
    #[tokio::test(start_paused = true)]
    #[should_panic(expected = "waited in vain")]
    async fn connection_never_made_fails() {
        send(vec![vec![Step::Request]; 2], REQUEST).await;
    }

    #[tokio::test]
    #[should_panic(expected = "nobody looked at the script's end")]
    async fn script_that_nobody_looks_at_fails() {
        drop(ScriptedServer::start(vec![]).await);
    }
}
