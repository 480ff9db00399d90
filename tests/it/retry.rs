//! Retries: a loop around [`Error::is_retryable`] never makes a task twice.

use std::{cell::Cell, time::Duration};

use chrono::{TimeDelta, Utc};
use koodrive_share::{AccessToken, Client, Credentials, Error, Outcome, ShareTask, XDate};
use koodrive_share_emulator::{Answer, Emulator, Fault};
use proptest::{
    option,
    prelude::*,
    sample::select,
    test_runner::{Config, TestRunner},
};
use serde_json::{Value, json};

use crate::support::{
    answers::AnsweringService,
    bulk::{ids, tasks_of},
    fixtures::{builder, dump_template, strict_emulator},
};

/// The loop that people write around a call, but limited to 50 rounds; then it returns `None`.
async fn create_while_retryable(client: &Client, task: &ShareTask) -> Option<Result<(), Error>> {
    for _ in 0..50 {
        match client.create(task).await {
            Ok(_) => return Some(Ok(())),
            Err(error) if error.is_retryable() => {}
            Err(error) => return Some(Err(error)),
        }
    }
    None
}

/// A fault that loses the reply to a request that has made its task.
fn lost_reply(n: usize) -> Fault {
    match n % 7 {
        0 => Fault::CloseAfterProcessing,
        1 => Fault::CutAnswer { after: 0 },
        2 => Fault::CutAnswer { after: 9 },
        3 => Fault::ReplyAfterProcessing(Answer::new(504)),
        4 => Fault::ReplyAfterProcessing(Answer::gateway(502, "APIGW.0201", "the backend timed out")),
        5 => Fault::ReplyAfterProcessing(Answer::service(500, "13000201", "inner server invoke failure")),
        _ => Fault::ReplyAfterProcessing(Answer::json(429, &json!({"error_code": "APIGW.0308", "taskId": "7001"}))),
    }
}

/// A temporary fault, for which no task was made.
fn passing(n: usize) -> Fault {
    match n % 4 {
        0 => Fault::Reply(Answer::gateway(429, "APIGW.0308", "throttled").header("Retry-After", "0")),
        1 => Fault::Reply(Answer::gateway(400, "APIG.0308", "throttled").header("Retry-After", "0")),
        2 => Fault::Reply(Answer::new(408)),
        _ => Fault::Delay(Duration::ZERO),
    }
}

/// Creates tasks on an emulator that loses every `nth` reply, and asserts that each is made exactly once.
async fn assert_no_task_is_made_twice(emulator: &Emulator, client: &Client, nth: usize) {
    for n in 0..400 {
        emulator.fail_next(if n % nth == 0 { lost_reply(n / nth) } else { passing(n) });
    }
    let (mut made, mut unknown) = (0, 0);
    for chunk in ids(30).chunks(1) {
        let task = dump_template().file_ids(chunk).build().unwrap();
        let ended = create_while_retryable(client, &task).await.expect("an end of the loop");
        let tasks = tasks_of(&emulator.tasks(), chunk).len();
        match ended {
            Ok(()) => {
                made += 1;
                assert_eq!(tasks, 1, "every {nth}th reply lost");
            }
            Err(error) => {
                assert_eq!(error.outcome(), Outcome::Unknown, "every {nth}th: {error}");
                unknown += 1;
                // The task was made although its reply was lost, and it was made only once.
                assert_eq!(tasks, 1, "every {nth}th reply lost: {error}");
            }
        }
    }
    assert!(unknown >= 5 && (made >= 5 || nth == 1), "{made} made, {unknown} unknown of every {nth}th");
}

#[tokio::test]
async fn loop_while_retryable_never_makes_a_task_twice() {
    for nth in 1..=5 {
        let emulator = strict_emulator().start().await.unwrap();
        let client = builder(&emulator).max_attempts(1).build().unwrap();
        assert_no_task_is_made_twice(&emulator, &client, nth).await;
    }
}

#[tokio::test]
async fn loop_over_calls_of_several_attempts_never_makes_a_task_twice() {
    let token = || async { Ok(AccessToken::new(Emulator::DEFAULT_TOKEN)) };
    for nth in [2, 3] {
        let emulator = strict_emulator().start().await.unwrap();
        let client = builder(&emulator).credentials(Credentials::provider(token)).build().unwrap();
        assert_no_task_is_made_twice(&emulator, &client, nth).await;
    }
}

#[tokio::test]
async fn loop_while_retryable_outlasts_what_makes_nothing() {
    let emulator = strict_emulator().start().await.unwrap();
    let client = builder(&emulator).max_attempts(1).build().unwrap();
    let task = dump_template().file_ids(["F"]).build().unwrap();
    for n in 0..3 {
        emulator.fail_next(passing(n));
    }
    create_while_retryable(&client, &task).await.unwrap().unwrap();
    // The requests are the three refused ones, and the one that made the task.
    assert_eq!((emulator.request_count(), emulator.tasks().len()), (4, 1));
}

