//! Results as JSON.

use std::{process::Output, time::Duration};

use koodrive_share_emulator::{Answer, EmulatedShare, Fault, Schedule, SharedFile, Step};
use serde_json::json;

use crate::support::{DUMP, PACKAGE, bare_tool, emulator, id_file, json_lines, run, text, tool};

#[tokio::test]
async fn json_is_an_object_a_line_with_what_a_program_needs() {
    let emulator = emulator().await;
    let full = Answer::service(400, "13000311", "not enough space");
    emulator.fail_next(Fault::Delay(Duration::ZERO));
    emulator.fail_next(Fault::Reply(full));
    emulator.fail_next(Fault::CloseAfterProcessing);
    let mut split = tool(&emulator);
    let ids = id_file("json.ids", 4_000);
    split.args(PACKAGE).args(["--split", "--format", "json", "--concurrency", "1"]);
    let output = run(split.arg("--file-ids-from").arg(ids)).await;
    assert_eq!(output.status.code(), Some(4));
    let lines = json_lines(&output);
    let tasks = emulator.tasks();
    assert_eq!(lines[0]["taskId"], tasks[0].task_id());
    assert_eq!(lines[0]["traceId"].as_str(), tasks[0].trace_id());
    assert_eq!(lines[0]["zipName"], "photos-0001.zip");
    assert_eq!(lines[0].get("outcome"), None);
    let what = ["outcome", "status", "serviceCode", "start", "end"];
    let rejected: Vec<String> = what.map(|name| lines[1][name].to_string()).into();
    assert_eq!(rejected, ["\"rejected\"", "400", "\"13000311\"", "1000", "2000"]);
    let unknown: Vec<String> = what.map(|name| lines[2][name].to_string()).into();
    assert_eq!(unknown, ["\"unknown\"", "null", "null", "2000", "3000"]);
    assert_eq!(lines[2]["traceId"].as_str(), tasks[1].trace_id());
    let last = lines[3]["message"].as_str().unwrap();
    assert!(last.contains("0..3000 were attempted, the rest was not"), "{last}");
    // Three tasks were attempted; the fourth line says why the run ended.
    assert_eq!(lines.len(), 4);
    assert_errors_are_told_as_text(&output);

    let output =
        run(tool(&emulator).args(["--format", "json"]).args(["wait", tasks[0].task_id(), "--share-id", "share"])).await;
    let line = &json_lines(&output)[0];
    assert_eq!((&line["state"], &line["result"]), (&"completed".into(), &"allSucceeded".into()));
    assert_eq!(line["progress"], 100.0);
    let file = json!({ "fileId": "F000000", "status": "succeeded", "newFileId": null, "sourceContainerId": "space" });
    assert_eq!(line["files"][0], file);
    for time in ["created", "started", "ended"] {
        // The times have no zone, since the reference does not state one.
        let text = line[time].as_str().unwrap();
        assert!(text.len() == "2026-01-02T03:04:05".len() && !text.ends_with('Z'), "{time} {text}");
    }
    let url = line["downloadUrl"].as_str().unwrap();
    assert!(url.starts_with(&format!("{}/packages/", emulator.endpoint())));
}

#[tokio::test]
async fn what_a_terminal_would_obey_is_escaped_in_results() {
    let emulator = emulator().await;
    let task_id = "a\u{1b}[2J\u{9b}2J\u{7f}\u{202e}b\u{2028}\u{200f}\u{2066}\u{61c}c";
    for format in ["text", "json"] {
        emulator.fail_next(Fault::Reply(Answer::json(200, &json!({"code": 0, "taskId": task_id}))));
        let output = run(tool(&emulator).args(DUMP).args(["F1", "--format", format])).await;
        let line = text(&output.stdout).strip_suffix('\n').unwrap();
        assert!(line.chars().all(|char| char.is_ascii_graphic() || char == ' '), "{line:?}");
        assert!(format == "text" || json_lines(&output)[0]["taskId"] == task_id, "{line}");
    }
}

