//! The outcome of a refused creation: `Rejected` means that no task was made, and is proven.

use std::time::Duration;

use koodrive_share::{Error, Outcome, ServiceCode};
use koodrive_share_emulator::{Answer, Fault};
use serde_json::{Value, json};

use crate::support::{
    answers::AnsweringService,
    fixtures::{builder, dump},
};

const LISTED: [u32; 18] = [
    13_000_101, 13_000_102, 13_000_301, 13_000_302, 13_000_304, 13_000_305, 13_000_306, 13_000_307, 13_000_308,
    13_000_309, 13_000_310, 13_000_311, 13_000_312, 13_000_405, 13_000_406, 13_000_410, 13_000_411, 13_000_412,
];

/// Every status that a final reply may have.
fn statuses() -> impl Iterator<Item = u16> {
    // 204, 205 and 304 have no body.
    (200..=599).filter(|status| ![204, 205, 304].contains(status))
}

async fn refused(service: &AnsweringService, status: u16, body: &Value) -> Error {
    service.create(Answer::json(status, body)).await.unwrap_err()
}

/// Asserts the outcome of a code in every place and form that it may have.
async fn assert_outcome(service: &AnsweringService, status: u16, code: &str, expected: Outcome) {
    let number: Option<i64> = code.parse().ok();
    let mut bodies = vec![json!({"code": code, "msg": "no"}), json!({"error_code": code, "error_msg": "no"})];
    bodies.extend(number.map(|code| json!({"code": code, "msg": "no"})));
    for body in bodies {
        let error = refused(service, status, &body).await;
        assert_eq!(error.outcome(), expected, "{body} under {status}: {error}");
        assert_eq!(error.service_code().map(ServiceCode::as_str), Some(code), "{body}");
    }
}

#[tokio::test]
async fn status_alone_proves_a_refusal_from_400_to_498_and_of_307_and_308() {
    let service = AnsweringService::start().await;
    for status in statuses() {
        let expected = match status {
            307 | 308 | 400..=498 => Outcome::Rejected,
            _ => Outcome::Unknown,
        };
        for answer in [Answer::new(status), Answer::json(status, &json!({})), Answer::new(status).body("<html>")] {
            let error = service.create(answer).await.unwrap_err();
            assert_eq!((error.outcome(), error.status()), (expected, Some(status)), "{error}");
        }
    }
}

#[tokio::test]
async fn listed_refusal_is_proof_under_every_status() {
    let service = AnsweringService::start().await;
    for code in LISTED {
        for status in [200, 201, 302, 307, 400, 401, 403, 404, 409, 429, 499, 500, 502, 503, 504] {
            assert_outcome(&service, status, &code.to_string(), Outcome::Rejected).await;
        }
    }
    for status in statuses() {
        let error = refused(&service, status, &json!({"code": 13_000_311})).await;
        assert_eq!(error.outcome(), Outcome::Rejected, "{status}");
    }
}

#[tokio::test]
async fn further_code_of_the_series_is_proof_but_under_a_servers_error() {
    let service = AnsweringService::start().await;
    for code in ["13000000", "13000303", "13009999", "13999999"] {
        for status in [200, 302, 400, 401, 404, 499] {
            assert_outcome(&service, status, code, Outcome::Rejected).await;
        }
        for status in [500, 502, 503, 504, 599] {
            assert_outcome(&service, status, code, Outcome::Unknown).await;
        }
    }
}

#[tokio::test]
async fn code_outside_the_series_proves_nothing_under_200() {
    let service = AnsweringService::start().await;
    for code in ["-1", "1", "200", "500", "12000311", "14000311", "1300031", "130003110", "-13000311", "E13000311"] {
        assert_outcome(&service, 200, code, Outcome::Unknown).await;
        assert_outcome(&service, 500, code, Outcome::Unknown).await;
        // The status alone proves the refusal.
        assert_outcome(&service, 400, code, Outcome::Rejected).await;
    }
}

