//! A share: opened by its link, and what its tasks need.
//!
//! [`Client::open_share`] begins; [`Share::files`] lists, [`Share::package`] and [`Share::dump`] begin a task.

pub(crate) mod file;
pub(crate) mod files;
pub(crate) mod link;

use std::fmt;

use chrono::{DateTime, Utc};
use futures_util::TryStreamExt;

use self::{
    files::{Access, ShareFiles},
    link::ShareLink,
};
use crate::{
    client::{Client, operation::GetShareInfo},
    credentials::KdsToken,
    error::{Error, ErrorKind},
    generated::types::{ShareInfo, VerifyExtractCodeRequest},
    lenient::{LenientBool, LenientText},
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
#[derive(Clone, Debug)]
pub struct Share {
    id: String,
    info: ShareInfo,
    access: Access,
}

/// Whether a share can be used, `status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ShareState {
    /// 0: it can be used until it expires.
    Valid,
    /// 1: its files were deleted.
    Deleted,
    /// 2, or its time is over: it has expired or is invalid.
    Expired,
    /// A number that the reference does not list.
    Other(i64),
}

impl From<i64> for ShareState {
    fn from(number: i64) -> Self {
        match number {
            0 => Self::Valid,
            1 => Self::Deleted,
            2 => Self::Expired,
            other => Self::Other(other),
        }
    }
}

/// `valid`, `deleted`, `expired or invalid`, `in the unknown state 7`
impl fmt::Display for ShareState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Valid => f.write_str("valid"),
            Self::Deleted => f.write_str("deleted"),
            Self::Expired => f.write_str("expired or invalid"),
            Self::Other(number) => write!(f, "in the unknown state {number}"),
        }
    }
}

/// What may be done with the files of a share, as far as the service says so: "supported in the future".
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
    /// Opens the share behind a link: `getShareInfo`, `verifyExtractCode` if there is an extract code, and the first page
    /// of `listShareFiles`.
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
    /// [`Error::is_share_ended`], by the server's clock, before its extract code is sent. Else as for
    /// [`status`](Self::status).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaks nothing and changes nothing.
    pub async fn open_share(&self, link: &ShareLink, extract_code: Option<&str>) -> Result<Share, Error> {
        let mut violations = Violations::default();
        violations.not_empty("$.extractCode", extract_code.unwrap_or("unset"), "leave it out if the share has none");
        violations.into_result()?;
        let trace_id = TraceId::random();
        let info = self.query(&GetShareInfo { short_url: link.short_url().to_owned() }, &trace_id).await?;
        let error = |kind| Err(Error::of_query(kind, trace_id.clone()));
        let Some(id) = text(info.share_id.as_ref()).map(str::to_owned) else {
            return error(ErrorKind::Unreadable("$.link.shareId is missing".to_owned()));
        };
        let access = Access { client: self.clone(), link: link.clone(), kdstoken: None, container_id: None };
        let mut share = Share { id, info, access };
        if let ended @ (ShareState::Deleted | ShareState::Expired) = share.state() {
            return error(ErrorKind::ShareEnded(ended.to_string()));
        }
        if let Some(extract_code) = extract_code {
            let extract_code = extract_code.to_owned().into();
            let request = VerifyExtractCodeRequest { extract_code, short_url: link.short_url().to_owned() };
            let verified = self.query(&request, &TraceId::random()).await;
            let wrong = "the extract code may be wrong";
            share.access.kdstoken = Some(verified.map_err(|error| error.if_refused(wrong))?);
        }
        let first = share.files().into_stream().try_next().await;
        let none_given = |error: Error| match extract_code {
            Some(_) => error,
            None => error.if_refused("no extract code was given, and the share may have one"),
        };
        let container_id = first.map_err(none_given)?.and_then(|file| file.container_id().map(str::to_owned));
        share.access.container_id = container_id;
        Ok(share)
    }
}

impl Share {
    /// The share's id, which tasks are created with.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The space of the share's first file.
    pub fn container_id(&self) -> Option<&str> {
        self.access.container_id.as_deref()
    }

    /// The user who shared the files.
    pub fn owner_id(&self) -> Option<&str> {
        text(self.info.owner_id.as_ref())
    }

    /// The name of the user who shared the files, as the service writes it: it may hold control characters.
    pub fn owner_name(&self) -> Option<&str> {
        text(self.info.owner_name.as_ref())
    }

    /// When the share expires. Nothing if the service names no instant.
    pub fn expires(&self) -> Option<DateTime<Utc>> {
        text(self.info.expire_time.as_ref())?.parse().ok()
    }

    /// Whether the share can be used, as it was when it was opened, or is no longer since its time is over by the server's
    /// clock.
    pub fn state(&self) -> ShareState {
        let status = self.info.status.as_ref().and_then(|status| status.value().ok()).unwrap_or_default();
        match ShareState::from(status) {
            ShareState::Valid if self.expires().is_some_and(|time| self.access.client.has_passed(time)) => {
                ShareState::Expired
            }
            state => state,
        }
    }

    /// What may be done with the files. The vendor calls it "supported in the future", so nothing depends on it here.
    pub fn permission(&self) -> SharePermission {
        let permission = self.info.permission.as_ref().and_then(|permission| permission.0.as_ref().ok());
        permission.map_or_else(SharePermission::default, |stated| SharePermission {
            preview: stated.preview.and_then(LenientBool::value),
            edit: stated.edit.and_then(LenientBool::value),
            download: stated.download.and_then(LenientBool::value),
        })
    }

    /// The share's temporary token, if it has an extract code: for
    /// [`TaskHandle::with_kdstoken`](crate::TaskHandle::with_kdstoken). A secret.
    pub fn expose_kdstoken(&self) -> Option<&str> {
        self.access.kdstoken.as_ref().map(KdsToken::expose)
    }

    /// Begins to list the share's files: those at its top, unless the listing is told otherwise.
    pub fn files(&self) -> ShareFiles {
        ShareFiles::new(self.access.clone())
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

    fn fill(&self, task: ShareTaskBuilder) -> ShareTaskBuilder {
        let task = task.share_id(&self.id).container_id(self.container_id().unwrap_or_default());
        match self.expose_kdstoken() {
            Some(kdstoken) => task.kdstoken(kdstoken),
            None => task,
        }
    }
}

fn text(text: Option<&LenientText>) -> Option<&str> {
    text?.as_str().filter(|text| !text.is_empty())
}
