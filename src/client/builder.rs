//! How a client is set up.

use std::{env, error::Error, fmt, net::IpAddr, sync::Arc, time::Duration};

use chrono::Utc;
use reqwest::{Url, redirect};
use tokio::sync::Semaphore;

#[cfg(feature = "rustls")]
use super::tls;
use super::{Client, Shared};
use crate::{
    Credentials,
    credentials::Source,
    rules,
    validation::{ValidationError, Violation, Violations, shown},
    x_date::{Clock, Now},
};

/// The vendor's endpoint in AP-Singapore. Source: carrier reference, endpoints.
pub const ENDPOINT_INTL: &str = "https://intl.myhuaweicloud-koodrive.com";

/// The vendor's endpoint in China. Source: carrier reference, endpoints.
pub const ENDPOINT_CN: &str = "https://cn.myhuaweicloud-koodrive.com";

/// Longest total time-out, one day: beyond it a call is forgotten rather than awaited.
const MAX_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);

/// Longest backdating of `X-Date`, so that a slow reply still leaves it within the server's 15 minutes.
const MAX_BACKDATE: Duration = Duration::from_secs(10 * 60);

const MAX_CONCURRENT_REQUESTS: usize = 100_000;

/// Sets up a [`Client`].
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
#[derive(Clone)]
#[must_use = "a builder makes nothing until `build` is called"]
pub struct ClientBuilder {
    endpoint: String,
    allow_http: bool,
    credentials: Vec<(&'static str, Credentials)>,
    user_id: String,
    agent_name: String,
    connect_timeout: Option<Duration>,
    timeout: Duration,
    max_attempts: u32,
    max_reply_bytes: usize,
    max_concurrent_requests: usize,
    backdate: Duration,
    root_certificates: Vec<Vec<u8>>,
    proxy_from_env: bool,
    now: Now,
}

impl Default for ClientBuilder {
    fn default() -> Self {
        Self {
            endpoint: String::new(),
            allow_http: false,
            credentials: Vec::new(),
            user_id: String::new(),
            agent_name: String::new(),
            connect_timeout: None,
            timeout: Duration::from_secs(30),
            max_attempts: 3,
            max_reply_bytes: 1 << 20,
            max_concurrent_requests: 100,
            backdate: Duration::from_secs(10),
            root_certificates: Vec::new(),
            proxy_from_env: true,
            now: Arc::new(Utc::now),
        }
    }
}

impl ClientBuilder {
    /// Begins with what the environment says: `KOODRIVE_ENDPOINT`, `KOODRIVE_USER_ID`, `KOODRIVE_AGENT_NAME`, and one of
    /// `KOODRIVE_TOKEN`, `KOODRIVE_AUTHORIZATION`, or `KOODRIVE_APP_ID` with `KOODRIVE_APP_SECRET`.
    ///
    /// An empty variable counts as one that is not set. What is missing is told by [`build`](Self::build), unless it
    /// has been set here by then.
    pub fn from_env() -> Self {
        Self::from_vars(|name| env::var(name))
    }

    fn from_vars(vars: impl Fn(&str) -> Result<String, env::VarError>) -> Self {
        let mut builder = Self::default();
        let var = |name| match vars(name) {
            Ok(value) => value,
            Err(env::VarError::NotPresent) => String::new(),
            // The rules refuse what stands for the bytes that are no text.
            Err(env::VarError::NotUnicode(value)) => value.to_string_lossy().into_owned(),
        };
        builder.endpoint = var("KOODRIVE_ENDPOINT");
        builder.user_id = var("KOODRIVE_USER_ID");
        builder.agent_name = var("KOODRIVE_AGENT_NAME");
        let token = var("KOODRIVE_TOKEN");
        let authorization = var("KOODRIVE_AUTHORIZATION");
        let (app_id, app_secret) = (var("KOODRIVE_APP_ID"), var("KOODRIVE_APP_SECRET"));
        if !token.is_empty() {
            builder.credentials.push(("KOODRIVE_TOKEN", Credentials::bearer(token)));
        }
        if !authorization.is_empty() {
            let credentials = Credentials::authorization(authorization);
            builder.credentials.push(("KOODRIVE_AUTHORIZATION", credentials));
        }
        if !app_id.is_empty() || !app_secret.is_empty() {
            let name = "KOODRIVE_APP_ID with KOODRIVE_APP_SECRET";
            builder.credentials.push((name, Credentials::app(app_id, app_secret)));
        }
        builder
    }

    /// Sets the base URL of the service, such as [`ENDPOINT_INTL`]. Mandatory. A path is kept as a prefix.
    ///
    /// It must be https, except to this machine (`localhost`, 127.0.0.0/8, `[::1]`) or after
    /// [`allow_http`](Self::allow_http), and without credentials, query and fragment.
    pub fn endpoint(mut self, endpoint: impl Into<String>) -> Self {
        self.endpoint = endpoint.into();
        self
    }

