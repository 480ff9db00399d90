//! What happens around each request of the generated client: headers, credentials last, the time-out, and the reply's
//! bounds.

use std::{
    mem,
    sync::{Arc, OnceLock},
    time::Duration,
};

use http::{HeaderName, HeaderValue, StatusCode, header};
use progenitor_client::{ClientHooks, ClientInfo, OperationInfo};

use super::reply::{Body, Reply};
use crate::{
    TraceId, XDate,
    clock::Clock,
    credentials::{
        Authorization,
        app_signature::{CanonicalRequest, SIGNED_HEADERS},
    },
    generated::{
        self,
        headers::{X_DATE, X_HW_AGENTNAME, X_TRACEID, X_USER_ID},
    },
};

/// The header that the generator adds.
const API_VERSION: HeaderName = HeaderName::from_static("api-version");

/// One attempt at a call: what the hooks need, and what they learn.
///
/// A generated client is made for each attempt, around the shared HTTP client, so this belongs to one request alone.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub(crate) x_date: XDate,
    pub(crate) agent_name: HeaderValue,
    pub(crate) trace_id: TraceId,
    pub(crate) user_id: HeaderValue,
    pub(crate) authorization: Authorization,
    /// Set if it has less time than a whole call.
    pub(crate) timeout: Option<Duration>,
    pub(crate) max_reply_bytes: usize,
    pub(crate) clock: Arc<Clock>,
    pub(crate) signed: OnceLock<Signed>,
    pub(crate) reply: OnceLock<Reply>,
}

/// What was signed, and with what it was sent.
#[derive(Clone, Debug)]
pub(crate) struct Signed {
    pub(crate) canonical: CanonicalRequest,
    authorization: HeaderValue,
}

impl Signed {
    /// The signature: valid for 15 minutes, so a secret.
    pub(crate) fn signature(&self) -> Option<&str> {
        self.authorization.to_str().ok()?.rsplit('=').next()
    }
}

impl ClientHooks<Attempt> for generated::Client {
    /// Adds the documented headers, and at last `Authorization`, over the final URL, headers and body. Removes the one
    /// header that the generator adds and the API does not document.
    async fn pre<E>(&self, request: &mut reqwest::Request, _: &OperationInfo) -> Result<(), generated::Error<E>> {
        let attempt = self.inner();
        let headers = request.headers_mut();
        headers.remove(API_VERSION);
        headers.insert(X_DATE, attempt.x_date.to_string().try_into()?);
        headers.insert(X_HW_AGENTNAME, attempt.agent_name.clone());
        headers.insert(X_TRACEID, attempt.trace_id.as_str().try_into()?);
        headers.insert(X_USER_ID, attempt.user_id.clone());
        let authorization = match &attempt.authorization {
            Authorization::Ready(value) => value.clone(),
            Authorization::Signed(key) => {
                let canonical = canonical_request(request);
                let unusable = || generated::Error::InvalidRequest("unusable app id".to_owned());
                let authorization = key.authorization(&canonical).ok_or_else(unusable)?;
                let signed = Signed { canonical, authorization: authorization.clone() };
                let _ = attempt.signed.set(signed);
                authorization
            }
        };
        request.headers_mut().insert(header::AUTHORIZATION, authorization);
        Ok(())
    }

    /// Sends the request.
    ///
    /// A reply of status 200 whose declared length is within the limit, which HTTP then enforces, is left to the
    /// generated client. Any other is read here, as far as the limit, and the generated client gets an empty one that it
    /// cannot read: what it says of that is not looked at.
    async fn exec(&self, mut request: reqwest::Request, _: &OperationInfo) -> reqwest::Result<reqwest::Response> {
        let Attempt { timeout, max_reply_bytes, clock, reply, .. } = self.inner();
        if timeout.is_some() {
            *request.timeout_mut() = *timeout;
        }
        let mut response = self.client().execute(request).await?;
        let received = clock.now();
        let status = response.status();
        let headers = mem::take(response.headers_mut());
        let length = response.content_length();
        let is_left = status == StatusCode::OK && length.is_some_and(|length| length <= *max_reply_bytes as u64);
        let (body, handed_on) = if is_left {
            (Body::Unread, Ok(response))
        } else {
            match read(&mut response, *max_reply_bytes).await {
                Ok(body) => (body, Ok(http::Response::new("").into())),
                Err(broken) => (Body::Unread, Err(broken)),
            }
        };
        let _ = reply.set(Reply { status, headers, received, body });
        handed_on
    }
}

async fn read(response: &mut reqwest::Response, limit: usize) -> reqwest::Result<Body> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > limit {
            return Ok(Body::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Body::Whole(body.into()))
}

/// The request as it is about to be sent. `Host` is added further down, so it is derived here as it is there: the
/// authority of an endpoint holds no credentials.
fn canonical_request(request: &reqwest::Request) -> CanonicalRequest {
    let url = request.url();
    let header = |name| {
        let value = request.headers().get(name);
        value.map_or("", |value: &HeaderValue| value.to_str().unwrap_or(""))
    };
    // In their order.
    let [host, x_date, x_user_id] = SIGNED_HEADERS;
    let headers = [(host, url.authority()), (x_date, header(X_DATE)), (x_user_id, header(X_USER_ID))];
    let body = request.body().and_then(reqwest::Body::as_bytes).unwrap_or_default();
    CanonicalRequest::of_sorted(request.method().as_str(), url.path(), &headers, body)
}
