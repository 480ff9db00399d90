//! The form of the spec: one canonical formatting, no unknown keyword, no dangling reference.

use openapiv3::OpenAPI;
use serde_json::{Map, Value};

use super::{SPEC, assert_none, join, resolve, spec, spec_text, walk};

/// Keys sorted, indented by two spaces, a line feed at the end: what `jq -S .` writes.
pub(super) fn canonical(spec: &Value) -> String {
    format!("{:#}\n", sorted(spec))
}

/// Sorts explicitly: whether a JSON object keeps its order is a feature that any crate in the build may turn on.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_unstable_by_key(|(key, _)| *key);
            let sorted = |(key, value): (&String, &Value)| (key.clone(), self::sorted(value));
            Value::Object(fields.into_iter().map(sorted).collect::<Map<_, _>>())
        }
        Value::Array(items) => items.iter().map(sorted).collect(),
        scalar => scalar.clone(),
    }
}

/// The first line that is not canonical, and the command that repairs it.
pub(super) fn uncanonical(text: &str) -> Option<String> {
    let canonical = canonical(&serde_json::from_str(text).unwrap());
    if text == canonical {
        return None;
    }
    let mut lines = text.lines().zip(canonical.lines()).enumerate();
    let differing = lines.find(|(_, (is, should))| is != should);
    let (line, is, should) = match differing {
        Some((n, (is, should))) => (n + 1, is, should),
        None => (text.lines().count(), "the end", "a single line feed"),
    };
    Some(format!(
        "{SPEC}:{line}: not formatted canonically: {is:?} should be {should:?}; \
         run `jq -S . {SPEC} > spec.tmp && mv spec.tmp {SPEC}`"
    ))
}

/// Keywords that the generator's model of a spec does not know: it drops them silently, and so does the generator.
pub(super) fn unknown_keywords(spec: &Value) -> Vec<String> {
    let typed: OpenAPI = match serde_json::from_value(spec.clone()) {
        Ok(typed) => typed,
        Err(error) => return vec![format!("{SPEC}: not OpenAPI 3.0: {error}")],
    };
    let mut lost = Vec::new();
    compare(spec, &serde_json::to_value(typed).unwrap(), "", &mut lost);
    lost
}

fn compare(is: &Value, kept: &Value, pointer: &str, lost: &mut Vec<String>) {
    match (is, kept) {
        (Value::Object(is), Value::Object(kept)) => {
            for (key, value) in is {
                let pointer = join(pointer, key);
                match kept.get(key) {
                    Some(kept) => compare(value, kept, &pointer, lost),
                    // The default, which is not written back.
                    None if key == "required" && *value == Value::Bool(false) => {}
                    None => lost.push(format!("{pointer}: OpenAPI 3.0 knows no such keyword here")),
                }
            }
        }
        (Value::Array(is), Value::Array(kept)) if is.len() == kept.len() => {
            for (n, (is, kept)) in is.iter().zip(kept).enumerate() {
                compare(is, kept, &join(pointer, &n.to_string()), lost);
            }
        }
        // 1000 and 1000.0 are one number.
        (Value::Number(is), Value::Number(kept)) if is.as_f64() == kept.as_f64() => {}
        _ if is == kept => {}
        _ => lost.push(format!("{pointer}: {is} is read as {kept}")),
    }
}

/// References to nowhere.
pub(super) fn dangling_references(spec: &Value) -> Vec<String> {
    let mut dangling = Vec::new();
    walk(spec, "", &mut |pointer, fields| {
        if let Some(Value::String(reference)) = fields.get("$ref")
            && resolve(spec, reference).is_none()
        {
            dangling.push(format!("{pointer}/$ref: {reference} does not exist"));
        }
    });
    dangling
}

#[test]
fn spec_is_formatted_canonically() {
    assert_none(&Vec::from_iter(uncanonical(&spec_text())));
}

#[test]
fn spec_holds_no_unknown_keyword() {
    assert_none(&unknown_keywords(&spec()));
}

#[test]
fn every_reference_resolves() {
    assert_none(&dangling_references(&spec()));
}
