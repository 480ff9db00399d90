//! More than 1,000 file ids: one task for each 1,000 of them.
//!
//! [`Client::create_bulk`] begins a run; [`Bulk`] is the stream of its [`BulkItem`]s; [`BulkPolicy`] says how many
//! requests there are at a time, what happens after an unknown outcome, and where the ledger is.

mod chunk_producer;
pub(crate) mod error;
pub(crate) mod file_ids;
mod gate;
pub(crate) mod item;
pub(crate) mod ledger;
pub(crate) mod policy;
mod run;
mod task_ids;
mod zip_name;

use std::{
    fmt, mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use futures_util::{
    FutureExt, Stream, StreamExt, TryStreamExt, future,
    stream::{self, BoxStream},
};

use self::{
    chunk_producer::ChunkProducer,
    error::{BulkError, BulkErrorKind},
    file_ids::FileIds,
    item::{BulkItem, BulkReport},
    policy::BulkPolicy,
    run::{Progress, Run},
};
use crate::{
    client::Client,
    error::Error,
    share_task::ShareTaskBuilder,
    validation::{ValidationError, Violations},
};

/// A bulk creation: a stream of one [`BulkItem`] per chunk of at most 1,000 file ids, in the order of the ids.
///
/// ```no_run
/// # use koodrive_share::{BulkPolicy, Client, ShareTask, TargetDirectory};
/// # async fn example(client: Client, ids: Vec<String>) -> Result<(), Box<dyn std::error::Error>> {
/// let task = ShareTask::dump(TargetDirectory::root("my-space"))
///     .share_id("1689765568237837824")
///     .container_id("IAABh_RdhS8bOg0cA1684711052660690818");
/// let policy = BulkPolicy::default().ledger("dump.ledger");
/// let mut bulk = client.create_bulk_with(task, ids, policy)?;
/// while let Some(item) = bulk.next().await.transpose()? {
///     match &item.result {
///         Ok(handle) => println!("{}: ids {:?}", handle.task_id(), item.range),
///         Err(error) => eprintln!("ids {:?}: {error:?}", item.range),
///     }
/// }
/// println!("{}", bulk.report());
/// # Ok(()) }
/// ```
///
/// The stream ends with `None` only after every id has been attempted; a run that ends otherwise says why with a
/// [`BulkError`], its last word. A chunk that was rejected or not sent ends the run only where every further one would fail,
/// too: a task with a kdstoken was refused access, credentials were refused, or a certificate or a proxy is not accepted. To
/// end it on others, call [`stop`](Self::stop). One whose outcome is unknown ends it as [`AfterUnknown`](crate::AfterUnknown)
/// says, and one that is throttled pauses it: see [`patience`](crate::BulkPolicy::patience).
///
/// Nothing is read or sent before the first poll. Ids are read and chunks begun only while the stream is polled; a chunk
/// that was begun is a task of the runtime and goes on by itself. So while you look at an item, up to
/// [`concurrency`](crate::BulkPolicy::concurrency) − 1 chunks go on and no other begins: where looking takes long, poll the
/// stream in a task of its own. Memory grows with the concurrency and the longest ids, and by less than 60 bytes for each
/// chunk.
///
/// # Cancel safety
///
/// [`next`](Self::next) loses nothing when it is dropped. Dropping the stream begins nothing more; chunks that were
/// begun are still sent as long as the runtime lives, and reach the ledger, but none waits for the end of a pause. To learn
/// what became of them, `stop` instead.
///
/// # Panics
///
/// Outside of a tokio runtime with its I/O and time enabled.
#[must_use = "a stream does nothing until it is polled"]
pub struct Bulk<'a> {
    /// Dropped at the end, with the ledger's lock.
    pending: Option<BoxStream<'a, Result<BulkItem, BulkErrorKind>>>,
    run: Arc<Run>,
    report: BulkReport,
}

