//! Runs that are throttled.

use std::{
    process::{Output, Stdio},
    time::Duration,
};

use koodrive_share_emulator::{Answer, EmulatedShare, Emulator, Fault, Operation, Throttle};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    process::Command,
    time::timeout,
};

use crate::support::{
    DUMP, TOKEN,
    bulk::{ids, ledger, states, tasks_of},
    id_file, pass, run, send, text, tool,
};

/// An emulator that lets this number of calls pass in each window.
async fn throttled(calls: u32, window: Duration) -> Emulator {
    Emulator::builder().token(TOKEN).throttle(Throttle::new(calls, window)).start().await.unwrap()
}

/// A window that only [`run_over_windows`] ends.
const WINDOW: Duration = Duration::from_secs(3_600);

/// Runs the tool to its end. Each time it reports a pause, the emulator's window ends.
async fn run_over_windows(tool: &mut Command) -> Output {
    let mut child = tool.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let read = async {
        let mut stderr = String::new();
        while let Some(line) = lines.next_line().await.unwrap() {
            if line.contains("paused for ") {
                pass(WINDOW).await;
            }
            stderr.extend([line.as_str(), "\n"]);
        }
        stderr.into_bytes()
    };
    let (output, stderr) = tokio::join!(child.wait_with_output(), read);
    Output { stderr, ..output.unwrap() }
}

#[tokio::test]
async fn throttled_run_ends_well_untouched_and_tells_its_pauses() {
    let emulator = throttled(8, WINDOW).await;
    let ids_path = id_file("patience.ids", 20_000);
    for format in ["text", "json"] {
        let before = emulator.tasks().len();
        let mut tool = tool(&emulator);
        tool.args(DUMP).args(["--format", format, "--file-ids-from"]).arg(&ids_path);
        let output = run_over_windows(&mut tool).await;
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{stderr}");
        assert_eq!(text(&output.stdout).lines().count(), 20, "one result a task");
        assert!(stderr.contains("paused for ") && stderr.contains("APIGW.0308"), "{stderr}");
        for chunk in ids(20_000).chunks(1_000) {
            assert_eq!(tasks_of(&emulator.tasks()[before..], chunk).len(), 1);
        }
    }
}

const DUMP_OF_LINK: [&str; 7] =
    ["dump", "code1", "--recursive", "--target-file-id", "root", "--target-container-id", "my-space"];

/// An emulator with a share of 1,500 files in two directories, which has 16 pages. It lets this number of calls pass in
/// each window.
async fn with_throttled_share(calls: u32, window: Duration) -> Emulator {
    let share = EmulatedShare::new("code1").tree(750, 1, 1);
    let builder = Emulator::builder().token(TOKEN).share(share).throttle(Throttle::new(calls, window));
    builder.start().await.unwrap()
}

#[tokio::test]
async fn listing_waits_as_a_run_does_and_tells_its_pauses() {
    let emulator = with_throttled_share(6, WINDOW).await;
    for (args, results) in [
        (&["files", "code1", "--recursive"][..], 1_500),
        (&DUMP_OF_LINK, 2),
        (&[&DUMP_OF_LINK[..], &["*"]].concat(), 2),
    ] {
        // With one attempt for each call, only the pauses can help.
        let output = run_over_windows(tool(&emulator).args(args).args(["--max-attempts", "1"])).await;
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{args:?}: {stderr}");
        assert_eq!(text(&output.stdout).lines().count(), results, "{args:?}: {stderr}");
        let pause = "paused for 2s: the service refused the request, status 429";
        assert!(stderr.contains(pause), "{args:?}: {stderr}");
    }
    assert_eq!(emulator.tasks().len(), 4);
}

#[tokio::test]
async fn listing_that_is_throttled_for_too_long_ends_a_run_to_resume_later() {
    // Two calls open the share, and the first 1,000 files are on 11 pages.
    for (calls, args, tasks, expected) in [
        (5, &["files", "code1", "--recursive"][..], 0, "error: the service refused the request, status 429"),
        (5, &DUMP_OF_LINK, 0, ": none of the file ids was attempted: the service refused the request, status 429"),
        (15, &DUMP_OF_LINK, 1, ": of the file ids, 0..1000 were attempted"),
    ] {
        for (flags, variable) in [(&["--patience", "0s"][..], ""), (&[], "0s")] {
            let emulator = with_throttled_share(calls, Duration::from_secs(3_600)).await;
            let mut tool = tool(&emulator);
            tool.args(args).args(flags).args(["--max-attempts", "1"]).env("KOODRIVE_PATIENCE", variable);
            let output = run(&mut tool).await;
            let stderr = text(&output.stderr);
            assert_eq!(output.status.code(), Some(6), "{args:?}: {stderr}");
            assert!(stderr.contains(expected) && !stderr.contains("paused for"), "{args:?}: {stderr}");
            assert_eq!(emulator.tasks().len(), tasks);
        }
    }
}

