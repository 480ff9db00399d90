//! The settings of a client: their defaults and their rules.

use std::{fmt, net::IpAddr, time::Duration};

use http::{HeaderMap, HeaderName, HeaderValue};
use reqwest::Url;
use secrecy::{ExposeSecret, SecretSlice, SecretString};

use crate::{
    clock::Now,
    credentials::{AuthorizationSource, Credentials},
    generated::Headers,
    rules::{self, Rule},
    validation::{DAY, ValidationError, Violations, header_text, secret_header, shown, time_shown},
};

/// The longest backdating of `X-Date`: it leaves room for latency within the server's 15 minutes.
const MAX_BACKDATE: Duration = Duration::from_secs(10 * 60);

const MAX_CONCURRENT_REQUESTS: usize = 100_000;

/// Headers that say how a message is framed or encoded, or who sends it. The documented ones are reserved, too.
const RESERVED_HEADERS: &str = "accept accept-encoding authorization connection content-encoding content-length \
                                content-type expect host proxy-authorization te transfer-encoding upgrade user-agent";

#[derive(Clone, Default)]
pub(super) struct Settings {
    pub(super) endpoint: String,
    pub(super) allow_http: bool,
    pub(super) credentials: Vec<(&'static str, Credentials)>,
    pub(super) user_id: String,
    pub(super) agent_name: String,
    pub(super) limits: Limits,
    pub(super) root_certificates: Vec<Vec<u8>>,
    pub(super) client_certificate: Option<SecretSlice<u8>>,
    pub(super) proxy: Option<String>,
    pub(super) user_agent: Option<String>,
    pub(super) request_headers: Vec<(String, SecretString)>,
    /// `None` means the system clock.
    pub(super) now: Option<Now>,
}

/// All settings that are times or counts.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    pub(super) connect_timeout: Option<Duration>,
    pub(super) timeout: Duration,
    pub(super) renewal_timeout: Duration,
    pub(super) max_attempts: u32,
    pub(super) max_reply_bytes: Option<usize>,
    pub(super) max_concurrent_requests: usize,
    pub(super) backdate: Duration,
    pub(super) idle_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect_timeout: None,
            timeout: Duration::from_secs(30),
            renewal_timeout: Duration::from_secs(30),
            max_attempts: 3,
            max_reply_bytes: None,
            max_concurrent_requests: 100,
            backdate: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(4),
        }
    }
}

/// The parts of the settings that the rules have parsed.
pub(super) struct Checked {
    pub(super) endpoint: Url,
    pub(super) proxy: Option<Url>,
    pub(super) request_headers: HeaderMap,
    pub(super) caller: Caller,
}

/// The caller, as the headers name and authorize it.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) authorization: AuthorizationSource,
    pub(super) user_id: HeaderValue,
    pub(super) agent_name: HeaderValue,
}

impl Settings {
    /// Checks all rules.
    pub(super) fn check(&self) -> Result<Checked, ValidationError> {
        let mut violations = Violations::default();
        let endpoint = self.validate_endpoint(&mut violations);
        let authorization = violations.merge(self.authorization());
        let advice = "set KOODRIVE_USER_ID or call .user_id(…)";
        let user_id = violations.merge(header_text("X-User-Id", &self.user_id, shown, advice));
        let advice = "set KOODRIVE_AGENT_NAME or call .agent_name(…)";
        let agent_name = violations.merge(header_text("X-Hw-Agentname", &self.agent_name, shown, advice));
        let proxy = violations.merge(self.proxy(endpoint.as_ref())).flatten();
        self.validate_certificates(&mut violations);
        let request_headers = self.validate_request_headers(&mut violations);
        if let Some(user_agent) = &self.user_agent {
            let advice = "give the name and version of your program";
            violations.merge(header_text("user_agent", user_agent, shown, advice));
        }
        self.limits.validate(&mut violations);
        let checked = || {
            let caller = Caller { authorization: authorization?, user_id: user_id?, agent_name: agent_name? };
            Some(Checked { endpoint: endpoint?, proxy, request_headers, caller })
        };
        violations.into_result_with(checked())
    }

    fn authorization(&self) -> Result<AuthorizationSource, ValidationError> {
        let broken = rules::CREDENTIALS.at("credentials");
        let violation = match self.credentials.as_slice() {
            [(_, credentials)] => return credentials.0.clone(),
            [] => broken.advise(
                "set KOODRIVE_TOKEN, KOODRIVE_AUTHORIZATION, or KOODRIVE_APP_ID with KOODRIVE_APP_SECRET, or call \
                 .credentials(…)",
            ),
            several => {
                let names: Vec<_> = several.iter().map(|(name, _)| *name).collect();
                broken.given(names.join(" and ")).advise("unset all but one")
            }
        };
        Err(violation.into())
    }

