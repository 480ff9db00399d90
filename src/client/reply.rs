//! A reply: its head and its bytes, read once and within a limit.

use std::{mem, time::Duration};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde::{Deserialize, de::DeserializeOwned};

/// The byte order mark, which may precede JSON and may be ignored. Source: RFC 8259, 8.1.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A reply: its head, and as much of its body as was read.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// Our time when the reply's head had arrived.
    pub(crate) received: DateTime<Utc>,
    /// The body as far as it was read, as UTF-8 and without a byte order mark.
    pub(crate) body: Bytes,
    pub(crate) ending: Ending,
}

/// How reading a body ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Whole,
    /// The body is larger than the limit.
    TooLarge,
    /// The connection broke, or the time-out passed, before the end of the body.
    Broken,
}

impl Reply {
    /// Reads a reply, and at most `max_bytes` of its body. Bytes that are not UTF-8 are replaced.
    pub(super) async fn read(
        response: &mut reqwest::Response,
        max_bytes: usize,
        received: DateTime<Utc>,
    ) -> (Self, reqwest::Result<Ending>) {
        let (status, headers) = (response.status(), mem::take(response.headers_mut()));
        let mut bytes = Vec::new();
        let read = read(response, max_bytes, &mut bytes).await;
        let ending = *read.as_ref().unwrap_or(&Ending::Broken);
        if bytes.starts_with(BYTE_ORDER_MARK) {
            bytes.drain(..BYTE_ORDER_MARK.len());
        }
        let text = String::from_utf8(bytes);
        let text = text.unwrap_or_else(|bytes| String::from_utf8_lossy(bytes.as_bytes()).into_owned());
        (Self { status, headers, received, body: text.into(), ending }, read)
    }

    fn header(&self, name: HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub(crate) fn request_id(&self) -> Option<&str> {
        self.header(X_REQUEST_ID)
    }

    pub(crate) fn media_type(&self) -> &str {
        self.header(header::CONTENT_TYPE).unwrap_or("no stated type")
    }

    pub(crate) fn is_whole(&self) -> bool {
        self.ending == Ending::Whole
    }

    /// Whether the body may be a JSON object. Check this first: serde also decodes an array, and takes its elements as
    /// the fields.
    pub(crate) fn may_be_object(&self) -> bool {
        self.body.trim_ascii_start().starts_with(b"{")
    }

    /// Decodes the body, if the status is a success.
    pub(crate) fn decode<T: DeserializeOwned>(&self) -> Option<T> {
        if self.status.is_success() { self.object() } else { None }
    }

    /// Decodes the body, if it is complete and an object.
    pub(crate) fn object<'a, T: Deserialize<'a>>(&'a self) -> Option<T> {
        if self.is_whole() && self.may_be_object() { serde_json::from_slice(&self.body).ok() } else { None }
    }
}

/// Reads a body into `bytes`, up to `max_bytes`.
async fn read(response: &mut reqwest::Response, max_bytes: usize, bytes: &mut Vec<u8>) -> reqwest::Result<Ending> {
    while let Some(chunk) = response.chunk().await? {
        let left = max_bytes - bytes.len();
        bytes.extend_from_slice(&chunk[..chunk.len().min(left)]);
        if chunk.len() > left {
            return Ok(Ending::TooLarge);
        }
    }
    Ok(Ending::Whole)
}

/// Returns the encoding of a compressed body. No request asks for compression.
pub(crate) fn content_encoding(headers: &HeaderMap) -> Option<&HeaderValue> {
    let mut encodings = headers.get_all(header::CONTENT_ENCODING).iter();
    encodings.find(|encoding| !encoding.is_empty() && !encoding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

fn http_date(text: &str) -> Option<DateTime<Utc>> {
    httpdate::parse_http_date(text).ok().map(Into::into)
}

/// Returns the server's time when it made the reply, or `None` if a cache has kept the reply.
pub(super) fn date(headers: &HeaderMap) -> Option<DateTime<Utc>> {
    if headers.contains_key(header::AGE) {
        return None;
    }
    http_date(headers.get(header::DATE)?.to_str().ok()?)
}

/// Returns the longest wait of all `Retry-After` headers. A date there is compared with the reply's own `Date`, or else
/// with `received`.
pub(crate) fn retry_after(headers: &HeaderMap, received: DateTime<Utc>) -> Option<Duration> {
    let now = date(headers).unwrap_or(received);
    let values = headers.get_all(header::RETRY_AFTER).iter();
    values.filter_map(|value| wait(value.to_str().ok()?, now)).max()
}

/// Parses a number of seconds, or a date. A date in the past is a wait of 0.
fn wait(text: &str, now: DateTime<Utc>) -> Option<Duration> {
    if let Some(date) = http_date(text) {
        return Some((date - now).to_std().unwrap_or_default());
    }
    // A proxy may have joined several values.
    let whole = |text: &str| text.parse().map(Duration::from_secs).ok();
    let fraction = |text: &str| Duration::try_from_secs_f64(text.parse().ok()?).ok();
    text.split(',').map(str::trim).filter_map(|text| whole(text).or_else(|| fraction(text))).max()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(values: &[&str]) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(header::DATE, "Thu, 26 Nov 2026 08:00:00 GMT".parse().unwrap());
        for value in values {
            headers.append(header::RETRY_AFTER, value.parse().unwrap());
        }
        retry_after(&headers, DateTime::UNIX_EPOCH)
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_and_the_longest_counts() {
        let cases = [
            (&["120"][..], Some(120_000)),
            (&["2.5"], Some(2_500)),
            (&["0"], Some(0)),
            (&["Thu, 26 Nov 2026 08:01:00 GMT"], Some(60_000)),
            (&["Thu, 26 Nov 2026 07:00:00 GMT"], Some(0)),
            (&["3", "10", "soon"], Some(10_000)),
            (&["3, 10"], Some(10_000)),
            (&["5", "Thu, 26 Nov 2026 08:01:00 GMT"], Some(60_000)),
            (&["-1"], None),
            (&["NaN"], None),
            (&["1e400"], None),
            (&["soon"], None),
            (&[], None),
        ];
        for (values, expected) in cases {
            assert_eq!(waits(values), expected.map(Duration::from_millis), "{values:?}");
        }
    }
}
