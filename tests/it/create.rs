//! Creating a task, against the emulator: the request on the wire, and the result for a reply.

use koodrive_share::{
    AccessToken, Client, Credentials, Error, Outcome, ServiceCode, ShareTask, TargetDirectory, TaskHandle, TraceId,
    XDate,
};
use koodrive_share_emulator::{Answer, CodeShape, Emulator, Fault};
use serde_json::json;

use crate::{
    spec::{resolve, spec},
    support::fixtures::{FILE, KDSTOKEN, SHARE, SPACE, USER, broken, builder, client, dump, package, strict_emulator},
};

/// The error of a creation that gets this answer.
async fn refused_with(answer: Answer) -> Error {
    let emulator = strict_emulator().start().await.unwrap();
    emulator.fail_next(Fault::Reply(answer));
    let client = builder(&emulator).max_attempts(1).build().unwrap();
    let task = dump().build().unwrap();
    let error = client.create(&task).await.unwrap_err();
    assert_eq!(error.trace_id(), Some(task.trace_id()));
    assert_eq!(emulator.faults_left(), 0);
    error
}

#[tokio::test]
async fn the_source_example_comes_out_json_equal() {
    let emulator = strict_emulator().start().await.unwrap();
    client(&emulator).create(&dump().build().unwrap()).await.unwrap();
    let operation = &spec()["paths"]["/koodrive/ose/v1/share/tasks"]["post"];
    let example = &operation["requestBody"]["content"]["application/json"]["examples"]["dump"];
    assert_eq!(emulator.requests()[0].json().unwrap(), example["value"]);
}

#[tokio::test]
async fn exactly_the_documented_headers_and_the_standard_ones_are_sent() {
    let emulator = strict_emulator().start().await.unwrap();
    let task = dump().build().unwrap();
    client(&emulator).create(&task).await.unwrap();
    let requests = emulator.requests();
    let names = requests[0].headers().iter();
    let mut names: Vec<String> = names.map(|(name, _)| name.clone()).collect();
    names.sort_unstable();
    let spec = spec();
    let operation = &spec["paths"]["/koodrive/ose/v1/share/tasks"]["post"];
    let documented = operation["parameters"].as_array().unwrap().iter();
    let documented = documented.map(|parameter| {
        let parameter = resolve(&spec, parameter["$ref"].as_str().unwrap()).unwrap();
        assert_eq!(parameter["in"], "header");
        parameter["name"].as_str().unwrap().to_lowercase()
    });
    let standard = ["accept", "authorization", "content-length", "content-type", "host", "user-agent"];
    let standard = standard.map(str::to_owned);
    let mut expected: Vec<String> = documented.chain(standard).collect();
    expected.sort_unstable();
    assert_eq!(names, expected);
    let header = |name| requests[0].header(name).unwrap();
    assert_eq!(header("authorization"), format!("Bearer {}", Emulator::DEFAULT_TOKEN));
    assert_eq!(header("content-type"), "application/json");
    assert_eq!(header("x-traceid"), task.trace_id().as_str());
    assert_eq!(header("x-user-id"), USER);
    assert_eq!(header("x-hw-agentname"), "carrier");
    assert_eq!(header("user-agent"), concat!("koodrive-share/", env!("CARGO_PKG_VERSION")));
}

#[tokio::test]
async fn a_body_holds_no_absent_field() {
    let emulator = strict_emulator().start().await.unwrap();
    client(&emulator).create(&package().build().unwrap()).await.unwrap();
    let expected = json!({
        "taskType": 1, "containerId": SPACE, "fileIds": [FILE], "shareId": SHARE, "zipName": "photos.zip",
    });
    assert_eq!(emulator.requests()[0].json().unwrap(), expected);
}

#[tokio::test]
async fn a_root_target_is_sent_as_root() {
    let emulator = strict_emulator().start().await.unwrap();
    let task = ShareTask::dump(TargetDirectory::root("mine")).share_id(SHARE).container_id(SPACE);
    client(&emulator).create(&task.file_ids([FILE]).build().unwrap()).await.unwrap();
    let body = emulator.requests()[0].json().unwrap();
    assert_eq!(body["targetFileId"], json!({"fileId": "root", "containerId": "mine"}));
}

