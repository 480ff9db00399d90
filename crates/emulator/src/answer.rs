//! The answers that are sent, scripted or not.

use std::fmt;

use axum::{
    body::{Body, Bytes},
    http::{
        Response, StatusCode,
        header::{CONTENT_LENGTH, CONTENT_TYPE, DATE, HeaderName, HeaderValue, TRANSFER_ENCODING},
    },
};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{connection::Limit, package::Content};

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// An HTTP answer: a status, headers and a body.
///
/// ```
/// use koodrive_share_emulator::Answer;
///
/// let busy = Answer::gateway(429, "APIGW.0308", "The throttling threshold has been reached").header("Retry-After", "1");
/// let html = Answer::new(504).header("Content-Type", "text/html").body("<html>gateway time-out</html>");
/// # let _ = (busy, html);
/// ```
///
/// `Date` (by the emulator's clock) and `X-request-id` are added unless the script sets them. `Content-Length` and
/// `Transfer-Encoding` are always the emulator's own; to send a truncated body use [`Fault::CutAnswer`](crate::Fault::CutAnswer). An answer
/// that can't be sent (a status outside 200 to 999, a header name or value that HTTP doesn't allow) becomes a 500
/// with the `error_code` `EMULATOR` that says why.
#[derive(Clone)]
pub struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Bytes,
    /// A package in place of the body, and its stated length.
    package: Option<(Content, u64)>,
    /// How much of the answer is sent before the connection closes. `None` means all, and the connection stays open.
    pub(crate) limit: Option<Limit>,
}

impl Answer {
    /// An answer with this status, no headers of its own and an empty body.
    pub fn new(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Bytes::new(), package: None, limit: None }
    }

    /// An answer in JSON, with `Content-Type: application/json`.
    pub fn json(status: u16, body: &Value) -> Self {
        Self::new(status).header(CONTENT_TYPE.as_str(), "application/json").body(body.to_string())
    }

    /// An error in the form of the service: `{"code": "13000302", "msg": "…"}`, the code typed String.
    pub fn service(status: u16, code: &str, msg: &str) -> Self {
        Self::json(status, &json!({"code": code, "msg": msg}))
    }

    /// An error in the form of the gateway in front of the service: `{"error_code": "APIGW.0308", "error_msg": "…"}`.
    pub fn gateway(status: u16, error_code: &str, error_msg: &str) -> Self {
        Self::json(status, &json!({"error_code": error_code, "error_msg": error_msg}))
    }

    /// Adds a header. A name given twice is sent twice.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sets the body. Defaults to empty.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Bytes::from(body.into());
        self
    }

    pub(crate) fn package(mut self, content: Content, stated_length: u64) -> Self {
        self.package = Some((content, stated_length));
        self
    }

    /// Closes the connection after this many bytes of the body.
    pub(crate) fn cut_after(mut self, bytes: usize) -> Self {
        self.limit = Some(Limit::BodyBytes(bytes));
        self.header("Connection", "close")
    }

    pub(crate) fn status(&self) -> u16 {
        self.status
    }

    /// The id of the task that the answer names, as one of createBatchTask does.
    pub(crate) fn task_id(&self) -> Option<String> {
        #[derive(Deserialize)]
        struct Created {
            #[serde(rename = "taskId")]
            task_id: String,
        }
        serde_json::from_slice(&self.body).ok().map(|Created { task_id }| task_id)
    }

    /// Closes the connection without a byte of the answer.
    pub(crate) fn lost(mut self) -> Self {
        self.limit = Some(Limit::Bytes(0));
        self
    }

    /// The answer in place of a scripted one that can't be sent.
    pub(crate) fn unsendable(why: &str) -> Self {
        Self::emulator(&format!("the scripted answer can't be sent: {why}"))
    }

    /// The answer if the emulator itself can't carry out the request.
    pub(crate) fn emulator(why: &str) -> Self {
        Self::gateway(500, "EMULATOR", why)
    }

    pub(crate) fn into_response(self, now: DateTime<Utc>, request_id: &str) -> Response<Body> {
        let mut response = self.build().unwrap_or_else(|why| {
            let mut response = Response::new(Body::from(Self::unsendable(&why).body));
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            response
        });
        let headers = response.headers_mut();
        let date = now.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
        for (name, value) in [(DATE, date.as_str()), (X_REQUEST_ID, request_id)] {
            if !headers.contains_key(&name)
                && let Ok(value) = HeaderValue::from_str(value)
            {
                headers.insert(name, value);
            }
        }
        response
    }

    fn build(self) -> Result<Response<Body>, String> {
        if self.status < 200 {
            return Err(format!("status {} is not a final one", self.status));
        }
        let status = StatusCode::from_u16(self.status).map_err(|error| error.to_string())?;
        let mut response = Response::new(Body::from(self.body));
        if let Some((content, stated_length)) = self.package {
            response = Response::new(Body::new(content));
            response.headers_mut().insert(CONTENT_LENGTH, stated_length.into());
        }
        *response.status_mut() = status;
        for (name, value) in self.headers {
            let name = HeaderName::try_from(name).map_err(|error| error.to_string())?;
            let value = HeaderValue::try_from(value).map_err(|error| error.to_string())?;
            // The HTTP layer frames the answer itself and asserts that a length set by hand is the body's.
            if name != CONTENT_LENGTH && name != TRANSFER_ENCODING {
                response.headers_mut().append(name, value);
            }
        }
        Ok(response)
    }
}

/// Shows header names and the size of the body: a scripted answer may hold a secret on purpose, to test that it's kept.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Answer")
            .field("status", &self.status)
            .field("headers", &names)
            .field("body_len", &self.body.len())
            .finish_non_exhaustive()
    }
}
