//! Results and ledgers that cannot be written.

use std::{
    fs,
    io::{Read, Write},
    process::{Output, Stdio},
    time::Duration,
};

use koodrive_share_emulator::{Answer, EmulatedTask, Emulator, Fault};
use tokio::time::timeout;

use crate::support::{
    DUMP, HELD, PACKAGE,
    bulk::{ids, ledger, states, tasks_of, until},
    emulator, id_file, json_lines, release, run, text, tool, under_shell,
};

#[tokio::test]
async fn reader_that_goes_away_stops_the_run_without_a_panic() {
    let emulator = emulator().await;
    let path = ledger("cli_pipe");
    let ids = id_file("pipe.ids", 50_000);
    let mut tool = tool(&emulator);
    tool.args(DUMP).arg("--ledger").arg(&path).arg("--file-ids-from").arg(ids);
    tool.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = tool.spawn().unwrap();
    drop(child.stdout.take());
    let output = timeout(Duration::from_secs(60), child.wait_with_output()).await;
    let output = output.unwrap().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let stderr = text(&output.stderr);
    assert!(!stderr.contains("panicked") && stderr.contains("resume: "), "{stderr}");
    let made = emulator.tasks().len();
    assert!(made < 50, "it went on");
    assert!(emulator.tasks().iter().all(|task| stderr.contains(task.task_id())), "{stderr}");
    let accepted = states(&path).iter().filter(|it| *it == "accepted").count();
    assert_eq!(accepted, made);
}

/// Runs a command with a time-out of 10 s for each request, and begins to read its results later than that. Requests
/// that are held get their replies once all requests have arrived.
async fn unread(emulator: &Emulator, args: &[&str], faults: &[Fault]) -> Output {
    let (mut results, writer) = std::io::pipe().unwrap();
    // This fills the pipe on every platform, so that writing the first result blocks.
    let mut filler = writer.try_clone().unwrap();
    std::thread::spawn(move || filler.write_all(&vec![b'\n'; 1 << 16]));
    for fault in faults {
        emulator.fail_next(fault.clone());
    }
    let all = emulator.request_count() + faults.len() as u64;
    let mut tool = tool(emulator);
    let tool = tool.args(args).args(["--request-timeout", "10s", "--connect-timeout", "1s", "--max-attempts", "2"]);
    let child = tool.stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
    tool.stdout(Stdio::null());
    until("all are on their way", || emulator.request_count() >= all).await;
    release().await;
    tokio::time::sleep(Duration::from_secs(11)).await;
    let mut stdout = Vec::new();
    let read = tokio::task::spawn_blocking(move || results.read_to_end(&mut stdout).map(|_| stdout));
    let output = timeout(Duration::from_secs(60), child.wait_with_output()).await.unwrap().unwrap();
    Output { stdout: read.await.unwrap().unwrap(), ..output }
}

