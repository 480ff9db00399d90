//! Checks security: each operation lists its schemes, the schemes exist, and the client knows them.

use serde_json::Value;

use crate::{
    document::{items, join, members, operations},
    finding::Finding,
};

pub(super) fn check(spec: &Value) -> Vec<Finding> {
    let mut findings = Vec::new();
    let schemes = &spec["components"]["securitySchemes"];
    for operation in operations(spec) {
        let at = join(&operation.pointer, "security");
        let alternatives: Vec<_> = items(&operation.value["security"]).collect();
        let open = alternatives.iter().any(|alternative| members(alternative).next().is_none());
        if alternatives.is_empty() || open {
            let problem = format!("{} may be called by anyone", operation.id);
            findings.push(Finding::new(&at, problem, "list the schemes that it takes, as the other operations do"));
        }
        for (scheme, _) in alternatives.iter().flat_map(|alternative| members(alternative)) {
            if schemes.get(scheme).is_none() {
                let problem = format!("no scheme is called {scheme}");
                let known: Vec<_> = members(schemes).map(|(name, _)| name).collect();
                findings.push(Finding::new(&at, problem, format!("name one of {}", known.join(", "))));
            }
        }
    }
    for (name, scheme) in members(schemes) {
        let bearer = scheme["type"] == "http" && scheme["scheme"] == "bearer";
        let header = scheme["type"] == "apiKey"
            && scheme["in"] == "header"
            && scheme["name"].as_str().is_some_and(|name| name.eq_ignore_ascii_case("authorization"));
        if !bearer && !header {
            let problem =
                "neither a bearer token nor a value of the header Authorization, which is all the client sends";
            let at = join("/components/securitySchemes", name);
            findings.push(Finding::new(at, problem, "write one of the two, or teach the client this one first"));
        }
    }
    findings
}
