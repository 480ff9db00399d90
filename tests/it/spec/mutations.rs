//! The findings of the checks for mistakes that a change of the spec may hold. `crates/spec` has more of them.

use ::spec::last_released;
use serde_json::{Value, json};

use super::{build, constraints::unkept, form, headers::disputed_trace_ids, snapshot::api_of};
use crate::support::fixtures::TRACE_ID;

const REQUEST: &str = "/components/schemas/CreateBatchTaskRequest";

/// The last released spec, which holds no mistake, so that these tests do not depend on the one being edited.
fn released() -> Value {
    last_released().unwrap().1
}

fn changed(change: impl FnOnce(&mut Value)) -> Value {
    let mut spec = released();
    change(&mut spec);
    spec
}

fn at<'a>(spec: &'a mut Value, pointer: &str) -> &'a mut Value {
    spec.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer} does not exist"))
}

fn rename(object: &mut Value, from: &str, to: &str) {
    let fields = object.as_object_mut().unwrap();
    let value = fields.remove(from).unwrap();
    fields.insert(to.to_owned(), value);
}

fn assert_found(findings: &[String], expected: &str) {
    let found = findings.iter().any(|finding| finding == expected);
    assert!(found, "expected\n{expected}\namong\n{}\n", findings.join("\n"));
}

#[test]
fn a_typo_in_a_keyword_is_named() {
    let file_ids = format!("{REQUEST}/properties/fileIds");
    let spec = changed(|spec| rename(at(spec, &file_ids), "minItems", "minItmes"));
    let expected = format!("{file_ids}/minItmes: OpenAPI 3.0 knows no such keyword here");
    assert_found(&form::unknown_keywords(&spec), &expected);
}

#[test]
fn a_lowered_bound_is_named() {
    let min_items = format!("{REQUEST}/properties/fileIds/minItems");
    let spec = changed(|spec| *at(spec, &min_items) = json!(0));
    assert_found(
        &super::request_schema::missing(&spec),
        "CreateBatchTaskRequest/properties/fileIds/minItems: 0 in the spec, 1 in ShareTask::json_schema()",
    );
}

fn client(spec: &Value) -> String {
    build::client(spec, false).unwrap()
}

/// The wrapper still uses the old name, so it no longer compiles.
#[test]
fn a_renamed_header_is_renamed_for_the_wrapper() {
    let name = "/components/parameters/X-Traceid/name";
    let renamed = client(&changed(|spec| *at(spec, name) = json!("X-Trace-Id")));
    assert!(client(&released()).contains("x_traceid"));
    assert!(renamed.contains("x_trace_id") && !renamed.contains("x_traceid"));
}

#[test]
fn a_headers_pattern_that_the_wrapper_does_not_share_is_named() {
    let pattern = "/components/schemas/TraceId/pattern";
    let spec = changed(|spec| *at(spec, pattern) = json!("^[0-9A-Za-z_]{57}$"));
    assert_found(&disputed_trace_ids(&spec), &format!("{TRACE_ID:?}: spec false, wrapper true"));
}

#[test]
fn a_constraint_on_a_body_that_the_wrapper_does_not_keep_is_named() {
    let cases = [
        ("ZipName/maxLength", json!(9), "createBatchTask", "/zipName"),
        ("ContainerId/pattern", json!("^[0-9A-Za-z_]+$"), "createBatchTask", "/targetFileId/containerId"),
        ("CreateBatchTaskRequest/properties/fileIds/maxItems", json!(999), "createBatchTask", "/fileIds"),
        ("CreateBatchTaskRequest/required", json!(["shareId", "kdstoken"]), "createBatchTask", ""),
        ("TaskType/enum", json!([2]), "createBatchTask", "/taskType"),
        ("TaskType/minimum", json!(2), "createBatchTask", "/taskType"),
        ("TaskId/minLength", json!(2), "getBatchTask", "/taskId"),
    ];
    for (place, limit, operation, broken_at) in cases {
        let pointer = format!("/components/schemas/{place}");
        let (schema, keyword) = pointer.rsplit_once('/').unwrap();
        let spec = changed(|spec| at(spec, schema)[keyword] = limit);
        assert_found(
            &unkept(&spec),
            &format!(
                "{pointer}: {operation} takes what breaks it at {broken_at:?}, so refuse it where the wrapper checks that"
            ),
        );
    }
}

#[test]
fn a_constraint_on_a_header_that_the_wrapper_does_not_keep_is_named() {
    let cases = [
        ("HeaderText/maxLength", json!(20), "X-User-Id"),
        ("HeaderText/pattern", json!("^[0-9a-z]+$"), "X-Hw-Agentname"),
        ("TraceId/pattern", json!("^[0-9a-z_]{58}$"), "X-Traceid"),
    ];
    for (place, limit, header) in cases {
        let pointer = format!("/components/schemas/{place}");
        let (schema, keyword) = pointer.rsplit_once('/').unwrap();
        let spec = changed(|spec| at(spec, schema)[keyword] = limit);
        assert_found(
            &unkept(&spec),
            &format!("{pointer}: {header} takes what breaks it at \"\", so refuse it where the wrapper checks that"),
        );
    }
}

#[test]
fn a_constraint_that_nobody_knows_how_to_break_is_named() {
    let pointer = format!("{REQUEST}/properties/fileIds/uniqueItems");
    let spec = changed(|spec| at(spec, REQUEST)["properties"]["fileIds"]["uniqueItems"] = json!(true));
    let expected = format!("{pointer}: no example of createBatchTask could be broken at \"/fileIds\"");
    assert_found(&unkept(&spec), &expected);
    let pointer = format!("{REQUEST}/properties/region/minLength");
    let spec = changed(|spec| at(spec, REQUEST)["properties"]["region"] = json!({"minLength": 1}));
    let expected = format!("{pointer}: no example of createBatchTask could be broken at \"/region\"");
    assert_found(&unkept(&spec), &expected);
}

#[test]
fn a_header_that_the_wrapper_does_not_have_is_named() {
    let spec = changed(|spec| {
        spec["components"]["parameters"]["X-Unknown"] =
            json!({"example": "a", "in": "header", "name": "X-Unknown", "schema": {"type": "string"}});
        let parameters = at(spec, "/paths/~1koodrive~1ose~1v1~1share~1tasks/post/parameters");
        parameters.as_array_mut().unwrap().push(json!({"$ref": "#/components/parameters/X-Unknown"}));
    });
    let expected = "/components/parameters/X-Unknown: the wrapper has no such parameter, so say in `refuses_parameter` of \
                    tests/it/spec/constraints.rs what refuses a wrong X-Unknown";
    assert_found(&unkept(&spec), expected);
}

#[test]
fn a_body_that_the_wrapper_does_not_send_is_named() {
    let tasks = "/paths/~1koodrive~1ose~1v1~1share~1tasks/post";
    let spec = changed(|spec| at(spec, tasks)["operationId"] = json!("createShare"));
    let findings = unkept(&spec);
    let unsent = findings.iter().filter(|finding| finding.contains("the client does not send the example "));
    // Both examples of the operation.
    assert_eq!(unsent.filter(|finding| finding.ends_with(" of createShare")).count(), 2, "{findings:#?}");
}

/// Only a reviewer can judge whether a description is true; the snapshot shows the change.
#[test]
fn another_description_is_in_the_snapshot() {
    let share_id = format!("{REQUEST}/properties/shareId/description");
    let spec = changed(|spec| *at(spec, &share_id) = json!("Another description."));
    assert_ne!(api_of(&spec), api_of(&released()));
}
