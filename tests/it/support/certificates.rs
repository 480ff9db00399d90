//! Certificates for servers on this machine, made for each test.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::ring, pki_types::PrivatePkcs8KeyDer},
};

/// Whether a server's certificate deserves to be trusted by those who trust its authority.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Trust {
    Deserved,
    OtherHost,
    Expired,
}

/// One who signs certificates.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.distinguished_name.push(DnType::CommonName, "the authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::self_signed(params, key).unwrap())
    }

    /// Its own certificate, for those who trust it.
    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// The TLS of a server on 127.0.0.1.
    pub(crate) fn acceptor(&self, trust: Trust) -> TlsAcceptor {
        let name = match trust {
            Trust::Deserved | Trust::Expired => "127.0.0.1",
            Trust::OtherHost => "127.0.0.2",
        };
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        if let Trust::Expired = trust {
            params.not_before = date_time_ymd(2024, 1, 1);
            params.not_after = date_time_ymd(2025, 1, 1);
        }
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key.into())
            .unwrap();
        Arc::new(config).into()
    }
}
