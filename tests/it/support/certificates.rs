//! Certificates for servers and clients on this machine, made for each test.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, PublicKeyData, date_time_ymd,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        RootCertStore, ServerConfig, SupportedProtocolVersion, crypto::ring, pki_types::PrivatePkcs8KeyDer,
        server::WebPkiClientVerifier,
    },
};

/// Whether a server's certificate deserves the trust of a client that trusts its authority.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Trust {
    Deserved,
    OtherHost,
    Expired,
    /// The certificate names a signature algorithm that ring lacks, but is not signed with it.
    OtherAlgorithm,
}

/// An authority that signs certificates.
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

    /// The authority's own certificate, for clients that trust it.
    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// A client's certificate and its key.
    pub(crate) fn client_pem(&self) -> String {
        self.pem_for(ExtendedKeyUsagePurpose::ClientAuth)
    }

    /// A certificate for this purpose and its key.
    pub(crate) fn pem_for(&self, purpose: ExtendedKeyUsagePurpose) -> String {
        let mut params = CertificateParams::new(["client".to_owned()]).unwrap();
        params.extended_key_usages = vec![purpose];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        format!("{}{}", certificate.pem(), key.serialize_pem())
    }

    /// The TLS acceptor of a server on 127.0.0.1.
    pub(crate) fn acceptor(&self, trust: Trust) -> TlsAcceptor {
        Arc::new(self.config(trust)).into()
    }

    /// The TLS acceptor of a server that only speaks HTTP/2.
    pub(crate) fn http2_acceptor(&self) -> TlsAcceptor {
        let mut config = self.config(Trust::Deserved);
        config.alpn_protocols = vec![b"h2".to_vec()];
        Arc::new(config).into()
    }

    fn config(&self, trust: Trust) -> ServerConfig {
        let key = KeyPair::generate().unwrap();
        let mut certificate = self.sign(trust, &key).der().to_vec();
        if let Trust::OtherAlgorithm = trust {
            name_another_algorithm(&mut certificate);
        }
        let verifier = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let config = verifier.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        config.with_single_cert(vec![certificate.into()], key.into()).unwrap()
    }

    /// The TLS acceptor of a server that demands a client certificate by this authority.
    pub(crate) fn demanding_acceptor(&self, version: &'static SupportedProtocolVersion) -> TlsAcceptor {
        let provider = Arc::new(ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build().unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = self.sign(Trust::Deserved, &key).der().clone();
        let config = ServerConfig::builder_with_provider(provider).with_protocol_versions(&[version]).unwrap();
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        let config = config.with_client_cert_verifier(verifier).with_single_cert(vec![certificate], key.into());
        Arc::new(config.unwrap()).into()
    }

    fn sign(&self, trust: Trust, key: &impl PublicKeyData) -> Certificate {
        let name = match trust {
            Trust::Deserved | Trust::Expired | Trust::OtherAlgorithm => "127.0.0.1",
            Trust::OtherHost => "127.0.0.2",
        };
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        if let Trust::Expired = trust {
            params.not_before = date_time_ymd(2024, 1, 1);
            params.not_after = date_time_ymd(2025, 1, 1);
        }
        params.signed_by(key, &self.0).unwrap()
    }
}

/// Replaces ECDSA with SHA-256 by ECDSA with SHA-512 in a certificate.
fn name_another_algorithm(der: &mut [u8]) {
    const ECDSA_WITH_SHA256: [u8; 8] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
    let mut places = 0;
    for start in 0..der.len() - ECDSA_WITH_SHA256.len() {
        if der[start..].starts_with(&ECDSA_WITH_SHA256) {
            der[start + 7] = 4;
            places += 1;
        }
    }
    // The algorithm is named in the signed part and beside the signature.
    assert_eq!(places, 2);
}
