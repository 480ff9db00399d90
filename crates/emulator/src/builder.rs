//! The settings of an emulator.

use std::{
    collections::{VecDeque, hash_map::RandomState},
    fmt,
    hash::BuildHasher,
    io,
    net::Ipv4Addr,
    num::NonZeroU64,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::handler::Handler;
use chrono::TimeDelta;
use tokio::{net::TcpListener, sync::watch};

use crate::{
    answered::Answered,
    authentication::Accepted,
    connection::{Allowance, Loopback},
    edition::Edition,
    emulator::Emulator,
    package::Package,
    schedule::Schedule,
    server::{Service, ServiceState, Settings, StampedDate, clamp, handle},
    share::{EmulatedShare, Shares},
    task::{FIRST_TASK_ID, Tasks},
    task_step::CodeShape,
    throttle::{Throttle, Window},
};

/// Configures an [`Emulator`].
#[derive(Default)]
pub struct EmulatorBuilder {
    port: u16,
    accepted: Accepted,
    clock_offset: TimeDelta,
    schedule: Schedule,
    shares: Vec<EmulatedShare>,
    package: Package,
    first_task_id: Option<u64>,
    settings: Settings,
}

impl Emulator {
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
}

impl EmulatorBuilder {
    /// Sets the port. Defaults to 0, which means any free one.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Sets a path before `/koodrive/…`, such as `/gateway`. Slashes at its ends don't matter. Defaults to none.
    pub fn path_prefix(mut self, prefix: impl AsRef<str>) -> Self {
        self.settings.path_prefix = match prefix.as_ref().trim_matches('/') {
            "" => String::new(),
            prefix => format!("/{prefix}"),
        };
        self
    }

    /// Refuses headers and body fields that the reference doesn't list, and repeated headers, with 400 `13000102`.
    /// Defaults to `false`: the reference doesn't forbid them, and HTTP libraries add headers of their own.
    pub fn strict(mut self, strict: bool) -> Self {
        self.settings.strict = strict;
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

    /// Shifts the Date header of replies by `offset` from the server's clock, as an intermediary with a clock of its own
    /// does. The server's clock still judges X-Date. The reply to every `every`-th request received is shifted: 1 means
    /// every reply, 0 none. The Date header of a scripted [`Answer`](crate::Answer) stays as it is. Defaults to no shift.
    /// `offset` is clamped to 36,500 days either way.
    pub fn stamped_date(mut self, offset: TimeDelta, every: u64) -> Self {
        self.settings.stamped_date = NonZeroU64::new(every).map(|every| StampedDate { offset: clamp(offset), every });
        self
    }

    /// Limits how many calls pass in a window of time. Defaults to no limit.
    pub fn throttle(mut self, throttle: Throttle) -> Self {
        self.settings.throttle = Some(throttle);
        self
    }

    /// Loses the reply to each `every`-th task that is made: the connection closes without a byte of it, as by
    /// [`Fault::CloseAfterProcessing`](crate::Fault::CloseAfterProcessing). 0 loses none, which is the default.
    pub fn lose_reply_every(mut self, every: u64) -> Self {
        self.settings.lose_reply_every = NonZeroU64::new(every);
        self
    }

    /// Holds back the reply to each creation for this long, so that a client can be killed while its request is on its
    /// way. The task exists meanwhile. Measured by tokio's clock, so paused time applies. Defaults to no delay.
    pub fn delay_creations(mut self, delay: Duration) -> Self {
        self.settings.delay_creations = Some(delay);
        self
    }

    /// Sets a function that is called with each request and its answer, before the answer is sent. It must not block.
    /// Defaults to none.
    ///
    /// ```
    /// # use koodrive_share_emulator::Emulator;
    /// let builder = Emulator::builder().on_answer(|answered| eprintln!("{answered}"));
    /// ```
    pub fn on_answer(mut self, report: impl Fn(&Answered) + Send + Sync + 'static) -> Self {
        self.settings.on_answer = Some(Box::new(report));
        self
    }

    /// Demands exactly this `kdstoken` of createBatchTask and getBatchTask, and refuses others with 13000410. Defaults to
    /// none: any kdstoken is accepted, and no kdstoken is too, unless the share is one of the emulator's with an extract
    /// code.
    pub fn share_access(mut self, kdstoken: impl Into<String>) -> Self {
        self.settings.kdstoken = Some(kdstoken.into());
        self
    }

    /// Adds a share. Can be called again; of two with one short code the later counts. Defaults to
    /// [`EmulatedShare::example`], if none is given. createBatchTask and getBatchTask also accept a share id that
    /// belongs to none of the shares.
    pub fn share(mut self, share: EmulatedShare) -> Self {
        self.shares.push(share);
        self
    }

    /// Sets how tasks move. Defaults to [`Schedule::default`]: completed at the third poll.
    pub fn schedule(mut self, schedule: Schedule) -> Self {
        self.schedule = schedule;
        self
    }

    /// Sets the packages and how they are served. Defaults to [`Package::default`].
    pub fn package(mut self, package: Package) -> Self {
        self.package = package;
        self
    }

    /// Sets the id of the first task; the ids of later tasks count up from it. Defaults to 1689765568237837824, that of
    /// the reference's example. Set another id if an emulator that replaces an earlier one must not repeat its ids.
    pub fn first_task_id(mut self, id: u64) -> Self {
        self.first_task_id = Some(id);
        self
    }

    /// Sets the shape of `code` in the answers of createBatchTask. Defaults to [`CodeShape::Number`].
    pub fn create_code(mut self, shape: CodeShape) -> Self {
        self.settings.create_code = shape;
        self
    }

    /// Sets the edition of the reference that the answers of getBatchTask follow. Defaults to [`Edition::Current`].
    pub fn edition(mut self, edition: Edition) -> Self {
        self.settings.edition = edition;
        self
    }

    /// Sets how many requests, and how many bodies of tasks, are kept: the most recent ones. Defaults to 1,000, which
    /// takes some 40 MB when each names 1,000 files. 0 keeps none. The tasks themselves are all kept, at some 500 bytes
    /// each. A task whose body is not kept lists no files, and a download of its package is answered by a 500 that says
    /// so.
    pub fn record(mut self, requests: usize) -> Self {
        self.settings.record = requests;
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
        if self.shares.is_empty() {
            self.shares.push(EmulatedShare::example());
        }
        let mut shares = Shares::default();
        self.shares.into_iter().for_each(|share| shares.set(share));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, self.port)).await?;
        let address = listener.local_addr()?;
        self.settings.origin = format!("http://{address}");
        let endpoint = format!("{}{}", self.settings.origin, self.settings.path_prefix);
        self.settings.request_id_seed = RandomState::new().hash_one(address);
        let (stop, stopping) = watch::channel(false);
        let service = Arc::new(Service {
            settings: self.settings,
            live: Mutex::new(ServiceState {
                accepted: Arc::new(self.accepted),
                clock_offset: self.clock_offset,
                schedule: Arc::new(self.schedule),
                package: Arc::new(self.package),
                downloads: 0,
                faults: VecDeque::new(),
                requests: VecDeque::new(),
                received: 0,
                tasks: Tasks::new(self.first_task_id.unwrap_or(FIRST_TASK_ID)),
                shares,
                window: Window::default(),
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
            .field("path_prefix", &self.settings.path_prefix)
            .field("strict", &self.settings.strict)
            .field("clock_offset", &self.clock_offset)
            .field("schedule", &self.schedule)
            .field("shares", &self.shares)
            .field("package", &self.package)
            .field("first_task_id", &self.first_task_id)
            .field("create_code", &self.settings.create_code)
            .field("edition", &self.settings.edition)
            .field("record", &self.settings.record)
            .field("stamped_date", &self.settings.stamped_date)
            .field("throttle", &self.settings.throttle)
            .field("lose_reply_every", &self.settings.lose_reply_every)
            .field("delay_creations", &self.settings.delay_creations)
            .finish_non_exhaustive()
    }
}
