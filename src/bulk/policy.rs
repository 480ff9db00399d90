//! The settings of a bulk creation.

use std::{path::PathBuf, sync::Arc, time::Duration};

use crate::{
    error::Error,
    patience::OnPause,
    rules,
    validation::{DAY, ValidationError, Violations, time_shown},
};

/// The maximum concurrency, which equals a client's default limit of concurrent requests.
const MAX_CONCURRENCY: usize = 100;

const MIN_INTERVAL: Duration = Duration::from_micros(1);

/// The settings of a bulk creation.
///
/// ```
/// # use koodrive_share::{AfterUnknown, BulkPolicy};
/// let policy = BulkPolicy::default().concurrency(8).after_unknown(AfterUnknown::Continue).ledger("dump.ledger");
/// ```
///
/// [`Client::create_bulk_with`](crate::Client::create_bulk_with) returns an error for a broken rule.
/// [`validate`](Self::validate) checks the rules without a client.
#[derive(Clone, Debug)]
#[must_use = "a policy does nothing until it is passed to a run"]
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
    /// The run begins no further chunk. The cause of the unknown outcome, such as a gateway that times out, may affect
    /// the next chunk, too.
    #[default]
    Stop,
    /// The run goes on, so that any number of outcomes may be unknown in the end.
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
    /// Sets the maximum number of chunks that are in flight, or done but not yet taken from the stream. Defaults to 4;
    /// 1 to 100.
    ///
    /// A value above the client's [`max_concurrent_requests`](crate::ClientBuilder::max_concurrent_requests) only makes
    /// requests wait for each other, and this wait counts towards their time-outs.
    pub fn concurrency(self, chunks: usize) -> Self {
        Self { concurrency: chunks, ..self }
    }

    /// Sets what happens after an unknown outcome. Defaults to [`AfterUnknown::Stop`].
    pub fn after_unknown(self, after_unknown: AfterUnknown) -> Self {
        Self { after_unknown, ..self }
    }

    /// Consents to splitting a package of more than 1,000 file ids into several packages. Defaults to false: a run that
    /// would need this ends before anything is sent. Dumps are split without consent.
    ///
    /// Each package gets a number in its name, even if there is only one: `photos.zip` becomes `photos-0001.zip` for
    /// the first 1,000 file ids, `photos-0002.zip` for the next, and so on. If the name does not end in `.zip`, the
    /// number is appended. A resumed run uses the same names.
    pub fn split_packages(self, consent: bool) -> Self {
        Self { split_packages: consent, ..self }
    }

    /// Sets the ledger: a file that records the result of each chunk, so that a run that died can be resumed. To resume
    /// a run, run it again with the same file. Defaults to none.
    ///
    /// The file is created if it does not exist. An incomplete last line, which a crash can leave, is repaired. A
    /// resumed run
    ///
    /// - does not send chunks that were accepted: their items hold the handles of their tasks;
    /// - sends chunks that were rejected or never sent;
    /// - does not send chunks that were sent, or may have been, without a known result: their items have an unknown
    ///   outcome and do not stop the run; see [`resend_unknown`](Self::resend_unknown).
    ///
    /// The ids of each chunk are compared with those of the first run before the chunk is sent. Ids that no run has
    /// reached yet cannot be compared.
    ///
    /// A run locks its ledger until its last request has ended; a second run on the same ledger ends at once. The
    /// operating system releases the lock of a process that dies. On a file system without locks, a run notices another
    /// one when it next writes a line, and then stops.
    ///
    /// A run also stops if its ledger is deleted, replaced or truncated. The run marks a truncated ledger with a line
    /// that makes the next run fail, because the lines before it are lost: restore the file first. A file that is empty
    /// or does not exist is a new ledger.
    ///
    /// The file holds JSON lines. The first line, `run`, says what the tasks have in common. One `chunk` line is
    /// written before each request and another after its reply, or in place of the request if the run is stopped in
    /// between. A `chunk` line holds the chunk's range, the SHA-256 of its `fileIds` as JSON, the trace id and the
    /// state. An `end` line is written once all ids have been read. The file holds no secret, and only those file ids
    /// that the service names in a refusal. Each line is synced to the disk (`fdatasync`) before the run goes on, so
    /// that it survives a power cut. That costs two syncs for each chunk, some milliseconds.
    #[doc(alias("resume"))]
    pub fn ledger(self, path: impl Into<PathBuf>) -> Self {
        Self { ledger: Some(path.into()), ..self }
    }

    /// Consents to resending chunks whose outcome an earlier run left unknown. **This creates a second task if the
    /// first request did create one.** Defaults to false.
    ///
    /// If the service refuses such a chunk, its outcome stays unknown: the refusal says nothing about the first
    /// request.
    pub fn resend_unknown(self, consent: bool) -> Self {
        Self { resend_unknown: consent, ..self }
    }

    /// Sets how long a run goes on while the service creates no task. Defaults to 15 minutes; with 0 the first refusal
    /// ends the run, with [`Duration::MAX`] none does.
    ///
    /// A throttled request has created no task, so the whole run pauses and then resends it. The pause lasts as long as
    /// the service asks for (`Retry-After`), but at least 1 to 2 seconds; this minimum doubles with each pause in a
    /// row, up to 1 to 2 minutes. After a pause, one request probes the service; the others follow once the probe gets
    /// through. A failed connection, or a token provider that returns no usable token, pauses the run in the same way
    /// if there has been a reply before. Otherwise it ends the run, since the endpoint may be mistyped. Patience is
    /// counted from the first refusal since the last created task. If it ends, or the service asks for a longer wait
    /// than is left, the run ends: see [`BulkError::is_out_of_patience`](crate::BulkError::is_out_of_patience).
    ///
    /// Refused credentials, and certificates or proxies that are not accepted, end a run at once; the last item names
    /// the cause. A request with an unknown outcome is never resent in the same run.
    pub fn patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Sets a callback for the beginning of each pause, which receives the pause's length and the error that caused it.
    /// Defaults to none.
    ///
    /// ```
    /// # use koodrive_share::BulkPolicy;
    /// let policy = BulkPolicy::default().on_pause(|length, error| eprintln!("paused for {length:?}: {error:?}"));
    /// ```
    ///
    /// The callback runs in a tokio task, so it must not block. If it panics, the stream panics, too.
    pub fn on_pause(self, callback: impl Fn(Duration, &Error) + Send + Sync + 'static) -> Self {
        Self { on_pause: Some(OnPause(Arc::new(callback))), ..self }
    }

    /// Sets the maximum rate of requests, which are evenly spaced. Defaults to no limit; at least 1 request in a period
    /// of at most a day, at most 1 per microsecond.
    ///
    /// ```
    /// # use koodrive_share::BulkPolicy;
    /// # use std::time::Duration;
    /// let policy = BulkPolicy::default().rate(20, Duration::from_secs(10)); // one every half second
    /// ```
    ///
    /// Each request counts once, when it begins, also one that is resent after a pause. Further attempts of the same
    /// request, such as after a failed connection, do not count.
    pub fn rate(self, requests: u32, per: Duration) -> Self {
        Self { rate: Some((requests, per)), ..self }
    }

    /// Checks the policy, as [`Client::create_bulk_with`](crate::Client::create_bulk_with) does.
    ///
    /// # Errors
    ///
    /// Returns all broken rules together: `concurrency`, `ledger-required`, `rate`.
    pub fn validate(&self) -> Result<(), ValidationError> {
        let mut violations = Violations::default();
        self.validate_into(&mut violations);
        violations.into_result()
    }

    pub(super) fn validate_into(&self, violations: &mut Violations) {
        let Self { concurrency, ledger, resend_unknown, rate, .. } = self;
        violations.bounds(rules::CONCURRENCY, (1..=MAX_CONCURRENCY).contains(concurrency), concurrency);
        if let Some((requests, per)) = *rate {
            let is_within = self.interval().is_some_and(|it| it >= MIN_INTERVAL) && per <= DAY;
            violations.bounds(rules::RATE, is_within, format!("{requests} in {}", time_shown(per)));
        }
        if *resend_unknown && ledger.is_none() {
            let advice = "name the ledger of the earlier run";
            violations.add(rules::LEDGER_REQUIRED.at("resend_unknown").given("none").advise(advice));
        }
    }

    /// The minimum time between two requests.
    pub(super) fn interval(&self) -> Option<Duration> {
        self.rate.and_then(|(requests, per)| per.checked_div(requests))
    }
}
