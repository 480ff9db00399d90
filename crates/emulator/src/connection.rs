//! Connections that can be closed at will.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
};

use axum::{
    extract::connect_info::Connected,
    serve::{IncomingStream, Listener},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// How much a connection may still send before it closes.
#[derive(Clone, Copy)]
pub(crate) enum Limit {
    Bytes(usize),
    /// The head of the answer that is written next, and this many bytes after it.
    BodyBytes(usize),
}

/// A connection's limit, to be set by the handler of a request.
#[derive(Clone)]
pub(crate) struct Allowance(Arc<Mutex<Option<Limit>>>);

impl Allowance {
    pub(crate) fn set(&self, limit: Limit) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(limit);
    }

    /// How many bytes of `buffer` may be written.
    fn allows(&self, buffer: &[u8]) -> usize {
        const END_OF_HEAD: &[u8] = b"\r\n\r\n";

        let mut limit = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Limit::BodyBytes(after)) = *limit {
            let mut windows = buffer.windows(END_OF_HEAD.len());
            if let Some(end) = windows.position(|window| window == END_OF_HEAD) {
                *limit = Some(Limit::Bytes((end + END_OF_HEAD.len()).saturating_add(after)));
            }
        }
        match *limit {
            Some(Limit::Bytes(left)) => left.min(buffer.len()),
            None | Some(Limit::BodyBytes(_)) => buffer.len(),
        }
    }

    fn spend(&self, bytes: usize) {
        let mut limit = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Limit::Bytes(left)) = &mut *limit {
            *left = left.saturating_sub(bytes);
        }
    }
}

impl Connected<IncomingStream<'_, Loopback>> for Allowance {
    fn connect_info(stream: IncomingStream<'_, Loopback>) -> Self {
        stream.io().allowance.clone()
    }
}

/// Accepts connections that close when the emulator stops.
pub(crate) struct Loopback {
    pub(crate) listener: TcpListener,
    pub(crate) stopping: watch::Receiver<bool>,
}

impl Listener for Loopback {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        let (stream, address) = Listener::accept(&mut self.listener).await;
        // Small answers must not wait for the acknowledgement of earlier ones. If this fails, they're only slower.
        let _ = stream.set_nodelay(true);
        let mut stopping = self.stopping.clone();
        let connection = Connection {
            stream,
            allowance: Allowance(Arc::new(Mutex::new(None))),
            // An error means that the emulator is gone: that's a stop too.
            stop: Some(Box::pin(async move {
                let _ = stopping.wait_for(|stop| *stop).await;
            })),
        };
        (connection, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection that fails on both sides once the emulator stops, and on writing once its allowance is spent. The
/// HTTP layer drops a connection that fails, which closes the socket.
pub(crate) struct Connection {
    stream: TcpStream,
    allowance: Allowance,
    /// `None` once stopped.
    stop: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Connection {
    fn check_open(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        if let Some(stop) = &mut self.stop
            && stop.as_mut().poll(context).is_ready()
        {
            self.stop = None;
        }
        match self.stop {
            Some(_) => Ok(()),
            None => Err(io::ErrorKind::ConnectionAborted.into()),
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check_open(context)?;
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        self.check_open(context)?;
        let allowed = self.allowance.allows(buffer);
        if allowed == 0 && !buffer.is_empty() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        let written = ready!(Pin::new(&mut self.stream).poll_write(context, &buffer[..allowed]))?;
        self.allowance.spend(written);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
