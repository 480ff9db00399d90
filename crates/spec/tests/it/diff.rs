//! The sentences of a diff: the rules, in a request and in a reply, and what they ask of `info.version`.

use std::fs;

use serde_json::{Value, json};
use spec::{RULES, Report, Step, root};

use crate::support::{put, remove};

/// A small document: one operation, whose request and reply share a schema.
fn small() -> Value {
    let body = json!({"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Body"}}}});
    json!({
        "info": {"description": "…", "version": "1.2.3"},
        "servers": [{"url": "https://example.com"}],
        "paths": {"/a": {"post": {
            "operationId": "makeA",
            "parameters": [
                {"in": "header", "name": "A", "required": true, "schema": {"type": "string"}},
                {"$ref": "#/components/parameters/B"},
            ],
            "requestBody": body,
            "responses": {"200": {"content": body["content"], "description": "OK"}},
            "security": [{"token": []}],
        }}},
        "components": {
            "parameters": {
                "B": {"in": "header", "name": "B", "schema": {"type": "string"}},
                "C": {"in": "header", "name": "C", "required": true, "schema": {"type": "string"}},
                "D": {"in": "header", "name": "D", "schema": {"type": "string"}},
            },
            "schemas": {"Body": {
                "properties": {
                    "kind": {"enum": [1, 2], "type": "integer"},
                    "names": {"items": {"type": "string"}, "maxItems": 9, "minItems": 1, "type": "array"},
                    "size": {"type": "number"},
                },
                "required": ["kind"],
                "type": "object",
            }},
            "securitySchemes": {"token": {"scheme": "bearer", "type": "http"}},
        },
    })
}

const OPERATION: &str = "/paths/~1a/post";
const BODY: &str = "/components/schemas/Body";

/// The changes of a report: direction, place, rule, step.
fn changes(change: impl FnOnce(&mut Value)) -> Vec<(String, String, String, String)> {
    let (old, mut new) = (small(), small());
    change(&mut new);
    let report = Report::of(&old, &new).json();
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let changes = report["changes"].as_array().unwrap().iter().map(|change| {
        let of = &change["reachedFrom"][0];
        (text(&of["direction"]), text(&of["place"]), text(&change["rule"]), text(&change["step"]))
    });
    changes.collect()
}

fn assert_changes(change: impl FnOnce(&mut Value), expected: &[[&str; 4]]) {
    let is = changes(change);
    let is: Vec<_> = is.iter().map(|(direction, place, rule, step)| [&**direction, place, rule, step]).collect();
    assert_eq!(is, expected);
}

/// Asserts the rule and the step of a changed field of the shared schema, in each direction.
fn assert_field(change: impl FnOnce(&mut Value), place: &str, request: [&str; 2], reply: [&str; 2]) {
    assert_changes(change, &[["request", place, request[0], request[1]], ["reply", place, reply[0], reply[1]]]);
}

#[test]
fn nothing_changed_is_no_change() {
    assert_changes(|_| (), &[]);
}

#[test]
fn operations_and_their_ids() {
    let is = |rule, step| [["-", "post /a", rule, step]];
    assert_changes(|spec| remove(spec, "/paths/~1a"), &is("removed-operation", "major"));
    assert_changes(|spec| remove(spec, OPERATION), &is("removed-operation", "major"));
    let new = json!({"responses": {}});
    assert_changes(|spec| put(spec, "/paths/~1a/get", new), &[["-", "get /a", "added-operation", "minor"]]);
    let id = format!("{OPERATION}/operationId");
    assert_changes(|spec| put(spec, &id, json!("b")), &[["-", "the operation", "renamed-operation", "major"]]);
}

#[test]
fn replies_and_media_types() {
    let status = |status: &str| format!("{OPERATION}/responses/{status}");
    assert_changes(|spec| remove(spec, &status("200")), &[["reply", "the reply", "removed-answer", "major"]]);
    assert_changes(
        |spec| put(spec, &status("404"), json!({"description": "None."})),
        &[["reply", "the reply", "added-answer", "minor"]],
    );
    let text = format!("{OPERATION}/requestBody/content/text~1plain");
    assert_changes(|spec| put(spec, &text, json!({})), &[["request", "text/plain", "added-content", "minor"]]);
    let body = format!("{OPERATION}/requestBody");
    assert_changes(|spec| remove(spec, &body), &[["request", "the body", "removed-content", "major"]]);
    let required = format!("{body}/required");
    assert_changes(|spec| put(spec, &required, json!(true)), &[["request", "the body", "new-required", "major"]]);
}

#[test]
fn fields_also_those_called_like_a_keyword() {
    let field = |name: &str| format!("{BODY}/properties/{name}");
    assert_field(
        |spec| remove(spec, &field("names")),
        "$.names",
        ["removed-field", "major"],
        ["removed-field", "major"],
    );
    for name in ["new", "description", "required", "enum", "$ref"] {
        assert_field(
            |spec| put(spec, &field(name), json!({"type": "string"})),
            &format!("$.{name}"),
            ["added-field", "minor"],
            ["added-field", "minor"],
        );
    }
    let new_and_required = |spec: &mut Value| {
        put(spec, &field("new"), json!({"type": "string"}));
        put(spec, &format!("{BODY}/required/1"), json!("new"));
    };
    assert_field(new_and_required, "$.new", ["new-required", "major"], ["added-field", "minor"]);
}

