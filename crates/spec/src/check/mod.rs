//! The checks of the document alone.

mod examples;
mod form;
mod grammar;
mod identifiers;
mod operations;
mod prose;
mod rules;
mod schemas;
mod secrets;
mod security;
mod servers;
mod versions;

use serde_json::{Map, Value};

pub use self::form::canonical;
pub(crate) use self::servers::{ENDPOINTS, endpoints as endpoints_of};
use crate::{
    document::{join, members},
    finding::Finding,
};

/// A document, and what it is checked against.
#[derive(Clone, Debug)]
pub struct Input {
    /// The document as it is written.
    pub text: String,
    /// The document.
    pub spec: Value,
    /// The URLs that the library knows.
    pub endpoints: Vec<String>,
    /// The last released document.
    pub released: Value,
    /// `openapi/CHANGES.md`.
    pub changes: String,
}

/// A check: its name, and what it finds.
type Check = (&'static str, fn(&Input) -> Vec<Finding>);

/// The checks that all others rely on. If one of these finds something, the others are not made.
const FIRST: &[Check] = &[
    ("grammar", |input| form::grammar(&input.spec)),
    ("types", |input| form::types(&input.spec)),
    ("references", |input| form::references(&input.spec)),
];

/// All other checks.
const REST: &[Check] = &[
    ("formatting", |input| form::formatting(&input.text, &input.spec).into_iter().collect()),
    ("operations", |input| operations::check(&input.spec)),
    ("links", |input| operations::links(&input.spec)),
    ("schemas", |input| schemas::check(&input.spec)),
    ("generator", |input| operations::generator(&input.spec)),
    ("examples", |input| examples::broken(&input.spec)),
    ("example-missing", |input| examples::missing(&input.spec)),
    ("servers", |input| servers::check(&input.spec, &input.endpoints)),
    ("security", |input| security::check(&input.spec)),
    ("secrets", |input| secrets::check(&input.spec)),
    ("rules", |input| rules::check(&input.spec)),
    ("identifiers", |input| identifiers::check(&input.spec)),
    ("prose", |input| prose::check(&input.spec)),
    ("version", versions::version),
    ("changes", versions::changes),
];

/// Makes all checks and returns their findings, each with the name of its check.
#[must_use]
pub fn check(input: &Input) -> Vec<(&'static str, Finding)> {
    for checks in [FIRST, REST] {
        let found = checks.iter().flat_map(|(name, check)| check(input).into_iter().map(|finding| (*name, finding)));
        let found: Vec<_> = found.collect();
        if !found.is_empty() {
            return found;
        }
    }
    Vec::new()
}

/// Returns the document, if it can be compared with another one.
///
/// # Errors
///
/// If one of the first checks finds something.
pub fn well_formed(name: &str, spec: Value) -> Result<Value, String> {
    let (text, endpoints, released, changes) = Default::default();
    let input = Input { text, spec, endpoints, released, changes };
    match FIRST.iter().flat_map(|(_, check)| check(&input)).next() {
        None => Ok(input.spec),
        Some(finding) => Err(format!("{name}: {finding}")),
    }
}

/// Calls `visit` for every object that holds a reference. Examples are values, so they hold none.
fn references(value: &Value, visit: &mut impl FnMut(&str, &str)) {
    structure(value, "", false, &mut |pointer, fields| {
        if let Some(Value::String(reference)) = fields.get("$ref") {
            visit(pointer, reference);
        }
    });
}

/// Fields whose keys are names and not keywords: a reply may be named `default`.
const MAPS: &[&str] = &[
    "callbacks",
    "content",
    "encoding",
    "examples",
    "headers",
    "links",
    "parameters",
    "properties",
    "requestBodies",
    "responses",
    "schemas",
    "securitySchemes",
    "variables",
];

/// Calls `visit` for every object of the document's structure, but not for those within values. `named` says that the
/// keys of this object are names, as those of `properties` are.
fn structure(value: &Value, pointer: &str, named: bool, visit: &mut impl FnMut(&str, &Map<String, Value>)) {
    match value {
        Value::Object(fields) => {
            visit(pointer, fields);
            for (key, value) in fields {
                if named || !matches!(key.as_str(), "default" | "enum" | "example" | "value") {
                    let of_names = !named && MAPS.contains(&key.as_str());
                    structure(value, &join(pointer, key), of_names, visit);
                }
            }
        }
        Value::Array(items) => {
            for (n, item) in items.iter().enumerate() {
                structure(item, &join(pointer, &n.to_string()), false, visit);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Calls `visit` for every schema that is written out, with its pointer.
fn schemas(spec: &Value, visit: &mut impl FnMut(&str, &Map<String, Value>)) {
    for (name, schema) in members(&spec["components"]["schemas"]) {
        schema_and_inner(schema, &join("/components/schemas", name), visit);
    }
    let mut others = Vec::new();
    structure(spec, "", false, &mut |pointer, fields| {
        if let (Some(schema), false) = (fields.get("schema"), pointer.starts_with("/components/schemas")) {
            others.push((join(pointer, "schema"), schema.clone()));
        }
    });
    for (pointer, schema) in &others {
        schema_and_inner(schema, pointer, visit);
    }
}

fn schema_and_inner(schema: &Value, pointer: &str, visit: &mut impl FnMut(&str, &Map<String, Value>)) {
    let Value::Object(fields) = schema else { return };
    visit(pointer, fields);
    for (keyword, value) in fields {
        let pointer = join(pointer, keyword);
        match keyword.as_str() {
            "properties" => {
                members(value).for_each(|(name, schema)| schema_and_inner(schema, &join(&pointer, name), visit));
            }
            "allOf" | "anyOf" | "oneOf" => {
                for (n, schema) in value.as_array().into_iter().flatten().enumerate() {
                    schema_and_inner(schema, &join(&pointer, &n.to_string()), visit);
                }
            }
            "additionalProperties" | "items" | "not" => schema_and_inner(value, &pointer, visit),
            _ => {}
        }
    }
}
