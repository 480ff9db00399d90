//! Checks operations: their ids, parameters, replies and links, and that the generator accepts them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{
    document::{Direction, Operation, followed, items, join, members, operations, parts},
    finding::Finding,
    replacements::replacement,
    schema::{Schema, descend},
};

pub(super) fn check(spec: &Value) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut ids: BTreeMap<String, String> = BTreeMap::new();
    for operation in operations(spec) {
        let at = join(&operation.pointer, "operationId");
        if let Some(first) = ids.insert(operation.id.clone(), at.clone()) {
            let problem = format!("`{}` is the id of {first}, too", operation.id);
            findings.push(Finding::new(at, problem, "give one of the two another id: methods are named by them"));
        }
        findings.extend(parameters(spec, &operation));
        if !members(&operation.value["responses"]).any(|(status, _)| status.starts_with('2')) {
            let at = join(&operation.pointer, "responses");
            findings.push(Finding::new(at, "no answer of success", "add \"200\""));
        }
        let tags: Vec<_> = items(&spec["tags"]).map(|tag| &tag["name"]).collect();
        for tag in items(&operation.value["tags"]).filter(|tag| !tags.contains(tag)) {
            findings.push(Finding::new(
                join(&operation.pointer, "tags"),
                format!("no tag is {tag}"),
                "add it to /tags",
            ));
        }
    }
    findings
}

fn parameters(spec: &Value, operation: &Operation<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut in_path = Vec::new();
    let mut seen = Vec::new();
    for pointer in &operation.parameters {
        let Some(parameter) = spec.pointer(pointer) else { continue };
        let name = parameter["name"].as_str().unwrap_or_default();
        let place = parameter["in"].as_str().unwrap_or_default();
        let id = (place, name.to_lowercase());
        if seen.contains(&id) {
            let problem = format!("{} has the {place} parameter {name} twice", operation.id);
            findings.push(Finding::new(pointer, problem, "remove one"));
        }
        seen.push(id);
        match place {
            "path" => in_path.push(name),
            "header" if ["accept", "authorization", "content-type"].contains(&name.to_lowercase().as_str()) => {
                findings.push(Finding::new(
                    pointer,
                    format!("OpenAPI ignores a header parameter {name}"),
                    "say it by a security scheme or a media type",
                ));
            }
            "header" | "query" => {}
            other => {
                let problem = format!("parameters in {other:?} are not for this client");
                findings.push(Finding::new(join(pointer, "in"), problem, "write header, path or query"));
            }
        }
    }
    let templated = operation.path.split('{').skip(1).filter_map(|part| part.split('}').next());
    for name in templated.filter(|name| !in_path.contains(name)) {
        findings.push(Finding::new(&operation.pointer, format!("no parameter for {{{name}}}"), "add it, in the path"));
    }
    findings
}

/// Finds what the generator, or the code that the build adds to it, does not accept.
pub(super) fn generator(spec: &Value) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut first: Option<(String, BTreeMap<String, bool>)> = None;
    for operation in operations(spec) {
        let headers = headers(spec, &operation);
        match &first {
            Some((_, expected)) if *expected == headers => {}
            Some((other, expected)) => findings.push(differing(&operation, other, expected, &headers)),
            None => first = Some((operation.id.clone(), headers)),
        }
        let responses = join(&operation.pointer, "responses");
        let mut errors: Vec<(String, String)> = Vec::new();
        for (status, _) in members(&operation.value["responses"]) {
            let at = join(&responses, status);
            if status == "default" {
                findings.push(Finding::new(&at, "the generator takes no `default` beside a 200", "name the statuses"));
            }
            let content = &spec.pointer(&followed(spec, &at)).unwrap_or(&Value::Null)["content"];
            if let (Some((_, body)), true) = (members(content).next(), status.starts_with(['4', '5'])) {
                errors.push((at, body["schema"].to_string()));
            }
        }
        for (at, schema) in errors.iter().filter(|(_, schema)| *schema != errors[0].1) {
            let problem = format!("{schema} is not the schema of {}", errors[0].0);
            findings.push(Finding::new(at, problem, "give all errors of an operation one schema"));
        }
    }
    findings.extend(numbers(spec));
    findings
}

/// Finds numbers of a request that have limits and whose Rust type the generator chooses.
///
/// It chooses by the limits, such as `NonZeroU64` for a minimum of 1. A value beyond them would then not reach the
/// rule.
fn numbers(spec: &Value) -> BTreeSet<Finding> {
    let mut findings = BTreeSet::new();
    for part in parts(spec).into_iter().filter(|part| part.direction == Direction::Request) {
        descend(spec, &part.schema(), &part.place, &mut |pointer, place| {
            let schema = Schema::at(spec, pointer);
            let is_number = schema.is("type", "integer") || schema.is("type", "number");
            let limit = ["minimum", "maximum"].into_iter().find_map(|limit| Some((limit, schema.keywords.get(limit)?)));
            let (true, Some((limit, (at, _)))) = (is_number, limit) else { return };
            if schema.names.iter().all(|name| replacement(name, false).is_none()) {
                let remedy = "make it a schema of /components/schemas, refer to it, and name its Rust type in openapi/replacements.rs, as for PageSize";
                let problem =
                    format!("`{limit}` limits {place} of {}, whose type the generator chooses", part.operation);
                findings.insert(Finding::new(at, problem, remedy));
            }
        });
    }
    findings
}