#[tokio::test]
async fn patience_that_ends_is_told_with_the_way_on() {
    let emulator = throttled(1, Duration::from_secs(3_600)).await;
    let path = ledger("cli_patience");
    let ids_path = id_file("impatient.ids", 9_000);
    let run = async |setup: &dyn Fn(&mut Command)| {
        let mut tool = tool(&emulator);
        tool.args(DUMP).args(["--concurrency", "1", "--wait", "--ledger"]).arg(&path);
        tool.arg("--file-ids-from").arg(&ids_path);
        setup(&mut tool);
        run(&mut tool).await
    };
    let ways: [&dyn Fn(&mut Command); 2] =
        [&|tool| _ = tool.args(["--patience", "0s"]), &|tool| _ = tool.env("KOODRIVE_PATIENCE", "0s")];
    for way in ways {
        let before = emulator.request_count();
        let output = run(way).await;
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(6), "{stderr}");
        assert!(stderr.contains("the patience of this run; resume it later: of the file ids, 0..2000"), "{stderr}");
        assert!(stderr.contains("resume: run the same command with --ledger"), "{stderr}");
        let last = "no task was followed, since the run ended before its last file id; exit status 6: the service was away, \
                    or throttled for too long";
        assert_eq!(stderr.lines().last(), Some(last));
        let made = if before == 0 { "1 created, 0" } else { "0 created, 1" };
        assert!(stderr.contains(&format!("{made} created earlier, 0 rejected, 1 not sent, 0 unknown")), "{stderr}");
        // In the first run, the second chunk is refused. A run that ends early follows no task.
        assert_eq!(emulator.request_count() - before, if before == 0 { 2 } else { 1 });
        assert_eq!(states(&path).last().unwrap(), "notSent");
    }
}

#[tokio::test]
async fn waiting_for_a_task_pauses_as_a_run_does() {
    let emulator = Emulator::builder().token(TOKEN).start().await.unwrap();
    emulator.fail_next_of(Operation::GetBatchTask, Fault::Reply(Answer::service(429, "APIGW.0308", "slower")));
    let output = run(tool(&emulator).args(DUMP).args(["F1", "--wait", "--max-attempts", "1"])).await;
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    assert!(stderr.contains("paused for ") && stderr.contains("APIGW.0308"), "{stderr}");
    assert_eq!(emulator.faults_left(), 0);
}

#[tokio::test]
async fn calls_that_are_throttled_at_once_tell_one_pause() {
    let emulator = Emulator::builder().token(TOKEN).start().await.unwrap();
    let ids_path = id_file("at_once.ids", 4_000);
    let made = run(tool(&emulator).args(DUMP).arg("--file-ids-from").arg(&ids_path)).await;
    let tasks = text(&made.stdout).lines().filter_map(|line| line.split_whitespace().next());
    for _ in 0..4 {
        let answer = Answer::service(429, "APIGW.0308", "slower").header("retry-after", "3");
        emulator.fail_next_of(Operation::GetBatchTask, Fault::Reply(answer));
    }
    let mut status = tool(&emulator);
    status.args(["status", "--share-id", "share", "--max-attempts", "1"]).args(tasks);
    let output = run(&mut status).await;
    let stderr = text(&output.stderr);
    assert_eq!((output.status.code(), emulator.faults_left()), (Some(0), 0), "{stderr}");
    assert_eq!(stderr.matches("paused for ").count(), 1, "{stderr}");
}

