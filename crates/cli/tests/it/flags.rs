//! Flags and the variables beside them.

use crate::support::{DUMP, TOKEN, bare_tool, emulator, run, text};

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
        "credentials: must be given, given nothing (credentials); give --token-file, or set one of KOODRIVE_TOKEN",
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
