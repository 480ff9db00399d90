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
/// You cannot supply your own HTTP client, because the outcomes rely on how this one is set up: for example, it follows
/// no redirects. Set its [`proxy`](Self::proxy), [`root_certificates`](Self::root_certificates),
/// [`client_certificate`](Self::client_certificate), [`request_headers`](Self::request_headers) and time-outs here.
#[derive(Clone, Debug, Default)]
#[must_use = "a builder makes nothing until `build` is called"]
pub struct ClientBuilder(pub(super) Settings);

impl ClientBuilder {
    /// Returns a builder with the settings from the environment: `KOODRIVE_ENDPOINT`, `KOODRIVE_USER_ID`,
    /// `KOODRIVE_AGENT_NAME`, and one of `KOODRIVE_TOKEN`, `KOODRIVE_AUTHORIZATION`, or `KOODRIVE_APP_ID` with
    /// `KOODRIVE_APP_SECRET`.
    ///
    /// An empty variable counts as unset. [`build`](Self::build) reports the settings that are still missing then.
    pub fn from_env() -> Self {
        Self(Settings::from_vars(var))
    }

    /// Sets the base URL of the service, such as [`ENDPOINT_INTL`]. Mandatory. A path is kept as a prefix.
    ///
    /// The URL must be https, except to this machine (`localhost`, 127.0.0.0/8, `[::1]`) or after
    /// [`allow_http`](Self::allow_http). It must have no credentials, no query and no fragment.
    pub fn endpoint(mut self, endpoint: impl Into<String>) -> Self {
        self.0.endpoint = endpoint.into();
        self
    }

    /// Allows http to other machines, also for package downloads. Anyone on the network path can then read the token,
    /// or the package and its URL. Defaults to false.
    pub fn allow_http(mut self, allow: bool) -> Self {
        self.0.allow_http = allow;
        self
    }

    /// Sets the credentials: a token ([`Credentials::bearer`]), renewed tokens ([`Credentials::provider`]), or an app's
    /// signatures ([`Credentials::app`]). Mandatory.
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

