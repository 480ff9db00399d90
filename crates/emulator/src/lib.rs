//! The share-task service, imitated in process, to test a client against.
//!
//! [`Emulator::start`] gives a server on a free loopback port. It reads the API reference on its own account: every
//! request is checked from its raw parts against every documented rule (headers, the 15 minutes of X-Date, app
//! signatures, the body), and refused if it breaks one. Where the reference is silent, a request passes: a browser's
//! headers are no fault. [`EmulatorBuilder::strict`] refuses what isn't documented, too. Tasks then move along a [`Schedule`], and a [`Fault`] can be
//! scripted for the next request.
//!
//! ```
//! use koodrive_share_emulator::{Emulator, Schedule};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! let emulator = Emulator::builder()
//!     .token("t0ken")
//!     .schedule(Schedule::immediate_success())
//!     .start()
//!     .await?;
//! // … point a client at `emulator.endpoint()`, then look at what arrived:
//! for request in emulator.requests() {
//!     println!("{request}"); // HTTP/1.1 text with the secrets masked
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # What is checked, in this order
//!
//! | rule | refused with |
//! |---|---|
//! | path; method POST; no query | 404 `APIGW.0101`; 405 `APIGW.0103`; 400 `13000102` |
//! | Authorization, one of the accepted credentials; an app signature is verified over the raw request | 401 `APIGW.0301` |
//! | if strict: no headers but the documented ones, Host, Accept, Accept-Encoding, Content-Type, Content-Length, User-Agent and Connection; none of them twice, except Accept, Accept-Encoding and Connection | 400 `13000102` |
//! | X-Date: a real date, `yyyyMMdd'T'HHmmss'Z'` | 400 `13000102` |
//! | X-Date: not after the server's time, not more than 15 min 0 s before it | 401 `APIGW.0301` |
//! | X-User-Id, X-Hw-Agentname: printable ASCII; X-Traceid, if sent: `^[0-9A-Za-z_]{58}$`; Content-Type `application/json` | 400 `13000102` |
//! | the body: a JSON object, no name twice, all mandatory fields, no `null` and no empty string in a documented field, `fileIds` 1 to 1,000 strings, `zipName` for `taskType` 1, `targetFileId` for 2; if strict: no other field | 400 `13000102` |
//! | `kdstoken`, if the emulator wants a certain one | 400 `13000410` |
//! | getBatchTask: the task exists in that share | 400 `13000309` |
//!
//! `APIGW.…` come as `{error_code, error_msg}`, the others as `{code, msg}` with `code` typed String. Error texts can
//! repeat what was sent, as the service's do: an app id, the canonical request.
//!
//! # Limits
//!
//! - HTTP/1.1 in the clear, loopback only. What isn't HTTP is answered by the HTTP layer and not recorded.
//! - Bodies up to [`Emulator::BODY_LIMIT`]; more is a 413 `APIGW.0201`.
//! - The reference doesn't say what the real service does with a request that breaks two rules, or which code refuses
//!   a kdstoken. The order above and 13000410 are the emulator's choice, as are the 400s of a strict emulator.
//! - Of a repeated header the first value counts, unless the emulator is strict. A repeated Authorization is always
//!   refused, and so is a signed header that was repeated.
//! - It's made for tests and examples: credentials are compared plainly, and it keeps what it receives in memory.

mod authentication;
mod body;
mod connection;
mod fault;
mod object;
mod request;
mod rules;
mod schedule;
mod server;
mod signature;
mod task;

pub use fault::{Answer, Fault};
pub use request::RecordedRequest;
pub use schedule::{CodeShape, Schedule, Step, TaskInfosShape};
pub use task::EmulatedTask;

use std::collections::VecDeque;
use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher;
use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use axum::handler::Handler;
use chrono::TimeDelta;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use authentication::Accepted;
use connection::{Allowance, Loopback};
use server::{Live, Service, Settings, handle};

/// A running emulator.
///
/// It lives in the tokio runtime it was started in. When it's dropped, its port and every open connection close, also
/// those that wait in a [`Fault::Delay`], as soon as that runtime gets to run.
///
/// All methods take `&self`; a change applies to requests that arrive after it.
#[must_use = "the emulator stops when it's dropped"]
pub struct Emulator {
    endpoint: String,
    service: Arc<Service>,
    stop: watch::Sender<bool>,
    server: JoinHandle<io::Result<()>>,
}

impl Emulator {
    /// The token accepted by default, sent as `Authorization: Bearer emulator-token`.
    pub const DEFAULT_TOKEN: &'static str = "emulator-token";

