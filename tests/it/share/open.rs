//! Opening a share: the calls that are sent, and the errors of each.

use std::{sync::Mutex, time::Duration};

use chrono::{TimeDelta, Utc};
use futures_util::TryStreamExt;
use koodrive_share::{AccessToken, Client, Credentials, Error, Outcome, Share, ShareLink, SharePermission, ShareTask};
use koodrive_share_emulator::{Answer, EmulatedShare, Emulator, Fault};
use serde_json::{Value, json};

use crate::support::{
    fixtures::{KDSTOKEN, SPACE, client, strict_emulator},
    share::{CODE, link, open, paths, with_share},
};

fn client_with(emulator: &Emulator, credentials: Credentials) -> Client {
    let builder = Client::builder().endpoint(emulator.endpoint()).credentials(credentials);
    builder.user_id("7").agent_name("carrier").build().unwrap()
}

async fn refused(share: EmulatedShare, extract_code: Option<&str>) -> (Error, Emulator) {
    let emulator = with_share(share).await;
    let error = client(&emulator).open_share(&link(), extract_code).await.unwrap_err();
    assert!(emulator.tasks().is_empty());
    (error, emulator)
}

#[tokio::test]
async fn the_example_share_is_opened_with_all_that_a_task_needs() {
    let emulator = strict_emulator().start().await.unwrap();
    let share =
        client(&emulator).open_share(&EmulatedShare::example().link().parse().unwrap(), Some(CODE)).await.unwrap();
    assert_eq!(share.id(), "1808628918186415616");
    assert_eq!(share.container_id(), Some(SPACE));
    assert_eq!(share.owner_name(), Some("owner"));
    assert_eq!(share.expires().unwrap().to_rfc3339(), "2099-12-31T16:00:00+00:00");
    assert_eq!(share.status(), Some(0));
    let SharePermission { preview, edit, download, .. } = share.permission();
    assert_eq!((preview, edit, download), (Some(true), Some(false), Some(true)));
    assert_eq!(share.expose_kdstoken(), Some(KDSTOKEN));
    assert_eq!(
        paths(&emulator),
        [
            "GET /koodrive/ose/v1/share/userInfo?shortUrl=1808628918203192832",
            "POST /koodrive/ose/v1/share/verify",
            "POST /koodrive/ose/v1/share/files",
        ]
    );
    let shown = format!("{share:?} {share:#?}");
    for secret in [KDSTOKEN, CODE, EmulatedShare::EXAMPLE] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[tokio::test]
async fn a_share_without_an_extract_code_needs_none() {
    let emulator = with_share(EmulatedShare::new(EmulatedShare::EXAMPLE).files(1)).await;
    let share = open(&emulator, None).await;
    assert_eq!((share.expose_kdstoken(), share.container_id()), (None, Some(SPACE)));
    assert_eq!(paths(&emulator).len(), 2);
}

/// A share has ended by its status or by its time. The extract code is not sent, since it may be valid for one use
/// only.
#[tokio::test]
async fn a_share_that_has_ended_is_told_before_its_extract_code_is_sent() {
    let ended = |share: EmulatedShare| share.extract_code(CODE).files(1);
    let expired = EmulatedShare::example().expires(Utc::now() - TimeDelta::minutes(1));
    for (share, said) in [
        (EmulatedShare::example().status(1), "the share is deleted"),
        (EmulatedShare::example().status(2), "the share is expired or invalid"),
        (expired, "the share is expired"),
    ] {
        let (error, emulator) = refused(ended(share), Some(CODE)).await;
        let trace_id = emulator.requests()[0].header("x-traceid").unwrap().to_owned();
        let expected = format!("{said}; nothing was done: ask its owner for a new link (trace id {trace_id})");
        assert_eq!(error.to_string(), expected);
        assert!(error.is_share_ended() && !error.is_retryable());
        assert_eq!(error.outcome(), Outcome::Rejected);
        assert_eq!(paths(&emulator).len(), 1);
    }
}

/// The server's time is learnt from a refused `X-Date`, and counts instead of this machine's.
#[tokio::test]
async fn a_share_expires_by_the_servers_clock() {
    let hour = TimeDelta::hours(1);
    let emulator = strict_emulator().clock_offset(-hour).start().await.unwrap();
    // The share has expired by this machine's clock, but not by the server's.
    emulator.set_share(EmulatedShare::example().expires(Utc::now() - hour / 2));
    open(&emulator, Some(CODE)).await;
    emulator.set_share(EmulatedShare::example().expires(Utc::now() - hour - TimeDelta::minutes(1)));
    let client = client(&emulator);
    // The client learns the server's time in the first call.
    client.open_share(&link(), Some(CODE)).await.unwrap_err();
    assert!(client.open_share(&link(), Some(CODE)).await.unwrap_err().is_share_ended());
}

#[tokio::test]
async fn an_expiry_time_in_another_form_does_not_end_a_share() {
    for time in [json!("3"), json!("forever"), json!(""), json!(null), json!(0), json!({"zh": "永久"})] {
        let emulator = with_share(EmulatedShare::example().member("/expireTime", time.clone())).await;
        let share = open(&emulator, Some(CODE)).await;
        assert_eq!(share.expires(), None, "{time}");
    }
}

#[tokio::test]
async fn a_field_in_another_form_is_read_or_alone_left_out() {
    let member = |pointer: &str, value: Value| EmulatedShare::example().member(pointer, value);
    let id = |share: &Share| share.id().to_owned();
    for (share, told, expected) in [
        (member("/shareId", json!(18)), id as fn(&Share) -> String, "18"),
        (member("/status", json!("0")), |share| format!("{:?}", share.status()), "Some(0)"),
        (member("/status", json!(7)), |share| format!("{:?}", share.status()), "Some(7)"),
        (member("/status", json!("good")), |share| format!("{:?}", share.status()), "None"),
        (member("/permission", json!("all")), |share| format!("{:?}", share.permission().edit), "None"),
        (member("/permission/edit", json!("true")), |share| format!("{:?}", share.permission().edit), "Some(true)"),
        (member("/permission/edit", json!(2)), |share| format!("{:?}", share.permission().preview), "Some(true)"),
        (member("/ownerName", json!([])), |share| format!("{:?}", share.owner_name()), "None"),
    ] {
        let emulator = with_share(share).await;
        assert_eq!(told(&open(&emulator, Some(CODE)).await), expected);
    }
    let (error, _) = refused(EmulatedShare::example().member("/shareId", None), Some(CODE)).await;
    assert!(error.to_string().starts_with("the reply is inconclusive: $.link.shareId is missing"), "{error}");
}

#[tokio::test]
async fn a_code_of_digits_in_text_is_read_of_each_of_the_calls() {
    let emulator = with_share(EmulatedShare::example()).await;
    for answer in [
        json!({"code": "0", "link": {"shareId": "18"}}),
        json!({"code": "0", "kdstoken": "k"}),
        json!({"code": "0", "files": [{"id": "F1", "containers": ["c", "d"]}]}),
    ] {
        emulator.fail_next(Fault::Reply(Answer::json(200, &answer)));
    }
    let share = open(&emulator, Some(CODE)).await;
    assert_eq!((share.id(), share.expose_kdstoken(), share.container_id()), ("18", Some("k"), Some("c")));
}

#[tokio::test]
async fn a_wrong_or_used_up_extract_code_is_told_and_not_shown() {
    let (error, emulator) = refused(EmulatedShare::example(), Some("00000000")).await;
    assert_eq!(error.outcome(), Outcome::Rejected);
    assert!(error.is_extract_code_refused() && error.is_refused() && !error.is_retryable());
    let text = error.to_string();
    assert!(text.starts_with("the service refused the extract code, "), "{text}");
    assert!(text.contains("message \"parameter verification failed: extractCode: wrong\""), "{text}");
    let advice =
        "; nothing was done: compare the extract code with whoever shared the link: it may be wrong or used up (";
    assert!(text.contains(advice), "{text}");
    // A wrong code is sent only once, since the number of allowed attempts is not known.
    assert_eq!(paths(&emulator).len(), 2);

    let emulator = with_share(EmulatedShare::example().code_uses(1)).await;
    open(&emulator, Some(CODE)).await;
    let error = client(&emulator).open_share(&link(), Some(CODE)).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("extractCode: used up") && text.contains(advice), "{text}");

    let emulator = strict_emulator().start().await.unwrap();
    emulator.fail_next(Fault::Delay(Duration::ZERO));
    emulator.fail_next(Fault::Reply(Answer::service(400, "13000102", "no such code: 00000000")));
    let error = client(&emulator).open_share(&link(), Some("00000000")).await.unwrap_err();
    assert_eq!(error.message(), Some("no such code: ***"));

    // The earlier call succeeded with the same credentials, so the extract code is the cause.
    let emulator = strict_emulator().start().await.unwrap();
    emulator.fail_next(Fault::Delay(Duration::ZERO));
    emulator.fail_next(Fault::Reply(Answer::service(400, "13009999", "Authentication failed")));
    let provider = Credentials::provider(|| async { Ok(Emulator::DEFAULT_TOKEN.into()) });
    let error = client(&emulator).with_credentials(provider).unwrap().open_share(&link(), Some("00000000")).await;
    let error = error.unwrap_err();
    assert!(error.is_extract_code_refused() && !error.is_unauthorized(), "{error}");
    assert!(error.to_string().contains(advice), "{error}");
    assert_eq!(paths(&emulator).len(), 2);
}