#[tokio::test]
async fn a_path_prefix_stands_before_the_path() {
    let emulator = strict_emulator().path_prefix("/gate/way").start().await.unwrap();
    let client = client(&emulator);
    client.create(&dump().build().unwrap()).await.unwrap();
    assert_eq!(emulator.requests()[0].path(), "/gate/way/koodrive/ose/v1/share/tasks");
}

#[tokio::test]
async fn code_0_with_a_task_id_is_a_handle() {
    for shape in [CodeShape::Number, CodeShape::Digits] {
        let emulator = strict_emulator().create_code(shape).start().await.unwrap();
        let task = dump().build().unwrap();
        let handle = client(&emulator).create(&task).await.unwrap();
        assert_eq!(handle.task_id(), emulator.tasks()[0].task_id());
        assert_eq!(handle.share_id(), SHARE);
        assert_eq!(handle.trace_id(), task.trace_id());
        assert_eq!(handle.endpoint(), emulator.endpoint());
    }
}

#[tokio::test]
async fn a_handle_serialises_without_the_kdstoken() {
    let emulator = strict_emulator().start().await.unwrap();
    let handle = client(&emulator).create(&dump().build().unwrap()).await.unwrap();
    let saved = serde_json::to_string(&handle).unwrap();
    assert!(!saved.contains(KDSTOKEN) && !format!("{handle:?}").contains(KDSTOKEN), "{saved}");
    let read: TaskHandle = serde_json::from_str(&saved).unwrap();
    assert_eq!(serde_json::to_string(&read).unwrap(), saved);
}

#[tokio::test]
async fn a_code_other_than_0_is_a_refusal_under_any_status_the_service_uses() {
    for status in [200, 400, 401, 500] {
        for code in [json!(13_000_311), json!("13000311")] {
            let body = json!({"code": code, "msg": "not enough space"});
            let error = refused_with(Answer::json(status, &body).header("X-Request-Id", "r1")).await;
            assert_eq!(error.outcome(), Outcome::Rejected, "{status} {error}");
            assert_eq!(error.status(), Some(status));
            assert_eq!(error.service_code(), Some(&ServiceCode::NotEnoughSpace));
            assert_eq!(error.message(), Some("not enough space"));
            assert_eq!(error.request_id(), Some("r1"));
            assert!(error.to_string().contains("free space in the target"), "{error}");
        }
    }
}

#[tokio::test]
async fn a_gateway_error_is_read_in_its_own_form() {
    let error = refused_with(Answer::gateway(400, "APIGW.0308", "throttled")).await;
    assert_eq!(error.outcome(), Outcome::Rejected);
    assert_eq!(error.service_code().map(ServiceCode::as_str), Some("APIGW.0308"));
    assert_eq!(error.message(), Some("throttled"));
}

#[tokio::test]
async fn a_server_error_settles_nothing_unless_its_code_is_a_listed_refusal() {
    let error = refused_with(Answer::service(500, "13000001", "internal")).await;
    assert_eq!(error.outcome(), Outcome::Unknown);
    assert_eq!(error.service_code().map(ServiceCode::as_str), Some("13000001"));
    let error = refused_with(Answer::gateway(504, "APIGW.0201", "time-out")).await;
    assert_eq!(error.outcome(), Outcome::Unknown);
}

#[tokio::test]
async fn a_reply_that_cannot_be_read_is_unknown_with_its_status_and_why() {
    let html = Answer::new(200).header("Content-Type", "text/html").body("<html></html>");
    for (answer, reason) in [
        (html, "its body (text/html) is not what the service documents"),
        (Answer::new(200), "its body is empty"),
        (Answer::json(200, &json!({"code": 0, "msg": "Success"})), "it reports success without a task id"),
    ] {
        let error = refused_with(answer).await;
        assert_eq!(error.outcome(), Outcome::Unknown, "{error}");
        assert!(error.to_string().contains(reason), "{error}");
        assert_eq!(error.status(), Some(200));
        assert!(!error.is_retryable(), "{error}");
    }
}

#[tokio::test]
async fn html_of_a_refusal_keeps_its_status() {
    for status in [400, 401, 403] {
        let error = refused_with(Answer::new(status).body("<html>no</html>")).await;
        assert_eq!((error.outcome(), error.status()), (Outcome::Rejected, Some(status)));
    }
    let error = refused_with(Answer::new(500).body("<html>no</html>")).await;
    assert_eq!((error.outcome(), error.status()), (Outcome::Unknown, Some(500)));
}

