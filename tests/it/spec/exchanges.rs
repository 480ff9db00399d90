//! The examples of the spec, exchanged: each request is what the client sends, each response what it reads.

use koodrive_share::{
    Client, DownloadUrl, Error, FileStatus, Outcome, ServiceCode, TaskHandle, TaskResult, TaskState, TaskStatus,
};
use serde_json::{Map, Value, json};

use super::{resolve, spec};
use crate::support::{
    fixtures::builder_at,
    scripted_server::{ScriptedServer, Step, json_reply},
};

/// An operation, with its examples.
struct Operation {
    id: String,
    requests: Vec<Value>,
    /// Each with its status.
    responses: Vec<(u16, Value)>,
}

fn operations(spec: &Value) -> Vec<Operation> {
    let paths = spec["paths"].as_object().unwrap().values();
    let operations = paths.flat_map(|path| path.as_object().unwrap().values());
    let operations = operations.map(|operation| {
        let responses = operation["responses"].as_object().unwrap().iter();
        Operation {
            id: operation["operationId"].as_str().unwrap().to_owned(),
            requests: examples(spec, &operation["requestBody"]),
            responses: responses
                .flat_map(|(status, response)| {
                    let status = status.parse().unwrap();
                    examples(spec, response).into_iter().map(move |example| (status, example))
                })
                .collect(),
        }
    });
    operations.collect()
}

/// The examples of a request's or a response's body; there are some.
fn examples(spec: &Value, body: &Value) -> Vec<Value> {
    let body = body["$ref"].as_str().map_or(body, |reference| resolve(spec, reference).unwrap());
    let examples = body["content"]["application/json"]["examples"].as_object();
    let examples = examples.unwrap_or_else(|| panic!("no examples in {body}")).values();
    examples.map(|example| example["value"].clone()).collect()
}

/// What the client gives for a response of success.
enum Given {
    Handle(TaskHandle),
    Status(TaskStatus),
}

/// Makes the call of an operation from the body of a request.
async fn call(client: &Client, operation: &str, request: &Value) -> Result<Given, Error> {
    match operation {
        "createBatchTask" => {
            let task = serde_json::from_value(request.clone()).unwrap();
            client.create(&task).await.map(Given::Handle)
        }
        "getBatchTask" => {
            let text = |field: &str| request[field].as_str().unwrap();
            let mut handle = TaskHandle::new(text("taskId"), text("shareId"), client.endpoint(), None);
            if request.get("kdstoken").is_some() {
                handle = handle.with_kdstoken(text("kdstoken"));
            }
            client.status(&handle).await.map(Given::Status)
        }
        other => panic!("the client has no {other}"),
    }
}

/// Makes a call that is answered like this. Returns the body that was sent, too.
async fn exchange(operation: &str, request: &Value, status: u16, response: &Value) -> (Value, Result<Given, Error>) {
    let script = vec![vec![Step::Request, Step::Send(json_reply(status, response))]];
    let server = ScriptedServer::start(script).await;
    let client = builder_at(&server.endpoint()).max_attempts(1).build().unwrap();
    let given = call(&client, operation, request).await;
    drop(client);
    let seen = server.finish().await;
    let (_, sent) = seen.requests[0].split_once("\r\n\r\n").unwrap();
    (serde_json::from_str(sent).unwrap(), given)
}

#[tokio::test]
async fn every_example_of_a_request_is_sent_as_it_is() {
    for Operation { id, requests, responses } in operations(&spec()) {
        let (status, response) = &responses[0];
        for request in requests {
            let (sent, _) = exchange(&id, &request, *status, response).await;
            assert_eq!(sent, request, "{id}");
        }
    }
}

#[tokio::test]
async fn every_example_of_a_response_gives_what_it_says() {
    for Operation { id, requests, responses } in operations(&spec()) {
        let request = &requests[0];
        for (status, response) in responses {
            let context = format!("{id} {status} {response}");
            let (_, given) = exchange(&id, request, status, &response).await;
            let succeeded = status == 200 && response["code"] == 0;
            assert_eq!(given.is_ok(), succeeded, "{context}");
            match given {
                Ok(Given::Handle(handle)) => {
                    assert_eq!(handle.task_id(), response["taskId"], "{context}");
                    assert_eq!(handle.share_id(), request["shareId"], "{context}");
                }
                Ok(Given::Status(given)) => {
                    assert_eq!(told(&given), expected(&response), "{context}");
                }
                Err(error) => {
                    assert_eq!(error.status(), Some(status), "{context}");
                    // An answer that the spec calls a refusal, or a failure after which nothing is known.
                    let outcome = if status == 500 { Outcome::Unknown } else { Outcome::Rejected };
                    assert_eq!((error.outcome(), error.is_unauthorized()), (outcome, status == 401), "{context}");
                    let either =
                        |service: &str, gateway: &str| response.get(service).or(response.get(gateway)).cloned();
                    let code =
                        either("code", "error_code").map(|code| code.as_str().map_or(code.to_string(), str::to_owned));
                    assert_eq!(error.service_code().map(ServiceCode::as_str), code.as_deref(), "{context}");
                    assert_eq!(error.message().map(Value::from), either("msg", "error_msg"), "{context}");
                }
            }
        }
    }
}

/// All that a status tells, as the reference writes it: the job, and the files.
fn told(status: &TaskStatus) -> (Value, Vec<Value>) {
    let (state, result) = match status.state() {
        TaskState::Pending => (0, None),
        TaskState::Running => (1, None),
        TaskState::Completed(TaskResult::AllSucceeded) => (2, Some(1)),
        TaskState::Completed(TaskResult::PartiallyFailed) => (2, Some(2)),
        TaskState::Completed(TaskResult::AllFailed) => (2, Some(3)),
        TaskState::Cancelled => (3, None),
        other => panic!("{other}"),
    };
    let time = |time: Option<chrono::NaiveDateTime>| json!(time.map(|time| time.format("%Y%m%d%H%M%S").to_string()));
    let job = json!({
        "createTime": time(status.created()),
        "downloadUrl": status.download_url().map(DownloadUrl::expose),
        "endTime": time(status.ended()),
        "progress": status.progress(),
        "startTime": time(status.started()),
        "taskResultCode": result,
        "taskStatus": state,
        "taskType": status.task_type().map(i64::from),
    });
    let files = status.files().iter().map(|file| {
        let status = file.status().map(|status| match status {
            FileStatus::Pending => "0",
            FileStatus::Succeeded => "1",
            FileStatus::Failed => "2",
            other => panic!("{other}"),
        });
        present(&json!({
            "fileId": file.file_id(),
            "newFileId": file.new_file_id(),
            "srcContainerId": file.source_container_id(),
            "status": status,
        }))
    });
    (present(&job), files.collect())
}

/// The same of a response, but for what the caller knows itself.
fn expected(response: &Value) -> (Value, Vec<Value>) {
    let mut job = response["jobInfo"].clone();
    job["progress"] = json!(job["progress"].as_f64());
    for known in ["taskId", "userId"] {
        job.as_object_mut().unwrap().remove(known);
    }
    let files = match &response["taskInfos"] {
        Value::Null => vec![],
        Value::Array(files) => files.clone(),
        file => vec![file.clone()],
    };
    (present(&job), files)
}

fn present(fields: &Value) -> Value {
    let fields = fields.as_object().unwrap().iter().filter(|(_, value)| !value.is_null());
    Value::Object(fields.map(|(name, value)| (name.clone(), value.clone())).collect::<Map<_, _>>())
}
