//! Querying a task, against the emulator.

use koodrive_share::{DownloadUrl, Error, FileStatus, Outcome, TaskHandle, TaskResult, TaskState, TaskStatus};
use koodrive_share_emulator::{Answer, CodeShape, Emulator, Fault, Schedule, Step, TaskInfosShape};
use serde_json::json;

use crate::support::fixtures::{FILE, KDSTOKEN, broken, builder, client, dump, package, strict_emulator};

/// Returns the status of a package download at the first poll of this schedule.
async fn status_of(steps: impl IntoIterator<Item = Step>) -> TaskStatus {
    let emulator = strict_emulator().schedule(Schedule::by_polls(steps)).start().await.unwrap();
    let client = client(&emulator);
    let handle = client.create(&package().build().unwrap()).await.unwrap();
    client.status(&handle).await.unwrap()
}

#[tokio::test]
async fn each_state_of_the_reference_and_any_other_is_read() {
    let cases = [
        (Step::pending(), TaskState::Pending, false),
        (Step::running(30), TaskState::Running, false),
        (Step::completed(1), TaskState::Completed(TaskResult::AllSucceeded), true),
        (Step::completed(2), TaskState::Completed(TaskResult::PartiallyFailed), true),
        (Step::completed(3), TaskState::Completed(TaskResult::AllFailed), true),
        (Step::completed(9), TaskState::Completed(TaskResult::Other(9)), true),
        (Step::cancelled(), TaskState::Cancelled, true),
        (Step::new(7), TaskState::Other(7), false),
        (Step::new(-1), TaskState::Other(-1), false),
    ];
    for (step, state, is_final) in cases {
        let status = status_of([step]).await;
        assert_eq!((status.state, status.state.is_final()), (state, is_final));
    }
}

#[tokio::test]
async fn progress_and_times_are_told_as_the_service_writes_them() {
    let status = status_of([Step::running(70)]).await;
    assert_eq!(status.progress, Some(70.0));
    assert!(status.created.is_some() && status.started.is_some() && status.ended.is_none());
    let status = status_of([Step::completed(1)]).await;
    assert!(status.ended >= status.started && status.started >= status.created);
}

#[tokio::test]
async fn the_download_url_is_read_and_not_shown() {
    let url = "https://download.invalid/photos.zip?token=s3cret";
    let status = status_of([Step::completed(1).download_url(url)]).await;
    assert_eq!(status.download_url.as_ref().unwrap().expose(), url);
    assert!(!format!("{status:?}").contains("s3cret"), "{status:?}");
    let status = status_of([Step::completed(1).without_download_url()]).await;
    assert!(status.download_url.is_none());
}

#[tokio::test]
async fn files_are_read_in_every_shape_the_editions_have() {
    for (shape, count) in [
        (TaskInfosShape::Array, 1),
        (TaskInfosShape::Object, 1),
        (TaskInfosShape::Null, 0),
        (TaskInfosShape::Absent, 0),
    ] {
        let status = status_of([Step::completed(1).task_infos(shape)]).await;
        assert_eq!(status.files.len(), count, "{shape:?}");
        for file in status.files {
            assert_eq!(file.file_id.as_deref(), Some(FILE));
            assert_eq!(file.status.as_ref(), Some(&FileStatus::Succeeded));
        }
    }
    let status = status_of([Step::running(1).code(CodeShape::Digits)]).await;
    assert_eq!(status.state, TaskState::Running);
}

#[tokio::test]
async fn the_status_of_each_file_is_read() {
    let emulator = strict_emulator().schedule(Schedule::partially_failed()).start().await.unwrap();
    let client = client(&emulator);
    let task = dump().file_ids(["a", "b"]).build().unwrap();
    let handle = client.create(&task).await.unwrap();
    let status = client.poller(handle).until_done().await.unwrap();
    let ends: Vec<_> = status.files.iter().map(|file| file.status.as_ref().unwrap()).collect();
    assert!(ends.contains(&&FileStatus::Failed) && ends.contains(&&FileStatus::Succeeded), "{ends:?}");
}