#[tokio::test]
async fn a_refusal_with_another_cause_is_not_blamed_on_the_extract_code() {
    let emulator = with_share(EmulatedShare::new("another")).await;
    let error = client(&emulator).open_share(&link(), Some(CODE)).await.unwrap_err();
    assert!(error.is_refused() && !error.is_extract_code_refused(), "{error}");

    for fault in [
        Answer::gateway(401, "APIGW.0301", "invalid token"),
        Answer::gateway(429, "APIGW.0308", "too many"),
        Answer::service(500, "13000201", "internal"),
        Answer::new(403),
    ] {
        let emulator = with_share(EmulatedShare::example()).await;
        emulator.fail_next(Fault::Delay(Duration::ZERO));
        for _ in 0..5 {
            emulator.fail_next(Fault::Reply(fault.clone()));
        }
        let error = client(&emulator).open_share(&link(), Some(CODE)).await.unwrap_err();
        assert!(!error.is_extract_code_refused(), "{error}");
    }
}

#[tokio::test]
async fn a_refused_listing_advises_to_open_the_share_again() {
    let (error, _) = refused(EmulatedShare::example(), None).await;
    assert!(error.to_string().contains(": open the share again, with its extract code if it has one"), "{error}");

    let emulator = with_share(EmulatedShare::example()).await;
    let share = open(&emulator, Some(CODE)).await;
    emulator.lapse_kdstokens();
    let error = share.files().into_stream().try_next().await.unwrap_err();
    assert!(error.to_string().contains(": open the share again: its kdstoken may have lapsed"), "{error}");
    // With a directory, the id comes from the caller and may be wrong.
    let share = open(&emulator, Some(CODE)).await;
    for (files, code, advice) in [
        (share.files(), "13000102", ": open the share again"),
        (share.files().directory("none"), "13000102", ": compare the ids with those of the share"),
        (share.files().directory("none"), "13000410", ": open the share again"),
    ] {
        emulator.fail_next(Fault::Reply(Answer::service(400, code, "no")));
        let error = files.into_stream().try_next().await.unwrap_err();
        assert!(error.to_string().contains(advice), "{error}");
    }
}

