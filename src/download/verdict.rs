//! What a response to a request for a package means for the part file.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

/// From where on a package is asked for, on condition that it is still the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Resume {
    pub(super) from: u64,
    pub(super) etag: HeaderValue,
}

/// What to do after the head of a response.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Write the body from here; the whole package has so many bytes.
    Append { from: u64, total: u64 },
    /// Throw away what is there and write the body from the start.
    Begin { total: Option<u64>, etag: Option<HeaderValue> },
    /// The answer cannot be joined with what is there: ask for the whole.
    AskForWhole,
    /// The URL has lapsed: ask for a fresh one.
    Renew,
    /// It may pass: ask again later.
    Retry,
    /// The body is something else than the package.
    Foreign(&'static str),
    /// No such package, or another status that will not pass.
    Refused,
}

/// Decides what to do after the head of a response. `asked`: the range that was asked for, if it was not the whole.
pub(super) fn verdict(asked: Option<&Resume>, status: StatusCode, headers: &HeaderMap) -> Verdict {
    if status.is_success() {
        if text(headers, &header::CONTENT_TYPE).is_some_and(is_html) {
            return Verdict::Foreign("a web page");
        }
        if text(headers, &header::CONTENT_ENCODING).is_some_and(|coding| !coding.eq_ignore_ascii_case("identity")) {
            return Verdict::Foreign("an encoded body that was not asked for");
        }
    }
    match (status.as_u16(), asked) {
        (200, _) => Verdict::Begin {
            total: text(headers, &header::CONTENT_LENGTH).and_then(|length| length.parse().ok()),
            etag: headers.get(header::ETAG).filter(|etag| is_strong(etag)).cloned(),
        },
        (206, Some(Resume { from, etag })) => match text(headers, &header::CONTENT_RANGE).and_then(content_range) {
            Some((start, total)) if start == *from && headers.get(header::ETAG) == Some(etag) => {
                Verdict::Append { from: start, total }
            }
            Some(_) | None => Verdict::AskForWhole,
        },
        // What is there is longer than the package is now.
        (416, Some(_)) => Verdict::AskForWhole,
        (403, _) => Verdict::Renew,
        (408 | 429 | 500.., _) => Verdict::Retry,
        _ => Verdict::Refused,
    }
}

/// Whether a validator says that two bodies are the same byte for byte. Source: RFC 9110, 8.8.3.
pub(super) fn is_strong(etag: &HeaderValue) -> bool {
    let bytes = etag.as_bytes();
    bytes.len() > 2 && bytes.starts_with(b"\"") && bytes.ends_with(b"\"")
}

fn is_html(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    ["text/html", "application/xhtml+xml"].iter().any(|html| essence.eq_ignore_ascii_case(html))
}

/// Where a range begins, and the size of the whole: `bytes 10-99/100` gives 10 and 100.
fn content_range(text: &str) -> Option<(u64, u64)> {
    let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (start, last) = range.split_once('-')?;
    let (start, last, total) = (start.parse().ok()?, last.parse::<u64>().ok()?, total.parse().ok()?);
    (start <= last && last < total).then_some((start, total))
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::{Verdict::*, *};

    fn head(headers: &[(&'static str, &'static str)]) -> HeaderMap {
        let header = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        headers.iter().map(header).collect()
    }

    const ETAG: HeaderValue = HeaderValue::from_static("\"a\"");
    const SAME: (&str, &str) = ("etag", "\"a\"");
    const REST: (&str, &str) = ("content-range", "bytes 10-99/100");

    /// Whether a range was asked for, the status and the headers of the answer, and what to do.
    type Case<'a> = (bool, u16, &'a [(&'static str, &'static str)], Verdict);

    #[test]
    fn status_headers_and_what_was_asked_for_decide() {
        let begin = |total, etag| Begin { total, etag };
        let cases: &[Case] = &[
            // A whole package: also where a range was asked for, because the package or the server is another one.
            (false, 200, &[("content-length", "100"), SAME], begin(Some(100), Some(ETAG))),
            (true, 200, &[("content-length", "100"), SAME], begin(Some(100), Some(ETAG))),
            (false, 200, &[SAME], begin(None, Some(ETAG))),
            (false, 200, &[("content-length", "9"), ("etag", "W/\"a\"")], begin(Some(9), None)),
            (false, 200, &[("etag", "a")], begin(None, None)),
            (false, 200, &[("etag", "\"")], begin(None, None)),
            // The rest of it.
            (true, 206, &[REST, SAME], Append { from: 10, total: 100 }),
            (true, 206, &[("content-range", "bytes 10-19/100"), SAME], Append { from: 10, total: 100 }),
            (true, 206, &[REST, ("etag", "\"b\"")], AskForWhole),
            (true, 206, &[REST, ("etag", "W/\"a\"")], AskForWhole),
            (true, 206, &[REST], AskForWhole),
            (true, 206, &[SAME], AskForWhole),
            (true, 206, &[("content-range", "bytes 9-99/100"), SAME], AskForWhole),
            (true, 206, &[("content-range", "bytes 10-99/*"), SAME], AskForWhole),
            (true, 206, &[("content-range", "bytes 10-100/100"), SAME], AskForWhole),
            (true, 206, &[("content-range", "bytes 10-9/100"), SAME], AskForWhole),
            (true, 206, &[("content-range", "lines 10-99/100"), SAME], AskForWhole),
            (true, 206, &[("content-type", "multipart/byteranges; boundary=x"), SAME], AskForWhole),
            (true, 416, &[("content-range", "bytes */5")], AskForWhole),
            (false, 206, &[REST, SAME], Refused),
            (false, 416, &[], Refused),
            // Something else.
            (false, 200, &[("content-type", "text/html; charset=utf-8")], Foreign("a web page")),
            (true, 206, &[("content-type", "Application/XHTML+XML"), REST, SAME], Foreign("a web page")),
            (false, 200, &[("content-encoding", "gzip")], Foreign("an encoded body that was not asked for")),
            (false, 200, &[("content-encoding", "Identity"), ("content-type", "text/plain")], begin(None, None)),
            // Nothing.
            (false, 403, &[("content-type", "text/html")], Renew),
            (true, 403, &[], Renew),
            (false, 408, &[], Retry),
            (true, 429, &[], Retry),
            (false, 500, &[], Retry),
            (false, 503, &[("content-type", "text/html")], Retry),
            (false, 404, &[], Refused),
            (false, 401, &[], Refused),
            (false, 204, &[], Refused),
            (false, 304, &[], Refused),
        ];
        for (is_resumed, status, headers, expected) in cases {
            let asked = is_resumed.then(|| Resume { from: 10, etag: ETAG });
            let status = StatusCode::from_u16(*status).unwrap();
            assert_eq!(verdict(asked.as_ref(), status, &head(headers)), *expected, "{status} {headers:?}");
        }
    }
}
