//! Checks descriptions: they exist where they are needed, name their source, and do not contradict the bounds beside
//! them.

use serde_json::{Map, Value};

use crate::{
    document::{join, operations},
    finding::Finding,
    schema::Schema,
};

pub(super) fn check(spec: &Value) -> Vec<Finding> {
    let mut findings = sources(spec);
    super::schemas(spec, &mut |pointer, fields| {
        for (name, value) in fields.get("properties").into_iter().flat_map(crate::document::members) {
            let at = join(&join(pointer, "properties"), name);
            let none = value.get("description").is_none();
            findings.extend(none.then(|| {
                let remedy = "add one: a field's own description stands beside an `allOf` that refers to its schema";
                Finding::new(at, "a field without a description", remedy)
            }));
        }
        findings.extend(false_bounds(spec, pointer, fields));
    });
    findings
}

/// Finds schemas, parameters, operations and schemes whose description names no source.
fn sources(spec: &Value) -> Vec<Finding> {
    let mut places: Vec<String> = operations(spec).into_iter().map(|operation| operation.pointer).collect();
    for kind in ["parameters", "schemas", "securitySchemes"] {
        let named = crate::document::members(&spec["components"][kind]);
        places.extend(named.map(|(name, _)| join(&format!("/components/{kind}"), name)));
    }
    places.retain(|place| {
        let text = spec.pointer(place).and_then(|value| value["description"].as_str());
        !text.is_some_and(|text| text.contains("Source: "))
    });
    let findings = places.into_iter().map(|place| {
        let remedy = "end it with \"Source: source document.\", or where else it comes from";
        Finding::new(join(&place, "description"), "names no source", remedy)
    });
    findings.collect()
}

/// Finds a number in a description that differs from the bound beside it.
fn false_bounds(spec: &Value, pointer: &str, fields: &Map<String, Value>) -> Option<Finding> {
    let text = fields.get("description")?.as_str()?;
    let schema = Schema::at(spec, pointer);
    let [least, most] = [["minItems", "minLength", "minimum"], ["maxItems", "maxLength", "maximum"]]
        .map(|keywords| keywords.iter().find_map(|keyword| Some((*keyword, schema.get(keyword)?.as_u64()?))));
    let words: Vec<_> = text.split_whitespace().map(|word| word.trim_matches(|c: char| !c.is_alphanumeric())).collect();
    let number = |word: &str| word.replace(',', "").parse::<u64>().ok();
    let mut claims = Vec::new();
    for window in words.windows(3) {
        match window {
            [from, "to", to] => claims.extend(number(from).zip(number(to)).map(|(from, to)| (Some(from), Some(to)))),
            ["at" | "At", "most", to] => claims.extend(number(to).map(|to| (None, Some(to)))),
            ["at" | "At", "least", from] => claims.extend(number(from).map(|from| (Some(from), None))),
            _ => {}
        }
    }
    for (from, to) in claims {
        for (claim, bound) in [(from, least), (to, most)] {
            if let (Some(claim), Some((keyword, bound))) = (claim, bound)
                && claim != bound
            {
                let problem = format!("says {claim}, and `{keyword}` is {bound}");
                return Some(Finding::new(join(pointer, "description"), problem, "correct the one that is wrong"));
            }
        }
    }
    None
}
