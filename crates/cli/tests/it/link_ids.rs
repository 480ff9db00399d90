//! File ids given beside a share link.

use std::{fs, path::PathBuf};

use koodrive_share_emulator::{EmulatedShare, Emulator, Schedule, SharedFile, Step};

use crate::support::{
    TOKEN,
    bulk::{hold, ids, ledger, tasks_of},
    directory, file, id_file, json_lines, run, run_with_input, text, tool,
};

const CODE: &str = EmulatedShare::EXAMPLE_EXTRACT_CODE;
const INTO: [&str; 4] = ["--target-file-id", "root", "--target-container-id", "my-space"];

/// A share whose files have the ids of the tests.
fn share(files: usize) -> EmulatedShare {
    EmulatedShare::new("ids1").extract_code(CODE).container_id("its-space").files(files)
}

async fn emulator() -> Emulator {
    let emulator = Emulator::builder().token(TOKEN).share(share(2_500)).start().await.unwrap();
    emulator.set_schedule(Schedule::immediate_success());
    emulator
}

/// A dump with these arguments after the link.
fn dump(emulator: &Emulator, args: &[&str]) -> tokio::process::Command {
    let mut dump = tool(emulator);
    dump.args(["dump", "ids1"]).args(INTO).args(args).env("KOODRIVE_EXTRACT_CODE", CODE);
    dump
}

/// Writes a file with the ids that the share has now.
async fn listing(emulator: &Emulator, name: &str) -> PathBuf {
    let mut files = tool(emulator);
    files.args(["files", "ids1", "--recursive", "--format", "json"]).env("KOODRIVE_EXTRACT_CODE", CODE);
    let listed = json_lines(&run(&mut files).await);
    let ids: Vec<&str> = listed.iter().map(|file| file["fileId"].as_str().unwrap()).collect();
    file(name, &ids.join("\n"))
}

#[tokio::test]
async fn ids_beside_a_link_are_taken_without_a_listing_and_resumed_after_the_share_has_changed() {
    let emulator = emulator().await;
    let (path, listed) = (ledger("cli_link_ids"), id_file("link.ids", 2_500));
    let args = ["--ledger", path.to_str().unwrap(), "--file-ids-from", listed.to_str().unwrap()];
    let before = ids(2_500);
    let output = run(&mut dump(&emulator, &[&args[..], &["--wait"]].concat())).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let lists = emulator.requests().iter().filter(|request| request.path().ends_with("/share/files")).count();
    assert_eq!(lists, 1, "the first page, which tells the space");
    for chunk in before.chunks(1_000) {
        let body = tasks_of(&emulator.tasks(), chunk)[0].body().unwrap();
        assert_eq!((&body["shareId"], &body["containerId"]), (&"share-ids1".into(), &"its-space".into()));
    }
    emulator.set_share(share(3_000));
    let output = run(&mut dump(&emulator, &args)).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(emulator.tasks().len(), 3);
}

#[tokio::test]
async fn failed_files_of_a_share_with_an_extract_code_are_given_to_another_run() {
    let emulator = emulator().await;
    let (first, second) = (ledger("cli_failed_first"), ledger("cli_failed_second"));
    emulator.set_schedule(Schedule::by_polls([Step::completed(2).file_statuses(["1", "2", "1"])]));
    let listed = id_file("failed-first.ids", 3);
    let args = ["--wait", "--ledger", first.to_str().unwrap(), "--file-ids-from", listed.to_str().unwrap()];
    assert_eq!(run(&mut dump(&emulator, &args)).await.status.code(), Some(5));
    let mut status = tool(&emulator);
    status.args(["status", "--link", "ids1", "--format", "json", "--tasks-from"]).arg(&first);
    let statuses = json_lines(&run(status.env("KOODRIVE_EXTRACT_CODE", CODE)).await);
    let failed = statuses[0]["failedFileIds"].as_array().unwrap()[0].as_str().unwrap();
    assert_eq!(failed, ids(3)[1]);
    let failed_ids = file("failed.ids", &format!("{failed}\n"));
    emulator.set_schedule(Schedule::immediate_success());
    let args = ["--wait", "--ledger", second.to_str().unwrap(), "--file-ids-from", failed_ids.to_str().unwrap()];
    let output = run(&mut dump(&emulator, &args)).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(tasks_of(&emulator.tasks(), &ids(3)[1..2]).len(), 1);
}

