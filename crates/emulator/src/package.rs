//! Packages, as the storage behind the service serves them.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Bytes, HttpBody},
    http::{Method, header, request::Parts},
};
use http_body::Frame;
use tokio::time::Instant;

use crate::{answer::Answer, archive::Archive, rules::API_HEADERS};

/// The path of the packages, below the emulator's address.
const PATH: &str = "/packages/";

/// Headers that a request to a presigned URL must not have, beside the API's: the URL is that of another host, and
/// holds all that is needed.
const FOREIGN_HEADERS: &[&str] = &["cookie", "proxy-authorization", "referer"];

/// The packages of an emulator, and how they are served.
///
/// ```
/// use std::time::Duration;
/// use koodrive_share_emulator::{Emulator, Package};
///
/// let package = Package::new().file_bytes(1 << 20).cut_every(10_000).url_lifetime(Duration::from_secs(3_600));
/// let builder = Emulator::builder().package(package);
/// # let _ = builder;
/// ```
///
/// A package is a zip with a stored file for each file id of its task. Its content is made while it is sent, and is the
/// same each time. The emulator answers requests to the URL that getBatchTask returns as object storage does, which is
/// inferred: with a strong `ETag` that no other task's package has, and with the requested range, `If-Range` included. A
/// request that carries a header of the API (`Authorization`, `X-User-Id` and so on), `Proxy-Authorization`, a `Referer`
/// or a cookie is refused with 400.
#[derive(Debug, Clone)]
pub struct Package {
    file_bytes: u64,
    names: Option<Vec<Vec<u8>>>,
    held_back: usize,
    ranges: bool,
    etag: Option<&'static str>,
    cut_every: Option<usize>,
    stated_length: Option<u64>,
    url_uses: u64,
    url_lifetime: Duration,
    changes_every: u64,
    answer: Option<Answer>,
}

impl Default for Package {
    fn default() -> Self {
        Self {
            file_bytes: 1024,
            names: None,
            held_back: 0,
            ranges: true,
            etag: Some(""),
            cut_every: None,
            stated_length: None,
            url_uses: u64::MAX,
            url_lifetime: Duration::MAX,
            changes_every: u64::MAX,
            answer: None,
        }
    }
}

impl Package {
    /// Packages with every default.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the size of each file, in bytes. Defaults to 1 KiB. A package of 4 GiB or more is answered by a 500.
    pub fn file_bytes(mut self, bytes: u64) -> Self {
        self.file_bytes = bytes;
        self
    }

