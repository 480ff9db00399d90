//! The output on a terminal: the pseudo-terminal of `script`.

use std::{process::Stdio, time::Duration};

use koodrive_share_emulator::{Answer, Emulator, Fault, Package, Schedule, Step};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use crate::support::{
    DUMP, HELD, TOKEN,
    bulk::{ledger, states, until},
    directory, emulator, heeding_hang_up, id_file, on_terminal, release, run, text, tool, under_shell,
};

/// Runs the tool on a terminal with this variable, and returns all that the terminal shows.
async fn shown(tool: &tokio::process::Command, (name, value): (&str, &str)) -> String {
    let output = run(on_terminal(tool).env(name, value)).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    text(&output.stdout).to_owned()
}

#[tokio::test]
async fn colours_are_for_terminals_that_have_them() {
    let emulator = emulator().await;
    let mut traced = tool(&emulator);
    traced.args(DUMP).args(["F1", "-v"]);
    for (variable, coloured) in [
        (("TERM", "xterm"), true),
        (("TERM", "dumb"), false),
        (("NO_COLOR", "1"), false),
        // An empty variable counts as not set.
        (("NO_COLOR", ""), true),
    ] {
        let shown = shown(&traced, variable).await;
        assert!(shown.contains("DEBUG"), "{shown}");
        assert_eq!(shown.contains("\u{1b}[2m"), coloured, "{variable:?}: {shown}");
    }
}

#[tokio::test]
async fn bar_is_for_terminals_that_understand_it_and_lines_are_for_others() {
    let emulator = emulator().await;
    let mut dump = tool(&emulator);
    dump.args(DUMP).args(["--concurrency", "1", "--file-ids-from"]).arg(id_file("terminal.ids", 2_500));
    for (term, has_bar) in [("xterm", true), ("dumb", false)] {
        // A line is written at most once a second.
        emulator.fail_next(Fault::Delay(Duration::from_millis(1_100)));
        let shown = shown(&dump, ("TERM", term)).await;
        assert!(shown.contains("3 created"), "{shown}");
        assert_eq!(shown.contains("1000 of 2500 ids attempted"), !has_bar, "{shown:?}");
        assert_eq!(shown.contains('\u{1b}'), has_bar, "{shown:?}");
    }
}

#[tokio::test]
async fn time_left_after_a_resume_counts_what_is_left() {
    let emulator = emulator().await;
    let mut dump = tool(&emulator);
    dump.args(DUMP).args(["--concurrency", "1", "--ledger"]).arg(ledger("cli_time_left"));
    dump.arg("--file-ids-from").arg(id_file("time-left.ids", 45_000));
    for _ in 0..40 {
        emulator.fail_next(Fault::Delay(Duration::ZERO));
    }
    emulator.fail_next(Fault::Reply(Answer::service(403, "403", "forbidden")));
    assert_eq!(run(&mut dump).await.status.code(), Some(3));
    // This reply takes as long as some redraws of the bar. The next one is held until the bar has shown it.
    emulator.fail_next(Fault::Delay(Duration::from_secs(1)));
    emulator.fail_next(HELD);
    let mut terminal = on_terminal(&dump).stdout(Stdio::piped()).spawn().unwrap();
    let (mut screen, mut bytes) = (terminal.stdout.take().unwrap(), Vec::new());
    // If the 40 chunks that the ledger answers counted, no time would be left.
    let left = loop {
        assert_ne!(screen.read_buf(&mut bytes).await.unwrap(), 0, "{}", String::from_utf8_lossy(&bytes));
        let shown = String::from_utf8_lossy(&bytes);
        let after_one = shown.split("41,000/45,000 ids, ").nth(1);
        if let Some((left, _)) = after_one.and_then(|after_one| after_one.split_once(" left")) {
            break left.to_owned();
        }
    };
    assert_ne!(left, "0s");
    until("the next one is on its way", || emulator.request_count() == 43).await;
    release().await;
    screen.read_to_end(&mut bytes).await.unwrap();
    assert!(terminal.wait().await.unwrap().success(), "{}", String::from_utf8_lossy(&bytes));
}

