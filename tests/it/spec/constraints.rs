//! The constraints on a request: the generator drops most of them, and the wrapper keeps every one.
//!
//! No constraint is listed here. The checks walk the spec from its operations, break each constraint that they find in
//! an example that satisfies the others, and demand that the wrapper refuses the result.

use std::collections::BTreeSet;

use ::spec::is_annotation;
use koodrive_share::{ShareLink, TraceId, XDate};
use serde_json::{Value, json};
use tokio::runtime;

use super::{assert_none, exchanges::sent, join, spec, walk};
use crate::support::fixtures::builder_at;

/// A keyword of a schema.
struct Constraint<'a> {
    /// The pointer at which the spec states it.
    pointer: String,
    keyword: &'a str,
    limit: &'a Value,
    /// The part of a request that it is about, as a JSON pointer.
    place: String,
}

/// Collects the constraints on the part of a request at `place`, from the schema at `pointer` and those that it refers
/// to.
fn constraints<'a>(spec: &'a Value, pointer: &str, place: &str, found: &mut Vec<Constraint<'a>>) {
    let schema = spec.pointer(pointer).unwrap_or_else(|| panic!("{pointer} does not exist"));
    for (keyword, limit) in schema.as_object().unwrap() {
        let pointer = join(pointer, keyword);
        match (keyword.as_str(), limit) {
            ("$ref", Value::String(reference)) => constraints(spec, &reference[1..], place, found),
            ("allOf", Value::Array(parts)) => {
                for n in 0..parts.len() {
                    constraints(spec, &join(&pointer, &n.to_string()), place, found);
                }
            }
            ("properties", Value::Object(properties)) => {
                for name in properties.keys() {
                    constraints(spec, &join(&pointer, name), &join(place, name), found);
                }
            }
            ("items", Value::Object(_)) => constraints(spec, &pointer, &join(place, "0"), found),
            ("format" | "nullable", _) => {}
            (annotation, _) if is_annotation(annotation) => {}
            _ => found.push(Constraint { pointer, keyword, limit, place: place.to_owned() }),
        }
    }
}

impl Constraint<'_> {
    /// Copies of an example with values that break the constraint. None if the example lacks the part.
    fn broken_in(&self, example: &Value) -> Vec<Value> {
        let with = |bad| {
            let mut example = example.clone();
            *example.pointer_mut(&self.place).unwrap() = bad;
            example
        };
        let good = example.pointer(&self.place);
        good.into_iter().flat_map(|good| self.broken(good)).map(with).collect()
    }

    /// Values that break the constraint, each as close as possible to `good`, which satisfies it. None if this check
    /// does not know the keyword.
    fn broken(&self, good: &Value) -> Vec<Value> {
        let limit = self.limit;
        let count = || usize::try_from(limit.as_u64().unwrap()).unwrap();
        match self.keyword {
            "required" => limit.as_array().unwrap().iter().map(|name| without(good, name)).collect(),
            "maximum" => vec![json!(limit.as_i64().unwrap() + 1)],
            "minimum" => vec![json!(limit.as_i64().unwrap() - 1)],
            "maxItems" | "maxLength" => vec![resized(good, count() + 1)],
            "minItems" | "minLength" => count().checked_sub(1).map(|count| resized(good, count)).into_iter().collect(),
            "enum" | "pattern" | "type" => {
                let schema = json!({self.keyword: limit});
                let validator = jsonschema::draft7::new(&schema).unwrap();
                let values = neighbours(good).into_iter().chain(others());
                values.filter(|value| !validator.is_valid(value)).collect()
            }
            _ => vec![],
        }
    }
}

fn without(object: &Value, name: &Value) -> Value {
    let mut object = object.clone();
    object.as_object_mut().unwrap().remove(name.as_str().unwrap());
    object
}

/// A text or a list of this length, made of the same characters or items.
fn resized(value: &Value, length: usize) -> Value {
    match value {
        Value::String(text) => text.chars().cycle().take(length).collect::<String>().into(),
        Value::Array(items) => items.iter().cycle().take(length).cloned().collect(),
        other => panic!("{other} has no length"),
    }
}

/// The value itself and some that differ a little.
fn neighbours(value: &Value) -> Vec<Value> {
    let mut neighbours = vec![value.clone()];
    if let Some(number) = value.as_i64() {
        neighbours.extend([json!(number - 1), json!(number + 1)]);
    }
    if let Some(text) = value.as_str() {
        let characters: Vec<char> = text.chars().collect();
        let length = characters.len();
        neighbours.extend([length.saturating_sub(1), length + 1].map(|length| resized(value, length)));
        // One character of another kind, at the beginning, in the middle and at the end.
        for n in BTreeSet::from([0, length / 2, length.saturating_sub(1)]) {
            for other in ['a', 'Z', '5', '_', '-', ' ', '\n', '\0', '\u{7f}', 'é', '７'] {
                let changed = characters.iter().enumerate().map(|(at, is)| if at == n { other } else { *is });
                neighbours.push(changed.collect::<String>().into());
            }
        }
    }
    neighbours
}