    fn validate_endpoint(&self, violations: &mut Violations) -> Option<Url> {
        let advice = "give a base URL such as https://intl.myhuaweicloud-koodrive.com, in KOODRIVE_ENDPOINT or by \
                      .endpoint(…)";
        // `localhost:8080` parses, too: as a URL of the scheme `localhost`, which cannot be a base.
        let Some(url) = Url::parse(&self.endpoint).ok().filter(|url| !url.cannot_be_a_base()) else {
            // The text may hold a password, so only its length is shown.
            let actual = match self.endpoint.chars().count() {
                0 => "nothing".into(),
                count => format!("{count} characters that are not a URL; is `https://` missing?"),
            };
            violations.add(rules::ENDPOINT_URL.at("endpoint").given(actual).advise(advice));
            return None;
        };
        if !self.is_secure(&url) {
            violations.add(rules::ENDPOINT_HTTPS.at("endpoint").given(shown(url.scheme())).advise(advice));
        }
        if has_credentials(&url) {
            violations.add(rules::ENDPOINT_BARE.at("endpoint").given("credentials").advise("give them as credentials"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            violations.add(rules::ENDPOINT_BARE.at("endpoint").given("a query or a fragment").advise(advice));
        }
        violations.merge(check_tls("endpoint", &url));
        Some(url)
    }

    /// Whether the URL is https, or http to this machine, or http to any machine if that is allowed.
    pub(super) fn is_secure(&self, url: &Url) -> bool {
        match url.scheme() {
            "https" => true,
            "http" => is_loopback(url) || self.allow_http,
            _ => false,
        }
    }

    fn validate_certificates(&self, violations: &mut Violations) {
        let mut check = |path: &'static str, rule: Rule, pem: &[u8], part, advice| {
            if !String::from_utf8_lossy(pem).contains(part) {
                let actual = format!("{} bytes without `{part}`", pem.len());
                violations.add(rule.at(path).given(actual).advise(advice));
            }
        };
        let certificate = "-----BEGIN CERTIFICATE-----";
        for pem in &self.root_certificates {
            check("root_certificates", rules::ROOT_CERTIFICATES, pem, certificate, "convert it to PEM");
        }
        if let Some(pem) = &self.client_certificate {
            let advice = "give one text of both, the key as PKCS#8 without a password";
            for part in [certificate, "PRIVATE KEY-----"] {
                check("client_certificate", rules::CLIENT_CERTIFICATE, pem.expose_secret(), part, advice);
            }
        }
    }

    fn validate_request_headers(&self, violations: &mut Violations) -> HeaderMap {
        let reserved = RESERVED_HEADERS.split(' ').chain(Headers::NAMES.iter().copied());
        let is_free = |name: &HeaderName| !reserved.clone().any(|reserved| reserved == name);
        let mut headers = HeaderMap::new();
        for (name, value) in &self.request_headers {
            // The value may be a gateway's key, so it counts as a secret.
            let value = violations.merge(secret_header("request_headers", value.expose_secret(), "correct it"));
            let free = HeaderName::try_from(name).ok().filter(is_free);
            if free.is_none() {
                violations.add(rules::REQUEST_HEADERS.at("request_headers").given(shown(name)).advise("leave it out"));
            }
            if let Some((name, value)) = free.zip(value) {
                headers.insert(name, value);
            }
        }
        headers
    }
}

impl Limits {
    /// Returns the connect time-out, which defaults to 10 s, or half of the total if that is less.
    pub(super) fn connect_timeout(&self) -> Duration {
        let longest = Duration::from_secs(10);
        self.connect_timeout.unwrap_or(longest.min(self.timeout / 2))
    }

    pub(super) fn validate(&self, violations: &mut Violations) {
        let Self { timeout, renewal_timeout, max_attempts, backdate, idle_timeout, .. } = *self;
        let connect_timeout = self.connect_timeout();
        // A total of 0 breaks the rule `timeout`, so it is not reported here.
        let is_within = (!connect_timeout.is_zero() && connect_timeout < timeout) || timeout.is_zero();
        let both = format!("{} of {}", time_shown(connect_timeout), time_shown(timeout));
        violations.bounds(rules::CONNECT_TIMEOUT, is_within, both);
        violations.time_within_day(rules::TIMEOUT, timeout);
        violations.time_within_day(rules::RENEWAL_TIMEOUT, renewal_timeout);
        violations.bounds(rules::MAX_ATTEMPTS, (1..=10).contains(&max_attempts), max_attempts);
        let max_reply_bytes = self.max_reply_bytes.unwrap_or(usize::MAX);
        violations.bounds(rules::MAX_REPLY_BYTES, max_reply_bytes >= 1024, max_reply_bytes);
        violations.bounds(rules::IDLE_TIMEOUT, idle_timeout <= DAY, time_shown(idle_timeout));
        violations.bounds(rules::BACKDATE, backdate <= MAX_BACKDATE, time_shown(backdate));
        let requests = self.max_concurrent_requests;
        violations.bounds(rules::MAX_CONCURRENT_REQUESTS, (1..=MAX_CONCURRENT_REQUESTS).contains(&requests), requests);
    }
}

/// Refuses https in a build without TLS.
pub(super) fn check_tls(path: &'static str, url: &Url) -> Result<(), ValidationError> {
    if url.scheme() != "https" || cfg!(any(feature = "rustls", feature = "native-tls")) {
        return Ok(());
    }
    let advice = "enable the cargo feature `rustls` or `native-tls`";
    Err(rules::ENDPOINT_TLS.at(path).given("a build without one").advise(advice).into())
}

pub(crate) fn has_credentials(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

/// Whether the host of a URL is this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    let is_localhost = url.domain().is_some_and(|host| host.trim_end_matches('.') == "localhost");
    is_localhost || address(url).is_some_and(|address| address.is_loopback())
}

/// Returns the IP address of a URL's host, unless the host is a name.
pub(crate) fn address(url: &Url) -> Option<IpAddr> {
    let host = url.host_str()?.trim_start_matches('[').trim_end_matches(']');
    host.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

/// Shows only settings without secrets, and the credentials, which mask their own.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("credentials", &self.credentials)
            .field("user_id", &self.user_id)
            .field("agent_name", &self.agent_name)
            .finish_non_exhaustive()
    }
}