    /// Sets the time-out to establish a connection, TLS included. Defaults to 10 s, or half of the total
    /// [`timeout`](Self::timeout) if that is less; must be more than 0 and less than the total.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.0.limits.connect_timeout = Some(timeout);
        self
    }

    /// Sets the time-out of a whole call: credentials, all attempts, waits between them, and reading the reply.
    /// Defaults to 30 s; must be more than 0 and at most a day. No attempt begins with less than the connect time-out
    /// left.
    #[doc(alias("request_timeout"))]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.0.limits.timeout = timeout;
        self
    }

    /// Sets the time in which a [`TokenProvider`](crate::TokenProvider) must return a token. Defaults to 30 s; must be
    /// more than 0 and at most a day. Other credentials do not use it.
    ///
    /// A call waits for a renewal within its own [`timeout`](Self::timeout). When that is over, the renewal goes on and
    /// serves later calls. If clients share credentials, a renewal has the time-out of the client whose call begins it.
    pub fn renewal_timeout(mut self, timeout: Duration) -> Self {
        self.0.limits.renewal_timeout = timeout;
        self
    }

    /// Sets the maximum number of attempts for a retryable request. Defaults to 3; must be 1 to 10.
    ///
    /// A creation is retried if no connection was established and after throttling; a query is also retried after other
    /// failures that may pass. With 1, neither is. Regardless of the maximum, a renewed token is tried once, and
    /// another `X-Date` at most three times.
    ///
    /// The waits between attempts are 0.2 s, doubled each time to at most 5 s, plus up to as much again at random. They
    /// are at least `Retry-After`, and all within the [`timeout`](Self::timeout).
    #[doc(alias("max_retries", "retries", "retry", "retry_policy"))]
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.0.limits.max_attempts = attempts;
        self
    }

    /// Sets the size of the largest reply that is read, in bytes. Defaults to 1 MiB, and to 16 MiB for a status, which
    /// names up to 1,000 files; must be at least 1 KiB.
    pub fn max_reply_bytes(mut self, bytes: usize) -> Self {
        self.0.limits.max_reply_bytes = Some(bytes);
        self
    }

    /// Sets the maximum number of concurrent requests; further calls wait for a permit within their time-out. Defaults
    /// to 100; must be 1 to 100,000. A call keeps its permit while its future is not polled. It holds none while it
    /// waits for a token or between attempts.
    ///
    /// There are about as many connections as concurrent requests, and never more than twice the maximum: a request
    /// that finds no idle connection opens a new one, but may then use another that has just become idle.
    pub fn max_concurrent_requests(mut self, requests: usize) -> Self {
        self.0.limits.max_concurrent_requests = requests;
        self
    }

    /// Sets how far in the past `X-Date` lies. Defaults to 10 s; must be 0 to 10 minutes.
    ///
    /// The service refuses a date in its future. With 0, it refuses the dates of a clock that is one second fast, until
    /// a reply has shown the server's clock.
    pub fn backdate(mut self, backdate: Duration) -> Self {
        self.0.limits.backdate = backdate;
        self
    }

    /// Trusts these CA certificates (PEM) in addition to the platform's. Can be called more than once. Defaults to
    /// none.
    pub fn root_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.0.root_certificates.push(pem.into());
        self
    }

    /// Sets the client certificate, for a service that demands one, and its private key: PEM, with the key as PKCS#8
    /// without a password. Add the intermediate certificates up to the one that the service trusts; they are sent, too.
    /// Defaults to none.
    #[doc(alias("identity", "mtls"))]
    pub fn client_certificate(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.0.client_certificate = Some(pem.into().into());
        self
    }

    /// Sets the text that follows the client's own name and version in `User-Agent`, such as `portal/2.1`: visible
    /// ASCII. Defaults to nothing.
    pub fn user_agent(mut self, suffix: impl Into<String>) -> Self {
        self.0.user_agent = Some(suffix.into());
        self
    }

    /// Adds headers to each request, for a gateway that wants more than the API documents: visible ASCII. Defaults to
    /// none. If a name is given again, the new value replaces the old one. A header that the client sets itself, or
    /// that is about the connection or the encoding of bodies, is refused.
    ///
    /// Values count as secrets. A proxy on the way to an https endpoint does not see them; a proxy to an http endpoint
    /// reads all headers.
    pub fn request_headers<N: Into<String>, V: Into<String>>(
        mut self,
        headers: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let headers = headers.into_iter().map(|(name, value)| (name.into(), value.into().into()));
        self.0.request_headers.extend(headers);
        self
    }

    /// Sets how long an idle connection is kept. Defaults to 4 s; must be at most a day. With 0, each request opens a
    /// connection.
    ///
    /// Common servers close idle connections after 5 s, and a request that is sent just then has an
    /// [unknown](crate::Outcome::Unknown) outcome. Set a shorter time if a gateway closes connections earlier.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.0.limits.idle_timeout = timeout;
        self
    }

    /// Sends all requests, also those to this machine, through this proxy: `http://`, `https://`, `socks4://`,
    /// `socks4a://`, `socks5://` or `socks5h://`. The URL may hold credentials. Without a TLS feature, only `http://`
    /// is supported.
    ///
    /// Defaults to the variables `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`, in upper or lower case. They
    /// do not apply to requests to this machine. A CGI program ignores `HTTP_PROXY`, because its clients can set it. If
    /// a variable applies and cannot be parsed, [`build`](Self::build) fails.
    pub fn proxy(mut self, url: impl Into<String>) -> Self {
        self.0.proxy = Some(url.into());
        self
    }

    /// Sets the clock that `X-Date` is taken from, for tests. Defaults to the system clock.
    pub fn clock(mut self, now: impl Fn() -> chrono::DateTime<Utc> + Send + Sync + 'static) -> Self {
        self.0.now = Some(Arc::new(now));
        self
    }
}

/// The error of a client that could not be set up.
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
    /// Returns the broken rules, if they are the cause. Correct all of them.
    pub fn validation_error(&self) -> Option<&ValidationError> {
        match &self.0 {
            Cause::Rules(error) => Some(error),
            Cause::Tls(_) => None,
        }
    }
}
