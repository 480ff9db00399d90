//! The quickstart, as a newcomer runs it.

use std::{
    env,
    process::{Command, Output},
};

use koodrive_share_emulator::Emulator;

use crate::support::fixtures::{KDSTOKEN, strict_emulator};

/// Runs the README's command, with these variables and with the features that the tests are built with.
fn quickstart(variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO"));
    command.args(["run", "--quiet", "--package", "koodrive-share", "--example", "quickstart"]);
    // Remove the caller's settings, and cargo's variables for a test, with which build scripts would run again.
    for (name, _) in env::vars_os() {
        let name = name.to_string_lossy();
        if ["KOODRIVE_", "CARGO_MANIFEST_", "CARGO_PKG_", "OUT_DIR"].iter().any(|prefix| name.starts_with(prefix)) {
            command.env_remove(&*name);
        }
    }
    command.envs(variables.iter().copied()).output().unwrap()
}

#[test]
fn it_runs_on_the_emulator_and_shows_the_request_without_secrets() {
    let output = quickstart(&[]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text} {}", String::from_utf8_lossy(&output.stderr));
    for part in ["  report.docx", "created task 1689765568237837824", "all succeeded", "authorization: Bearer ***"] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    assert!(!text.contains(KDSTOKEN) && !text.contains(Emulator::DEFAULT_TOKEN), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_talks_to_the_endpoint_that_the_environment_names() {
    let emulator = strict_emulator().token("t0ken").start().await.unwrap();
    let endpoint = emulator.endpoint().to_owned();
    let run = move || {
        quickstart(&[
            ("KOODRIVE_ENDPOINT", &endpoint),
            ("KOODRIVE_TOKEN", "t0ken"),
            ("KOODRIVE_USER_ID", "42"),
            ("KOODRIVE_AGENT_NAME", "carrier"),
        ])
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(emulator.tasks().len(), 1);
    assert_eq!(emulator.requests()[0].header("x-user-id"), Some("42"));
}

#[test]
fn it_names_all_that_the_environment_lacks() {
    let output =
        quickstart(&[("KOODRIVE_ENDPOINT", "https://localhost:1"), ("KOODRIVE_APP_ID", "a"), ("KOODRIVE_TOKEN", "t")]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    for part in ["KOODRIVE_TOKEN and KOODRIVE_APP_ID", "KOODRIVE_USER_ID", "KOODRIVE_AGENT_NAME"] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
}
