//! How tasks move.

use std::time::Duration;

use chrono::{NaiveDateTime, Utc};
use koodrive_share_emulator::{CodeShape, Edition, Emulator, HiddenTask, Schedule, Step, TaskInfosShape};
use serde_json::{Value, json};

use crate::support::{DETAIL, Sent, create, dump, package, pass, poll, scheduled, send};

#[tokio::test]
async fn a_package_download_runs_and_completes_with_a_url() {
    let emulator = Emulator::start().await.unwrap();
    let id = create(&emulator, &package()).await;
    for progress in [30, 70] {
        let answer = poll(&emulator, &id).await;
        let job = &answer["jobInfo"];
        assert_eq!((&job["taskStatus"], &job["progress"]), (&json!(1), &json!(progress)));
        for absent in ["taskResultCode", "endTime", "downloadUrl"] {
            assert_eq!(job.get(absent), None, "{absent}");
        }
    }
    let answer = poll(&emulator, &id).await;
    assert_eq!((&answer["code"], &answer["msg"]), (&json!(0), &json!("Success")));
    let job = &answer["jobInfo"];
    assert_eq!(job["userId"], "1505084218764547200");
    assert_eq!((&job["taskId"], &job["taskType"]), (&json!(id), &json!(1)));
    assert_eq!((&job["taskStatus"], &job["taskResultCode"]), (&json!(2), &json!(1)));
    assert_eq!(job.get("resultCode"), None);
    for time in ["createTime", "startTime", "endTime"] {
        let text = job[time].as_str().unwrap();
        let time = NaiveDateTime::parse_from_str(text, "%Y%m%d%H%M%S").unwrap();
        assert!(text.len() == 14 && (Utc::now() - time.and_utc()).num_seconds() < 60);
    }
    let url = job["downloadUrl"].as_str().unwrap();
    assert!(url.starts_with(&format!("{}/packages/{id}.zip?token=", emulator.endpoint())));
    let infos = answer["taskInfos"].as_array().unwrap();
    assert_eq!(infos.len(), 3);
    let first = json!({"fileId": "a", "status": "1", "srcContainerId": "space"});
    assert_eq!(infos[0], first);
    assert_eq!(emulator.tasks()[0].polls(), 3);
}

#[tokio::test]
async fn the_named_schedules_end_as_named() {
    let cases = [
        (Schedule::immediate_success(), json!([2, 1]), "111"),
        (Schedule::partially_failed(), json!([2, 2]), "212"),
        (Schedule::all_failed(), json!([2, 3]), "222"),
        (Schedule::cancelled(), json!([3, null]), "000"),
    ];
    let emulator = Emulator::start().await.unwrap();
    for (schedule, end, files) in cases {
        emulator.set_schedule(schedule);
        let id = create(&emulator, &dump()).await;
        poll(&emulator, &id).await;
        let answer = poll(&emulator, &id).await;
        let job = &answer["jobInfo"];
        assert_eq!(json!([job["taskStatus"], job["taskResultCode"]]), end);
        assert_eq!(job.get("downloadUrl"), None, "a dump has no package");
        let infos = answer["taskInfos"].as_array().unwrap();
        let statuses: String = infos.iter().map(|info| info["status"].as_str().unwrap()).collect();
        assert_eq!(statuses, files);
        for info in infos {
            assert_eq!(info.get("newFileId").is_some(), info["status"] == "1");
        }
    }
}

#[tokio::test]
async fn each_so_many_files_of_a_task_fail_that_would_succeed() {
    let cases = [
        (Schedule::immediate_success(), 0, 1, "111"),
        (Schedule::immediate_success(), 4, 1, "111"),
        (Schedule::immediate_success(), 3, 2, "112"),
        (Schedule::immediate_success(), 2, 2, "121"),
        (Schedule::immediate_success(), 1, 3, "222"),
        (Schedule::by_polls([Step::running(50)]), 1, 0, "000"),
        (Schedule::by_polls([Step::completed(2)]), 1, 2, "212"),
    ];
    let emulator = Emulator::start().await.unwrap();
    for (schedule, every, result, files) in cases {
        emulator.set_schedule(schedule.fail_files_every(every));
        for body in [dump(), package()] {
            let id = create(&emulator, &body).await;
            let answer = poll(&emulator, &id).await;
            assert_eq!(answer["jobInfo"]["taskResultCode"].as_u64().unwrap_or_default(), result);
            let infos = answer["taskInfos"].as_array().unwrap();
            let statuses: String = infos.iter().map(|info| info["status"].as_str().unwrap()).collect();
            assert_eq!(statuses, files, "each {every}th");
        }
    }
}

