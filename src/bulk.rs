//! Share tasks for more than 1,000 file ids: one task for each 1,000 of them.
//!
//! [`Client::create_bulk`] begins a run; [`Bulk`] is the stream of its [`BulkItem`]s; [`BulkPolicy`] sets how many
//! chunks are in flight, what happens after an unknown outcome, and where the ledger is.

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
/// The stream ends without an error only after every id has been attempted. Otherwise its last item is a [`BulkError`],
/// which says why the run ended. A chunk that was rejected or not sent ends the run only if every further chunk would
/// fail, too: a task with a kdstoken was refused access, credentials were refused, a certificate or a proxy is not
/// accepted, or there was no connection or no token before any reply. To end the run after any other failure, call
/// [`stop`](Self::stop). [`AfterUnknown`](crate::AfterUnknown) says what happens after an unknown outcome. A chunk that
/// is throttled pauses the run: see [`patience`](crate::BulkPolicy::patience).
///
/// Nothing is read or sent before the first poll. Ids are read and chunks are begun only while the stream is polled. A
/// chunk that was begun runs as a tokio task of its own, and needs no further poll. So while you process an item, up to
/// [`concurrency`](crate::BulkPolicy::concurrency) − 1 chunks continue, but no other chunk begins. If processing takes
/// long, poll the stream in a tokio task of its own. Memory grows with the concurrency and the longest ids, and by less
/// than 60 bytes for each chunk.
///
/// # Cancel safety
///
/// Dropping the future of [`next`](Self::next) loses nothing. If you drop the stream, no further chunk begins. Chunks
/// that were begun are still sent and recorded in the ledger while the runtime lives, but none waits for the end of a
/// pause or for the rate. To receive their items, call `stop` instead and read the stream to its end.
///
/// # Panics
///
/// Panics if it is polled outside of a tokio runtime with I/O and time enabled.
#[must_use = "a stream does nothing until it is polled"]
pub struct Bulk<'a> {
    /// The items to come. None at the end, so that the ledger's lock is released.
    pending: Option<BoxStream<'a, Result<BulkItem, BulkErrorKind>>>,
    run: Arc<Run>,
    report: BulkReport,
}

impl Client {
    /// Creates tasks for any number of file ids, with the default [`BulkPolicy`]. To be able to resume a run that died,
    /// use [`create_bulk_with`](Self::create_bulk_with) and set a [ledger](BulkPolicy::ledger).
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
    /// `task` holds what all tasks have in common, so it sets no file ids, no trace id and no `X-Date`. `file_ids` is
    /// any iterator, or a stream as [`FileIds`]. Ids are read as the run proceeds: it holds only those of the chunks in
    /// flight and of the next chunk.
    ///
    /// # Errors
    ///
    /// Returns all broken rules of `task` together, before anything is read or sent: the rules of
    /// [`ShareTaskBuilder::build`] except those about file ids, and the rule `template`.
    #[doc(alias("create_all", "create_many"))]
    pub fn create_bulk<'a>(
        &self,
        task: ShareTaskBuilder,
        file_ids: impl Into<FileIds<'a>>,
    ) -> Result<Bulk<'a>, ValidationError> {
        self.create_bulk_with(task, file_ids, BulkPolicy::default())
    }

    /// Creates tasks for any number of file ids, with the settings of `policy`.
    ///
    /// # Errors
    ///
    /// Returns all broken rules together, before anything is read or sent: those of [`create_bulk`](Self::create_bulk)
    /// and those of [`BulkPolicy::validate`].
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
        let begun =
            stream::try_unfold(producer, async |mut producer| Ok(producer.next().await?.map(|item| (item, producer))));
        // `try_buffered` would return an error before the items of the chunks that were begun.
        let items = begun.map(|item| item.unwrap_or_else(|error| future::err(error).boxed()));
        Ok(Bulk { pending: Some(items.buffered(run.policy.concurrency).boxed()), run, report: BulkReport::default() })
    }
}

impl Bulk<'_> {
    /// Returns the next item, or `None` after the last one.
    ///
    /// # Errors
    ///
    /// Returns a [`BulkError`] if the run did not complete. Only `None` follows it.
    ///
    /// # Panics
    ///
    /// Panics outside of a tokio runtime with I/O and time enabled.
    pub async fn next(&mut self) -> Option<Result<BulkItem, BulkError>> {
        StreamExt::next(self).await
    }

    /// Awaits all items and returns a report of them, for callers that need no single items.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`next`](Self::next). If such an error has no source of its own, its source is the
    /// error of the last chunk that failed. The report is lost: to keep it, take the items one by one.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the stream and the report.
    ///
    /// # Panics
    ///
    /// Panics outside of a tokio runtime with I/O and time enabled.
    #[doc(alias("finish", "wait"))]
    pub async fn collect(mut self) -> Result<BulkReport, BulkError> {
        let mut cause = None;
        while let Some(item) = self.try_next().await.map_err(|error| BulkError { cause: cause.take(), ..error })? {
            cause = item.result.err().map(Into::into).or(cause);
        }
        Ok(mem::take(&mut self.report))
    }

    /// Stops the run: no further chunk begins. A chunk whose line is still being written to the ledger is not sent. The
    /// stream yields the items of the chunks that were sent, then ends with a [`BulkError`] unless no ids are left.
    pub fn stop(&self) {
        self.run.stop(BulkErrorKind::Stopped);
    }

    /// Returns a report of the items so far.
    pub fn report(&self) -> &BulkReport {
        &self.report
    }

    /// Returns why the run is not complete, once no further item follows: it `failed` or was stopped.
    fn end_error(&self, failed: Option<BulkErrorKind>) -> Option<BulkError> {
        let Progress { stop, exhausted, attempted, unwritten, .. } =
            self.run.progress.send_replace(Progress::default());
        let kind = match (stop, failed) {
            // A ledger failure comes first, because the ledger may lack a line.
            (Some(stop), _) if stop.is_ledger() => stop,
            (_, Some(failed)) => failed,
            (Some(stop), None) if !exhausted || stop.affects_every_request() => stop,
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
        let failed = match ready!(pending.poll_next_unpin(context)) {
            Some(Ok(item)) => {
                let failure = item.result.as_ref().err().map(Error::outcome_of_chunk);
                this.report.add(failure, item.from_ledger, item.range.end);
                return Poll::Ready(Some(Ok(item)));
            }
            Some(Err(failed)) => Some(failed),
            None => None,
        };
        this.pending = None;
        Poll::Ready(this.end_error(failed).map(Err))
    }
}

/// Requests that wait for the end of a pause or for the rate are not sent once the stream is dropped.
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