    /// Sets the names of the files, whatever the task asked for; they need not be UTF-8, and one that ends with a slash
    /// is a directory. Defaults to the names of the share's files, or to `<file id>.bin` for each file id of a share
    /// that the emulator does not have.
    pub fn names(mut self, names: impl IntoIterator<Item = impl Into<Vec<u8>>>) -> Self {
        self.names = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// Leaves out this many of the last files, as the vendor's moderation does. Defaults to 0.
    pub fn held_back(mut self, files: usize) -> Self {
        self.held_back = files;
        self
    }

    /// Sets whether ranges are served. Defaults to `true`; otherwise each request gets the whole package.
    pub fn ranges(mut self, ranges: bool) -> Self {
        self.ranges = ranges;
        self
    }

    /// Sends a weak `ETag`, with which ranges must not be joined.
    pub fn weak_etag(mut self) -> Self {
        self.etag = Some("W/");
        self
    }

    /// Sends no `ETag`.
    pub fn without_etag(mut self) -> Self {
        self.etag = None;
        self
    }

    /// Closes each connection after this many bytes of a package. Defaults to never.
    pub fn cut_every(mut self, bytes: usize) -> Self {
        self.cut_every = Some(bytes);
        self
    }

    /// States this `Content-Length` in place of the real one, and in `Content-Range` this size of the package. If the
    /// real body is shorter, it breaks off. Defaults to the real length.
    pub fn stated_length(mut self, bytes: u64) -> Self {
        self.stated_length = Some(bytes);
        self
    }

    /// Lets each URL lapse after this many downloads, complete or not; a further one is answered by a 403. getBatchTask
    /// then returns a fresh URL; the reference doesn't state whether the service does. Defaults to never.
    pub fn url_uses(mut self, downloads: u64) -> Self {
        self.url_uses = downloads;
        self
    }

    /// Lets each URL lapse this long after getBatchTask has returned it. Measured by tokio's clock, so paused time
    /// applies. Defaults to never.
    pub fn url_lifetime(mut self, lifetime: Duration) -> Self {
        self.url_lifetime = lifetime;
        self
    }

    /// Changes the content of all packages, and their `ETag`, each time this many downloads were made. Defaults to
    /// never.
    pub fn changes_every(mut self, downloads: u64) -> Self {
        self.changes_every = downloads.max(1);
        self
    }

    /// Answers each download with this: a web page, a redirect, an encoding that was not requested. Defaults to the
    /// package.
    ///
    /// ```
    /// use koodrive_share_emulator::{Answer, Package};
    ///
    /// let moved = Package::new().answer(Answer::new(302).header("Location", "http://elsewhere.invalid/all.zip"));
    /// # let _ = moved;
    /// ```
    pub fn answer(mut self, answer: Answer) -> Self {
        self.answer = Some(answer);
        self
    }

    /// Answers a download of a task's package, whose files have these names. `n` counts all downloads, from 0.
    pub(crate) fn serve(&self, parts: &Parts, task_id: &str, names: Vec<String>, n: u64) -> Answer {
        if let Some(answer) = &self.answer {
            return answer.clone();
        }
        let generation = n / self.changes_every;
        let Some(archive) = self.archive(names, generation) else {
            return Answer::unsendable("the package would take 4 GiB or more");
        };
        let length = archive.length();
        let etag = self.etag.map(|kind| format!("{kind}\"{task_id}-{generation}-{length}\""));
        let requested = header(parts, header::RANGE.as_str()).filter(|_| self.ranges);
        let is_same = header(parts, header::IF_RANGE.as_str())
            .is_none_or(|validator| self.etag == Some("") && Some(validator) == etag.as_deref());
        let stated = self.stated_length.unwrap_or(length);
        let (status, start, end) = match requested.filter(|_| is_same).and_then(|requested| range(requested, length)) {
            None => (200, 0, length),
            Some((start, end)) if start < end => (206, start, end),
            Some(_) => return Answer::new(416).header("Content-Range", format!("bytes */{stated}")),
        };
        // A range up to the end of the package ends at the stated end.
        let stated_end = if end == length { stated.max(start + 1) } else { end };
        let content = Content { archive: Arc::new(archive), position: start, end, stated_end };
        let mut answer = Answer::new(status).header("Content-Type", "application/zip");
        answer = answer.package(content, stated_end - start);
        if status == 206 {
            answer = answer.header("Content-Range", format!("bytes {start}-{}/{stated}", stated_end - 1));
        }
        if self.ranges {
            answer = answer.header("Accept-Ranges", "bytes");
        }
        if let Some(etag) = etag {
            answer = answer.header("ETag", etag);
        }
        let is_short = (end < stated_end).then(|| usize::try_from(end - start).unwrap_or(usize::MAX));
        match self.cut_every.into_iter().chain(is_short).min() {
            Some(bytes) => answer.cut_after(bytes),
            None => answer,
        }
    }

    fn archive(&self, names: Vec<String>, generation: u64) -> Option<Archive> {
        let share_names = || names.into_iter().map(String::into_bytes).collect();
        let mut names = self.names.clone().unwrap_or_else(share_names);
        names.truncate(names.len().saturating_sub(self.held_back));
        Archive::new(&names, self.file_bytes, generation)
    }
}

/// A URL that getBatchTask has returned.
pub(crate) struct PackageUrl {
    token: String,
    issued: Instant,
    pub(crate) uses: u64,
}

impl PackageUrl {
    pub(crate) fn new(token: String) -> Self {
        Self { token, issued: Instant::now(), uses: 0 }
    }

    /// The URL, at this scheme and authority.
    pub(crate) fn text(&self, origin: &str, task_id: &str) -> String {
        format!("{origin}{PATH}{task_id}.zip?token={}", self.token)
    }

