//! What came back, and what it says.

use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{HeaderMap, HeaderName, StatusCode, header};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use super::call::Operation;
use crate::{
    Error, Outcome, ServiceCode, TraceId,
    error::{Kind, Refusal},
    generated::types::ErrorBody,
    redact::{presentable, without_urls},
    task::wire::WireUrl,
};

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A reply.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// Our time when the reply's head was in.
    pub(crate) received: DateTime<Utc>,
    pub(crate) body: Body,
}

#[derive(Clone, Debug)]
pub(crate) enum Body {
    /// Left to the generated client, which makes an answer of it or finds that it breaks off.
    Unread,
    TooLarge,
    Whole(Bytes),
}

impl Reply {
    fn header(&self, name: HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The server's time when it made the reply.
    pub(crate) fn date(&self) -> Option<DateTime<Utc>> {
        http_date(self.header(header::DATE)?)
    }

    fn retry_after(&self) -> Option<Duration> {
        let now = self.date().unwrap_or(self.received);
        retry_after(self.header(header::RETRY_AFTER)?, now)
    }

    /// The body of a success as an operation's answer, read as the generated client reads it: an array of an answer's
    /// fields in their order is one, too.
    pub(crate) fn answer<T: DeserializeOwned>(&self) -> Option<T> {
        match &self.body {
            Body::Whole(bytes) if self.status.is_success() => serde_json::from_slice(bytes).ok(),
            Body::Unread | Body::TooLarge | Body::Whole(_) => None,
        }
    }

    /// The body as `T`, if it is whole and that.
    fn decode<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(self.object()?).ok()
    }

    /// The body, if it may be a JSON object. Of an array, serde would take the first elements for the fields.
    fn object(&self) -> Option<&[u8]> {
        match &self.body {
            Body::Whole(bytes) if bytes.trim_ascii_start().starts_with(b"{") => Some(bytes),
            Body::Unread | Body::TooLarge | Body::Whole(_) => None,
        }
    }

    /// What an operation makes of an answer, the body of this reply; or what the reply says instead.
    pub(crate) fn settle<O: Operation>(&self, answer: Option<O::Answer>) -> Result<O::Made, Verdict> {
        let mut said = match answer.map(O::made) {
            Some(Ok(made)) => return Ok(made),
            Some(Err(said)) => said,
            None => self.said(O::IDEMPOTENT),
        };
        if !O::IDEMPOTENT {
            // It might repeat a package's URL, which no answer to a creation keeps.
            said.message = said.message.as_deref().map(without_urls);
        }
        let outcome = self.outcome(&said);
        Err(Verdict { outcome, said })
    }

    /// What the body says, if it is no answer.
    fn said(&self, is_query: bool) -> Said {
        let body: Option<ErrorBody> = self.decode();
        let beside: Option<Beside> = self.decode();
        let is_readable = beside.is_some();
        let Beside { task_id, job_info } = beside.unwrap_or_default();
        let may_name_a_task = if is_readable { !task_id.is_null() && task_id != "" } else { self.object().is_some() };
        let (code, message, from_gateway) = match body {
            Some(ErrorBody { code: Some(code), msg, error_msg, .. }) => (Some(code), msg.or(error_msg), false),
            Some(ErrorBody { code: None, msg, error_code, error_msg }) => (error_code, error_msg.or(msg), true),
            None => (None, None, false),
        };
        let names_a_task = may_name_a_task && !is_query;
        Said {
            code,
            from_gateway,
            // It might repeat a URL that could not be read.
            message: message.filter(|_| is_readable),
            names_a_task,
            url: job_info["downloadUrl"].as_str().map(|url| url.to_owned().into()),
            defect: task_id.as_str().filter(|_| names_a_task).map(task_without_success),
        }
    }

    fn outcome(&self, said: &Said) -> Outcome {
        match &said.code {
            Some(code) if code.is_known_refusal() => Outcome::Rejected,
            // Success that contradicts the status, or lacks what it should bring; or a task beside a refusal.
            Some(code) if code.is_success() => Outcome::Unknown,
            _ if said.names_a_task => Outcome::Unknown,
            Some(code) if code.is_number() && !self.status.is_server_error() => Outcome::Rejected,
            Some(_) if said.from_gateway && self.status.is_success() => Outcome::Rejected,
            _ => outcome_of(self.status),
        }
    }

