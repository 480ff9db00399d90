//! What came back, and what it says.

use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{HeaderMap, HeaderName, StatusCode, header};
use serde::de::DeserializeOwned;

use crate::{Outcome, ServiceCode, error::Refusal, generated::types::ErrorBody};

/// Longest service text that is kept, in characters.
const MESSAGE_LIMIT: usize = 1_000;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A reply: its status, the headers that matter, and its body.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    /// Our time when the reply's head was in.
    pub(crate) received: DateTime<Utc>,
    /// The server's time when it made the reply.
    pub(crate) date: Option<DateTime<Utc>>,
    request_id: Option<String>,
    retry_after: Option<Duration>,
    pub(crate) body: Body,
}

#[derive(Clone, Debug)]
pub(crate) enum Body {
    Unread,
    TooLarge,
    Whole(Bytes),
}

impl Body {
    /// The bytes, none of a body that is not whole.
    pub(crate) fn bytes(&self) -> Bytes {
        match self {
            Self::Whole(bytes) => bytes.clone(),
            Self::Unread | Self::TooLarge => Bytes::new(),
        }
    }
}

impl Reply {
    pub(crate) fn head(status: StatusCode, headers: &HeaderMap, received: DateTime<Utc>) -> Self {
        let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        Self {
            status,
            received,
            date: text(header::DATE).and_then(http_date),
            request_id: text(X_REQUEST_ID).map(str::to_owned),
            retry_after: text(header::RETRY_AFTER).and_then(|value| retry_after(value, received)),
            body: Body::Unread,
        }
    }

    /// The body as `T`, if it is whole and that.
    pub(crate) fn decode<T: DeserializeOwned>(&self) -> Option<T> {
        match &self.body {
            Body::Whole(bytes) => serde_json::from_slice(bytes).ok(),
            Body::Unread | Body::TooLarge => None,
        }
    }

    /// Why the body is no answer.
    pub(crate) fn defect(&self) -> &'static str {
        match &self.body {
            Body::Unread => "its body broke off",
            Body::TooLarge => "its body is larger than the limit",
            Body::Whole(bytes) if bytes.is_empty() => "its body is empty",
            Body::Whole(_) => "its body is not what the service documents",
        }
    }

    /// What the reply says of a call that did not succeed.
    pub(crate) fn verdict(&self) -> Verdict {
        let body: Option<ErrorBody> = self.decode();
        let (code, message, from_gateway) = match body {
            Some(ErrorBody {
                code: Some(code),
                msg,
                error_msg,
                ..
            }) => (Some(code), msg.or(error_msg), false),
            Some(ErrorBody {
                code: None,
                msg,
                error_code,
                error_msg,
            }) => (error_code, error_msg.or(msg), true),
            None => (None, None, false),
        };
        let outcome = match &code {
            // Success that contradicts the status, or lacks what it should bring.
            Some(code) if code.is_success() => Outcome::Unknown,
            Some(code) if code.is_known_refusal() => Outcome::Rejected,
            Some(code) if (code.is_number() || from_gateway) && !self.status.is_server_error() => {
                Outcome::Rejected
            }
            _ => outcome_of(self.status),
        };
        Verdict {
            outcome,
            code,
            message,
        }
    }

    /// The verdict as an error shows it.
    pub(crate) fn refusal(&self, verdict: Verdict, secrets: &[&str]) -> Refusal {
        let json: Option<serde_json::Value> = self.decode();
        let url = json
            .as_ref()
            .and_then(|json| json["jobInfo"]["downloadUrl"].as_str());
        let secrets: Vec<&str> = secrets.iter().copied().chain(url).collect();
        let fit = |text: String| presentable(&text, &secrets);
        Refusal {
            status: self.status.as_u16(),
            code: verdict.code.map(|code| match code {
                ServiceCode::Other(code) => ServiceCode::Other(fit(code.into()).into()),
                known => known,
            }),
            message: verdict.message.map(fit),
            request_id: self.request_id.clone().map(fit),
            retry_after: self.retry_after,
        }
    }
}

/// What a reply says of a call that did not succeed, in the service's own words.
pub(crate) struct Verdict {
    pub(crate) outcome: Outcome,
    pub(crate) code: Option<ServiceCode>,
    pub(crate) message: Option<String>,
}

/// What a status alone says.
///
/// 307 and 308 ask for the same request elsewhere, so it was not carried out here; 301, 302 and 303 may also answer a
/// request that was.
fn outcome_of(status: StatusCode) -> Outcome {
    match status.as_u16() {
        307 | 308 | 400..500 => Outcome::Rejected,
        _ => Outcome::Unknown,
    }
}

fn http_date(text: &str) -> Option<DateTime<Utc>> {
    httpdate::parse_http_date(text).ok().map(Into::into)
}

/// Seconds, or a date; a date that has passed asks for no wait.
fn retry_after(text: &str, now: DateTime<Utc>) -> Option<Duration> {
    let seconds = text.parse().map(Duration::from_secs).ok();
    seconds.or_else(|| Some((http_date(text)? - now).to_std().unwrap_or_default()))
}

/// Text without the secrets.
pub(crate) fn scrubbed(text: &str, secrets: &[&str]) -> String {
    let mut secrets: Vec<&str> = secrets
        .iter()
        .copied()
        .filter(|secret| !secret.is_empty())
        .collect();
    // The longest first: one secret may be a part of another.
    secrets.sort_unstable_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets
        .iter()
        .fold(text.to_owned(), |text, secret| text.replace(secret, "***"))
}

/// Service text that is fit to be shown: without the secrets, on one line, without terminal escapes, and shortened.
pub(crate) fn presentable(text: &str, secrets: &[&str]) -> String {
    let mut shown = String::new();
    for (n, character) in scrubbed(text, secrets).chars().enumerate() {
        if n == MESSAGE_LIMIT {
            shown.push('…');
            break;
        }
        if character.is_control() || is_line_or_order(character) {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Characters that end a line, or turn the order of its text around, and count as no controls.
fn is_line_or_order(character: char) -> bool {
    matches!(
        character,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    )
}
