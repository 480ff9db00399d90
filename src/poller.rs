//! Following a task to its end.
//!
//! [`Client::poller`](crate::Client::poller) makes a [`Poller`]. Its setters say how often it polls and when it gives
//! up.

use std::{error::Error as StdError, fmt, time::Duration};

use futures_util::{Stream, StreamExt, stream};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until},
};
use tracing::Instrument;

use crate::{
    client::Client,
    error::Error,
    error_chain::debug_as_chain,
    redact::sanitize_for_display,
    rules,
    runtime::joined,
    task::{handle::TaskHandle, status::TaskStatus},
    validation::{ValidationError, Violations, time_shown},
};

/// The longest wait between two polls. A token lapses 20 minutes after its last use; one minute is for a slow reply.
const MAX_INTERVAL: Duration = Duration::from_secs(19 * 60);

/// How long after its creation a task may be unknown to the service.
const VISIBLE_AFTER: Duration = Duration::from_secs(10);

/// Polls a task until its end.
///
/// ```no_run
/// # use koodrive_share::{Client, TaskHandle};
/// # async fn example(client: Client, handle: TaskHandle) -> Result<(), koodrive_share::PollError> {
/// # use std::time::Duration;
/// let hours = Duration::from_secs(6 * 60 * 60);
/// let mut patient = client.poller(&handle).interval(Duration::from_secs(60)).timeout(hours);
/// let status = patient.until_done().await?;
/// println!("{}", status.state);
/// # Ok(()) }
/// ```
///
/// [`Client::wait`] is enough to await the end of a task. A poller adds other intervals and time-outs, single polls,
/// and a [stream](Self::into_stream) of the task's progress.
///
/// The first poll is made at once, the next after 1 s, 2 s, 4 s, 8 s, and from then on every 15 s, unless the setters
/// or the service's `Retry-After` (up to 19 minutes) say otherwise. In the first 10 s after the task's creation, it is
/// not a failure if the service does not find the task. A failed poll that is followed by another is reported by a
/// `tracing` event at debug level alone.
///
/// # Cancel safety
///
/// Each poll runs as a tokio task, so it continues if a future of the poller is dropped, and the next future takes its
/// result. Dropping the poller cancels the poll. This does nothing to the task on the server: a new poller can continue
/// with the handle.
///
/// # Panics
///
/// Panics outside of a tokio runtime with I/O and time enabled.
#[derive(Debug)]
pub struct Poller {
    client: Client,
    handle: TaskHandle,
    /// None unless the caller set an interval.
    interval: Option<Duration>,
    max_interval: Option<Duration>,
    timeout: Duration,
    max_failures: u32,
    schedule: Option<Schedule>,
    /// The poll in flight, or one whose result was not taken yet. It returns the result and when that came.
    poll: JoinSet<(Result<TaskStatus, Error>, Instant)>,
    polls: u32,
    failures: u32,
}

#[derive(Clone, Copy, Debug)]
struct Schedule {
    started: Instant,
    due: Instant,
    /// The wait after the next poll.
    interval: Duration,
}

impl Client {
    /// Waits until a task has ended, successfully or not, for an hour at most. For other intervals and time-outs, or
    /// for the task's progress, use a [`poller`](Self::poller).
    ///
    /// ```no_run
    /// # use koodrive_share::{Client, TaskHandle};
    /// # async fn example(client: Client, handle: TaskHandle) -> Result<(), koodrive_share::PollError> {
    /// let status = client.wait(&handle).await?;
    /// assert!(status.is_done());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the task has not ended after an hour, or if polling fails for good or too often. The task
    /// goes on regardless.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the polling and does nothing to the task.
    ///
    /// # Panics
    ///
    /// Panics outside of a tokio runtime with I/O and time enabled.
    #[doc(alias("wait_until_done", "wait_for", "join", "until_done"))]
    pub async fn wait(&self, handle: impl Into<TaskHandle>) -> Result<TaskStatus, PollError> {
        self.poller(handle).until_done().await
    }

    /// Makes a [`Poller`], which follows a task with your own intervals and time-out, or as a stream of its progress.
    #[doc(alias("poll", "follow", "on_progress", "wait_with", "watch"))]
    pub fn poller(&self, handle: impl Into<TaskHandle>) -> Poller {
        Poller {
            client: self.clone(),
            handle: handle.into(),
            interval: None,
            max_interval: None,
            timeout: Duration::from_secs(60 * 60),
            max_failures: 5,
            schedule: None,
            poll: JoinSet::new(),
            polls: 0,
            failures: 0,
        }
    }
}

