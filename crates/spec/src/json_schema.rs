//! Schemas of the spec as JSON Schema.

use serde_json::{Map, Value, json};

use crate::{document::resolve, schema::is_annotation};

/// Converts a schema of the spec to JSON Schema: references and an `allOf` of one schema are replaced by the schema
/// that they stand for, `nullable` becomes a type, annotations are left out. The spec holds no recursive schema.
///
/// # Panics
///
/// If a reference leads nowhere, or a part of an `allOf` is no schema.
#[must_use]
pub fn json_schema(spec: &Value, schema: &Value) -> Value {
    match schema {
        Value::Object(fields) => object(spec, fields),
        Value::Array(items) => items.iter().map(|item| json_schema(spec, item)).collect(),
        scalar => scalar.clone(),
    }
}

fn object(spec: &Value, fields: &Map<String, Value>) -> Value {
    if let Some(Value::String(reference)) = fields.get("$ref") {
        let target = resolve(spec, reference);
        return json_schema(spec, target.unwrap_or_else(|| panic!("{reference} does not exist")));
    }
    let mut converted = Map::new();
    for (key, value) in fields {
        match (key.as_str(), value) {
            ("allOf", Value::Array(parts)) if parts.len() == 1 => {
                let Value::Object(part) = json_schema(spec, &parts[0]) else {
                    panic!("no schema: {}", parts[0]);
                };
                converted.extend(part);
            }
            ("properties", Value::Object(properties)) => {
                let properties = properties.iter().map(|(name, schema)| (name.clone(), json_schema(spec, schema)));
                converted.insert(key.clone(), Value::Object(properties.collect()));
            }
            ("format" | "nullable", _) => {}
            (annotation, _) if is_annotation(annotation) => {}
            _ => {
                converted.insert(key.clone(), json_schema(spec, value));
            }
        }
    }
    if fields.get("nullable") == Some(&Value::Bool(true))
        && let Some(of_type) = converted.get("type").cloned()
    {
        converted.insert("type".to_owned(), json!([of_type, "null"]));
    }
    Value::Object(converted)
}

/// Closes every object of the schema, so that it has no property but those it lists.
pub(crate) fn closed(mut schema: Value) -> Value {
    close(&mut schema);
    schema
}

fn close(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            if fields.get("properties").is_some_and(Value::is_object) {
                fields.insert("additionalProperties".to_owned(), Value::Bool(false));
            }
            fields.values_mut().for_each(close);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
