//! The subcommand `emulator`.

use std::{process::Stdio, time::Duration};

use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines},
    process::{ChildStderr, Command},
    time::timeout,
};

use crate::support::{
    DUMP, SECRET, TOKEN, bare_tool, directory, file, first_line, id_file, json_lines, run, send, text,
};

/// The tool as a client of an emulator in another process, with the token that the emulator accepts by default.
fn client_of(endpoint: &str) -> Command {
    let mut client = bare_tool();
    client.env("KOODRIVE_TOKEN", "emulator-token");
    client.args(["--user-id", "me", "--agent-name", "carrier", "--endpoint", endpoint]);
    client
}

#[tokio::test]
async fn emulator_subcommand_serves_apps_and_tokens() {
    let secret = file("emulator.secret", SECRET);
    for app in [true, false] {
        let mut server = bare_tool();
        server.arg("emulator").stdout(Stdio::piped()).stderr(Stdio::null());
        let mut client = bare_tool();
        if app {
            server.args(["--app-id", "app", "--app-secret-file"]).arg(&secret);
            client.env("KOODRIVE_APP_ID", "app").env("KOODRIVE_APP_SECRET", SECRET);
        } else {
            server.args(["--token", TOKEN]);
            client.env("KOODRIVE_TOKEN", TOKEN);
        }
        let mut server = server.spawn().unwrap();
        let endpoint = first_line(&mut server).await;
        client.args(["--user-id", "me", "--agent-name", "carrier", "--endpoint", &endpoint]);
        let output = run(client.args(DUMP).args(["F1", "--wait"])).await;
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        server.kill().await.unwrap();
    }
}

#[tokio::test]
async fn emulator_serves_packages_as_its_flags_say() {
    let path = file("emulator_package.zip", "");
    let mut server = bare_tool();
    server.args([
        "emulator",
        "--package-file-bytes",
        "5000",
        "--package-cut-every",
        "1000",
        "--package-held-back",
        "1",
    ]);
    let mut server = server.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let endpoint = first_line(&mut server).await;
    let mut client = client_of(&endpoint);
    client
        .args(["package", "F1", "F2", "--share-id", "share", "--container-id", "space", "--overwrite", "--output"])
        .arg(&path);
    let output = run(&mut client).await;
    assert_eq!(output.status.code(), Some(5), "{}", text(&output.stderr));
    let bytes = std::fs::metadata(path).unwrap().len();
    assert!((5_000..10_000).contains(&bytes), "{bytes}");
    server.kill().await.unwrap();
}

#[cfg(unix)]
#[tokio::test]
async fn emulator_says_in_lines_to_paste_how_to_reach_it() {
    let directory = directory("emulator-lines");
    let mut server = bare_tool();
    let mut server = server.arg("emulator").stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr_lines = BufReader::new(server.stderr.take().unwrap()).lines();
    let mut lines = String::new();
    while !lines.contains("> code") {
        let line = stderr_lines.next_line().await.unwrap().unwrap();
        lines.extend([line.as_str(), "\n"]);
    }
    let (_, to_paste) = lines.split_once('\n').unwrap();
    let mut shell = Command::new("/bin/sh");
    let files = r#""$0" files "$LINK" --extract-code-file code"#;
    shell.args(["-c", &format!("set -e\n{to_paste}{files}"), env!("CARGO_BIN_EXE_koodrive-share")]);
    let output = run(shell.env_clear().current_dir(directory)).await;
    assert_eq!(output.status.code(), Some(0), "{to_paste}: {}", text(&output.stderr));
    assert!(!output.stdout.is_empty());
    server.kill().await.unwrap();
}

#[cfg(windows)]
#[tokio::test]
async fn emulator_says_in_lines_for_powershell_how_to_reach_it() {
    let mut server = bare_tool();
    let mut server = server.arg("emulator").stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr_lines = BufReader::new(server.stderr.take().unwrap()).lines();
    let code = file("emulator-lines.code", "");
    let mut files = bare_tool();
    files.arg("files").arg("--extract-code-file").arg(&code);
    loop {
        let line = stderr_lines.next_line().await.unwrap().unwrap();
        if let Some((name, value)) = line.strip_prefix("$env:").and_then(|line| line.split_once(" = ")) {
            files.env(name, value.trim_matches('\''));
        } else if let Some(link) = line.strip_prefix("$LINK = ") {
            files.arg(link.trim_matches('\''));
        } else if let Some(value) = line.strip_prefix("echo ").and_then(|line| line.strip_suffix(" > code")) {
            std::fs::write(&code, value).unwrap();
            break;
        }
    }
    let output = run(&mut files).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    server.kill().await.unwrap();
}

#[tokio::test]
async fn emulator_fails_files_as_its_flag_says() {
    let mut server = bare_tool();
    server.args(["emulator", "--fail-files-every", "3"]).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut server = server.spawn().unwrap();
    let endpoint = first_line(&mut server).await;
    for (ids, status) in [(&["F1", "F2"][..], 0), (&["F1", "F2", "F3", "F4"], 5)] {
        let output = run(client_of(&endpoint).args(DUMP).args(ids).args(["--wait", "--format", "json"])).await;
        assert_eq!(output.status.code(), Some(status), "{}", text(&output.stderr));
        let failed = json_lines(&output).pop().unwrap()["failedFileIds"].clone();
        assert_eq!(failed, if status == 5 { json!(["F3"]) } else { json!([]) });
    }
    server.kill().await.unwrap();
}

