//! The rules of the wrapper: each of them refuses what breaks it. `crates/spec` checks that the spec marks them.

use std::{collections::BTreeSet, time::Duration};

use chrono::{TimeDelta, Utc};
use futures_util::FutureExt;
use koodrive_share::{
    BulkPolicy, Client, ClientBuilder, Credentials, Poller, ShareLink, ShareTask, ShareTaskBuilder, TargetDirectory,
    TaskHandle, TraceId, XDate,
};
use serde_json::{Value, json};

#[path = "../../../src/rules.rs"]
#[allow(unreachable_pub, reason = "the library's file")]
mod list;

/// A rule, and the error of something that breaks it alone.
type Broken = (&'static str, fn() -> String);

/// All rules, except those that are checked when a request is sent; they have a test of their own below.
const BROKEN: &[Broken] = &[
    ("file-ids-count", || error(task().file_ids([""; 0]).build())),
    ("file-ids-count", || error(task().file_ids(["f"; 1001]).build())),
    ("header-text", || error(client().user_id("").build())),
    ("header-text", || error(client().user_id("7\r\nX-Admin: 1").build())),
    ("header-text", || error(client().agent_name(" carrier").build())),
    ("not-empty", || error(task().share_id("").build())),
    ("not-empty", || error(task().container_id("").build())),
    ("not-empty", || error(task().file_ids([""]).build())),
    ("not-empty", || error(task().kdstoken("").build())),
    ("not-empty", || {
        from_json(json!({"taskType": 2, "targetFileId": {"fileId": "root", "containerId": "c"}, "zipName": ""}))
    }),
    ("share-link", || error("https://drive.example.com/file/7".parse::<ShareLink>())),
    ("target-required", || from_json(json!({"taskType": 2}))),
    ("task-type", || from_json(json!({"taskType": 3}))),
    ("trace-id", || error("a".repeat(57).parse::<TraceId>())),
    ("x-date-format", || error("2025-11-03T07:01:40Z".parse::<XDate>())),
    ("zip-name-required", || from_json(json!({"taskType": 1}))),
    ("app-id", || error(client().credentials(Credentials::app("a,b", "secret")).build())),
    ("app-secret", || error(client().credentials(Credentials::app("a", "secret\n")).build())),
    ("backdate", || error(client().backdate(Duration::from_secs(601)).build())),
    ("bare-token", || error(client().credentials(Credentials::bearer("Bearer t")).build())),
    ("client-certificate", || {
        let key_alone = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        error(client().client_certificate(key_alone).build())
    }),
    ("concurrency", || error(BulkPolicy::default().concurrency(101).validate())),
    ("rate", || error(BulkPolicy::default().rate(0, Duration::from_secs(1)).validate())),
    ("connect-timeout", || error(client().connect_timeout(Duration::from_secs(30)).build())),
    ("credentials", || error(Client::builder().endpoint("http://127.0.0.1:1").user_id("7").agent_name("c").build())),
    ("endpoint-bare", || error(client().endpoint("http://u:p@127.0.0.1:1").build())),
    ("endpoint-bare", || error(client().endpoint("http://127.0.0.1:1?q").build())),
    ("endpoint-https", || error(client().endpoint("http://example.com").build())),
    #[cfg(not(any(feature = "rustls", feature = "native-tls")))]
    ("endpoint-tls", || error(client().endpoint("https://127.0.0.1:1").build())),
    ("endpoint-url", || error(client().endpoint("127.0.0.1:1").build())),
    ("idle-timeout", || error(client().idle_timeout(Duration::from_secs(86_401)).build())),
    ("interval", || poll_error(|poller| poller.interval(Duration::ZERO))),
    ("ledger-required", || error(BulkPolicy::default().resend_unknown(true).validate())),
    ("max-attempts", || error(client().max_attempts(11).build())),
    ("max-concurrent-requests", || error(client().max_concurrent_requests(0).build())),
    ("max-reply-bytes", || error(client().max_reply_bytes(1023).build())),
    ("proxy", || error(client().proxy("socks://127.0.0.1:1").build())),
    ("renewal-timeout", || error(client().renewal_timeout(Duration::ZERO).build())),
    ("request-headers", || error(client().request_headers([("Host", "h")]).build())),
    ("root-certificates", || error(client().root_certificates(*b"DER").build())),
    ("session-lifetime", || poll_error(|poller| poller.max_interval(Duration::from_secs(1_141)))),
    ("template", || error(client().build().unwrap().create_bulk(task(), ["f"]))),
    ("timeout", || error(client().timeout(Duration::from_secs(86_401)).build())),
];

/// Rules that are broken by tests of their own, here, in `bulk`, in `client_builder`, in `download` and in `share`.
const BROKEN_ELSEWHERE: &[&str] = &[
    "client-certificate",
    "download-path",
    "download-url",
    "endpoint-of-task",
    "one-space",
    "page-size",
    "request-headers",
    "split-consent",
    "stall-timeout",
    "task-of-chunk",
    "unknown-chunk",
    "x-date-window",
];

fn error<T, E: ToString>(outcome: Result<T, E>) -> String {
    outcome.err().expect("a rule is broken").to_string()
}

/// The error of a poller that polls nothing.
fn poll_error(set: impl FnOnce(Poller) -> Poller) -> String {
    let client = client().build().unwrap();
    let polled = set(client.poller(client.handle("7001", "s"))).until_done().now_or_never();
    polled.expect("nothing is sent").unwrap_err().error().unwrap().to_string()
}

fn task() -> ShareTaskBuilder {
    let target = TargetDirectory::root("c");
    ShareTask::dump(target).share_id("s").container_id("c").file_ids(["f"])
}

/// The error of a request's body, to which the fields are added that do not depend on the task's type.
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

/// This is the only rule that is checked when a request is about to be sent.
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
        assert_eq!((&*violation.path, violation.rule), (field, "not-empty"));
    }
}

