//! Checks secrets: each has a type that hides it, and no real one is in the document.

use serde_json::Value;

use crate::{
    document::{join, members},
    examples::examples,
    finding::Finding,
    replacements::REPLACEMENTS,
    schema::{Schema, inner},
};

/// The values that the vendor's public pages show for secrets.
const PUBLISHED: &[&str] = &["31945314", "aea2968ec8cfac338cd4647f071c44644c491d0a2039cd6c"];

pub(super) fn check(spec: &Value) -> Vec<Finding> {
    let mut findings = types(spec);
    for example in examples(spec) {
        of_secrets(spec, &example.at, &example.pointer, example.value, &mut findings);
    }
    texts(spec, "", &mut findings);
    findings
}

/// Finds schemas of secrets for which the generator would make a type whose `Debug` shows the value.
fn types(spec: &Value) -> Vec<Finding> {
    let mut findings = Vec::new();
    super::schemas(spec, &mut |pointer, fields| {
        let text = fields.get("description").and_then(Value::as_str).unwrap_or_default().to_lowercase();
        let called = text.contains("a secret");
        let schema = Schema::at(spec, pointer);
        let is = schema.is("format", "password");
        if called && !is {
            let problem = "called a secret, and not of `format: password`";
            findings.push(Finding::new(pointer, problem, "add the format, or correct the description"));
        }
        if !fields.contains_key("format") || !is {
            return;
        }
        let name = pointer.strip_prefix("/components/schemas/").filter(|name| !name.contains('/'));
        let Some(name) = name else {
            let problem = "a secret without a name: the generator makes a plain string of it, which `Debug` shows";
            findings.push(Finding::new(pointer, problem, "make it a schema of /components/schemas and refer to it"));
            return;
        };
        if !REPLACEMENTS.iter().any(|(schema, rust_type)| *schema == name && rust_type.starts_with("crate::")) {
            let problem = format!("{name} is a secret without a Rust type that hides it from `Debug`");
            let remedy =
                format!("write the type in src/ and add (\"{name}\", \"crate::…\") to openapi/replacements.rs");
            findings.push(Finding::new(pointer, problem, remedy));
        }
    });
    findings
}

/// Checks that examples of secrets can be seen to be made up.
fn of_secrets(spec: &Value, schema: &str, pointer: &str, value: &Value, findings: &mut Vec<Finding>) {
    let is_secret = Schema::at(spec, schema).is("format", "password");
    if let (true, Some(text)) = (is_secret, value.as_str())
        && !PUBLISHED.contains(&text)
        && !text.contains("example")
    {
        let problem = "the example of a secret is not seen to be made up";
        findings.push(Finding::new(pointer, problem, "write `example` into it, as in https://download.example.com/…"));
    }
    for (inner, place) in inner(spec, schema, "") {
        match (place.as_str(), value) {
            ("[]", Value::Array(items)) => {
                for (n, item) in items.iter().enumerate() {
                    of_secrets(spec, &inner, &join(pointer, &n.to_string()), item, findings);
                }
            }
            ("", _) => of_secrets(spec, &inner, pointer, value, findings),
            (name, Value::Object(fields)) => {
                let name = name.trim_start_matches('.');
                if let Some(value) = fields.get(name) {
                    of_secrets(spec, &inner, &join(pointer, name), value, findings);
                }
            }
            _ => {}
        }
    }
}

/// Finds texts of the document that look like a real secret.
fn texts(value: &Value, pointer: &str, findings: &mut Vec<Finding>) {
    match value {
        Value::String(text) if !PUBLISHED.contains(&text.as_str()) => {
            if let Some(like) = looks_like(text) {
                let problem = format!("looks like {like}");
                findings.push(Finding::new(
                    pointer,
                    problem,
                    "take it out of the document and its history, and renew it",
                ));
            }
        }
        Value::Object(_) => members(value).for_each(|(key, value)| texts(value, &join(pointer, key), findings)),
        Value::Array(items) => {
            for (n, item) in items.iter().enumerate() {
                texts(item, &join(pointer, &n.to_string()), findings);
            }
        }
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The kind of secret that a text looks like: it is long, and of a known form.
pub(super) fn looks_like(text: &str) -> Option<&'static str> {
    let lower = text.to_lowercase();
    let query = lower.split_once("://").and_then(|(_, rest)| rest.split_once('?')).map(|(_, query)| query);
    let signed = ["signature=", "x-amz-credential=", "accesskeyid=", "token=", "sig="];
    if query.is_some_and(|query| signed.iter().any(|name| query.contains(name))) {
        return Some("a signed URL");
    }
    if lower.contains("-----begin ") {
        return Some("a key");
    }
    let words = text.split(|character: char| !(character.is_ascii_alphanumeric() || "-_./+=".contains(character)));
    for word in words {
        let hex = word.len() >= 32 && word.chars().all(|digit| digit.is_ascii_hexdigit());
        let varied = word.chars().any(|digit| digit.is_ascii_digit()) && word.chars().any(char::is_alphabetic);
        if word.starts_with("eyJ") && word.matches('.').count() == 2 {
            return Some("a JSON web token");
        }
        if ["AKIA", "ghp_", "glpat-", "sk-", "xoxb-"].iter().any(|form| word.starts_with(form)) && word.len() >= 20 {
            return Some("an access key");
        }
        if hex && varied {
            return Some("a token or a key in hexadecimal");
        }
    }
    for scheme in ["bearer ", "basic ", "at "] {
        let token =
            lower.find(scheme).map(|at| text[at + scheme.len()..].split_whitespace().next().unwrap_or_default());
        let long = |token: &str| token.len() >= 16 && token.chars().any(|digit| digit.is_ascii_digit());
        if token.is_some_and(|token| long(token) && token.chars().all(|letter| letter.is_ascii_graphic())) {
            return Some("the value of an Authorization header");
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_told_by_their_form() {
        for (text, expected) in [
            ("https://h/p?a=1&X-Amz-Signature=0a", Some("a signed URL")),
            ("-----BEGIN PRIVATE KEY-----", Some("a key")),
            ("is eyJhbGciOi.eyJzdWIi.c2ln, they say", Some("a JSON web token")),
            ("AKIAIOSFODNN7EXAMPLE", Some("an access key")),
            ("415f71ff107d1df1c4398af7f9bc891a", Some("a token or a key in hexadecimal")),
            ("Bearer 3b91c2f0a7d64e58", Some("the value of an Authorization header")),
        ] {
            assert_eq!(looks_like(text), expected, "{text}");
        }
    }

    #[test]
    fn what_the_source_document_shows_is_none() {
        for text in [
            "`Authorization: Bearer <token>`, one space. The source document writes \"Bearer+{access_token}\"",
            "Fk63FCWhcDAga2puvYKRG1oTMjs-m30sI",
            "IAABh_RdhS8bOg0cA1684711052660690818",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "https://download.example.com/photos.zip",
            "1689765568237837824",
            "Error at the gateway, where a basic check failed",
        ] {
            assert_eq!(looks_like(text), None, "{text}");
        }
    }
}
