//! A share, which is opened by its link and provides what its tasks need.
//!
//! [`Client::open_share`] opens a share; [`Share::files`] lists its files, [`Share::package`] and [`Share::dump`] begin
//! a task.

pub(crate) mod file;
pub(crate) mod files;
pub(crate) mod link;

use std::fmt;

use chrono::{DateTime, Utc};
use futures_util::TryStreamExt;

use self::{files::ShareFiles, link::ShareLink};
use crate::{
    client::{Client, operation::GetShareInfo},
    credentials::RequestSecret,
    error::{Effect, Error, ErrorKind},
    generated::types::{ShareInfo, VerifyExtractCodeRequest},
    lenient::{LenientBool, LenientObject},
    share_task::{ShareTask, ShareTaskBuilder, TargetDirectory},
    trace_id::TraceId,
    validation::Violations,
};

/// A share that was opened.
///
/// ```no_run
/// # use futures_util::TryStreamExt;
/// # use koodrive_share::Client;
/// # async fn example(client: Client) -> Result<(), Box<dyn std::error::Error>> {
/// let link = "https://drive.example.com/cloudfile/#/sharelink/i/1808628918203192832".parse()?;
/// let share = client.open_share(&link, Some("31945314")).await?;
/// let files: Vec<_> = share.files().into_stream().try_collect().await?;
/// let handle = client.create(&share.package("photos.zip").file_ids(files).build()?).await?;
/// # Ok(()) }
/// ```
///
/// It holds the share's kdstoken, which no `Debug` shows. The service does not state when a kdstoken lapses; open the
/// share again when it has.
#[derive(Clone)]
pub struct Share {
    id: String,
    info: ShareInfo,
    /// The listing of the files at the top of the share.
    listing: ShareFiles,
}

/// The permissions on the files of a share, as far as the service states them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SharePermission {
    /// Whether the files may be previewed.
    pub preview: Option<bool>,
    /// Whether the files may be changed.
    pub edit: Option<bool>,
    /// Whether the files may be downloaded.
    pub download: Option<bool>,
}

impl Client {
    /// Opens the share of a link: calls `getShareInfo`, `verifyExtractCode` if there is an extract code, and
    /// `listShareFiles` up to the first file. [`Share::files`] requests these pages again.
    ///
    /// ```no_run
    /// # async fn example(client: koodrive_share::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let share = client.open_share(&"1808628918203192832".parse()?, None).await?;
    /// println!("{} of {:?}", share.id(), share.owner_name());
    /// # Ok(()) }
    /// ```
    ///
    /// The calls only read, so transient failures are retried. For the creation of shares, the reference states the
    /// form of extract codes, `[0-9a-zA-Z]{8}`. It does not state how many wrong codes are allowed.
    ///
    /// # Errors
    ///
    /// An empty extract code is a validation error. [`Error::is_share_ended`] is true if the share has expired, by its
    /// status or by the server's clock, is invalid, or its files were deleted; the extract code is not sent then.
    /// [`Error::is_extract_code_refused`] is true for a refused extract code, and [`Error::is_access_refused`], as far
    /// as is known, for a missing one. The other errors are those of [`status`](Self::status).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaks nothing and changes nothing.
    ///
    /// # Panics
    ///
    /// Panics outside of a tokio runtime with I/O and time enabled.
    #[doc(alias("getShareInfo", "verifyExtractCode"))]
    pub async fn open_share(&self, link: &ShareLink, extract_code: Option<&str>) -> Result<Share, Error> {
        let mut violations = Violations::default();
        violations.not_empty("$.extractCode", extract_code, "leave it out if the share has none");
        violations.into_result()?;
        let (short_url, trace_id) = (link.short_url().to_owned(), TraceId::random());
        let (id, info) = self.query(&GetShareInfo { short_url: short_url.clone() }, &trace_id).await?;
        let mut share = Share { id, info, listing: ShareFiles::new(self.clone(), short_url.clone()) };
        if let Some(ended) = share.ended() {
            return Err(Error::new(ErrorKind::ShareEnded(ended), Effect::Reads, trace_id));
        }
        if let Some(extract_code) = extract_code {
            let request = VerifyExtractCodeRequest { extract_code: extract_code.to_owned().into(), short_url };
            share.listing.request.kdstoken = Some(self.query(&request, &TraceId::random()).await?);
        }
        let first = share.files().into_stream().try_next().await?;
        share.listing.container_id = first.and_then(|file| file.container_id);
        Ok(share)
    }
}

