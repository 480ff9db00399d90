//! Properties of every task: the wrapper, the emulator and the API document agree on which requests are valid.

use std::{cell::RefCell, sync::LazyLock};

use jsonschema::Validator;
use koodrive_share::{Credentials, ShareTask, ShareTaskBuilder, TargetDirectory};
use koodrive_share_emulator::EmulatedTask;
use proptest::{
    collection::vec,
    option,
    prelude::*,
    sample::select,
    test_runner::{Config, TestRunner},
};
use serde_json::{Value, json};

use crate::support::fixtures::{builder, strict_emulator};

/// The document's schema of a request, within the document, so that its references can be followed.
static SCHEMA: LazyLock<Validator> = LazyLock::new(|| {
    let document = include_str!("../../openapi/koodrive-share.json");
    let mut schema: Value = serde_json::from_str(document).unwrap();
    schema["$ref"] = json!("#/components/schemas/CreateBatchTaskRequest");
    jsonschema::validator_for(&schema).unwrap()
});

/// Texts that may be an id or a name, and some that may not.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![4 => ".{1,20}", 1 => "\\PC{0,3}", 1 => Just("root".to_owned())]
}

fn task() -> impl Strategy<Value = ShareTaskBuilder> {
    let begun = prop_oneof![
        text().prop_map(ShareTask::package_download),
        (text(), text()).prop_map(|(file, space)| ShareTask::dump(TargetDirectory::new(file, space))),
    ];
    let count = prop_oneof![8 => 0..4_usize, 1 => 998..1003_usize];
    let ids = count.prop_flat_map(|count| vec(text(), count));
    (begun, text(), text(), ids, option::of(text())).prop_map(|(task, share, space, ids, kdstoken)| {
        let task = task.share_id(share).container_id(space).file_ids(ids);
        match kdstoken {
            Some(kdstoken) => task.kdstoken(kdstoken),
            None => task,
        }
    })
}

/// The body of a request, with members that are right, missing, or of another kind.
fn body() -> impl Strategy<Value = Value> {
    let ids =
        (prop_oneof![8 => 0..4_usize, 1 => 998..1003_usize], text()).prop_map(|(count, id)| json!(vec![id; count]));
    let target = json!({"fileId": "root", "containerId": "own"});
    let spoilt_target = prop_oneof![
        Just(json!({"fileId": "root"})),
        Just(json!({"fileId": "", "containerId": "own"})),
        Just(json!({"fileId": "root", "containerId": 1})),
    ];
    let task_type = select(vec![json!(1), json!(2), json!(0), json!(3), json!(-1), json!(1.5), json!("1")]);
    let members = (
        member(prop_oneof![2 => select(vec![json!(1), json!(2)]), 1 => task_type]),
        member(text().prop_map(Value::from)),
        member(prop_oneof![4 => ids, 1 => vec(other(), 1..3).prop_map(Value::from)]),
        member(text().prop_map(Value::from)),
        member(prop_oneof![3 => Just(target), 1 => spoilt_target]),
        member(text().prop_map(Value::from)),
        member(text().prop_map(Value::from)),
    );
    members.prop_map(|(task_type, space, ids, share, target, zip, kdstoken)| {
        let members = [
            ("taskType", task_type),
            ("containerId", space),
            ("fileIds", ids),
            ("shareId", share),
            ("targetFileId", target),
            ("zipName", zip),
            ("kdstoken", kdstoken),
        ];
        let present = members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        Value::Object(present.collect())
    })
}

fn member(right: impl Strategy<Value = Value>) -> impl Strategy<Value = Option<Value>> {
    prop_oneof![12 => right.prop_map(Some), 1 => Just(None), 1 => other().prop_map(Some)]
}

/// A value of any kind.
fn other() -> impl Strategy<Value = Value> {
    select(vec![Value::Null, json!(true), json!(7), json!(""), json!("x"), json!([]), json!({}), json!(["x", ""])])
}

/// Whether a body keeps the rules that the reference states only in prose.
fn keeps_prose_rules(body: &Value) -> bool {
    match body["taskType"].as_i64() {
        Some(1) => body["zipName"].is_string(),
        Some(2) => body["targetFileId"].is_object(),
        _ => false,
    }
}

#[test]
fn every_task_that_builds_is_taken_by_emulator_and_schema() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let emulator = strict_emulator().app("app-id", "app secret").start();
    let emulator = runtime.block_on(emulator).unwrap();
    // The client signs, so that the emulator also verifies a signature over each body.
    let credentials = Credentials::app("app-id", "app secret");
    let client = builder(&emulator).credentials(credentials).build().unwrap();
    let run = runner(256).run(&task(), |task| {
        let Ok(task) = task.build() else {
            return Ok(());
        };
        let created = runtime.block_on(client.create(&task));
        prop_assert!(created.is_ok(), "{created:?}");
        let body = emulator.tasks().last().and_then(EmulatedTask::body).unwrap();
        prop_assert!(SCHEMA.is_valid(&body) && keeps_prose_rules(&body), "{body}");
        Ok(())
    });
    run.unwrap();
    let taken = emulator.tasks().len();
    assert!(taken > 50, "only {taken} of 256 were built");
}

#[test]
fn every_body_that_the_rules_refuse_does_not_build_and_every_other_does() {
    let both = RefCell::new([0, 0]);
    let run = runner(4_000).run(&body(), |body| {
        // A null is read as a missing member, and isn't sent.
        let mut meant = body.clone();
        let members = meant.as_object_mut().unwrap();
        members.retain(|_, value| !value.is_null());
        let allowed = SCHEMA.is_valid(&meant) && keeps_prose_rules(&meant);
        let task = serde_json::from_value::<ShareTask>(body.clone());
        prop_assert_eq!(task.is_ok(), allowed, "{}: {:?}", body, task);
        both.borrow_mut()[usize::from(allowed)] += 1;
        Ok(())
    });
    run.unwrap();
    let [refused, allowed] = both.into_inner();
    assert!(refused > 200 && allowed > 200, "{refused} were refused and {allowed} allowed");
}

/// The runner keeps no file of failures: its output on a failure is enough to write a test from.
fn runner(cases: u32) -> TestRunner {
    TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() })
}