    /// Why the body is no answer.
    fn defect(&self) -> String {
        if matches!(&self.body, Body::Whole(bytes) if bytes.is_empty()) {
            return "its body is empty".to_owned();
        }
        let media_type = self.header(header::CONTENT_TYPE);
        let media_type = media_type.unwrap_or("no stated type");
        format!("its body ({media_type}) is not what the service documents")
    }

    /// The error that a verdict becomes, without the secrets: those of the request, and the package's URL.
    pub(crate) fn error(&self, verdict: &Verdict, trace_id: &TraceId, secrets: &[&str]) -> Error {
        let Verdict { outcome, said } = verdict;
        let fit = |text: &str| presentable(text, secrets);
        let kind = match (outcome, &self.body) {
            (Outcome::Rejected, _) => Kind::Refused,
            (_, Body::TooLarge) => Kind::Unreadable("its body is larger than the limit".to_owned()),
            // It broke off: an answer has a code.
            (_, Body::Unread) if said.code.is_none() => Kind::Lost,
            (_, Body::Unread | Body::Whole(_)) => {
                let defect = said.defect.as_deref();
                Kind::Unreadable(defect.map_or_else(|| fit(&self.defect()), fit))
            }
        };
        Error::new(kind, *outcome, trace_id).with_reply(Refusal {
            status: self.status.as_u16(),
            code: said.code.as_ref().map(|code| match code {
                ServiceCode::Other(code) => ServiceCode::Other(fit(code).into()),
                known => known.clone(),
            }),
            message: said.message.as_deref().map(fit),
            request_id: self.header(X_REQUEST_ID).map(fit),
            retry_after: self.retry_after(),
        })
    }
}

/// What a reply may hold beside its code and message, of whatever type.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Beside {
    task_id: Value,
    job_info: Value,
}

/// What the body of a call that did not succeed says, in the service's own words.
#[derive(Default)]
pub(crate) struct Said {
    pub(crate) code: Option<ServiceCode>,
    /// The code is a gateway's, in front of the service.
    pub(crate) from_gateway: bool,
    pub(crate) message: Option<String>,
    pub(crate) names_a_task: bool,
    /// Of a package.
    pub(crate) url: Option<WireUrl>,
    /// Why it settles nothing, unless that is the body's form.
    pub(crate) defect: Option<String>,
}

/// The defect of an answer that names a task and a code that is not 0.
pub(crate) fn task_without_success(task_id: &str) -> String {
    format!("it names task {task_id} without reporting success")
}

/// The defect of an answer without what a success brings.
pub(crate) fn lack(code: &ServiceCode, what: &str) -> Option<String> {
    code.is_success().then(|| format!("it reports success without a {what}"))
}

/// What a reply means to a call that did not succeed.
pub(crate) struct Verdict {
    pub(crate) outcome: Outcome,
    said: Said,
}

impl Verdict {
    /// The service's message, or nothing.
    pub(crate) fn message(&self) -> &str {
        self.said.message.as_deref().unwrap_or_default()
    }

    /// The package's URL: a secret that the reply's texts may repeat.
    pub(crate) fn url(&self) -> Option<&str> {
        let WireUrl(url) = self.said.url.as_ref()?;
        Some(url.expose())
    }
}

/// What a status alone says.
///
/// 307 and 308 ask for the same request elsewhere, so it was not carried out here; 301, 302 and 303 may also answer a
/// request that was. 499 is a proxy's that gave up on a request it may have passed on.
fn outcome_of(status: StatusCode) -> Outcome {
    match status.as_u16() {
        307 | 308 | 400..=498 => Outcome::Rejected,
        _ => Outcome::Unknown,
    }
}

fn http_date(text: &str) -> Option<DateTime<Utc>> {
    httpdate::parse_http_date(text).ok().map(Into::into)
}

/// Seconds, or a date by the server's clock; a date that has passed asks for no wait.
fn retry_after(text: &str, now: DateTime<Utc>) -> Option<Duration> {
    let seconds = text.parse().map(Duration::from_secs).ok();
    seconds.or_else(|| Some((http_date(text)? - now).to_std().unwrap_or_default()))
}
