//! The HTTP clients that download packages. They send no header and no secret of the API.

use std::time::Duration;

use reqwest::Url;

use super::{
    Client,
    builder::{BuildError, Cause},
    settings::{Settings, check_tls, has_credentials},
    transport::http_builder,
};
use crate::{
    rules,
    task::wire::DownloadUrl,
    validation::{ValidationError, shown},
};

impl Settings {
    /// Returns the settings for requests to a storage service, which must learn nothing about the API's caller.
    pub(super) fn for_storage(&self) -> Self {
        let Self { allow_http, limits, root_certificates, proxy, .. } = self.clone();
        Self { allow_http, limits, root_certificates, proxy, ..Self::default() }
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
            Ok(url) => check_tls("downloadUrl", &url).map(|()| url),
        }
    }

    /// Makes an HTTP client for this URL, with the proxy and the root certificates of the settings.
    ///
    /// A connection that makes no progress for `stall_timeout` is closed.
    pub(crate) fn storage_client(&self, url: &Url, stall_timeout: Duration) -> Result<reqwest::Client, BuildError> {
        let settings = &self.0.storage;
        let proxy = settings.proxy(Some(url)).map_err(Cause::Rules)?;
        let http = http_builder(settings, url, proxy.as_ref()).map_err(Cause::Tls)?;
        Ok(http.read_timeout(stall_timeout).build().map_err(|cause| Cause::Tls(cause.into()))?)
    }
}