#[tokio::test]
async fn failure_inside_the_service_is_unknown_under_every_status() {
    let service = AnsweringService::start().await;
    for status in statuses() {
        let error = refused(&service, status, &json!({"code": 13_000_201, "msg": "inner server invoke failure"})).await;
        assert_eq!(error.outcome(), Outcome::Unknown, "{status}");
    }
    for status in [200, 400, 401, 403, 404, 429, 500, 503] {
        assert_outcome(&service, status, "13000201", Outcome::Unknown).await;
    }
    // The code is found beside another code, too, in either field.
    for (code, error_code) in [("400", "13000201"), ("13000101", "13000201"), ("13000201", "APIGW.0301")] {
        let error = refused(&service, 400, &json!({"code": code, "error_code": error_code})).await;
        assert_eq!(error.outcome(), Outcome::Unknown, "{code} {error_code}: {error}");
    }
    let error = refused(&service, 400, &json!({"code": "13000201"})).await;
    assert_eq!(error.service_code(), Some(&ServiceCode::InnerInvokeFailure));
    assert!(error.to_string().contains("look for the task before sending it again"), "{error}");
}

#[tokio::test]
async fn success_that_contradicts_its_status_is_unknown() {
    let service = AnsweringService::start().await;
    for status in statuses() {
        let error = refused(&service, status, &json!({"code": "0", "msg": "Success"})).await;
        assert_eq!(error.outcome(), Outcome::Unknown, "{status}");
    }
}

#[tokio::test]
async fn gateways_refusal_is_proof_but_where_the_backend_may_have_run() {
    let service = AnsweringService::start().await;
    for gateway in ["APIG", "APIGW"] {
        for status in [200, 400, 401, 403, 404, 429] {
            assert_outcome(&service, status, &format!("{gateway}.0301"), Outcome::Rejected).await;
        }
        for status in [500, 502, 503, 504] {
            assert_outcome(&service, status, &format!("{gateway}.0301"), Outcome::Unknown).await;
        }
        // These are the codes of "request entity too large", and of "the backend timed out" and the like.
        for number in ["0201", "0202", "0203"] {
            for status in statuses() {
                let expected = match status {
                    400 | 413 | 414 | 494 => Outcome::Rejected,
                    _ => Outcome::Unknown,
                };
                let body = json!({"error_code": format!("{gateway}.{number}"), "error_msg": "no"});
                let error = refused(&service, status, &body).await;
                assert_eq!(error.outcome(), expected, "{body} under {status}");
            }
        }
    }
}

#[tokio::test]
async fn task_beside_any_refusal_is_unknown_and_told() {
    let service = AnsweringService::start().await;
    let refusals = [
        json!({"code": 13_000_312, "msg": "some files exist"}),
        json!({"code": "13009999"}),
        json!({"code": -1}),
        json!({"code": "13000201"}),
        json!({"error_code": "APIGW.0308", "error_msg": "throttled"}),
        json!({"error_code": "APIG.0201"}),
        json!({"msg": "no"}),
    ];
    for mut body in refusals {
        for task_id in [json!("7001"), json!(7001)] {
            body["taskId"] = task_id;
            for status in [200, 307, 400, 401, 403, 408, 429, 499, 500, 503] {
                let error = refused(&service, status, &body).await;
                assert_eq!((error.outcome(), error.task_id()), (Outcome::Unknown, Some("7001")), "{body} {status}");
                assert!(error.to_string().contains("7001"), "{error}");
                assert!(!error.is_retryable() && !error.is_refused(), "{body} {status}");
            }
        }
    }
}

#[tokio::test]
async fn gateways_throttling_is_throttling_under_every_status_and_is_sent_again() {
    for code in ["APIGW.0308", "APIG.0308"] {
        for status in [200, 400, 403, 429, 503] {
            let service = AnsweringService::start().await;
            let throttled = Answer::gateway(status, code, "slow down").header("Retry-After", "0");
            let error = service.create(throttled.clone()).await.unwrap_err();
            let verdict = (error.outcome(), error.is_throttled(), error.is_retryable());
            assert_eq!(verdict, (Outcome::Rejected, true, true), "{code} under {status}: {error}");
            assert!(error.to_string().contains("wait, then send fewer requests at a time"), "{error}");
            service.emulator.fail_next(Fault::Reply(throttled));
            let client = builder(&service.emulator).max_attempts(2).build().unwrap();
            client.create(&dump().build().unwrap()).await.unwrap();
            // The requests are the one above, the refused attempt, and its retry.
            assert_eq!(
                (service.emulator.request_count(), service.emulator.tasks().len()),
                (3, 1),
                "{code} under {status}"
            );
        }
    }
}

