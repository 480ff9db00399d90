//! The HTTP client for the requests of a client.

use std::iter;

use reqwest::{Url, redirect};
#[cfg(any(feature = "rustls", feature = "native-tls"))]
use secrecy::ExposeSecret;

use super::settings::{Checked, Limits, Settings};
use crate::error::BoxError;

/// The first line of a private key.
#[cfg(all(feature = "native-tls", not(feature = "rustls")))]
const KEY: &[u8] = b"-----BEGIN PRIVATE KEY-----";

/// Makes the HTTP client of these settings. This opens no connection.
pub(super) fn http_client(settings: &Settings, checked: &Checked) -> Result<reqwest::Client, BoxError> {
    let Limits { timeout, idle_timeout, max_concurrent_requests, .. } = settings.limits;
    let http = http_builder(settings, &checked.endpoint, checked.proxy.as_ref())?
        // A header that a hook sets replaces a default header of that name.
        .default_headers(checked.request_headers.clone())
        // This is the time-out of an attempt that has the whole time left. Others set their own.
        .timeout(timeout)
        .pool_max_idle_per_host(if idle_timeout.is_zero() { 0 } else { max_concurrent_requests })
        .pool_idle_timeout(idle_timeout);
    Ok(http.build()?)
}

/// Returns the builder of an HTTP client for the host of `url`, with the settings that all clients share.
pub(super) fn http_builder(
    settings: &Settings,
    url: &Url,
    proxy: Option<&Url>,
) -> Result<reqwest::ClientBuilder, BoxError> {
    let is_https = url.scheme() == "https";
    let own_name = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));
    let names: Vec<_> = iter::once(own_name).chain(settings.user_agent.as_deref()).collect();
    let mut http = reqwest::Client::builder()
        .user_agent(names.join(" "))
        .connect_timeout(settings.limits.connect_timeout())
        .https_only(is_https)
        // A redirect would carry the user id and the body to another host.
        .redirect(redirect::Policy::none())
        // Without the limit of 0, reqwest keeps a copy of each request for a retry that never happens.
        .retry(reqwest::retry::never().max_retries_per_request(0))
        // The proxy that applies is set below, so reqwest must not look for one.
        .no_proxy();
    if let Some(proxy) = proxy {
        http = http.proxy(reqwest::Proxy::all(proxy.clone())?);
    }
    #[cfg(feature = "rustls")]
    {
        let client_certificate = settings.client_certificate.as_ref().map(ExposeSecret::expose_secret);
        let has_tls = is_https || proxy.is_some_and(|proxy| proxy.scheme() == "https");
        let tls = rustls_config(has_tls, &settings.root_certificates, client_certificate)?;
        http = http.tls_backend_preconfigured(tls);
    }
    #[cfg(all(feature = "native-tls", not(feature = "rustls")))]
    {
        for pem in &settings.root_certificates {
            http = http.tls_certs_merge(reqwest::Certificate::from_pem_bundle(pem)?);
        }
        if let Some(pem) = settings.client_certificate.as_ref().map(ExposeSecret::expose_secret) {
            // The PEM text that is passed as the key must begin with the key.
            let key = pem.windows(KEY.len()).position(|start| start == KEY).map_or(pem, |start| &pem[start..]);
            http = http.identity(reqwest::Identity::from_pkcs8_pem(pem, key)?);
        }
    }
    Ok(http)
}

/// Makes the TLS configuration, which trusts the platform's certificates and the given ones.
///
/// Without `has_tls`, it trusts no certificate, since reading the platform's certificates takes time and may fail.
///
/// The crypto provider is the one that the process has installed, or else ring, without installing it.
#[cfg(feature = "rustls")]
fn rustls_config(
    has_tls: bool,
    root_certificates: &[Vec<u8>],
    client_certificate: Option<&[u8]>,
) -> Result<rustls::ClientConfig, BoxError> {
    use std::sync::Arc;

    use rustls::{
        ClientConfig, RootCertStore,
        crypto::{CryptoProvider, ring},
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    };
    use rustls_platform_verifier::Verifier;

    let provider = CryptoProvider::get_default().cloned().unwrap_or_else(|| Arc::new(ring::default_provider()));
    let roots = root_certificates.iter().flat_map(|pem| CertificateDer::pem_slice_iter(pem));
    let roots: Vec<CertificateDer<'static>> = roots.collect::<Result<_, _>>()?;
    let config = ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions()?;
    let config = if has_tls {
        let verifier = Verifier::new_with_extra_roots(roots, provider)?;
        config.dangerous().with_custom_certificate_verifier(Arc::new(verifier))
    } else {
        config.with_root_certificates(RootCertStore::empty())
    };
    let mut config = match client_certificate {
        None => config.with_no_client_auth(),
        Some(pem) => {
            let chain = CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>()?;
            config.with_client_auth_cert(chain, PrivateKeyDer::from_pem_slice(pem)?)?
        }
    };
    // With ALPN, a server without HTTP/1.1 fails the handshake, instead of leaving the request unanswered.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
