//! Flags and the variables beside them.

use std::time::Duration;

use koodrive_share_emulator::{Answer, Fault};

use crate::support::{DUMP, TOKEN, bare_tool, emulator, expect, json_lines, run, text, tool};

#[tokio::test]
async fn flags_go_before_variables() {
    let emulator = emulator().await;
    let mut tool = bare_tool();
    tool.env("KOODRIVE_TOKEN", TOKEN)
        .env("KOODRIVE_ENDPOINT", "http://127.0.0.1:1")
        .env("KOODRIVE_USER_ID", "variable")
        .env("KOODRIVE_AGENT_NAME", "variable")
        .args(["--endpoint", emulator.endpoint(), "--user-id", "flag"])
        .args(["--agent-name", "flag-agent"]);
    let output = run(tool.args(DUMP).arg("F1")).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(emulator.tasks()[0].user_id(), "flag");
    let request = &emulator.requests()[0];
    assert_eq!(request.header("X-Hw-Agentname"), Some("flag-agent"));
}

#[tokio::test]
async fn broken_rules_are_told_all_at_once_in_flags_and_variables() {
    let mut tool = bare_tool();
    tool.args(["package", "--share-id", "", "--container-id", "", "--zip-name", "", "--concurrency", "0", ""]);
    let output = run(&mut tool).await;
    assert_eq!(output.status.code(), Some(2));
    let stderr = text(&output.stderr);
    let names = [
        "--endpoint (KOODRIVE_ENDPOINT): ",
        "credentials: must be given, and be of one kind, given nothing (credentials); give --token-file, or set one of KOODRIVE_TOKEN",
        "--user-id (KOODRIVE_USER_ID): ",
        "--agent-name (KOODRIVE_AGENT_NAME): ",
        "--container-id: ",
        "--share-id: ",
        "--zip-name: ",
        "--concurrency: ",
        "file id 1 is empty",
    ];
    for name in names {
        assert!(stderr.contains(name), "{name} not in {stderr}");
    }
    assert_eq!(stderr.lines().count(), names.len(), "a line for each: {stderr}");

    let mut tool = bare_tool();
    tool.args(DUMP).args(["F1", "--endpoint", "http://example.com/?q", "--user-id", "é", "--agent-name", " x"]);
    let output = run(tool.env("KOODRIVE_TOKEN", "Bearer x").env("KOODRIVE_KDSTOKEN", "k")).await;
    let stderr = format!("{stderr}{}", text(&output.stderr));
    for name in [
        "--endpoint (KOODRIVE_ENDPOINT): must be https, or http to this machine, ",
        "access token (--token-file, KOODRIVE_TOKEN)",
    ] {
        assert!(stderr.contains(name), "{name} not in {stderr}");
    }
    // A JSON path, a method, a field, a header, a type.
    for code in ["$.", "(…)", "(true)", "_file", "X-", "::"] {
        assert!(!stderr.contains(code), "{code} in {stderr}");
    }
}

#[tokio::test]
async fn time_and_attempts_are_given_by_flag_or_variable() {
    let emulator = emulator().await;
    let throttled = Answer::gateway(429, "APIGW.0308", "too many requests");
    let by_flag = |flags: &[&str]| {
        let mut tool = tool(&emulator);
        tool.args(DUMP).arg("F1").args(flags);
        tool
    };
    let by_variable = |variable, value| {
        let mut tool = by_flag(&[]);
        tool.env(variable, value);
        tool
    };
    for mut tool in [by_flag(&["--request-timeout", "1s"]), by_variable("KOODRIVE_REQUEST_TIMEOUT", "1s")] {
        emulator.fail_next(Fault::Delay(Duration::from_secs(3_600)));
        let output = run(&mut tool).await;
        assert_eq!(output.status.code(), Some(4), "{}", text(&output.stderr));
        assert!(text(&output.stderr).contains("no complete reply in time"));
    }
    for mut tool in [by_flag(&["--max-attempts", "1"]), by_variable("KOODRIVE_MAX_ATTEMPTS", "1")] {
        let before = emulator.request_count();
        emulator.fail_next(Fault::Reply(throttled.clone()));
        assert_eq!(run(&mut tool).await.status.code(), Some(3));
        assert_eq!(emulator.request_count(), before + 1);
    }
    let mut flag_first = by_flag(&["--request-timeout", "30s", "--connect-timeout", "10s", "--max-attempts", "1"]);
    flag_first
        .env("KOODRIVE_REQUEST_TIMEOUT", "x")
        .env("KOODRIVE_CONNECT_TIMEOUT", "")
        .env("KOODRIVE_MAX_ATTEMPTS", "x");
    assert_eq!(run(&mut flag_first).await.status.code(), Some(0));
}