#[tokio::test]
async fn answer_that_comes_while_nobody_reads_the_results_is_no_time_out() {
    let emulator = emulator().await;
    let ids = id_file("unread.ids", 3_000);
    let dump = [&DUMP[..], &["--file-ids-from", ids.to_str().unwrap()]].concat();
    // A run begins no further request while writing a result blocks, so the first request is held, too.
    let output = unread(&emulator, &dump, &[HELD, HELD, HELD]).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let tasks = emulator.tasks();
    let ids: Vec<&str> = tasks.iter().map(EmulatedTask::task_id).collect();
    for id in &ids {
        assert!(text(&output.stdout).contains(id), "{}", text(&output.stdout));
    }
    // A pause begins in between: one task is throttled at both attempts.
    let throttled = Fault::Reply(Answer::service(429, "APIGW.0308", "slower"));
    for command in ["status", "wait"] {
        let faults = [Fault::Delay(Duration::ZERO), throttled.clone(), HELD, throttled.clone()];
        let output = unread(&emulator, &[&[command, "--share-id", "share"], &ids[..]].concat(), &faults).await;
        let stderr = text(&output.stderr);
        assert_eq!((output.status.code(), stderr.matches("paused for ").count()), (Some(0), 1), "{command}: {stderr}");
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn result_that_cannot_be_written_goes_to_the_standard_error() {
    let emulator = emulator().await;
    let ids = id_file("unwritten.ids", 50_000);
    for format in ["text", "json"] {
        let before = emulator.tasks().len();
        let mut tool = tool(&emulator);
        tool.args(DUMP).args(["--format", format, "--concurrency", "2", "--file-ids-from"]).arg(&ids);
        tool.stdout(fs::File::create("/dev/full").unwrap()).stderr(Stdio::piped());
        let output = timeout(Duration::from_secs(60), tool.spawn().unwrap().wait_with_output()).await;
        let output = output.unwrap().unwrap();
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains("results cannot be written to the standard output: No space left"), "{stderr}");
        let tasks = emulator.tasks().split_off(before);
        assert!(tasks.len() < 50, "it went on");
        for task in tasks {
            assert!(stderr.contains(task.task_id()), "{} is not in {stderr}", task.task_id());
        }
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn status_that_cannot_be_written_goes_to_the_standard_error_without_its_url() {
    let emulator = emulator().await;
    let made = run(tool(&emulator).args(PACKAGE).arg("F1")).await;
    let task_id = text(&made.stdout).split_whitespace().next().unwrap();
    for format in ["text", "json"] {
        let mut wait = tool(&emulator);
        wait.args(["wait", task_id, "--share-id", "share", "--format", format]);
        wait.stdout(fs::File::create("/dev/full").unwrap()).stderr(Stdio::piped());
        let output = wait.spawn().unwrap().wait_with_output().await.unwrap();
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        let unwritten = stderr.lines().find(|line| line.contains(task_id) && line.contains("completed"));
        assert!(unwritten.is_some(), "{stderr}");
        assert!(!stderr.contains("/packages/"), "{stderr}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn full_disk_stops_the_run_and_leaves_a_ledger_that_can_be_resumed() {
    let emulator = emulator().await;
    let path = ledger("cli_full");
    let ids_path = id_file("full.ids", 4_000);
    let mut unknown = 0;
    // The limit is in blocks of 512 bytes. A ledger of 4 chunks has some 3,000 bytes, so each limit tears another line.
    for limit in 1..=5 {
        let _ = fs::remove_file(&path);
        let before = emulator.tasks().len();
        let mut tool = tool(&emulator);
        tool.args(DUMP).args(["--concurrency", "1", "--ledger"]).arg(&path);
        tool.arg("--file-ids-from").arg(&ids_path);
        // The limit on the size of files stands for a full disk: a write beyond it fails likewise.
        let mut limited = under_shell(&format!("trap '' XFSZ\nulimit -f {limit}"), &tool);
        let output = run(&mut limited).await;
        let stderr = text(&output.stderr);
        assert!(stderr.contains("cli_full.ledger: the ledger cannot be read or written"), "{stderr}");
        let lacks = stderr.split_once("it lacks task ").map(|(_, lacks)| lacks.split_whitespace().next().unwrap());
        let lacks = lacks.map(str::to_owned);
        let left = fs::read(&path).unwrap();
        assert!(left.is_empty() || left.ends_with(b"\n"), "limit {limit}: a torn line is left");
        assert!(lacks.is_none() || stderr.contains("cli_full.ledger --made RANGE TASK_ID`"), "{stderr}");
        let output = run(tool.args(["--format", "json"])).await;
        let lines = json_lines(&output);
        assert_eq!(lines.len(), 4, "{}", text(&output.stderr));
        let unsettled = lines.iter().filter(|line| line["outcome"] == "unknown").count();
        assert_eq!(output.status.code(), Some(if unsettled == 0 { 0 } else { 4 }));
        unknown += unsettled;
        // The error names a task whose line could not be written.
        let made = emulator.tasks();
        assert_eq!(lacks.is_some(), unsettled == 1, "{lacks:?}");
        assert!(lacks.is_none_or(|lacks| made[before..].iter().any(|task| task.task_id() == lacks)), "limit {limit}");
        for chunk in ids(4_000).chunks(1_000) {
            let tasks = &emulator.tasks()[before..];
            assert_eq!(tasks_of(tasks, chunk).len(), 1, "limit {limit}");
        }
    }
    // Some of the limits tear the line of a reply.
    assert!(unknown > 0);
}

#[cfg(unix)]
#[tokio::test]
async fn full_disk_leaves_saved_tasks_that_can_be_read() {
    let emulator = emulator().await;
    let path = id_file("full.tasks", 0);
    let mut dump = tool(&emulator);
    dump.args(DUMP).args(["--concurrency", "1", "--save"]).arg(&path);
    dump.arg("--file-ids-from").arg(id_file("full-saved.ids", 4_000));
    // The limit tears the third line.
    let output = run(&mut under_shell("trap '' XFSZ\nulimit -f 1", &dump)).await;
    let stderr = text(&output.stderr);
    assert!(output.status.code() == Some(1) && stderr.contains("a task cannot be written"), "{stderr}");
    let mut wait = tool(&emulator);
    let output = run(wait.args(["wait", "--format", "json", "--tasks-from"]).arg(&path)).await;
    let tasks = emulator.tasks();
    let read: Vec<_> = json_lines(&output).iter().map(|task| task["taskId"].as_str().unwrap().to_owned()).collect();
    assert!(read.len() == 2 && read.iter().all(|read| tasks.iter().any(|it| it.task_id() == read)), "{read:?}");
    assert_eq!(run(&mut dump).await.status.code(), Some(0), "more can be added");
}

#[cfg(unix)]
#[tokio::test]
async fn ledger_that_is_deleted_during_the_run_is_not_to_be_resumed() {
    let emulator = emulator().await;
    let path = ledger("cli_deleted");
    emulator.fail_next(Fault::Delay(Duration::ZERO));
    emulator.fail_next(HELD);
    let mut dump = tool(&emulator);
    dump.args(DUMP).args(["--concurrency", "1", "--ledger"]).arg(&path);
    dump.arg("--file-ids-from").arg(id_file("deleted.ids", 4_500)).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = dump.spawn().unwrap();
    until("the second is on its way", || emulator.request_count() == 2).await;
    fs::remove_file(&path).unwrap();
    release().await;
    let output = timeout(Duration::from_secs(30), child.wait_with_output()).await.unwrap().unwrap();
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    let moved = format!("Put {} back if it was moved;", path.display());
    assert!(stderr.contains("do not give the same command again") && stderr.contains(&moved), "{stderr}");
    assert!(stderr.contains("give another ledger any ids from 2000 on"), "{stderr}");
    assert!(!stderr.contains("resume:") && !stderr.contains("settle:"), "{stderr}");
    for task in emulator.tasks() {
        assert!(text(&output.stdout).contains(task.task_id()), "{}", text(&output.stdout));
    }
    // Follow the advice.
    let mut rest = tool(&emulator);
    rest.args(DUMP).arg("--ledger").arg(ledger("cli_deleted_rest"));
    let ids = ids(4_500);
    let rest_of_ids = crate::support::file("deleted-rest.ids", &ids[2_000..].join("\n"));
    assert_eq!(run(rest.arg("--file-ids-from").arg(rest_of_ids)).await.status.code(), Some(0));
    for chunk in ids.chunks(1_000) {
        assert_eq!(tasks_of(&emulator.tasks(), chunk).len(), 1);
    }
}

#[cfg(unix)]
#[tokio::test]
async fn run_that_lost_its_ledger_does_not_end_with_the_status_to_run_it_again() {
    let emulator = emulator().await;
    let path = ledger("cli_deleted_throttled");
    emulator.fail_next(HELD);
    // The pause waits for the reply to the first request, after which no more requests are sent.
    emulator.fail_next(Fault::Reply(Answer::service(429, "429", "throttled").header("Retry-After", "5")));
    let mut dump = tool(&emulator);
    dump.args(DUMP).args(["--concurrency", "2", "--ledger"]).arg(&path);
    dump.arg("--file-ids-from").arg(id_file("deleted-throttled.ids", 2_000)).stderr(Stdio::piped());
    let child = dump.stdout(Stdio::null()).spawn().unwrap();
    until("both were sent", || emulator.request_count() == 2).await;
    fs::remove_file(&path).unwrap();
    release().await;
    let output = timeout(Duration::from_secs(30), child.wait_with_output()).await.unwrap().unwrap();
    let stderr = text(&output.stderr);
    assert!(stderr.contains("throttled") && stderr.contains("do not give the same command again"), "{stderr}");
    assert_eq!(output.status.code(), Some(1), "{stderr}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn standard_error_that_cannot_be_written_ends_nothing() {
    let emulator = emulator().await;
    let mut dump = tool(&emulator);
    dump.args(DUMP).args(["F1", "F1", "--wait", "-vv"]).stderr(fs::File::create("/dev/full").unwrap());
    dump.stdout(Stdio::piped());
    let output = timeout(Duration::from_secs(60), dump.spawn().unwrap().wait_with_output()).await.unwrap().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stdout).contains("completed, all succeeded"));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_pause_that_nobody_reads_of_keeps_no_reply_from_the_ledger() {
    let emulator = emulator().await;
    emulator.fail_next(Fault::Reply(Answer::service(429, "APIGW.0308", "slower")));
    emulator.fail_next(Fault::Delay(Duration::from_millis(500)));
    let path = ledger("cli_unread_pause");
    // The pipe has room for the line about the ledger, but not for one about a pause.
    let (_unread, mut writer) = std::io::pipe().unwrap();
    writer.write_all(&vec![b'\n'; (1 << 16) - 200]).unwrap();
    let mut dump = tool(&emulator);
    dump.args(DUMP).arg("--file-ids-from").arg(id_file("unread-pause.ids", 2_000)).arg("--ledger").arg(&path);
    let _run = dump.stderr(writer).stdout(Stdio::null()).spawn().unwrap();
    until("the ledger has the reply", || path.exists() && states(&path).iter().any(|state| state == "accepted")).await;
}
