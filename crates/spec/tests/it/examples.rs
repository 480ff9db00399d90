//! All examples are found, and the source document's are among them.

use serde_json::Value;
use spec::{Input, examples::examples, join, walk};

fn spec() -> Value {
    Input::of_repository().unwrap().spec
}

#[test]
fn every_example_is_found() {
    let spec = spec();
    let mut pointers = Vec::new();
    walk(&spec, "", &mut |pointer, fields| {
        if let Some(Value::Object(examples)) = fields.get("examples") {
            let pointer = join(pointer, "examples");
            let pointer = |name| join(&join(&pointer, name), "value");
            pointers.extend(examples.keys().map(|name| pointer(name)));
        }
        if fields.contains_key("example") {
            pointers.push(join(pointer, "example"));
        }
    });
    let mut found: Vec<_> = examples(&spec).into_iter().map(|example| example.pointer).collect();
    pointers.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, pointers);
    // There are at least the source document's request and response, and the headers of it and of the carrier
    // reference.
    assert!(found.len() >= 6, "{found:?}");
}

#[test]
fn source_document_request_and_response_are_examples() {
    let spec = spec();
    let operation = &spec["paths"]["/koodrive/ose/v1/share/tasks"]["post"];
    let body = |part: &Value| part["content"]["application/json"]["examples"].clone();
    // Copied from the source document's own text.
    let request: Value = serde_json::from_str(include_str!("../../../../tests/testdata/create-request.json")).unwrap();
    let response: Value =
        serde_json::from_str(include_str!("../../../../tests/testdata/create-response.json")).unwrap();
    assert_eq!(body(&operation["requestBody"])["dump"]["value"], request);
    assert_eq!(body(&operation["responses"]["200"])["created"]["value"], response);
}