#[tokio::test]
async fn wait_that_is_asked_for_may_have_a_fraction_and_the_longest_counts() {
    let service = AnsweringService::start().await;
    let cases: [(&[&str], Option<u64>); 9] = [
        (&["2.5"], Some(2_500)),
        (&["0.001"], Some(1)),
        (&["3", "10", "7"], Some(10_000)),
        (&["3", "10.5"], Some(10_500)),
        (&["3, 10"], Some(10_000)),
        (&["soon", "4"], Some(4_000)),
        (&["Thu, 01 Jan 2026 00:00:07 GMT", "5"], Some(7_000)),
        (&["Thu, 01 Jan 2026 00:00:07 GMT", "9"], Some(9_000)),
        (&["soon", "-1", "NaN"], None),
    ];
    for (values, millis) in cases {
        let throttled = Answer::gateway(429, "APIGW.0308", "no").header("Date", "Thu, 01 Jan 2026 00:00:00 GMT");
        let throttled = values.iter().fold(throttled, |answer, value| answer.header("Retry-After", *value));
        let error = service.create(throttled).await.unwrap_err();
        assert_eq!(error.retry_after(), millis.map(Duration::from_millis), "{values:?}");
    }
}

#[tokio::test]
async fn refused_query_is_judged_without_what_it_cannot_have_done() {
    let service = AnsweringService::start().await;
    // The refusal of a query may name the queried task.
    let body = json!({"code": "13000410", "msg": "no right", "taskId": "7001"});
    let error = service.status("7001", Answer::json(400, &body)).await.unwrap_err();
    assert_eq!((error.outcome(), error.is_retryable()), (Outcome::Rejected, false));
    // A query that failed inside the service may be retried.
    let body = json!({"code": 13_000_201, "msg": "inner server invoke failure"});
    for status in [200, 400, 500] {
        let error = service.status("7001", Answer::json(status, &body)).await.unwrap_err();
        assert!(error.is_retryable(), "{status}: {error}");
    }
}

#[tokio::test]
async fn advice_follows_the_vendors_remedy() {
    let service = AnsweringService::start().await;
    for code in [13_000_304, 13_000_307, 13_000_308, 13_000_309] {
        let error = refused(&service, 400, &json!({"code": code})).await.to_string();
        assert!(error.contains("send it again later") && error.contains("support"), "{code}: {error}");
    }
    let error = refused(&service, 400, &json!({"code": 13_000_312})).await.to_string();
    assert!(error.contains("leave the file out, since the target has it"), "{error}");
    for code in LISTED {
        let error = refused(&service, 400, &json!({"code": code})).await;
        let advice = error.service_code().unwrap().advice().unwrap();
        assert!(error.to_string().contains(advice), "{code}: {error}");
    }
}

#[tokio::test]
async fn refusal_in_the_form_whose_fields_are_not_public_shows_it() {
    let service = AnsweringService::start().await;
    for (status, expected) in [(400, Outcome::Rejected), (200, Outcome::Unknown), (500, Outcome::Unknown)] {
        let body = json!({"error": {"reason": "no such space there", "url": "https://a.invalid/b?token=1"}});
        let error = refused(&service, status, &body).await;
        assert_eq!(error.outcome(), expected, "{error}");
        let message = error.message().unwrap();
        assert!(message.contains("no such space") && !message.contains("token=1"), "{message}");
    }
    let error = refused(&service, 400, &json!({"msg": "first", "error": {"reason": "second"}})).await;
    assert_eq!(error.message(), Some("first"));
}