/// One value of each type, except `null`, which an optional field may be.
fn others() -> [Value; 6] {
    [json!(true), json!(0), json!(0.5), json!("7"), json!([]), json!({})]
}

/// Whether the wrapper refuses to send a value.
type Refuses<'a> = Box<dyn Fn(&Value) -> bool + 'a>;

/// A part of a request: its schema in the spec, and examples that satisfy the schema.
struct Part<'a> {
    name: &'a str,
    schema: String,
    examples: Vec<&'a Value>,
}

impl Part<'_> {
    /// Collects where the wrapper judges this part differently from the spec.
    fn unkept(&self, spec: &Value, refuses: &Refuses<'_>, findings: &mut BTreeSet<String>) {
        let Self { name, schema, examples } = self;
        for example in examples.iter().filter(|example| refuses(example)) {
            findings.insert(format!("{schema}: the client does not send the example {example} of {name}"));
        }
        let mut found = Vec::new();
        constraints(spec, schema, "", &mut found);
        for constraint in found {
            let Constraint { pointer, place, .. } = &constraint;
            let broken: Vec<Value> = examples.iter().flat_map(|example| constraint.broken_in(example)).collect();
            if broken.is_empty() {
                findings.insert(format!("{pointer}: no example of {name} could be broken at {place:?}"));
            }
            if !broken.iter().all(refuses) {
                findings.insert(format!(
                    "{pointer}: {name} takes what breaks it at {place:?}, so refuse it where the wrapper checks that"
                ));
            }
        }
    }
}

/// The check that refuses values of a parameter. `None` if the wrapper does not have the parameter.
fn refuses_parameter(name: &str) -> Option<Refuses<'static>> {
    let refuses: fn(&str) -> bool = match name {
        "X-Date" => |text| text.parse::<XDate>().is_err(),
        "X-Hw-Agentname" => |text| builder_at("http://localhost").agent_name(text).build().is_err(),
        "shortUrl" => |text| text.parse::<ShareLink>().is_err(),
        "X-Traceid" => |text| text.parse::<TraceId>().is_err(),
        "X-User-Id" => |text| builder_at("http://localhost").user_id(text).build().is_err(),
        _ => return None,
    };
    // The wrapper only takes texts.
    Some(Box::new(move |value| value.as_str().is_none_or(refuses)))
}

/// Finds constraints on requests that the wrapper does not keep, or that this check cannot break.
pub(super) fn unkept(spec: &Value) -> Vec<String> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut findings = BTreeSet::new();
    walk(spec, "", &mut |pointer, fields| {
        // The parameters of a path or of an operation.
        if let Some(Value::Array(parameters)) = fields.get("parameters") {
            for n in 0..parameters.len() {
                parameter(spec, &followed(spec, format!("{pointer}/parameters/{n}")), &mut findings);
            }
        }
        // An operation has responses; a link has an operation's id and a body, too, but no responses.
        if let (Some(Value::String(id)), Some(_), Some(_)) =
            (fields.get("operationId"), fields.get("requestBody"), fields.get("responses"))
        {
            let pointer = followed(spec, format!("{pointer}/requestBody"));
            // A body counts as refused if the client does not send it as it is.
            let refuses: Refuses<'_> = Box::new(|body| runtime.block_on(sent(id, body)).as_ref() != Some(body));
            body(spec, &pointer, id, &refuses, &mut findings);
        }
    });
    findings.into_iter().collect()
}

fn parameter(spec: &Value, pointer: &str, findings: &mut BTreeSet<String>) {
    let parameter = spec.pointer(pointer).unwrap();
    let name = parameter["name"].as_str().unwrap();
    match refuses_parameter(name) {
        Some(refuses) => {
            let examples = parameter.get("example").into_iter().collect();
            Part { name, schema: format!("{pointer}/schema"), examples }.unkept(spec, &refuses, findings);
        }
        None => drop(findings.insert(format!("{pointer}: the wrapper has no such parameter, so say in `refuses_parameter` of tests/it/spec/constraints.rs what refuses a wrong {name}"))),
    }
}

fn body(spec: &Value, pointer: &str, operation: &str, refuses: &Refuses<'_>, findings: &mut BTreeSet<String>) {
    for (media_type, content) in spec.pointer(pointer).unwrap()["content"].as_object().unwrap() {
        let schema = format!("{}/schema", join(&format!("{pointer}/content"), media_type));
        let examples = content["examples"].as_object().into_iter().flatten().map(|(_, example)| &example["value"]);
        Part { name: operation, schema, examples: examples.collect() }.unkept(spec, refuses, findings);
    }
}

/// The pointer that a reference at `pointer` leads to, or `pointer` itself.
fn followed(spec: &Value, pointer: String) -> String {
    match &spec.pointer(&pointer).unwrap()["$ref"] {
        Value::String(reference) => reference[1..].to_owned(),
        _ => pointer,
    }
}

#[test]
fn every_constraint_on_a_request_is_kept_by_the_wrapper() {
    assert_none(&unkept(&spec()));
}
