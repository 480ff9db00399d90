//! Checks that no schema contradicts itself, so that no value, or no sensible one, could satisfy it.

use serde_json::Value;

use crate::{
    document::{items, join},
    finding::Finding,
    schema::Schema,
};

/// Keywords that apply only to values of these types.
const OF_TYPE: &[(&str, &[&str])] = &[
    ("items", &["array"]),
    ("maxItems", &["array"]),
    ("minItems", &["array"]),
    ("uniqueItems", &["array"]),
    ("maxLength", &["string"]),
    ("minLength", &["string"]),
    ("pattern", &["string"]),
    ("maximum", &["integer", "number"]),
    ("minimum", &["integer", "number"]),
    ("multipleOf", &["integer", "number"]),
    ("additionalProperties", &["object"]),
];

pub(super) fn check(spec: &Value) -> Vec<Finding> {
    let mut findings = Vec::new();
    super::schemas(spec, &mut |pointer, fields| {
        let schema = Schema::at(spec, pointer);
        if fields.contains_key("allOf") {
            for (one, other) in &schema.clashes {
                let [is, was] = [one, other].map(|at| spec.pointer(at).unwrap_or(&Value::Null));
                let problem = format!("{was} here and {is} at {one}: no value keeps both");
                findings.push(Finding::new(other, problem, "let one of the two be stated"));
            }
        }
        for name in fields.get("required").into_iter().flat_map(items).filter_map(Value::as_str) {
            if !schema.properties.contains_key(name) {
                let at = join(pointer, "required");
                let problem = format!("{name} is required and no property");
                findings.push(Finding::new(at, problem, "correct its name, or add the property"));
            }
        }
        findings.extend(bounds(pointer, &schema, fields));
        findings.extend(values(pointer, &schema, fields));
    });
    findings
}

fn bounds(pointer: &str, schema: &Schema<'_>, fields: &serde_json::Map<String, Value>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for [least, most] in [["minItems", "maxItems"], ["minLength", "maxLength"], ["minimum", "maximum"]] {
        let [lower, upper] = [least, most].map(|keyword| schema.get(keyword).and_then(Value::as_f64));
        if let (Some(lower), Some(upper)) = (lower, upper)
            && lower > upper
            && (fields.contains_key(least) || fields.contains_key(most))
        {
            let problem = format!("`{least}` {lower} is more than `{most}` {upper}: no value keeps both");
            findings.push(Finding::new(pointer, problem, "correct one of the two"));
        }
    }
    let of_type = schema.get("type").and_then(Value::as_str);
    for (keyword, types) in OF_TYPE.iter().filter(|(keyword, _)| fields.contains_key(*keyword)) {
        if !of_type.is_some_and(|of_type| types.contains(&of_type)) {
            let problem = format!("`{keyword}` says nothing of a value of type {}", of_type.unwrap_or("any"));
            findings.push(Finding::new(
                join(pointer, keyword),
                problem,
                format!("remove it, or write type {}", types[0]),
            ));
        }
    }
    findings
}

/// Checks the values of an `enum`, and the pattern.
fn values(pointer: &str, schema: &Schema<'_>, fields: &serde_json::Map<String, Value>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for value in fields.get("enum").into_iter().flat_map(items) {
        let fits = match schema.get("type").and_then(Value::as_str) {
            Some("integer") => value.is_i64(),
            Some("number") => value.is_number(),
            Some("string") => value.is_string(),
            Some("boolean") => value.is_boolean(),
            _ => true,
        };
        if !fits {
            let problem = format!("{value} is not of the type beside it");
            findings.push(Finding::new(join(pointer, "enum"), problem, "correct the value or the type"));
        }
    }
    if let Some(pattern) = fields.get("pattern").and_then(Value::as_str) {
        let at = join(pointer, "pattern");
        if jsonschema::draft7::new(&serde_json::json!({"pattern": pattern})).is_err() {
            findings.push(Finding::new(&at, format!("{pattern:?} is no regular expression"), "correct it"));
        } else if !(pattern.starts_with('^') && pattern.ends_with('$')) {
            let problem = format!("{pattern:?} is kept by a text that holds it anywhere");
            findings.push(Finding::new(at, problem, "begin it with ^ and end it with $"));
        }
    }
    findings
}
