//! Checks the canonical formatting, and OpenAPI 3.0 to the letter.

use serde_json::{Map, Value};

use super::grammar::{NEWER, NodeKind, Shape};
use crate::{
    SPEC,
    document::{items, join, members},
    finding::Finding,
};

/// Formats a document as `jq -S .` does: keys sorted, indented by two spaces, a line feed at the end.
#[must_use]
pub fn canonical(spec: &Value) -> String {
    format!("{:#}\n", sorted(spec))
}

/// Sorts explicitly: whether a JSON object keeps its order is a feature that any crate in the build may turn on.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_unstable_by_key(|(key, _)| *key);
            let sorted = |(key, value): (&String, &Value)| (key.clone(), self::sorted(value));
            Value::Object(fields.into_iter().map(sorted).collect::<Map<_, _>>())
        }
        Value::Array(items) => items.iter().map(sorted).collect(),
        scalar => scalar.clone(),
    }
}

/// The first line that is not canonical, and the command that repairs it.
pub(super) fn formatting(text: &str, spec: &Value) -> Option<Finding> {
    let canonical = canonical(spec);
    if text == canonical {
        return None;
    }
    let mut lines = text.lines().zip(canonical.lines()).enumerate();
    let differing = lines.find(|(_, (is, should))| is != should);
    let (line, is, should) = match differing {
        Some((n, (is, should))) => (n + 1, is, should),
        None => (text.lines().count(), "the end", "a single line feed"),
    };
    Some(Finding::new(
        format!("{SPEC}:{line}"),
        format!("not formatted canonically: {is:?} should be {should:?}"),
        format!("run `jq -S . {SPEC} > spec.tmp && mv spec.tmp {SPEC}`"),
    ))
}

/// Finds keywords that OpenAPI 3.0 does not know, values of another shape, and missing keywords.
pub(super) fn grammar(spec: &Value) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !spec["openapi"].as_str().is_some_and(|version| version.starts_with("3.0.")) {
        let problem = format!("the generator reads OpenAPI 3.0, not {}", spec["openapi"]);
        findings.push(Finding::new("/openapi", problem, "write \"3.0.3\""));
    }
    one(spec, NodeKind::Document, "", &mut findings);
    findings
}

fn one(value: &Value, kind: NodeKind, pointer: &str, findings: &mut Vec<Finding>) {
    let Value::Object(fields) = value else {
        findings.push(Finding::new(pointer, format!("{value} is not {}", kind.name()), "write an object"));
        return;
    };
    if fields.contains_key("$ref") && kind.may_be_reference() {
        reference(fields, pointer, findings);
        return;
    }
    for missing in kind.required().iter().filter(|required| !fields.contains_key(**required)) {
        findings.push(Finding::new(pointer, format!("{} needs `{missing}`", kind.name()), "add it"));
    }
    for (keyword, value) in fields {
        let pointer = join(pointer, keyword);
        if keyword.starts_with("x-") {
            continue;
        }
        match kind.keywords().iter().find(|(known, _)| known == keyword) {
            Some((_, shape)) => shaped(value, *shape, &pointer, findings),
            None => findings.push(unknown(kind, keyword, pointer)),
        }
    }
}

fn reference(fields: &Map<String, Value>, pointer: &str, findings: &mut Vec<Finding>) {
    let at = join(pointer, "$ref");
    match fields["$ref"].as_str() {
        Some(reference) if reference.starts_with("#/components/") => {}
        _ => findings.push(Finding::new(at, "not into the components", "write `#/components/…`")),
    }
    for keyword in fields.keys().filter(|keyword| *keyword != "$ref") {
        findings.push(Finding::new(
            join(pointer, keyword),
            "OpenAPI 3.0 ignores what stands beside a `$ref`; 3.1 does not",
            "put the reference into an `allOf`, or remove this",
        ));
    }
}

fn unknown(kind: NodeKind, keyword: &str, pointer: String) -> Finding {
    if let Some((_, instead)) = NEWER.iter().find(|(newer, _)| *newer == keyword) {
        return Finding::new(pointer, format!("`{keyword}` of {} came with OpenAPI 3.1", kind.name()), *instead);
    }
    let known = kind.keywords().iter().map(|(known, _)| *known);
    let near = known.min_by_key(|known| distance(known, keyword)).filter(|known| distance(known, keyword) <= 2);
    let remedy = near.map_or_else(|| "remove it".to_owned(), |known| format!("did you mean `{known}`?"));
    Finding::new(pointer, format!("OpenAPI 3.0 knows no `{keyword}` of {}", kind.name()), remedy)
}