#[tokio::test]
async fn refusal_that_is_no_json_shows_the_start_of_its_text() {
    let service = AnsweringService::start().await;
    for status in [400, 401, 403, 404, 500, 502] {
        let text = "\n <html><h1>Blocked by policy 7</h1></html>\n";
        let error = service.create(Answer::new(status).body(text)).await.unwrap_err();
        assert_eq!(error.message(), Some("Blocked by policy 7"), "{status}");
        assert!(error.to_string().contains("Blocked by policy 7"), "{error}");
    }
    // This is how Apache's pages begin.
    let page = "<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 4.01//EN\" \"http://www.w3.org/TR/html4/strict.dtd\">\n\
        <html><head>\n<title>403 Forbidden</title>\n</head><body>\n<p>You don't have\r\npermission.<br />\r\n</p>";
    let error = service.create(Answer::new(403).body(page)).await.unwrap_err();
    assert_eq!(error.message(), Some("403 Forbidden You don't have permission."));
    let page = "<p>At</p>\n<p>https://h/pa<wbr>ge?<b><i>sig</i>=secret</b> it <br>is gone, see https://h/ <b>or</b>\nleave</p>";
    let error = service.create(Answer::new(403).body(page)).await.unwrap_err();
    assert_eq!(error.message(), Some("At *** it is gone, see *** or leave"));
    let long = "x".repeat(100_000);
    let error = service.create(Answer::new(403).body(long)).await.unwrap_err();
    let shown = error.message().unwrap().chars().count();
    assert!((100..=1_000).contains(&shown), "{shown} characters");
    let error = service.create(Answer::new(403).body("a\u{1b}[31m\r\n\u{202e}b")).await.unwrap_err();
    assert_eq!(error.message(), Some("a\\u{1b}[31m\\r\\n\\u{202e}b"));
    let error = service.create(Answer::new(403).body(b"\xb3\xc9 denied")).await.unwrap_err();
    assert!(error.message().unwrap().ends_with(" denied"), "{error}");
    let utf16: Vec<u8> = "\u{feff}{\"code\":1}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let error = service.create(Answer::new(403).body(utf16)).await.unwrap_err();
    assert_eq!(error.message(), None);
    let error = service.create(Answer::new(403).body(" \n")).await.unwrap_err();
    assert_eq!(error.message(), None);
}

#[test]
fn code_is_written_as_a_number_where_that_keeps_its_digits() {
    for (code, written) in [("0", json!(0)), ("13000001", json!(13_000_001)), ("0013", json!("0013"))] {
        assert_eq!(serde_json::to_value(ServiceCode::from(code)).unwrap(), written);
    }
    assert_eq!(serde_json::to_value(ServiceCode::from("APIGW.0308")).unwrap(), "APIGW.0308");
}

#[tokio::test]
async fn text_that_sets_a_secret_is_not_shown_in_whatever_form() {
    let service = AnsweringService::start().await;
    for (text, is_shown) in [
        ("<pre>{&quot;kdstoken&quot;:&quot;secret7&quot;}</pre>", false),
        ("<pre>{&#34;downloadUrl&#34;:&#34;https:&#x2F;&#x2F;h&#x2F;p?sig&#x3D;secret7&#34;}</pre>", false),
        (r#"cannot pass on {\"kdstoken\":\"secret7\"}"#, false),
        ("{'kdstoken': 'secret7'}.", false),
        ("failed: kdstoken=secret7", false),
        ("the kdstoken has lapsed: no kdstoken", true),
    ] {
        // Text that begins like an object is never shown.
        let error = service.create(Answer::new(403).body(format!("- {text}"))).await.unwrap_err();
        assert_eq!(error.message().is_some(), is_shown, "{error}");
    }
}

#[tokio::test]
async fn body_is_compressed_if_a_header_says_so_and_there_is_one() {
    let service = AnsweringService::start().await;
    let refusal = async |status, encodings: &[&str], body: &str| {
        let answer = encodings.iter().fold(Answer::new(status), |answer, it| answer.header("Content-Encoding", *it));
        let error = service.create(answer.body(body.to_owned())).await.unwrap_err();
        (error.message().map(str::to_owned), error.to_string())
    };
    let (message, _) = refusal(502, &[""], "gone").await;
    assert_eq!(message.as_deref(), Some("gone"));
    for (status, encodings, body, expected) in [
        (502, &["identity", "br"][..], "gone", "its body is compressed (br), which was not asked for"),
        (502, &["gzip"], "", "its body is empty"),
        (302, &["gzip"], "moved", "it is a redirect, and none is followed"),
    ] {
        let (message, error) = refusal(status, encodings, body).await;
        assert!(message.is_none() && error.contains(expected), "{message:?} {error}");
    }
}
