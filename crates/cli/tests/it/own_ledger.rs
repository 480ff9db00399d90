//! The ledger beside the file of `--output`: it keeps the task until the same command has nothing left to resume.

use std::{fs, path::PathBuf, process::Stdio};

use koodrive_share_emulator::{Answer, EmulatedShare, Emulator, Package, Schedule, Step};
use tokio::process::Command;

use crate::support::{TOKEN, bulk::until, directory, run, run_with_input, text, tool};

const LINK: [&str; 5] = ["package", "grows1", "--all", "--output", "p.zip"];
const IDS: [&str; 9] =
    ["package", "--share-id", "share", "--container-id", "space", "--file-ids-from", "-", "--output", "p.zip"];

async fn emulator() -> Emulator {
    Emulator::builder().token(TOKEN).share(share(1)).start().await.unwrap()
}

/// A share with this number of files.
fn share(files: usize) -> EmulatedShare {
    EmulatedShare::new("grows1").files(files)
}

fn tool_in(directory: &PathBuf, emulator: &Emulator, args: &[&str]) -> Command {
    let mut tool = tool(emulator);
    tool.current_dir(directory).args(args);
    tool
}

/// Runs a command until its task is made, and kills it while it waits. The task ends afterwards.
async fn kill_while_it_waits(emulator: &Emulator, tool: &mut Command, input: &str) {
    emulator.set_schedule(Schedule::by_polls([Step::running(10), Step::completed(1)]));
    let mut child = tool.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut stdin, input.as_bytes()).await.unwrap();
    drop(stdin);
    until("it asks for the task", || emulator.tasks().first().is_some_and(|task| task.polls() > 0)).await;
    child.kill().await.unwrap();
}

#[tokio::test]
async fn task_of_a_killed_command_outlasts_a_share_that_has_grown_since() {
    let (emulator, directory) = (emulator().await, directory("grown"));
    kill_while_it_waits(&emulator, &mut tool_in(&directory, &emulator, &LINK), "").await;
    emulator.set_share(share(1_001));
    let output = run(&mut tool_in(&directory, &emulator, &LINK)).await;
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("(split-consent)"), "{stderr}");
    assert!(stderr.contains("p.zip.ledger keeps the task of a command that did not end"), "{stderr}");
    // Follow the advice.
    let fetch = ["download", "--tasks-from", "p.zip.ledger", "--output", "fetched.zip"];
    assert_eq!(run(&mut tool_in(&directory, &emulator, &fetch)).await.status.code(), Some(0));
    emulator.set_share(share(1));
    let output = run(&mut tool_in(&directory, &emulator, &LINK)).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(emulator.tasks().len(), 1, "a second package was made");
    assert!(!directory.join("p.zip.ledger").exists());
}

#[tokio::test]
async fn task_of_a_killed_command_outlasts_file_ids_that_cannot_be_read() {
    let (emulator, directory) = (emulator().await, directory("unread-ids"));
    kill_while_it_waits(&emulator, &mut tool_in(&directory, &emulator, &IDS), "F1\n").await;
    let output = run_with_input(&mut tool_in(&directory, &emulator, &IDS), "F1\tx\n").await;
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    let output = run_with_input(&mut tool_in(&directory, &emulator, &IDS), "F1\n").await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(emulator.tasks().len(), 1, "a second package was made");
}

#[cfg(unix)]
#[tokio::test]
async fn task_of_a_killed_command_outlasts_an_interrupt_before_the_first_file_id() {
    use crate::support::send;
    let (emulator, directory) = (emulator().await, directory("interrupted-ids"));
    let ledger = directory.join("p.zip.ledger");
    kill_while_it_waits(&emulator, &mut tool_in(&directory, &emulator, &IDS), "F1\n").await;
    let mut tool = tool_in(&directory, &emulator, &IDS);
    let mut child = tool.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let is_locked = || fs::File::open(&ledger).is_ok_and(|file| file.try_lock().is_err());
    until("it has the ledger and waits for ids", is_locked).await;
    let stdin = child.stdin.take();
    send("-INT", child.id().unwrap()).await;
    let output = child.wait_with_output().await.unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    drop(stdin);
    let output = run_with_input(&mut tool, "F1\n").await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(emulator.tasks().len(), 1, "a second package was made");
}

#[tokio::test]
async fn task_outlasts_a_download_that_fails_for_whatever_cause() {
    let (emulator, directory) = (emulator().await, directory("failed-download"));
    emulator.set_schedule(Schedule::immediate_success());
    let answers = [
        Answer::new(200).header("Content-Type", "text/html").body("<html>log in</html>"),
        Answer::new(302).header("Location", "ftp://elsewhere.invalid/p.zip"),
        Answer::new(401),
        // Both the URL and the fresh one have lapsed.
        Answer::new(403).body("Request has expired"),
        Answer::new(404),
        Answer::new(200).header("Content-Type", "application/zip").body("no zip"),
    ];
    for answer in answers {
        emulator.set_package(Package::new().answer(answer.clone()));
        let output = run(&mut tool_in(&directory, &emulator, &LINK)).await;
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{answer:?}: {stderr}");
        let expected = "p.zip.ledger keeps the task: give the same command again, or delete it to make another package";
        assert!(stderr.contains(expected), "{answer:?}: {stderr}");
    }
    emulator.set_package(Package::new());
    let output = run(&mut tool_in(&directory, &emulator, &LINK)).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(emulator.tasks().len(), 1, "a second package was made");
    assert!(!directory.join("p.zip.ledger").exists());
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn package_that_has_come_leaves_no_ledger_although_nobody_can_be_told() {
    let (emulator, directory) = (emulator().await, directory("untold-package"));
    emulator.set_schedule(Schedule::immediate_success());
    // The results of the creation and of the task can be written, that of the package cannot.
    let mut package = tool_in(&directory, &emulator, &LINK);
    let mut child = package.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    emulator.set_package(Package::new().file_bytes(50 << 20));
    let mut results = String::new();
    while results.lines().count() < 2 {
        let mut byte = [0];
        tokio::io::AsyncReadExt::read_exact(&mut stdout, &mut byte).await.unwrap();
        results.push(char::from(byte[0]));
    }
    drop(stdout);
    let output = child.wait_with_output().await.unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    assert!(directory.join("p.zip").exists() && !directory.join("p.zip.ledger").exists());
}

#[tokio::test]
async fn ledger_that_another_command_uses_stays() {
    let (emulator, directory) = (emulator().await, directory("used-ledger"));
    let mut tool = tool_in(&directory, &emulator, &IDS);
    let mut first = tool.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let ledger = directory.join("p.zip.ledger");
    until("the first has begun it", || fs::metadata(&ledger).is_ok_and(|it| it.len() > 0)).await;
    let output = run_with_input(&mut tool_in(&directory, &emulator, &IDS), "F1\n").await;
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    assert!(ledger.exists());
    let mut stdin = first.stdin.take().unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut stdin, b"F1\n").await.unwrap();
    drop(stdin);
    let output = first.wait_with_output().await.unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
}