fn names(rules: &[list::Rule]) -> BTreeSet<String> {
    rules.iter().map(|rule| rule.name.to_owned()).collect()
}

#[test]
fn every_rule_is_broken_by_a_test() {
    let all = &names(list::OF_REQUESTS) | &names(list::OF_SETTINGS);
    let broken = BROKEN.iter().map(|(rule, _)| *rule).chain(BROKEN_ELSEWHERE.iter().copied());
    let mut broken: BTreeSet<String> = broken.map(str::to_owned).collect();
    // Only a build without TLS can break this rule.
    broken.insert("endpoint-tls".to_owned());
    let unbroken = &all - &broken;
    assert!(unbroken.is_empty(), "no test breaks {unbroken:?}: break it in BROKEN of tests/it/spec/rules.rs");
    let unknown = &broken - &all;
    assert!(unknown.is_empty(), "src/rules.rs has no {unknown:?}: take it out of BROKEN or BROKEN_ELSEWHERE");
}

/// The table of CONTRIBUTING.md names the rules as the wrapper does, and has all rules of requests.
#[test]
fn rules_of_the_table_are_those_of_the_wrapper() {
    let contributing = include_str!("../../../CONTRIBUTING.md");
    let table = contributing.split("## Rules").nth(1).unwrap().split("\n## ").next().unwrap();
    let cells = table.lines().filter_map(|row| row.split('|').nth(2));
    let wrapper = cells.filter_map(|cell| cell.split("wrapper").nth(1));
    let named: BTreeSet<String> = wrapper.filter_map(|cell| Some(cell.split('`').nth(1)?.to_owned())).collect();
    let known = &names(list::OF_REQUESTS) | &names(list::OF_SETTINGS);
    let unknown = &named - &known;
    assert!(unknown.is_empty(), "src/rules.rs has no {unknown:?}: correct the table of CONTRIBUTING.md");
    let unlisted = &names(list::OF_REQUESTS) - &named;
    assert!(unlisted.is_empty(), "the table of CONTRIBUTING.md lacks {unlisted:?}: add a row for each, with its test");
}
