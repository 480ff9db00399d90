//! The rules that the spec states in prose, and the code that enforces them.

use std::{collections::BTreeSet, fs, path::Path};

use chrono::{TimeDelta, Utc};
use koodrive_share::{
    Client, ClientBuilder, Credentials, ShareTask, ShareTaskBuilder, TargetDirectory, TaskHandle, TraceId, XDate,
};
use serde_json::{Value, json};
use syn::{Expr, ExprLit, ExprMethodCall, Lit, visit::Visit};

use super::{assert_none, spec, walk};

/// Rules of the wrapper about what the spec does not describe: settings, credentials, handles, and bulk
/// creation.
const OWN_RULES: [&str; 15] = [
    "app-id",
    "app-secret",
    "bare-token",
    "bounds",
    "credentials",
    "endpoint-bare",
    "endpoint-https",
    "endpoint-of-task",
    "endpoint-tls",
    "endpoint-url",
    "ledger-required",
    "root-certificates",
    "session-lifetime",
    "split-consent",
    "template",
];

/// A rule that the spec states in prose, and the error of something that breaks this rule alone.
type Broken = (&'static str, fn() -> String);

const BROKEN: [Broken; 14] = [
    ("file-ids-count", || error(task().file_ids([""; 0]).build())),
    ("file-ids-count", || error(task().file_ids(["f"; 1001]).build())),
    ("header-text", || error(client().user_id("").build())),
    ("header-text", || error(client().user_id("7\r\nX-Admin: 1").build())),
    ("header-text", || error(client().agent_name(" carrier").build())),
    ("not-empty", || error(task().share_id("").build())),
    ("not-empty", || error(task().container_id("").build())),
    ("not-empty", || error(task().file_ids([""]).build())),
    ("not-empty", || error(task().kdstoken("").build())),
    ("target-required", || from_json(json!({"taskType": 2}))),
    ("task-type", || from_json(json!({"taskType": 3}))),
    ("trace-id", || error("a".repeat(57).parse::<TraceId>())),
    ("x-date-format", || error("2025-11-03T07:01:40Z".parse::<XDate>())),
    ("zip-name-required", || from_json(json!({"taskType": 1}))),
];

fn error<T, E: ToString>(outcome: Result<T, E>) -> String {
    outcome.err().expect("a rule is broken").to_string()
}

fn task() -> ShareTaskBuilder {
    let target = TargetDirectory::root("c");
    ShareTask::dump(target).share_id("s").container_id("c").file_ids(["f"])
}

/// The error of a request's body that lacks nothing but what depends on the task's type.
fn from_json(mut body: Value) -> String {
    for (field, value) in [("shareId", json!("s")), ("containerId", json!("c")), ("fileIds", json!(["f"]))] {
        body[field] = value;
    }
    error(serde_json::from_value::<ShareTask>(body))
}

fn client() -> ClientBuilder {
    Client::builder()
        .endpoint("http://127.0.0.1:1")
        .credentials(Credentials::bearer("t0ken"))
        .user_id("7")
        .agent_name("carrier")
}

#[test]
fn the_wrapper_refuses_what_breaks_a_rule_and_names_it() {
    for (rule, broken) in BROKEN {
        let error = broken();
        let alone = error.starts_with("a rule is broken: ") || error.contains(": a rule is broken: ");
        assert!(alone && error.contains(&format!(" ({rule}); ")), "{rule}: {error}");
    }
}

/// The one rule that is checked when a request is sent, before it is.
#[tokio::test]
async fn the_wrapper_refuses_a_date_outside_the_window_and_names_the_rule() {
    for age in [TimeDelta::minutes(16), TimeDelta::minutes(-1)] {
        let task = task().x_date((Utc::now() - age).into()).build().unwrap();
        let error = client().build().unwrap().create(&task).await.unwrap_err();
        assert!(error.is_validation());
        assert!(error.to_string().contains(" (x-date-window); "), "{error}");
    }
}

#[tokio::test]
async fn the_wrapper_refuses_a_query_with_empty_fields_and_names_the_rule() {
    let handle = |task_id: &str, share_id: &str, kdstoken: &str| -> TaskHandle {
        let handle = json!({
            "taskId": task_id,
            "shareId": share_id,
            "traceId": "a".repeat(58),
            "createdAt": "2025-11-03T07:01:40Z",
            "endpoint": "http://127.0.0.1:1",
        });
        serde_json::from_value::<TaskHandle>(handle).unwrap().with_kdstoken(kdstoken)
    };
    for (handle, field) in
        [(handle("", "s", "k"), "$.taskId"), (handle("t", "", "k"), "$.shareId"), (handle("t", "s", ""), "$.kdstoken")]
    {
        let error = client().build().unwrap().status(&handle).await.unwrap_err();
        let violations = error.validation_error().unwrap().violations();
        let [violation] = violations else {
            panic!("one rule is broken, not {violations:?}");
        };
        assert_eq!((violation.path(), violation.rule()), (field, "not-empty"));
    }
}

/// The rules that the spec marks, as in "Rule `zip-name-required`, enforced by the wrapper".
fn marked(spec: &Value) -> BTreeSet<String> {
    let mut marked = BTreeSet::new();
    walk(spec, "", &mut |pointer, fields| {
        // It explains the marks by an example.
        if pointer == "/info" {
            return;
        }
        let text = fields.get("description").and_then(Value::as_str).unwrap_or_default();
        for (_, rest) in text.match_indices("Rule `").map(|(at, mark)| text.split_at(at + mark.len())) {
            let (rule, enforced) = rest.split_once('`').unwrap();
            if enforced.starts_with(", enforced by the wrapper") {
                marked.insert(rule.to_owned());
            }
        }
    });
    marked
}

/// The rules that the wrapper checks: each `….add(path, "rule", limit, given, advice)` in `src/`.
fn enforced() -> BTreeSet<String> {
    struct Rules(BTreeSet<String>);

    impl<'ast> Visit<'ast> for Rules {
        fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
            if let (true, 5, Some(Expr::Lit(ExprLit { lit: Lit::Str(rule), .. }))) =
                (call.method == "add", call.args.len(), call.args.get(1))
            {
                self.0.insert(rule.value());
            }
            syn::visit::visit_expr_method_call(self, call);
        }
    }

    let mut rules = Rules(BTreeSet::new());
    visit_sources(Path::new("../src"), &mut rules);
    rules.0
}

