//! Lenient reading: a needed field is read in every form, and an unneeded field that cannot be read is lost alone.

use koodrive_share::{FileStatus, Outcome, TaskResult, TaskState, TaskStatus, TaskType};
use koodrive_share_emulator::{Answer, CodeShape, Edition, Schedule, Step, TaskInfosShape};
use serde_json::{Value, json};

use crate::support::{
    answers::{AnsweringService, ok},
    fixtures::{FILE, client, package, strict_emulator},
};

const TASK: &str = "1689765568237837824";
const ALL_SUCCEEDED: TaskState = TaskState::Completed(TaskResult::AllSucceeded);

/// Values of all kinds that a field may hold if nothing depends on it.
const ODD: [&str; 16] = [
    "null",
    "true",
    "-1",
    "2.5",
    "1e999",
    "12345678901234567890123",
    "\"\"",
    "\" \"",
    "\"null\"",
    "\"soon\"",
    "\"\\ud800\"",
    "\"\\u0000\"",
    "[]",
    "[[1]]",
    "{}",
    "{\"zh\":\"成功\"}",
];

/// An ordinary reply to a query. Tests replace its fields.
fn answer() -> Value {
    json!({
        "code": 0,
        "msg": "Success",
        "jobInfo": {
            "userId": "1505084218764547200",
            "taskId": TASK,
            "taskType": 1,
            "taskStatus": 2,
            "taskResultCode": 1,
            "createTime": "20251103070140",
            "startTime": "20251103070141",
            "endTime": "20251103070142",
            "progress": 100,
            "downloadUrl": "https://download.invalid/1.zip",
        },
        "taskInfos": [{"fileId": "f", "status": "1", "newFileId": "n", "srcContainerId": "c"}],
    })
}

/// The answer with any JSON at this pointer, even JSON that a `Value` cannot hold.
fn with(pointer: &str, json: &str) -> String {
    const MARK: &str = "the value in question";
    let mut answer = answer();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    match answer.pointer_mut(parent).unwrap() {
        Value::Array(entries) => entries[name.parse::<usize>().unwrap()] = MARK.into(),
        parent => parent[name] = MARK.into(),
    }
    answer.to_string().replace(&format!("{MARK:?}"), json)
}

/// The answer without the member at this pointer.
fn without(pointer: &str) -> String {
    let mut answer = answer();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    answer.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name).unwrap();
    answer.to_string()
}

/// The status of the task [`TASK`], read from this body.
async fn status_from(service: &AnsweringService, body: impl Into<Vec<u8>>) -> TaskStatus {
    service.status(TASK, ok(body)).await.unwrap()
}

/// The fields of a status that a caller sees, except the files.
fn seen(status: &TaskStatus) -> [String; 6] {
    [
        format!("{:?}", status.progress),
        format!("{:?}", status.task_type),
        format!("{:?}", status.created),
        format!("{:?}", status.started),
        format!("{:?}", status.ended),
        format!("{:?}", status.download_url.as_ref().map(|url| url.expose().to_owned())),
    ]
}

#[tokio::test]
async fn field_that_nothing_depends_on_costs_itself_alone() {
    let service = AnsweringService::start().await;
    let ordinary = status_from(&service, answer().to_string()).await;
    // Each field, with its index in `seen` if a caller sees it.
    let fields = [
        ("/msg", None),
        ("/jobInfo/userId", None),
        ("/jobInfo/progress", Some(0)),
        ("/jobInfo/taskType", Some(1)),
        ("/jobInfo/createTime", Some(2)),
        ("/jobInfo/startTime", Some(3)),
        ("/jobInfo/endTime", Some(4)),
        ("/jobInfo/downloadUrl", Some(5)),
        ("/jobInfo/resultCode", None),
        ("/new", None),
    ];
    for (pointer, place) in fields {
        let odd = ODD.iter().map(|json| with(pointer, json));
        let missing = answer().pointer(pointer).map(|_| without(pointer));
        for body in odd.chain(missing) {
            let status = status_from(&service, body.clone()).await;
            assert_eq!((status.state, status.files.len()), (ALL_SUCCEEDED, 1), "{body}");
            let (mut seen, mut expected) = (seen(&status), seen(&ordinary));
            if let Some(place) = place {
                seen[place].clear();
                expected[place].clear();
            }
            assert_eq!(seen, expected, "{body}");
        }
    }
}

