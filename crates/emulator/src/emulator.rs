//! A running emulator.

use std::{fmt, io, sync::Arc};

use chrono::TimeDelta;
use tokio::{sync::watch, task::JoinHandle};

use crate::{
    authentication::Accepted,
    fault::Fault,
    package::Package,
    request::RecordedRequest,
    rules::Operation,
    schedule::Schedule,
    server::{self, Service, clamp},
    share::EmulatedShare,
    task::EmulatedTask,
};

/// A running emulator.
///
/// It lives in the tokio runtime it was started in. When it's dropped, its port and every open connection close, also
/// those that wait in a [`Fault::Delay`], as soon as that runtime gets to run.
///
/// All methods take `&self`; a change applies to requests that arrive after it.
#[must_use = "the emulator stops when it's dropped"]
pub struct Emulator {
    pub(crate) endpoint: String,
    pub(crate) service: Arc<Service>,
    pub(crate) stop: watch::Sender<bool>,
    pub(crate) server: JoinHandle<io::Result<()>>,
}

impl Emulator {
    /// The token accepted by default, sent as `Authorization: Bearer emulator-token`.
    pub const DEFAULT_TOKEN: &'static str = "emulator-token";

    /// The longest request body that is read: 4 MiB.
    pub const BODY_LIMIT: usize = server::BODY_LIMIT;

    /// The base URL to give to a client: `http://127.0.0.1:<port>`, then the path prefix if there is one.
    #[doc(alias("base_url", "uri", "url"))]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The requests received so far, refused ones included, in order: at most the last
    /// [`record`](crate::EmulatorBuilder::record) ones. A request counts as received once its body has arrived.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.service.live().requests.iter().cloned().collect()
    }

    /// The number of requests received so far, those no longer recorded included.
    pub fn request_count(&self) -> u64 {
        self.service.live().received
    }

    /// Every task made so far, in order.
    pub fn tasks(&self) -> Vec<EmulatedTask> {
        self.service.live().tasks.list()
    }

    /// Queues a fault for the next request of any kind. Each request that arrives takes the oldest fault that applies
    /// to it.
    pub fn fail_next(&self, fault: Fault) {
        self.service.live().faults.push_back((None, fault));
    }

    /// Queues a fault for the next request of an operation. Requests of other operations leave it in the queue.
    pub fn fail_next_of(&self, operation: Operation, fault: Fault) {
        self.service.live().faults.push_back((Some(operation), fault));
    }

    /// The number of queued faults that no request has taken yet. If some are left at the end of a test, the test
    /// hasn't done what it was meant to do.
    pub fn faults_left(&self) -> usize {
        self.service.live().faults.len()
    }

    /// Sets the server's clock to the system's plus `offset`. The clock judges X-Date, and shows in the Date header of
    /// answers and the times of tasks. Clamped to 36,500 days either way.
    pub fn set_clock_offset(&self, offset: TimeDelta) {
        self.service.live().clock_offset = clamp(offset);
    }

    /// Sets the schedule of the tasks made from now on. Earlier tasks keep theirs.
    pub fn set_schedule(&self, schedule: Schedule) {
        self.service.live().schedule = Arc::new(schedule);
    }

    /// Adds a share, or replaces the one with its short code. The kdstokens of a replaced share are no longer accepted.
    pub fn set_share(&self, share: EmulatedShare) {
        self.service.live().shares.set(share);
    }

    /// Stops accepting the kdstokens that were issued for extract codes.
    pub fn lapse_kdstokens(&self) {
        self.service.live().shares.lapse_kdstokens();
    }

    /// Sets the packages and how they are served from now on, those of earlier tasks too.
    pub fn set_package(&self, package: Package) {
        self.service.live().package = Arc::new(package);
    }

    /// The number of downloads so far that were answered as [`Package`] says: with a package, with a part of one, or
    /// with [`Package::answer`]. A refused request doesn't count.
    pub fn downloads(&self) -> u64 {
        self.service.live().downloads
    }

    /// Accepts this bearer token too.
    pub fn accept_token(&self, token: impl Into<String>) {
        let token = token.into();
        self.change_accepted(|accepted| accepted.tokens.push(token));
    }

    /// Stops accepting this bearer token, as when its 20 minutes are over. Does nothing if it wasn't accepted.
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
