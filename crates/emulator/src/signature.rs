//! App signatures, read from the raw request.
//!
//! Source: the vendor's API reference, authentication by app signature.

use std::collections::BTreeSet;

use axum::http::HeaderMap;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

const ALGORITHM: &str = "HMAC-SHA256";

/// Headers that every signature must cover, by the reference.
const ALWAYS_SIGNED: [&str; 2] = ["x-date", "x-user-id"];

/// An Authorization header of the form `HMAC-SHA256 AppId=<id>,SignedHeaders=<list>,Signature=<hex>`.
pub(crate) struct AppSignature<'a> {
    pub(crate) app_id: &'a str,
    signed_headers: &'a str,
    signature: &'a str,
}

impl<'a> AppSignature<'a> {
    /// Whether the value names the algorithm at all.
    pub(crate) fn claims(authorization: &str) -> bool {
        authorization.split(' ').next() == Some(ALGORITHM)
    }

    /// Reads the value to the letter: one space after the algorithm, commas without spaces.
    pub(crate) fn parse(authorization: &'a str) -> Option<Self> {
        let rest = authorization.strip_prefix(ALGORITHM)?.strip_prefix(' ')?;
        let mut parts = rest.split(',');
        let parsed = Self {
            app_id: parts.next()?.strip_prefix("AppId=")?,
            signed_headers: parts.next()?.strip_prefix("SignedHeaders=")?,
            signature: parts.next()?.strip_prefix("Signature=")?,
        };
        parts.next().is_none().then_some(parsed)
    }

    /// The canonical request of what was received.
    ///
    /// # Errors
    /// If the list of signed headers is malformed or names a header that wasn't sent exactly once. Says which.
    pub(crate) fn canonical_request(
        &self,
        method: &str,
        path: &str,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Vec<u8>, String> {
        let names: Vec<&str> = self.signed_headers.split(';').collect();
        let sorted: BTreeSet<&str> = names.iter().copied().collect();
        if !sorted.iter().eq(names.iter()) {
            return Err("SignedHeaders must be sorted and free of repetitions".to_owned());
        }
        if let Some(name) = ALWAYS_SIGNED.iter().find(|name| !sorted.contains(**name)) {
            return Err(format!("SignedHeaders must contain {name}"));
        }
        let slash = if path.ends_with('/') { "" } else { "/" };
        // The empty line is the query string: the operations take none, and a request with one was refused before.
        let mut canonical = format!("{method}\n{path}{slash}\n\n").into_bytes();
        for name in names {
            if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
                return Err(format!("SignedHeaders must be in lower case: {name}"));
            }
            let mut values = headers.get_all(name).iter();
            let (Some(value), None) = (values.next(), values.next()) else {
                return Err(format!("signed header {name} must be sent exactly once"));
            };
            canonical.extend_from_slice(name.as_bytes());
            canonical.push(b':');
            canonical.extend_from_slice(value.as_bytes().trim_ascii());
            canonical.push(b'\n');
        }
        let tail = format!("\n{}\n{}", self.signed_headers, sha256_hex(body));
        canonical.extend_from_slice(tail.as_bytes());
        Ok(canonical)
    }

    /// Whether the signature is the one the secret makes for this canonical request. Takes constant time.
    pub(crate) fn verify(&self, app_secret: &str, canonical_request: &[u8]) -> bool {
        let string_to_sign = format!("{ALGORITHM}\n{}", sha256_hex(canonical_request));
        let Some(signature) = unhex(self.signature) else {
            return false;
        };
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(app_secret.as_bytes()) else {
            return false;
        };
        mac.update(string_to_sign.as_bytes());
        mac.verify_slice(&signature).is_ok()
    }
}

/// SHA-256 in 64 lower-case hex digits.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    Sha256::digest(bytes)
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|digit| char::from(DIGITS[usize::from(digit)]))
        .collect()
}