#[tokio::test]
async fn emulator_has_a_share_that_expires_as_its_flag_says() {
    for (left, code, expected) in [("0s", 3, "the share is expired"), ("1000000years", 0, "")] {
        let mut server = bare_tool();
        server.args(["emulator", "--share-expires-after", left]).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut server = server.spawn().unwrap();
        let endpoint = first_line(&mut server).await;
        let link = "https://drive.example.com/cloudfile/#/sharelink/i/1808628918203192832";
        let output = run(client_of(&endpoint).args(["files", link]).env("KOODRIVE_EXTRACT_CODE", "31945314")).await;
        let stderr = text(&output.stderr);
        assert!(output.status.code() == Some(code) && stderr.contains(expected), "{left}: {stderr}");
        server.kill().await.unwrap();
    }
}

#[tokio::test]
async fn emulator_accepts_the_token_of_its_file_and_refuses_the_one_before() {
    let path = file("emulator.token", "first\n");
    let mut server = bare_tool();
    server.args(["emulator", "--token-file"]).arg(&path).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut server = server.spawn().unwrap();
    let endpoint = first_line(&mut server).await;
    let mut stderr_lines = BufReader::new(server.stderr.take().unwrap()).lines();
    for (token, others) in [("first", ["second", "emulator-token"]), ("second", ["first", "emulator-token"])] {
        file("emulator.token", token);
        if token == "second" {
            wait_for(&mut stderr_lines, "the token has changed").await;
        }
        for (token, status) in [(token, 0), (others[0], 3), (others[1], 3)] {
            let output = run(client_of(&endpoint).env("KOODRIVE_TOKEN", token).args(DUMP).arg("F1")).await;
            assert_eq!(output.status.code(), Some(status), "{token}: {}", text(&output.stderr));
        }
    }
    server.kill().await.unwrap();
}

#[tokio::test]
async fn emulator_holds_replies_back_so_that_a_killed_run_leaves_an_unknown_outcome() {
    let directory = directory("emulator-held");
    let ledger = directory.join("held.ledger");
    let mut server = bare_tool();
    server.args(["emulator", "--delay-creations", "1h"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut server = server.spawn().unwrap();
    let endpoint = first_line(&mut server).await;
    let mut stderr_lines = BufReader::new(server.stderr.take().unwrap()).lines();
    let mut client = client_of(&endpoint);
    client.args(DUMP).args(["F1", "--ledger"]).arg(&ledger);
    let mut client = client.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_for(&mut stderr_lines, "held back on purpose  task ").await;
    client.kill().await.unwrap();
    let output = run(bare_tool().args(["ledger", "--format", "json"]).arg(&ledger)).await;
    assert_eq!(json_lines(&output)[0]["unknownChunks"].as_array().unwrap().len(), 1);
    server.kill().await.unwrap();
}

#[tokio::test]
async fn emulator_that_is_started_again_gives_out_other_task_ids() {
    let mut task_ids = Vec::new();
    for _ in 0..2 {
        let mut server = bare_tool().arg("emulator").stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let endpoint = first_line(&mut server).await;
        let output = run(client_of(&endpoint).args(DUMP).args(["F1", "--format", "json"])).await;
        let task_id = json_lines(&output)[0]["taskId"].as_str().unwrap().to_owned();
        assert_eq!(task_id.len(), "1689765568237837824".len());
        task_ids.push(task_id);
        server.kill().await.unwrap();
    }
    assert_ne!(task_ids[0], task_ids[1]);
}

/// Reads lines up to one with this text.
async fn wait_for(lines: &mut Lines<BufReader<ChildStderr>>, text: &str) {
    let find = async { while !lines.next_line().await.unwrap().unwrap().contains(text) {} };
    timeout(Duration::from_secs(30), find).await.unwrap();
}

#[tokio::test]
async fn emulator_throttles_and_loses_replies_as_its_flags_say() {
    const PATH: &str = "POST /koodrive/ose/v1/share/tasks  ";
    // The last column counts the reported requests: the throttled ones, those with a lost reply, and all. Each of the
    // four creations makes one request.
    for (flags, status, expected, reported) in [
        (&["--throttle", "3/1h"][..], 6, ": 3 created, ", [1, 0, 1]),
        (&["--throttle", "4/1h"], 0, ": 4 created, ", [0, 0, 0]),
        (&["--throttle", "4/1h", "-v"], 0, ": 4 created, ", [0, 0, 4]),
        (
            &["--lose-reply-every", "3"],
            4,
            ": 3 created, 0 created earlier, 0 rejected, 0 not sent, 1 unknown",
            [0, 1, 1],
        ),
    ] {
        let mut server = bare_tool();
        server.arg("emulator").args(flags).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut server = server.spawn().unwrap();
        let endpoint = first_line(&mut server).await;
        let mut client = client_of(&endpoint);
        client.args(DUMP).args([
            "--concurrency",
            "4",
            "--continue-after-unknown",
            "--patience",
            "0s",
            "--file-ids-from",
        ]);
        let output = run(client.arg(id_file("emulator-faults.ids", 4_000))).await;
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "{flags:?}: {stderr}");
        assert!(stderr.contains(expected), "{flags:?}: {stderr}");
        let mut printed = String::new();
        let mut pipe = server.stderr.take().unwrap();
        server.kill().await.unwrap();
        pipe.read_to_string(&mut printed).await.unwrap();
        let count = |text: &str| printed.matches(text).count();
        let of = [
            count(&format!("{PATH}429  throttled on purpose  trace id ")),
            count(&format!("{PATH}200  the reply is lost on purpose  task ")),
            count(PATH),
        ];
        assert_eq!(of, reported, "{flags:?}: {printed}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn emulator_ends_at_an_interrupt() {
    let mut server = bare_tool();
    let mut server = server.arg("emulator").stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    first_line(&mut server).await;
    send("-INT", server.id().unwrap()).await;
    assert_eq!(server.wait().await.unwrap().code(), Some(0));
}
