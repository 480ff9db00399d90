//! The form of the spec: the generator's model of it drops nothing silently.

use openapiv3::OpenAPI;
use serde_json::Value;

use super::{SPEC, assert_none, join, spec};

/// Finds keywords that the generator's model of a spec does not know. The model drops them silently, and so the
/// generator does, too.
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
                    // The model does not write this default back.
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

#[test]
fn spec_holds_no_unknown_keyword() {
    assert_none(&unknown_keywords(&spec()));
}