impl Client {
    /// Creates tasks for any number of file ids, with the default [`BulkPolicy`]. To be able to resume a run that died, give
    /// it a [ledger](BulkPolicy::ledger) by [`create_bulk_with`](Self::create_bulk_with).
    ///
    /// ```no_run
    /// # use koodrive_share::{Client, ShareTask, TargetDirectory};
    /// # async fn example(client: Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let task = ShareTask::dump(TargetDirectory::root("my-space")).share_id("s").container_id("c");
    /// let mut bulk = client.create_bulk(task, (0..50_000).map(|n| format!("F{n}")))?;
    /// while let Some(item) = bulk.next().await.transpose()? {
    ///     println!("{:?}: {}", item.range, item.result?.task_id());
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// `task` is what all tasks have in common, so it names neither file ids nor a trace id. `file_ids` is any
    /// iterator, or a stream as [`FileIds`]; it is read as the run goes on and never held whole.
    ///
    /// # Errors
    ///
    /// All broken rules of `task` together, before anything is read or sent: those of
    /// [`ShareTaskBuilder::build`] but the ones about file ids, and `template`.
    #[doc(alias("create_all", "create_many"))]
    pub fn create_bulk<'a>(
        &self,
        task: ShareTaskBuilder,
        file_ids: impl Into<FileIds<'a>>,
    ) -> Result<Bulk<'a>, ValidationError> {
        self.create_bulk_with(task, file_ids, BulkPolicy::default())
    }

    /// Creates tasks for any number of file ids, as `policy` says.
    ///
    /// # Errors
    ///
    /// All broken rules together, before anything is read or sent: those of [`create_bulk`](Self::create_bulk) and those
    /// of [`BulkPolicy::validate`].
    pub fn create_bulk_with<'a>(
        &self,
        task: ShareTaskBuilder,
        file_ids: impl Into<FileIds<'a>>,
        policy: BulkPolicy,
    ) -> Result<Bulk<'a>, ValidationError> {
        let mut violations = Violations::default();
        task.validate_as_template(&mut violations);
        policy.validate_into(&mut violations);
        violations.into_result()?;
        let run = Arc::new(Run::new(self.without_throttle_retry(), task, policy));
        let producer = ChunkProducer::new(run.clone(), file_ids.into());
        let next = |mut producer: ChunkProducer<'a>| async { Ok(producer.next().await?.map(|item| (item, producer))) };
        let items =
            stream::try_unfold(producer, next).map(|item| item.unwrap_or_else(|error| future::err(error).boxed()));
        Ok(Bulk { pending: Some(items.buffered(run.policy.concurrency).boxed()), run, report: BulkReport::default() })
    }
}

impl Bulk<'_> {
    /// The next item, `None` after the last.
    ///
    /// # Errors
    ///
    /// Why the run ended before every id was attempted; nothing comes after it.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime with its I/O and time enabled.
    pub async fn next(&mut self) -> Option<Result<BulkItem, BulkError>> {
        StreamExt::next(self).await
    }

    /// Takes all items, and gives what they say together: for those whom single chunks do not matter to.
    ///
    /// # Errors
    ///
    /// As for [`next`](Self::next), with the error of the last chunk that failed as the source unless there is another. The
    /// report is lost then: to keep it, take the items one by one.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the stream, and the report with it.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime with its I/O and time enabled.
    #[doc(alias("finish", "wait"))]
    pub async fn collect(mut self) -> Result<BulkReport, BulkError> {
        let mut cause = None;
        while let Some(item) = self.try_next().await.map_err(|error| BulkError { cause: cause.take(), ..error })? {
            cause = item.result.err().map(Into::into).or(cause);
        }
        Ok(mem::take(&mut self.report))
    }

    /// Begins no further chunk; one whose line is being written to the ledger is not sent. The stream goes on with those
    /// that were begun, then ends with a [`BulkError`] if there are ids left.
    pub fn stop(&self) {
        self.run.stop(BulkErrorKind::Stopped);
    }

    /// What the items so far say together.
    pub fn report(&self) -> &BulkReport {
        &self.report
    }

    /// Why a run of which no further item comes is not complete: because it `failed`, or was stopped.
    fn end_error(&self, failed: Option<BulkErrorKind>) -> Option<BulkError> {
        let Progress { stop, exhausted, attempted, unwritten, .. } =
            self.run.progress.send_replace(Progress::default());
        let kind = match (stop, failed) {
            // A ledger that lacks a line is worse than whatever else ended the run.
            (Some(stop), _) if stop.is_ledger() => stop,
            (_, Some(failed)) => failed,
            (Some(stop), None) if !exhausted || stop.is_of_all_requests() => stop,
            (_, None) => return None,
        };
        Some(BulkError { kind, attempted, exhausted, unwritten, cause: None })
    }
}

impl Stream for Bulk<'_> {
    type Item = Result<BulkItem, BulkError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let Some(pending) = &mut this.pending else { return Poll::Ready(None) };
        let failed = match ready!(pending.poll_next_unpin(context)).transpose() {
            Ok(Some(item)) => {
                let failure = item.result.as_ref().err().map(Error::outcome_of_chunk);
                this.report.add(failure, item.from_ledger, item.range.end);
                return Poll::Ready(Some(Ok(item)));
            }
            ended => ended.err(),
        };
        this.pending = None;
        Poll::Ready(this.end_error(failed).map(Err))
    }
}

/// Nobody waits for the end of a pause any more.
impl Drop for Bulk<'_> {
    fn drop(&mut self) {
        self.run.progress.send_modify(|progress| progress.is_dropped = true);
    }
}

impl fmt::Debug for Bulk<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bulk").field("report", &self.report).finish_non_exhaustive()
    }
}
