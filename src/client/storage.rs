//! The HTTP clients that fetch packages: they carry nothing of the API.

use std::time::Duration;

use reqwest::Url;

use super::{
    Client,
    builder::{BuildError, Cause},
    settings::{Settings, is_loopback},
    transport::http_builder,
};
use crate::{
    rules,
    validation::{ValidationError, Violation, Violations, shown},
};

impl Settings {
    /// Those that a storage may know of.
    pub(super) fn of_storage(&self) -> Self {
        Self {
            credentials: Vec::new(),
            client_certificate: None,
            user_agent: None,
            request_headers: Vec::new(),
            ..self.clone()
        }
    }
}

impl Client {
    /// Checks the URL of a package.
    pub(crate) fn check_download_url(&self, text: &str) -> Result<Url, ValidationError> {
        let refused = |rule, actual, advice| Violation { path: "downloadUrl".into(), rule, actual, advice };
        let advice = "take it from the status of a task";
        let Ok(url) = Url::parse(text) else {
            let actual = format!("{} characters that are not a URL", text.chars().count());
            return Err(refused(rules::DOWNLOAD_URL, actual, advice).into());
        };
        let is_plain_allowed = is_loopback(&url) || self.0.storage.allow_http;
        let is_bare = url.username().is_empty() && url.password().is_none();
        match url.scheme() {
            _ if !is_bare => Err(refused(rules::DOWNLOAD_URL, "credentials".into(), advice).into()),
            "https" if !cfg!(any(feature = "rustls", feature = "native-tls")) => {
                let advice = "enable the cargo feature `rustls` or `native-tls`";
                Err(refused(rules::ENDPOINT_TLS, "a build without one".into(), advice).into())
            }
            "https" => Ok(url),
            "http" if is_plain_allowed => Ok(url),
            scheme => Err(refused(rules::DOWNLOAD_URL, shown(scheme), advice).into()),
        }
    }

    /// An HTTP client for this URL: with the proxy and the certificates that the settings name, and without anything
    /// of the API. A connection without progress for so long ends.
    pub(crate) fn storage_client(&self, url: &Url, stall_timeout: Duration) -> Result<reqwest::Client, BuildError> {
        let settings = &self.0.storage;
        let mut violations = Violations::default();
        let proxy = settings.proxy(url, &mut violations);
        violations.into_result().map_err(Cause::Rules)?;
        let http = http_builder(settings, url, proxy.as_ref()).map_err(Cause::Tls)?;
        let http = http.read_timeout(stall_timeout).build();
        Ok(http.map_err(|cause| Cause::Tls(cause.into()))?)
    }
}
