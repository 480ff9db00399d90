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
