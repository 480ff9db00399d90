//! The builder of a client.

use std::{sync::Arc, time::Duration};

use chrono::Utc;

use super::{env::var, settings::Settings};
use crate::{credentials::Credentials, error::BoxError, error_chain::debug_as_chain, validation::ValidationError};

/// The vendor's endpoint in AP-Singapore. Source: carrier reference, endpoints.
pub const ENDPOINT_INTL: &str = "https://intl.myhuaweicloud-koodrive.com";

/// The vendor's endpoint in China. Source: carrier reference, endpoints.
pub const ENDPOINT_CN: &str = "https://cn.myhuaweicloud-koodrive.com";

/// Sets up a [`Client`](crate::Client).
///
/// ```
/// # use std::time::Duration;
/// # use koodrive_share::{Client, Credentials, ENDPOINT_INTL};
/// # #[cfg(any(feature = "rustls", feature = "native-tls"))]
/// let client = Client::builder()
///     .endpoint(ENDPOINT_INTL)
///     .credentials(Credentials::app("a378331e…".replace('…', "0"), "app secret"))
///     .user_id("1505084218764547200")
///     .agent_name("carrier")
///     .timeout(Duration::from_secs(20))
///     .build()?;
/// # Ok::<(), koodrive_share::BuildError>(())
/// ```
///
/// An HTTP client of your own cannot be given, since the outcomes rely on how this one is set up; it follows no redirect, for
/// instance. Its [`proxy`](Self::proxy), [`root_certificates`](Self::root_certificates),
/// [`client_certificate`](Self::client_certificate), [`request_headers`](Self::request_headers) and times are set here.
#[derive(Clone, Debug, Default)]
#[must_use = "a builder makes nothing until `build` is called"]
pub struct ClientBuilder(pub(super) Settings);

impl ClientBuilder {
    /// Begins with what the environment says: `KOODRIVE_ENDPOINT`, `KOODRIVE_USER_ID`, `KOODRIVE_AGENT_NAME`, and one of
    /// `KOODRIVE_TOKEN`, `KOODRIVE_AUTHORIZATION`, or `KOODRIVE_APP_ID` with `KOODRIVE_APP_SECRET`.
    ///
    /// An empty variable counts as one that is not set. What is missing is told by [`build`](Self::build), unless it
    /// has been set here by then.
    pub fn from_env() -> Self {
        Self(Settings::from_vars(var))
    }

    /// Sets the base URL of the service, such as [`ENDPOINT_INTL`]. Mandatory. A path is kept as a prefix.
    ///
    /// It must be https, except to this machine (`localhost`, 127.0.0.0/8, `[::1]`) or after
    /// [`allow_http`](Self::allow_http), and without credentials, query and fragment.
    pub fn endpoint(mut self, endpoint: impl Into<String>) -> Self {
        self.0.endpoint = endpoint.into();
        self
    }

    /// Allows http to other machines, also for packages, which shows the token, or the package and its URL, to everyone on the
    /// way. Defaults to false.
    pub fn allow_http(mut self, allow: bool) -> Self {
        self.0.allow_http = allow;
        self
    }

    /// Sets what authenticates the client: a token, [`Credentials::bearer`]; tokens that are renewed,
    /// [`Credentials::provider`]; or an app that signs, [`Credentials::app`]. Mandatory.
    #[doc(alias("app_key", "auth", "bearer_token", "token", "token_provider"))]
    pub fn credentials(mut self, credentials: Credentials) -> Self {
        self.0.credentials = vec![("credentials", credentials)];
        self
    }

    /// Sets the user id on KooDrive, `X-User-Id`: visible ASCII. Mandatory.
    pub fn user_id(mut self, user_id: impl Into<String>) -> Self {
        self.0.user_id = user_id.into();
        self
    }

    /// Sets the carrier name, `X-Hw-Agentname`: visible ASCII. Mandatory.
    pub fn agent_name(mut self, agent_name: impl Into<String>) -> Self {
        self.0.agent_name = agent_name.into();
        self
    }