#[tokio::test]
async fn secrets_are_scrubbed_from_what_the_service_says() {
    let echo = format!("no: {KDSTOKEN} Bearer {} \u{1b}[31m", Emulator::DEFAULT_TOKEN);
    let error = refused_with(Answer::service(400, "13000102", &echo)).await;
    assert_eq!(error.message(), Some("no: *** Bearer *** \\u{1b}[31m"));
}

#[tokio::test]
async fn a_given_x_date_outside_the_window_is_not_sent() {
    let emulator = strict_emulator().start().await.unwrap();
    let now = chrono::Utc::now();
    for off in [chrono::TimeDelta::minutes(-16), chrono::TimeDelta::minutes(1)] {
        let task = dump().x_date(XDate::from(now + off)).build().unwrap();
        let error = client(&emulator).create(&task).await.unwrap_err();
        assert_eq!(error.outcome(), Outcome::NotSent);
        assert_eq!(broken(error.validation_error().unwrap()), ["X-Date x-date-window"]);
    }
    assert_eq!(emulator.request_count(), 0);
    let date = XDate::from(now - chrono::TimeDelta::minutes(5));
    client(&emulator).create(&dump().x_date(date).build().unwrap()).await.unwrap();
    assert_eq!(emulator.requests()[0].header("x-date"), Some(date.to_string().as_str()));
}

#[tokio::test]
async fn throttling_is_resent_within_the_attempts_and_nothing_else_is() {
    let emulator = strict_emulator().start().await.unwrap();
    let busy = Answer::gateway(429, "APIGW.0308", "throttled").header("Retry-After", "0");
    emulator.fail_next(Fault::Reply(busy.clone()));
    client(&emulator).create(&dump().build().unwrap()).await.unwrap();
    // The requests are the refused attempt and the one that succeeded.
    assert_eq!(emulator.request_count(), 2);
    for _ in 0..3 {
        emulator.fail_next(Fault::Reply(busy.clone()));
    }
    let error = client(&emulator).create(&dump().build().unwrap()).await.unwrap_err();
    assert!(error.is_throttled() && error.is_refused(), "{error}");
    // There were three more requests: the default number of attempts.
    assert_eq!(emulator.request_count(), 5);
    emulator.fail_next(Fault::CloseAfterProcessing);
    let error = client(&emulator).create(&dump().build().unwrap()).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Unknown);
    // There was one more request: after a lost reply, none is sent again.
    assert_eq!(emulator.request_count(), 6);
}

#[tokio::test]
async fn a_task_that_a_reply_names_may_exist_and_is_not_made_again() {
    let bodies = [
        json!({"code": 0, "taskId": "777"}),
        json!({"code": 200, "msg": "OK", "taskId": "777"}),
        json!({"code": "-1", "taskId": 777}),
        json!({"error_code": "APIGW.0001", "taskId": "777"}),
    ];
    for body in bodies {
        for status in [429, 401, 400, 500, 200] {
            if status == 200 && body["code"] == 0 {
                continue;
            }
            let emulator = strict_emulator().start().await.unwrap();
            emulator.fail_next(Fault::ReplyAfterProcessing(Answer::json(status, &body)));
            let token = || async { Ok(AccessToken::new(Emulator::DEFAULT_TOKEN)) };
            let client = builder(&emulator).credentials(Credentials::provider(token)).build().unwrap();
            let error = client.create(&dump().build().unwrap()).await.unwrap_err();
            assert_eq!(error.outcome(), Outcome::Unknown, "{status} {body} {error}");
            if body["taskId"].is_string() {
                let text = error.to_string();
                assert!(text.contains("it names task 777 without"), "{text}");
            }
            assert_eq!(emulator.tasks().len(), 1, "{status} {body}");
        }
    }
    // Even a refusal that the reference lists proves nothing if it names a task.
    let body = json!({"code": 13_000_311, "taskId": "777"});
    let error = refused_with(Answer::json(200, &body)).await;
    assert_eq!((error.outcome(), error.task_id()), (Outcome::Unknown, Some("777")));
    // The same holds if an empty object stands beside the one that names the task.
    for body in [
        json!({"code": 13_000_311, "jobInfo": {}, "taskInfo": {"taskId": "777"}}),
        json!({"code": 13_000_311, "jobInfo": {"taskId": 777}, "taskInfo": {}}),
    ] {
        let error = refused_with(Answer::json(200, &body)).await;
        assert_eq!((error.outcome(), error.task_id()), (Outcome::Unknown, Some("777")), "{body}");
    }
}

