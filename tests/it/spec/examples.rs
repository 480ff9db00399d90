//! The examples in the spec: each keeps its schema. What the client makes of them is in `exchanges`.

use serde_json::{Map, Value};

use super::{
    assert_none, join,
    json_schema::{closed, json_schema},
    spec, walk,
};

/// An example, where it stands, and the schema it must keep.
pub(super) struct Example<'a> {
    pub(super) pointer: String,
    pub(super) value: &'a Value,
    pub(super) schema: &'a Value,
}

/// Every example beside a schema (of a body, a parameter) and within one.
pub(super) fn examples(spec: &Value) -> Vec<Example<'_>> {
    let mut found = Vec::new();
    collect(spec, "", &mut found);
    found
}

fn collect<'a>(value: &'a Value, pointer: &str, found: &mut Vec<Example<'a>>) {
    match value {
        Value::Object(fields) => {
            let mut add = |pointer, value, schema| {
                found.push(Example { pointer, value, schema });
            };
            if let Some(schema) = fields.get("schema") {
                if let Some(Value::Object(examples)) = fields.get("examples") {
                    for (name, example) in examples {
                        let pointer = join(&join(&join(pointer, "examples"), name), "value");
                        add(pointer, &example["value"], schema);
                    }
                }
                if let Some(example) = fields.get("example") {
                    add(join(pointer, "example"), example, schema);
                }
            } else if let (Some(example), true) = (fields.get("example"), is_schema(fields)) {
                add(join(pointer, "example"), example, value);
            }
            for (key, value) in fields {
                if !matches!(key.as_str(), "example" | "examples") {
                    collect(value, &join(pointer, key), found);
                }
            }
        }
        Value::Array(items) => {
            for (n, item) in items.iter().enumerate() {
                collect(item, &join(pointer, &n.to_string()), found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn is_schema(fields: &Map<String, Value>) -> bool {
    ["type", "oneOf", "allOf"].iter().any(|key| fields.contains_key(*key))
}

/// Examples that break their schema. A field that the schema does not list breaks it too, since it is a typo in one of
/// them.
pub(super) fn wrong_examples(spec: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    for example in examples(spec) {
        let schema = closed(json_schema(spec, example.schema));
        let validator = jsonschema::draft7::new(&schema).unwrap();
        for error in validator.iter_errors(example.value) {
            let (pointer, path) = (&example.pointer, error.instance_path());
            wrong.push(format!("{pointer}{path}: {error}"));
        }
    }
    wrong
}

#[test]
fn every_example_keeps_its_schema() {
    assert_none(&wrong_examples(&spec()));
}

#[test]
fn every_example_is_found() {
    let spec = spec();
    let mut pointers = Vec::new();
    walk(&spec, "", &mut |pointer, fields| {
        if let Some(Value::Object(examples)) = fields.get("examples") {
            let pointer = join(pointer, "examples");
            let pointer = |name| join(&join(&pointer, name), "value");
            pointers.extend(examples.keys().map(|name| pointer(name)));
        }
        if fields.contains_key("example") {
            pointers.push(join(pointer, "example"));
        }
    });
    let mut found: Vec<_> = examples(&spec).into_iter().map(|example| example.pointer).collect();
    pointers.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, pointers);
    // The source document's request and response, and its headers with the carrier reference's: at least those.
    assert!(found.len() >= 6, "{found:?}");
}

#[test]
fn source_document_request_and_response_are_examples() {
    let spec = spec();
    let operation = &spec["paths"]["/koodrive/ose/v1/share/tasks"]["post"];
    let body = |part: &Value| part["content"]["application/json"]["examples"].clone();
    // Copied from the source document's own text.
    let request: Value = serde_json::from_str(include_str!("../../testdata/create-request.json")).unwrap();
    let response: Value = serde_json::from_str(include_str!("../../testdata/create-response.json")).unwrap();
    assert_eq!(body(&operation["requestBody"])["dump"]["value"], request);
    assert_eq!(body(&operation["responses"]["200"])["created"]["value"], response);
}
