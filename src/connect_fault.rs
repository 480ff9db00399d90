//! The faults of a connection that a retry does not remove.

use std::{error::Error, iter::successors};

/// Why no connection is established. Such a fault does not pass by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConnectFault {
    UnknownIssuer,
    OtherName,
    OutOfDate,
    /// The two sides have no TLS version or algorithm in common.
    Unsupported,
    /// The certificate has another fault.
    Certificate,
    ClientCertificate,
    ProxyCredentials,
}

impl ConnectFault {
    /// Returns the fault that caused an error of the HTTP client, if it is one of these. `is_connect` says whether the
    /// error occurred while the connection was being established.
    ///
    /// With each of these faults, nothing was carried out. In TLS 1.3, a service refuses a client's certificate after
    /// the client has sent its request, and does not read the request. All other faults occur while the connection is
    /// being established.
    pub(crate) fn of(error: &dyn Error, is_connect: bool) -> Option<Self> {
        // Skip the text of the error itself: it holds the URL, which could match.
        let fault = successors(error.source(), |&error| error.source()).find_map(|error| fault(&error.to_string()));
        fault.filter(|fault| is_connect || *fault == Self::ClientCertificate)
    }

    /// Describes the fault. `peer` names the other side of the connection, such as `the service`.
    pub(crate) fn describe(self, peer: &str) -> String {
        match self {
            Self::UnknownIssuer => format!("{peer}'s certificate has an issuer that is not trusted"),
            Self::OtherName => format!("{peer}'s certificate is for another host"),
            Self::OutOfDate => format!("{peer}'s certificate has expired or is not valid yet"),
            Self::Unsupported => format!("{peer} and this client have no TLS version or algorithm in common"),
            Self::Certificate => format!("{peer}'s certificate is not accepted"),
            Self::ClientCertificate => format!("{peer} demands a client certificate, or does not accept the one given"),
            Self::ProxyCredentials => "the proxy demands credentials, or does not accept those given".to_owned(),
        }
    }

    pub(crate) fn advice(self) -> &'static str {
        match self {
            Self::UnknownIssuer => "trust its issuer by `root_certificates`, or add it to the platform's certificates",
            Self::OtherName => "check the host name in the endpoint",
            Self::OutOfDate => "have it renewed, or check this machine's clock",
            Self::Unsupported => {
                "build with the feature `native-tls` instead of `rustls`, or give a `client_certificate` if it demands one"
            }
            Self::Certificate => "have it issued anew, without the fault that the cause names",
            Self::ClientCertificate => "give one that it accepts by `client_certificate`",
            Self::ProxyCredentials => "give the proxy's credentials in its URL, http://user:password@host:port",
        }
    }
}

/// The error texts of rustls, OpenSSL and proxies, in lower case and without blanks and colons. Not all of these errors
/// have a public type.
const TEXTS: [(ConnectFault, &[&str]); 7] = [
    (
        ConnectFault::ProxyCredentials,
        // The third text also occurs if a proxy demands credentials and was given none.
        &["proxyauthorizationrequired", "credentialsnotaccepted", "notsupportuser/pass", "implementsauthentication"],
    ),
    (
        ConnectFault::ClientCertificate,
        &["alertcert", "alertbadcert", "alertunsupportedcert", "alertunknownca", "alertaccess", "alertdecrypterror"],
    ),
    (ConnectFault::OtherName, &["certificatenotvalidforname", "mismatch)"]),
    (ConnectFault::OutOfDate, &["certificateexpired", "certificatehasexpired", "notvalidyet", "notyetvalid"]),
    (ConnectFault::UnknownIssuer, &["unknownissuer", "issuercertificate)", "(self-signed", "(selfsigned"]),
    (
        ConnectFault::Unsupported,
        &["unsupportedsignature", "peerisincompatible", "alerthandshake", "alertinsufficient", "alertprotocol"],
    ),
    (ConnectFault::Certificate, &["certificateverifyfailed", "invalidpeercertificate"]),
];

fn fault(text: &str) -> Option<ConnectFault> {
    let text = text.to_lowercase().replace([' ', ':'], "");
    let known = TEXTS.iter().find(|(_, known)| known.iter().any(|known| text.contains(known)));
    known.map(|(fault, _)| *fault)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The texts are those of the libraries; `tests/it` shows that they still are.
    #[test]
    fn a_fault_is_told_by_its_text() {
        for (text, expected) in [
            ("tunnel error: proxy authorization required", Some(ConnectFault::ProxyCredentials)),
            ("tunnel error: unsuccessful", None),
            ("SOCKS error: credentials not accepted", Some(ConnectFault::ProxyCredentials)),
            ("SOCKS error: server does not support user/pass authentication", Some(ConnectFault::ProxyCredentials)),
            ("SOCKS error: server implements authentication incorrectly", Some(ConnectFault::ProxyCredentials)),
            ("SOCKS error: connection not allowed by ruleset", None),
            ("invalid peer certificate: UnknownIssuer", Some(ConnectFault::UnknownIssuer)),
            ("invalid peer certificate: certificate expired: verification time 9", Some(ConnectFault::OutOfDate)),
            ("invalid peer certificate: Revoked", Some(ConnectFault::Certificate)),
            ("received fatal alert: CertificateRequired", Some(ConnectFault::ClientCertificate)),
            ("received fatal alert: CertificateExpired", Some(ConnectFault::ClientCertificate)),
            ("received fatal alert: UnsupportedCertificate", Some(ConnectFault::ClientCertificate)),
            ("received fatal alert: HandshakeFailure", Some(ConnectFault::Unsupported)),
            ("received fatal alert: InsufficientSecurity", Some(ConnectFault::Unsupported)),
            ("received fatal alert: InternalError", None),
            ("SSL routines:ssl3_read_bytes:tlsv13 alert certificate required:", Some(ConnectFault::ClientCertificate)),
            (
                "SSL routines:ssl3_read_bytes:sslv3 alert unsupported certificate:",
                Some(ConnectFault::ClientCertificate),
            ),
            ("SSL routines:ssl3_read_bytes:tlsv1 alert insufficient security:", Some(ConnectFault::Unsupported)),
            ("certificate verify failed: (self-signed certificate)", Some(ConnectFault::UnknownIssuer)),
            ("certificate verify failed: (IP address mismatch)", Some(ConnectFault::OtherName)),
            ("certificate verify failed: (certificate is not yet valid)", Some(ConnectFault::OutOfDate)),
            ("certificate verify failed: (unable to get local issuer certificate)", Some(ConnectFault::UnknownIssuer)),
            ("Connection reset by peer (os error 104)", None),
        ] {
            assert_eq!(fault(text), expected, "{text}");
        }
    }
}
