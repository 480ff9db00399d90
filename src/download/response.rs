//! The head of a response to a request for a package.

use chrono::{DateTime, Utc};
use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::error::DownloadFault;
use crate::client::reply::{content_encoding, retry_after};

/// A request for the bytes of a package from `from` on, if the package still has this validator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Resume {
    pub(super) from: u64,
    pub(super) etag: HeaderValue,
}

/// The body of a response: the bytes of a package from `from` on.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Body {
    pub(super) from: u64,
    /// The size of the whole package.
    pub(super) total: Option<u64>,
    /// The strong validator of the package.
    pub(super) etag: Option<HeaderValue>,
}

impl Body {
    /// Reads the head of a response. `resume` is None if the whole package was requested. Returns `None` if the body
    /// does not continue the part file, so that the whole package must be requested.
    ///
    /// # Errors
    ///
    /// Returns a fault if the response contains no part of the package.
    pub(super) fn read(
        resume: Option<&Resume>,
        status: StatusCode,
        headers: &HeaderMap,
        received: DateTime<Utc>,
    ) -> Result<Option<Self>, DownloadFault> {
        let text = |name| headers.get(name)?.to_str().ok();
        let media_type = text(header::CONTENT_TYPE).and_then(|it| it.split(';').next()).unwrap_or_default();
        let media_type = media_type.trim().to_ascii_lowercase();
        let is_message = media_type.ends_with("json") || media_type.ends_with("xml");
        let etag = headers.get(header::ETAG).filter(|etag| is_strong(etag)).cloned();
        match (status.as_u16(), resume) {
            (200 | 206, _) if media_type.contains("html") => Err(DownloadFault::Foreign("a web page")),
            (200 | 206, _) if is_message => Err(DownloadFault::Foreign("a message in JSON or XML")),
            (200 | 206, _) if content_encoding(headers).is_some() => {
                Err(DownloadFault::Foreign("an encoded body that was not asked for"))
            }
            (200, _) => {
                let total = text(header::CONTENT_LENGTH).and_then(|length| length.parse().ok());
                Ok(Some(Self { from: 0, total, etag }))
            }
            (206, Some(resume)) => {
                let range = text(header::CONTENT_RANGE).and_then(content_range);
                let is_rest = |(from, _): &(u64, u64)| *from == resume.from && etag.as_ref() == Some(&resume.etag);
                Ok(range.filter(is_rest).map(|(from, total)| Self { from, total: Some(total), etag }))
            }
            // The part file is longer than the package is now.
            (416, Some(_)) => Ok(None),
            (403, _) => Err(DownloadFault::Lapsed),
            (status @ (408 | 429 | 500..), _) => {
                Err(DownloadFault::Unavailable(status, retry_after(headers, received).unwrap_or_default()))
            }
            (status, _) => Err(DownloadFault::Refused(status)),
        }
    }
}

/// Whether a validator is strong, so that bodies with the same validator are equal byte for byte. Source: RFC 9110,
/// 8.8.3.
pub(super) fn is_strong(etag: &HeaderValue) -> bool {
    matches!(etag.as_bytes(), [b'"', _, .., b'"'])
}