    /// The longest request body that is read: 4 MiB.
    pub const BODY_LIMIT: usize = server::BODY_LIMIT;

    /// Starts an emulator with every default.
    ///
    /// # Errors
    /// If no loopback port can be bound.
    ///
    /// # Panics
    /// Outside of a tokio runtime with I/O and time enabled.
    pub async fn start() -> io::Result<Self> {
        Self::builder().start().await
    }

    /// Starts to configure an emulator.
    pub fn builder() -> EmulatorBuilder {
        EmulatorBuilder::default()
    }

    /// The base URL to give to a client: `http://127.0.0.1:<port>`, then the path prefix if there is one.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The requests received so far, refused ones included, in order: at most the last
    /// [`record`](EmulatorBuilder::record) ones. A request counts as received once its body has arrived.
    #[must_use]
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.service.live().requests.iter().cloned().collect()
    }

    /// How many requests were received so far, those no longer recorded included.
    #[must_use]
    pub fn request_count(&self) -> u64 {
        self.service.live().received
    }

    /// Every task made so far, in order.
    #[must_use]
    pub fn tasks(&self) -> Vec<EmulatedTask> {
        self.service.live().tasks.list()
    }

    /// Queues a fault. Each request that arrives takes the oldest one.
    pub fn fail_next(&self, fault: Fault) {
        self.service.live().faults.push_back(fault);
    }

    /// How many queued faults no request has taken yet. A test that ends with some left hasn't done what it meant to.
    #[must_use]
    pub fn faults_left(&self) -> usize {
        self.service.live().faults.len()
    }

    /// Sets the server's clock to the system's plus `offset`. It judges X-Date, and shows in the Date header of answers
    /// and the times of tasks. Clamped to 36,500 days either way.
    pub fn set_clock_offset(&self, offset: TimeDelta) {
        self.service.live().clock_offset = clamp(offset);
    }

    /// Sets the schedule of the tasks made from now on. Earlier tasks keep theirs.
    pub fn set_schedule(&self, schedule: Schedule) {
        self.service.live().schedule = Arc::new(schedule);
    }

    /// Accepts this bearer token too.
    pub fn accept_token(&self, token: impl Into<String>) {
        let token = token.into();
        self.change_accepted(|accepted| accepted.tokens.push(token));
    }

    /// Accepts this bearer token no longer, as when its 20 minutes are over. Does nothing if it wasn't accepted.
    pub fn revoke_token(&self, token: &str) {
        self.change_accepted(|accepted| accepted.tokens.retain(|kept| kept != token));
    }

    fn change_accepted(&self, change: impl FnOnce(&mut Accepted)) {
        change(Arc::make_mut(&mut self.service.live().accepted));
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        self.server.abort();
    }
}

impl fmt::Debug for Emulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let live = self.service.live();
        f.debug_struct("Emulator")
            .field("endpoint", &self.endpoint)
            .field("requests", &live.received)
            .field("tasks", &live.tasks.len())
            .field("faults_left", &live.faults.len())
            .finish_non_exhaustive()
    }
}

/// Configures an [`Emulator`].
#[must_use]
pub struct EmulatorBuilder {
    port: u16,
    path_prefix: String,
    strict: bool,
    accepted: Accepted,
    clock_offset: TimeDelta,
    kdstoken: Option<String>,
    schedule: Schedule,
    create_code: CodeShape,
    record: usize,
}

impl Default for EmulatorBuilder {
    fn default() -> Self {
        Self {
            port: 0,
            path_prefix: String::new(),
            strict: false,
            accepted: Accepted::default(),
            clock_offset: TimeDelta::zero(),
            kdstoken: None,
            schedule: Schedule::default(),
            create_code: CodeShape::default(),
            record: 1000,
        }
    }
}

impl EmulatorBuilder {
    /// Sets the port. Defaults to 0, which means any free one.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Sets a path before `/koodrive/…`, such as `/gateway`. Slashes at its ends don't matter. Defaults to none.
    pub fn path_prefix(mut self, prefix: impl AsRef<str>) -> Self {
        self.path_prefix = match prefix.as_ref().trim_matches('/') {
            "" => String::new(),
            prefix => format!("/{prefix}"),
        };
        self
    }

    /// Refuses headers and body fields that the reference doesn't list, and repeated headers, with 400 `13000102`.
    /// Defaults to `false`: the reference doesn't forbid them, and HTTP libraries add headers of their own.
    pub fn strict(mut self, strict: bool) -> Self {
        self.strict = strict;
        self
    }

