//! Requests as they arrived.

use std::fmt;

use axum::{body::Bytes, http::request::Parts};

use crate::{body::PLAIN_FIELDS, json_object::Object, package};

const MASK: &str = "***";

/// A request as the emulator received it, refused or not.
///
/// The accessors return everything as it came, secrets included. `Debug` and `Display` are for people and mask secrets:
/// `Display` writes the request as HTTP/1.1 text,
///
/// ```text
/// POST /koodrive/ose/v1/share/tasks HTTP/1.1
/// authorization: Bearer ***
/// x-user-id: 1505084218764547200
/// …
///
/// {"containerId":"c","fileIds":["f"],"kdstoken":"***","shareId":"s","taskType":1,"zipName":"all.zip"}
/// ```
///
/// with line feeds only, header names in lower case, and these masks: the credential of `Authorization` (of an app
/// signature only the `Signature` value), `Proxy-Authorization` and `Cookie`, `kdstoken`, `extractCode` and every body field
/// that the API doesn't document, the whole body when it isn't a JSON object, and the token of a package's URL.
#[derive(Clone)]
pub struct RecordedRequest {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Bytes,
}

impl RecordedRequest {
    pub(crate) fn new(parts: &Parts, body: Bytes) -> Self {
        let headers = parts.headers.iter().map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        });
        Self { method: parts.method.to_string(), path: parts.uri.to_string(), headers: headers.collect(), body }
    }

    /// The method, such as `POST`.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The request target as it was sent: the path, and the query if there was one.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Every header in the order received, except that the values of a repeated name follow its first one. Names are
    /// in lower case; bytes of a value that aren't UTF-8 become U+FFFD.
    pub fn headers(&self) -> &[(String, String)] {
        &self.headers
    }

    /// The first value of the header of that name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The body's bytes. Empty if the body exceeded [`Emulator::BODY_LIMIT`](crate::Emulator::BODY_LIMIT) or broke off.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// If the body isn't JSON.
    pub fn json(&self) -> serde_json::Result<serde_json::Value> {
        serde_json::from_slice(&self.body)
    }

    fn masked_headers(&self) -> impl Iterator<Item = (&str, String)> {
        self.headers.iter().map(|(name, value)| {
            let shown = match name.as_str() {
                "authorization" => mask_authorization(value),
                "proxy-authorization" | "cookie" => MASK.to_owned(),
                _ => value.clone(),
            };
            (name.as_str(), shown)
        })
    }
}

impl fmt::Display for RecordedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} {} HTTP/1.1", self.method, package::masked(&self.path, MASK))?;
        for (name, value) in self.masked_headers() {
            writeln!(f, "{name}: {value}")?;
        }
        write!(f, "\n{}", mask_body(&self.body))
    }
}

impl fmt::Debug for RecordedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordedRequest")
            .field("method", &self.method)
            .field("path", &package::masked(&self.path, MASK))
            .field("headers", &self.masked_headers().collect::<Vec<_>>())
            .field("body", &mask_body(&self.body))
            .finish()
    }
}

fn mask_authorization(value: &str) -> String {
    match value.split_once(' ') {
        Some(("Bearer", _)) => format!("Bearer {MASK}"),
        Some(("HMAC-SHA256", rest)) => match rest.split_once(",Signature=") {
            Some((claims, _)) => format!("HMAC-SHA256 {claims},Signature={MASK}"),
            None => format!("HMAC-SHA256 {MASK}"),
        },
        _ => MASK.to_owned(),
    }
}

/// The body as sent, byte for byte, except for the masked values.
fn mask_body(body: &[u8]) -> String {
    if body.is_empty() {
        return String::new();
    }
    let withheld = || format!("<{} bytes, not a JSON object>", body.len());
    let Ok(text) = std::str::from_utf8(body) else {
        return withheld();
    };
    let Ok(Object(fields)) = serde_json::from_str(text) else {
        return withheld();
    };
    let mut shown = String::with_capacity(text.len());
    let mut done = 0;
    for (name, value) in fields {
        if PLAIN_FIELDS.contains(&name.as_str()) {
            continue;
        }
        // A raw value borrows from the text it was read from, so its address is its place in that text.
        let start = value.get().as_ptr() as usize - text.as_ptr() as usize;
        let (Some(before), true) = (text.get(done..start), start >= done) else {
            return withheld();
        };
        shown.push_str(before);
        shown.push_str("\"***\"");
        done = start + value.get().len();
    }
    shown.push_str(text.get(done..).unwrap_or_default());
    shown
}
