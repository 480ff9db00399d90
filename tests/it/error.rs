//! The facts about a call that an error holds.

use std::{pin::pin, time::Duration};

use futures_util::FutureExt;
use koodrive_share::{Client, Error, Outcome, ShareTask, TargetDirectory, TaskHandle};
use koodrive_share_emulator::{Answer, Fault};

use crate::support::{
    answers::AnsweringService,
    fixtures::{FILE, SHARE, SPACE, broken, builder, builder_at, dump, strict_emulator},
};

const SECOND: Duration = Duration::from_secs(1);

/// Builds a task and makes the call, with `?` alone.
async fn create(client: &Client, file_ids: &[&str]) -> Result<TaskHandle, Error> {
    let task = ShareTask::dump(TargetDirectory::root(SPACE))
        .share_id(SHARE)
        .container_id(SPACE)
        .file_ids(file_ids.iter().copied())
        .build()?;
    client.create(&task).await
}

#[tokio::test]
async fn broken_rule_and_failed_call_are_one_type_of_error() {
    let service = AnsweringService::start().await;
    let error = create(&service.client, &[]).await.unwrap_err();
    assert!(error.is_validation() && !error.is_retryable(), "{error}");
    assert_eq!(broken(error.validation_error().unwrap()), ["$.fileIds file-ids-count"]);
    assert_eq!((error.outcome(), error.trace_id()), (Outcome::NotSent, None));
    assert_eq!((error.attempts(), error.elapsed()), (0, Duration::ZERO));
    assert!(!error.to_string().contains("trace id"), "{error}");
    assert_eq!(service.emulator.request_count(), 0);
    create(&service.client, &[FILE]).await.unwrap();
}

#[tokio::test]
async fn broken_rule_of_a_call_has_the_trace_id_of_its_task_or_none() {
    let service = AnsweringService::start().await;
    let date = koodrive_share::XDate::from(chrono::Utc::now() - chrono::TimeDelta::hours(1));
    let task = dump().x_date(date).build().unwrap();
    let error = service.client.create(&task).await.unwrap_err();
    assert!(error.is_validation() && error.trace_id() == Some(task.trace_id()), "{error}");
    let handle = TaskHandle::new("7001", SHARE, "https://elsewhere.invalid", None);
    let error = service.client.status(&handle).await.unwrap_err();
    // No query was made, so there is no trace id.
    assert!(error.is_validation() && error.trace_id().is_none(), "{error}");
}