    /// Sets the time to establish a connection, TLS included. Defaults to 10 s, or half the total if that is less; more
    /// than 0 and less than the total.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.0.limits.connect_timeout = Some(timeout);
        self
    }

    /// Sets the time for a whole call: credentials, all attempts, waits between them, and reading the reply. Defaults
    /// to 30 s; more than 0 and at most a day. No attempt begins with less than the connect time-out left.
    #[doc(alias("request_timeout"))]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.0.limits.timeout = timeout;
        self
    }

    /// Sets the time in which a [`TokenProvider`](crate::TokenProvider) must give a token. Defaults to 30 s; more than 0
    /// and at most a day. Other credentials need none.
    ///
    /// A call waits for it within its own [`timeout`](Self::timeout); when that is over, the renewal goes on and serves
    /// later calls. Of clients that share their credentials, the one whose call begins a renewal says how long it may take.
    pub fn renewal_timeout(mut self, timeout: Duration) -> Self {
        self.0.limits.renewal_timeout = timeout;
        self
    }

    /// Sets the maximum number of attempts for a retryable request. Defaults to 3; 1 does not retry; at most 10.
    ///
    /// A creation is retried after a connection that did not come about and after throttling, a query also after other
    /// failures that may pass. In any case a renewed token is tried once, and another `X-Date` at most three times.
    ///
    /// Waits between attempts: 0.2 s, doubled each time to at most 5 s, up to as much again at random, and at least what
    /// `Retry-After` says, all within the [`timeout`](Self::timeout).
    #[doc(alias("max_retries", "retries", "retry", "retry_policy"))]
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.0.limits.max_attempts = attempts;
        self
    }

    /// Sets the size of the largest reply that is read, in bytes. Defaults to 1 MiB, and to 16 MiB for a status, which
    /// names up to 1,000 files; at least 1 KiB.
    pub fn max_reply_bytes(mut self, bytes: usize) -> Self {
        self.0.limits.max_reply_bytes = Some(bytes);
        self
    }

    /// Sets how many requests there are at most at a time; further calls wait within their total time-out. Defaults to
    /// 100; 1 to 100,000. A call keeps its place while its future is not polled, and has none while it waits for a token or
    /// between attempts.
    ///
    /// There are about as many connections, and never more than twice as many: a request that finds none idle opens
    /// one, and may then be served by one that is just given back.
    pub fn max_concurrent_requests(mut self, requests: usize) -> Self {
        self.0.limits.max_concurrent_requests = requests;
        self
    }

    /// Sets how far in the past `X-Date` lies. Defaults to 10 s; 0 to 10 minutes.
    ///
    /// The service refuses a date in its future, so with 0 a clock one second fast is refused until a reply has shown
    /// the server's clock.
    pub fn backdate(mut self, backdate: Duration) -> Self {
        self.0.limits.backdate = backdate;
        self
    }

    /// Trusts these CA certificates (PEM) in addition to the platform's. Can be called again. Defaults to none.
    pub fn root_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.0.root_certificates.push(pem.into());
        self
    }

    /// Sets the certificate that proves the client to a service which demands one, and its private key: PEM, the key as
    /// PKCS#8 without a password. Further certificates are sent with it, up to the one that the service trusts. Defaults
    /// to none.
    #[doc(alias("identity", "mtls"))]
    pub fn client_certificate(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.0.client_certificate = Some(pem.into().into());
        self
    }

    /// Sets what follows the client's own name and version in `User-Agent`, such as `portal/2.1`: visible ASCII. Defaults
    /// to nothing.
    pub fn user_agent(mut self, suffix: impl Into<String>) -> Self {
        self.0.user_agent = Some(suffix.into());
        self
    }

    /// Adds headers to each request, for a gateway that wants more than the API documents: visible ASCII. Defaults to
    /// none. A name that is given again replaces its value. Values count as secrets: a proxy on the way to an https endpoint
    /// sees none; one to an http endpoint reads all headers. What the client sets by itself cannot be set here, nor what
    /// says how bodies are encoded.
    pub fn request_headers<N: Into<String>, V: Into<String>>(
        mut self,
        headers: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let headers = headers.into_iter().map(|(name, value)| (name.into(), value.into().into()));
        self.0.request_headers.extend(headers);
        self
    }

    /// Sets how long an idle connection is kept. Defaults to 4 s, since common servers close after 5 s, and a request
    /// that meets the close has an [unknown](crate::Outcome::Unknown) outcome. Lower it where a gateway closes earlier. 0
    /// makes a connection for each request; at most a day.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.0.limits.idle_timeout = timeout;
        self
    }

    /// Sends all requests through this proxy, also those to this machine: `http://`, `https://`, `socks4://`, `socks4a://`,
    /// `socks5://` or `socks5h://`, with credentials in the URL if it wants some. Without a TLS feature, `http://` alone.
    ///
    /// Defaults to what the variables `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` say, in capitals or not: to this
    /// machine they are not followed, and `HTTP_PROXY` not by a CGI program, whose clients can set it. One that applies and
    /// is not understood is an error.
    pub fn proxy(mut self, url: impl Into<String>) -> Self {
        self.0.proxy = Some(url.into());
        self
    }

    /// Sets the clock that `X-Date` is taken from, for tests. Defaults to the system's.
    pub fn clock(mut self, now: impl Fn() -> chrono::DateTime<Utc> + Send + Sync + 'static) -> Self {
        self.0.now = Some(Arc::new(now));
        self
    }
}

/// A client that could not be set up.
#[derive(thiserror::Error)]
#[error(transparent)]
pub struct BuildError(#[from] Cause);

#[derive(Debug, thiserror::Error)]
pub(super) enum Cause {
    #[error(transparent)]
    Rules(ValidationError),
    #[error("TLS cannot be set up: check the certificates that were given and the platform's")]
    Tls(#[source] BoxError),
}

debug_as_chain!(BuildError);

impl BuildError {
    /// The broken rules, if that is the cause: correct them all.
    pub fn validation_error(&self) -> Option<&ValidationError> {
        match &self.0 {
            Cause::Rules(error) => Some(error),
            Cause::Tls(_) => None,
        }
    }
}