#[tokio::test(start_paused = true)]
async fn creation_that_ran_out_of_time_is_not_retryable_and_a_query_is() {
    let emulator = strict_emulator().start().await.unwrap();
    let second = Duration::from_secs(1);
    let client = builder(&emulator).timeout(second).connect_timeout(second / 2).build().unwrap();
    let task = dump_template().file_ids(["F"]).build().unwrap();
    let handle = client.create(&task).await.unwrap();
    emulator.fail_next(Fault::Delay(2 * second));
    let error = client.create(&task).await.unwrap_err();
    assert!(error.is_timeout() && !error.is_retryable(), "{error}");
    emulator.fail_next(Fault::Delay(2 * second));
    let error = client.status(&handle).await.unwrap_err();
    assert!(error.is_timeout() && error.is_retryable(), "{error}");
}

fn throttled(retry_after: &str) -> Fault {
    Fault::Reply(Answer::gateway(429, "APIGW.0308", "slow down").header("Retry-After", retry_after))
}

fn assert_is_the_throttling(error: &Error) {
    assert_eq!(
        (error.message(), error.attempts(), error.outcome()),
        (Some("slow down"), 1, Outcome::Rejected),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn call_whose_next_attempt_gets_no_permit_in_time_tells_why_there_was_one() {
    let emulator = strict_emulator().start().await.unwrap();
    let client = builder(&emulator).max_concurrent_requests(1).connect_timeout(Duration::from_millis(100));
    let client = client.build().unwrap();
    let other = client.clone();
    let client = client.with_timeout(Duration::from_secs(1)).unwrap();
    let task = dump_template().file_ids(["F"]).build().unwrap();
    emulator.fail_next(throttled("0"));
    // The request of `other` takes the only permit while the first call waits for its next attempt.
    emulator.fail_next(Fault::Delay(Duration::from_secs(2)));
    let (error, _) = tokio::join!(client.create(&task), other.create(&task));
    assert_is_the_throttling(&error.unwrap_err());
    assert_eq!(emulator.request_count(), 2);
}

#[tokio::test]
async fn call_whose_own_date_lapses_between_attempts_tells_why_there_was_another() {
    let emulator = strict_emulator().start().await.unwrap();
    let client = builder(&emulator).build().unwrap();
    emulator.fail_next(throttled("5"));
    // The date lapses within five seconds.
    let x_date = XDate::from(Utc::now() - TimeDelta::seconds(896));
    let task = dump_template().file_ids(["F"]).x_date(x_date).build().unwrap();
    assert_is_the_throttling(&client.create(&task).await.unwrap_err());
    // The next call's error is about the date.
    assert!(client.create(&task).await.unwrap_err().is_validation());
    assert_eq!(emulator.request_count(), 1);
}

/// Any failure that a service or an intermediary may answer with.
fn answer() -> impl Strategy<Value = (u16, Value)> {
    let code = select(vec![
        json!(0),
        json!("0"),
        json!(-1),
        json!(500),
        json!("13000201"),
        json!(13_000_311),
        json!("13999999"),
        json!("APIGW.0308"),
        json!("APIG.0201"),
        json!("APIGW.0301"),
        json!(true),
        json!([0]),
        Value::Null,
    ]);
    let task_id = select(vec![json!("7001"), json!(7001), json!("0"), json!(0), json!(""), Value::Null, json!({})]);
    let status = prop_oneof![
        select(vec![200_u16, 201, 302, 307, 400, 401, 403, 404, 407, 408, 413, 429, 499, 500, 502, 503, 504]),
        200_u16..600,
    ];
    (status, option::of(code.clone()), option::of(code), option::of(task_id)).prop_map(
        |(status, code, error_code, task_id)| {
            let members = [("code", code), ("error_code", error_code), ("taskId", task_id)];
            let members = members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
            (status, Value::Object(members.collect()))
        },
    )
}

#[test]
fn no_answer_makes_an_unknown_creation_retryable_or_a_cause_to_see_to() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let service = runtime.block_on(AnsweringService::start());
    let (unknown, retryable) = (Cell::new(0), Cell::new(0));
    let config = Config { cases: 2_000, failure_persistence: None, ..Config::default() };
    let run = TestRunner::new(config).run(&answer(), |(status, body)| {
        let Err(error) = runtime.block_on(service.create(Answer::json(status, &body))) else {
            prop_assert!((200..300).contains(&status), "made under {}", status);
            return Ok(());
        };
        prop_assert_ne!(error.outcome(), Outcome::NotSent);
        if error.outcome() == Outcome::Unknown {
            unknown.set(unknown.get() + 1);
            // These are the predicates that invite a loop around a call.
            let inviting = [error.is_throttled(), error.is_unauthorized(), error.is_proxy_unauthorized()];
            prop_assert!(!error.is_retryable() && inviting == [false; 3], "{:?} {}", inviting, error);
        }
        retryable.set(retryable.get() + u32::from(error.is_retryable()));
        let named = matches!(&body["taskId"], Value::String(id) if id == "7001") || body["taskId"] == 7001;
        if named && ![204, 205, 304].contains(&status) {
            prop_assert_eq!((error.outcome(), error.task_id()), (Outcome::Unknown, Some("7001")), "{}", error);
        }
        Ok(())
    });
    run.unwrap();
    let seen = (unknown.get(), retryable.get());
    assert!(seen.0 > 200 && seen.1 > 20, "{seen:?} of 2,000 were unknown and retryable");
}
