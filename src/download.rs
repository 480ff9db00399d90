//! The download of a package to a file.
//!
//! [`Client::download`](crate::Client::download) makes a [`Download`], a future with a stream of its progress. It
//! resumes an earlier download, and writes the target file only once the package is complete.

pub(crate) mod contents;
pub(crate) mod error;
mod fetch;
mod part;
pub(crate) mod progress;
mod response;

use std::{collections::HashMap, path::PathBuf, pin::Pin, time::Duration};

use futures_util::{Stream, stream};
use reqwest::Url;
use tokio::{sync::watch, time::sleep};

use self::{
    contents::{DownloadedPackage, Expected},
    error::{DownloadError, DownloadFault},
    part::Part,
    progress::DownloadProgress,
    response::Body,
};
use crate::{
    client::{Client, retry::backoff},
    credentials::app_signature::sha256,
    rules,
    runtime::run_blocking,
    task::{handle::TaskHandle, wire::DownloadUrl},
    validation::{Violations, shown},
};

/// The longest wait that a storage may ask for. A longer wait is cut to this.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(60);

impl Client {
    /// Downloads the package of a task to a file, given the task's handle or a URL that its status gave.
    ///
    /// ```no_run
    /// # use koodrive_share::{Client, TaskHandle};
    /// # async fn example(client: Client, handle: TaskHandle) -> Result<(), Box<dyn std::error::Error>> {
    /// client.wait(&handle).await?;
    /// let package = client.download(&handle, "photos.zip").await?;
    /// println!("{} files, {} missing", package.files, package.missing);
    /// # Ok(()) }
    /// ```
    ///
    /// The bytes are written to `photos.zip.part`. This part file is renamed once it is complete, synced, and a zip
    /// whose central directory can be read; nothing is unpacked. If the storage states no length, the part file is
    /// complete if it is a zip from its first byte to its last.
    ///
    /// A part file is resumed if it belongs to the same task or URL, and if the storage's strong `ETag` shows that the
    /// package has not changed. Otherwise the download begins anew. `photos.zip.part.etag` stores the `ETag` and the
    /// source: the task's id and endpoint, or a digest of the URL without its query.
    ///
    /// A download opens connections of its own, with the proxy and the certificates of this client's settings. It sends
    /// neither the client's credentials nor its user id nor a trace id. The URL must be https; http is allowed to this
    /// machine, and to others after [`allow_http`](crate::ClientBuilder::allow_http). At most 5 redirects are followed,
    /// and only to https. A download does not count towards
    /// [`max_concurrent_requests`](crate::ClientBuilder::max_concurrent_requests).
    ///
    /// With a handle, the download takes the URL from the task's status. If the storage refuses the URL with status
    /// 403, the download requests a new one, but only once until it makes progress. A URL alone cannot be renewed.
    pub fn download(&self, package: impl Into<PackageSource>, path: impl Into<PathBuf>) -> Download {
        Download {
            client: self.clone(),
            source: package.into(),
            path: path.into(),
            overwrite: false,
            stall_timeout: Duration::from_secs(30),
            max_attempts: 8,
            expected: Expected::default(),
            progress: watch::Sender::default(),
            http_clients: HashMap::new(),
        }
    }
}

/// The source of a package.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum PackageSource {
    /// The task that made the package; its status holds the URL.
    Task(TaskHandle),
    /// The URL of the package, from the task's status.
    Url(DownloadUrl),
}

impl<T: Into<TaskHandle>> From<T> for PackageSource {
    fn from(handle: T) -> Self {
        Self::Task(handle.into())
    }
}

impl From<DownloadUrl> for PackageSource {
    fn from(url: DownloadUrl) -> Self {
        Self::Url(url)
    }
}

impl From<&DownloadUrl> for PackageSource {
    fn from(url: &DownloadUrl) -> Self {
        url.clone().into()
    }
}

