//! Checks names that programs read: they are ASCII, and no two look alike.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    document::{join, members, operations},
    finding::Finding,
};

pub(super) fn check(spec: &Value) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (pointer, name) in names(spec) {
        if let Some(letter) = name.chars().find(|letter| !letter.is_ascii_graphic()) {
            let problem = format!("{name:?} has the letter {letter:?} (U+{:04X})", u32::from(letter));
            findings.push(Finding::new(pointer, problem, "write it in ASCII: it may look the same and is not"));
        }
    }
    findings.extend(alike(spec));
    findings.extend(quoted(spec));
    findings
}

/// Every name, with its pointer.
fn names(spec: &Value) -> Vec<(String, String)> {
    let mut names = Vec::new();
    for (kind, components) in members(&spec["components"]) {
        names.extend(members(components).map(|(name, _)| (format!("/components/{kind}/{name}"), name.to_owned())));
    }
    names.extend(members(&spec["paths"]).map(|(path, _)| (join("/paths", path), path.to_owned())));
    names.extend(operations(spec).into_iter().map(|operation| (join(&operation.pointer, "operationId"), operation.id)));
    super::structure(spec, "", false, &mut |pointer, fields| {
        if fields.contains_key("in") && !pointer.ends_with("/properties") {
            names.extend(
                fields.get("name").and_then(Value::as_str).map(|name| (join(pointer, "name"), name.to_owned())),
            );
        }
        let values = fields.get("enum").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        names.extend(values.map(|value| (join(pointer, "enum"), value.to_owned())));
    });
    names.extend(properties(spec));
    names
}

fn properties(spec: &Value) -> Vec<(String, String)> {
    let mut properties = Vec::new();
    super::schemas(spec, &mut |pointer, fields| {
        let at = join(pointer, "properties");
        let named = fields.get("properties").into_iter().flat_map(members);
        properties.extend(named.map(|(name, _)| (join(&at, name), name.to_owned())));
    });
    properties
}

/// Finds fields whose names look alike.
fn alike(spec: &Value) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut first: BTreeMap<String, (String, String)> = BTreeMap::new();
    for (pointer, name) in properties(spec) {
        let shape: String = name.to_lowercase().replace(['_', '-'], "").replace(['1', 'i'], "l").replace('0', "o");
        let (other, at) = first.entry(shape).or_insert_with(|| (name.clone(), pointer.clone()));
        if *other != name {
            let problem = format!("{name} is hard to tell from {other} at {at}");
            findings.push(Finding::new(pointer, problem, "write both alike, or name one otherwise"));
        }
    }
    findings
}

/// Finds names between backticks in prose that are not ASCII.
fn quoted(spec: &Value) -> Vec<Finding> {
    let mut findings = Vec::new();
    super::structure(spec, "", false, &mut |pointer, fields| {
        let text = fields.get("description").and_then(Value::as_str).unwrap_or_default();
        for name in text.split('`').skip(1).step_by(2).filter(|name| !name.is_ascii()) {
            let problem = format!("`{name}` is not of ASCII");
            findings.push(Finding::new(join(pointer, "description"), problem, "write it in ASCII"));
        }
    });
    findings
}
