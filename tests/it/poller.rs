//! Polling a task, against the emulator.
//!
//! Client and emulator share one thread, and loopback delivers at once, so paused time moves only between polls: the
//! instants of the polls are exact.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use futures_util::StreamExt;
use koodrive_share::{Client, Poller, TaskHandle, TaskResult, TaskState};
use koodrive_share_emulator::{Answer, Edition, Emulator, Fault, HiddenTask, Schedule, Step};
use serde_json::json;
use tokio::time::{Instant, timeout};

use crate::support::{
    fixtures::{SHARE, broken, builder, builder_at, client, dump, strict_emulator},
    scripted_server::{ScriptedServer, Step as ScriptStep},
};

const SECOND: Duration = Duration::from_secs(1);

async fn created(schedule: Schedule) -> (Emulator, Client, TaskHandle) {
    let emulator = strict_emulator().schedule(schedule).start().await.unwrap();
    let client = builder(&emulator).max_attempts(1).build().unwrap();
    let handle = client.create(&dump().build().unwrap()).await.unwrap();
    (emulator, client, handle)
}

/// Returns the schedule of a task that is running at the first polls and completed after them.
fn completed_after(polls: usize) -> Schedule {
    let running = std::iter::repeat_n(Step::running(50), polls);
    Schedule::by_polls(running.chain([Step::completed(1)]))
}

/// Returns the times at which polls succeed, in whole seconds.
async fn instants(poller: Poller) -> Vec<u64> {
    let start = Instant::now();
    let answered = poller.into_stream().map(|status| {
        status.unwrap();
        start.elapsed().as_secs()
    });
    answered.collect().await
}

#[tokio::test(start_paused = true)]
async fn polls_are_made_at_once_then_after_1_2_4_8_and_every_15_seconds() {
    let (_emulator, client, handle) = created(completed_after(7)).await;
    let expected = [0, 1, 3, 7, 15, 30, 45, 60];
    assert_eq!(instants(client.poller(handle)).await, expected);
}

#[tokio::test(start_paused = true)]
async fn setters_set_the_schedule_in_any_order() {
    let (_emulator, client, handle) = created(completed_after(4)).await;
    let poller = client.poller(handle).max_interval(30 * SECOND).interval(10 * SECOND);
    assert_eq!(instants(poller).await, [0, 10, 30, 60, 90]);
    let (_emulator, client, handle) = created(completed_after(4)).await;
    assert_eq!(instants(client.poller(handle).max_interval(3 * SECOND)).await, [0, 1, 3, 6, 9]);
}

#[tokio::test(start_paused = true)]
async fn retry_after_lengthens_one_wait() {
    let (emulator, client, handle) = created(completed_after(1)).await;
    let busy = Answer::new(503).header("Retry-After", "100");
    emulator.fail_next(Fault::Reply(busy));
    // The poll at 0 s fails, the next comes after the wait that was asked for, and then the schedule's second wait is 2
    // s.
    assert_eq!(instants(client.poller(handle)).await, [100, 102]);
}

