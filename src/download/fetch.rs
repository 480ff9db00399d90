//! The requests for a package: their headers, and which redirects are followed.

use std::collections::hash_map::Entry;

use http::header;
use reqwest::{Response, Url};

use super::{Download, error::DownloadFault, response::Resume};
use crate::client::settings::{address, has_credentials, is_loopback};

const MAX_REDIRECTS: usize = 5;

impl Download {
    /// Requests a package, or the rest of one, and follows redirects.
    pub(super) async fn fetch(&mut self, url: &Url, resume: Option<&Resume>) -> Result<Response, DownloadFault> {
        let mut url = url.clone();
        for _ in 0..=MAX_REDIRECTS {
            let mut request = self.http_client(&url)?.get(url.clone()).header(header::ACCEPT_ENCODING, "identity");
            if let Some(Resume { from, etag }) = resume {
                request = request.header(header::RANGE, format!("bytes={from}-")).header(header::IF_RANGE, etag);
            }
            let response = request.send().await?;
            if !response.status().is_redirection() {
                return Ok(response);
            }
            let location = response.headers().get(header::LOCATION).and_then(|location| location.to_str().ok());
            let next = location.and_then(|location| url.join(location).ok());
            let next = next.ok_or(DownloadFault::Foreign("a redirect without a URL"))?;
            check_redirect(&url, &next).map_err(DownloadFault::Foreign)?;
            url = next;
        }
        Err(DownloadFault::Foreign("a sixth redirect"))
    }

    /// Returns the HTTP client for a URL's scheme, host and port. Each has its own, since it may have another proxy.
    fn http_client(&mut self, url: &Url) -> Result<&reqwest::Client, DownloadFault> {
        Ok(match self.http_clients.entry(url.origin().ascii_serialization()) {
            Entry::Occupied(client) => client.into_mut(),
            Entry::Vacant(entry) => entry.insert(self.client.storage_client(url, self.stall_timeout)?),
        })
    }
}

/// Refuses a redirect that would send the URL without TLS, carry credentials, or reach a service that only this machine
/// can reach.
fn check_redirect(from: &Url, to: &Url) -> Result<(), &'static str> {
    match to.scheme() {
        "https" if is_this_machine(to) && !is_loopback(from) => Err("a redirect from another machine to this one"),
        "https" if has_credentials(to) => Err("a redirect with credentials"),
        "https" => Ok(()),
        _ => Err("a redirect that does not lead to https"),
    }
}

/// Whether a URL leads to this machine, even if its host is not a loopback address.
fn is_this_machine(url: &Url) -> bool {
    let is_below_localhost = url.domain().is_some_and(|host| host.trim_end_matches('.').ends_with(".localhost"));
    is_loopback(url) || is_below_localhost || address(url).is_some_and(|address| address.is_unspecified())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_redirects_to_https_are_followed_and_none_from_outside_to_this_machine() {
        let cases = [
            ("https://a.example/1", "https://b.example/2", true),
            ("http://127.0.0.1:1/", "https://b.example/", true),
            ("http://127.0.0.1:1/", "https://127.0.0.1:2/", true),
            ("https://a.example/", "http://a.example/", false),
            ("http://127.0.0.1:1/", "http://127.0.0.1:1/", false),
            ("https://a.example/", "ftp://a.example/", false),
            ("https://a.example/", "file:///etc/passwd", false),
            ("https://a.example/", "https://127.0.0.1/", false),
            ("https://a.example/", "https://localhost/", false),
            ("https://a.example/", "https://localhost./", false),
            ("https://a.example/", "https://[::1]/", false),
            ("https://a.example/", "https://2130706433/", false),
            ("https://a.example/", "https://[::ffff:127.0.0.1]/", false),
            ("https://a.example/", "https://0.0.0.0/", false),
            ("https://a.example/", "https://[::]/", false),
            ("https://a.example/", "https://[::ffff:0.0.0.0]/", false),
            ("https://a.example/", "https://x.localhost/", false),
            ("https://a.example/", "https://localhost.example/", true),
            ("https://a.example/", "https://10.0.0.1/", true),
            ("https://a.example/", "https://user@b.example/", false),
        ];
        for (from, to, is_followed) in cases {
            let url = |text| Url::parse(text).unwrap();
            assert_eq!(check_redirect(&url(from), &url(to)).is_ok(), is_followed, "{from} to {to}");
        }
    }
}