/// Setters, to be called before the first poll. [`until_done`](Self::until_done) and the stream return an error for a
/// broken rule.
impl Poller {
    /// Sets the wait after the first poll, without jitter. Defaults to 1 s, doubled for each further wait. If you set
    /// an interval, it is doubled only if you also set a [`max_interval`](Self::max_interval). More than 0 and at most
    /// 19 minutes.
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = Some(interval);
        self
    }

    /// Sets the longest wait between two polls. Defaults to the interval if one is set, else to 15 s; at least the
    /// interval, at most 19 minutes.
    ///
    /// A vendor's token lapses 20 minutes after its last use, so polling more rarely would lose the session.
    pub fn max_interval(mut self, interval: Duration) -> Self {
        self.max_interval = Some(interval);
        self
    }

    /// Sets the time after which polling ends, with one last poll. Defaults to 1 hour. `Duration::MAX` never ends; 0
    /// polls once. The calls of a [patient client](Client::with_patience) pause no longer than that, either.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets how many polls in a row may fail transiently. Defaults to 5, which is exceeded if the service is
    /// unavailable for about a minute; 0 gives up at the first failure. A [patient client](Client::with_patience)
    /// tolerates more: a failure that its call overcomes is not a failed poll.
    pub fn max_failures(mut self, failures: u32) -> Self {
        self.max_failures = failures;
        self
    }

    /// Returns the wait after the first poll, and the longest wait.
    fn intervals(&self) -> Result<(Duration, Duration), ValidationError> {
        let interval = self.interval.unwrap_or(Duration::from_secs(1));
        let max_interval = self.max_interval.or(self.interval).unwrap_or(Duration::from_secs(15));
        let mut violations = Violations::default();
        let is_within = !interval.is_zero() && interval <= max_interval;
        violations.bounds(rules::INTERVAL, is_within, time_shown(interval));
        if max_interval > MAX_INTERVAL {
            let advice = "poll more often: a token lapses 20 minutes after its last use";
            violations.add(rules::SESSION_LIFETIME.at("max_interval").given(time_shown(max_interval)).advise(advice));
        }
        violations.into_result().map(|()| (interval, max_interval))
    }

    /// Polls once, without a wait, or takes the result of a poll whose future was dropped.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`Client::status`].
    ///
    /// # Panics
    ///
    /// Panics outside of a tokio runtime with I/O and time enabled.
    pub async fn poll(&mut self) -> Result<TaskStatus, Error> {
        self.poll_result().await.0
    }

    /// Returns the result of a poll, and when it came.
    async fn poll_result(&mut self) -> (Result<TaskStatus, Error>, Instant) {
        loop {
            if let Some(result) = self.poll.join_next().await.and_then(joined) {
                return result;
            }
            // No poll is in flight, or the runtime of the last one was shut down.
            self.polls += 1;
            let left =
                self.schedule.map_or(Duration::MAX, |schedule| self.timeout.saturating_sub(schedule.started.elapsed()));
            let (client, handle) = (self.client.with_patience_at_most(left), self.handle.clone());
            let poll = async move { (client.status(&handle).await, Instant::now()) };
            self.poll.spawn(poll.in_current_span());
        }
    }

    /// Polls until the task has ended, successfully or not: [`TaskStatus::state`] tells which.
    ///
    /// # Errors
    ///
    /// Returns an error if the time is over, if polling fails for good or too often, or if a setting breaks a rule. The
    /// task goes on regardless.
    ///
    /// # Panics
    ///
    /// Panics outside of a tokio runtime with I/O and time enabled.
    #[doc(alias("wait"))]
    pub async fn until_done(&mut self) -> Result<TaskStatus, PollError> {
        loop {
            let status = self.next().await?;
            if status.state.is_final() {
                return Ok(status);
            }
        }
    }

    /// Turns the poller into a stream of the status of each poll. The stream ends after the task's end or the first
    /// error.
    ///
    /// ```no_run
    /// # use futures_util::TryStreamExt;
    /// # use koodrive_share::{Client, TaskHandle};
    /// # async fn example(client: Client, handle: TaskHandle) -> Result<(), koodrive_share::PollError> {
    /// let mut progress = client.poller(handle).into_stream();
    /// while let Some(status) = progress.try_next().await? {
    ///     println!("{} {:?}", status.state, status.progress);
    /// }
    /// # Ok(()) }
    /// ```
    pub fn into_stream(self) -> impl Stream<Item = Result<TaskStatus, PollError>> + Send + Unpin {
        let polls = stream::unfold(Some(self), |poller| async {
            let mut poller: Self = poller?;
            let next = poller.next().await;
            let goes_on = next.as_ref().is_ok_and(|status| !status.state.is_final());
            Some((next, goes_on.then_some(poller)))
        });
        Box::pin(polls.fuse())
    }

    /// Polls when the next poll is due, and again after each failure that may pass.
    async fn next(&mut self) -> Result<TaskStatus, PollError> {
        let intervals = self.intervals();
        let (interval, max_interval) = intervals.map_err(|error| self.give_up(Instant::now(), Err(error.into())))?;
        loop {
            let now = Instant::now();
            let schedule = *self.schedule.get_or_insert(Schedule { started: now, due: now, interval });
            // None means that there is no deadline.
            let deadline = schedule.started.checked_add(self.timeout);
            sleep_until(schedule.due).await;
            let (result, received) = self.poll_result().await;
            let is_over = deadline.is_some_and(|deadline| received >= deadline);
            // By both clocks, the task must be new: this machine's hardly moves in a test that pauses tokio's clock.
            let is_early = self.is_new() && received - schedule.started < VISIBLE_AFTER;
            let is_hidden = is_early && result.as_ref().is_err_and(Error::is_not_found);
            self.failures = if result.is_ok() { 0 } else { self.failures + u32::from(!is_hidden) };
            let retry_after = result.as_ref().err().and_then(Error::retry_after).unwrap_or_default();
            let due = received + schedule.interval.max(retry_after).min(MAX_INTERVAL);
            self.schedule = Some(Schedule {
                // The last poll is made when the time is over.
                due: deadline.map_or(due, |deadline| due.min(deadline)),
                interval: (schedule.interval * 2).min(max_interval),
                ..schedule
            });
            match result {
                Ok(status) if !is_over || status.state.is_final() => return Ok(status),
                Err(error) if !is_over && (is_hidden || error.is_retryable() && self.failures <= self.max_failures) => {
                    tracing::debug!(%error, polls = self.polls, "poll failed");
                }
                last => return Err(self.give_up(schedule.started, last)),
            }
        }
    }

    /// Whether the task was created so recently that the service may not find it yet.
    fn is_new(&self) -> bool {
        // The absolute value, because a handle may come from another machine, whose clock is fast.
        let age = (self.client.now() - self.handle.created_at()).abs().to_std();
        age.is_ok_and(|age| age < VISIBLE_AFTER)
    }

    fn give_up(&self, started: Instant, last: Result<TaskStatus, Error>) -> PollError {
        let (handle, elapsed, polls) = (self.handle.clone(), started.elapsed(), self.polls);
        PollError(Box::new(GivenUp { handle, elapsed, polls, last }))
    }
}

