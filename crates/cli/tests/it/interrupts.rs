//! Signals in a run.

use std::{process::Stdio, time::Duration};

use koodrive_share_emulator::Fault;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
    time::timeout,
};

use crate::support::{
    DUMP,
    bulk::{ids, ledger, states, tasks_of, until},
    emulator, id_file, run, text, tool,
};

#[tokio::test]
async fn interrupted_run_finishes_what_is_on_its_way_and_says_how_to_resume() {
    let emulator = emulator().await;
    for _ in 0..2 {
        // Long enough for the signal to arrive before the replies.
        emulator.fail_next(Fault::Delay(Duration::from_secs(2)));
    }
    let path = ledger("cli_interrupt");
    let ids_path = id_file("interrupt.ids", 9_500);
    let mut tool = tool(&emulator);
    tool.args(DUMP).args(["--concurrency", "2", "--ledger"]).arg(&path);
    tool.arg("--file-ids-from").arg(&ids_path);
    tool.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = tool.spawn().unwrap();
    until("two requests are on their way", || emulator.request_count() == 2).await;
    let pid = child.id().unwrap().to_string();
    let killed = Command::new("kill").args(["-INT", &pid]).status().await;
    assert!(killed.unwrap().success());
    let output = timeout(Duration::from_secs(30), child.wait_with_output()).await;
    let output = output.unwrap().unwrap();
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    let resume = format!("resume: run the same command with --ledger {}", path.display());
    assert!(stderr.contains(&resume), "{stderr}");
    assert!(stderr.contains("0..2000 were attempted, the rest was not"), "{stderr}");
    let expected = ["run", "sending", "sending", "accepted", "accepted"];
    assert_eq!(states(&path), expected);
    assert_eq!(emulator.request_count(), 2);

    let output = run(&mut tool).await;
    assert_eq!(output.status.code(), Some(0));
    for chunk in ids(9_500).chunks(1_000) {
        assert_eq!(tasks_of(&emulator.tasks(), chunk).len(), 1);
    }
}

#[tokio::test]
async fn second_interrupt_leaves_at_once_and_says_what_that_means() {
    let emulator = emulator().await;
    emulator.fail_next(Fault::Delay(Duration::from_secs(3_600)));
    let path = ledger("cli_interrupt_twice");
    let mut tool = tool(&emulator);
    tool.args(DUMP).arg("F1").arg("--ledger").arg(&path);
    tool.stderr(Stdio::piped());
    let mut child = tool.spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap()).lines();
    until("the request is on its way", || emulator.request_count() == 1).await;
    let pid = child.id().unwrap().to_string();
    for said in [
        "interrupted: waiting",
        "error: interrupted twice: requests that were on their way may have made tasks, the ledger calls them unknown",
    ] {
        let killed = Command::new("kill").args(["-INT", &pid]).status().await;
        assert!(killed.unwrap().success());
        let line = timeout(Duration::from_secs(30), stderr.next_line()).await;
        let line = line.unwrap().unwrap().unwrap();
        assert!(line.starts_with(said), "{line}");
    }
    let ended = timeout(Duration::from_secs(10), child.wait()).await;
    assert_eq!(ended.unwrap().unwrap().code(), Some(4));
    // All ids were read, and their chunk has no answer.
    assert_eq!(states(&path), ["run", "sending", "end"]);
}