/// A kdstoken may be missing, because a share without an extract code has none and a saved handle holds none, or may
/// have lapsed.
#[tokio::test]
async fn a_task_that_is_refused_access_asks_for_the_kdstoken() {
    let emulator = with_share(EmulatedShare::example()).await;
    let client = client(&emulator);
    let share = open(&emulator, Some(CODE)).await;
    let bare = ShareTask::package_download("a.zip").share_id(share.id()).container_id(SPACE).file_id("F1");
    let bare = bare.build().unwrap();
    emulator.lapse_kdstokens();
    for (task, advice) in [
        (
            &share.package("a.zip").file_id("F1").build().unwrap(),
            ": open the share again if its kdstoken has lapsed; else",
        ),
        (&bare, ": give the kdstoken of a share that has an extract code; else ask"),
    ] {
        let error = client.create(task).await.unwrap_err();
        assert!(error.is_access_refused() && error.to_string().contains(advice), "{error}");
    }
    // A gateway's refusal concerns the caller and not the share.
    for (answer, advice) in [
        (Answer::gateway(403, "APIGW.0302", "no right"), ": ask for the right to do this"),
        (Answer::new(404), ": check the endpoint and its path prefix"),
    ] {
        emulator.fail_next(Fault::Reply(answer));
        let error = client.create(&bare).await.unwrap_err();
        assert!(error.to_string().contains(advice), "{error}");
    }
}