/// A required field is a demand on the sender of a request, and a promise in a reply.
#[test]
fn direction_decides_who_breaks() {
    let required = format!("{BODY}/required");
    assert_field(
        |spec| put(spec, &format!("{required}/1"), json!("names")),
        "$.names",
        ["new-required", "major"],
        ["new-required", "minor"],
    );
    assert_field(
        |spec| remove(spec, &required),
        "$.kind",
        ["no-longer-required", "minor"],
        ["no-longer-required", "major"],
    );
    let names = |keyword: &str| format!("{BODY}/properties/names/{keyword}");
    let narrowed = (["narrowed-bound", "major"], ["narrowed-bound", "minor"]);
    let widened = (["widened-bound", "minor"], ["widened-bound", "major"]);
    for (keyword, bound, (request, reply)) in [
        ("minItems", 2, narrowed),
        ("minItems", 0, widened),
        ("maxItems", 8, narrowed),
        ("maxItems", 10, widened),
        ("minLength", 1, narrowed),
    ] {
        assert_field(|spec| put(spec, &names(keyword), json!(bound)), "$.names", request, reply);
    }
    assert_field(|spec| remove(spec, &names("maxItems")), "$.names", widened.0, widened.1);
    let narrowed = (["narrowed-type", "major"], ["narrowed-type", "minor"]);
    let widened = (["widened-type", "minor"], ["widened-type", "major"]);
    for (keyword, value, (request, reply)) in [
        ("pattern", json!("^a$"), narrowed),
        ("uniqueItems", json!(true), narrowed),
        ("nullable", json!(true), widened),
    ] {
        assert_field(|spec| put(spec, &names(keyword), value), "$.names", request, reply);
    }
    let size = format!("{BODY}/properties/size/type");
    assert_field(|spec| put(spec, &size, json!("integer")), "$.size", narrowed.0, narrowed.1);
    assert_field(
        |spec| put(spec, &size, json!("string")),
        "$.size",
        ["changed-type", "major"],
        ["changed-type", "major"],
    );
}

#[test]
fn values_of_an_enum() {
    let values = format!("{BODY}/properties/kind/enum");
    assert_field(
        |spec| remove(spec, &format!("{values}/1")),
        "$.kind",
        ["removed-enum-value", "major"],
        ["removed-enum-value", "minor"],
    );
    assert_field(
        |spec| put(spec, &format!("{values}/2"), json!(3)),
        "$.kind",
        ["added-enum-value", "minor"],
        ["added-enum-value", "minor"],
    );
}

#[test]
fn headers_in_any_order_and_case() {
    let parameters = format!("{OPERATION}/parameters");
    assert_changes(|spec| spec.pointer_mut(&parameters).unwrap().as_array_mut().unwrap().reverse(), &[]);
    assert_changes(|spec| put(spec, "/components/parameters/B/name", json!("b")), &[]);
    assert_changes(
        |spec| remove(spec, &format!("{parameters}/0")),
        &[["request", "header A", "removed-parameter", "major"]],
    );
    for (name, rule, step) in [("C", "new-required", "major"), ("D", "added-parameter", "minor")] {
        let reference = json!({"$ref": format!("#/components/parameters/{name}")});
        assert_changes(
            |spec| put(spec, &format!("{parameters}/2"), reference),
            &[["request", &format!("header {name}"), rule, step]],
        );
    }
}

#[test]
fn what_is_no_operation_s() {
    assert_changes(
        |spec| put(spec, "/servers/0/url", json!("http://example.com")),
        &[
            ["-", "http://example.com", "added-server", "minor"],
            ["-", "https://example.com", "removed-server", "major"],
        ],
    );
    assert_changes(
        |spec| put(spec, "/components/schemas/New", json!({"type": "string"})),
        &[["-", "schema New", "added-component", "minor"]],
    );
    assert_changes(
        |spec| put(spec, "/components/securitySchemes/token/scheme", json!("basic")),
        &[["-", "scheme token", "removed-security", "major"]],
    );
    assert_changes(
        |spec| put(spec, &format!("{OPERATION}/security"), json!([])),
        &[["-", "the operation", "removed-security", "major"]],
    );
}

#[test]
fn the_version_must_move_as_far_as_the_greatest_step_asks() {
    let enough = |version: &str, change: fn(&mut Value)| {
        let mut new = small();
        put(&mut new, "/info/version", json!(version));
        change(&mut new);
        Report::of(&small(), &new).is_version_enough()
    };
    let breaking: fn(&mut Value) = |spec| remove(spec, &format!("{BODY}/properties/names"));
    let adding: fn(&mut Value) = |spec| put(spec, &format!("{BODY}/properties/new"), json!({"type": "string"}));
    for (version, for_breaking, for_adding, for_nothing) in [
        ("1.2.2", false, false, false),
        ("1.2.3", false, false, true),
        ("1.2.4", false, false, true),
        ("1.3.0", false, true, true),
        ("1.20.0", false, true, true),
        ("2.0.0", true, true, true),
        ("10.0.0", true, true, true),
        ("1.3", false, false, false),
    ] {
        let is = [breaking, adding, |_| ()].map(|change| enough(version, change));
        assert_eq!(is, [for_breaking, for_adding, for_nothing], "{version}");
    }
}