impl Share {
    /// Returns the share's id, which tasks are created with.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the space of the share's first file, or `None` if the share has no files or the service states no space.
    /// Then [`package`](Self::package) and [`dump`](Self::dump) lack the space, too.
    pub fn container_id(&self) -> Option<&str> {
        self.listing.container_id.as_deref()
    }

    /// Returns the name of the user who shared the files, as the service writes it: it may hold control characters.
    pub fn owner_name(&self) -> Option<&str> {
        self.info.owner_name.as_ref()?.as_str().filter(|name| !name.is_empty())
    }

    /// Returns when the share expires, or `None` if the service states no instant.
    pub fn expires(&self) -> Option<DateTime<Utc>> {
        self.info.expire_time.as_ref()?.as_str()?.parse().ok()
    }

    /// Returns the share's `status` when the share was opened: 0, or a number that the reference does not list. Returns
    /// `None` if the service stated none.
    pub fn status(&self) -> Option<i64> {
        self.info.status.as_ref()?.0.as_ref().ok().copied()
    }

    /// Returns the permissions on the files. The vendor calls them "supported in the future", so this crate ignores
    /// them.
    pub fn permission(&self) -> SharePermission {
        let Some(LenientObject(Ok(stated))) = &self.info.permission else { return SharePermission::default() };
        let value = |may: Option<LenientBool>| may?.0;
        SharePermission { preview: value(stated.preview), edit: value(stated.edit), download: value(stated.download) }
    }

    /// Returns the share's temporary token, if the share was opened with an extract code. The token is a secret; pass
    /// it to [`TaskHandle::with_kdstoken`](crate::TaskHandle::with_kdstoken).
    pub fn expose_kdstoken(&self) -> Option<&str> {
        self.listing.request.kdstoken.as_ref().map(RequestSecret::expose)
    }

    /// Returns a listing of the files at the top of the share. Its setters select other files, and
    /// [`ShareFiles::into_stream`] begins the listing.
    #[doc(alias("list", "list_files", "listShareFiles"))]
    pub fn files(&self) -> ShareFiles {
        self.listing.clone()
    }

    /// Begins a task that packs files of the share into a zip of this name. The share id, the kdstoken and the space
    /// are set as far as the share has them, so only the file ids are missing.
    pub fn package(&self, zip_name: impl Into<String>) -> ShareTaskBuilder {
        self.fill(ShareTask::package_download(zip_name))
    }

    /// Begins a task that saves files of the share into a directory. The share id, the kdstoken and the space are set
    /// as far as the share has them, so only the file ids are missing.
    pub fn dump(&self, target: TargetDirectory) -> ShareTaskBuilder {
        self.fill(ShareTask::dump(target))
    }

    /// Returns why the share can no longer be used, or `None` if it can.
    fn ended(&self) -> Option<&'static str> {
        match self.status() {
            Some(1) => Some("deleted"),
            Some(2) => Some("expired or invalid"),
            _ => self.expires().filter(|time| self.listing.client.has_passed(*time)).map(|_| "expired"),
        }
    }

    fn fill(&self, task: ShareTaskBuilder) -> ShareTaskBuilder {
        let task = task.share_id(&self.id).container_id(self.container_id().unwrap_or_default());
        match self.expose_kdstoken() {
            Some(kdstoken) => task.kdstoken(kdstoken),
            None => task,
        }
    }
}

/// Omits the link, because it opens a share that has no extract code.
impl fmt::Debug for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Share").field("id", &self.id).finish_non_exhaustive()
    }
}
