//! App signatures, read from the raw request.
//!
//! Source: the vendor's API reference, authentication by app signature.

use std::collections::BTreeSet;

use axum::http::request::Parts;
use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use sha2::{Digest, Sha256};

const ALGORITHM: &str = "HMAC-SHA256";

/// All but letters, digits, `-`, `.`, `_` and `~` (RFC 3986).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

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

    /// Parses the value to the letter: one space after the algorithm, commas without spaces.
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

    /// The canonical request of a received request.
    ///
    /// # Errors
    /// If the list of signed headers is malformed or names a header that wasn't sent exactly once. The error says
    /// which.
    pub(crate) fn canonical_request(&self, parts: &Parts, body: &[u8]) -> Result<Vec<u8>, String> {
        let names: Vec<&str> = self.signed_headers.split(';').collect();
        let sorted: BTreeSet<&str> = names.iter().copied().collect();
        if !sorted.iter().eq(names.iter()) {
            return Err("SignedHeaders must be sorted and free of repetitions".to_owned());
        }
        if let Some(name) = ALWAYS_SIGNED.iter().find(|name| !sorted.contains(**name)) {
            return Err(format!("SignedHeaders must contain {name}"));
        }
        let (method, path) = (&parts.method, parts.uri.path());
        let slash = if path.ends_with('/') { "" } else { "/" };
        let query = canonical_query(parts.uri.query().unwrap_or_default());
        let mut canonical = format!("{method}\n{path}{slash}\n{query}\n").into_bytes();
        for name in names {
            if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
                return Err(format!("SignedHeaders must be in lower case: {name}"));
            }
            let mut values = parts.headers.get_all(name).iter();
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

/// The parameters sorted by name, as `name=value`, percent-encoded except for the unreserved characters.
///
/// The parameters are decoded first: clients write a blank as `+` or as `%20`, and leave reserved characters as they
/// are or encode them.
fn canonical_query(query: &str) -> String {
    let encode = |text: &str| {
        let bytes: Vec<u8> = percent_decode_str(&text.replace('+', " ")).collect();
        percent_encode(&bytes, RESERVED).to_string()
    };
    let parameters = query.split('&').filter(|parameter| !parameter.is_empty());
    let mut parameters: Vec<(String, String)> = parameters
        .map(|parameter| parameter.split_once('=').unwrap_or((parameter, "")))
        .map(|(name, value)| (encode(name), encode(value)))
        .collect();
    // Parameters of one name are sorted by value, which the guide doesn't state. Source: the vendor's own signers.
    parameters.sort_unstable();
    let pairs: Vec<String> = parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
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

/// Decodes lower-case hex only, as the reference writes it.
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
    use axum::http::Request;
    use serde_json::Value;

    use super::*;

    const VECTORS: [&str; 2] = [
        include_str!("../tests/testdata/app-signature.json"),
        include_str!("../tests/testdata/app-signature-query.json"),
    ];

    /// Four vectors without parameters and seven of a call that takes some.
    fn vectors() -> Vec<Value> {
        let vectors = VECTORS.map(|text| serde_json::from_str::<Vec<Value>>(text).unwrap());
        assert_eq!(vectors.each_ref().map(Vec::len), [4, 7]);
        vectors.concat()
    }

    fn text<'a>(vector: &'a Value, field: &str) -> &'a str {
        vector[field].as_str().unwrap()
    }

    fn parts(method: &str, target: &str, headers: &[(&str, &str)]) -> Parts {
        let request = Request::builder().method(method).uri(target);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        request.body(()).unwrap().into_parts().0
    }

    /// The query as a client may write it: in the order given, more encoded than needed, a blank as `blank`.
    fn sent_query(vector: &Value, blank: &str) -> String {
        let pairs = vector["query"].as_array().into_iter().flatten();
        let encode = |text: &Value| {
            let text = percent_encode(text.as_str().unwrap().as_bytes(), NON_ALPHANUMERIC).to_string();
            text.replace("%20", blank)
        };
        let pairs: Vec<String> = pairs.map(|pair| format!("{}={}", encode(&pair[0]), encode(&pair[1]))).collect();
        pairs.join("&")
    }

    fn canonical(vector: &Value, query: &str, body: &str) -> Vec<u8> {
        let signature = AppSignature::parse(text(vector, "authorization")).unwrap();
        let mark = if query.is_empty() { "" } else { "?" };
        let target = format!("{}{mark}{query}", text(vector, "path"));
        let headers = vector["headers"].as_object().unwrap().iter();
        let headers: Vec<_> = headers.map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect();
        let parts = parts(text(vector, "method"), &target, &headers);
        signature.canonical_request(&parts, body.as_bytes()).unwrap()
    }

    #[test]
    fn every_vector_verifies() {
        for vector in &vectors() {
            for blank in ["+", "%20"] {
                let canonical = canonical(vector, &sent_query(vector, blank), text(vector, "body"));
                let expected = text(vector, "canonical_request");
                assert_eq!(String::from_utf8_lossy(&canonical), expected);
                let signature = AppSignature::parse(text(vector, "authorization")).unwrap();
                assert_eq!(signature.app_id, text(vector, "app_id"));
                assert!(signature.verify(text(vector, "app_secret"), &canonical));
            }
        }
    }

    #[test]
    fn a_query_has_one_canonical_form() {
        for (query, expected) in [
            ("", ""),
            ("a", "a="),
            ("b=1&&a=2&", "a=2&b=1"),
            ("a=2&b=1&a=1", "a=1&a=2&b=1"),
            ("a=%e5%88%86", "a=%E5%88%86"),
            ("a=%FF", "a=%FF"),
            ("a=b=c", "a=b%3Dc"),
            ("a=%7e%41/?", "a=~A%2F%3F"),
            ("a=100%&b=%zz", "a=100%25&b=%25zz"),
        ] {
            assert_eq!(canonical_query(query), expected, "{query}");
        }
    }

    #[test]
    fn another_secret_query_or_body_does_not_verify() {
        for vector in &vectors() {
            let signature = AppSignature::parse(text(vector, "authorization")).unwrap();
            let (query, body) = (sent_query(vector, "+"), text(vector, "body"));
            assert!(!signature.verify("another", &canonical(vector, &query, body)));
            for changed in [canonical(vector, &query, "{ }"), canonical(vector, "shortUrl=another", body)] {
                assert!(!signature.verify(text(vector, "app_secret"), &changed));
            }
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
        let headers = [("host", "v"), ("x-date", "v"), ("x-user-id", "v"), ("accept", "a"), ("accept", "b")];
        let parts = parts("POST", "/", &headers);
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
            let error = signature.canonical_request(&parts, b"");
            assert!(error.clone().is_err_and(|said| said.contains(why)), "{list}: {error:?}");
        }
    }

    #[test]
    fn values_are_trimmed_at_their_ends_only() {
        let parts = parts("POST", "/", &[("x-date", " d\t"), ("x-user-id", "a  b ")]);
        let value = "HMAC-SHA256 AppId=a,SignedHeaders=x-date;x-user-id,Signature=00";
        let signature = AppSignature::parse(value).unwrap();
        let canonical = signature.canonical_request(&parts, b"");
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
