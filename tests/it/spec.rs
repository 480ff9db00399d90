//! The spec: its form, its examples, what is generated from it, and its changes.
//!
//! Each check is a function from a spec to its findings, so that `mutations` can show that it finds something.

#[allow(dead_code, reason = "the build script, of which some tests use only a part")]
#[path = "../../build.rs"]
mod build;
mod build_script;
mod compatibility;
mod constraints;
mod examples;
mod exchanges;
mod form;
mod headers;
mod json_schema;
mod mutations;
mod request_schema;
mod rules;
mod snapshot;

use std::{fs, path::Path};

use serde_json::Value;

/// From the workspace's root.
const SPEC: &str = "openapi/koodrive-share.json";

fn spec_text() -> String {
    fs::read_to_string(Path::new("..").join(SPEC)).unwrap()
}

pub(crate) fn spec() -> Value {
    serde_json::from_str(&spec_text()).unwrap()
}

/// Appends a key to a JSON pointer.
fn join(pointer: &str, key: &str) -> String {
    format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
}

/// What a `$ref` within the document points to.
pub(crate) fn resolve<'a>(spec: &'a Value, reference: &str) -> Option<&'a Value> {
    spec.pointer(reference.strip_prefix('#')?)
}

/// Calls `visit` for every object of the document, with its pointer.
fn walk(value: &Value, pointer: &str, visit: &mut impl FnMut(&str, &serde_json::Map<String, Value>)) {
    match value {
        Value::Object(fields) => {
            visit(pointer, fields);
            for (key, value) in fields {
                walk(value, &join(pointer, key), visit);
            }
        }
        Value::Array(items) => {
            for (n, item) in items.iter().enumerate() {
                walk(item, &join(pointer, &n.to_string()), visit);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn assert_none(findings: &[String]) {
    assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
}