    /// Accepts `Authorization: Bearer <token>`. Can be called again, and beside the other kinds.
    ///
    /// Defaults to [`Emulator::DEFAULT_TOKEN`], if no credential of any kind is given.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.accepted.tokens.push(token.into());
        self
    }

    /// Accepts this Authorization value verbatim, such as `Bearer+10f88…`. Can be called again, and beside the other
    /// kinds. Defaults to none.
    pub fn authorization(mut self, value: impl Into<String>) -> Self {
        self.accepted.verbatim.push(value.into());
        self
    }

    /// Accepts signatures of this app. Can be called again, and beside the other kinds; of two secrets for one id the
    /// first counts. Defaults to none.
    pub fn app(mut self, app_id: impl Into<String>, app_secret: impl Into<String>) -> Self {
        self.accepted.apps.push((app_id.into(), app_secret.into()));
        self
    }

    /// Sets the server's clock to the system's plus `offset`. Defaults to zero. Clamped to 36,500 days either way.
    pub fn clock_offset(mut self, offset: TimeDelta) -> Self {
        self.clock_offset = clamp(offset);
        self
    }

    /// Demands exactly this `kdstoken` in every body, and refuses others with 13000410. Defaults to none: any kdstoken
    /// is accepted, and no kdstoken is too.
    pub fn share_access(mut self, kdstoken: impl Into<String>) -> Self {
        self.kdstoken = Some(kdstoken.into());
        self
    }

    /// Sets how tasks move. Defaults to [`Schedule::default`]: completed at the third poll.
    pub fn schedule(mut self, schedule: Schedule) -> Self {
        self.schedule = schedule;
        self
    }

    /// Sets the shape of `code` in the answers of createBatchTask. Defaults to [`CodeShape::Number`].
    pub fn create_code(mut self, shape: CodeShape) -> Self {
        self.create_code = shape;
        self
    }

    /// Sets how many requests, and how many bodies of tasks, are kept: the most recent ones. Defaults to 1,000, which
    /// takes some 40 MB when each names 1,000 files. 0 keeps none. Tasks themselves are all kept, in some 500 bytes each.
    pub fn record(mut self, requests: usize) -> Self {
        self.record = requests;
        self
    }

    /// Starts the emulator.
    ///
    /// # Errors
    /// If the port can't be bound: it's taken, or may not be used.
    ///
    /// # Panics
    /// Outside of a tokio runtime with I/O and time enabled.
    pub async fn start(mut self) -> io::Result<Emulator> {
        if self.accepted.is_empty() {
            self.accepted.tokens.push(Emulator::DEFAULT_TOKEN.to_owned());
        }
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, self.port)).await?;
        let address = listener.local_addr()?;
        let endpoint = format!("http://{address}{}", self.path_prefix);
        let (stop, stopping) = watch::channel(false);
        let service = Arc::new(Service {
            settings: Settings {
                path_prefix: self.path_prefix,
                strict: self.strict,
                kdstoken: self.kdstoken,
                create_code: self.create_code,
                record: self.record,
                request_id_seed: RandomState::new().hash_one(address),
            },
            live: Mutex::new(Live {
                accepted: Arc::new(self.accepted),
                clock_offset: self.clock_offset,
                schedule: Arc::new(self.schedule),
                faults: VecDeque::new(),
                requests: VecDeque::new(),
                received: 0,
                tasks: task::Tasks::default(),
            }),
            stopping: stopping.clone(),
        });
        let app = handle.with_state(Arc::clone(&service)).into_make_service_with_connect_info::<Allowance>();
        let loopback = Loopback { listener, stopping };
        let server = tokio::spawn(axum::serve(loopback, app).into_future());
        Ok(Emulator { endpoint, service, stop, server })
    }
}

/// Shows no credential.
impl fmt::Debug for EmulatorBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmulatorBuilder")
            .field("port", &self.port)
            .field("path_prefix", &self.path_prefix)
            .field("strict", &self.strict)
            .field("clock_offset", &self.clock_offset)
            .field("schedule", &self.schedule)
            .field("create_code", &self.create_code)
            .field("record", &self.record)
            .finish_non_exhaustive()
    }
}

/// Keeps the server's clock within the years that its formats can write.
fn clamp(offset: TimeDelta) -> TimeDelta {
    let century = TimeDelta::days(36_500);
    offset.clamp(-century, century)
}
