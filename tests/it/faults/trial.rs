//! A trial of a fault: a client, a call, and the result.

use std::{mem::take, time::Duration};

use koodrive_share::{Client, ClientBuilder, Error, ShareTask, TaskHandle};
use tokio_rustls::TlsAcceptor;

use super::secrets::{Caller, EXTRACT_CODE, KDSTOKEN, assert_debug_hides_secrets};
use crate::support::{
    fixtures::{builder_at, package},
    scripted_server::{Script, ScriptedServer, Seen, Step},
};

/// A trial of a fault by one kind of caller.
#[derive(Clone)]
pub(super) struct Trial {
    pub(super) caller: Caller,
    pub(super) connect_timeout: Duration,
    pub(super) timeout: Duration,
    pub(super) attempts: u32,
    pub(super) max_reply_bytes: usize,
    pub(super) call: Call,
}

/// The call that a caller makes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    Create,
    Query,
    /// Opens a share with an extract code, by three calls, each with its own trace id.
    OpenShare,
}

impl Default for Trial {
    fn default() -> Self {
        Self {
            caller: Caller::Bearer,
            connect_timeout: Duration::from_secs(10),
            timeout: Duration::from_secs(60),
            attempts: 3,
            max_reply_bytes: 1 << 20,
            call: Call::Create,
        }
    }
}

/// The result of a fault.
pub(super) struct Observed {
    pub(super) ending: Ending,
    /// `None` if they are not counted.
    pub(super) connections: Option<usize>,
    pub(super) requests: usize,
}

pub(super) enum Ending {
    Made,
    Failed(Error),
    /// The caller dropped the call, or was aborted in it.
    NoAnswer,
}

impl Trial {
    pub(super) fn builder(&self, endpoint: &str) -> ClientBuilder {
        let builder = builder_at(endpoint)
            .credentials(self.caller.credentials())
            .connect_timeout(self.connect_timeout)
            .timeout(self.timeout)
            .max_attempts(self.attempts)
            .max_reply_bytes(self.max_reply_bytes);
        assert_debug_hides_secrets(&builder);
        builder
    }

    pub(super) fn client(&self, endpoint: &str) -> Client {
        self.builder(endpoint).build().unwrap()
    }

    /// Makes a single call to a server that plays the script.
    pub(super) async fn play(&self, script: &Script) -> Observed {
        let server = self.server(script).await;
        let ending = self.call(&self.client(&server.endpoint())).await;
        let seen = server.finish().await;
        if let Ending::Failed(error) = &ending {
            let trace_id = error.trace_id().unwrap().as_str();
            let mut requests = seen.requests.iter();
            let carry_it = match self.call {
                Call::OpenShare => requests.next_back().is_some_and(|request| request.contains(trace_id)),
                Call::Create | Call::Query => requests.all(|request| request.contains(trace_id)),
            };
            assert!(carry_it, "not {trace_id}: {:?}", seen.requests);
        }
        Observed::new(&seen, ending)
    }

    /// A server that plays the script, in which the placeholders are replaced by the secrets in use.
    pub(super) async fn server(&self, script: &Script) -> ScriptedServer {
        ScriptedServer::start(self.filled(script)).await
    }

    /// A server like that of [`server`](Self::server), but with TLS.
    pub(super) async fn tls_server(&self, script: &Script, tls: TlsAcceptor) -> ScriptedServer {
        ScriptedServer::start_tls(self.filled(script), tls).await
    }

    fn filled(&self, script: &Script) -> Script {
        let fill = |bytes: Vec<u8>| self.caller.fill(bytes);
        let mut script = script.clone();
        for step in script.iter_mut().flatten() {
            match step {
                Step::Send(bytes) | Step::Flood(bytes) => *bytes = fill(take(bytes)),
                Step::Request
                | Step::Head
                | Step::Byte
                | Step::Drip(..)
                | Step::Stall
                | Step::Hold
                | Step::Close
                | Step::Reset
                | Step::NoHandshake => {}
            }
        }
        script
    }

    /// Makes the call, and asserts that no `Debug` of its values shows a secret.
    pub(super) async fn call(&self, client: &Client) -> Ending {
        assert_debug_hides_secrets(client);
        let failed = match self.call {
            Call::Create => return create(client, &task("file")).await,
            Call::Query => {
                let handle = handle(client);
                assert_debug_hides_secrets(&client.poller(handle.clone()));
                client.status(&handle).await.inspect(assert_debug_hides_secrets).err()
            }
            Call::OpenShare => {
                let share = client.open_share(&"1808628918203192832".parse().unwrap(), Some(EXTRACT_CODE)).await;
                share.inspect(assert_debug_hides_secrets).err()
            }
        };
        failed.map_or(Ending::Made, Ending::Failed)
    }
}

impl Observed {
    /// The result that `server` saw, once its clients are gone.
    pub(super) async fn by(server: ScriptedServer, ending: Ending) -> Self {
        Self::new(&server.finish().await, ending)
    }

    fn new(seen: &Seen, ending: Ending) -> Self {
        Self { ending, connections: Some(seen.connections), requests: seen.requests.len() }
    }
}

pub(super) async fn create(client: &Client, task: &ShareTask) -> Ending {
    assert_debug_hides_secrets(task);
    match client.create(task).await {
        Ok(handle) => {
            assert_debug_hides_secrets(&handle);
            Ending::Made
        }
        Err(error) => {
            assert_eq!(error.trace_id(), Some(task.trace_id()));
            Ending::Failed(error)
        }
    }
}

pub(super) fn task(file_id: &str) -> ShareTask {
    package().file_ids([file_id]).kdstoken(KDSTOKEN).build().unwrap()
}

/// A handle that was read from a store.
fn handle(client: &Client) -> TaskHandle {
    let stored = serde_json::json!({
        "taskId": "task",
        "shareId": "share",
        "traceId": task("file").trace_id(),
        "createdAt": "2025-11-03T07:01:40Z",
        "endpoint": client.endpoint(),
    });
    let handle: TaskHandle = serde_json::from_value(stored).unwrap();
    handle.with_kdstoken(KDSTOKEN)
}

/// A reply with this status line, further header lines, and a body; [`Caller::fill`] completes it.
pub(super) fn reply(status: &str, headers: &str, body: &str) -> Vec<u8> {
    let headers = if headers.is_empty() { String::new() } else { format!("{headers}\r\n") };
    format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: <length>\r\n{headers}\r\n{body}")
        .into_bytes()
}

pub(super) fn ok(body: &str) -> Vec<u8> {
    reply("200 OK", "", body)
}

/// The reply in the reference.
pub(super) const CREATED: &str = r#"{"code":0,"msg":"Success","taskId":"1689765568237837824"}"#;