/// Returns where a range begins, and the size of the whole package: 10 and 100 for `bytes 10-99/100`.
fn content_range(text: &str) -> Option<(u64, u64)> {
    let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (start, last) = range.split_once('-')?;
    let (start, last, total) = (start.parse().ok()?, last.parse::<u64>().ok()?, total.parse().ok()?);
    (start <= last && last < total).then_some((start, total))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn head(headers: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut head = HeaderMap::new();
        for (name, value) in headers {
            head.append(*name, HeaderValue::from_static(value));
        }
        head
    }

    const ETAG: HeaderValue = HeaderValue::from_static("\"a\"");
    const SAME: (&str, &str) = ("etag", "\"a\"");
    const REST: (&str, &str) = ("content-range", "bytes 10-99/100");

    /// Whether a range was requested, the status and the headers of the response, and the expected result.
    type Case<'a> = (bool, u16, &'a [(&'static str, &'static str)], Result<Option<Body>, DownloadFault>);

    #[test]
    fn status_headers_and_what_was_asked_for_decide() {
        let whole = |total, etag| Ok(Some(Body { from: 0, total, etag }));
        let rest = || Ok(Some(Body { from: 10, total: Some(100), etag: Some(ETAG) }));
        let busy = |status, seconds| Err(DownloadFault::Unavailable(status, Duration::from_secs(seconds)));
        let foreign = |what| Err(DownloadFault::Foreign(what));
        let cases: &[Case] = &[
            // A whole package, even if a range was requested: the package or the server may be another one.
            (false, 200, &[("content-length", "100"), SAME], whole(Some(100), Some(ETAG))),
            (true, 200, &[("content-length", "100"), SAME], whole(Some(100), Some(ETAG))),
            (false, 200, &[SAME], whole(None, Some(ETAG))),
            (false, 200, &[("content-length", "9"), ("etag", "W/\"a\"")], whole(Some(9), None)),
            (false, 200, &[("etag", "a")], whole(None, None)),
            (false, 200, &[("etag", "\"")], whole(None, None)),
            // The rest of the package, or a range that does not continue the part file.
            (true, 206, &[REST, SAME], rest()),
            (true, 206, &[("content-range", "bytes 10-19/100"), SAME], rest()),
            (true, 206, &[REST, ("etag", "\"b\"")], Ok(None)),
            (true, 206, &[REST, ("etag", "W/\"a\"")], Ok(None)),
            (true, 206, &[REST], Ok(None)),
            (true, 206, &[SAME], Ok(None)),
            (true, 206, &[("content-range", "bytes 9-99/100"), SAME], Ok(None)),
            (true, 206, &[("content-range", "bytes 10-99/*"), SAME], Ok(None)),
            (true, 206, &[("content-range", "bytes 10-100/100"), SAME], Ok(None)),
            (true, 206, &[("content-range", "bytes 10-9/100"), SAME], Ok(None)),
            (true, 206, &[("content-range", "lines 10-99/100"), SAME], Ok(None)),
            (true, 206, &[("content-type", "multipart/byteranges; boundary=x"), SAME], Ok(None)),
            (true, 416, &[("content-range", "bytes */5")], Ok(None)),
            (false, 206, &[REST, SAME], Err(DownloadFault::Refused(206))),
            (false, 416, &[], Err(DownloadFault::Refused(416))),
            // A body that is not the package.
            (false, 200, &[("content-type", "text/html; charset=utf-8")], foreign("a web page")),
            (true, 206, &[("content-type", "Application/XHTML+XML"), REST, SAME], foreign("a web page")),
            (false, 200, &[("content-type", "application/json;charset=UTF-8")], foreign("a message in JSON or XML")),
            (true, 206, &[("content-type", "application/problem+json"), REST], foreign("a message in JSON or XML")),
            (true, 200, &[("content-type", "text/xml ; charset=utf-8")], foreign("a message in JSON or XML")),
            (
                false,
                200,
                &[("content-encoding", "identity"), ("content-encoding", "br")],
                foreign("an encoded body that was not asked for"),
            ),
            (false, 200, &[("content-encoding", "gzip")], foreign("an encoded body that was not asked for")),
            (false, 200, &[("content-type", "application/zip; name=\"html.zip\"")], whole(None, None)),
            (false, 200, &[("content-encoding", "Identity"), ("content-type", "text/plain")], whole(None, None)),
            (false, 200, &[("content-encoding", ""), ("content-type", "binary/octet-stream")], whole(None, None)),
            // A status without a package.
            (false, 403, &[("content-type", "text/html")], Err(DownloadFault::Lapsed)),
            (true, 403, &[], Err(DownloadFault::Lapsed)),
            (false, 408, &[], busy(408, 0)),
            (true, 429, &[("retry-after", "2, 30")], busy(429, 30)),
            (
                false,
                429,
                &[("date", "Thu, 26 Nov 2026 08:00:00 GMT"), ("retry-after", "Thu, 26 Nov 2026 08:01:00 GMT")],
                busy(429, 60),
            ),
            (false, 500, &[], busy(500, 0)),
            (false, 503, &[("content-type", "text/html")], busy(503, 0)),
            (false, 404, &[], Err(DownloadFault::Refused(404))),
            (false, 401, &[], Err(DownloadFault::Refused(401))),
            (false, 204, &[], Err(DownloadFault::Refused(204))),
            (false, 304, &[], Err(DownloadFault::Refused(304))),
        ];
        for (is_resumed, status, headers, expected) in cases {
            let resume = is_resumed.then(|| Resume { from: 10, etag: ETAG });
            let status = StatusCode::from_u16(*status).unwrap();
            let body = Body::read(resume.as_ref(), status, &head(headers), DateTime::UNIX_EPOCH);
            assert_eq!(format!("{body:?}"), format!("{expected:?}"), "{status} {headers:?}");
        }
    }
}