/// Reads lower-case hex: the reference asks for no other.
fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: &u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    text.as_bytes()
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => Some(digit(high)? << 4 | digit(low)?),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderName, HeaderValue};
    use serde_json::Value;

    const VECTORS: &str = include_str!("../tests/testdata/app-signature.json");

    fn vectors() -> Vec<Value> {
        serde_json::from_str(VECTORS).unwrap()
    }

    fn text<'a>(vector: &'a Value, field: &str) -> &'a str {
        vector[field].as_str().unwrap()
    }

    fn headers(vector: &Value) -> HeaderMap {
        let pairs = vector["headers"].as_object().unwrap().iter();
        pairs
            .map(|(name, value)| {
                (HeaderName::try_from(name.as_str()).unwrap(), HeaderValue::from_str(value.as_str().unwrap()).unwrap())
            })
            .collect()
    }

    fn canonical(vector: &Value, body: &str) -> Result<Vec<u8>, String> {
        let signature = AppSignature::parse(text(vector, "authorization")).unwrap();
        let (method, path) = (text(vector, "method"), text(vector, "path"));
        signature.canonical_request(method, path, &headers(vector), body.as_bytes())
    }

    #[test]
    fn every_vector_verifies() {
        let vectors = vectors();
        assert_eq!(vectors.len(), 4);
        for vector in &vectors {
            let canonical = canonical(vector, text(vector, "body")).unwrap();
            let expected = text(vector, "canonical_request");
            assert_eq!(String::from_utf8_lossy(&canonical), expected);
            let signature = AppSignature::parse(text(vector, "authorization")).unwrap();
            assert_eq!(signature.app_id, text(vector, "app_id"));
            assert!(signature.verify(text(vector, "app_secret"), &canonical));
        }
    }

    #[test]
    fn another_secret_or_body_does_not_verify() {
        for vector in &vectors() {
            let signature = AppSignature::parse(text(vector, "authorization")).unwrap();
            let right = canonical(vector, text(vector, "body")).unwrap();
            assert!(!signature.verify("another", &right));
            let changed = canonical(vector, "{ }").unwrap();
            assert!(!signature.verify(text(vector, "app_secret"), &changed));
        }
    }

    #[test]
    fn a_value_that_strays_from_the_form_is_no_signature() {
        for value in [
            "HMAC-SHA256",
            "HMAC-SHA256  AppId=a,SignedHeaders=b,Signature=c",
            "HMAC-SHA256 AppId=a, SignedHeaders=b, Signature=c",
            "HMAC-SHA256 AppId=a,Signature=c,SignedHeaders=b",
            "HMAC-SHA256 AppId=a,SignedHeaders=b,Signature=c,More=d",
            "hmac-sha256 AppId=a,SignedHeaders=b,Signature=c",
        ] {
            assert!(AppSignature::parse(value).is_none(), "{value}");
        }
    }

    #[test]
    fn the_list_of_signed_headers_is_checked() {
        let mut headers = HeaderMap::new();
        for name in ["host", "x-date", "x-user-id"] {
            headers.insert(name, HeaderValue::from_static("v"));
        }
        headers.insert("accept", HeaderValue::from_static("a"));
        headers.append("accept", HeaderValue::from_static("b"));
        let refused = [
            ("x-date;host;x-user-id", "sorted"),
            ("x-date;x-date;x-user-id", "repetitions"),
            ("host;x-user-id", "contain x-date"),
            ("host;x-date", "contain x-user-id"),
            ("Host;x-date;x-user-id", "lower case"),
            ("accept;x-date;x-user-id", "exactly once"),
            ("via;x-date;x-user-id", "via must be sent"),
        ];
        for (list, why) in refused {
            let value = format!("HMAC-SHA256 AppId=a,SignedHeaders={list},Signature=00");
            let signature = AppSignature::parse(&value).unwrap();
            let error = signature.canonical_request("POST", "/", &headers, b"");
            assert!(error.clone().is_err_and(|said| said.contains(why)), "{list}: {error:?}");
        }
    }

    #[test]
    fn values_are_trimmed_at_their_ends_only() {
        let mut headers = HeaderMap::new();
        headers.insert("x-date", HeaderValue::from_static(" d\t"));
        headers.insert("x-user-id", HeaderValue::from_static("a  b "));
        let value = "HMAC-SHA256 AppId=a,SignedHeaders=x-date;x-user-id,Signature=00";
        let signature = AppSignature::parse(value).unwrap();
        let canonical = signature.canonical_request("POST", "/", &headers, b"");
        let canonical = String::from_utf8(canonical.unwrap()).unwrap();
        assert!(canonical.starts_with("POST\n/\n\nx-date:d\nx-user-id:a  b\n\n"));
    }

    #[test]
    fn only_lower_case_hex_is_read() {
        assert_eq!(unhex("00ff10"), Some(vec![0, 255, 16]));
        assert_eq!(unhex("00FF10"), None);
        assert_eq!(unhex("0"), None);
        assert_eq!(unhex("é"), None);
    }
}
