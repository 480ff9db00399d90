//! Signals in a run.

use std::{
    fs,
    io::Seek,
    process::{Output, Stdio},
    time::Duration,
};

use koodrive_share_emulator::{Schedule, Step};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    process::Child,
    time::timeout,
};

use crate::support::{
    DUMP, HELD,
    bulk::{ids, ledger, states, tasks_of, until},
    directory, emulator, file, heeding_hang_up, id_file, in_namespace, release, run, send, text, tool, under_shell,
};

async fn end(child: Child) -> Output {
    let output = timeout(Duration::from_secs(30), child.wait_with_output()).await;
    output.expect("the tool does not end").unwrap()
}

#[tokio::test]
async fn interrupted_run_finishes_what_is_on_its_way_and_says_how_to_resume() {
    for signals in [&["-INT"][..], &["-TERM"], &["-HUP"], &["-HUP", "-HUP"], &["-TERM", "-HUP"]] {
        let emulator = emulator().await;
        for _ in 0..2 {
            emulator.fail_next(HELD);
        }
        let path = ledger("cli_interrupt");
        let ids_path = id_file("interrupt.ids", 9_500);
        let mut tool = tool(&emulator);
        tool.args(DUMP).args(["--concurrency", "2", "--ledger"]).arg(&path);
        tool.arg("--file-ids-from").arg(&ids_path);
        let mut tool = heeding_hang_up(&tool);
        tool.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = tool.spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        until("two requests are on their way", || emulator.request_count() == 2).await;
        let mut written = String::new();
        stderr.read_line(&mut written).await.unwrap();
        assert!(written.ends_with("cli_interrupt.ledger: new\n"), "{written}");
        written.clear();
        for signal in signals {
            send(signal, child.id().unwrap()).await;
            // Wait for the tool's line about the first signal, so that the two do not merge into one.
            if written.is_empty() {
                timeout(Duration::from_secs(30), stderr.read_line(&mut written)).await.unwrap().unwrap();
            }
        }
        release().await;
        stderr.read_to_string(&mut written).await.unwrap();
        assert_eq!(end(child).await.status.code(), Some(1), "{signals:?}: {written}");
        let resume = format!("resume: run the same command with --ledger {}", path.display());
        assert!(written.contains(&resume), "{written}");
        assert!(written.contains("0..2000 were attempted, the rest was not"), "{written}");
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
    emulator.fail_next(HELD);
    let ids_path = id_file("nohup.ids", 2_500);
    let mut direct = tool(&emulator);
    direct.args(DUMP).args(["--concurrency", "1", "--file-ids-from"]).arg(&ids_path);
    let mut nohup = under_shell("trap '' HUP", &direct);
    let child = nohup.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    until("a request is on its way", || emulator.request_count() == 1).await;
    send("-HUP", child.id().unwrap()).await;
    release().await;
    let output = end(child).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(emulator.tasks().len(), 3, "a chunk was left out");
}

#[tokio::test]
async fn second_interrupt_leaves_at_once_and_says_what_that_means() {
    let emulator = emulator().await;
    emulator.fail_next(HELD);
    let path = ledger("cli_interrupt_twice");
    let mut tool = tool(&emulator);
    tool.args(DUMP).arg("F1").arg("--ledger").arg(&path);
    tool.stderr(Stdio::piped());
    let mut child = tool.spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap()).lines();
    until("the request is on its way", || emulator.request_count() == 1).await;
    until("all ids were read", || states(&path).len() == 3).await;
    let line = stderr.next_line().await.unwrap().unwrap();
    assert!(line.ends_with("cli_interrupt_twice.ledger: new"), "{line}");
    for expected in [
        "interrupted: waiting",
        "error: interrupted twice: requests that were on their way may have made tasks, the ledger calls them unknown",
    ] {
        send("-INT", child.id().unwrap()).await;
        let line = timeout(Duration::from_secs(30), stderr.next_line()).await;
        let line = line.unwrap().unwrap().unwrap();
        assert!(line.starts_with(expected), "{line}");
    }
    let ended = timeout(Duration::from_secs(10), child.wait()).await;
    assert_eq!(ended.unwrap().unwrap().code(), Some(4));
    // The ledger says that all ids were read, and has no reply for their chunk.
    assert_eq!(states(&path), ["run", "sending", "end"]);
}

