//! How to test code of your own that calls this crate: the mock answers what the test says.
//!
//! `cargo run --example mock --features httpmock` runs it.

use std::error::Error;

use koodrive_share::{
    Client, Credentials, ServiceCode, ShareTask, TargetDirectory,
    mock::{CreateBatchTaskResponse, ErrorBody, MockServerExt, httpmock::MockServer},
};

/// The code under test: saves a file, and says what became of it.
async fn save(client: &Client, task: &ShareTask) -> String {
    match client.create(task).await {
        Ok(handle) => format!("saving it as task {}", handle.task_id()),
        Err(error) if error.service_code() == Some(&ServiceCode::NotEnoughSpace) => "there is no space left".to_owned(),
        Err(error) => format!("it failed: {error}"),
    }
}

#[tokio::main]
pub(crate) async fn main() -> Result<(), Box<dyn Error>> {
    let server = MockServer::start_async().await;
    let client = Client::builder()
        .endpoint(server.base_url())
        .credentials(Credentials::bearer("t0ken"))
        .user_id("7")
        .agent_name("carrier")
        .build()?;
    let task = ShareTask::dump(TargetDirectory::root("my-space"))
        .share_id("1689765568237837824")
        .container_id("IAABh_RdhS8bOg0cA1684711052660690818")
        .file_ids(["Fk63FCWhcDAga2puvYKRG1oTMjs-m30sI"])
        .build()?;

    let mut full = server.create_batch_task(|when, then| {
        when.body(&(&task).into());
        then.bad_request(&ErrorBody { code: Some(ServiceCode::NotEnoughSpace), ..ErrorBody::default() });
    });
    assert_eq!(save(&client, &task).await, "there is no space left");
    full.assert_calls(1);
    full.delete();

    let free = server.create_batch_task(|when, then| {
        when.x_traceid(task.trace_id()).body(&(&task).into());
        then.ok(&CreateBatchTaskResponse {
            code: ServiceCode::Success,
            msg: Some("Success".to_owned()),
            task_id: Some("42".to_owned()),
        });
    });
    assert_eq!(save(&client, &task).await, "saving it as task 42");
    free.assert_calls(1);
    println!("the code under test did as it should");
    Ok(())
}