/// The edit distance: how many letters must be replaced, added or removed.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (n, is) in one.chars().enumerate() {
        let mut diagonal = n;
        row[0] = n + 1;
        for (m, should) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(is != *should);
            diagonal = row[m + 1];
            row[m + 1] = replaced.min(row[m] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

fn shaped(value: &Value, shape: Shape, pointer: &str, findings: &mut Vec<Finding>) {
    let expected = match shape {
        Shape::One(kind) => return one(value, kind, pointer, findings),
        Shape::SchemaOrBool if !value.is_boolean() => return one(value, NodeKind::Schema, pointer, findings),
        Shape::ListOf(kind) if value.is_array() => {
            for (n, item) in items(value).enumerate() {
                one(item, kind, &join(pointer, &n.to_string()), findings);
            }
            return;
        }
        Shape::MapOf(kind) if value.is_object() => {
            for (name, value) in members(value) {
                one(value, kind, &join(pointer, name), findings);
            }
            return;
        }
        _ if is_of(value, shape) => return,
        Shape::Any | Shape::SchemaOrBool | Shape::Bool => "true or false",
        Shape::Count => "a whole number",
        Shape::Number => "a number",
        Shape::Text => "a string",
        Shape::Texts => "a list of strings",
        Shape::List | Shape::ListOf(_) => "a list",
        Shape::Object | Shape::MapOf(_) => "an object",
    };
    findings.push(wrong_shape(value, expected, pointer));
}

/// Whether a value has this shape, if it is one that holds no further objects of OpenAPI.
fn is_of(value: &Value, shape: Shape) -> bool {
    match shape {
        Shape::Any => true,
        Shape::Bool | Shape::SchemaOrBool => value.is_boolean(),
        Shape::Count => value.is_u64(),
        Shape::Number => value.is_number(),
        Shape::Text => value.is_string(),
        Shape::Texts => value.is_array() && items(value).all(Value::is_string),
        Shape::List => value.is_array(),
        Shape::Object => value.is_object(),
        Shape::One(_) | Shape::ListOf(_) | Shape::MapOf(_) => false,
    }
}

/// The finding about a value of the wrong shape, which may be a form of OpenAPI 3.1.
fn wrong_shape(value: &Value, expected: &str, pointer: &str) -> Finding {
    let keyword = pointer.rsplit('/').next().unwrap_or_default();
    let newer = match (keyword, value) {
        ("type", Value::Array(_)) => Some("write one type, and `nullable: true` for `null`"),
        ("exclusiveMinimum" | "exclusiveMaximum", Value::Number(_)) => {
            Some("write the bound as `minimum` or `maximum` and this as `true`")
        }
        _ => None,
    };
    match newer {
        Some(instead) => Finding::new(pointer, format!("{value} came with OpenAPI 3.1"), instead),
        None => Finding::new(pointer, format!("{value} is not {expected}"), format!("write {expected}")),
    }
}

/// Finds types that do not exist, among them `null` of OpenAPI 3.1, and arrays without items.
pub(super) fn types(spec: &Value) -> Vec<Finding> {
    let mut findings = Vec::new();
    let known = ["array", "boolean", "integer", "number", "object", "string"];
    super::schemas(spec, &mut |pointer, schema| {
        let at = join(pointer, "type");
        match schema.get("type").and_then(Value::as_str) {
            Some("null") => {
                findings.push(Finding::new(at, "the type \"null\" came with OpenAPI 3.1", "write `nullable: true`"));
            }
            Some(other) if !known.contains(&other) => {
                let problem = format!("there is no type {other:?}");
                findings.push(Finding::new(at, problem, format!("write one of {}", known.join(", "))));
            }
            Some("array") if !schema.contains_key("items") => {
                findings.push(Finding::new(pointer, "an array without `items`", "say what it holds"));
            }
            _ => {}
        }
    });
    findings
}

/// Finds references that lead nowhere, and circles of references.
pub(super) fn references(spec: &Value) -> Vec<Finding> {
    let mut findings = Vec::new();
    super::references(spec, &mut |pointer, reference| {
        if crate::document::resolve(spec, reference).is_none() {
            let problem = format!("{reference} does not exist");
            findings.push(Finding::new(join(pointer, "$ref"), problem, "correct its name, or add the component"));
        }
    });
    if findings.is_empty() {
        findings.extend(circles(spec));
    }
    findings
}

/// Finds components that refer to themselves, directly or through others.
fn circles(spec: &Value) -> Vec<Finding> {
    let mut circles = Vec::new();
    for (kind, components) in members(&spec["components"]) {
        for (name, component) in members(components) {
            let own = format!("#/components/{kind}/{name}");
            let (mut reached, mut next) = (Vec::new(), vec![component]);
            while let Some(value) = next.pop() {
                super::references(value, &mut |_, reference| {
                    if !reached.iter().any(|known| known == reference) {
                        reached.push(reference.to_owned());
                        next.extend(crate::document::resolve(spec, reference));
                    }
                });
            }
            if reached.contains(&own) {
                let problem = "refers to itself, which no check and no reader here can follow";
                circles.push(Finding::new(&own[1..], problem, "break the circle"));
            }
        }
    }
    circles
}
