//! What the generator drops: the schemas that its types emit, compared with the spec's.

use koodrive_share::{
    TaskType,
    mock::{
        CreateBatchTaskRequest, CreateBatchTaskResponse, ErrorBody, FileIdInfo, GetBatchTaskRequest,
        GetBatchTaskResponse, JobInfo, TaskInfo,
    },
};
use schemars::{JsonSchema, r#gen::SchemaSettings};
use serde_json::{Map, Value, json};

use super::{assert_none, join, json_schema::json_schema, rules, spec};

/// Who keeps what the emitted schemas lack.
#[derive(Clone, Copy, Debug)]
enum KeptBy {
    /// The wrapper, by the rule of that name.
    Rule(&'static str),
    /// `ServiceCode`, whose schema says less than it checks.
    CodeType,
    /// No one: a reply with an unknown number must be readable.
    OpenReply,
}

use KeptBy::{CodeType, OpenReply, Rule};

/// All that the spec states and the emitted schemas lack.
///
/// Headers are no part of them: their dropped patterns are the subject of `headers`. Nor are the rules between fields,
/// which the spec itself can only state in prose: `rules` and `request_schema`.
const DROPPED: [(&str, KeptBy); 21] = [
    ("CreateBatchTaskRequest/properties/containerId/minLength 1", Rule("not-empty")),
    ("CreateBatchTaskRequest/properties/fileIds/items/minLength 1", Rule("not-empty")),
    ("CreateBatchTaskRequest/properties/fileIds/maxItems 1000", Rule("file-ids-count")),
    ("CreateBatchTaskRequest/properties/fileIds/minItems 1", Rule("file-ids-count")),
    ("CreateBatchTaskRequest/properties/kdstoken/minLength 1", Rule("not-empty")),
    ("CreateBatchTaskRequest/properties/shareId/minLength 1", Rule("not-empty")),
    ("CreateBatchTaskRequest/properties/targetFileId/properties/containerId/minLength 1", Rule("not-empty")),
    ("CreateBatchTaskRequest/properties/targetFileId/properties/fileId/minLength 1", Rule("not-empty")),
    ("CreateBatchTaskRequest/properties/taskType/enum [1,2]", Rule("task-type")),
    ("CreateBatchTaskRequest/properties/zipName/minLength 1", Rule("not-empty")),
    ("CreateBatchTaskResponse/properties/code/oneOf/1/minLength 1", CodeType),
    ("ErrorBody/properties/code/oneOf/1/minLength 1", CodeType),
    ("ErrorBody/properties/error_code/oneOf/1/minLength 1", CodeType),
    ("FileIdInfo/properties/containerId/minLength 1", Rule("not-empty")),
    ("FileIdInfo/properties/fileId/minLength 1", Rule("not-empty")),
    ("GetBatchTaskRequest/properties/kdstoken/minLength 1", Rule("not-empty")),
    ("GetBatchTaskRequest/properties/shareId/minLength 1", Rule("not-empty")),
    ("GetBatchTaskRequest/properties/taskId/minLength 1", Rule("not-empty")),
    ("GetBatchTaskResponse/properties/code/oneOf/1/minLength 1", CodeType),
    ("GetBatchTaskResponse/properties/jobInfo/properties/taskType/enum [1,2]", OpenReply),
    ("JobInfo/properties/taskType/enum [1,2]", OpenReply),
];

fn emitted<T: JsonSchema>() -> (String, Value) {
    let mut settings = SchemaSettings::draft07();
    settings.inline_subschemas = true;
    // Absent and null are one to an optional field.
    settings.option_add_null_type = false;
    let schema = settings.into_generator().into_root_schema_for::<T>();
    (T::schema_name(), serde_json::to_value(schema).unwrap())
}

fn all_emitted() -> [(String, Value); 8] {
    [
        emitted::<CreateBatchTaskRequest>(),
        emitted::<CreateBatchTaskResponse>(),
        emitted::<ErrorBody>(),
        emitted::<FileIdInfo>(),
        emitted::<GetBatchTaskRequest>(),
        emitted::<GetBatchTaskResponse>(),
        emitted::<JobInfo>(),
        emitted::<TaskInfo>(),
    ]
}

/// Leaves validity alone: no text, no null beside another type, and an alternative of different types under one name.
fn plain(schema: &Value, is_schema: bool) -> Value {
    match schema {
        Value::Object(fields) => {
            let mut kept = Map::new();
            for (key, value) in fields {
                match (key.as_str(), value) {
                    ("$schema" | "description" | "format" | "title", _) if is_schema => {}
                    ("type", Value::Array(types)) if types.len() == 2 && types[1] == "null" => {
                        kept.insert(key.clone(), types[0].clone());
                    }
                    ("anyOf", _) => drop(kept.insert("oneOf".to_owned(), plain(value, true))),
                    ("properties", _) => drop(kept.insert(key.clone(), plain(value, false))),
                    _ => drop(kept.insert(key.clone(), plain(value, true))),
                }
            }
            Value::Object(kept)
        }
        Value::Array(items) if items.iter().all(Value::is_string) => {
            let mut names: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
            names.sort_unstable();
            names.into()
        }
        Value::Array(items) => {
            let mut items: Vec<_> = items.iter().map(|item| plain(item, true)).collect();
            // Alternatives of different types, whose order means nothing.
            items.sort_by_key(|item| item["type"].to_string());
            items.into()
        }
        scalar => scalar.clone(),
    }
}

fn differences(spec: &Value, emitted: &Value, pointer: &str, found: &mut Vec<String>) {
    match (spec, emitted) {
        (Value::Object(spec), Value::Object(emitted)) => {
            for (key, value) in spec {
                let pointer = join(pointer, key);
                match emitted.get(key) {
                    Some(emitted) => differences(value, emitted, &pointer, found),
                    None => found.push(format!("{pointer} {value}")),
                }
            }
            for (key, value) in emitted.iter().filter(|(key, _)| !spec.contains_key(*key)) {
                found.push(format!("added: {pointer}/{key} {value}"));
            }
        }
        (Value::Array(spec), Value::Array(emitted)) if spec.len() == emitted.len() => {
            for (n, (spec, emitted)) in spec.iter().zip(emitted).enumerate() {
                differences(spec, emitted, &join(pointer, &n.to_string()), found);
            }
        }
        _ if spec == emitted => {}
        _ => found.push(format!("{pointer} {spec} became {emitted}")),
    }
}

/// What the spec states and the emitted schemas lack, or state otherwise.
fn dropped(spec: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for (name, emitted) in all_emitted() {
        let schema = json_schema(spec, &spec["components"]["schemas"][&name]);
        differences(&plain(&schema, true), &plain(&emitted, true), &name, &mut found);
    }
    found
}

/// Differences from the list.
pub(super) fn unlisted(spec: &Value) -> Vec<String> {
    let dropped = dropped(spec);
    let listed = |what: &String| DROPPED.iter().any(|(listed, _)| listed == what);
    let unlisted = dropped.iter().filter(|what| !listed(what));
    let unlisted = unlisted.map(|what| format!("{what}: in the spec, dropped by the generator, and not in DROPPED"));
    let gone = DROPPED.iter().filter(|(listed, _)| !dropped.iter().any(|what| what == listed));
    let gone = gone
        .map(|(listed, kept)| format!("{listed}: in DROPPED as {kept:?}, and not in the spec or no longer dropped"));
    unlisted.chain(gone).collect()
}

#[test]
fn all_that_the_generator_drops_is_listed() {
    assert_none(&unlisted(&spec()));
}

#[test]
fn every_rule_that_keeps_something_dropped_is_tested() {
    for (what, kept) in DROPPED {
        if let Rule(rule) = kept {
            assert!(rules::tested().any(|tested| tested == rule), "{what}: {rule}");
        }
    }
}

#[test]
fn a_code_is_not_empty_though_its_schema_lacks_it() {
    for code in [json!(""), json!(null), json!(1.5)] {
        assert!(serde_json::from_value::<CreateBatchTaskResponse>(json!({"code": code})).is_err(), "{code}");
    }
}

#[test]
fn a_reply_keeps_an_unknown_task_type() {
    let job: JobInfo = serde_json::from_value(json!({"taskType": 7})).unwrap();
    assert_eq!(job.task_type, Some(TaskType::Other(7)));
}