#[tokio::test(start_paused = true)]
async fn when_the_time_is_over_there_is_one_last_poll_and_the_error_carries_all_to_go_on() {
    let (_emulator, client, handle) = created(completed_after(1_000)).await;
    let error = client.poller(handle.clone()).timeout(40 * SECOND).until_done().await.unwrap_err();
    // The polls are at 0, 1, 3, 7, 15 and 30 s, and the last one at 40 s instead of 45 s.
    assert!(error.to_string().contains(" after 7 polls in 40 s"), "{error}");
    assert_eq!((error.polls(), error.elapsed().as_secs()), (7, 40));
    assert_eq!(error.handle().task_id(), handle.task_id());
    assert_eq!(error.last_status().unwrap().state, TaskState::Running);
    assert!(error.to_string().contains("being processed"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_poller_gives_up_after_an_hour_by_default() {
    let (_emulator, client, handle) = created(completed_after(1_000)).await;
    let error = client.poller(handle).until_done().await.unwrap_err();
    assert_eq!(error.elapsed().as_secs(), 3_600, "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_task_that_ends_at_the_last_poll_is_done() {
    let (_emulator, client, handle) = created(completed_after(2)).await;
    let status = client.poller(handle).timeout(2 * SECOND).until_done().await.unwrap();
    assert!(status.state.is_final());
}

#[tokio::test(start_paused = true)]
async fn passing_failures_are_tolerated_as_often_as_was_set() {
    for (failures, tolerated) in [(2, true), (3, false)] {
        let (emulator, client, handle) = created(completed_after(0)).await;
        for _ in 0..failures {
            emulator.fail_next(Fault::Reply(Answer::new(503)));
        }
        let outcome = client.poller(handle).max_failures(2).until_done().await;
        assert_eq!(outcome.is_ok(), tolerated, "{failures} {outcome:?}");
        if let Err(error) = outcome {
            assert_eq!((error.polls(), error.error().unwrap().status()), (3, Some(503)));
            assert!(error.to_string().ends_with("; the task goes on, poll again with its handle"), "{error}");
        }
        assert_eq!(emulator.faults_left(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn only_failures_in_a_row_are_counted() {
    let (emulator, client, handle) = created(completed_after(2)).await;
    for _ in 0..3 {
        emulator.fail_next(Fault::Reply(Answer::new(503)));
        emulator.fail_next(Fault::Delay(Duration::ZERO));
    }
    client.poller(handle).max_failures(1).until_done().await.unwrap();
    assert_eq!(emulator.faults_left(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_ends_polling_at_once() {
    let (emulator, client, handle) = created(Schedule::default()).await;
    emulator.fail_next(Fault::Reply(Answer::service(400, "13000410", "no right")));
    let error = client.poller(handle).until_done().await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains(" after 1 poll in "), "{text}");
    assert!(text.ends_with(
        "the last poll failed (access refused); the task may go on: remove the cause, then poll again with its handle"
    ));
    // Display leaves the cause out, and Debug prints both.
    assert!(!text.contains("13000410") && format!("{error:?}").contains("code 13000410"), "{error:?}");
    assert_eq!(error.polls(), 1);
    assert!(error.error().unwrap().is_refused(), "{error}");
}

#[tokio::test(start_paused = true)]
async fn every_end_of_the_reference_is_reached() {
    let cases = [
        (Schedule::default(), TaskState::Completed(TaskResult::AllSucceeded)),
        (Schedule::partially_failed(), TaskState::Completed(TaskResult::PartiallyFailed)),
        (Schedule::all_failed(), TaskState::Completed(TaskResult::AllFailed)),
        (Schedule::cancelled(), TaskState::Cancelled),
    ];
    for (schedule, state) in cases {
        let (_emulator, client, handle) = created(schedule).await;
        assert_eq!(client.poller(handle).until_done().await.unwrap().state, state);
    }
}

#[tokio::test(start_paused = true)]
async fn an_unknown_state_is_waited_out() {
    let steps = [Step::new(7), Step::new(8), Step::completed(1)];
    let (_emulator, client, handle) = created(Schedule::by_polls(steps)).await;
    assert_eq!(instants(client.poller(handle)).await, [0, 1, 3]);
}

#[tokio::test(start_paused = true)]
async fn polling_that_is_killed_is_resumed_from_the_handles_json() {
    let (emulator, client_before, handle) = created(completed_after(6)).await;
    let saved = serde_json::to_string(&handle).unwrap();
    let mut poller = client_before.poller(handle);
    let killed = tokio::time::timeout(10 * SECOND, poller.until_done()).await;
    assert!(killed.is_err());
    drop((poller, client_before));
    // The polls are at 0, 1, 3 and 7 s.
    assert_eq!(emulator.tasks()[0].polls(), 4);
    let handle: TaskHandle = serde_json::from_str(&saved).unwrap();
    let status = client(&emulator).poller(handle).until_done().await.unwrap();
    assert_eq!(status.state, TaskState::Completed(TaskResult::AllSucceeded));
    assert_eq!(emulator.tasks()[0].polls(), 7);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_wait_goes_on_where_it_was() {
    let (emulator, client, handle) = created(completed_after(2)).await;
    let mut poller = client.poller(handle);
    assert!(tokio::time::timeout(SECOND / 2, poller.until_done()).await.is_err());
    let start = Instant::now();
    poller.until_done().await.unwrap();
    // The remaining polls are at 1 and 3 s, and half a second has passed.
    assert_eq!(start.elapsed().as_millis(), 2_500);
    assert_eq!(emulator.tasks()[0].polls(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_is_dropped_every_10_ms_makes_no_more_polls_and_ends_in_time() {
    let (emulator, client, handle) = created(completed_after(1_000)).await;
    for _ in 0..100 {
        emulator.fail_next(Fault::Delay(SECOND / 20));
    }
    let mut poller = client.poller(handle).timeout(5 * SECOND);
    let start = Instant::now();
    let error = loop {
        tokio::select! {
            status = poller.until_done() => break status.unwrap_err(),
            () = tokio::time::sleep(SECOND / 100) => assert!(start.elapsed() < 6 * SECOND, "no end"),
        }
    };
    // The polls are at about 0, 1 and 3 s, each delayed by the reply before, and the last one at 5 s.
    assert_eq!((error.polls(), error.elapsed().as_secs()), (4, 5));
    assert_eq!(emulator.tasks()[0].polls(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_poll_whose_future_is_dropped_goes_on_and_its_answer_is_kept() {
    let (emulator, client, handle) = created(completed_after(1)).await;
    emulator.fail_next(Fault::Delay(SECOND));
    let mut poller = client.poller(handle);
    assert!(tokio::time::timeout(SECOND / 2, poller.poll()).await.is_err());
    tokio::time::sleep(10 * SECOND).await;
    let start = Instant::now();
    assert_eq!(poller.poll().await.unwrap().state, TaskState::Running);
    assert_eq!((start.elapsed(), emulator.tasks()[0].polls()), (Duration::ZERO, 1));
    assert!(poller.poll().await.unwrap().state.is_final());
}

#[tokio::test]
async fn a_poll_ends_with_its_poller() {
    // The server waits until the client hangs up, and fails if it does not.
    let mut server = ScriptedServer::start(vec![vec![ScriptStep::Request, ScriptStep::Stall]; 2]).await;
    let client = builder_at(&server.endpoint()).build().unwrap();
    let handle = client.handle("1", "share");
    let mut poller = client.poller(&handle);
    tokio::select! {
        status = poller.until_done() => panic!("{status:?}"),
        _ = server.until(|seen| seen.requests.len() == 1) => {}
    }
    drop(poller);
    server.until(|seen| seen.ended == 1).await;
    tokio::select! {
        status = client.wait(&handle) => panic!("{status:?}"),
        _ = server.until(|seen| seen.requests.len() == 2) => {}
    }
    server.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_has_ended_stays_so() {
    let (_emulator, client, handle) = created(completed_after(0)).await;
    let mut stream = client.poller(handle).into_stream();
    assert!(stream.next().await.unwrap().is_ok());
    assert!(stream.next().await.is_none());
    assert!(stream.next().await.is_none());
}

#[test]
fn a_poll_of_a_runtime_that_shuts_down_is_repeated_on_another() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (first, second) = (runtime(), runtime());
    let (emulator, client, handle) = second.block_on(created(completed_after(0)));
    let mut poller = client.poller(handle);
    // Unlike `until_done`, `poll` begins without a timer.
    first.block_on(async { assert!(futures_util::poll!(Box::pin(poller.poll())).is_pending()) });
    drop(first);
    assert!(second.block_on(poller.poll()).unwrap().state.is_final());
    assert_eq!(emulator.tasks()[0].polls(), 1);
}

#[tokio::test]
async fn a_poller_that_lets_the_session_lapse_is_refused_with_the_reason() {
    let (_emulator, client, handle) = created(completed_after(0)).await;
    let error = client.poller(&handle).interval(Duration::ZERO).max_interval(1_200 * SECOND).until_done().await;
    let error = error.unwrap_err();
    let rules = error.error().unwrap().validation_error().unwrap();
    assert_eq!(broken(rules), ["interval interval", "max_interval session-lifetime"]);
    assert!(rules.to_string().contains("20 minutes"), "{rules}");
    client.poller(&handle).max_interval(1_140 * SECOND).until_done().await.unwrap();
}

/// Makes a client whose clock is `ahead` of the true time, and moves with the paused time.
fn clocked(emulator: &Emulator, ahead: TimeDelta) -> Client {
    let (start, began) = (Utc::now() + ahead, Instant::now());
    let clock = move || start + began.elapsed();
    builder(emulator).max_attempts(1).clock(clock).build().unwrap()
}

/// Returns the handle with an earlier time of creation.
fn aged(handle: &TaskHandle, age: TimeDelta) -> TaskHandle {
    let mut saved = serde_json::to_value(handle).unwrap();
    saved["createdAt"] = serde_json::to_value(handle.created_at() - age).unwrap();
    serde_json::from_value(saved).unwrap()
}

const HIDDEN: [HiddenTask; 3] = [HiddenTask::DoesNotExist, HiddenTask::NotFound, HiddenTask::Null];

/// Returns each form of reply that says that the task was not found.
fn not_found() -> Vec<Answer> {
    vec![
        Answer::service(400, "13000309", "resource does not exist"),
        Answer::json(200, &json!({"code": 13_000_309, "msg": "task does not exist"})),
        Answer::service(500, "13000309", "resource does not exist"),
        Answer::new(404),
        Answer::json(404, &json!({"code": "404", "msg": "not found"})),
        Answer::json(200, &json!({"code": 0, "msg": "ok", "jobInfo": null})),
        Answer::json(200, &json!({"code": "0", "taskInfo": null})),
        Answer::json(200, &json!({"code": 0})),
        Answer::json(200, &json!({"code": 0, "jobInfo": {}})),
        Answer::json(200, &json!({"code": 0, "jobInfo": {"taskId": null, "taskStatus": null}})),
        Answer::json(200, &json!({"code": "404", "msg": "not found"})),
        Answer::json(200, &json!({"code": 404, "msg": "not found"})),
    ]
}

/// A poller compares the handle's time of creation with the same clock.
#[test]
fn a_handle_of_an_id_is_dated_by_the_clients_clock() {
    let now = Utc::now() - TimeDelta::hours(12);
    let client = builder_at("http://localhost").clock(move || now).build().unwrap();
    assert_eq!(client.handle("7001", SHARE).created_at(), now);
}

#[tokio::test(start_paused = true)]
async fn poller_outlasts_a_task_that_is_not_visible_at_once() {
    for edition in [Edition::Current, Edition::July2024] {
        for hidden in HIDDEN {
            let schedule = completed_after(0).visible_after(5 * SECOND, hidden);
            let emulator = strict_emulator().edition(edition).schedule(schedule).start().await.unwrap();
            let client = clocked(&emulator, TimeDelta::zero());
            let handle = client.create(&dump().build().unwrap()).await.unwrap();
            // None of the polls at 0, 1 and 3 s counts as a failure.
            let poller = client.poller(handle).max_failures(0);
            assert_eq!(instants(poller).await, [7], "{hidden:?} {edition:?}");
            assert_eq!(emulator.request_count(), 5, "{hidden:?} {edition:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn each_form_of_not_found_is_retried_for_a_new_task_and_final_for_an_old_one() {
    for answer in not_found() {
        let (emulator, _, handle) = created(completed_after(0)).await;
        let client = clocked(&emulator, TimeDelta::zero());
        for _ in 0..3 {
            emulator.fail_next(Fault::Reply(answer.clone()));
        }
        let poller = client.poller(handle.clone()).max_failures(0);
        assert_eq!(instants(poller).await, [7], "{answer:?}");
        for age in [TimeDelta::minutes(1), TimeDelta::days(1)] {
            emulator.fail_next(Fault::Reply(answer.clone()));
            let error = client.poller(aged(&handle, age)).until_done().await.unwrap_err();
            assert_eq!((error.polls(), error.elapsed()), (1, Duration::ZERO), "{answer:?}: {error}");
            assert_eq!(emulator.faults_left(), 0);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn task_that_never_becomes_visible_is_given_up_after_some_seconds() {
    for hidden in HIDDEN {
        let emulator = strict_emulator().schedule(Schedule::default().visible_after(Duration::MAX, hidden));
        let emulator = emulator.start().await.unwrap();
        // The second client's clock does not move with the paused time.
        for client in [clocked(&emulator, TimeDelta::zero()), client(&emulator)] {
            let handle = client.create(&dump().build().unwrap()).await.unwrap();
            let error = client.poller(handle).until_done().await.unwrap_err();
            // The polls are at 0, 1, 3, 7 s, and at 15 s, when the task is no longer new.
            assert_eq!((error.polls(), error.elapsed().as_secs()), (5, 15), "{hidden:?}: {error}");
            assert!(error.error().is_some(), "{error}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn task_that_was_seen_and_is_gone_ends_polling_once_it_is_no_longer_new() {
    let (emulator, _, handle) = created(completed_after(1_000)).await;
    let client = clocked(&emulator, TimeDelta::zero());
    let mut poller = client.poller(handle);
    assert!(timeout(20 * SECOND, poller.until_done()).await.is_err());
    // The emulator's clock does not move with the paused time, so the last poll's `X-Date` would be outside its window.
    emulator.set_clock_offset(TimeDelta::seconds(25));
    emulator.fail_next(Fault::Reply(Answer::service(400, "13000309", "resource does not exist")));
    let error = poller.until_done().await.unwrap_err();
    // The polls are at 0, 1, 3, 7, 15 and 30 s.
    assert_eq!((error.polls(), error.elapsed().as_secs()), (6, 30), "{error}");
}

#[tokio::test(start_paused = true)]
async fn other_refusal_of_a_new_task_ends_polling_at_once() {
    for answer in [
        Answer::service(400, "13000410", "no right"),
        Answer::service(400, "13000102", "parameter verification failed"),
        Answer::json(200, &json!({"code": 0, "jobInfo": {"taskStatus": "soon"}})),
        Answer::json(200, &json!({"code": "405", "msg": "not possible"})),
        Answer::new(403),
    ] {
        let (emulator, _, handle) = created(completed_after(0)).await;
        emulator.fail_next(Fault::Reply(answer.clone()));
        let client = clocked(&emulator, TimeDelta::zero());
        let error = client.poller(handle).until_done().await.unwrap_err();
        assert_eq!(error.polls(), 1, "{answer:?}: {error}");
    }
}

#[tokio::test(start_paused = true)]
async fn single_query_of_a_new_task_says_at_once_that_it_is_not_found() {
    let (emulator, _, handle) = created(completed_after(0)).await;
    let client = client(&emulator);
    for answer in not_found() {
        emulator.fail_next(Fault::Reply(answer.clone()));
        let before = emulator.request_count();
        client.status(&handle).await.unwrap_err();
        // The client could make three attempts.
        assert_eq!(emulator.request_count() - before, 1, "{answer:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn handle_of_a_fast_clock_is_not_new_for_ever() {
    let (emulator, _, handle) = created(completed_after(1_000)).await;
    let client = clocked(&emulator, TimeDelta::zero());
    for ahead in [TimeDelta::hours(1), TimeDelta::days(1)] {
        for _ in 0..300 {
            emulator.fail_next(Fault::Reply(Answer::service(400, "13000309", "resource does not exist")));
        }
        let error = client.poller(aged(&handle, -ahead)).until_done().await.unwrap_err();
        assert!(error.elapsed() <= 30 * SECOND, "{} s, {} polls", error.elapsed().as_secs(), error.polls());
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_waits_for_a_task_to_end() {
    let (_emulator, client, handle) = created(completed_after(2)).await;
    let start = Instant::now();
    let status = client.wait(&handle).await.unwrap();
    assert!(status.is_done() && status.is_success());
    assert_eq!(start.elapsed().as_secs(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_poller_takes_an_interval_and_a_time_out_of_its_own() {
    let (_emulator, client, handle) = created(completed_after(3)).await;
    assert_eq!(instants(client.poller(&handle).interval(20 * SECOND)).await, [0, 20, 40, 60]);
    let (_emulator, client, handle) = created(completed_after(9)).await;
    let error = client.poller(&handle).interval(4 * SECOND).timeout(6 * SECOND).until_done().await.unwrap_err();
    assert_eq!((error.elapsed(), error.polls()), (6 * SECOND, 3));
}

#[tokio::test]
async fn a_poller_with_an_impossible_interval_polls_nothing() {
    let (emulator, client, handle) = created(completed_after(1)).await;
    let requests = emulator.request_count();
    for (interval, rule) in [(Duration::ZERO, "interval interval"), (20 * 60 * SECOND, "max_interval session-lifetime")]
    {
        let error = client.poller(&handle).interval(interval).until_done().await.unwrap_err();
        assert_eq!(broken(error.error().unwrap().validation_error().unwrap()), [rule]);
        let said = "a time breaks a rule; correct it, then poll with its handle";
        assert_eq!(error.to_string(), format!("did not poll task {}: {said}", handle.task_id()));
    }
    assert_eq!(emulator.request_count(), requests);
}