impl PackageSource {
    /// Returns a name that is unique to the package and holds no secret. It omits the query of a URL, which changes
    /// when the URL is renewed.
    fn name(&self) -> String {
        match self {
            Self::Task(handle) => format!("task {} at {}", handle.task_id(), handle.endpoint()),
            Self::Url(url) => {
                let place = url.expose().split(['?', '#']).next().unwrap_or_default();
                format!("url {}", sha256(place.as_bytes()))
            }
        }
    }
}

/// The download of a package to a file: await it.
///
/// ```no_run
/// # use futures_util::{StreamExt, future::join};
/// # use koodrive_share::{Client, DownloadError, TaskHandle};
/// # async fn example(client: Client, handle: TaskHandle) -> Result<(), DownloadError> {
/// let download = client.download(&handle, "photos.zip").overwrite(true);
/// let progress = download.progress().for_each(async |progress| {
///     println!("{} of {:?} bytes", progress.received, progress.total);
/// });
/// let (package, ()) = join(download.into_future(), progress).await;
/// package?;
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// Returns a [`DownloadError`]. Transient failures are retried, since a download changes nothing on the server: at once
/// if the failed attempt made progress; otherwise after 0.2 s, doubled each time up to 5 s, plus a random time of up to
/// the same length. If the storage asks for a longer wait, the download waits for that, but for 60 s at most.
///
/// # Cancel safety
///
/// Dropping the future closes the connection and keeps the bytes received so far: the same call resumes from there. If
/// the future is dropped after the last byte, the part file may still be renamed.
///
/// # Panics
///
/// Panics outside of a tokio runtime with I/O and time enabled.
#[derive(Debug)]
#[must_use = "a download does nothing unless it is awaited"]
pub struct Download {
    client: Client,
    source: PackageSource,
    path: PathBuf,
    overwrite: bool,
    stall_timeout: Duration,
    max_attempts: u32,
    expected: Expected,
    progress: watch::Sender<DownloadProgress>,
    /// The HTTP clients, by scheme, host and port.
    http_clients: HashMap<String, reqwest::Client>,
}

impl Download {
    /// Allows the download to replace a file at the path once the package is complete. Defaults to false.
    pub fn overwrite(mut self, overwrite: bool) -> Self {
        self.overwrite = overwrite;
        self
    }

    /// Sets how long a connection may make no progress before another one is tried. Defaults to 30 s; more than 0 and
    /// at most a day. The total time has no limit.
    pub fn stall_timeout(mut self, timeout: Duration) -> Self {
        self.stall_timeout = timeout;
        self
    }

    /// Sets the maximum number of attempts that fail without progress. The count begins anew whenever more of the
    /// package has been received than ever before. Defaults to 8; 1 to 10.
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = attempts;
        self
    }

    /// Sets the names that the package should hold. [`DownloadedPackage::missing_names`] then lists those that it
    /// lacks. Defaults to none.
    ///
    /// A name may be the end of a path in the package, such as `photos/1.jpg`. A name that ends with a slash is a
    /// directory, which is found if anything in it is. For the files of a recursive listing, join the directory and the
    /// name by a slash. No document says whether a package keeps directories; if it does not, only the last part of a
    /// name counts.
    pub fn expect_names(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.expected.names = names.into_iter().map(Into::into).collect();
        self
    }

    /// Returns a stream of the download's progress. Each poll yields the latest progress; the stream ends when the
    /// download does. An attempt that fails and is retried is reported by a `tracing` event at debug level alone.
    pub fn progress(&self) -> impl Stream<Item = DownloadProgress> + Send + Unpin + use<> {
        Box::pin(stream::unfold(self.progress.subscribe(), |mut receiver| async {
            receiver.changed().await.ok()?;
            let progress = *receiver.borrow_and_update();
            Some((progress, receiver))
        }))
    }
}