fn visit_sources<V: for<'ast> Visit<'ast>>(directory: &Path, visitor: &mut V) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            visit_sources(&path, visitor);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            visitor.visit_file(&syn::parse_file(&fs::read_to_string(path).unwrap()).unwrap());
        }
    }
}

/// The rules that the tests above break.
pub(super) fn tested() -> impl Iterator<Item = &'static str> {
    BROKEN.iter().map(|(rule, _)| *rule).chain(["x-date-window"])
}

/// Differences between the rules of the spec, of the wrapper, and of the tests.
pub(super) fn unmatched_rules(spec: &Value) -> Vec<String> {
    let (marked, enforced) = (marked(spec), enforced());
    let tested: BTreeSet<String> = tested().map(str::to_owned).collect();
    let own = OWN_RULES.map(str::to_owned).into();
    let unenforced = (&marked - &enforced).into_iter();
    let unenforced =
        unenforced.map(|rule| format!("rule `{rule}` is in the spec and src/ enforces no rule of that name"));
    let untested = (&marked - &tested).into_iter();
    let untested = untested.map(|rule| format!("rule `{rule}` is in the spec and nothing in BROKEN breaks it"));
    let unmarked = (&(&enforced - &marked) - &own).into_iter();
    let unmarked =
        unmarked.map(|rule| format!("rule `{rule}` is in src/ and neither marked in the spec nor in OWN_RULES"));
    let gone = (&own - &enforced).into_iter();
    let gone = gone.map(|rule| format!("rule `{rule}` is in OWN_RULES and src/ enforces no rule of that name"));
    unenforced.chain(untested).chain(unmarked).chain(gone).collect()
}

#[test]
fn every_rule_of_the_spec_is_enforced_and_tested_and_every_other_one_is_listed() {
    assert_none(&unmatched_rules(&spec()));
}