async fn answered(answer: Answer, attempts: u32) -> (Emulator, Result<TaskStatus, Error>) {
    let emulator = strict_emulator().start().await.unwrap();
    let client = builder(&emulator).max_attempts(attempts).build().unwrap();
    let handle = client.create(&dump().build().unwrap()).await.unwrap();
    emulator.fail_next(Fault::Reply(answer));
    let status = client.status(&handle).await;
    (emulator, status)
}

#[tokio::test]
async fn a_query_is_repeated_where_a_creation_is_not() {
    for status in [429, 500, 502, 503, 504] {
        let (emulator, outcome) = answered(Answer::new(status), 2).await;
        outcome.unwrap();
        // The requests are the creation, the failed query, and its retry.
        assert_eq!(emulator.request_count(), 3, "{status}");
    }
    let (emulator, outcome) = answered(Answer::service(400, "13000309", "gone"), 2).await;
    assert_eq!(outcome.unwrap_err().outcome(), Outcome::Rejected);
    assert_eq!(emulator.request_count(), 2);
}

#[tokio::test]
async fn a_query_whose_reply_breaks_off_is_repeated() {
    let emulator = strict_emulator().start().await.unwrap();
    let client = client(&emulator);
    let handle = client.create(&dump().build().unwrap()).await.unwrap();
    emulator.fail_next(Fault::CutAnswer { after: 5 });
    client.status(&handle).await.unwrap();
    assert_eq!(emulator.request_count(), 3);
}

#[tokio::test]
async fn numbers_and_times_are_read_as_text_too() {
    let job = json!({"taskStatus": "2", "taskResultCode": "3", "createTime": 20_251_103_070_140_i64});
    let (_, status) = answered(Answer::json(200, &json!({"code": 0, "jobInfo": job})), 1).await;
    let status = status.unwrap();
    assert_eq!(status.state, TaskState::Completed(TaskResult::AllFailed));
    assert_eq!(status.created.unwrap().to_string(), "2025-11-03 07:01:40");
}

#[tokio::test]
async fn times_of_other_than_14_digits_are_none() {
    // The texts have 13 digits, milliseconds since 1970, a sign, and a blank.
    for time in ["2025110307014", "1710121314159", "+2025110307014", "2025 103070140"] {
        let job = json!({"taskStatus": 1, "createTime": time});
        let (_, status) = answered(Answer::json(200, &json!({"code": 0, "jobInfo": job})), 1).await;
        assert_eq!(status.unwrap().created, None, "{time:?}");
    }
}

#[tokio::test]
async fn a_failed_query_may_be_asked_again() {
    let (_, outcome) = answered(Answer::new(200), 1).await;
    let error = outcome.unwrap_err().to_string();
    assert!(error.contains("ask again") && !error.contains("carried out"), "{error}");
}

#[tokio::test]
async fn a_refused_query_may_name_its_task() {
    let body = json!({"code": "13999999", "msg": "no", "taskId": "777"});
    let (_, outcome) = answered(Answer::json(400, &body), 1).await;
    assert!(outcome.unwrap_err().is_refused());
}

#[tokio::test]
async fn a_task_id_from_elsewhere_is_enough_to_ask() {
    let emulator = strict_emulator().start().await.unwrap();
    let client = client(&emulator);
    let created = client.create(&package().build().unwrap()).await.unwrap();
    let handle = TaskHandle::new(created.task_id(), created.share_id(), client.endpoint(), None);
    client.status(&handle).await.unwrap();
}

#[tokio::test]
async fn success_without_a_job_is_unknown() {
    let (_, outcome) = answered(Answer::json(200, &json!({"code": 0})), 1).await;
    let error = outcome.unwrap_err();
    assert_eq!((error.outcome(), error.status()), (Outcome::Unknown, Some(200)));
}

#[tokio::test]
async fn a_saved_handle_and_its_kdstoken_are_enough_to_ask() {
    let emulator = strict_emulator().share_access(KDSTOKEN).start().await.unwrap();
    let handle = client(&emulator).create(&dump().build().unwrap()).await.unwrap();
    let saved = serde_json::to_string(&handle).unwrap();
    let read: TaskHandle = serde_json::from_str(&saved).unwrap();
    let client = client(&emulator);
    client.status(&read).await.unwrap_err();
    client.status(&read.with_kdstoken(KDSTOKEN)).await.unwrap();
}