/// The id, outside of the namespace, of the process that is process 1 in it.
#[cfg(target_os = "linux")]
async fn first_process(unshare: &Child) -> u32 {
    let unshare = unshare.id().unwrap();
    let children = format!("/proc/{unshare}/task/{unshare}/children");
    let children = || fs::read_to_string(&children).unwrap_or_default().trim().to_owned();
    until("the process is there", || !children().is_empty()).await;
    children().parse().unwrap()
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn first_process_of_a_container_ends_at_a_signal() {
    let emulator = emulator().await;
    // The task never ends, so that the tool keeps waiting for it.
    emulator.set_schedule(Schedule::by_polls([Step::running(10)]));
    let made = run(tool(&emulator).args(DUMP).arg("F1")).await;
    let task_id = text(&made.stdout).split_whitespace().next().unwrap();
    for signal in ["-INT", "-TERM", "-HUP"] {
        let mut wait = tool(&emulator);
        wait.args(["wait", task_id, "--share-id", "share"]);
        let mut unshare = in_namespace(&heeding_hang_up(&wait));
        let child = unshare.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let polls = emulator.request_count();
        let first = first_process(&child).await;
        until("it asks for the task", || emulator.request_count() > polls).await;
        send(signal, first).await;
        let output = end(child).await;
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{signal}: {stderr}");
        let expected = "error: interrupted: the tasks go on; run the same command again";
        assert!(stderr.contains(expected), "{stderr}");
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn first_process_of_a_container_ends_at_a_signal_while_nobody_writes_to_it() {
    let emulator = emulator().await;
    let pipe = directory("silent").join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let pipe = pipe.to_str().unwrap();
    for args in [
        &["wait", "--tasks-from", "-"][..],
        &["files", "1", "--extract-code-file", "-"],
        &["files", "1", "--extract-code-file", pipe],
        &["files", "1", "--cacert", pipe],
        &[&DUMP[..], &["--file-ids-from", pipe]].concat(),
        &["status", "1", "--share-id", "s", "--token-file", "-"],
        &["emulator", "--app-id", "app", "--app-secret-file", "-"],
    ] {
        let mut unshare = in_namespace(tool(&emulator).args(args));
        unshare.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = unshare.spawn().unwrap();
        let stdin = child.stdin.take();
        let first = first_process(&child).await;
        // The mask of handled signals; SIGTERM (15) is bit 14. Source: `proc_pid_status(5)`.
        let handles_signal = || {
            let status = fs::read_to_string(format!("/proc/{first}/status")).unwrap_or_default();
            let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap_or("0").trim().to_owned();
            u64::from_str_radix(&mask, 16).unwrap() & 1 << 14 != 0
        };
        until("it handles the signal", handles_signal).await;
        send("-TERM", first).await;
        let output = end(child).await;
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{args:?}: {stderr}");
        assert_eq!(stderr, "error: interrupted\n");
        drop(stdin);
    }
}

#[tokio::test]
async fn signal_while_ids_are_checked_keeps_the_run_from_beginning() {
    let emulator = emulator().await;
    // Checking these ids takes about a second.
    let ids = id_file("checked.ids", 400_000);
    let pipe = directory("checked").join("kdstoken");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    // Reading a pipe may block, so the tool installs a signal handler for it.
    for kdstoken in [None, Some(&pipe)] {
        let input = fs::File::open(&ids).unwrap();
        let mut dump = tool(&emulator);
        dump.args(DUMP).args(["--file-ids-from", "-"]).stdin(input.try_clone().unwrap()).stdout(Stdio::null());
        dump.args(kdstoken.map(|_| "--kdstoken-file")).args(kdstoken);
        let child = dump.spawn().unwrap();
        if let Some(pipe) = kdstoken.cloned() {
            std::thread::spawn(|| fs::write(pipe, "kds-1"));
        }
        // The test and the tool share the position in the file.
        until("the check has begun", || (&input).stream_position().unwrap() > 0).await;
        send("-TERM", child.id().unwrap()).await;
        assert!(!end(child).await.status.success());
        assert_eq!(emulator.request_count(), 0);
    }
}

#[tokio::test]
async fn interrupted_wait_of_a_run_says_how_to_go_on() {
    let emulator = emulator().await;
    emulator.set_schedule(Schedule::by_polls([Step::running(10)]));
    let saved = file("interrupted.tasks", "");
    for (args, expected) in [
        (&[][..], "run `koodrive-share wait TASK_ID --share-id share`"),
        (&["--save", saved.to_str().unwrap()], "run `koodrive-share wait --tasks-from /"),
    ] {
        let mut dump = tool(&emulator);
        dump.args(DUMP).args(["F1", "--wait"]).args(args).stdout(Stdio::null()).stderr(Stdio::piped());
        let before = emulator.request_count();
        let child = dump.spawn().unwrap();
        until("it asks for the task", || emulator.request_count() == before + 2).await;
        send("-TERM", child.id().unwrap()).await;
        let output = end(child).await;
        assert_eq!(output.status.code(), Some(1));
        assert!(text(&output.stderr).contains(expected), "{}", text(&output.stderr));
    }
}

#[tokio::test]
async fn interrupt_before_the_last_reply_keeps_a_run_from_looking_done() {
    let emulator = emulator().await;
    let path = directory("interrupted-before-reply").join("p.zip");
    let package = ["package", "--share-id", "share", "--container-id", "space", "F1", "--output"];
    for (args, expected) in [
        (&[&DUMP[..], &["F1", "--wait"]].concat(), "the tasks go on; run `koodrive-share wait TASK_ID"),
        (&[&package[..], &[path.to_str().unwrap()]].concat(), "the tasks go on; run the same command again"),
    ] {
        emulator.fail_next(HELD);
        let before = emulator.request_count();
        let mut tool = tool(&emulator);
        let mut child = tool.args(args).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let (mut pipe, mut stderr) = (BufReader::new(child.stderr.take().unwrap()), String::new());
        until("the request is on its way", || emulator.request_count() > before).await;
        send("-INT", child.id().unwrap()).await;
        while !stderr.contains("interrupted: waiting") {
            assert_ne!(pipe.read_line(&mut stderr).await.unwrap(), 0, "{stderr}");
        }
        release().await;
        pipe.read_to_string(&mut stderr).await.unwrap();
        assert_eq!(end(child).await.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains(expected), "{expected} not in {stderr}");
    }
}