#[tokio::test]
async fn task_that_an_error_names_has_a_field_of_its_own() {
    let emulator = emulator().await;
    emulator.fail_next(Fault::Reply(Answer::json(200, &json!({"code": 13_000_312, "taskId": 7001}))));
    let output = run(tool(&emulator).args(DUMP).args(["F1", "--format", "json"])).await;
    assert_eq!(output.status.code(), Some(4));
    let line = &json_lines(&output)[0];
    // The task is not known to be created by this request.
    assert_eq!((&line["taskId"], &line["namedTaskId"]), (&json!(null), &json!("7001")), "{line}");
    let help = run(bare_tool().arg("--help")).await;
    for field in line.as_object().unwrap().keys() {
        assert!(text(&help.stdout).contains(field), "{field} is not in the help");
    }
}

/// The errors are on the standard error, too, for a program that reads only some fields, such as `jq .failedFileIds`.
fn assert_errors_are_told_as_text(output: &Output) {
    let stderr = text(&output.stderr);
    let messages = json_lines(output).into_iter().filter_map(|line| line["message"].as_str().map(str::to_owned));
    let messages: Vec<String> = messages.collect();
    assert!(!messages.is_empty(), "{stderr}");
    for message in messages {
        assert!(stderr.contains(&format!(": {message}\n")), "{message} not in {stderr}");
    }
}

#[tokio::test]
async fn errors_of_queries_and_commands_are_told_as_text_too() {
    let emulator = emulator().await;
    for args in [&["status", "42", "--share-id", "share"][..], &["files", "code1"]] {
        let output = run(tool(&emulator).args(args).args(["--format", "json"])).await;
        assert_eq!(output.status.code(), Some(3), "{args:?}");
        assert_errors_are_told_as_text(&output);
    }
}

#[tokio::test]
async fn json_keeps_the_numbers_that_the_reference_does_not_list() {
    let emulator = emulator().await;
    for (step, state, result) in [
        (Step::new(7), json!({ "other": 7 }), json!(null)),
        (Step::completed(9).file_statuses(["5"]), json!("completed"), json!({ "other": 9 })),
    ] {
        emulator.set_schedule(Schedule::by_polls([step]));
        let made = json_lines(&run(tool(&emulator).args(DUMP).args(["F1", "--format", "json"])).await);
        let mut status = tool(&emulator);
        status.args(["status", made[0]["taskId"].as_str().unwrap(), "--share-id", "share", "--format", "json"]);
        let line = &json_lines(&run(&mut status).await)[0];
        assert_eq!((&line["state"], &line["result"]), (&state, &result), "{line}");
        assert!(result.is_null() || line["files"][0]["status"] == json!({ "other": "5" }), "{line}");
    }
    let share = EmulatedShare::new("types1")
        .file(SharedFile::file("a", 1))
        .file(SharedFile::file("b", 1).member("/fileType", json!(99)));
    emulator.set_share(share);
    let files = json_lines(&run(tool(&emulator).args(["files", "types1", "--format", "json"])).await);
    assert_eq!((&files[0]["type"], &files[1]["type"]), (&json!("other"), &json!({ "other": 99 })));
}

#[tokio::test]
async fn json_of_a_dump_names_the_new_files() {
    let emulator = emulator().await;
    emulator.set_schedule(Schedule::partially_failed());
    let output = run(tool(&emulator).args(DUMP).args(["F1", "F2", "--wait", "--format", "json"])).await;
    let line = &json_lines(&output)[1];
    assert_eq!(line["failedFileIds"], serde_json::json!(["F1"]));
    let files: Vec<_> =
        line["files"].as_array().unwrap().iter().map(|file| (&file["fileId"], &file["status"])).collect();
    assert_eq!(files, [(&"F1".into(), &"failed".into()), (&"F2".into(), &"succeeded".into())]);
    assert!(line["files"][1]["newFileId"].as_str().is_some_and(|id| !id.is_empty()), "{line}");
}