/// The error of polling that ended before the task did. The task itself goes on.
///
/// Poll again with the [`handle`](Self::handle), now or in another process. The message names the kind of the last
/// failure, and [`source`](StdError::source) is its [`error`](Self::error); `{error:?}` prints both.
pub struct PollError(Box<GivenUp>);

#[derive(Debug)]
struct GivenUp {
    handle: TaskHandle,
    elapsed: Duration,
    polls: u32,
    /// The result of the last poll, or the error that prevented it.
    last: Result<TaskStatus, Error>,
}

impl PollError {
    /// Returns the handle of the task, to poll again with.
    pub fn handle(&self) -> &TaskHandle {
        &self.0.handle
    }

    /// Returns how long the task was followed.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed
    }

    /// Returns the number of polls.
    pub fn polls(&self) -> u32 {
        self.0.polls
    }

    /// Returns the status of the last poll, if the time was over and the task had not ended.
    pub fn last_status(&self) -> Option<&TaskStatus> {
        self.0.last.as_ref().ok()
    }

    /// Returns the failure of the last poll or the broken rules of a setting, if that was the cause.
    pub fn error(&self) -> Option<&Error> {
        self.0.last.as_ref().err()
    }
}

/// `gave up on task 1 after 12 polls in 120 s: it is being processed; the task goes on, poll again with its handle`
impl fmt::Display for PollError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let GivenUp { handle, elapsed, polls, last } = &*self.0;
        let seconds = elapsed.as_secs();
        let task_id = sanitize_for_display(handle.task_id(), &[]);
        if *polls == 0 {
            return write!(
                f,
                "did not poll task {task_id}: a time breaks a rule; correct it, then poll with its handle"
            );
        }
        let plural = if *polls == 1 { "" } else { "s" };
        write!(f, "gave up on task {task_id} after {polls} poll{plural} in {seconds} s: ")?;
        match last {
            Ok(status) => write!(f, "it is {}", status.state)?,
            Err(error) => write!(f, "the last poll failed ({})", error.error_type().replace('_', " "))?,
        }
        f.write_str(match last {
            Err(error) if !error.is_retryable() => {
                "; the task may go on: remove the cause, then poll again with its handle"
            }
            Ok(_) | Err(_) => "; the task goes on, poll again with its handle",
        })
    }
}

debug_as_chain!(PollError);

impl StdError for PollError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.error().map(|error| error as _)
    }
}
