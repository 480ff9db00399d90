//! Checks the marks of rules, as in "Rule `zip-name-required`, enforced by the wrapper". Each mark names a rule of the
//! wrapper, at a place that the rule is about, and each limit of a request has a mark.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::{
    document::{Direction, followed, join, parts},
    finding::Finding,
    rules::OF_REQUESTS,
    schema::descend,
};

/// The places that a rule is about.
enum RuleScope {
    /// Any schema with all of these keywords.
    Keywords(&'static [&'static str]),
    /// Only the component or the property with this name.
    Named(&'static str),
}

/// Every rule of requests, with the places that it is about.
const PLACES: &[(&str, RuleScope)] = &[
    ("file-ids-count", RuleScope::Keywords(&["minItems", "maxItems"])),
    ("header-text", RuleScope::Keywords(&["minLength", "pattern"])),
    ("not-empty", RuleScope::Keywords(&["minLength"])),
    ("page-size", RuleScope::Keywords(&["minimum", "maximum"])),
    ("share-link", RuleScope::Named("ShortUrl")),
    ("target-required", RuleScope::Named("targetFileId")),
    ("task-type", RuleScope::Keywords(&["enum"])),
    ("trace-id", RuleScope::Named("TraceId")),
    ("x-date-format", RuleScope::Named("XDate")),
    ("x-date-window", RuleScope::Named("X-Date")),
    ("zip-name-required", RuleScope::Named("zipName")),
];

/// Keywords that limit a value.
const LIMITS: &[&str] = &[
    "enum",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "pattern",
    "uniqueItems",
];

const REMEDY: &str = "correct the name, or move the mark to the field that the rule is about";

pub(super) fn check(spec: &Value) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut marked = BTreeSet::new();
    super::structure(spec, "", false, &mut |pointer, fields| {
        // The document's own description explains the marks by an example.
        if pointer == "/info" {
            return;
        }
        for rule in marks(fields) {
            findings.extend(misplaced(pointer, fields, &rule));
            marked.insert(rule);
        }
    });
    for rule in OF_REQUESTS {
        if !marked.contains(rule.name) {
            let problem = format!("rule `{}` of src/rules.rs is marked nowhere", rule.name);
            let remedy = format!("write \"Rule `{}`, enforced by the wrapper.\" where it holds", rule.name);
            findings.push(Finding::new("/components", problem, remedy));
        }
        if !PLACES.iter().any(|(name, _)| *name == rule.name) {
            let problem = format!("says nothing of the rule `{}`", rule.name);
            findings.push(Finding::new(file!(), problem, "add what it is about to PLACES"));
        }
    }
    findings.extend(unmarked(spec));
    findings
}

/// The rules that a description marks.
fn marks(fields: &Map<String, Value>) -> Vec<String> {
    let text = fields.get("description").and_then(Value::as_str).unwrap_or_default();
    let marks = text.split("Rule `").skip(1).filter_map(|rest| rest.split_once('`'));
    marks.map(|(rule, _)| rule.to_owned()).collect()
}

fn misplaced(pointer: &str, fields: &Map<String, Value>, rule: &str) -> Option<Finding> {
    let at = join(pointer, "description");
    if !OF_REQUESTS.iter().any(|known| known.name == rule) {
        let problem = format!("rule `{rule}` is none of OF_REQUESTS in src/rules.rs");
        return Some(Finding::new(at, problem, "correct the name, or write the rule"));
    }
    let problem = match PLACES.iter().find(|(name, _)| *name == rule) {
        Some((_, RuleScope::Keywords(keywords))) => {
            let missing = keywords.iter().find(|keyword| !fields.contains_key(**keyword))?;
            format!("rule `{rule}` where no `{missing}` is stated")
        }
        Some((_, RuleScope::Named(name))) => {
            let is = pointer.rsplit('/').next();
            if is == Some(name) {
                return None;
            }
            format!("rule `{rule}`, which is about {name}")
        }
        None => return None,
    };
    Some(Finding::new(at, problem, REMEDY))
}

/// Finds schemas that limit a part of a request and mark no rule.
fn unmarked(spec: &Value) -> BTreeSet<Finding> {
    let mut findings = BTreeSet::new();
    for part in parts(spec).into_iter().filter(|part| part.direction == Direction::Request) {
        descend(spec, &part.schema(), &part.place, &mut |pointer, place| {
            let mut here = vec![followed(spec, pointer)];
            while let Some(at) = here.pop() {
                let Some(Value::Object(fields)) = spec.pointer(&at) else { continue };
                let parts = fields.get("allOf").and_then(Value::as_array).map_or(0, Vec::len);
                here.extend((0..parts).map(|n| followed(spec, &format!("{at}/allOf/{n}"))));
                let limit = LIMITS.iter().find(|limit| fields.contains_key(**limit));
                if let (Some(limit), []) = (limit, marks(fields).as_slice()) {
                    findings.insert(Finding::new(
                        &at,
                        format!("`{limit}` limits {place} of {} and no rule is marked", part.operation),
                        "name the wrapper's rule in the description, as in \"Rule `not-empty`, enforced by the wrapper.\"",
                    ));
                }
            }
        });
    }
    findings
}
