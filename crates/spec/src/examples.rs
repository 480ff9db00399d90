//! The examples of a document, each with its schema.

use serde_json::{Map, Value};

use crate::document::join;

/// An example and the schema that it must satisfy.
#[derive(Debug)]
pub struct Example<'a> {
    /// The pointer of the example.
    pub pointer: String,
    /// The example itself.
    pub value: &'a Value,
    /// The pointer of its schema.
    pub at: String,
    /// The schema that it must satisfy.
    pub schema: &'a Value,
}

/// Returns every example beside a schema (of a body or a parameter) and within one.
#[must_use]
pub fn examples(spec: &Value) -> Vec<Example<'_>> {
    let mut found = Vec::new();
    collect(spec, "", &mut found);
    found
}

fn collect<'a>(value: &'a Value, pointer: &str, found: &mut Vec<Example<'a>>) {
    match value {
        Value::Object(fields) => {
            let mut add = |pointer, value, at, schema| found.push(Example { pointer, value, at, schema });
            if let Some(schema) = fields.get("schema") {
                let at = join(pointer, "schema");
                if let Some(Value::Object(examples)) = fields.get("examples") {
                    for (name, example) in examples {
                        let pointer = join(&join(&join(pointer, "examples"), name), "value");
                        add(pointer, &example["value"], at.clone(), schema);
                    }
                }
                if let Some(example) = fields.get("example") {
                    add(join(pointer, "example"), example, at, schema);
                }
            } else if let (Some(example), true) = (fields.get("example"), is_schema(fields)) {
                add(join(pointer, "example"), example, pointer.to_owned(), value);
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
