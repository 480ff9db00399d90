//! Any reply becomes a success or an error that can be believed, is fit for a terminal, and leaks nothing.
//!
//! An input is four lines (status, `Date`, `Retry-After`, `X-request-id`) and the body after them, as in
//! `tests/testdata/replies`.

#![no_main]

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use koodrive_share::{Outcome, ServiceCode, fuzzing::read_reply};
use libfuzzer_sys::fuzz_target;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::Value;

/// As in use: a token that a header can hold, and a kdstoken with all that JSON and `Debug` escape.
const SECRETS: [&str; 2] = ["bearer-CANARY", "kds\"\\\u{e9}\nCANARY"];

/// What no secret is shown without.
const CANARY: &str = "CANARY";

const HEADERS: [HeaderName; 3] = [header::DATE, header::RETRY_AFTER, HeaderName::from_static("x-request-id")];

/// An answer. Its fields have their order, since an array may hold them, too.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    #[allow(dead_code, reason = "read for its place")]
    code: IgnoredAny,
    #[allow(dead_code, reason = "read for its place")]
    msg: Option<String>,
    task_id: Option<String>,
}

/// What a reply may hold beside its code.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Beside {
    task_id: Option<Value>,
    #[allow(dead_code, reason = "read to see whether it can be")]
    job_info: Option<Value>,
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
    // Lossy, since bytes that are no UTF-8 are passed over in a field that nobody reads.
    let json: Option<Value> = serde_json::from_str(&String::from_utf8_lossy(body)).ok();
    let outcome = read_reply(status, &headers, Bytes::copy_from_slice(body), &SECRETS);

    let answer: Option<Answer> = serde_json::from_slice(body).ok();
    let names_a_task =
        |answer: Option<Answer>| answer.is_some_and(|answer| answer.task_id.is_some_and(|id| !id.is_empty()));
    let Err(error) = outcome else {
        assert!(status.is_success(), "success under {status}");
        assert!(names_a_task(answer), "success without a task");
        return;
    };
    let code = error.service_code();
    let listed = code.is_some_and(|code| code.advice().is_some());
    let is_object = body.trim_ascii_start().starts_with(b"{");
    let beside: Option<Beside> = serde_json::from_slice(body).ok().filter(|_| is_object);
    let may_name_a_task = match &beside {
        Some(beside) => beside.task_id.as_ref().is_some_and(|id| id != ""),
        // An answer whose other fields nobody reads.
        None if status.is_success() && answer.is_some() => names_a_task(answer),
        // It cannot be read as a whole, or has the same field twice.
        None => is_object,
    };
    match error.outcome() {
        Outcome::NotSent => panic!("there is a reply, so it was sent"),
        Outcome::Rejected => {
            assert_ne!(code, Some(&ServiceCode::Success), "success is no refusal");
            assert!(code.is_some() || !status.is_success(), "nothing says no");
            assert!(listed || !may_name_a_task, "a task is named");
            assert!(listed || !status.is_server_error(), "{status} settles nothing");
            let gateway = json.as_ref().is_none_or(|json| json["code"].is_null());
            let number = code.is_none_or(|code| code.as_str().parse::<f64>().is_ok());
            assert!(gateway || number || !status.is_success(), "no number, and no gateway");
        }
        Outcome::Unknown => {
            assert!(!listed, "the reference lists the code");
            let contradiction = code == Some(&ServiceCode::Success);
            assert!(
                contradiction || may_name_a_task || status == 499 || !status.is_client_error(),
                "{status} is a refusal"
            );
        }
    }
    // A canary that is no part of a whole secret is the fuzzer's own.
    let mut echoed = vec![String::from_utf8_lossy(body).into_owned()];
    let members = json.iter().flat_map(Value::as_object).flatten();
    echoed.extend(members.filter_map(|(_, value)| value.as_str().map(str::to_owned)));
    let values = headers.values().filter_map(|value| value.to_str().ok());
    echoed.extend(values.map(str::to_owned));
    let holds_a_stranger = |text: &String| {
        let text = SECRETS.iter().fold(text.clone(), |text, secret| text.replace(secret, ""));
        text.contains(CANARY)
    };
    let strangers = echoed.iter().any(holds_a_stranger);
    let shown = [error.to_string(), format!("{error:?}"), format!("{error:#?}")];
    assert!(strangers || shown.iter().all(|text| !text.contains(CANARY)), "{}", shown[1]);
    assert!(!shown[0].chars().any(char::is_control), "{:?}", shown[0]);
    let limit = |text: Option<&str>| assert!(text.is_none_or(|text| text.len() < 16_000));
    limit(error.message());
    limit(error.request_id());
    limit(code.map(ServiceCode::as_str));
});