#[tokio::test]
async fn run_to_resume_later_is_told_before_a_refusal() {
    let emulator = throttled(1, Duration::from_secs(3_600)).await;
    emulator.fail_next(Fault::Reply(Answer::service(400, "13000311", "not enough space")));
    let mut dump = tool(&emulator);
    dump.args(DUMP).args(["--concurrency", "1", "--patience", "0s", "--file-ids-from"]);
    let output = run(dump.arg(id_file("refused-and-throttled.ids", 9_000))).await;
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(6), "{stderr}");
    assert!(stderr.contains("13000311") && stderr.contains("of the file ids, 0..3000 were attempted"), "{stderr}");
    let output = run(tool(&emulator).args(DUMP).args(["F1", "--max-attempts", "1", "--patience", "0s"])).await;
    assert_eq!(output.status.code(), Some(6), "{}", text(&output.stderr));
}

#[cfg(unix)]
#[tokio::test]
async fn interrupt_ends_a_pause_at_once() {
    let emulator = throttled(1, Duration::from_secs(3_600)).await;
    let path = ledger("cli_pause");
    let mut tool = tool(&emulator);
    tool.args(DUMP).args(["--concurrency", "1", "--ledger"]).arg(&path);
    tool.arg("--file-ids-from").arg(id_file("pause.ids", 9_000));
    let mut child = tool.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut written = String::new();
    // The fourth pause lasts 8 to 16 seconds.
    while written.matches("paused for ").count() < 4 {
        timeout(Duration::from_secs(30), stderr.read_line(&mut written)).await.unwrap().unwrap();
    }
    // The text of the error is shown once.
    assert_eq!((written.matches("APIGW.0308").count(), written.matches("s: throttled\n").count()), (1, 3), "{written}");
    let interrupted = tokio::time::Instant::now();
    send("-INT", child.id().unwrap()).await;
    let status = timeout(Duration::from_secs(30), child.wait()).await.unwrap().unwrap();
    assert!(interrupted.elapsed() < Duration::from_secs(7), "{:?}", interrupted.elapsed());
    stderr.read_to_string(&mut written).await.unwrap();
    assert_eq!(status.code(), Some(6), "{written}");
    assert!(written.contains("interrupted: of the file ids, 0..2000 were attempted, the rest was not"), "{written}");
    assert!(written.contains("resume: run the same command with --ledger"), "{written}");
}

#[cfg(unix)]
#[tokio::test]
async fn interrupt_before_the_last_chunk_is_sent_follows_no_task() {
    let emulator = throttled(1, Duration::from_secs(3_600)).await;
    let mut tool = tool(&emulator);
    tool.args(DUMP).args(["--concurrency", "1", "--wait", "--ledger"]).arg(ledger("cli_last_chunk"));
    tool.arg("--file-ids-from").arg(id_file("last-chunk.ids", 2_000));
    let mut child = tool.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut written = String::new();
    while !written.contains("paused for ") {
        timeout(Duration::from_secs(30), stderr.read_line(&mut written)).await.unwrap().unwrap();
    }
    send("-TERM", child.id().unwrap()).await;
    let status = timeout(Duration::from_secs(30), child.wait()).await.unwrap().unwrap();
    stderr.read_to_string(&mut written).await.unwrap();
    assert_eq!(status.code(), Some(6), "{written}");
    assert!(written.contains("resume: run the same command with --ledger"), "{written}");
    assert!(!written.contains("the tasks go on"), "{written}");
    assert!(written.contains("no task was followed"), "{written}");
}

#[tokio::test]
async fn rate_is_read_from_flag_and_variable_and_refused_by_name() {
    let emulator = throttled(100, Duration::from_secs(1)).await;
    let with = |flags: &[&str], variable: &str| {
        let mut tool = tool(&emulator);
        tool.args(DUMP).arg("F1").args(flags).env("KOODRIVE_RATE", variable);
        tool
    };
    for (mut tool, expected) in [
        (with(&["--rate", "20"], ""), "such as 20/10s"),
        (with(&["--rate", "x/1s"], ""), "\"x\": invalid digit"),
        (with(&["--rate", "0/1s"], ""), "--rate (KOODRIVE_RATE): must be 1 request or more"),
        (with(&[], "20/soon"), "KOODRIVE_RATE: \"20/soon\" is no value for it: \"soon\": "),
        (with(&[], "1/2days"), "--rate (KOODRIVE_RATE): must be 1 request or more in at most a day"),
    ] {
        let output = run(&mut tool).await;
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains(expected), "{expected} not in {stderr}");
    }
    assert_eq!(emulator.request_count(), 0);
    assert_eq!(run(&mut with(&["--rate", "20/10s"], "x")).await.status.code(), Some(0));
}
