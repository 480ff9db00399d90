//! What the checks say to the mistakes that a change of the spec can hold.

use serde_json::{Value, json};

use super::{
    build,
    compatibility::{breaches, last_released},
    constraints::unkept,
    examples::wrong_examples,
    form,
    headers::disputed_trace_ids,
    rules::unmatched_rules,
    snapshot::api_of,
};
use crate::support::fixtures::TRACE_ID;

const REQUEST: &str = "/components/schemas/CreateBatchTaskRequest";
const DUMP: &str =
    "/paths/~1koodrive~1ose~1v1~1share~1tasks/post/requestBody/content/application~1json/examples/dump/value";

/// The last released spec, which holds no mistake, so that these tests do not depend on the one being edited.
fn released() -> Value {
    let mut spec = last_released();
    spec["info"]["version"] = json!("1.0.0");
    spec
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
fn a_wrong_example_is_named() {
    let spec = changed(|spec| at(spec, DUMP)["taskType"] = json!("2"));
    assert_found(&wrong_examples(&spec), &format!("{DUMP}/taskType: \"2\" is not of type \"integer\""));
}

#[test]
fn a_typo_in_a_field_of_an_example_is_named() {
    let spec = changed(|spec| rename(at(spec, DUMP), "targetFileId", "targetFileID"));
    let expected = format!("{DUMP}: Additional properties are not allowed ('targetFileID' was unexpected)");
    assert_found(&wrong_examples(&spec), &expected);
}

#[test]
fn a_typo_in_a_field_of_a_schema_is_named() {
    let properties = format!("{REQUEST}/properties");
    let spec = changed(|spec| rename(at(spec, &properties), "zipName", "zipNmae"));
    let expected = "Additional properties are not allowed ('zipName' was unexpected)";
    assert!(wrong_examples(&spec).iter().any(|finding| finding.contains(expected)));
    let expected = format!(
        "{properties}/zipName: removed-field: a major change against the released 1.0.0; \
         undo it or raise info.version to 2.0.0"
    );
    assert_found(&breaches(&released(), &spec), &expected);
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
    let expected = format!(
        "{min_items}: widened-bound: a minor change against the released 1.0.0; \
         undo it or raise info.version to 1.1.0"
    );
    assert_found(&breaches(&released(), &spec), &expected);
    assert_found(
        &super::request_schema::missing(&spec),
        "CreateBatchTaskRequest/properties/fileIds/minItems: 0 in the spec, 1 in ShareTask::json_schema()",
    );
}

#[test]
fn a_removed_enum_value_is_named() {
    let values = "/components/schemas/TaskType/enum";
    let spec = changed(|spec| *at(spec, values) = json!([1]));
    let expected = format!(
        "{values} 2: removed-enum-value: a major change against the released 1.0.0; \
         undo it or raise info.version to 2.0.0"
    );
    assert_found(&breaches(&released(), &spec), &expected);
    assert_found(&wrong_examples(&spec), &format!("{DUMP}/taskType: 2 is not one of 1"));
}

#[test]
fn a_new_required_field_is_named() {
    let required = format!("{REQUEST}/required");
    let spec = changed(|spec| {
        at(spec, REQUEST)["properties"]["region"] = json!({"type": "string"});
        at(spec, &required).as_array_mut().unwrap().push(json!("region"));
    });
    let expected = format!(
        "{required} \"region\": new-required: a major change against the released 1.0.0; \
         undo it or raise info.version to 2.0.0"
    );
    assert_found(&breaches(&released(), &spec), &expected);
    assert_found(&wrong_examples(&spec), &format!("{DUMP}: \"region\" is a required property"));
}

#[test]
fn a_dangling_reference_is_named() {
    let reference = format!("{REQUEST}/properties/targetFileId/allOf/0/$ref");
    let spec = changed(|spec| *at(spec, &reference) = json!("#/components/schemas/FileIdInof"));
    let expected = format!("{reference}: #/components/schemas/FileIdInof does not exist");
    assert_found(&form::dangling_references(&spec), &expected);
}

#[test]
fn another_indentation_is_named() {
    let text = form::canonical(&released()).replace("  ", "    ");
    let expected = "openapi/koodrive-share.json:2: not formatted canonically: \
                    \"    \\\"components\\\": {\" should be \"  \\\"components\\\": {\"; \
                    run `jq -S . openapi/koodrive-share.json > spec.tmp && mv spec.tmp openapi/koodrive-share.json`";
    assert_eq!(form::uncanonical(&text).unwrap(), expected);
}

#[test]
fn another_order_is_named() {
    let text = form::canonical(&released());
    let reordered = text.replacen(
        "\"name\": \"X-Date\",\n        \"required\": true,",
        "\"required\": true,\n        \"name\": \"X-Date\",",
        1,
    );
    assert_ne!(reordered, text);
    let finding = form::uncanonical(&reordered).unwrap();
    assert!(
        finding.contains(r#""        \"required\": true," should be "        \"name\": \"X-Date\",""#),
        "{finding}"
    );
}

#[test]
fn a_missing_line_feed_at_the_end_is_named() {
    let finding = form::uncanonical(form::canonical(&released()).trim_end()).unwrap();
    assert!(finding.contains("should be \"a single line feed\""), "{finding}");
}

fn client(spec: &Value) -> String {
    build::client(spec, false).unwrap()
}

/// The wrapper names it as before, which is no name any more.
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
        assert_found(&unkept(&spec), &format!("{pointer}: {operation} takes what breaks it at {broken_at:?}"));
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
        assert_found(&unkept(&spec), &format!("{pointer}: {header} takes what breaks it at \"\""));
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
        spec["components"]["parameters"]["X-Region"] =
            json!({"example": "a", "in": "header", "name": "X-Region", "schema": {"type": "string"}});
        let parameters = at(spec, "/paths/~1koodrive~1ose~1v1~1share~1tasks/post/parameters");
        parameters.as_array_mut().unwrap().push(json!({"$ref": "#/components/parameters/X-Region"}));
    });
    assert_found(&unkept(&spec), "/components/parameters/X-Region: the wrapper has no such header");
}