/// The types are those that the build makes: for a request from `openapi/replacements.rs`, for a reply a lenient one.
#[test]
fn a_number_with_a_type_of_ours_is_told_by_it() {
    let mut new = small();
    put(&mut new, "/components/schemas/PageSize", json!({"maximum": 100, "minimum": 1, "type": "integer"}));
    put(&mut new, &format!("{BODY}/properties/pages"), json!({"$ref": "#/components/schemas/PageSize"}));
    let report = Report::of(&small(), &new).text();
    for of_type in ["`Option<u32>`: what makes a request", "`Option<LenientInt>`\n"] {
        assert!(report.contains(&format!("Rust: `Body::pages` is new, {of_type}")), "{of_type}: {report}");
    }
}

/// The generator drops patterns, so a reviewer is told to look for the check in our code.
#[test]
fn a_pattern_of_a_request_tells_that_our_code_has_to_check_it() {
    let mut new = small();
    put(&mut new, &format!("{BODY}/properties/names/items/pattern"), json!("^a"));
    let report = Report::of(&small(), &new).json();
    let rust: Vec<_> = report["changes"].as_array().unwrap().iter().map(|change| &change["rust"]).collect();
    let checked_by_us =
        "no generated type changes, since the generator drops this limit; see that src/ refuses what breaks it";
    assert_eq!(rust, [&json!(checked_by_us), &json!(null)]);
}

/// A reviewer sees the form of a new schema, field, parameter or header of a reply.
#[test]
fn what_is_new_tells_its_form() {
    let form = |at: &str, schema: Value| {
        let mut new = small();
        put(&mut new, at, schema);
        let report = Report::of(&small(), &new);
        let form = report.json()["changes"][0]["form"].as_str().unwrap().to_owned();
        assert!(report.text().contains(&format!("\n      Form: {form}\n")), "{}", report.text());
        assert!(report.markdown("").contains(&format!("\n  - Form: {form}\n")), "{}", report.markdown(""));
        form
    };
    let url = json!({"maxLength": 256, "minLength": 1, "pattern": "^https://.", "type": "string", "description": "…"});
    let url_form = "text, at most 256 characters, at least 1 character, pattern `^https://.`";
    assert_eq!(form("/components/schemas/Url", url.clone()), url_form);
    let field = format!("{BODY}/properties/new");
    for (schema, expected) in [
        (
            json!({"allOf": [{"$ref": "#/components/schemas/Body"}], "nullable": true}),
            "Body: object or null, with kind (required, integer, one of 1, 2), \
             names (array of text, at most 9 items, at least 1 item), new (Body), size (number)",
        ),
        (json!({"items": {"$ref": "#/components/schemas/Body"}, "type": "array"}), "array of Body"),
        (
            json!({"items": {"nullable": true, "type": "string"}, "nullable": true, "type": "array"}),
            "array of (text or null) or null",
        ),
        (json!({"enum": ["a", "b"], "type": "string"}), "text, one of \"a\", \"b\""),
        (json!({"default": 3, "minimum": 1, "type": "integer"}), "integer, default 3, at least 1"),
        (json!({"format": "password", "type": "string"}), "text, a secret"),
        (json!({"format": "uri", "type": "string"}), "text, format \"uri\""),
        (json!({"oneOf": [{"type": "integer"}, {"type": "string"}]}), "integer or text"),
        (json!({}), "anything"),
    ] {
        assert_eq!(form(&field, schema), expected);
    }
    let parameter = json!({"in": "header", "name": "E", "schema": url});
    assert_eq!(form(&format!("{OPERATION}/parameters/2"), parameter), url_form);
    assert_eq!(form(&format!("{OPERATION}/responses/200/headers"), json!({"E": {"schema": url}})), url_form);
}

/// The table in the README lists each rule, the changes that it covers, and its step in a request and in a reply.
#[test]
fn every_rule_is_documented() {
    let readme = fs::read_to_string(root().join("openapi/README.md")).unwrap();
    let step =
        |(step, consequence): (Step, &str)| if consequence.is_empty() { String::new() } else { step.to_string() };
    let rows = RULES.iter().map(|rule| {
        let (request, reply) = (step(rule.request), step(rule.reply));
        format!("| `{}` | {} | {request} | {reply} |", rule.name, rule.found).replace("|  |", "| |")
    });
    let missing: Vec<_> = rows.filter(|row| !readme.contains(row.as_str())).collect();
    assert!(missing.is_empty(), "openapi/README.md lacks\n{}", missing.join("\n"));
}
