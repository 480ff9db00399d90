//! A port that accepts no connection.

use std::time::Duration;

use tokio::{
    io::AsyncReadExt,
    net::{TcpListener, TcpSocket, TcpStream},
    time::timeout,
};

/// A port whose queue of connections is full, so that the kernel leaves further ones unanswered.
pub(crate) struct FullQueue {
    listener: TcpListener,
    clients: Vec<TcpStream>,
}

impl FullQueue {
    pub(crate) async fn start() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        let mut clients = vec![];
        let patience = Duration::from_millis(500);
        while let Ok(client) = timeout(patience, TcpStream::connect(address)).await {
            clients.push(client.unwrap());
            assert!(clients.len() < 100, "the queue has no end");
        }
        Self { listener, clients }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.listener.local_addr().unwrap())
    }

    /// Accepts the connections that wait, and counts those that send something.
    pub(crate) async fn requests(self) -> usize {
        let Self { listener, clients } = self;
        drop(clients);
        let mut requests = 0;
        while let Ok(client) = timeout(Duration::from_millis(300), listener.accept()).await {
            let (mut client, _) = client.unwrap();
            let byte = client.read_u8().await;
            requests += usize::from(byte.is_ok());
        }
        requests
    }
}
