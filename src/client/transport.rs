//! The HTTP client that requests go through.

use std::error::Error;

use reqwest::redirect;

use super::settings::{Checked, Settings};

/// The HTTP client of these settings. Connects to nothing.
pub(super) fn http_client(
    settings: &Settings,
    checked: &Checked,
) -> Result<reqwest::Client, Box<dyn Error + Send + Sync>> {
    let mut http = reqwest::Client::builder()
        .user_agent(concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(settings.effective_connect_timeout())
        // For an attempt that has all of the time; one that has less sets its own.
        .timeout(settings.timeout)
        // A redirect would carry the user id and the body to another host.
        .redirect(redirect::Policy::none())
        // Without the zero, reqwest keeps a copy of each request for a retry that never comes.
        .retry(reqwest::retry::never().max_retries_per_request(0))
        .pool_max_idle_per_host(if settings.idle_timeout.is_zero() { 0 } else { settings.max_concurrent_requests })
        .pool_idle_timeout(settings.idle_timeout)
        // The one that applies was found already.
        .no_proxy();
    if let Some(proxy) = &checked.proxy {
        http = http.proxy(reqwest::Proxy::all(proxy.clone())?);
    }
    #[cfg(feature = "rustls")]
    {
        let is_https = checked.endpoint.scheme() == "https";
        http = http.tls_backend_preconfigured(rustls_config(is_https, &settings.root_certificates)?);
    }
    #[cfg(all(feature = "native-tls", not(feature = "rustls")))]
    for pem in &settings.root_certificates {
        http = http.tls_certs_merge(reqwest::Certificate::from_pem_bundle(pem)?);
    }
    Ok(http.build()?)
}

/// The TLS configuration: trusts the platform's certificates and the given ones.
///
/// An http endpoint gets one that trusts nobody, since reading the platform's certificates takes time and may fail.
///
/// A crypto provider that the process has installed is used; else it is ring, and nothing is installed.
#[cfg(feature = "rustls")]
fn rustls_config(
    is_https: bool,
    root_certificates: &[Vec<u8>],
) -> Result<rustls::ClientConfig, Box<dyn Error + Send + Sync>> {
    use std::sync::Arc;

    use rustls::{
        ClientConfig, RootCertStore,
        crypto::{CryptoProvider, ring},
        pki_types::{CertificateDer, pem::PemObject},
    };
    use rustls_platform_verifier::Verifier;

    let provider = CryptoProvider::get_default().cloned().unwrap_or_else(|| Arc::new(ring::default_provider()));
    let roots = root_certificates.iter().flat_map(|pem| CertificateDer::pem_slice_iter(pem));
    let roots: Vec<CertificateDer<'static>> = roots.collect::<Result<_, _>>()?;
    let config = ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions()?;
    let config = if is_https {
        let verifier = Verifier::new_with_extra_roots(roots, provider)?;
        config.dangerous().with_custom_certificate_verifier(Arc::new(verifier))
    } else {
        config.with_root_certificates(RootCertStore::empty())
    };
    let mut config = config.with_no_client_auth();
    // A server without HTTP/1.1 ends the handshake, instead of leaving the request without an answer.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