    /// Allows http to other machines, which shows the token to everyone on the way. Defaults to false.
    pub fn allow_http(mut self, allow: bool) -> Self {
        self.allow_http = allow;
        self
    }

    /// Sets what authenticates the client. Mandatory.
    pub fn credentials(mut self, credentials: Credentials) -> Self {
        self.credentials = vec![("credentials", credentials)];
        self
    }

    /// Sets the user id on KooDrive, `X-User-Id`: visible ASCII. Mandatory.
    pub fn user_id(mut self, user_id: impl Into<String>) -> Self {
        self.user_id = user_id.into();
        self
    }

    /// Sets the carrier name, `X-Hw-Agentname`: visible ASCII. Mandatory.
    pub fn agent_name(mut self, agent_name: impl Into<String>) -> Self {
        self.agent_name = agent_name.into();
        self
    }

    /// Sets the time to establish a connection, TLS included. Defaults to 10 s, or half the total if that is less; more
    /// than 0 and less than the total.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = Some(timeout);
        self
    }

    /// Sets the time for a whole call: credentials, all attempts, waits between them, and reading the reply. Defaults
    /// to 30 s; more than 0 and at most a day. No attempt begins with less than the connect time-out left.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets how often a request is sent at most when that is safe: after a connection that did not come about and
    /// after 429, and for a query also after other passing failures. Defaults to 3; 1 does not resend on these; at most
    /// 10. A renewed token and a corrected `X-Date` are each sent once more in any case.
    ///
    /// Waits between attempts: 0.2 s, doubled each time to at most 5 s, up to as much again at random, and at least
    /// what `Retry-After` says, all within the [`timeout`](Self::timeout).
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = attempts;
        self
    }

    /// Sets the size of the largest reply that is read, in bytes. Defaults to 1 MiB; at least 1 KiB.
    pub fn max_reply_bytes(mut self, bytes: usize) -> Self {
        self.max_reply_bytes = bytes;
        self
    }

    /// Sets how many requests there are at most at a time; further calls wait within their total time-out. Defaults to
    /// 100; 1 to 100,000.
    ///
    /// There are about as many connections, and never more than twice as many: a request that finds none idle opens
    /// one, and may then be served by one that is just given back.
    pub fn max_concurrent_requests(mut self, requests: usize) -> Self {
        self.max_concurrent_requests = requests;
        self
    }

    /// Sets how far in the past `X-Date` lies. Defaults to 10 s; 0 to 10 minutes.
    ///
    /// The service refuses a date in its future, so with 0 a clock one second fast is refused until a reply has shown
    /// the server's clock.
    pub fn backdate(mut self, backdate: Duration) -> Self {
        self.backdate = backdate;
        self
    }

    /// Adds certificates, as PEM, that the service's may be signed by, beside the platform's. Defaults to none.
    pub fn root_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.root_certificates.push(pem.into());
        self
    }

    /// Sets whether the variables `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` are followed. Defaults to
    /// true; to this machine they never are.
    pub fn proxy_from_env(mut self, follow: bool) -> Self {
        self.proxy_from_env = follow;
        self
    }

    /// Sets the clock that `X-Date` is taken from, for tests. Defaults to the system's.
    pub fn clock(mut self, now: impl Fn() -> chrono::DateTime<Utc> + Send + Sync + 'static) -> Self {
        self.now = Arc::new(now);
        self
    }

    /// Checks the settings and makes the client. Connects to nothing.
    ///
    /// # Errors
    ///
    /// All broken rules together, or what keeps the HTTP client from being made (certificates, TLS).
    pub fn build(self) -> Result<Client, BuildError> {
        let mut violations = Violations::default();
        let endpoint = self.validate_endpoint(&mut violations);
        let credentials = self.validate_credentials(&mut violations);
        let advice = "set KOODRIVE_USER_ID or call .user_id(…)";
        let user_id = violations.header_text("X-User-Id", &self.user_id, shown, advice);
        let advice = "set KOODRIVE_AGENT_NAME or call .agent_name(…)";
        let agent_name = violations.header_text("X-Hw-Agentname", &self.agent_name, shown, advice);
        self.validate_root_certificates(&mut violations);
        self.validate_bounds(&mut violations);
        let checked = endpoint.zip(credentials).zip(user_id.zip(agent_name));
        let checked = violations.into_result_with(checked).map_err(Cause::Rules)?;
        let ((endpoint, (credentials, authorization)), (user_id, agent_name)) = checked;

        let connect_timeout = self.effective_connect_timeout();
        let mut http = reqwest::Client::builder()
            .user_agent(concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(connect_timeout)
            // For an attempt that has all of the time; one that has less sets its own.
            .timeout(self.timeout)
            // A redirect would carry the user id and the body to another host.
            .redirect(redirect::Policy::none())
            // Without the zero, a copy of each request would be kept for a retry that never comes.
            .retry(reqwest::retry::never().max_retries_per_request(0))
            .pool_max_idle_per_host(self.max_concurrent_requests);
        if is_loopback(&endpoint) || !self.proxy_from_env {
            http = http.no_proxy();
        }
        #[cfg(feature = "rustls")]
        {
            let config = tls::config(endpoint.scheme() == "https", &self.root_certificates);
            http = http.tls_backend_preconfigured(config.map_err(Cause::Tls)?);
        }
        #[cfg(all(feature = "native-tls", not(feature = "rustls")))]
        for pem in &self.root_certificates {
            let roots = reqwest::Certificate::from_pem_bundle(pem);
            http = http.tls_certs_merge(roots.map_err(|error| Cause::Tls(error.into()))?);
        }
        Ok(Client(Arc::new(Shared {
            http: http.build().map_err(|error| Cause::Tls(error.into()))?,
            endpoint: endpoint.as_str().trim_end_matches('/').to_owned(),
            credentials,
            authorization,
            user_id,
            agent_name,
            connect_timeout,
            timeout: self.timeout,
            max_attempts: self.max_attempts,
            max_reply_bytes: self.max_reply_bytes,
            places: Semaphore::new(self.max_concurrent_requests),
            clock: Arc::new(Clock::new(self.now, self.backdate)),
        })))
    }

    fn effective_connect_timeout(&self) -> Duration {
        let longest = Duration::from_secs(10);
        self.connect_timeout.unwrap_or(longest.min(self.timeout / 2))
    }

    fn validate_credentials(&self, violations: &mut Violations) -> Option<(Credentials, Source)> {
        if let [(_, credentials)] = self.credentials.as_slice() {
            return Some((credentials.clone(), credentials.check(violations)?));
        }
        let names: Vec<&str> = self.credentials.iter().map(|(name, _)| *name).collect();
        let advice = if names.is_empty() {
            "set KOODRIVE_TOKEN, KOODRIVE_AUTHORIZATION, or KOODRIVE_APP_ID with KOODRIVE_APP_SECRET, or call \
             .credentials(…)"
        } else {
            "unset all but one"
        };
        let actual = if names.is_empty() { "nothing".into() } else { names.join(" and ") };
        violations.push(Violation { path: "credentials".into(), rule: rules::CREDENTIALS, actual, advice });
        None
    }

    fn validate_endpoint(&self, violations: &mut Violations) -> Option<Url> {
        let mut broken = |rule, actual: String, advice| {
            violations.push(Violation { path: "endpoint".into(), rule, actual, advice });
        };
        let give_another = "give a base URL such as https://intl.myhuaweicloud-koodrive.com, in KOODRIVE_ENDPOINT or by \
                            .endpoint(…)";
        let Ok(url) = Url::parse(&self.endpoint) else {
            // What does not parse may hold a password all the same.
            let actual = match self.endpoint.chars().count() {
                0 => "nothing".into(),
                count => format!("{count} characters that are not a URL; is `https://` missing?"),
            };
            broken(rules::ENDPOINT_URL, actual, give_another);
            return None;
        };
        let is_secure = match url.scheme() {
            "https" => true,
            "http" => is_loopback(&url) || self.allow_http,
            _ => false,
        };
        if !is_secure || !url.has_host() {
            broken(rules::ENDPOINT_HTTPS, shown(url.scheme()), give_another);
        }
        if url.scheme() == "https" && !cfg!(any(feature = "rustls", feature = "native-tls")) {
            let advice = "enable the cargo feature `rustls` or `native-tls`";
            broken(rules::ENDPOINT_TLS, "a build without one".into(), advice);
        }
        if !url.username().is_empty() || url.password().is_some() {
            broken(rules::ENDPOINT_BARE, "credentials".into(), "give them as credentials");
        }
        if url.query().is_some() || url.fragment().is_some() {
            broken(rules::ENDPOINT_BARE, "a query or a fragment".into(), give_another);
        }
        Some(url)
    }

    fn validate_root_certificates(&self, violations: &mut Violations) {
        for pem in &self.root_certificates {
            if !String::from_utf8_lossy(pem).contains("-----BEGIN CERTIFICATE-----") {
                violations.push(Violation {
                    path: "root_certificates".into(),
                    rule: rules::ROOT_CERTIFICATES,
                    actual: format!("{} bytes without one", pem.len()),
                    advice: "convert it to PEM",
                });
            }
        }
    }

    fn validate_bounds(&self, violations: &mut Violations) {
        let Self { timeout, backdate, max_attempts, max_reply_bytes, max_concurrent_requests, .. } = self;
        let connect_timeout = self.effective_connect_timeout();
        // A total of 0 is told by its own rule.
        let is_within = (!connect_timeout.is_zero() && connect_timeout < *timeout) || timeout.is_zero();
        violations.bounds("connect_timeout", rules::CONNECT_TIMEOUT, is_within, connect_timeout);
        let is_within = !timeout.is_zero() && *timeout <= MAX_TIMEOUT;
        violations.bounds("timeout", rules::TIMEOUT, is_within, timeout);
        violations.bounds("backdate", rules::BACKDATE, *backdate <= MAX_BACKDATE, backdate);
        violations.bounds("max_attempts", rules::MAX_ATTEMPTS, (1..=10).contains(max_attempts), max_attempts);
        violations.bounds("max_reply_bytes", rules::MAX_REPLY_BYTES, *max_reply_bytes >= 1024, max_reply_bytes);
        let is_within = (1..=MAX_CONCURRENT_REQUESTS).contains(max_concurrent_requests);
        let rule = rules::MAX_CONCURRENT_REQUESTS;
        violations.bounds("max_concurrent_requests", rule, is_within, max_concurrent_requests);
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// Secrets are masked.
impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("credentials", &self.credentials)
            .field("user_id", &self.user_id)
            .field("agent_name", &self.agent_name)
            .finish_non_exhaustive()
    }
}

