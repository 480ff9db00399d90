//! The typed mock.

use koodrive_share::{
    Client, Credentials, ServiceCode, ShareTask, TaskHandle,
    mock::{
        CreateBatchTaskRequest, CreateBatchTaskResponse, GetBatchTaskResponse, JobInfo, MockServerExt, OpenNumber,
        TaskInfo, TaskInfos, httpmock::MockServer,
    },
};

#[path = "../../examples/mock.rs"]
mod example;

const KDSTOKEN: &str = "aea2968ec8cfac338cd4647f071c44644c491d0a2039cd6c";
const DOWNLOAD_URL: &str = "https://download.example.com/photos.zip?signature=5e1f";

fn task() -> ShareTask {
    let task = ShareTask::package_download("photos.zip").share_id("s");
    let task = task.container_id("c").file_ids(["f"]).kdstoken(KDSTOKEN);
    task.build().unwrap()
}

fn client(server: &MockServer) -> Client {
    Client::builder()
        .endpoint(server.base_url())
        .credentials(Credentials::bearer("t0ken"))
        .user_id("7")
        .agent_name("carrier")
        .build()
        .unwrap()
}

async fn created(server: &MockServer) -> TaskHandle {
    server.create_batch_task(|when, then| {
        when.body(&(&task()).into());
        then.ok(&CreateBatchTaskResponse { code: ServiceCode::Success, msg: None, task_id: Some("42".to_owned()) });
    });
    client(server).create(&task()).await.unwrap()
}

#[test]
fn the_example_runs() {
    example::main().unwrap();
}

#[tokio::test]
async fn a_typed_reply_arrives_whole() {
    let server = MockServer::start_async().await;
    let handle = created(&server).await;
    let files = [
        TaskInfo {
            file_id: Some("f".to_owned()),
            status: Some(koodrive_share::FileStatus::Succeeded),
            new_file_id: None,
            src_container_id: Some("c".to_owned()),
        },
        TaskInfo::default(),
    ];
    server.get_batch_task(|_, then| {
        then.ok(&GetBatchTaskResponse {
            code: ServiceCode::Success,
            job_info: Some(JobInfo {
                create_time: Some("20251103070140".to_owned().into()),
                download_url: Some(DOWNLOAD_URL.to_owned().into()),
                task_status: Some(OpenNumber(2)),
                task_result_code: Some(OpenNumber(1)),
                ..JobInfo::default()
            }),
            msg: None,
            task_infos: Some(TaskInfos::Many(files.into())),
        });
    });
    let status = client(&server).status(&handle).await.unwrap();
    assert_eq!(status.state().to_string(), "completed, all succeeded");
    assert_eq!(status.download_url().unwrap().expose(), DOWNLOAD_URL);
    assert_eq!(status.created().unwrap().to_string(), "2025-11-03 07:01:40");
    let files: Vec<_> = status.files().iter().map(koodrive_share::FileStatusReport::file_id).collect();
    assert_eq!(files, [Some("f"), None]);
}

#[tokio::test]
async fn a_request_that_differs_from_the_expected_one_gets_no_reply_of_the_mock() {
    let server = MockServer::start_async().await;
    let expected = server.create_batch_task(|when, then| {
        let body = CreateBatchTaskRequest { zip_name: Some("other.zip".to_owned()), ..(&task()).into() };
        when.body(&body);
        then.ok(&CreateBatchTaskResponse { code: ServiceCode::Success, msg: None, task_id: Some("42".to_owned()) });
    });
    let error = client(&server).create(&task()).await.unwrap_err();
    assert_eq!(error.status(), Some(404));
    expected.assert_calls(0);
}

#[test]
fn no_debug_shows_a_secret_of_a_request_or_a_reply() {
    let request = CreateBatchTaskRequest::from(&task());
    let reply = JobInfo { download_url: Some(DOWNLOAD_URL.to_owned().into()), ..JobInfo::default() };
    // On the wire they are there, so the secrets are the ones in use.
    assert!(serde_json::to_string(&request).unwrap().contains(KDSTOKEN));
    assert!(serde_json::to_string(&reply).unwrap().contains(DOWNLOAD_URL));
    assert!(!format!("{request:?}").contains(&KDSTOKEN[..8]));
    assert!(!format!("{reply:?}").contains("download.example"));
}