#[tokio::test]
async fn deeply_nested_field_costs_itself_alone() {
    let service = AnsweringService::start().await;
    for levels in [100, 1_000, 100_000] {
        let deep = format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        for pointer in ["/msg", "/jobInfo/progress", "/jobInfo/new", "/taskInfos/0/newFileId", "/new"] {
            assert_eq!(
                status_from(&service, with(pointer, &deep)).await.state,
                ALL_SUCCEEDED,
                "{pointer}, {levels} levels"
            );
        }
        let created = service.create(ok(format!(r#"{{"code":0,"msg":{deep},"taskId":"7001","new":{deep}}}"#))).await;
        assert_eq!(created.unwrap().task_id(), "7001", "{levels} levels");
    }
}

#[tokio::test]
async fn progress_is_a_percentage_in_every_form_or_none() {
    let service = AnsweringService::start().await;
    let cases = [
        ("70", Some(70.0)),
        ("70.5", Some(70.5)),
        ("\"70\"", Some(70.0)),
        ("\"70%\"", Some(70.0)),
        ("\" 70 % \"", Some(70.0)),
        ("0", Some(0.0)),
        ("7e1", Some(70.0)),
        // Values are clamped to 0 and 100.
        ("130", Some(100.0)),
        ("\"100.1%\"", Some(100.0)),
        ("-1", Some(0.0)),
        ("null", None),
        ("\"\"", None),
        ("\"%\"", None),
        ("\"almost\"", None),
        ("\"NaN\"", None),
        ("\"inf\"", None),
        ("1e999", None),
        ("true", None),
        ("[70]", None),
        ("{\"percent\":70}", None),
    ];
    for (json, progress) in cases {
        let status = status_from(&service, with("/jobInfo/progress", json)).await;
        assert_eq!(status.progress, progress, "{json}");
    }
}

#[tokio::test]
async fn needed_number_is_read_in_each_form_it_may_have() {
    let service = AnsweringService::start().await;
    for two in ["2", "\"2\"", "2.0", "\"2.0\"", "\" 2 \"", "2e0"] {
        let status = status_from(&service, with("/jobInfo/taskStatus", two)).await;
        assert_eq!(status.state, ALL_SUCCEEDED, "{two}");
        let status = status_from(&service, with("/jobInfo/taskResultCode", two)).await;
        assert_eq!(status.state, TaskState::Completed(TaskResult::PartiallyFailed), "{two}");
        let status = status_from(&service, with("/jobInfo/taskType", two)).await;
        assert_eq!(status.task_type, Some(TaskType::Dump), "{two}");
    }
    for zero in ["0", "\"0\"", "0.0", "-0", "\"000\"", "\" 0 \""] {
        status_from(&service, with("/code", zero)).await;
        let created = service.create(ok(format!(r#"{{"code":{zero},"taskId":"7001"}}"#))).await;
        assert_eq!(created.unwrap().task_id(), "7001", "{zero}");
    }
}

#[tokio::test]
async fn needed_field_that_cannot_be_read_is_named_with_what_stands_there() {
    let service = AnsweringService::start().await;
    for (pointer, path) in
        [("/jobInfo/taskStatus", "$.jobInfo.taskStatus"), ("/jobInfo/taskResultCode", "$.jobInfo.taskResultCode")]
    {
        for json in ["\"soon\"", "2.5", "\"\"", "true", "[2]", "{\"is\":2}", "\"二\"", "1e999"] {
            let error = service.status(TASK, ok(with(pointer, json))).await.unwrap_err();
            assert_eq!((error.outcome(), error.status()), (Outcome::Unknown, Some(200)), "{json}");
            let text = error.to_string();
            assert!(text.contains(&format!("{path} is {json}")), "{json}: {text}");
        }
    }
    for body in [without("/jobInfo/taskStatus"), with("/jobInfo/taskStatus", "null")] {
        let text = service.status(TASK, ok(body)).await.unwrap_err().to_string();
        assert!(text.contains("$.jobInfo.taskStatus"), "{text}");
    }
    for json in ["true", "2.5", "\"\"", "[0]", "{\"is\":0}", "1e999"] {
        let errors = [
            service.status(TASK, ok(with("/code", json))).await.unwrap_err(),
            service.create(ok(format!(r#"{{"code":{json}}}"#))).await.unwrap_err(),
        ];
        for error in errors {
            let text = error.to_string();
            assert!(text.contains(&format!("$.code is {json}")), "{json}: {text}");
        }
    }
    for json in ["true", "[\"7001\"]", "{\"id\":7001}", "\" \"", "0"] {
        let text = service.create(ok(format!(r#"{{"code":0,"taskId":{json}}}"#))).await.unwrap_err().to_string();
        assert!(text.contains(&format!("$.taskId is {json}")), "{json}: {text}");
    }
}

#[tokio::test]
async fn result_is_needed_of_a_completed_task_alone() {
    let service = AnsweringService::start().await;
    for status in [0, 1, 3] {
        let mut answer = answer();
        answer["jobInfo"]["taskStatus"] = json!(status);
        for odd in [json!("soon"), json!(true), json!([1]), json!(null)] {
            answer["jobInfo"]["taskResultCode"] = odd.clone();
            let status = status_from(&service, answer.to_string()).await;
            assert_ne!(status.state, ALL_SUCCEEDED, "{odd}");
        }
    }
    // The task has completed, but the service does not say with what result.
    let status = status_from(&service, without("/jobInfo/taskResultCode")).await;
    assert_eq!(status.state, TaskState::Completed(TaskResult::Other(-1)));
}

#[tokio::test]
async fn entry_of_files_that_is_none_costs_itself_alone() {
    // The values of an entry's fields, in the order of their names.
    const VALUES: &str = r#"["f","n","c","1"]"#;
    let service = AnsweringService::start().await;
    let whole = r#"{"fileId":"f","status":"1"}"#;
    for odd in ["null", "true", "7", "\"f\"", "[]", "[null]", VALUES] {
        for infos in [format!("[{odd},{whole}]"), format!("[{whole},{odd}]")] {
            let status = status_from(&service, with("/taskInfos", &infos)).await;
            assert_eq!(status.state, ALL_SUCCEEDED, "{infos}");
            let [file] = &*status.files else { panic!("{infos}: {:?}", status.files) };
            assert_eq!(
                (file.file_id.as_deref(), file.status.as_ref()),
                (Some("f"), Some(&FileStatus::Succeeded)),
                "{infos}"
            );
        }
        let status = status_from(&service, with("/taskInfos", odd)).await;
        assert_eq!((status.state, status.files.len()), (ALL_SUCCEEDED, 0), "{odd}");
    }
}

#[tokio::test]
async fn field_of_a_file_is_read_as_number_or_text_and_costs_itself_alone() {
    let service = AnsweringService::start().await;
    let numbers = r#"[{"fileId":42,"status":2,"newFileId":43,"srcContainerId":44}]"#;
    let status = status_from(&service, with("/taskInfos", numbers)).await;
    let file = &status.files[0];
    assert_eq!((file.file_id.as_deref(), file.status.as_ref()), (Some("42"), Some(&FileStatus::Failed)));
    assert_eq!((file.new_file_id.as_deref(), file.source_container_id.as_deref()), (Some("43"), Some("44")));
    for name in ["fileId", "newFileId", "srcContainerId", "status", "new"] {
        for json in ODD {
            let status = status_from(&service, with(&format!("/taskInfos/0/{name}"), json)).await;
            let file = &status.files[0];
            let readable = [
                ("fileId", file.file_id.as_deref() == Some("f")),
                ("status", file.status.as_ref() == Some(&FileStatus::Succeeded)),
                ("newFileId", file.new_file_id.as_deref() == Some("n")),
                ("srcContainerId", file.source_container_id.as_deref() == Some("c")),
            ];
            assert!(
                readable.iter().all(|(other, is_readable)| *other == name || *is_readable),
                "{name} {json}: {file:?}"
            );
        }
    }
}

#[tokio::test]
async fn byte_order_mark_is_ignored() {
    let service = AnsweringService::start().await;
    let marked = |status, json: Value| Answer::new(status).body(format!("\u{feff}{json}"));
    let created = json!({"code": 0, "taskId": "7001"});
    assert_eq!(service.create(marked(200, created.clone())).await.unwrap().task_id(), "7001");
    // The reply names a task, so there is no retry.
    let error = service.create(marked(429, created)).await.unwrap_err();
    assert_eq!((error.outcome(), error.task_id(), error.attempts()), (Outcome::Unknown, Some("7001"), 1));
    let error = service.create(marked(400, json!({"code": "13000311"}))).await.unwrap_err();
    assert_eq!((error.outcome(), error.service_code().unwrap().as_str()), (Outcome::Rejected, "13000311"));
    assert_eq!(service.status(TASK, marked(200, answer())).await.unwrap().state, ALL_SUCCEEDED);
}

#[tokio::test]
async fn bytes_that_are_no_utf8_cost_their_field_alone() {
    let service = AnsweringService::start().await;
    // 成功 as GBK.
    let gbk = b"\xb3\xc9\xb9\xa6";
    let marked = |body: &str| -> Vec<u8> {
        let (before, after) = body.split_once("GBK").unwrap();
        [before.as_bytes(), gbk, after.as_bytes()].concat()
    };
    for pointer in
        ["/msg", "/jobInfo/userId", "/jobInfo/progress", "/jobInfo/endTime", "/taskInfos/0/newFileId", "/new"]
    {
        let status = status_from(&service, marked(&with(pointer, "\"GBK\""))).await;
        assert_eq!(status.state, ALL_SUCCEEDED, "{pointer}");
        assert_eq!(status.files[0].file_id.as_deref(), Some("f"), "{pointer}");
    }
    let created = service.create(ok(marked(r#"{"code":0,"msg":"GBK","taskId":"7001"}"#))).await;
    assert_eq!(created.unwrap().task_id(), "7001");
    let refused = Answer::new(400).body(marked(r#"{"code":"13000311","msg":"GBK"}"#));
    let error = service.create(refused).await.unwrap_err();
    assert_eq!((error.outcome(), error.service_code().unwrap().as_str()), (Outcome::Rejected, "13000311"));
    assert!(error.message().unwrap().contains('\u{fffd}'), "{error}");
}

#[tokio::test]
async fn creation_is_made_whatever_its_lesser_fields_are() {
    let service = AnsweringService::start().await;
    for json in ODD {
        for name in ["msg", "userId", "taskStatus", "jobInfo", "error_msg", "new"] {
            let body = format!(r#"{{"code":0,"{name}":{json},"taskId":"7001"}}"#);
            let created = service.create(ok(body.clone())).await;
            assert_eq!(created.unwrap().task_id(), "7001", "{body}");
        }
    }
    let created = service.create(ok(r#"{"code":"0","taskId":"7001"}"#)).await;
    assert_eq!(created.unwrap().task_id(), "7001");
}

#[tokio::test]
async fn refusal_keeps_its_code_whatever_its_lesser_fields_are() {
    let service = AnsweringService::start().await;
    for json in ODD {
        for status in [200, 400] {
            let body = format!(r#"{{"code":"13000311","msg":{json},"new":{json}}}"#);
            let error = service.create(Answer::new(status).body(body.clone())).await.unwrap_err();
            let code = error.service_code().map(ToString::to_string);
            assert_eq!((error.outcome(), code.as_deref()), (Outcome::Rejected, Some("13000311")), "{status} {body}");
        }
    }
}

#[tokio::test]
async fn edition_of_2024_is_read_like_the_current_one() {
    for shape in [CodeShape::Number, CodeShape::Digits] {
        let steps = [Step::running(70).code(shape), Step::completed(2).code(shape)];
        let emulator = strict_emulator().edition(Edition::July2024).schedule(Schedule::by_polls(steps));
        let emulator = emulator.start().await.unwrap();
        let client = client(&emulator);
        let handle = client.create(&package().build().unwrap()).await.unwrap();
        let status = client.status(&handle).await.unwrap();
        assert_eq!((status.state, status.progress), (TaskState::Running, Some(70.0)));
        let status = client.status(&handle).await.unwrap();
        // The result is that of `taskResultCode`: the emulator's `resultCode` is 0.
        assert_eq!(status.state, TaskState::Completed(TaskResult::PartiallyFailed));
        assert_eq!((status.task_type, status.files.len()), (Some(TaskType::PackageDownload), 0));
        assert!(status.download_url.is_some() && status.created.is_some() && status.ended.is_some());
    }
}

#[tokio::test]
async fn edition_of_2024_is_read_as_leniently_and_named_by_its_own_path() {
    let service = AnsweringService::start().await;
    let job = answer()["jobInfo"].clone();
    assert_eq!(status_from(&service, format!(r#"{{"code":"0","taskInfo":{job}}}"#)).await.state, ALL_SUCCEEDED);
    // An unusable `jobInfo` beside it makes no difference.
    for job_info in ["null", "\"\"", "7", "true", "[]"] {
        let body = format!(r#"{{"code":"0","jobInfo":{job_info},"taskInfo":{job}}}"#);
        assert_eq!(status_from(&service, body).await.state, ALL_SUCCEEDED, "{job_info}");
    }
    for name in ["userId", "progress", "taskType", "createTime", "downloadUrl", "resultCode"] {
        for json in ODD {
            let mut job = job.clone();
            job[name] = "MARK".into();
            let body = format!(r#"{{"code":0,"taskInfo":{job}}}"#).replace("\"MARK\"", json);
            assert_eq!(status_from(&service, body).await.state, ALL_SUCCEEDED, "{name} {json}");
        }
    }
    let mut job = job;
    job["taskStatus"] = json!("soon");
    let body = json!({"code": 0, "taskInfo": job});
    let text = service.status(TASK, Answer::json(200, &body)).await.unwrap_err().to_string();
    assert!(text.contains("$.taskInfo.taskStatus is \"soon\""), "{text}");
}

#[tokio::test]
async fn array_is_no_answer() {
    let service = AnsweringService::start().await;
    // These arrays hold the answer, the values of its fields in order, a code alone, and nothing.
    let job = &answer()["jobInfo"];
    for body in [json!([answer()]), json!([0, job, "Success", job, null]), json!([0]), json!([])] {
        let error = service.status(TASK, Answer::json(200, &body)).await.unwrap_err();
        assert_eq!((error.outcome(), error.task_id()), (Outcome::Unknown, None), "{body}");
    }
    for body in [json!([{"code": 0, "taskId": "7001"}]), json!([0, "Success", "7001"]), json!([0])] {
        let error = service.create(Answer::json(200, &body)).await.unwrap_err();
        assert_eq!(error.outcome(), Outcome::Unknown, "{body}");
    }
}

#[tokio::test]
async fn files_of_every_shape_are_read_beside_odd_fields() {
    for shape in [TaskInfosShape::Array, TaskInfosShape::Object] {
        let step = Step::completed(1)
            .task_infos(shape)
            .member("/jobInfo/progress", "")
            .member("/jobInfo/userId", 15)
            .without_member("/jobInfo/taskId");
        let emulator = strict_emulator().schedule(Schedule::by_polls([step])).start().await.unwrap();
        let client = client(&emulator);
        let handle = client.create(&package().build().unwrap()).await.unwrap();
        let status = client.status(&handle).await.unwrap();
        assert_eq!(status.state, ALL_SUCCEEDED, "{shape:?}");
        assert_eq!(status.files[0].file_id.as_deref(), Some(FILE), "{shape:?}");
    }
}

#[tokio::test]
async fn task_of_the_other_edition_costs_itself_alone() {
    let service = AnsweringService::start().await;
    let job = &answer()["jobInfo"];
    for odd in ["null", "true", "7", "\"\"", "\"soon\"", "[]", "[1]", "{}"] {
        let body = format!(r#"{{"code":0,"jobInfo":{job},"taskInfo":{odd}}}"#);
        let status = service.status(TASK, ok(body)).await.map(|status| status.state).map_err(|error| error.to_string());
        assert_eq!(status, Ok(ALL_SUCCEEDED), "beside {odd}");
    }
}

#[tokio::test]
async fn job_that_is_no_object_is_named_with_what_stands_there() {
    let service = AnsweringService::start().await;
    for member in ["jobInfo", "taskInfo"] {
        for odd in ["\"soon\"", "true", "7", "[]", "[{\"taskStatus\":2}]"] {
            let body = format!(r#"{{"code":0,"{member}":{odd}}}"#);
            let error = service.status(TASK, ok(body)).await.unwrap_err();
            assert_eq!(error.outcome(), Outcome::Unknown, "{odd}");
            let text = error.to_string();
            assert!(text.contains(&format!("$.{member} is {odd}")), "{odd}: {text}");
        }
    }
}

#[tokio::test]
async fn array_is_no_job() {
    let service = AnsweringService::start().await;
    // These arrays hold the values of the fields in the order of their names, and in that of the reference.
    let by_name = json!(["20251103070140", null, null, 100, null, null, TASK, 1, 2, 1, "me"]);
    let documented = json!(["me", TASK, 1, 2, 1, null, null, null, 100, null]);
    for array in [by_name, documented] {
        for member in ["jobInfo", "taskInfo"] {
            let status = service.status(TASK, Answer::json(200, &json!({"code": 0, member: array}))).await;
            assert!(status.is_err(), "{array}: {status:?}");
        }
    }
}
