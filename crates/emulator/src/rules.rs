//! The documented rules, checked from the raw request.

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header::CONTENT_TYPE, request::Parts};
use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use percent_encoding::percent_decode_str;

use crate::{answer::Answer, authentication::unauthorized};

/// X-Date "must be within 15 minutes from the current time": 15 × 60 s.
const WINDOW_SECONDS: i64 = 15 * 60;

/// "Length 58", counted in characters, all of them ASCII.
const TRACE_ID_LEN: usize = 58;

/// The headers of the reference. A request for a package must not have them.
pub(crate) const API_HEADERS: &[&str] = &["authorization", "x-traceid", "x-user-id", "x-date", "x-hw-agentname"];

/// The headers of HTTP itself that a strict emulator lets through, too.
const HTTP_HEADERS: &[&str] =
    &["host", "accept", "accept-encoding", "content-type", "content-length", "user-agent", "connection"];

/// The headers that a strict emulator lets a request repeat.
const REPEATABLE_HEADERS: &[&str] = &["accept", "accept-encoding", "connection"];

/// An operation of the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Operation {
    /// `createBatchTask`
    CreateBatchTask,
    /// `getBatchTask`
    GetBatchTask,
    /// `getShareInfo`
    GetShareInfo,
    /// `verifyExtractCode`
    VerifyExtractCode,
    /// `listShareFiles`
    ListShareFiles,
}

impl Operation {
    /// Finds the operation of the request line.
    ///
    /// # Errors
    /// 404 for an unknown path, 405 for another method than the operation's.
    pub(crate) fn of(parts: &Parts, path_prefix: &str) -> Result<Self, Answer> {
        let (operation, method) = match parts.uri.path().strip_prefix(path_prefix) {
            Some("/koodrive/ose/v1/share/tasks") => (Self::CreateBatchTask, Method::POST),
            Some("/koodrive/ose/v1/share/taskDetail") => (Self::GetBatchTask, Method::POST),
            Some("/koodrive/ose/v1/share/userInfo") => (Self::GetShareInfo, Method::GET),
            Some("/koodrive/ose/v1/share/verify") => (Self::VerifyExtractCode, Method::POST),
            Some("/koodrive/ose/v1/share/files") => (Self::ListShareFiles, Method::POST),
            _ => {
                let message = "The API does not exist or has not been published in the environment";
                return Err(Answer::gateway(404, "APIGW.0101", message));
            }
        };
        if parts.method != method {
            let answer = Answer::gateway(405, "APIGW.0103", "The request method is not allowed");
            return Err(answer.header("Allow", method.as_str()));
        }
        Ok(operation)
    }
}

/// Checks that there's no query string, except for getShareInfo.
///
/// # Errors
/// The answer to send.
pub(crate) fn check_query(operation: Operation, uri: &Uri) -> Result<(), Answer> {
    match uri.query() {
        Some(_) if operation != Operation::GetShareInfo => Err(invalid("query: the operation takes none")),
        _ => Ok(()),
    }
}

/// The query of getShareInfo: `shortUrl`, once; if strict, nothing else.
///
/// # Errors
/// The answer to send.
pub(crate) fn short_url(uri: &Uri, strict: bool) -> Result<String, Answer> {
    let pairs = uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
    let pairs: Vec<_> = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, ""))).collect();
    if let Some((name, _)) = pairs.iter().find(|(name, _)| strict && *name != "shortUrl") {
        return Err(invalid(&format!("query {name}: not documented")));
    }
    let values: Vec<_> = pairs.iter().filter(|(name, _)| *name == "shortUrl").map(|(_, value)| *value).collect();
    match values.as_slice() {
        [] => Err(invalid("query shortUrl: mandatory")),
        [""] => Err(invalid("query shortUrl: must not be empty")),
        [value] => match percent_decode_str(&value.replace('+', " ")).decode_utf8() {
            Ok(value) => Ok(value.into_owned()),
            Err(_) => Err(invalid("query shortUrl: not UTF-8")),
        },
        _ => Err(invalid("query shortUrl: given twice")),
    }
}

/// The values of the headers that later steps need.
pub(crate) struct Caller {
    pub(crate) user_id: String,
    pub(crate) trace_id: Option<String>,
}

/// Checks the headers against the reference, at the server's time `now`. Authorization is checked elsewhere. If a
/// header is repeated, the first value counts.
///
/// # Errors
/// The answer to send.
pub(crate) fn check_headers(parts: &Parts, now: DateTime<Utc>) -> Result<Caller, Answer> {
    let headers = &parts.headers;
    let date = required(headers, "x-date")?;
    let date =
        parse_x_date(date).ok_or_else(|| invalid("header x-date: must be a date of the form yyyyMMdd'T'HHmmss'Z'"))?;
    check_window(date, now)?;
    let user_id = required(headers, "x-user-id")?.to_owned();
    required(headers, "x-hw-agentname")?;
    let trace_id = headers.get("x-traceid").map(trace_id).transpose()?;
    // Only a POST has a body, and so a type of it.
    if parts.method == Method::POST {
        content_type(headers)?;
    }
    Ok(Caller { user_id, trace_id })
}

