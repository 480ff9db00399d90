//! Any reply becomes a success, or an error whose outcome is right, that is safe for a terminal, and that leaks no
//! secret.
//!
//! An input is four lines (status, `Date`, `Retry-After`, `X-request-id`) and the body after them, as in
//! `tests/testdata/replies`.

#![no_main]

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use koodrive_share::{Outcome, ServiceCode, ShareTask, fuzzing::read_reply};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

/// A token that a header can hold, and a kdstoken with characters of each kind that JSON and `Debug` escape.
const SECRETS: [&str; 2] = ["bearer-CANARY", "kds\"\\\u{e9}\nCANARY"];

/// A part of each secret. A text without it shows no whole secret.
const CANARY: &str = "CANARY";

const HEADERS: [HeaderName; 3] = [header::DATE, header::RETRY_AFTER, HeaderName::from_static("x-request-id")];

thread_local! {
    static TASK: ShareTask = ShareTask::package_download("photos.zip")
        .share_id("s")
        .container_id("c")
        .file_ids(["f"])
        .build()
        .expect("a task that keeps the rules");
}

/// Whether a body names a task, as far as plain JSON tells.
fn names_task(json: Option<&Value>) -> bool {
    match json.map(|json| &json["taskId"]) {
        Some(Value::String(id)) => !matches!(&*id.trim().to_ascii_lowercase(), "" | "0" | "-1" | "null" | "none"),
        Some(Value::Number(id)) => ![Some(0.0), Some(-1.0)].contains(&id.as_f64()),
        _ => false,
    }
}

fuzz_target!(|input: &[u8]| {
    let mut parts = input.splitn(5, |byte| *byte == b'\n');
    let status = parts.next().and_then(|status| StatusCode::from_bytes(status).ok());
    let Some(status) = status else { return };
    let mut headers = HeaderMap::new();
    for name in HEADERS {
        let value = parts.next().and_then(|value| HeaderValue::from_bytes(value).ok());
        if let Some(value) = value {
            headers.insert(name, value);
        }
    }
    let body = parts.next().unwrap_or_default();
    // The conversion is lossy, since the library accepts bytes that are not UTF-8 in a field that it does not read.
    let json: Option<Value> = serde_json::from_str(&String::from_utf8_lossy(body)).ok();
    let body = Bytes::from(String::from_utf8_lossy(body).into_owned());
    let outcome = TASK.with(|task| read_reply(task, status, &headers, body.clone(), &SECRETS));

    let Err(error) = outcome else {
        assert!(status.is_success(), "success under {status}");
        return;
    };
    let code = error.service_code();
    let inner = code == Some(&ServiceCode::InnerInvokeFailure);
    let listed = code.is_some_and(|code| code.advice().is_some()) && !inner;
    match error.outcome() {
        Outcome::NotSent => panic!("there is a reply, so it was sent"),
        Outcome::Rejected => {
            assert!(code != Some(&ServiceCode::Success) && !inner, "{code:?} is no refusal");
            assert!(code.is_some() || !status.is_success(), "nothing says no");
            assert!(error.task_id().is_none() && !names_task(json.as_ref()), "a task is named");
            assert!(listed || error.is_throttled() || !status.is_server_error(), "{status} settles nothing");
        }
        Outcome::Unknown => {
            assert!(!error.is_retryable(), "a second attempt may make a second task");
            let names_task = error.task_id().is_some() || json.is_none();
            assert!(!listed || names_task, "the reference lists the code");
        }
    }
    // A canary outside of a whole secret was made by the fuzzer, and so may be one in the markup of a page.
    let mut echoed = vec![String::from_utf8_lossy(&body).into_owned()];
    let members = json.iter().flat_map(Value::as_object).flatten();
    echoed.extend(members.filter_map(|(_, value)| value.as_str().map(str::to_owned)));
    let values = headers.values().filter_map(|value| value.to_str().ok());
    echoed.extend(values.map(str::to_owned));
    let has_other_canary = |text: &String| {
        let text = SECRETS.iter().fold(text.clone(), |text, secret| text.replace(secret, "*"));
        text.contains(CANARY)
    };
    let has_other_canary = echoed.iter().any(has_other_canary) || body.contains(&b'<');
    let shown = [error.to_string(), format!("{error:?}"), format!("{error:#?}")];
    assert!(has_other_canary || shown.iter().all(|text| !text.contains(CANARY)), "{}", shown[1]);
    assert!(!shown[0].chars().any(char::is_control), "{:?}", shown[0]);
    let limit = |text: Option<&str>| assert!(text.is_none_or(|text| text.len() < 16_000));
    limit(error.message());
    limit(error.request_id());
    limit(code.map(ServiceCode::as_str));
});
