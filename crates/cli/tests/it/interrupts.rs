//! Signals in a run.

use std::{
    process::{Output, Stdio},
    time::Duration,
};

use koodrive_share_emulator::Fault;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    process::{Child, Command},
    time::timeout,
};

use crate::support::{
    DUMP,
    bulk::{ids, ledger, states, tasks_of, until},
    emulator, id_file, run, text, tool, under_shell,
};

/// Sends a signal to a process that runs.
async fn send(signal: &str, child: &Child) {
    let pid = child.id().unwrap().to_string();
    let sent = Command::new("kill").args([signal, &pid]).status().await;
    assert!(sent.unwrap().success());
}

async fn end(child: Child) -> Output {
    let output = timeout(Duration::from_secs(30), child.wait_with_output()).await;
    output.expect("the tool does not end").unwrap()
}

#[tokio::test]
async fn interrupted_run_finishes_what_is_on_its_way_and_says_how_to_resume() {
    for signals in [&["-INT"][..], &["-TERM"], &["-HUP"], &["-HUP", "-HUP"], &["-TERM", "-HUP"]] {
        let emulator = emulator().await;
        for _ in 0..2 {
            // Long enough for the signals to arrive before the replies.
            emulator.fail_next(Fault::Delay(Duration::from_secs(2)));
        }
        let path = ledger("cli_interrupt");
        let ids_path = id_file("interrupt.ids", 9_500);
        let mut tool = tool(&emulator);
        tool.args(DUMP).args(["--concurrency", "2", "--ledger"]).arg(&path);
        tool.arg("--file-ids-from").arg(&ids_path);
        tool.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = tool.spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        until("two requests are on their way", || emulator.request_count() == 2).await;
        let mut said = String::new();
        for signal in signals {
            send(signal, &child).await;
            // What the first one makes the tool say tells that it arrived, so the two are not taken for one.
            if said.is_empty() {
                timeout(Duration::from_secs(30), stderr.read_line(&mut said)).await.unwrap().unwrap();
            }
        }
        stderr.read_to_string(&mut said).await.unwrap();
        assert_eq!(end(child).await.status.code(), Some(1), "{signals:?}: {said}");
        let resume = format!("resume: run the same command with --ledger {}", path.display());
        assert!(said.contains(&resume), "{said}");
        assert!(said.contains("0..2000 were attempted, the rest was not"), "{said}");
        let expected = ["run", "sending", "sending", "accepted", "accepted"];
        assert_eq!(states(&path), expected);
        assert_eq!(emulator.request_count(), 2);

        let output = run(&mut tool).await;
        assert_eq!(output.status.code(), Some(0));
        for chunk in ids(9_500).chunks(1_000) {
            assert_eq!(tasks_of(&emulator.tasks(), chunk).len(), 1);
        }
    }
}

#[tokio::test]
async fn hang_up_that_came_ignored_stays_ignored() {
    let emulator = emulator().await;
    emulator.fail_next(Fault::Delay(Duration::from_secs(1)));
    let ids_path = id_file("nohup.ids", 2_500);
    let mut direct = tool(&emulator);
    direct.args(DUMP).args(["--concurrency", "1", "--file-ids-from"]).arg(&ids_path);
    let mut nohup = under_shell("trap '' HUP", &direct);
    let child = nohup.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    until("a request is on its way", || emulator.request_count() == 1).await;
    send("-HUP", &child).await;
    let output = end(child).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(emulator.tasks().len(), 3, "a chunk was left out");
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
    for said in [
        "interrupted: waiting",
        "error: interrupted twice: requests that were on their way may have made tasks, the ledger calls them unknown",
    ] {
        send("-INT", &child).await;
        let line = timeout(Duration::from_secs(30), stderr.next_line()).await;
        let line = line.unwrap().unwrap().unwrap();
        assert!(line.starts_with(said), "{line}");
    }
    let ended = timeout(Duration::from_secs(10), child.wait()).await;
    assert_eq!(ended.unwrap().unwrap().code(), Some(4));
    // All ids were read, and their chunk has no answer.
    assert_eq!(states(&path), ["run", "sending", "end"]);
}