fn headers(spec: &Value, operation: &Operation<'_>) -> BTreeMap<String, bool> {
    let parameters = operation.parameters.iter().filter_map(|pointer| spec.pointer(pointer));
    let headers = parameters.filter(|parameter| parameter["in"] == "header");
    headers
        .map(|header| (header["name"].as_str().unwrap_or_default().to_lowercase(), header["required"] == true))
        .collect()
}

fn differing(
    operation: &Operation<'_>,
    other: &str,
    expected: &BTreeMap<String, bool>,
    headers: &BTreeMap<String, bool>,
) -> Finding {
    let only = |these: &BTreeMap<String, bool>, those: &BTreeMap<String, bool>| {
        let only = these.iter().filter(|(name, required)| those.get(*name) != Some(required));
        only.map(|(name, required)| format!("{name} ({})", if *required { "required" } else { "optional" })).collect()
    };
    let (ours, theirs): (Vec<_>, Vec<_>) = (only(headers, expected), only(expected, headers));
    Finding::new(
        join(&operation.pointer, "parameters"),
        format!("{} and {other} differ in their headers: {ours:?} against {theirs:?}", operation.id),
        "let all operations refer to the same headers, which the client sends with each request",
    )
}

/// Checks that the operations and fields of links exist.
pub(super) fn links(spec: &Value) -> Vec<Finding> {
    let mut findings = Vec::new();
    let all = operations(spec);
    for source in &all {
        for (status, _) in members(&source.value["responses"]) {
            let response = followed(spec, &join(&join(&source.pointer, "responses"), status));
            for (name, _) in members(&spec.pointer(&response).unwrap_or(&Value::Null)["links"]) {
                let at = followed(spec, &format!("{response}/links/{}", name.replace('~', "~0").replace('/', "~1")));
                let link = spec.pointer(&at).unwrap_or(&Value::Null);
                match all.iter().find(|target| link["operationId"] == target.id.as_str()) {
                    Some(target) => {
                        Link { spec, source, response: &response, target, at: &at }.check(link, &mut findings);
                    }
                    None => findings.push(Finding::new(
                        join(&at, "operationId"),
                        format!("no operation is {}", link["operationId"]),
                        format!("name one of {}", all.iter().map(|one| one.id.as_str()).collect::<Vec<_>>().join(", ")),
                    )),
                }
            }
        }
    }
    findings
}

struct Link<'a> {
    spec: &'a Value,
    source: &'a Operation<'a>,
    response: &'a str,
    target: &'a Operation<'a>,
    at: &'a str,
}

impl Link<'_> {
    fn check(&self, link: &Value, findings: &mut Vec<Finding>) {
        for (name, value) in members(&link["parameters"]) {
            let at = join(&join(self.at, "parameters"), name);
            let name = name.rsplit('.').next().unwrap_or_default();
            let named =
                |pointer: &String| self.spec.pointer(pointer).is_some_and(|parameter| parameter["name"] == name);
            if !self.target.parameters.iter().any(named) {
                let problem = format!("{} has no parameter {name}", self.target.id);
                findings.push(Finding::new(&at, problem, "correct the name, or remove it"));
            }
            self.expression(value, &at, findings);
        }
        // An object as `requestBody` is legal, but some generators take nothing but a string: the extension is for them.
        for key in ["requestBody", "x-request-body"] {
            if let Some(body) = link.get(key).filter(|body| body.is_object()) {
                self.request_body(body, &join(self.at, key), findings);
            }
        }
    }

    fn request_body(&self, given: &Value, at: &str, findings: &mut Vec<Finding>) {
        let body = self.body(&join(&self.target.pointer, "requestBody"));
        for (name, value) in members(given) {
            let at = join(at, name);
            if !body.properties.contains_key(name) {
                let problem = format!("the request of {} has no field {name}", self.target.id);
                findings.push(Finding::new(&at, problem, "correct the name, or remove it"));
            }
            self.expression(value, &at, findings);
        }
        for name in body.required.keys().filter(|name| given.get(**name).is_none()) {
            let problem = format!("{} needs {name}, which the link does not give", self.target.id);
            findings.push(Finding::new(at, problem, "say where it comes from"));
        }
    }

    /// The schema of the one body of a request or of a response.
    fn body(&self, pointer: &str) -> Schema<'_> {
        let content = join(&followed(self.spec, pointer), "content");
        let first = self.spec.pointer(&content).and_then(|content| members(content).next());
        let media_type = first.map(|(media_type, _)| join(&content, media_type)).unwrap_or_default();
        Schema::at(self.spec, &join(&media_type, "schema"))
    }

    /// Checks a value of a link, such as `$response.body#/taskId`.
    fn expression(&self, value: &Value, at: &str, findings: &mut Vec<Finding>) {
        let Some(text) = value.as_str().filter(|text| text.starts_with('$')) else { return };
        let (place, pointer) = match text.split_once('#') {
            Some(("$request.body", pointer)) => (join(&self.source.pointer, "requestBody"), pointer),
            Some(("$response.body", pointer)) => (self.response.to_owned(), pointer),
            _ => {
                let remedy = "write `$request.body#/…` or `$response.body#/…`";
                findings.push(Finding::new(at, format!("{text} is no expression that is known here"), remedy));
                return;
            }
        };
        let mut schema = self.body(&place);
        for name in pointer.split('/').skip(1) {
            let Some(pointer) = schema.properties.get(name) else {
                let problem = format!("{text} leads nowhere: {} has no field {name}", self.source.id);
                findings.push(Finding::new(at, problem, "name a field of that body"));
                return;
            };
            schema = Schema::at(self.spec, pointer);
        }
    }
}