#[tokio::test]
async fn time_and_attempts_out_of_bounds_are_refused_by_name() {
    let emulator = emulator().await;
    for (flag, variable, given, said) in [
        ("--request-timeout", "KOODRIVE_REQUEST_TIMEOUT", "0s", "must be more than 0 and at most a day"),
        ("--request-timeout", "KOODRIVE_REQUEST_TIMEOUT", "soon", "expected number"),
        ("--connect-timeout", "KOODRIVE_CONNECT_TIMEOUT", "30s", "less than the total"),
        ("--max-attempts", "KOODRIVE_MAX_ATTEMPTS", "11", "must be 1 to 10"),
        ("--max-attempts", "KOODRIVE_MAX_ATTEMPTS", "x", "invalid digit"),
    ] {
        let mut tools = [tool(&emulator), tool(&emulator)];
        tools[0].args(DUMP).arg("F1").env(variable, given);
        tools[1].args(DUMP).arg("F1").arg(format!("{flag}={given}"));
        for mut tool in tools {
            let output = run(&mut tool).await;
            let stderr = text(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{stderr}");
            assert!(stderr.contains(said), "{said} not in {stderr}");
            assert!(stderr.contains(flag) || stderr.contains(variable), "no name in {stderr}");
        }
    }
    assert_eq!(emulator.request_count(), 0);
}

#[tokio::test]
async fn ids_and_names_may_begin_with_a_dash() {
    let emulator = emulator().await;
    let mut package = tool(&emulator);
    package.args(["package", "--share-id", "-s", "--container-id", "--1c", "--zip-name", "-v.zip", "--user-id", "-u"]);
    let output = run(package.args(["--", "-F1", "--wait"])).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let mut dump = tool(&emulator);
    dump.args(["dump", "--share-id", "-s", "--container-id", "-c", "--target-file-id", "-v"]);
    let output = run(dump.args(["--target-container-id", "-t", "F1", "--wait", "--format", "json"])).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(json_lines(&output).len(), 2, "--wait is a flag after an id");
    let bodies: Vec<_> = emulator.tasks().iter().map(|task| task.body().unwrap()).collect();
    let [package, dump] = bodies.as_slice() else { panic!("{bodies:?}") };
    assert_eq!(
        (&package["shareId"], &package["containerId"], &package["zipName"]),
        (&"-s".into(), &"--1c".into(), &"-v.zip".into())
    );
    assert_eq!(package["fileIds"], serde_json::json!(["-F1", "--wait"]));
    assert_eq!(dump["targetFileId"], serde_json::json!({ "fileId": "-v", "containerId": "-t" }));
    assert_eq!(emulator.tasks()[0].user_id(), "-u");
    // There is no such task, so the id was taken for one.
    expect(&emulator, &["status", "--share-id", "-s", "--", "-v"], 3, "13000309").await;
}

#[tokio::test]
async fn flag_is_not_taken_for_the_value_of_another() {
    let emulator = emulator().await;
    let args = ["package", "--share-id", "s", "--container-id", "c", "F1", "--zip-name", "--split"];
    expect(&emulator, &args, 2, "'--split' for '--zip-name <NAME>': this is a flag, so the value is missing").await;
    expect(&emulator, &["status", "--share-id", "s"], 2, "<TASK_ID>").await;
    expect(&emulator, &["status", "--shareid", "s"], 2, "--shareid").await;
}
