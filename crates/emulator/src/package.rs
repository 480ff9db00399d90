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

/// Where packages are, below the emulator's address.
const PATH: &str = "/packages/";

/// What a presigned URL must not be asked with, beside the API's headers: it goes to another host, and says all itself.
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
/// same each time. The URL that getBatchTask gives is answered as object storage does, which is inferred: with a strong
/// `ETag` that no other task's package has, and with the range that is asked for, `If-Range` included. A request that
/// carries a header of the API (`Authorization`, `X-User-Id` and so on), a `Referer` or a cookie is refused with 400.
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
    /// is a directory. Defaults to the names of the share's files, or to
    /// `<file id>.bin` for each file id of a share that the emulator does not have.
    pub fn names(mut self, names: impl IntoIterator<Item = impl Into<Vec<u8>>>) -> Self {
        self.names = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// Leaves the last so many files out, as the vendor's moderation does. Defaults to 0.
    pub fn held_back(mut self, files: usize) -> Self {
        self.held_back = files;
        self
    }

    /// Sets whether ranges are served. Defaults to `true`; otherwise each request gets the whole package.
    pub fn ranges(mut self, ranges: bool) -> Self {
        self.ranges = ranges;
        self
    }

    /// Sends a weak `ETag`, which doesn't allow a range to be joined with another one.
    pub fn weak_etag(mut self) -> Self {
        self.etag = Some("W/");
        self
    }

    /// Sends no `ETag`.
    pub fn without_etag(mut self) -> Self {
        self.etag = None;
        self
    }

    /// Closes each connection after so many bytes of a package. Defaults to never.
    pub fn cut_every(mut self, bytes: usize) -> Self {
        self.cut_every = Some(bytes);
        self
    }

    /// States this `Content-Length` in place of the real one, and in `Content-Range` this size of the package. A body that
    /// is shorter breaks off. Defaults to the truth.
    pub fn stated_length(mut self, bytes: u64) -> Self {
        self.stated_length = Some(bytes);
        self
    }

    /// Lets each URL lapse after so many downloads, whole or not; a further one is answered by a 403. getBatchTask gives
    /// a fresh one; whether the service's does is not stated. Defaults to never.
    pub fn url_uses(mut self, downloads: u64) -> Self {
        self.url_uses = downloads;
        self
    }

    /// Lets each URL lapse so long after getBatchTask has given it. Measured by tokio's clock, so paused time applies.
    /// Defaults to never.
    pub fn url_lifetime(mut self, lifetime: Duration) -> Self {
        self.url_lifetime = lifetime;
        self
    }

    /// Changes the content of all packages, and their `ETag`, after every so many downloads. Defaults to never.
    pub fn changes_every(mut self, downloads: u64) -> Self {
        self.changes_every = downloads.max(1);
        self
    }

    /// Answers each download like this: a web page, a redirect, an encoding that nobody asked for. Defaults to the
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

    /// Answers a download of a task's package with files of these names: the n-th download of all, from 0.
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
        let asked = header(parts, header::RANGE.as_str()).filter(|_| self.ranges);
        let is_same = header(parts, header::IF_RANGE.as_str())
            .is_none_or(|validator| self.etag == Some("") && Some(validator) == etag.as_deref());
        let stated = self.stated_length.unwrap_or(length);
        let (status, start, end) = match asked.filter(|_| is_same).and_then(|asked| range(asked, length)) {
            None => (200, 0, length),
            Some((start, end)) if start < end => (206, start, end),
            Some(_) => return Answer::new(416).header("Content-Range", format!("bytes */{stated}")),
        };
        // A range to the end ends where the package is said to.
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
        let given = || names.into_iter().map(String::into_bytes).collect();
        let mut names = self.names.clone().unwrap_or_else(given);
        names.truncate(names.len().saturating_sub(self.held_back));
        Archive::new(&names, self.file_bytes, generation)
    }
}

/// A URL that getBatchTask has given.
pub(crate) struct PackageUrl {
    token: String,
    given: Instant,
    pub(crate) uses: u64,
}

impl PackageUrl {
    pub(crate) fn new(token: String) -> Self {
        Self { token, given: Instant::now(), uses: 0 }
    }

    /// The URL, at this scheme and authority.
    pub(crate) fn text(&self, origin: &str, task_id: &str) -> String {
        format!("{origin}{PATH}{task_id}.zip?token={}", self.token)
    }

    /// Whether a request shows this URL's token and may have the package.
    pub(crate) fn admits(&self, token: &str, package: &Package) -> bool {
        self.token == token && self.given.elapsed() < package.url_lifetime && self.uses < package.url_uses
    }
}

/// The task id and the token of a request for a package, or `None` if it's for something else.
pub(crate) fn asked(parts: &Parts) -> Option<(&str, &str)> {
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

/// The refusal of a URL that has lapsed, or never was.
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

/// The start and the end of what a `Range` asks for; there's nothing if the end comes first. `None` if it's not understood.
fn range(asked: &str, length: u64) -> Option<(u64, u64)> {
    let (first, last) = asked.strip_prefix("bytes=")?.split_once('-')?;
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
    /// What follows the end, up to here, is never sent: the connection is cut before.
    stated_end: u64,
}

/// Without a size: the length that is stated may be another one.
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
        for (asked, expected) in cases {
            assert_eq!(range(asked, 10), expected, "{asked}");
        }
    }

    #[test]
    fn only_the_token_of_a_package_is_masked() {
        assert_eq!(masked("/packages/1.zip?token=s3cret", "***"), "/packages/1.zip?token=***");
        assert_eq!(masked("/other?token=x", "***"), "/other?token=x");
    }
}
