//! Checks examples: each satisfies its schema, and there is one where tests need one. The library's tests check how the
//! client handles them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{
    document::{Direction, members, parts},
    examples::examples,
    finding::Finding,
    json_schema::{closed, json_schema},
    schema::{Schema, descend},
};

/// Finds examples that break their schema. A field that the schema does not list breaks it, too: there is a typo in the
/// example or in the schema.
pub(super) fn broken(spec: &Value) -> Vec<Finding> {
    let mut wrong = Vec::new();
    // Several examples share a schema, and a validator takes longer to make than to use.
    let mut validators = BTreeMap::new();
    for example in examples(spec) {
        let schema = closed(json_schema(spec, example.schema));
        let made = validators.entry(schema.to_string()).or_insert_with(|| jsonschema::draft7::new(&schema));
        let validator = match made {
            Ok(validator) => validator,
            Err(error) => {
                wrong.push(Finding::new(example.at, format!("no schema: {error}"), "correct it"));
                continue;
            }
        };
        for error in validator.iter_errors(example.value) {
            let place = format!("{}{}", example.pointer, error.instance_path());
            wrong.push(Finding::new(place, error.to_string(), format!("correct it, or the schema at {}", example.at)));
        }
    }
    wrong
}

/// Finds bodies and parameters without an example, and fields of a request that none of its examples has.
pub(super) fn missing(spec: &Value) -> Vec<Finding> {
    let mut missing = Vec::new();
    for part in parts(spec) {
        let holder = spec.pointer(&part.holder).unwrap_or(&Value::Null);
        let of_body = members(&holder["examples"]).map(|(_, example)| &example["value"]);
        let values: Vec<_> =
            if part.place == "$" { of_body.collect() } else { holder.get("example").into_iter().collect() };
        if values.is_empty() {
            let (problem, remedy) = if part.place == "$" {
                ("a body without examples", "add one in `examples`, with a `summary`: the client is tried with it")
            } else {
                ("a parameter without an example", "add an `example`")
            };
            missing.push(Finding::new(&part.holder, problem, remedy));
        } else if part.direction == Direction::Request && part.place == "$" {
            missing.extend(unshown(spec, &part.schema(), &values));
        }
    }
    let missing: BTreeSet<_> = missing.into_iter().collect();
    missing.into_iter().collect()
}

/// Finds properties that no example has.
fn unshown(spec: &Value, schema: &str, values: &[&Value]) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut shown = BTreeSet::new();
    for value in values {
        names(value, "$", &mut shown);
    }
    descend(spec, schema, "$", &mut |pointer, place| {
        for (name, at) in Schema::at(spec, pointer).properties {
            if !shown.contains(&format!("{place}.{name}")) {
                let remedy = format!("add `{name}` to one of its `examples`: the constraints are tried on them");
                found.push(Finding::new(at, "a field that no example of the request has", remedy));
            }
        }
    });
    found
}

/// Adds the places within a value, named as `descend` names them.
fn names(value: &Value, place: &str, shown: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let place = format!("{place}.{name}");
                names(value, &place, shown);
                shown.insert(place);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| names(item, &format!("{place}[]"), shown)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