/// Refuses what the reference doesn't mention: other headers, and a header sent twice.
///
/// # Errors
/// The answer to send.
pub(crate) fn check_undocumented(headers: &HeaderMap) -> Result<(), Answer> {
    for name in headers.keys().map(HeaderName::as_str) {
        if !API_HEADERS.contains(&name) && !HTTP_HEADERS.contains(&name) {
            return Err(invalid(&format!("header {name}: not documented")));
        }
        if headers.get_all(name).iter().count() > 1 && !REPEATABLE_HEADERS.contains(&name) {
            return Err(invalid(&format!("header {name}: given twice")));
        }
    }
    Ok(())
}

/// A failed parameter check of the service.
pub(crate) fn invalid(why: &str) -> Answer {
    let message = format!("parameter verification failed: {why}");
    Answer::service(400, "13000102", &message)
}

/// A header that must be there, in printable ASCII (0x20 to 0x7E) and not empty.
fn required<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str, Answer> {
    let Some(value) = headers.get(name) else {
        return Err(invalid(&format!("header {name}: mandatory")));
    };
    match value.to_str() {
        Ok("") => Err(invalid(&format!("header {name}: must not be empty"))),
        // The header type's own check lets a tab through.
        Ok(text) if !text.contains('\t') => Ok(text),
        _ => Err(invalid(&format!("header {name}: must be printable ASCII"))),
    }
}

fn trace_id(value: &HeaderValue) -> Result<String, Answer> {
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    match value.to_str() {
        Ok(text) if text.len() == TRACE_ID_LEN && text.as_bytes().iter().all(allowed) => Ok(text.to_owned()),
        _ => Err(invalid("header x-traceid: must be 58 letters, digits and underscores")),
    }
}

/// `application/json`, and no charset but UTF-8.
fn content_type(headers: &HeaderMap) -> Result<(), Answer> {
    let value = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    let mut parts = value.unwrap_or_default().split(|byte| *byte == b';');
    let mut next_is = |expected: &[u8]| {
        let part = parts.next().map(<[u8]>::trim_ascii);
        part.map(|part| part.eq_ignore_ascii_case(expected))
    };
    let json = next_is(b"application/json") == Some(true);
    let utf8 = next_is(b"charset=utf-8").unwrap_or(true);
    if json && utf8 && parts.next().is_none() {
        return Ok(());
    }
    Err(invalid("header content-type: must be application/json"))
}

/// Reads `^\d{8}T\d{6}Z$` with a date that exists.
fn parse_x_date(text: &str) -> Option<NaiveDateTime> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    if date.len() != 8 || time.len() != 6 {
        return None;
    }
    let number = |text: &str, from: usize, to: usize| {
        let digits = text.get(from..to)?;
        let all_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
        all_digits.then(|| digits.parse::<u32>().ok()).flatten()
    };
    let year = i32::try_from(number(date, 0, 4)?).ok()?;
    NaiveDate::from_ymd_opt(year, number(date, 4, 6)?, number(date, 6, 8)?)?.and_hms_opt(
        number(time, 0, 2)?,
        number(time, 2, 4)?,
        number(time, 4, 6)?,
    )
}

/// Counts in whole seconds: an age of 0 s and one of 15 min 0 s are both accepted.
fn check_window(date: NaiveDateTime, now: DateTime<Utc>) -> Result<(), Answer> {
    let age = now.timestamp() - date.and_utc().timestamp();
    if (0..=WINDOW_SECONDS).contains(&age) {
        return Ok(());
    }
    let form = "%Y%m%dT%H%M%SZ";
    let (date, now) = (date.format(form), now.format(form));
    let why = format!("signature expired, signature time:{date},server time:{now}");
    Err(unauthorized("IAM", &why))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(date: &str, now: &str) -> bool {
        // Half a second is added: a fraction must not count.
        let now = parse_x_date(now).unwrap().and_utc() + chrono::TimeDelta::milliseconds(500);
        check_window(parse_x_date(date).unwrap(), now).is_ok()
    }

    #[test]
    fn the_window_includes_now_and_fifteen_minutes_and_nothing_beyond() {
        assert!(window("20261124T080000Z", "20261124T080000Z"));
        assert!(window("20261124T080000Z", "20261124T081500Z"));
        assert!(!window("20261124T080000Z", "20261124T081501Z"));
        assert!(!window("20261124T080001Z", "20261124T080000Z"));
        assert!(window("20261231T235959Z", "20270101T001459Z"));
    }

    #[test]
    fn only_real_dates_in_the_documented_form_are_read() {
        assert!(parse_x_date("20240229T235959Z").is_some());
        for text in [
            "20230229T000000Z",
            "20261301T000000Z",
            "20261124T240000Z",
            "20261124T235960Z",
            "20261124T080000",
            "20261124t080000Z",
            "2026-11-24T08:00:00Z",
            "20261124T080000Z ",
            "2026112T4080000Z",
            "+0261124T080000Z",
            "20261124T+80000Z",
            "20261124T08000éZ",
            "2026112T080000Z",
            "",
            "TZ",
        ] {
            assert!(parse_x_date(text).is_none(), "{text}");
        }
    }
}
