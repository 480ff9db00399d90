//! The HTTP clients that fetch packages: they carry nothing of the API.

use std::time::Duration;

use reqwest::Url;

use super::{
    Client,
    builder::{BuildError, Cause},
    settings::{Settings, has_credentials, validate_tls},
    transport::http_builder,
};
use crate::{
    rules,
    task::wire::DownloadUrl,
    validation::{ValidationError, Violations, shown},
};

impl Settings {
    /// The settings for requests to a storage, which must learn nothing of the API's caller.
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
    pub(crate) fn check_download_url(&self, url: &DownloadUrl, advice: &'static str) -> Result<Url, ValidationError> {
        let text = url.expose();
        let refused = |actual| Err(rules::DOWNLOAD_URL.at("downloadUrl").given(actual).advise(advice).into());
        match Url::parse(text) {
            Err(_) => refused(format!("{} characters that are not a URL", text.chars().count())),
            Ok(url) if has_credentials(&url) => refused("credentials".into()),
            Ok(url) if !self.0.storage.is_secure(&url) => refused(shown(url.scheme())),
            Ok(url) => {
                let mut violations = Violations::default();
                validate_tls("downloadUrl", &url, &mut violations);
                violations.into_result_with(Some(url))
            }
        }
    }

    /// An HTTP client for this URL: with the proxy and the certificates that the settings name, and without anything
    /// of the API. A connection without progress for so long ends.
    pub(crate) fn storage_client(&self, url: &Url, stall_timeout: Duration) -> Result<reqwest::Client, BuildError> {
        let settings = &self.0.storage;
        let mut violations = Violations::default();
        let proxy = settings.proxy(Some(url), &mut violations);
        violations.into_result().map_err(Cause::Rules)?;
        let http = http_builder(settings, url, proxy.as_ref()).map_err(Cause::Tls)?;
        Ok(http.read_timeout(stall_timeout).build().map_err(|cause| Cause::Tls(cause.into()))?)
    }
}
