//! A package to a file on the disk.
//!
//! [`Client::download`](crate::Client::download) makes a [`Download`], a future with a stream of its progress. It goes
//! on where an earlier one ended, and leaves a whole package or none.

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

/// The longest wait that a storage may ask for.
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
    /// The bytes go to `photos.zip.part`, which is renamed once it is whole, synced, and a zip whose directory can be read;
    /// nothing is unpacked. Where the storage states no length, whole is what is a zip from its first byte to its last. What is
    /// already there is not fetched again, if it is of the same task or URL, and the storage's strong `ETag` says that the
    /// package is still the same. `photos.zip.part.etag` keeps the `ETag`, and the task's id and endpoint or, of a URL, a digest
    /// of it without its query; else the download begins anew.
    ///
    /// A download has connections of its own, with the proxy and the certificates of this client's settings, and without its
    /// credentials, user id and trace ids. The URL must be https, or http to this machine or after
    /// [`allow_http`](crate::ClientBuilder::allow_http). At most 5 redirects are followed, to https alone. A download doesn't count
    /// among [`max_concurrent_requests`](crate::ClientBuilder::max_concurrent_requests).
    ///
    /// With a handle, the task is asked for its URL first, and once more whenever the storage refuses it with a 403. A URL
    /// alone cannot be renewed.
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

/// Where a package comes from.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum PackageSource {
    /// The task that made it, which is asked for its URL.
    Task(TaskHandle),
    /// Its URL, as a status gave it.
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
    /// A name of its own for each package, without a secret. A URL that was renewed has another query.
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

/// A package on its way to a file. Await it.
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
/// See [`DownloadError`]. Failures that may pass are retried, since a download changes nothing: at once where the attempt
/// before made progress; else after 0.2 s, then twice as long each time up to 5 s, and up to as much again at random. If the
/// storage asks for a longer wait, it gets it, up to 60 s.
///
/// # Cancel safety
///
/// Dropping the future closes the connection and keeps what has come: the same call goes on from there. Dropped once all
/// has come, the file may still get its name.
///
/// # Panics
///
/// Outside of a tokio runtime with its I/O and time enabled.
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
    /// By scheme, host and port.
    http_clients: HashMap<String, reqwest::Client>,
}

impl Download {
    /// Allows to replace a file at the path, once the package is whole. Defaults to false.
    pub fn overwrite(mut self, overwrite: bool) -> Self {
        self.overwrite = overwrite;
        self
    }

    /// Sets how long a connection may make no progress before another one is tried. Defaults to 30 s; more than 0 and at
    /// most a day. The whole time has no limit.
    pub fn stall_timeout(mut self, timeout: Duration) -> Self {
        self.stall_timeout = timeout;
        self
    }

    /// Sets the maximum number of attempts that fail without progress, counted anew whenever more of the package has come
    /// than before. Defaults to 8; 1 to 10.
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = attempts;
        self
    }

    /// Sets the names that the package should hold, so that [`DownloadedPackage::missing_names`] tells those it lacks.
    /// Defaults to none.
    ///
    /// A name may be the end of a path in the package, such as `photos/1.jpg`; one that ends with a slash is a directory,
    /// which is there if anything in it is. Of a recursive listing, give the directory and the name joined by a slash: where a
    /// package keeps no directories, which no document tells, the last part counts.
    pub fn expect_names(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.expected.names = names.into_iter().map(Into::into).collect();
        self
    }

    /// A stream of how much has come: the latest of it each time it is polled. It ends when the download does. Attempts that
    /// fail while another follows are told by events of `tracing` alone, at debug.
    pub fn progress(&self) -> impl Stream<Item = DownloadProgress> + Send + Unpin + use<> {
        let receiver = self.progress.subscribe();
        Box::pin(stream::unfold(receiver, |mut receiver| async {
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

    /// Fills the part file until all is there.
    async fn transfer(&mut self, part: &mut Part) -> Result<(), DownloadFault> {
        let mut url = self.locate().await?;
        let max_attempts = self.max_attempts;
        let delays_after = |first: Option<Duration>| first.into_iter().chain(backoff(max_attempts));
        let (mut delays, mut is_renewed) = (delays_after(None), false);
        loop {
            let attempted = self.attempt(&url, part).await;
            part.flush().await?;
            let Err(fault) = attempted else { return Ok(()) };
            // Of a body that began anew, only what is new counts: a package that keeps changing would begin anew for ever.
            let received = part.progress.received;
            if part.furthest.is_some_and(|furthest| received > furthest) {
                (delays, is_renewed, part.furthest) = (delays_after(Some(Duration::ZERO)), false, Some(received));
            }
            if matches!((&fault, &self.source), (DownloadFault::Lapsed, PackageSource::Task(_))) && !is_renewed {
                is_renewed = true;
                url = self.locate().await?;
                continue;
            }
            let Some(wait) = delays.next().filter(|_| fault.is_passing()) else { return Err(fault) };
            tracing::debug!(error = %fault, received, "download attempt failed");
            sleep(wait.max(fault.retry_after().min(MAX_RETRY_AFTER))).await;
        }
    }

    /// The URL of the package, from the task if its handle was given.
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

    /// Asks for what is missing and writes what comes.
    async fn attempt(&mut self, url: &Url, part: &mut Part) -> Result<(), DownloadFault> {
        let (mut response, body) = loop {
            let resume = part.resume();
            let response = self.fetch(url, resume.as_ref()).await?;
            match Body::read(resume.as_ref(), response.status(), response.headers(), self.client.now())? {
                Some(body) => break (response, body),
                // The next request is for the whole.
                None => part.etag = None,
            }
        };
        // The first byte of what goes on is there already.
        let mut overlap = usize::from(body.from > 0);
        part.start(body).await?;
        self.progress.send_replace(part.progress);
        while let Some(mut bytes) = response.chunk().await? {
            overlap -= bytes.split_to(overlap.min(bytes.len())).len();
            part.write(&bytes).await?;
            self.progress.send_replace(part.progress);
        }
        let DownloadProgress { received, total } = part.progress;
        if total.is_some_and(|total| received != total) { Err(DownloadFault::OtherLength) } else { Ok(()) }
    }
}
