//! A share: opened by its link, and what its tasks need.
//!
//! [`Client::open_share`] begins; [`Share::files`] lists, [`Share::package`] and [`Share::dump`] begin a task.

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
/// It holds the share's kdstoken, which no `Debug` shows and which lapses at a time that the service does not tell: open
/// the share again then.
#[derive(Clone)]
pub struct Share {
    id: String,
    info: ShareInfo,
    /// Of the files at its top.
    listing: ShareFiles,
}

/// What may be done with the files of a share, as far as the service says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SharePermission {
    /// They may be looked at.
    pub preview: Option<bool>,
    /// They may be changed.
    pub edit: Option<bool>,
    /// They may be downloaded.
    pub download: Option<bool>,
}

impl Client {
    /// Opens the share behind a link: `getShareInfo`, `verifyExtractCode` if there is an extract code, and `listShareFiles`
    /// up to the first file. [`Share::files`] asks for these pages anew.
    ///
    /// ```no_run
    /// # async fn example(client: koodrive_share::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let share = client.open_share(&"1808628918203192832".parse()?, None).await?;
    /// println!("{} of {:?}", share.id(), share.owner_name());
    /// # Ok(()) }
    /// ```
    ///
    /// The calls only read, so passing failures are repeated. An extract code is `[0-9a-zA-Z]{8}` where shares are made;
    /// how many wrong ones are allowed is not stated.
    ///
    /// # Errors
    ///
    /// An empty extract code is a validation error. A share that has expired or whose files were deleted is told by
    /// [`Error::is_share_ended`], by the server's clock, before its extract code is sent. A refused
    /// extract code is told by [`Error::is_extract_code_refused`], one that is missing by [`Error::is_access_refused`] as far as
    /// is known. Else as for [`status`](Self::status).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaks nothing and changes nothing.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime with its I/O and time enabled.
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
    /// The share's id, which tasks are created with.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The space of the share's first file; none of a share without files, so that no task can be made of it.
    pub fn container_id(&self) -> Option<&str> {
        self.listing.container_id.as_deref()
    }

    /// The name of the user who shared the files, as the service writes it: it may hold control characters.
    pub fn owner_name(&self) -> Option<&str> {
        self.info.owner_name.as_ref()?.as_str().filter(|name| !name.is_empty())
    }

    /// When the share expires. Nothing if the service names no instant.
    pub fn expires(&self) -> Option<DateTime<Utc>> {
        self.info.expire_time.as_ref()?.as_str()?.parse().ok()
    }

    /// The share's `status` as it was when the share was opened: 0, or a number that the reference does not list.
    pub fn status(&self) -> Option<i64> {
        self.info.status.as_ref()?.0.as_ref().ok().copied()
    }

    /// What may be done with the files. The vendor calls it "supported in the future", so nothing depends on it here.
    pub fn permission(&self) -> SharePermission {
        let Some(LenientObject(Ok(stated))) = &self.info.permission else { return SharePermission::default() };
        let value = |may: Option<LenientBool>| may?.0;
        SharePermission { preview: value(stated.preview), edit: value(stated.edit), download: value(stated.download) }
    }

    /// The share's temporary token, if it has an extract code: for
    /// [`TaskHandle::with_kdstoken`](crate::TaskHandle::with_kdstoken). A secret.
    pub fn expose_kdstoken(&self) -> Option<&str> {
        self.listing.request.kdstoken.as_ref().map(RequestSecret::expose)
    }

    /// Begins to list the share's files: those at its top, unless the listing is told otherwise.
    /// [`ShareFiles::into_stream`] gives them.
    #[doc(alias("list", "list_files", "listShareFiles"))]
    pub fn files(&self) -> ShareFiles {
        self.listing.clone()
    }

    /// Begins a task that packs files of the share into a zip of this name: with its share id, kdstoken and space, it
    /// lacks only the file ids.
    pub fn package(&self, zip_name: impl Into<String>) -> ShareTaskBuilder {
        self.fill(ShareTask::package_download(zip_name))
    }

    /// Begins a task that saves files of the share into a directory: with its share id, kdstoken and space, it lacks only
    /// the file ids.
    pub fn dump(&self, target: TargetDirectory) -> ShareTaskBuilder {
        self.fill(ShareTask::dump(target))
    }

    /// Why the share cannot be used, if it cannot.
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

/// Without its link, which opens a share that has no extract code.
impl fmt::Debug for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Share").field("id", &self.id).finish_non_exhaustive()
    }
}