impl IntoFuture for Download {
    type Output = Result<DownloadedPackage, DownloadError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(mut self) -> Self::IntoFuture {
        Box::pin(async move {
            self.validate()?;
            let (path, overwrite, source) = (self.path.clone(), self.overwrite, self.source.name());
            let mut part = run_blocking(move || Part::open(&path, overwrite, source)).await?;
            match self.transfer(&mut part).await {
                Ok(()) => Ok(part.finish(self.expected).await?),
                Err(fault) => {
                    part.discard_if_empty().await;
                    Err(fault.into())
                }
            }
        })
    }
}

impl Download {
    fn validate(&self) -> Result<(), DownloadFault> {
        let mut violations = Violations::default();
        if self.path.file_name().is_none() {
            let actual = shown(&self.path.to_string_lossy());
            violations.add(rules::DOWNLOAD_PATH.at("path").given(actual).advise("add the name of the zip"));
        }
        let Self { max_attempts, stall_timeout, .. } = self;
        violations.bounds(rules::MAX_ATTEMPTS, (1..=10).contains(max_attempts), max_attempts);
        violations.time_within_day(rules::STALL_TIMEOUT, *stall_timeout);
        Ok(violations.into_result()?)
    }

    /// Fetches the package into the part file, and retries transient failures.
    async fn transfer(&mut self, part: &mut Part) -> Result<(), DownloadFault> {
        let mut url = self.locate().await?;
        let (mut delays, mut is_renewed) = (backoff(self.max_attempts), false);
        loop {
            let result = self.attempt(&url, part).await;
            part.flush().await?;
            let Err(fault) = result else { return Ok(()) };
            // Only bytes beyond the furthest point count as progress: a package that keeps changing would otherwise
            // begin anew for ever.
            let received = part.progress.received;
            let is_further = part.furthest.is_some_and(|furthest| received > furthest);
            if is_further {
                (delays, is_renewed, part.furthest) = (backoff(self.max_attempts), false, Some(received));
            }
            if !is_renewed && matches!(fault, DownloadFault::Lapsed) && matches!(self.source, PackageSource::Task(_)) {
                is_renewed = true;
                url = self.locate().await?;
                continue;
            }
            let delay = if is_further { Some(Duration::ZERO) } else { delays.next() };
            let Some(wait) = delay.filter(|_| fault.is_transient()) else { return Err(fault) };
            tracing::debug!(error = %fault, received, "download attempt failed");
            sleep(wait.max(fault.retry_after().min(MAX_RETRY_AFTER))).await;
        }
    }

    /// Returns the URL of the package, from the task's status if the source is a handle.
    async fn locate(&mut self) -> Result<Url, DownloadFault> {
        match &self.source {
            PackageSource::Url(url) => Ok(self.client.check_download_url(url, "take it from the status of a task")?),
            PackageSource::Task(handle) => {
                let status = self.client.status(handle).await?;
                self.expected.entries = status.files.len();
                let url = status.download_url.as_ref().ok_or(DownloadFault::NoPackage(status.state))?;
                self.client.check_download_url(url, "ask the vendor, or allow http").map_err(DownloadFault::TaskUrl)
            }
        }
    }

    /// Requests the missing bytes and writes them to the part file.
    async fn attempt(&mut self, url: &Url, part: &mut Part) -> Result<(), DownloadFault> {
        let (mut response, body) = loop {
            let resume = part.resume();
            let response = self.fetch(url, resume.as_ref()).await?;
            match Body::read(resume.as_ref(), response.status(), response.headers(), self.client.now())? {
                Some(body) => break (response, body),
                // Without the validator, the next request is for the whole package.
                None => part.etag = None,
            }
        };
        // A body that resumes begins with the last byte of the part file.
        let mut overlap = usize::from(body.from > 0);
        part.start(body).await?;
        self.progress.send_replace(part.progress);
        while let Some(mut bytes) = response.chunk().await? {
            let repeated = bytes.split_to(overlap.min(bytes.len()));
            overlap -= repeated.len();
            part.write(&bytes).await?;
            self.progress.send_replace(part.progress);
        }
        let DownloadProgress { received, total } = part.progress;
        if total.is_some_and(|total| received != total) { Err(DownloadFault::OtherLength) } else { Ok(()) }
    }
}