/// A client that could not be set up.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct BuildError(#[from] Cause);

#[derive(Debug, thiserror::Error)]
enum Cause {
    #[error(transparent)]
    Rules(ValidationError),
    #[error("TLS cannot be set up: check the certificates that were given and the platform's")]
    Tls(#[source] Box<dyn Error + Send + Sync>),
}

impl BuildError {
    /// The broken rules, if that is the cause: correct them all.
    #[must_use]
    pub fn validation_error(&self) -> Option<&ValidationError> {
        match &self.0 {
            Cause::Rules(error) => Some(error),
            Cause::Tls(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SET: [(&str, &str); 3] =
        [("KOODRIVE_ENDPOINT", "http://localhost"), ("KOODRIVE_USER_ID", "42"), ("KOODRIVE_AGENT_NAME", "carrier")];

    /// What a client says that is made with these variables beside the three mandatory ones.
    fn built_with(credentials: &[(&str, &str)]) -> Result<Client, String> {
        let builder = ClientBuilder::from_vars(|name| {
            let vars = SET.iter().chain(credentials);
            let value = vars.rev().find(|(set, _)| *set == name).map(|(_, value)| *value);
            match value {
                None => Err(env::VarError::NotPresent),
                Some("not unicode") => Err(env::VarError::NotUnicode("4\u{fffd}".into())),
                Some(value) => Ok(value.to_owned()),
            }
        });
        builder.build().map_err(|error| error.to_string())
    }

    #[test]
    fn each_kind_of_credentials_is_taken_from_the_environment() {
        let (id, secret) = (("KOODRIVE_APP_ID", "id"), ("KOODRIVE_APP_SECRET", "secret"));
        for credentials in [
            &[("KOODRIVE_TOKEN", "token")][..],
            &[("KOODRIVE_AUTHORIZATION", "Bearer token"), ("KOODRIVE_TOKEN", "")],
            &[id, secret],
        ] {
            built_with(credentials).unwrap();
        }
        for half in [id, secret] {
            assert!(built_with(&[half]).unwrap_err().contains("app "), "{half:?}");
        }
    }

    #[cfg(not(any(feature = "rustls", feature = "native-tls")))]
    #[test]
    fn an_https_endpoint_needs_a_build_with_tls() {
        let builder = ClientBuilder::from_vars(|_| Err(env::VarError::NotPresent));
        let error = builder.endpoint(ENDPOINT_INTL).build().unwrap_err();
        let broken = error.validation_error().unwrap().violations();
        assert_eq!(broken[0].rule(), "endpoint-tls");
    }

    #[test]
    fn more_than_one_kind_of_credentials_is_refused_by_name() {
        let error = built_with(&[("KOODRIVE_TOKEN", "t"), ("KOODRIVE_APP_SECRET", "s")]).unwrap_err();
        let names = "KOODRIVE_TOKEN and KOODRIVE_APP_ID with KOODRIVE_APP_SECRET";
        assert!(error.contains(names), "{error}");
    }

    #[test]
    fn a_variable_that_is_not_text_is_refused() {
        let error = built_with(&[("KOODRIVE_TOKEN", "t"), ("KOODRIVE_USER_ID", "not unicode")]);
        let error = error.unwrap_err();
        assert!(error.contains("KOODRIVE_USER_ID"), "{error}");
    }
}