#[tokio::test]
async fn an_empty_extract_code_is_not_sent() {
    let (error, emulator) = refused(EmulatedShare::example(), Some("")).await;
    let [violation] = error.validation_error().unwrap().violations() else { panic!("{error}") };
    assert_eq!((&*violation.path, violation.rule), ("$.extractCode", "not-empty"));
    assert_eq!((error.outcome(), emulator.request_count()), (Outcome::NotSent, 0));
}

#[tokio::test]
async fn a_link_that_leads_nowhere_is_refused_and_to_be_compared() {
    let emulator = strict_emulator().start().await.unwrap();
    let link: ShareLink = "another".parse().unwrap();
    let error = client(&emulator).open_share(&link, None).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("code 13000309") && text.contains(": compare the link with whoever shared it"), "{text}");
}

#[tokio::test]
async fn a_success_without_a_token_or_a_link_is_an_error() {
    for (good, bad, said) in [
        (0, json!({"code": 0}), "it reports success without a link"),
        (0, json!({"code": 0, "link": [1]}), "$.link is [1], which is no object"),
        (1, json!({"code": 0}), "it reports success without a kdstoken"),
        (1, json!({"code": 0, "kdstoken": ""}), "it reports success without a kdstoken"),
    ] {
        let emulator = strict_emulator().start().await.unwrap();
        for _ in 0..good {
            emulator.fail_next(Fault::Delay(Duration::ZERO));
        }
        emulator.fail_next(Fault::Reply(Answer::json(200, &bad)));
        let error = client(&emulator).open_share(&link(), Some(CODE)).await.unwrap_err();
        assert!(error.to_string().starts_with(&format!("the reply is inconclusive: {said}")), "{error}");
    }
}

/// The three calls change nothing, so they are retried after transient failures.
#[tokio::test(start_paused = true)]
async fn each_of_the_calls_is_repeated_after_a_failure_that_passes() {
    let emulator = strict_emulator().start().await.unwrap();
    for _ in 0..3 {
        emulator.fail_next(Fault::ReplyAfterProcessing(Answer::new(502)));
        emulator.fail_next(Fault::Delay(Duration::ZERO));
    }
    open(&emulator, Some(CODE)).await;
    assert_eq!((paths(&emulator).len(), emulator.faults_left()), (6, 0));
}

#[tokio::test]
async fn a_token_in_a_refusal_of_any_of_the_calls_is_masked() {
    let emulator = strict_emulator().start().await.unwrap();
    emulator.fail_next(Fault::Delay(Duration::ZERO));
    let body = json!({"code": 13_000_101, "msg": "kds-secret is not for you", "kdstoken": "kds-secret"});
    emulator.fail_next(Fault::Reply(Answer::json(200, &body)));
    let error = client(&emulator).open_share(&link(), Some(CODE)).await.unwrap_err();
    assert_eq!(error.message(), Some("*** is not for you"));
    assert!(!format!("{error:?}").contains("kds-secret"));
}

/// The signature covers the query, and the emulator checks it over the raw request.
#[tokio::test]
async fn an_app_signature_covers_the_query() {
    let emulator = strict_emulator().app("app", "secret").start().await.unwrap();
    let share =
        client_with(&emulator, Credentials::app("app", "secret")).open_share(&link(), Some(CODE)).await.unwrap();
    assert_eq!(share.id(), "1808628918186415616");
    let wrong = client_with(&emulator, Credentials::app("app", "another"));
    let error = wrong.open_share(&link(), Some(CODE)).await.unwrap_err();
    assert!(error.to_string().contains("the app secret is wrong"), "{error}");
}

/// A token that has lapsed is renewed once, as in other calls.
#[tokio::test]
async fn a_refused_token_is_renewed() {
    let emulator = strict_emulator().token("new").start().await.unwrap();
    let tokens = Mutex::new(vec!["new", "old"]);
    let provider = move || {
        let token = tokens.lock().unwrap().pop().unwrap();
        async move { Ok(AccessToken::new(token)) }
    };
    client_with(&emulator, Credentials::provider(provider)).open_share(&link(), Some(CODE)).await.unwrap();
    assert_eq!(paths(&emulator).len(), 4);
}

#[test]
fn a_link_does_not_keep_its_host() {
    let link: ShareLink = "https://evil.example/cloudfile/#/sharelink/i/1".parse().unwrap();
    assert_eq!(format!("{link:?}"), "ShareLink(\"1\")");
}
