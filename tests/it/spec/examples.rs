//! The examples in the spec: each keeps its schema, and the generated types lose nothing of it.

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

#[cfg(feature = "httpmock")]
mod types {
    use std::{error::Error, fmt::Display, str::FromStr};

    use koodrive_share::{
        TraceId, XDate,
        mock::{
            CompactTime, CreateBatchTaskRequest, CreateBatchTaskResponse, ErrorBody, GetBatchTaskRequest,
            GetBatchTaskResponse,
        },
    };
    use serde::{Serialize, de::DeserializeOwned};
    use serde_json::Value;

    use super::{examples, spec};

    type Passed = Result<Value, Box<dyn Error>>;

    fn through<T: DeserializeOwned + Serialize>(value: &Value) -> Passed {
        let typed: T = serde_json::from_value(value.clone())?;
        Ok(serde_json::to_value(typed)?)
    }

    fn through_text<T: FromStr<Err: Error + 'static> + Display>(value: &Value) -> Passed {
        let typed: T = value.as_str().ok_or("not a string")?.parse()?;
        Ok(typed.to_string().into())
    }

    /// Equal but for two spellings of the same: a `code` as a number or as text, and 70 or 70.0.
    fn same(is: &Value, was: &Value) -> bool {
        match (is, was) {
            (Value::Object(is), Value::Object(was)) => {
                let field = |(key, was): (&String, &Value)| {
                    let code = key == "code" && is.get(key).map(digits) == Some(digits(was));
                    code || is.get(key).is_some_and(|is| same(is, was))
                };
                is.len() == was.len() && was.iter().all(field)
            }
            (Value::Array(is), Value::Array(was)) => {
                is.len() == was.len() && is.iter().zip(was).all(|(is, was)| same(is, was))
            }
            (Value::Number(is), Value::Number(was)) => is.as_f64() == was.as_f64(),
            _ => is == was,
        }
    }

    fn digits(code: &Value) -> String {
        code.to_string().trim_matches('"').to_owned()
    }

    #[test]
    fn every_example_passes_through_the_generated_types_without_loss() {
        let spec = spec();
        for example in examples(&spec) {
            // Within a component, an example is of that very schema.
            let own = example.pointer.strip_suffix("/example").unwrap_or_default();
            let schema = example.schema["$ref"].as_str().unwrap_or(own);
            let value = example.value;
            let passed = match schema.rsplit('/').next().unwrap_or_default() {
                "CompactTime" => through::<CompactTime>(value),
                "CreateBatchTaskRequest" => through::<CreateBatchTaskRequest>(value),
                "CreateBatchTaskResponse" => through::<CreateBatchTaskResponse>(value),
                "ErrorBody" => through::<ErrorBody>(value),
                "GetBatchTaskRequest" => through::<GetBatchTaskRequest>(value),
                "GetBatchTaskResponse" => through::<GetBatchTaskResponse>(value),
                "HeaderText" => through_text::<String>(value),
                "TraceId" => through_text::<TraceId>(value),
                "XDate" => through_text::<XDate>(value),
                other => panic!("{}: name the type of {other} here", example.pointer),
            };
            let pointer = &example.pointer;
            let passed = passed.unwrap_or_else(|error| panic!("{pointer}: {error}"));
            assert!(same(&passed, value), "{pointer}: {value} became {passed}");
        }
    }
}