#[tokio::test]
async fn a_proxy_that_gave_up_settles_nothing() {
    let error = refused_with(Answer::new(499)).await;
    assert_eq!(error.outcome(), Outcome::Unknown);
}

#[tokio::test]
async fn a_retry_after_date_is_read_by_the_servers_clock() {
    let answer = Answer::new(429)
        .header("Date", "Thu, 01 Jan 2026 00:00:00 GMT")
        .header("Retry-After", "Thu, 01 Jan 2026 00:00:07 GMT");
    let wait = refused_with(answer).await.retry_after();
    assert_eq!(wait, Some(std::time::Duration::from_secs(7)));
}

#[tokio::test(start_paused = true)]
async fn no_attempt_begins_without_time_to_connect() {
    let second = std::time::Duration::from_secs(1);
    let emulator = strict_emulator().start().await.unwrap();
    let slow_token = || async {
        tokio::time::sleep(std::time::Duration::from_millis(600)).await;
        Ok(AccessToken::new(Emulator::DEFAULT_TOKEN))
    };
    let client = builder(&emulator).credentials(Credentials::provider(slow_token));
    let client = client.timeout(second * 3 / 2).connect_timeout(second).build().unwrap();
    // When the token comes, 0.9 s of the 1.5 s are left: less than a connection may take.
    let error = client.create(&dump().build().unwrap()).await.unwrap_err();
    assert!(error.is_timeout() && error.outcome() == Outcome::NotSent, "{error}");
    assert_eq!(emulator.request_count(), 0);
    // The token is cached now.
    client.create(&dump().build().unwrap()).await.unwrap();
    // No further attempt begins either: after the 401, renewing the token would leave too little time.
    emulator.revoke_token(Emulator::DEFAULT_TOKEN);
    let error = client.create(&dump().build().unwrap()).await.unwrap_err();
    assert_eq!((error.outcome(), emulator.request_count()), (Outcome::NotSent, 2), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_resend_has_no_more_time_than_is_left() {
    let second = std::time::Duration::from_secs(1);
    let emulator = strict_emulator().start().await.unwrap();
    let busy = Answer::new(429).header("Retry-After", "2");
    emulator.fail_next(Fault::Reply(busy));
    emulator.fail_next(Fault::Delay(10 * second));
    let client = builder(&emulator).timeout(3 * second);
    let client = client.connect_timeout(second / 10).build().unwrap();
    let began = tokio::time::Instant::now();
    let error = client.create(&dump().build().unwrap()).await.unwrap_err();
    let took = began.elapsed();
    assert!(error.is_timeout() && error.outcome() == Outcome::Unknown, "{error}");
    // If the second attempt had all 3 s, the call would take 5 s with the wait of 2 s.
    assert!(took >= 3 * second && took < 4 * second, "{took:?}");
    assert_eq!(emulator.request_count(), 2);
}

#[tokio::test]
async fn every_attempt_is_dated_anew_but_keeps_the_trace_id() {
    let emulator = strict_emulator().start().await.unwrap();
    let trace_id = TraceId::random();
    let busy = Answer::new(429).header("Retry-After", "1");
    emulator.fail_next(Fault::Reply(busy));
    let task = dump().trace_id(trace_id.clone()).build().unwrap();
    client(&emulator).create(&task).await.unwrap();
    let requests = emulator.requests();
    for request in &requests {
        assert_eq!(request.header("x-traceid"), Some(trace_id.as_str()));
    }
    // The requests are at least as far apart as the second that the service asked for.
    assert!(requests[0].header("x-date") < requests[1].header("x-date"), "{requests:?}");
}

#[test]
fn the_futures_can_be_sent_between_threads() {
    fn is_send<T: Send>(_: T) {}
    fn check(client: &Client, task: &ShareTask, handle: &TaskHandle) {
        is_send(client.create(task));
        is_send(client.status(handle));
        is_send(client.poller(handle.clone()).until_done());
        is_send(client.poller(handle.clone()).into_stream());
    }
    let _ = check;
}