    /// Whether the token is this URL's, and the URL has not lapsed.
    pub(crate) fn admits(&self, token: &str, package: &Package) -> bool {
        self.token == token && self.issued.elapsed() < package.url_lifetime && self.uses < package.url_uses
    }
}

/// The task id and the token of a request for a package, or `None` if it's for something else.
pub(crate) fn requested(parts: &Parts) -> Option<(&str, &str)> {
    let task_id = parts.uri.path().strip_prefix(PATH)?.strip_suffix(".zip")?;
    let token = parts.uri.query().and_then(|query| query.strip_prefix("token="));
    Some((task_id, token.unwrap_or_default()))
}

/// A request target without the token of a package's URL.
pub(crate) fn masked(target: &str, mask: &str) -> String {
    match target.split_once("?token=") {
        Some((path, _)) if path.starts_with(PATH) => format!("{path}?token={mask}"),
        _ => target.to_owned(),
    }
}

/// Checks the method and the headers of a request for a package.
///
/// # Errors
/// The refusal to send.
pub(crate) fn check(parts: &Parts) -> Result<(), Answer> {
    if parts.method != Method::GET {
        return Err(Answer::new(405).header("Allow", "GET"));
    }
    match API_HEADERS.iter().chain(FOREIGN_HEADERS).find(|name| parts.headers.contains_key(**name)) {
        Some(name) => Err(error(400, "InvalidArgument", &format!("a presigned URL is asked without {name}"))),
        None => Ok(()),
    }
}

/// The refusal of a URL that has lapsed or never existed.
pub(crate) fn lapsed() -> Answer {
    error(403, "AccessDenied", "Request has expired")
}

/// An error as object storage words it.
fn error(status: u16, code: &str, message: &str) -> Answer {
    let body = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>{message}</Message></Error>");
    Answer::new(status).header("Content-Type", "application/xml").body(body)
}

fn header<'a>(parts: &'a Parts, name: &str) -> Option<&'a str> {
    parts.headers.get(name)?.to_str().ok()
}

/// The start and the end of the bytes that a `Range` asks for; there are none if the end isn't after the start. `None`
/// if the header is not understood.
fn range(requested: &str, length: u64) -> Option<(u64, u64)> {
    let (first, last) = requested.strip_prefix("bytes=")?.split_once('-')?;
    Some(match (first, last) {
        ("", suffix) => (length.saturating_sub(suffix.parse().ok()?), length),
        (first, "") => (first.parse().ok()?, length),
        (first, last) => (first.parse().ok()?, length.min(last.parse::<u64>().ok()?.checked_add(1)?)),
    })
}

/// A part of a package, as the body of an answer.
#[derive(Debug, Clone)]
pub(crate) struct Content {
    archive: Arc<Archive>,
    position: u64,
    end: u64,
    /// The stated end. The bytes from `end` up to it are never sent: the connection is cut before.
    stated_end: u64,
}

/// The body has no size hint, since the stated length may be another one.
impl HttpBody for Content {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        const FILLER: &[u8] = &[0; 1 << 10];
        let read = match self.archive.read(self.position, self.end) {
            read if read.is_empty() && self.position < self.stated_end => Bytes::from_static(FILLER),
            read => read,
        };
        self.position += read.len() as u64;
        Poll::Ready((!read.is_empty()).then(|| Ok(Frame::data(read))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_read_as_http_writes_it() {
        let cases = [
            ("bytes=0-", Some((0, 10))),
            ("bytes=3-", Some((3, 10))),
            ("bytes=3-4", Some((3, 5))),
            ("bytes=3-99", Some((3, 10))),
            ("bytes=-4", Some((6, 10))),
            ("bytes=-99", Some((0, 10))),
            ("bytes=10-", Some((10, 10))),
            ("bytes=-0", Some((10, 10))),
            ("bytes=x-", None),
            ("bytes=0-1,3-4", None),
            ("lines=0-", None),
        ];
        for (requested, expected) in cases {
            assert_eq!(range(requested, 10), expected, "{requested}");
        }
    }

    #[test]
    fn only_the_token_of_a_package_is_masked() {
        assert_eq!(masked("/packages/1.zip?token=s3cret", "***"), "/packages/1.zip?token=***");
        assert_eq!(masked("/other?token=x", "***"), "/other?token=x");
    }
}
