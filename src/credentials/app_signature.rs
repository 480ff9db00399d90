//! The app signature: HMAC-SHA256 over a canonical form of the request.

use base16ct::lower::encode_string as hex;
use http::HeaderValue;
use percent_encoding::utf8_percent_encode;
use ring::{
    digest::{SHA256, digest},
    hmac,
};
use secrecy::{ExposeSecret, SecretString};

use crate::{
    redact::{ENCODED, redact, sanitize_message},
    rules,
    validation::{ValidationError, Violations, header_text, secret_shown, shown},
};

const ALGORITHM: &str = "HMAC-SHA256";

/// The headers that a signature covers, as in the vendor's example, in the order of their names. Source: carrier
/// reference, app authentication.
pub(crate) const SIGNED_HEADERS: [&str; 3] = ["host", "x-date", "x-user-id"];

/// The canonical form of a request, which an app signature covers.
///
/// When the service answers that a signature is wrong it often echoes the canonical request it made itself. Build
/// yours from what you sent and compare them line by line; the client does the same for its own requests and names
/// the first line that differs.
///
/// ```
/// # use koodrive_share::CanonicalRequest;
/// let headers = [
///     ("host", "intl.myhuaweicloud-koodrive.com"),
///     ("x-date", "20240909T033325Z"),
///     ("x-user-id", "1505084218764547200"),
/// ];
/// let canonical = CanonicalRequest::new("POST", "/koodrive/ose/v1/share/tasks", &[], &headers, b"{}");
/// let lines: Vec<&str> = canonical.as_str().lines().collect();
/// assert_eq!(lines[1], "/koodrive/ose/v1/share/tasks/");
/// assert_eq!(lines[7], "host;x-date;x-user-id");
/// assert!(canonical.string_to_sign().starts_with("HMAC-SHA256\n"));
/// ```
///
/// It holds no secret: it contains only the SHA-256 of the body, and the AppSecret is used only to sign it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CanonicalRequest(String);

impl CanonicalRequest {
    /// Puts a request into its canonical form: method, path (percent-encoded, as sent), the query's parameters (decoded)
    /// and the given headers, both sorted by name, the headers' names, and the SHA-256 of the body's exact bytes.
    pub fn new(method: &str, path: &str, query: &[(&str, &str)], headers: &[(&str, &str)], body: &[u8]) -> Self {
        let mut headers: Vec<(String, &str)> =
            headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.trim())).collect();
        headers.sort_unstable();
        Self::of_sorted(method, path, query, &headers, body)
    }

    /// Does the same as [`new`](Self::new) for headers in order, with names in lower case and values without blanks at
    /// their ends.
    pub(crate) fn of_sorted(
        method: &str,
        path: &str,
        query: &[(impl AsRef<str>, impl AsRef<str>)],
        headers: &[(impl AsRef<str>, &str)],
        body: &[u8],
    ) -> Self {
        let slash = if path.ends_with('/') { "" } else { "/" };
        let mut text = String::with_capacity(512);
        text.extend([method, "\n", path, slash, "\n", &*canonical_query(query), "\n"]);
        for (name, value) in headers {
            text.extend([name.as_ref(), ":", value, "\n"]);
        }
        text.push('\n');
        for (n, (name, _)) in headers.iter().enumerate() {
            text.extend([if n == 0 { "" } else { ";" }, name.as_ref()]);
        }
        text.extend(["\n", &sha256(body)]);
        Self(text)
    }

    /// Returns the canonical request, line by line as the reference writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the text that the AppSecret signs: the algorithm's name and the SHA-256 of the canonical request.
    pub fn string_to_sign(&self) -> String {
        [ALGORITHM, "\n", &sha256(self.0.as_bytes())].concat()
    }

    /// Finds the canonical request that a refusal echoes, with lines separated by line feeds or by `|`, and describes
    /// the first difference from ours, or says that there is none.
    ///
    /// The description is redacted and escaped.
    pub(crate) fn compare(&self, message: &str, secrets: &[&str]) -> Option<String> {
        // Redact both texts first: the difference is quoted, and a quoted secret may not be recognized.
        let ours = Self(redact(&self.0, secrets));
        let difference = ours.difference(&redact(message, secrets))?;
        Some(sanitize_message(&difference, &[]))
    }

    fn difference(&self, message: &str) -> Option<String> {
        let method = self.0.lines().next()?;
        let begins = |separator| Some((message.find(&format!("{method}{separator}/"))?, separator));
        let (start, separator) = ["\n", "|"].into_iter().find_map(begins)?;
        let mut echo = message[start..].split(separator).peekable();
        let lines: Vec<&str> = self.0.split('\n').collect();
        for (line, &ours) in (1..).zip(&lines) {
            let theirs = echo.next()?;
            // A truncated echo proves nothing.
            if echo.peek().is_none() && ours.starts_with(theirs) && ours != theirs {
                return None;
            }
            // The rest of the message follows the echo's last line without a separator.
            if ours != theirs && !(line == lines.len() && theirs.starts_with(ours)) {
                return Some(format!(
                    "line {line} of the canonical request differs: signed {ours:?}, the service saw {theirs:?}"
                ));
            }
        }
        Some("the service's canonical request is the one that was signed: the app secret is wrong".to_owned())
    }
}

/// Returns the parameters as `name=value`, percent-encoded, sorted and joined by `&`.
fn canonical_query(query: &[(impl AsRef<str>, impl AsRef<str>)]) -> String {
    let encoded = |text: &str| utf8_percent_encode(text, ENCODED).to_string();
    let mut pairs: Vec<(String, String)> =
        query.iter().map(|(name, value)| (encoded(name.as_ref()), encoded(value.as_ref()))).collect();
    pairs.sort_unstable();
    pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

/// Returns the SHA-256 of the bytes in hexadecimal digits.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(digest(&SHA256, bytes).as_ref())
}

