//! The JSON Schema of a request.

use schemars::{
    JsonSchema,
    r#gen::{SchemaGenerator, SchemaSettings},
    schema::Schema,
};
use serde_json::{Value, json};

use crate::{
    credentials::RequestSecret,
    generated::{request_limits, types::CreateBatchTaskRequest},
    share_task::{ShareTask, TaskType},
};

/// Implements `JsonSchema` for types, with the schema of the type that they are deserialised from.
macro_rules! schema_of {
    ($($ours:ident as $wire:ty;)+) => {$(
        impl JsonSchema for $ours {
            fn schema_name() -> String {
                stringify!($ours).to_owned()
            }

            fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                <$wire>::json_schema(generator)
            }
        }
    )+};
}

schema_of! {
    RequestSecret as String;
    TaskType as i64;
}

impl ShareTask {
    /// Returns the JSON Schema (draft 7) of a request's body, for a form, a config file or the arguments of a tool.
    ///
    /// ```
    /// # use koodrive_share::ShareTask;
    /// let schema = ShareTask::json_schema();
    /// assert_eq!(schema["properties"]["fileIds"]["maxItems"], 1000);
    /// println!("{schema:#}");
    /// ```
    ///
    /// The schema contains all rules, including those between fields. It accepts the same JSON as the `Deserialize` of
    /// `ShareTask`, including unknown fields and `null` for an absent optional field. There is one difference: a schema
    /// takes `1.0` for the integer 1, but `ShareTask` does not.
    pub fn json_schema() -> Value {
        let mut settings = SchemaSettings::draft07();
        settings.inline_subschemas = true;
        let derived = settings.into_generator().into_root_schema_for::<CreateBatchTaskRequest>();
        let mut schema = json!(derived);
        merge(&mut schema, request_limits());
        merge(&mut schema, rules());
        schema
    }
}

/// Returns the rules between fields, which the spec cannot express.
fn rules() -> Value {
    json!({
        "title": "ShareTask",
        "allOf": [
            required_for(TaskType::PackageDownload, "zipName", "string"),
            required_for(TaskType::Dump, "targetFileId", "object"),
        ],
    })
}

/// Makes an optional field mandatory for tasks of a type: it must be present and not `null`.
fn required_for(task_type: TaskType, field: &str, json_type: &str) -> Value {
    json!({
        "if": {"properties": {"taskType": {"const": i64::from(task_type)}}},
        "then": {"properties": {field: {"type": json_type}}, "required": [field]},
    })
}

fn merge(schema: &mut Value, more: Value) {
    match (schema, more) {
        (Value::Object(schema), Value::Object(more)) => {
            for (keyword, value) in more {
                merge(schema.entry(keyword).or_insert(Value::Null), value);
            }
        }
        (schema, more) => *schema = more,
    }
}
