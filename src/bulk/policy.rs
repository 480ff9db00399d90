//! How a bulk creation is run.

use std::{path::PathBuf, sync::Arc, time::Duration};

use crate::{
    error::Error,
    patience::OnPause,
    rules,
    validation::{DAY, ValidationError, Violations, time_shown},
};

/// Most chunks at a time: a client has as many places for requests by default.
const MAX_CONCURRENCY: usize = 100;

const LEAST_INTERVAL: Duration = Duration::from_micros(1);

/// How a bulk creation is run.
///
/// ```
/// # use koodrive_share::{AfterUnknown, BulkPolicy};
/// let policy = BulkPolicy::default().concurrency(8).after_unknown(AfterUnknown::Continue).ledger("dump.ledger");
/// ```
///
/// What breaks a rule is the error of [`Client::create_bulk_with`](crate::Client::create_bulk_with), or of
/// [`validate`](Self::validate) before there is a client.
#[derive(Clone, Debug)]
#[must_use = "a policy does nothing until a run is given it"]
pub struct BulkPolicy {
    pub(super) concurrency: usize,
    pub(super) after_unknown: AfterUnknown,
    pub(super) split_packages: bool,
    pub(super) ledger: Option<PathBuf>,
    pub(super) resend_unknown: bool,
    pub(super) patience: Duration,
    pub(super) on_pause: Option<OnPause>,
    rate: Option<(u32, Duration)>,
}

/// What a run does once the outcome of a chunk is [unknown](crate::Outcome::Unknown).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum AfterUnknown {
    /// It begins no further chunk. What made one outcome unknown, such as a gateway that times out, would do the same
    /// to the next.
    #[default]
    Stop,
    /// It goes on, so that any number of outcomes may end up unknown.
    Continue,
}

impl Default for BulkPolicy {
    fn default() -> Self {
        Self {
            concurrency: 4,
            after_unknown: AfterUnknown::default(),
            split_packages: false,
            ledger: None,
            resend_unknown: false,
            patience: Duration::from_secs(15 * 60),
            on_pause: None,
            rate: None,
        }
    }
}

impl BulkPolicy {
    /// Sets how many chunks at most are on their way, or done and not looked at, at a time. Defaults to 4; 1 to 100.
    ///
    /// More than the client's [`max_concurrent_requests`](crate::ClientBuilder::max_concurrent_requests) only makes
    /// requests wait for each other within their time-outs.
    pub fn concurrency(self, chunks: usize) -> Self {
        Self { concurrency: chunks, ..self }
    }

    /// Sets what happens after an unknown outcome. Defaults to [`AfterUnknown::Stop`].
    pub fn after_unknown(self, after_unknown: AfterUnknown) -> Self {
        Self { after_unknown, ..self }
    }

    /// Consents to several packages where one would need more than 1,000 file ids. Defaults to false: such a run ends
    /// before anything is sent. Dumps are split in any case.
    ///
    /// Each package gets a number in its name, also if there turns out to be one only: `photos.zip` becomes
    /// `photos-0001.zip` for the first 1,000 file ids, `photos-0002.zip` for the next, and so on; a name that does not
    /// end in `.zip` has it at its end. A resumed run gives the same names.
    pub fn split_packages(self, consent: bool) -> Self {
        Self { split_packages: consent, ..self }
    }

    /// Sets the file that keeps what became of each chunk, so that a run that died can be resumed: run it again with
    /// the same file. Defaults to none.
    ///
    /// It is made if it does not exist; a torn last line, left by a crash, is recovered. A resumed run
    ///
    /// - sends no chunk that was accepted: such chunks come as items with their handles;
    /// - sends those that were rejected or never sent;
    /// - sends none that was, or may have been, sent and of which no answer is known: they come as items whose outcome is
    ///   unknown, and do not stop the run; see [`resend_unknown`](Self::resend_unknown).
    ///
    /// Ids are compared with those of the first run chunk by chunk, as they are read, before anything of that chunk is
    /// sent; ids that no run has come to yet cannot be compared.
    ///
    /// A ledger belongs to one run, which locks it until its last request has ended; a second run ends at once. The
    /// operating system drops the lock of a process that dies. Where a file system has no locks, a second run is noticed at
    /// the next line that either writes, and whoever notices stops.
    ///
    /// A run stops, too, if its ledger is deleted, replaced or truncated. To a truncated one it adds a line that keeps the next
    /// run from taking the rest for all that there was: restore the file first. A file that is empty, or not there, is a new
    /// ledger.
    ///
    /// The file is JSON lines: first `run`, what the ids are done with; then a `chunk` line before each request leaves
    /// and one after its reply, or in its place if the run is stopped in between, with the chunk's range, the SHA-256 of
    /// its `fileIds` as JSON, the trace id and the state; and `end`, once all ids have been read. It holds no secret, and
    /// no file id but those that the service names in a refusal. Every line is on the disk (`fdatasync`) before the run
    /// goes on, so it outlasts a power cut too. That costs two waits for the disk for each chunk, some milliseconds.
    #[doc(alias("resume"))]
    pub fn ledger(self, path: impl Into<PathBuf>) -> Self {
        Self { ledger: Some(path.into()), ..self }
    }

