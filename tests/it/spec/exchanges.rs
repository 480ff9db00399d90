//! The examples of the spec, exchanged: the client sends each request as it is, and reads each response.

use std::collections::BTreeSet;

use ::spec::secret_fields;
use futures_util::{StreamExt, TryStreamExt};
use koodrive_share::{
    Client, DownloadUrl, Error, FileStatus, FileType, Outcome, ServiceCode, Share, ShareFile, ShareLink,
    SharePermission, TaskHandle, TaskResult, TaskState, TaskStatus,
};
use koodrive_share_emulator::{Answer, Fault, RecordedRequest};
use serde_json::{Map, Value, json};

use super::{join, resolve, spec};
use crate::support::fixtures::{builder, strict_emulator};

/// An operation, with its examples.
struct Operation {
    id: String,
    headers: Vec<String>,
    requests: Vec<Value>,
    /// The responses, each with its status.
    responses: Vec<(u16, Value)>,
}

fn operations(spec: &Value) -> Vec<Operation> {
    let paths = spec["paths"].as_object().unwrap().values();
    let operations = paths.flat_map(|path| path.as_object().unwrap().values());
    // The names of the parameters, each with its example.
    let parameters = |operation: &Value, place: &str| -> Vec<(String, Value)> {
        let parameters = operation["parameters"].as_array().unwrap().iter();
        let parameters = parameters.map(|parameter| resolve(spec, parameter["$ref"].as_str().unwrap()).unwrap());
        let there = parameters.filter(|parameter| parameter["in"] == place);
        there.map(|one| (one["name"].as_str().unwrap().to_owned(), one["example"].clone())).collect()
    };
    let operations = operations.map(|operation| {
        let responses = operation["responses"].as_object().unwrap().iter();
        Operation {
            id: operation["operationId"].as_str().unwrap().to_owned(),
            headers: parameters(operation, "header").into_iter().map(|(name, _)| name).collect(),
            requests: match operation.get("requestBody") {
                Some(body) => examples(spec, body),
                None => vec![Value::Object(parameters(operation, "query").into_iter().collect())],
            },
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

/// The examples of a request's or a response's body, of which there must be some.
fn examples(spec: &Value, body: &Value) -> Vec<Value> {
    let body = body["$ref"].as_str().map_or(body, |reference| resolve(spec, reference).unwrap());
    let examples = body["content"]["application/json"]["examples"].as_object();
    let examples = examples.unwrap_or_else(|| panic!("no examples in {body}")).values();
    examples.map(|example| example["value"].clone()).collect()
}

/// The client's result for a successful response.
enum Given {
    Handle(TaskHandle),
    Status(TaskStatus),
    Share(Box<Share>),
    Files(Vec<ShareFile>),
}

/// A field that is a text or absent. A field of another type is an error, since the client cannot be given it.
fn optional<'a>(request: &'a Value, field: &str) -> Result<Option<&'a str>, ()> {
    request.get(field).map(|value| value.as_str().ok_or(())).transpose()
}

/// Makes the call of an operation from the body of a request. Returns `None` if the client has no such call, or cannot
/// be given the body.
async fn call(client: &Client, operation: &str, request: &Value) -> Option<Result<Given, Error>> {
    let text = |field: &str| request[field].as_str();
    Some(match operation {
        "createBatchTask" => {
            let task = serde_json::from_value(request.clone()).ok()?;
            client.create(&task).await.map(Given::Handle)
        }
        "getBatchTask" => {
            let mut handle = TaskHandle::new(text("taskId")?, text("shareId")?, client.endpoint(), None);
            if let Some(kdstoken) = optional(request, "kdstoken").ok()? {
                handle = handle.with_kdstoken(kdstoken);
            }
            client.status(&handle).await.map(Given::Status)
        }
        "getShareInfo" | "verifyExtractCode" => {
            let link: ShareLink = text("shortUrl")?.parse().ok()?;
            let share = client.open_share(&link, optional(request, "extractCode").ok()?).await;
            share.map(Box::new).map(Given::Share)
        }
        "listShareFiles" => {
            let link: ShareLink = text("shortUrl")?.parse().ok()?;
            let extract_code = request.get("kdstoken").map(|_| "31945314");
            let mut files = client.open_share(&link, extract_code).await.ok()?.files();
            if let Some(directory) = optional(request, "parentFolder").ok()? {
                files = files.directory(directory);
            }
            if let Some(size) = request.get("pageSize") {
                files = files.page_size(u32::try_from(size.as_u64()?).ok()?);
            }
            if let Some(name) = optional(request, "fileName").ok()? {
                files = files.name(name);
            }
            files.into_stream().take(2).try_collect().await.map(Given::Files)
        }
        _ => return None,
    })
}

/// The answers to the calls that the client makes before the request of an operation.
fn answers_before(operation: &str, request: &Value) -> Vec<Value> {
    let info = json!({"code": 0, "link": {"shareId": "s"}});
    let verified = json!({"code": 0, "kdstoken": request.get("kdstoken")});
    let empty = json!({"code": 0});
    let before = json!({"code": 0, "nextCursor": request.get("pageCursor")});
    match operation {
        "verifyExtractCode" => vec![info],
        "listShareFiles" => {
            let verified = request.get("kdstoken").map(|_| verified);
            let before = request.get("pageCursor").map(|_| before);
            [Some(info), verified, Some(empty), before].into_iter().flatten().collect()
        }
        _ => vec![],
    }
}

/// Makes a call that gets this response. Returns the request, if one could be sent, and the result.
async fn exchange(
    operation: &str,
    request: &Value,
    status: u16,
    response: &Value,
) -> (Option<RecordedRequest>, Option<Result<Given, Error>>) {
    let emulator = strict_emulator().start().await.unwrap();
    let before = answers_before(operation, request);
    // The last answer is an empty listing: that of a share being opened, or the next page.
    let after = json!({"code": 0});
    let answers = before.iter().map(|body| (200, body)).chain([(status, response), (200, &after)]);
    for (status, body) in answers {
        emulator.fail_next(Fault::Reply(Answer::json(status, body)));
    }
    let client = builder(&emulator).max_attempts(1).build().unwrap();
    let given = call(&client, operation, request).await;
    (emulator.requests().get(before.len()).cloned(), given)
}

/// The body or the query of a request.
fn content(sent: &RecordedRequest) -> Value {
    match sent.path().split_once("?shortUrl=") {
        Some((_, short_url)) => json!({"shortUrl": short_url}),
        None => sent.json().unwrap(),
    }
}

/// The body or the query that is sent for a body. `None` if nothing can be sent.
pub(super) async fn sent(operation: &str, request: &Value) -> Option<Value> {
    exchange(operation, request, 200, &json!({"code": 0})).await.0.as_ref().map(content)
}

#[tokio::test]
async fn every_example_of_a_request_is_sent_as_it_is_with_every_header() {
    for Operation { id, headers, requests, responses } in operations(&spec()) {
        let (status, response) = &responses[0];
        for request in requests {
            let sent = exchange(&id, &request, *status, response).await.0.unwrap_or_else(|| panic!("{id}"));
            assert_eq!(content(&sent), request, "{id}");
            for header in &headers {
                let is_sent = sent.header(header).is_some_and(|value| !value.is_empty());
                assert!(
                    is_sent,
                    "{id}: {header} is not sent; if it is optional, set it in `builder_at` of tests/it/support/fixtures.rs"
                );
            }
        }
    }
}

#[tokio::test]
async fn every_example_of_a_response_gives_what_it_says() {
    for Operation { id, requests, responses, .. } in operations(&spec()) {
        let request = &requests[0];
        for (status, response) in responses {
            let context = format!("{id} {status} {response}");
            let (_, given) = exchange(&id, request, status, &response).await;
            let given = given.unwrap_or_else(|| panic!("{context}: the client has no such call"));
            let succeeded = status == 200 && response["code"] == 0;
            assert_eq!(given.is_ok(), succeeded, "{context}");
            match given {
                Ok(Given::Handle(handle)) => {
                    assert_eq!(handle.task_id(), response["taskId"], "{context}");
                    assert_eq!(handle.share_id(), request["shareId"], "{context}");
                }
                Ok(Given::Status(given)) => {
                    assert_told("told", &json!(told(&given)), &json!(expected(&response)), &context);
                }
                Ok(Given::Share(share)) if id == "getShareInfo" => {
                    assert_told(
                        "told_of_share",
                        &told_of_share(&share),
                        &expected_of_share(&response["link"]),
                        &context,
                    );
                }
                Ok(Given::Share(share)) => {
                    assert_eq!(
                        share.expose_kdstoken().map(Value::from),
                        Some(response["kdstoken"].clone()),
                        "{context}"
                    );
                }
                Ok(Given::Files(files)) => {
                    let files: Vec<Value> = files.iter().map(told_of_file).collect();
                    assert_told("told_of_file", &files.into(), &without_known(&response["files"]), &context);
                }
                Err(error) => {
                    assert_eq!(error.status(), Some(status), "{context}");
                    // The spec documents 500 as a failure, after which the outcome is unknown, and the others as
                    // refusals.
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

/// Asserts that the function `by`, below, returns all that an example holds.
fn assert_told(by: &str, told: &Value, example: &Value, context: &str) {
    let mut differing = Vec::new();
    differ(told, example, "", &mut differing);
    let differing = differing.join("\n");
    let remedy = format!(
        "let `{by}` of tests/it/spec/exchanges.rs tell it, or take it out of the example there, if no caller needs it"
    );
    assert!(differing.is_empty(), "{context}:\n{differing}\n{remedy}");
}

/// Collects the places in which two values differ.
fn differ(told: &Value, example: &Value, pointer: &str, found: &mut Vec<String>) {
    match (told, example) {
        (Value::Object(fields), Value::Object(others)) => {
            for name in fields.keys().chain(others.keys()).collect::<BTreeSet<_>>() {
                differ(&told[name], &example[name], &join(pointer, name), found);
            }
        }
        (Value::Array(items), Value::Array(others)) if items.len() == others.len() => {
            for (n, (item, other)) in items.iter().zip(others).enumerate() {
                differ(item, other, &join(pointer, &n.to_string()), found);
            }
        }
        _ if told == example => {}
        _ => found.push(format!("{pointer}: told is {told}, the example has {example}")),
    }
}

/// Collects the texts of the fields with these names, each with the name of its field.
fn texts_of<'a>(value: &'a Value, names: &'a BTreeSet<String>, texts: &mut BTreeSet<(&'a str, &'a str)>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                texts.extend(names.get(name).and_then(|name| Some((name.as_str(), value.as_str()?))));
                texts_of(value, names, texts);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| texts_of(item, names, texts)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[tokio::test]
async fn no_error_repeats_a_secret_of_a_request_or_of_a_reply() {
    let spec = spec();
    let names = secret_fields(&spec);
    let mut repeated = BTreeSet::new();
    for Operation { id, requests, responses, .. } in operations(&spec) {
        let pairs = requests.iter().flat_map(|request| responses.iter().map(move |reply| (request, reply)));
        for (request, (status, response)) in pairs {
            let mut secrets = BTreeSet::new();
            texts_of(request, &names, &mut secrets);
            texts_of(response, &names, &mut secrets);
            let mut refusal = response.clone();
            refusal["code"] = json!(13_000_309);
            refusal["msg"] = secrets.iter().map(|(_, secret)| *secret).collect::<Vec<_>>().join(" and ").into();
            let error = exchange(&id, request, *status, &refusal).await.1.and_then(Result::err).unwrap();
            let shown = format!("{error} {error:?}");
            assert!(shown.contains("13000309"), "{id}: {shown}");
            for (name, secret) in secrets {
                assert!(!shown.contains(secret), "{id}: {name} in {shown}");
                repeated.insert(name.to_owned());
            }
        }
    }
    // Each secret field has an example.
    assert_eq!(repeated, names);
}

/// All fields of a share, as the reference writes them.
fn told_of_share(share: &Share) -> Value {
    let SharePermission { preview, edit, download, .. } = share.permission();
    json!({
        "shareId": share.id(),
        "ownerName": share.owner_name(),
        "permission": {"preview": preview, "edit": edit, "download": download},
        "expireTime": share.expires().map(|time| time.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()),
        "status": share.status(),
    })
}

/// The link in a response, without the field that the caller knows and those whose meaning is not known.
fn expected_of_share(link: &Value) -> Value {
    let mut link = link.clone();
    for unread in ["shortUrl", "shareTime", "ownerId", "expireDate"] {
        link.as_object_mut().unwrap().remove(unread);
    }
    link
}

/// All fields of a file, as the reference writes them.
fn told_of_file(file: &ShareFile) -> Value {
    json!({
        "id": file.id,
        "fileName": file.name,
        "fileType": match file.file_type {
            Some(FileType::Directory) => 10,
            Some(FileType::Word) => 26,
            other => panic!("{other:?}"),
        },
        "size": file.size,
        "containers": [file.container_id],
        "editedTime": file.edited,
    })
}

/// The files in a response, without the suffix, which the name has, and without the directory that was asked for.
fn without_known(files: &Value) -> Value {
    let files = files.as_array().unwrap().iter().cloned();
    let files = files.map(|mut file| {
        for known in ["fileSuffix", "parentFolder"] {
            file.as_object_mut().unwrap().remove(known);
        }
        file
    });
    files.collect()
}

/// All fields of a status, as the reference writes them: the job, and the files.
fn told(status: &TaskStatus) -> (Value, Vec<Value>) {
    let (state, result) = match status.state {
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
        "createTime": time(status.created),
        "downloadUrl": status.download_url.as_ref().map(DownloadUrl::expose),
        "endTime": time(status.ended),
        "progress": status.progress,
        "startTime": time(status.started),
        "taskResultCode": result,
        "taskStatus": state,
        "taskType": status.task_type.map(i64::from),
    });
    let files = status.files.iter().map(|file| {
        let status = file.status.as_ref().map(|status| match status {
            FileStatus::Pending => "0",
            FileStatus::Succeeded => "1",
            FileStatus::Failed => "2",
            other => panic!("{other:?}"),
        });
        present(&json!({
            "fileId": file.file_id.as_deref(),
            "newFileId": file.new_file_id.as_deref(),
            "srcContainerId": file.source_container_id.as_deref(),
            "status": status,
        }))
    });
    (present(&job), files.collect())
}

/// The job and the files in a response, without the ids that the caller knows.
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
