//! TLS by rustls: the platform's certificates, and a crypto provider that builds quickly.

use std::{error::Error, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, pem::PemObject},
};
use rustls_platform_verifier::Verifier;

/// The configuration of an https endpoint: the platform's certificates and the given ones.
///
/// An http endpoint gets one that trusts nobody, since reading the platform's certificates takes time and may fail.
///
/// A crypto provider that the process has installed is used; else it is ring, and nothing is installed.
pub(super) fn config(https: bool, root_certificates: &[Vec<u8>]) -> Result<ClientConfig, Box<dyn Error + Send + Sync>> {
    let provider = CryptoProvider::get_default().cloned().unwrap_or_else(|| Arc::new(ring::default_provider()));
    let roots = root_certificates.iter().flat_map(|pem| CertificateDer::pem_slice_iter(pem));
    let roots: Vec<CertificateDer<'static>> = roots.collect::<Result<_, _>>()?;
    let config = ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions()?;
    let config = if https {
        let verifier = Verifier::new_with_extra_roots(roots, provider)?;
        config.dangerous().with_custom_certificate_verifier(Arc::new(verifier))
    } else {
        config.with_root_certificates(RootCertStore::empty())
    };
    Ok(config.with_no_client_auth())
}
