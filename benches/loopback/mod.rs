//! A trivial server in another process. It reads each request completely, and answers each with a new task id.

use std::{
    env,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    thread,
};

/// The number of task ids for each connection. A task id divided by it is the connection's number.
pub(crate) const TASKS: u64 = 100_000_000_000;

fn reply(task_id: u64) -> String {
    format!(
        "HTTP/1.1 200 OK\r\n\
         Content-Type: application/json\r\n\
         Content-Length: 57\r\n\r\n\
         {{\"code\":0,\"msg\":\"Success\",\"taskId\":\"{task_id:019}\"}}"
    )
}

const SERVE: &str = "--serve";

/// The server's process, which is killed when this is dropped.
pub(crate) struct Server {
    process: Child,
    pub(crate) endpoint: String,
}

impl Server {
    /// Starts this program again as the server. `main` must call [`serve_if_asked`] first.
    pub(crate) fn start() -> Self {
        let mut command = Command::new(env::current_exe().unwrap());
        let mut process = command.arg(SERVE).stdout(Stdio::piped()).spawn().unwrap();
        let mut endpoint = String::new();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        output.read_line(&mut endpoint).unwrap();
        Self { process, endpoint: endpoint.trim().to_owned() }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// Serves until killed, if this process was started as the server.
pub(crate) fn serve_if_asked() {
    if env::args().nth(1).as_deref() != Some(SERVE) {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    println!("http://{}", listener.local_addr().unwrap());
    for (connection, stream) in (1..).zip(listener.incoming()) {
        let stream = stream.unwrap();
        thread::spawn(move || serve(&stream, connection * TASKS));
    }
}

/// Answers requests with task ids from `first` on.
fn serve(stream: &TcpStream, first: u64) {
    stream.set_nodelay(true).unwrap();
    let mut input = BufReader::with_capacity(1 << 16, stream);
    let mut body = Vec::new();
    for task_id in first.. {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if input.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            let line = line.trim_end().to_ascii_lowercase();
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.parse().unwrap();
            }
            if line.is_empty() {
                break;
            }
        }
        body.resize(length, 0);
        if input.read_exact(&mut body).is_err() {
            return;
        }
        (&*stream).write_all(reply(task_id).as_bytes()).unwrap();
    }
}