#[tokio::test]
async fn wait_shows_how_far_the_tasks_have_come() {
    let emulator = emulator().await;
    emulator.set_schedule(Schedule::by_polls([Step::running(31), Step::completed(1)]));
    let mut dump = tool(&emulator);
    dump.args(DUMP).args(["--wait", "--file-ids-from"]).arg(id_file("waiting.ids", 1_500));
    for (term, has_bar) in [("xterm", true), ("dumb", false)] {
        let shown = shown(&dump, ("TERM", term)).await;
        // At that moment one of the two tasks has been queried.
        assert!(shown.contains("0 of 2 tasks ended, 15 %"), "{shown:?}");
        assert_eq!(shown.contains("=>"), has_bar, "{shown:?}");
        assert_eq!(shown.matches("completed, all succeeded  100 %").count(), 2, "{shown:?}");
        assert!(!shown.contains("2 of 2 tasks ended\r\n"), "the bar stays: {shown:?}");
    }
}

#[tokio::test]
async fn download_shows_rate_and_time_left() {
    // The cuts make the download last for some redraws of the bar.
    let package = Package::new().file_bytes(20 << 20).cut_every(1 << 20);
    let emulator = Emulator::builder().token(TOKEN).package(package).schedule(Schedule::immediate_success());
    let emulator = emulator.start().await.unwrap();
    let output = directory("shown-download").join("photos.zip");
    let mut package = tool(&emulator);
    package.args(["package", "--share-id", "s", "--container-id", "c", "F1", "--output"]).arg(&output);
    let shown = shown(&package, ("TERM", "xterm")).await;
    let has_all = |bar: &str| ["=>", "/20.00 MiB, ", "MiB/s, ", "s left"].iter().all(|part| bar.contains(part));
    assert!(shown.split('\r').any(has_all), "{shown:?}");
    assert!(shown.contains("1 of 1 task ended, 1 file done"), "{shown:?}");
    assert!(shown.contains("photos.zip  1 file, 20,9"), "{shown:?}");
}

#[tokio::test]
async fn control_c_at_the_terminal_ends_a_wait() {
    let emulator = emulator().await;
    emulator.set_schedule(Schedule::by_polls([Step::running(10)]));
    let made = run(tool(&emulator).args(DUMP).arg("F1")).await;
    let task_id = text(&made.stdout).split_whitespace().next().unwrap();
    let mut wait = tool(&emulator);
    wait.args(["wait", task_id, "--share-id", "share"]);
    let mut terminal = on_terminal(&wait).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut keys, mut screen) = (terminal.stdin.take().unwrap(), terminal.stdout.take().unwrap());
    until("it asks for the task", || emulator.request_count() == 2).await;
    keys.write_all(b"\x03").await.unwrap();
    let mut shown = String::new();
    timeout(Duration::from_secs(30), screen.read_to_string(&mut shown)).await.unwrap().unwrap();
    assert_eq!(terminal.wait().await.unwrap().code(), Some(1));
    assert!(shown.contains("error: interrupted: the tasks go on"), "{shown:?}");
}

#[tokio::test]
async fn a_terminal_that_is_closed_ends_a_run_once_what_is_on_its_way_has_come() {
    let emulator = emulator().await;
    for _ in 0..2 {
        // The delay is time for the tool to see that its terminal is closed, which it cannot report.
        emulator.fail_next(Fault::Delay(Duration::from_secs(10)));
    }
    let path = ledger("cli_closed_terminal");
    let mut dump = tool(&emulator);
    dump.args(DUMP).args(["--concurrency", "2", "--ledger"]).arg(&path);
    dump.arg("--file-ids-from").arg(id_file("closed-terminal.ids", 9_500));
    let results = path.with_extension("results");
    let dump = under_shell(&format!("exec > \"{}\"", results.display()), &heeding_hang_up(&dump));
    let mut terminal = on_terminal(&dump).stdout(Stdio::piped()).spawn().unwrap();
    let (mut screen, mut shown) = (terminal.stdout.take().unwrap(), Vec::new());
    while !String::from_utf8_lossy(&shown).contains("/9,500 ids") {
        assert_ne!(screen.read_buf(&mut shown).await.unwrap(), 0, "{}", String::from_utf8_lossy(&shown));
    }
    until("two requests are on their way", || emulator.request_count() == 2).await;
    terminal.kill().await.unwrap();
    until("their lines are there", || states(&path) == ["run", "sending", "sending", "accepted", "accepted"]).await;
    until("their results are there", || std::fs::read_to_string(&results).unwrap().lines().count() == 2).await;
}