#[tokio::test]
async fn a_handle_of_another_endpoint_is_refused_unsent() {
    let emulators = [strict_emulator().start().await.unwrap(), strict_emulator().start().await.unwrap()];
    let handle = client(&emulators[0]).create(&dump().build().unwrap()).await.unwrap();
    let error = client(&emulators[1]).status(&handle.with_kdstoken("")).await.unwrap_err();
    let expected = ["endpoint endpoint-of-task", "$.kdstoken not-empty"];
    assert_eq!(broken(error.validation_error().unwrap()), expected);
    assert_eq!(emulators[1].request_count(), 0);
}

#[tokio::test]
async fn a_status_is_written_without_secrets_and_read_back() {
    let url = "https://download.invalid/photos.zip?token=s3cret";
    let status = status_of([Step::completed(2).download_url(url)]).await;
    let json = serde_json::to_value(&status).unwrap();
    assert_eq!(json["state"], json!({"completed": "partiallyFailed"}));
    assert_eq!(json["files"][0]["fileId"], FILE);
    assert!(!json.to_string().contains("s3cret") && !json.to_string().contains("ownloadUrl"), "{json}");
    let read: TaskStatus = serde_json::from_value(json.clone()).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), json);
    assert_eq!((read.is_done(), read.is_success()), (true, false));
}

#[test]
fn a_test_can_make_a_status_from_some_of_its_fields() {
    let status: TaskStatus = serde_json::from_value(json!({"state": "running"})).unwrap();
    assert_eq!((status.state, status.is_done(), status.files.len()), (TaskState::Running, false, 0));
    let json = json!({"state": {"completed": "allSucceeded"}, "downloadUrl": "https://a.invalid/b"});
    let status: TaskStatus = serde_json::from_value(json).unwrap();
    assert!(status.is_success());
    assert_eq!(status.download_url.as_ref().unwrap().expose(), "https://a.invalid/b");
    assert!(serde_json::from_value::<TaskStatus>(json!({"state": "soon"})).is_err());
}

#[test]
fn a_download_url_is_read_from_whatever_holds_a_text() {
    let url: DownloadUrl = serde_json::from_value(json!("https://a.invalid/b")).unwrap();
    assert_eq!(url.expose(), "https://a.invalid/b");
    let url: DownloadUrl = serde_json::from_reader(&br#""https://a.invalid/b""#[..]).unwrap();
    assert_eq!(url.expose(), "https://a.invalid/b");
    assert!(serde_json::from_value::<DownloadUrl>(json!(["https://a.invalid/b"])).is_err());
}

#[tokio::test]
async fn a_handle_of_ids_has_the_clients_endpoint_and_a_trailing_slash_is_ignored() {
    let emulator = strict_emulator().start().await.unwrap();
    let client = client(&emulator);
    let created = client.create(&dump().build().unwrap()).await.unwrap();
    let handle = client.handle(created.task_id(), created.share_id()).with_kdstoken(KDSTOKEN);
    client.status(&handle).await.unwrap();
    let endpoint = format!("{}/", client.endpoint());
    let handle = TaskHandle::new(created.task_id(), created.share_id(), endpoint, None).with_kdstoken(KDSTOKEN);
    client.status(&handle).await.unwrap();
}

#[tokio::test]
async fn a_refusal_of_a_handle_without_a_kdstoken_says_so() {
    let emulator = strict_emulator().start().await.unwrap();
    let client = client(&emulator);
    let handle = client.create(&dump().kdstoken(KDSTOKEN).build().unwrap()).await.unwrap();
    let saved = serde_json::to_string(&handle).unwrap();
    let restored: TaskHandle = serde_json::from_str(&saved).unwrap();
    for (handle, is_told) in [(handle, false), (restored, true)] {
        emulator.fail_next(Fault::Reply(Answer::service(400, "13000410", "no right")));
        let error = client.status(&handle).await.unwrap_err();
        assert_eq!(error.to_string().contains("which a saved handle lacks"), is_told, "{error}");
    }
}