#[tokio::test(start_paused = true)]
async fn attempts_and_their_time_are_told() {
    let emulator = strict_emulator().start().await.unwrap();
    for (attempts, seconds) in [(1, 0), (2, 3), (3, 6)] {
        let client = builder(&emulator).max_attempts(attempts).build().unwrap();
        for _ in 0..attempts {
            emulator.fail_next(Fault::Reply(Answer::new(429).header("Retry-After", "3")));
        }
        let error = client.create(&dump().build().unwrap()).await.unwrap_err();
        assert_eq!((error.attempts(), error.elapsed().as_secs()), (attempts, seconds), "{error}");
        let is_mentioned = error.to_string().contains(&format!("after {attempts} attempts in {seconds}.0 s"));
        // The message does not mention a single attempt.
        assert_eq!(is_mentioned, attempts > 1, "{error}");
        assert_eq!(emulator.faults_left(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn time_of_a_single_attempt_is_told() {
    let emulator = strict_emulator().start().await.unwrap();
    let client = builder(&emulator).timeout(7 * SECOND).build().unwrap();
    emulator.fail_next(Fault::Delay(60 * SECOND));
    let error = client.create(&dump().build().unwrap()).await.unwrap_err();
    assert!(error.is_timeout(), "{error}");
    assert_eq!((error.attempts(), error.elapsed().as_secs()), (1, 7), "{error}");
}

#[tokio::test(start_paused = true)]
async fn attempts_without_a_connection_are_counted() {
    // The socket is bound, so that no other test gets the port, but it does not listen.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let endpoint = format!("http://{}", socket.local_addr().unwrap());
    let client = builder_at(&endpoint).max_attempts(2).build().unwrap();
    let error = client.create(&dump().build().unwrap()).await.unwrap_err();
    assert!(error.is_connect(), "{error}");
    assert_eq!((error.attempts(), error.outcome()), (2, Outcome::NotSent));
    // The time is that of the back-off between the two attempts.
    assert!((SECOND / 5..5 * SECOND).contains(&error.elapsed()), "{:?}", error.elapsed());
}

/// The HTTP client refuses a URL of more than 65,534 bytes. No rule does.
#[tokio::test]
async fn a_request_that_cannot_be_made_is_not_sent_and_not_retryable() {
    let endpoint = format!("http://127.0.0.1:1/{}", "a".repeat(1 << 16));
    let client = builder_at(&endpoint).build().unwrap();
    let error = client.create(&dump().build().unwrap()).await.unwrap_err();
    assert_eq!((error.outcome(), error.attempts(), error.is_retryable()), (Outcome::NotSent, 1, false));
    assert_eq!(error.advice(), Some("look at its cause"));
    assert!(std::error::Error::source(&error).is_some());
}

#[tokio::test]
async fn attempts_of_a_renewed_token_and_a_corrected_clock_are_counted() {
    let service = AnsweringService::start().await;
    let client = builder(&service.emulator).max_attempts(1);
    let client = client.clock(|| chrono::Utc::now() - chrono::TimeDelta::hours(12)).build().unwrap();
    service.emulator.fail_next(Fault::Delay(Duration::ZERO));
    service.emulator.fail_next(Fault::Reply(Answer::service(400, "13000311", "not enough space")));
    let error = client.create(&dump().build().unwrap()).await.unwrap_err();
    assert_eq!(error.attempts(), 2, "{error}");
    assert!(error.to_string().contains("free space in the target"), "{error}");
}

/// A caller that writes the whole chain, as anyhow does, writes nothing twice.
#[tokio::test]
async fn a_chain_of_causes_repeats_nothing() {
    let client = builder_at("http://koodrive.invalid").allow_http(true).max_attempts(1).build().unwrap();
    let failed = client.create(&dump().build().unwrap()).await.unwrap_err();
    // `main` prints the error like this.
    assert!(format!("{failed:?}").starts_with(&format!("{failed}; caused by: ")), "{failed:?}");
    let failed: anyhow::Error = failed.into();
    let broken: anyhow::Error = Client::builder().build().unwrap_err().into();
    for error in [failed, broken] {
        let links: Vec<String> = error.chain().map(ToString::to_string).collect();
        for (n, link) in links.iter().enumerate() {
            let repeated = links.iter().enumerate().any(|(other, text)| other != n && text.contains(link.as_str()));
            assert!(!repeated, "{link:?} in {links:#?}");
        }
    }
}

#[test]
fn a_broken_rule_and_an_outcome_are_answers_of_a_portal() {
    let refused = ShareTask::package_download("").share_id("s").container_id("c").file_id("f").build().unwrap_err();
    let json = serde_json::to_value(&refused.violations()[0]).unwrap();
    assert_eq!((&json["path"], &json["rule"]), (&"$.zipName".into(), &"zip-name-required".into()));
    assert_eq!(json.as_object().unwrap().len(), 5, "{json}");
    assert_eq!(serde_json::to_value(Outcome::NotSent).unwrap(), "notSent");
}

/// `main` prints an error that it returns by `Debug`.
#[test]
fn an_error_in_debug_reads_like_its_message() {
    let unset = Client::builder().build().unwrap_err();
    assert_eq!(format!("{unset:?}"), unset.to_string());
    let refused = unset.validation_error().unwrap();
    assert_eq!(format!("{refused:?}"), refused.to_string());
}

#[test]
#[should_panic(expected = "no reactor running")]
fn a_call_outside_of_a_runtime_panics_clearly() {
    let client = builder_at("http://127.0.0.1:1").build().unwrap();
    let task = dump().build().unwrap();
    let mut create = pin!(client.create(&task));
    while create.as_mut().now_or_never().is_none() {}
}