#[tokio::test]
async fn unknown_numbers_and_every_json_shape_are_let_through() {
    let steps = [
        Step::new(7).task_infos(TaskInfosShape::Absent),
        Step::completed(9).task_infos(TaskInfosShape::Null).code(CodeShape::Digits).download_url("https://x.invalid/"),
        Step::completed(1).task_infos(TaskInfosShape::Object).without_download_url().file_statuses(["8"]),
        Step::completed(1).file_statuses(Vec::<String>::new()),
    ];
    let builder = Emulator::builder().create_code(CodeShape::Digits);
    let emulator = builder.schedule(Schedule::by_polls(steps)).start().await.unwrap();
    let reply = send(&emulator, &Sent::create()).await;
    assert_eq!(reply.body["code"], "0");
    let id = reply.body["taskId"].as_str().unwrap();

    let first = poll(&emulator, id).await;
    assert_eq!(first["jobInfo"]["taskStatus"], 7);
    assert_eq!(first.get("taskInfos"), None);
    let second = poll(&emulator, id).await;
    assert_eq!((&second["code"], &second["taskInfos"]), (&json!("0"), &Value::Null));
    assert!(second.get("taskInfos").is_some());
    assert_eq!(second["jobInfo"]["taskResultCode"], 9);
    assert_eq!(second["jobInfo"]["downloadUrl"], "https://x.invalid/");
    let third = poll(&emulator, id).await;
    assert_eq!(third["jobInfo"].get("downloadUrl"), None);
    assert_eq!(third["taskInfos"]["status"], "8");
    let fourth = poll(&emulator, id).await;
    assert_eq!(fourth["taskInfos"][2]["status"], "0");
}

#[tokio::test]
async fn an_elapsed_schedule_follows_tokios_clock() {
    let step = (Duration::from_secs(60), Step::completed(1));
    let emulator = scheduled(Schedule::by_elapsed([step])).await;
    let id = create(&emulator, &package()).await;
    assert_eq!(poll(&emulator, &id).await["jobInfo"]["taskStatus"], 0);
    pass(Duration::from_secs(60)).await;
    assert_eq!(poll(&emulator, &id).await["jobInfo"]["taskStatus"], 2);
}

#[tokio::test]
async fn a_task_is_hidden_until_it_is_visible() {
    let delay = Duration::from_secs(60);
    for (hidden, status, body) in [
        (HiddenTask::DoesNotExist, 400, json!({"code": "13000309", "msg": "resource does not exist"})),
        (HiddenTask::NotFound, 404, Value::Null),
        (HiddenTask::Null, 200, json!({"code": 0, "msg": "Success", "jobInfo": null})),
    ] {
        let emulator = scheduled(Schedule::default().visible_after(delay, hidden)).await;
        let id = create(&emulator, &package()).await;
        let asked = Sent::new(DETAIL, &json!({"taskId": id, "shareId": "share"}));
        let reply = send(&emulator, &asked).await;
        assert_eq!((reply.status, reply.body), (status, body));
        assert_eq!(emulator.tasks()[0].polls(), 0);
        pass(delay).await;
        assert_eq!(poll(&emulator, &id).await["jobInfo"]["progress"], 30, "the first poll's step");
    }
}

#[tokio::test]
async fn the_edition_of_july_2024_describes_the_task_in_one_object() {
    let schedule = Schedule::by_polls([Step::running(70), Step::completed(2)]);
    let builder = Emulator::builder().edition(Edition::July2024).schedule(schedule);
    let emulator = builder.start().await.unwrap();
    let id = create(&emulator, &package()).await;
    let running = poll(&emulator, &id).await;
    let names: Vec<&str> = running.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, ["code", "msg", "taskInfo"]);
    let task = &running["taskInfo"];
    assert_eq!((&task["taskId"], &task["taskStatus"], &task["progress"]), (&json!(id), &json!(1), &json!(70)));
    assert_eq!((task.get("taskResultCode"), task.get("resultCode")), (None, None));
    let completed = poll(&emulator, &id).await;
    let task = &completed["taskInfo"];
    assert_eq!((&task["taskStatus"], &task["taskResultCode"], &task["resultCode"]), (&json!(2), &json!(2), &json!(0)));
    assert!(task["downloadUrl"].is_string() && task["endTime"].is_string());

    emulator.set_schedule(Schedule::default().visible_after(Duration::from_secs(60), HiddenTask::Null));
    let id = create(&emulator, &package()).await;
    assert_eq!(poll(&emulator, &id).await, json!({"code": 0, "msg": "Success", "taskInfo": null}));
}

#[tokio::test]
async fn a_step_sets_any_member_of_the_answer() {
    let emulator = scheduled(Schedule::by_polls([
        Step::running(70)
            .member("/jobInfo/progress", "")
            .member("/jobInfo/userId", 1_505_084_218_764_547_200_i64)
            .member("/taskInfos/0", Value::Null)
            .member("/more", json!({"a": []}))
            .without_member("/msg"),
        Step::running(70).member("/taskInfo/progress", 1),
        Step::completed(1).member("/jobInfo", json!([])),
    ]))
    .await;
    let id = create(&emulator, &package()).await;
    let answer = poll(&emulator, &id).await;
    let job = &answer["jobInfo"];
    assert_eq!((&job["progress"], &job["userId"]), (&json!(""), &json!(1_505_084_218_764_547_200_i64)));
    assert_eq!((&job["taskStatus"], &answer["code"]), (&json!(1), &json!(0)), "the rest stays");
    assert_eq!((&answer["taskInfos"][0], &answer["taskInfos"][1]["fileId"]), (&Value::Null, &json!("b")));
    assert_eq!((&answer["more"], answer.get("msg")), (&json!({"a": []}), None));

    let asked = Sent::new(DETAIL, &json!({"taskId": id, "shareId": "share"}));
    send(&emulator, &asked).await.refused(500, "EMULATOR", "/taskInfo/progress points to nothing");
    assert_eq!(poll(&emulator, &id).await["jobInfo"], json!([]));
}