    /// Consents to sending chunks again whose outcome an earlier run left unknown, **which makes a second task where
    /// the first was made after all**. Defaults to false.
    ///
    /// If the service refuses such a chunk, its outcome stays unknown: the refusal says nothing of the first request.
    pub fn resend_unknown(self, consent: bool) -> Self {
        Self { resend_unknown: consent, ..self }
    }

    /// Sets how long a run waits for a service that creates nothing. Defaults to 15 minutes; with 0 the first refusal ends the run,
    /// with [`Duration::MAX`] none does.
    ///
    /// A request that is throttled has made nothing. Then the whole run pauses: for as long as the service asks for
    /// (`Retry-After`), at least for 1 to 2 seconds, and twice as long each time up to 1 to 2 minutes. After a pause one
    /// request probes; the others follow once it got through. A connection that does not come about, or a token provider
    /// that gives no usable token, pauses the run in the same way once there has been a reply; before, it ends the run,
    /// since the endpoint may be mistyped. The time counts from the first refusal since the last task. If it ends, or the
    /// service asks to wait for longer than what is left, so does the run: see
    /// [`BulkError::is_out_of_patience`](crate::BulkError::is_out_of_patience).
    ///
    /// Credentials that are refused, certificates and proxies that are not accepted end a run at once; the last item names the
    /// cause. An unknown outcome is never sent again.
    pub fn patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Sets what is called at the beginning of each pause, with its length and the error that caused it. Defaults to
    /// nothing.
    ///
    /// ```
    /// # use koodrive_share::BulkPolicy;
    /// let policy = BulkPolicy::default().on_pause(|length, error| eprintln!("paused for {length:?}: {error:?}"));
    /// ```
    ///
    /// It is called in a task of the runtime: it must not block. If it panics, so does the stream.
    pub fn on_pause(self, tell: impl Fn(Duration, &Error) + Send + Sync + 'static) -> Self {
        Self { on_pause: Some(OnPause(Arc::new(tell))), ..self }
    }

    /// Sets how many requests are sent at most in a time, evenly spaced. Defaults to no limit; at least 1 request in at most a
    /// day, at most 1 in a microsecond.
    ///
    /// ```
    /// # use koodrive_share::BulkPolicy;
    /// # use std::time::Duration;
    /// let policy = BulkPolicy::default().rate(20, Duration::from_secs(10)); // one every half second
    /// ```
    ///
    /// A request counts when it begins; the further attempts of a call without a connection do not count.
    pub fn rate(self, requests: u32, per: Duration) -> Self {
        Self { rate: Some((requests, per)), ..self }
    }

    /// Checks the policy, as [`Client::create_bulk_with`](crate::Client::create_bulk_with) does.
    ///
    /// # Errors
    ///
    /// All broken rules together: `concurrency`, `ledger-required`, `rate`.
    pub fn validate(&self) -> Result<(), ValidationError> {
        let mut violations = Violations::default();
        self.validate_into(&mut violations);
        violations.into_result()
    }

    pub(super) fn validate_into(&self, violations: &mut Violations) {
        let Self { concurrency, ledger, resend_unknown, rate, .. } = self;
        let is_within = (1..=MAX_CONCURRENCY).contains(concurrency);
        violations.bounds(rules::CONCURRENCY, is_within, concurrency);
        if let Some((requests, per)) = *rate {
            let is_within = self.interval().is_some_and(|it| it >= LEAST_INTERVAL) && per <= DAY;
            violations.bounds(rules::RATE, is_within, format!("{requests} in {}", time_shown(per)));
        }
        if *resend_unknown && ledger.is_none() {
            let advice = "name the ledger of the earlier run";
            violations.add(rules::LEDGER_REQUIRED.at("resend_unknown").given("none").advise(advice));
        }
    }

    /// The time between two requests.
    pub(super) fn interval(&self) -> Option<Duration> {
        self.rate.and_then(|(requests, per)| per.checked_div(requests))
    }
}
