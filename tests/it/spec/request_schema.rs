//! `ShareTask::json_schema()`: it accepts exactly the JSON from which a `ShareTask` can be read.

use std::collections::BTreeSet;

use ::spec::{examples::examples, json_schema};
use koodrive_share::ShareTask;
use serde_json::{Map, Value, json};

use super::{assert_none, join, spec};

/// Values of a field, `None` for an absent one.
type Values = Vec<Option<Value>>;

/// Every combination of good and bad values of every field: 7 · 4 · 4 · 6 · 5 · 7 · 4 = 94,080 bodies.
fn fields() -> [(&'static str, Values); 7] {
    let of = |values: Value| -> Values {
        let Value::Array(values) = values else {
            unreachable!("an array");
        };
        values.into_iter().map(Some).chain([None]).collect()
    };
    let directory = json!({"fileId": "root", "containerId": "c"});
    [
        ("taskType", of(json!([1, 2, 3, -1, "1", null]))),
        ("containerId", of(json!(["c", "", null]))),
        ("shareId", of(json!(["s", "", 7]))),
        ("fileIds", of(json!([["f"], ["f", ""], [], [null], null]))),
        ("zipName", of(json!(["z", "", null, 7]))),
        (
            "targetFileId",
            of(json!([
                directory,
                {"fileId": "", "containerId": "c"},
                {"fileId": "root"},
                {"fileId": "root", "containerId": "c", "other": 1},
                null,
                "root",
            ])),
        ),
        ("kdstoken", of(json!(["k", "", null]))),
    ]
}

fn bodies(fields: &[(&'static str, Values)]) -> Vec<Map<String, Value>> {
    let [(name, values), rest @ ..] = fields else {
        return vec![Map::new()];
    };
    let rest = bodies(rest);
    let with = |value: &Option<Value>| {
        let value = value.clone();
        rest.iter().cloned().map(move |mut body| {
            body.extend(value.clone().map(|value| ((*name).to_owned(), value)));
            body
        })
    };
    values.iter().flat_map(with).collect()
}

fn deserialises(body: &Value) -> bool {
    serde_json::from_value::<ShareTask>(body.clone()).is_ok()
}

#[test]
fn every_field_of_a_request_is_among_those_that_are_tried() {
    let spec = spec();
    let schema = &spec["components"]["schemas"]["CreateBatchTaskRequest"];
    let documented: BTreeSet<_> = schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
    let tried: BTreeSet<_> = fields().into_iter().map(|(name, _)| name).collect();
    let untried = &documented - &tried;
    assert!(
        untried.is_empty(),
        "{untried:?}: add good and bad values to `fields()` of tests/it/spec/request_schema.rs"
    );
    let unknown = &tried - &documented;
    assert!(unknown.is_empty(), "the spec has no {unknown:?}: take it out of `fields()`");
}

#[test]
fn accepts_what_a_share_task_is_read_from_and_nothing_else() {
    let validator = jsonschema::draft7::new(&ShareTask::json_schema()).unwrap();
    let (mut accepted, mut refused) = (0, 0);
    for body in bodies(&fields()) {
        let body = Value::Object(body);
        let valid = validator.is_valid(&body);
        assert_eq!(valid, deserialises(&body), "{body}");
        if valid { accepted += 1 } else { refused += 1 }
    }
    // taskType 1: zipName "z", targetFileId a directory, one with another field, null or absent, kdstoken "k", null or
    // absent: 4 · 3. taskType 2: zipName "z", null or absent, a directory or one with another field, kdstoken: 3 · 2 · 3.
    assert_eq!(accepted, 12 + 18);
    assert_eq!(accepted + refused, 94_080);
}

#[test]
fn counts_file_ids_as_a_share_task_does() {
    let validator = jsonschema::draft7::new(&ShareTask::json_schema()).unwrap();
    for (count, valid) in [(0, false), (1, true), (1000, true), (1001, false)] {
        let body =
            json!({"taskType": 1, "containerId": "c", "shareId": "s", "zipName": "z", "fileIds": vec!["f"; count]});
        assert_eq!((validator.is_valid(&body), deserialises(&body)), (valid, valid), "{count}");
    }
}

#[test]
fn accepts_no_body_but_an_object() {
    let validator = jsonschema::draft7::new(&ShareTask::json_schema()).unwrap();
    for body in [json!(null), json!(1), json!("{}"), json!([]), json!(true)] {
        assert!(!validator.is_valid(&body) && !deserialises(&body), "{body}");
    }
}

#[test]
fn accepts_the_examples_of_the_spec() {
    let validator = jsonschema::draft7::new(&ShareTask::json_schema()).unwrap();
    let spec = spec();
    let request = "#/components/schemas/CreateBatchTaskRequest";
    let examples = examples(&spec).into_iter();
    let requests: Vec<_> = examples.filter(|example| example.schema["$ref"] == request).collect();
    for example in &requests {
        assert!(validator.is_valid(example.value), "{}: {}", example.pointer, example.value);
    }
    // There are at least an example of a package download and one of a dump.
    assert!(requests.len() >= 2);
}

/// Finds what the spec states but the schema of a request lacks or states otherwise.
pub(super) fn missing(spec: &Value) -> Vec<String> {
    let schema = json_schema(spec, &spec["components"]["schemas"]["CreateBatchTaskRequest"]);
    let mut missing = Vec::new();
    contained(&schema, &ShareTask::json_schema(), "", &mut missing);
    missing
}

fn contained(spec: &Value, schema: &Value, pointer: &str, missing: &mut Vec<String>) {
    match (spec, schema) {
        (Value::Object(spec), schema) => {
            for (key, value) in spec {
                contained(value, &schema[key], &join(pointer, key), missing);
            }
        }
        // In the schema, an optional field may be null, too; below, the order of required fields means nothing.
        (Value::String(_), Value::Array(types)) if types.contains(spec) => {}
        (Value::Array(spec), Value::Array(schema))
            if spec.len() == schema.len() && spec.iter().all(|value| schema.contains(value)) => {}
        _ if spec == schema => {}
        _ => missing
            .push(format!("CreateBatchTaskRequest{pointer}: {spec} in the spec, {schema} in ShareTask::json_schema()")),
    }
}

#[test]
fn states_all_that_the_spec_states() {
    assert_none(&missing(&spec()));
}
