//! The hooks of the generated client. They add the headers, authorize and send the request, and read the reply once.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use progenitor_client::{ClientHooks, ClientInfo, OperationInfo};
use reqwest::ResponseBuilderExt;
use tracing::Span;

use super::reply::Reply;
use crate::{
    clock::{Clock, Dated},
    credentials::{
        Authorization,
        app_signature::{CanonicalRequest, SIGNED_HEADERS},
        token_cache::CachedToken,
    },
    generated::{self, Headers},
};

/// One request and its reply: the input of the hooks, and their results.
///
/// Each attempt makes a generated client around the shared HTTP client, so an exchange belongs to one request.
#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    pub(crate) dated: Dated,
    pub(crate) headers: Headers,
    pub(crate) authorization: Authorization,
    /// `None` means that the HTTP client's own time-out applies.
    pub(crate) timeout: Option<Duration>,
    pub(crate) max_reply_bytes: usize,
    pub(crate) clock: Arc<Clock>,
    /// The attempt's span. The hooks do not use the current span: if a filter disables this one, that is the caller's.
    pub(crate) span: Span,
    pub(crate) signed: OnceLock<Signed>,
    pub(crate) reply: OnceLock<Reply>,
}

/// The canonical request that was signed, and the resulting header.
#[derive(Clone, Debug)]
pub(crate) struct Signed {
    pub(crate) canonical: CanonicalRequest,
    authorization: HeaderValue,
}

impl Signed {
    /// Returns the signature. It is valid for 15 minutes, so it counts as a secret.
    pub(crate) fn signature(&self) -> Option<&str> {
        self.authorization.to_str().ok()?.rsplit('=').next()
    }
}

impl ClientHooks<Exchange> for generated::Client {
    /// Adds the documented headers, and `Authorization` last: a signature covers the final URL, headers and body.
    async fn pre<E>(&self, request: &mut reqwest::Request, _: &OperationInfo) -> Result<(), generated::Error<E>> {
        let exchange = self.inner();
        // Keep only these two: the generated client also sets `api-version`, which is not documented.
        let set = request.headers();
        let standard =
            [(header::ACCEPT, set.get(header::ACCEPT)), (header::CONTENT_TYPE, set.get(header::CONTENT_TYPE))];
        let mut headers = HeaderMap::with_capacity(8);
        for (name, value) in standard.into_iter().chain(exchange.headers.named()) {
            if let Some(value) = value {
                headers.append(name, value.clone());
            }
        }
        let authorization = match &exchange.authorization {
            Authorization::Ready(value) | Authorization::Renewed(CachedToken { header: value, .. }) => value.clone(),
            Authorization::Signed(key) => {
                let canonical = canonical_request(request, &exchange.headers);
                let authorization = key.authorization(&canonical);
                let _ = exchange.signed.set(Signed { canonical, authorization: authorization.clone() });
                authorization
            }
        };
        headers.append(header::AUTHORIZATION, authorization);
        *request.headers_mut() = headers;
        Ok(())
    }

    /// Sends the request, reads the reply within its limit, and returns a response with the bytes that were read.
    async fn exec(&self, mut request: reqwest::Request, _: &OperationInfo) -> reqwest::Result<reqwest::Response> {
        let Exchange { timeout, max_reply_bytes, clock, span, reply: received, .. } = self.inner();
        if timeout.is_some() {
            *request.timeout_mut() = *timeout;
        }
        span.record("http.request.method", request.method().as_str());
        span.record("server.address", request.url().host_str());
        span.record("server.port", request.url().port_or_known_default());
        let mut response = self.client().execute(request).await?;
        let status = response.status();
        span.record("http.response.status_code", status.as_u16());
        let (reply, ending) = Reply::read(&mut response, *max_reply_bytes, clock.now()).await;
        // A body that is not complete is not decoded: the generated client gets an empty one.
        let body = if reply.is_whole() { reply.body.clone() } else { Bytes::new() };
        let _ = received.set(reply);
        ending?;
        // Set the URL: without it, reqwest parses a placeholder URL for each response.
        let response = http::Response::builder().status(status).url(response.url().clone()).body(body);
        Ok(response.expect("the parts are those of a response").into())
    }
}

/// Returns the canonical form of the request that is about to be sent.
///
/// The HTTP client adds `Host` later, from the URL's authority. An endpoint holds no credentials, so the authority can
/// be used here as it is.
fn canonical_request(request: &reqwest::Request, sent: &Headers) -> CanonicalRequest {
    let url = request.url();
    // The order is that of the names.
    let [host, x_date, x_user_id] = SIGNED_HEADERS;
    let headers = [
        (host, url.authority()),
        (x_date, sent.x_date.to_str().unwrap_or_default()),
        (x_user_id, sent.x_user_id.to_str().unwrap_or_default()),
    ];
    let query: Vec<_> = url.query_pairs().collect();
    let body = request.body().and_then(reqwest::Body::as_bytes).unwrap_or_default();
    CanonicalRequest::of_sorted(request.method().as_str(), url.path(), &query, &headers, body)
}