#[test]
fn a_body_that_the_wrapper_does_not_send_is_named() {
    let tasks = "/paths/~1koodrive~1ose~1v1~1share~1tasks/post";
    let spec = changed(|spec| at(spec, tasks)["operationId"] = json!("createShare"));
    assert_found(&unkept(&spec), &format!("{tasks}/requestBody: the wrapper has no createShare"));
}

#[test]
fn a_renamed_rule_is_named() {
    let zip_name = format!("{REQUEST}/properties/zipName/description");
    let spec = changed(|spec| {
        *at(spec, &zip_name) = json!("Rule `zip-name-mandatory`, enforced by the wrapper.");
    });
    let findings = unmatched_rules(&spec);
    assert_found(&findings, "rule `zip-name-mandatory` is in the spec and not in OF_REQUESTS of src/rules.rs");
    assert_found(&findings, "rule `zip-name-required` is in OF_REQUESTS of src/rules.rs and not marked in the spec");
}

/// Only the snapshot differs.
#[test]
fn another_description_is_found_by_no_check_but_the_snapshot() {
    let share_id = format!("{REQUEST}/properties/shareId/description");
    let spec = changed(|spec| *at(spec, &share_id) = json!("Another description."));
    let released = released();
    let checks: &[fn(&Value) -> Vec<String>] = &[
        wrong_examples,
        form::unknown_keywords,
        form::dangling_references,
        unmatched_rules,
        |spec| breaches(&self::released(), spec),
        super::request_schema::missing,
        unkept,
    ];
    for check in checks {
        assert_eq!(check(&spec), check(&released));
    }
    assert_ne!(api_of(&spec), api_of(&released));
}