/// An app's secret, and the parts of a signature that are the same for every request.
#[derive(Debug)]
pub(crate) struct AppKey {
    pub(crate) secret: SecretString,
    key: hmac::Key,
    /// The `Authorization` up to the signature.
    prefix: String,
}

impl AppKey {
    pub(crate) fn new(id: &str, secret: SecretString) -> Result<Self, ValidationError> {
        let mut violations = Violations::default();
        let advice = "copy the AppId as the vendor gave it";
        let header = violations.merge(header_text("app id", id, shown, advice));
        if header.is_some() && id.contains([',', ' ']) {
            violations.add(rules::APP_ID.at("app id").given(shown(id)).advise(advice));
        }
        let advice = "copy the AppSecret as the vendor gave it";
        let text = secret.expose_secret();
        violations.not_empty("app secret", text, advice);
        // The secret may have the line feed at the end of a file, or come from bytes that were not UTF-8.
        if text.trim() != text || text.contains(char::REPLACEMENT_CHARACTER) {
            violations.add(rules::APP_SECRET.at("app secret").given(secret_shown(text)).advise(advice));
        }
        let key = hmac::Key::new(hmac::HMAC_SHA256, text.as_bytes());
        let prefix = format!("{ALGORITHM} AppId={id},SignedHeaders={},Signature=", SIGNED_HEADERS.join(";"));
        violations.into_result().map(|()| Self { secret, key, prefix })
    }

    /// Returns the `Authorization` header of a request.
    pub(crate) fn authorization(&self, canonical: &CanonicalRequest) -> HeaderValue {
        let signature = hmac::sign(&self.key, canonical.string_to_sign().as_bytes());
        let value = HeaderValue::try_from([&self.prefix, &*hex(signature.as_ref())].concat());
        let mut value = value.expect("the app's id fits into a header");
        value.set_sensitive(true);
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cases computed by an independent implementation, without and with parameters in the query.
    const VECTORS: [(&str, usize); 2] =
        [(include_str!("app_signature.json"), 4), (include_str!("app_signature_query.json"), 7)];

    #[test]
    fn signatures_hold_byte_for_byte() {
        for (vectors, count) in VECTORS {
            let cases: Vec<serde_json::Value> = serde_json::from_str(vectors).unwrap();
            assert_eq!(cases.len(), count);
            for case in &cases {
                let text = |key: &str| case[key].as_str().unwrap();
                let headers = case["headers"].as_object().unwrap().iter();
                let headers: Vec<_> = headers.map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect();
                let query = case["query"].as_array().into_iter().flatten();
                let query: Vec<_> = query.map(|pair| (pair[0].as_str().unwrap(), pair[1].as_str().unwrap())).collect();
                let body = text("body").as_bytes();
                let canonical = CanonicalRequest::new(text("method"), text("path"), &query, &headers, body);
                assert_eq!(canonical.as_str(), text("canonical_request"));
                assert_eq!(canonical.string_to_sign(), text("string_to_sign"));
                let key = AppKey::new(text("app_id"), text("app_secret").into()).unwrap();
                assert_eq!(key.authorization(&canonical).to_str().unwrap(), text("authorization"));
            }
        }
    }

    #[test]
    fn headers_are_sorted_in_lower_case_and_trimmed() {
        let sorted = [("host", "a"), ("x-date", "b"), ("x-user-id", "c d")];
        let given = [("X-User-Id", " c d "), ("Host", "a"), ("x-date", "\tb")];
        let canonical = |headers| CanonicalRequest::new("POST", "/p", &[], headers, b"");
        assert_eq!(canonical(&given), canonical(&sorted));
    }

    #[test]
    fn parameters_are_sorted_by_name_whatever_their_order() {
        for query in [[("b", "1"), ("a", "2"), ("F", "3")], [("a", "2"), ("F", "3"), ("b", "1")]] {
            assert_eq!(canonical_query(&query), "F=3&a=2&b=1");
        }
    }

    #[test]
    fn an_echoed_canonical_request_is_compared_line_by_line() {
        let headers = [("host", "a:1"), ("x-date", "20260101T000000Z"), ("x-user-id", "u")];
        let canonical = CanonicalRequest::new("POST", "/p", &[], &headers, b"{}");
        let echo = |text: &str| format!("verify failed, canonicalRequest:{text},ask support");
        for separator in ["\n", "|"] {
            let same = echo(&canonical.as_str().replace('\n', separator));
            let agreed = canonical.compare(&same, &[]).unwrap();
            assert!(agreed.contains("the app secret is wrong"), "{agreed}");
            // The echo is truncated.
            assert_eq!(canonical.compare(&same[..same.len() / 2], &[]), None);
            for host in ["host:b", "host:a:12"] {
                let difference = canonical.compare(&same.replace("host:a:1", host), &[]).unwrap();
                assert!(difference.starts_with("line 4 "), "{difference}");
                assert!(difference.contains("\"host:a:1\"") && difference.contains(host), "{difference}");
            }
        }
        assert_eq!(canonical.compare("signature mismatch", &[]), None);
        let escaped = CanonicalRequest::new("POST", "/p", &[], &[("x-user-id", r"a\/b\u0041")], b"");
        let agreed = escaped.compare(&echo(escaped.as_str()), &[]).unwrap();
        assert!(agreed.contains("the app secret is wrong"), "{agreed}");
        let other = canonical.as_str().replace("x-user-id:u", "x-user-id:s3\"cret, https://a.invalid/b?token=1");
        let text = canonical.compare(&other, &["s3\"cret"]).unwrap();
        assert!(text.contains("line 6 ") && !text.contains("cret") && !text.contains("token"), "{text}");
    }
}