#[tokio::test]
async fn space_of_the_ids_may_be_given_beside_the_link() {
    let emulator = emulator().await;
    let other = SharedFile::file("b", 1).id("F1").container_id("other-space");
    emulator.set_share(share(0).file(SharedFile::file("a", 1)).file(other));
    let mut other_space = dump(&emulator, &["--file-ids-from", "-", "--container-id", "other-space"]);
    let output = run_with_input(&mut other_space, "F1\n").await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(emulator.tasks()[0].body().unwrap()["containerId"], "other-space");
}

#[tokio::test]
async fn ledger_of_a_share_that_was_changed_goes_on_with_the_ids_of_its_first_listing() {
    let emulator = emulator().await;
    let path = ledger("cli_changed_share");
    let into_ledger = ["--ledger", path.to_str().unwrap()];
    let by_listing = [&into_ledger[..], &["--recursive"]].concat();
    assert_eq!(run(&mut dump(&emulator, &by_listing)).await.status.code(), Some(0));
    let first = listing(&emulator, "first-listing.ids").await;
    emulator.set_share(share(2_400));
    let changed = listing(&emulator, "changed-listing.ids").await;
    let advice =
        "if the share was changed since the ledger's run began: give the file ids of that run by --file-ids-from";
    let by_ids = |path| [&into_ledger[..], &["--file-ids-from", path]].concat();
    for (args, is_advised) in [(by_listing.clone(), true), (by_ids(changed.to_str().unwrap()), false)] {
        let output = run(&mut dump(&emulator, &args)).await;
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains("file ids 2000..2400 are not those that the ledger's run was given"), "{stderr}");
        assert_eq!(stderr.contains(advice), is_advised, "{stderr}");
    }
    let output = run(&mut dump(&emulator, &by_ids(first.to_str().unwrap()))).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(emulator.tasks().len(), 3);
}

#[tokio::test]
async fn ledger_in_use_is_told_before_the_share_is_opened() {
    let emulator = emulator().await;
    let path = ledger("cli_in_use_by_link");
    let args = ["--recursive", "--ledger", path.to_str().unwrap()];
    assert_eq!(run(&mut dump(&emulator, &args)).await.status.code(), Some(0));
    let _held = hold(&path).unwrap();
    let before = emulator.request_count();
    let output = run(&mut dump(&emulator, &args)).await;
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("in_use_by_link.ledger: the ledger is in use by another run; wait until that"), "{stderr}");
    assert_eq!(emulator.request_count(), before);
}

#[tokio::test]
async fn package_of_ids_beside_a_link_goes_to_a_file() {
    let emulator = emulator().await;
    let directory = directory("link-ids");
    fs::write(directory.join("ids"), "F1\nF2\n").unwrap();
    let mut package = tool(&emulator);
    package.args(["package", "ids1", "--file-ids-from", "ids", "--output", "p.zip"]).current_dir(&directory);
    let output = run(package.env("KOODRIVE_EXTRACT_CODE", CODE)).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(fs::read(directory.join("p.zip")).unwrap().starts_with(b"PK"));
}

#[tokio::test]
async fn ids_beside_a_link_exclude_all_that_needs_a_listing() {
    let emulator = emulator().await;
    let listed = id_file("excluded.ids", 1);
    for (args, expected) in [
        (&["first"][..], "give names of files or --file-ids-from, not both"),
        (&["--all"], "cannot be used with"),
        (&["--recursive"], "cannot be used with"),
    ] {
        let args = [args, &["--file-ids-from", listed.to_str().unwrap()]].concat();
        let output = run(&mut dump(&emulator, &args)).await;
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(text(&output.stderr).contains(expected), "{expected} not in {}", text(&output.stderr));
    }
    let output = run(&mut dump(&emulator, &["--all", "--container-id", "c"])).await;
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("files that are listed tell their space"), "{}", text(&output.stderr));
    let output = run(tool(&emulator).arg("dump").args(INTO).arg("--file-ids-from").arg(&listed)).await;
    assert!(text(&output.stderr).contains("<LINK|ID>"), "{}", text(&output.stderr));
    assert_eq!(emulator.request_count(), 0);
}
