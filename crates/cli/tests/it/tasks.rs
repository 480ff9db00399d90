//! Tasks given by id, or by a file that an earlier run wrote.

use std::{fs, time::Duration};

use koodrive_share_emulator::{Answer, EmulatedShare, Emulator, Fault, Schedule, Step};

use crate::support::{
    DUMP, KDSTOKEN, PACKAGE, TOKEN, bulk::ledger, directory, emulator, expect, file, id_file, json_lines, run,
    run_with_input, text, tool,
};

/// A path for saved tasks, without a file.
fn saved(name: &str) -> String {
    let path = file(name, "");
    fs::remove_file(&path).unwrap();
    path.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn several_tasks_are_asked_for_and_followed_at_once() {
    let emulator = emulator().await;
    emulator.set_schedule(Schedule::immediate_success());
    for _ in 0..3 {
        expect(&emulator, &[&DUMP[..], &["F1"]].concat(), 0, "").await;
    }
    let ids: Vec<String> = emulator.tasks().iter().map(|task| task.task_id().to_owned()).collect();
    for command in ["status", "wait"] {
        let output = run(tool(&emulator).args([command, "--share-id", "share", "--format", "json"]).args(&ids)).await;
        let mut written: Vec<String> =
            json_lines(&output).iter().map(|line| line["taskId"].as_str().unwrap().into()).collect();
        // `wait` writes the tasks in the order in which they end.
        written.sort();
        let mut ids = ids.clone();
        ids.sort();
        assert_eq!(written, ids);
    }
    let output = run(tool(&emulator).args(["wait", "--share-id", "share"]).args(&ids)).await;
    let last = text(&output.stderr).lines().last();
    assert_eq!(last, Some("3 of 3 tasks ended; 3 files done; exit status 0: all is done"));
    // A task that the service does not know does not keep the tool from querying the others.
    let output = expect(&emulator, &["status", "--share-id", "share", "nobody's", &ids[0]], 3, "13000309").await;
    assert!(text(&output.stdout).contains(&ids[0]));
}

#[tokio::test]
async fn task_that_cannot_be_asked_for_keeps_nobody_from_following_the_others() {
    let (emulator, elsewhere) = (emulator().await, emulator().await);
    emulator.set_schedule(Schedule::partially_failed());
    let path = saved("foreign.tasks");
    // Both emulators count task ids from the same start, so this makes the ids differ.
    for _ in 0..2 {
        expect(&emulator, &[&DUMP[..], &["F1"]].concat(), 0, "").await;
    }
    for emulator in [&elsewhere, &emulator, &elsewhere] {
        expect(emulator, &[&DUMP[..], &["F1", "F2", "--save", &path]].concat(), 0, "").await;
    }
    let (task, foreign) = (emulator.tasks()[2].task_id().to_owned(), elsewhere.tasks()[1].task_id().to_owned());
    for command in ["status", "wait"] {
        // Status 2 counts more than the 5 of the task that did not succeed.
        let expected = "must be the endpoint that the task lives at";
        let output = expect(&emulator, &[command, "--tasks-from", &path], 2, expected).await;
        assert!(text(&output.stdout).contains(&task), "{}", text(&output.stderr));
        let stderr = text(&output.stderr);
        assert_eq!(stderr.matches(expected).count(), 2, "{stderr}");
        assert!(stderr.contains(&format!("task {foreign}")), "{stderr}");
        let output = expect(&emulator, &[command, "--tasks-from", &path, "--format", "json"], 2, "").await;
        let lines = json_lines(&output);
        let failed: Vec<_> = lines.iter().filter(|line| line["outcome"] == "notSent").collect();
        assert!(failed.len() == 2 && failed[1]["taskId"] == foreign.as_str(), "{lines:?}");
        assert!(failed[1]["message"].as_str().unwrap().contains("--endpoint (KOODRIVE_ENDPOINT)"), "{failed:?}");
    }
}

#[tokio::test]
async fn wait_that_gives_up_says_how_to_go_on() {
    let emulator = emulator().await;
    emulator.set_schedule(Schedule::by_polls([Step::running(10)]));
    expect(&emulator, &[&DUMP[..], &["F1"]].concat(), 0, "").await;
    let task = emulator.tasks()[0].task_id().to_owned();
    let expected = "the task goes on; run the same command again";
    expect(&emulator, &["wait", &task, "--share-id", "share", "--timeout", "0s"], 1, expected).await;
    let refused = || emulator.fail_next(Fault::Reply(Answer::service(400, "13000301", "refused")));
    refused();
    let expected = "the task may go on: see to the cause, then run the same command again";
    expect(&emulator, &["wait", &task, "--share-id", "share"], 3, expected).await;
    let directory = directory("given-up");
    let path = directory.join("p.zip");
    let package = ["package", "--share-id", "s", "--container-id", "c", "F1", "--output", path.to_str().unwrap()];
    for (args, expected) in [
        (&[&DUMP[..], &["F1", "--wait"]].concat(), "then run `koodrive-share wait TASK_ID --share-id share`"),
        (&package.to_vec(), "then run the same command again"),
    ] {
        emulator.fail_next(Fault::Delay(Duration::ZERO));
        refused();
        let output = run(tool(&emulator).args(args)).await;
        assert_eq!(output.status.code(), Some(3));
        assert!(text(&output.stderr).contains(expected), "{}", text(&output.stderr));
    }
}

#[tokio::test]
async fn saved_task_tells_the_name_of_its_package() {
    let emulator = emulator().await;
    let path = saved("split.tasks");
    let mut package = tool(&emulator);
    package.args(PACKAGE).args(["--split", "--save", &path, "--file-ids-from"]).arg(id_file("split.ids", 1_500));
    let output = run(&mut package).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let saved = fs::read_to_string(&path).unwrap();
    for line in saved.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let task = emulator.tasks().into_iter().find(|task| line["taskId"] == task.task_id()).unwrap();
        assert_eq!(line["zipName"], task.body().unwrap()["zipName"]);
    }
    assert!(saved.contains("photos-0001.zip") && saved.contains("photos-0002.zip"), "{saved}");
    expect(&emulator, &["status", "--tasks-from", &path], 0, "").await;
}

#[tokio::test]
async fn saved_tasks_and_ledgers_are_followed_without_the_share_id() {
    let emulator = Emulator::builder().token(TOKEN).share_access(KDSTOKEN).start().await.unwrap();
    emulator.set_schedule(Schedule::immediate_success());
    let (saved, ledger) = (saved("followed.tasks"), ledger("cli_followed"));
    let mut dump = tool(&emulator);
    dump.args(DUMP).args(["--save", &saved, "--ledger"]).arg(&ledger).env("KOODRIVE_KDSTOKEN", KDSTOKEN);
    let output = run(dump.arg("--file-ids-from").arg(id_file("followed.ids", 2_500))).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(!fs::read_to_string(&saved).unwrap().contains(KDSTOKEN));
    let ids: Vec<String> = emulator.tasks().iter().map(|task| task.task_id().to_owned()).collect();
    for from in [saved.as_str(), ledger.to_str().unwrap()] {
        let mut wait = tool(&emulator);
        wait.args(["wait", "--tasks-from", from]).env("KOODRIVE_KDSTOKEN", KDSTOKEN);
        let output = run(&mut wait).await;
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        assert_eq!(text(&output.stdout).lines().count(), 3);
        let mut status = tool(&emulator);
        status.args(["status", &ids[1], "--tasks-from", from]).env("KOODRIVE_KDSTOKEN", KDSTOKEN);
        let output = run(&mut status).await;
        assert_eq!(text(&output.stdout), format!("{}  completed, all succeeded  100 %\n", ids[1]));
    }
    let mut from_stdin = tool(&emulator);
    from_stdin.args(["status", "--tasks-from", "-"]).env("KOODRIVE_KDSTOKEN", KDSTOKEN);
    let output = run_with_input(&mut from_stdin, &fs::read_to_string(&saved).unwrap()).await;
    assert_eq!(text(&output.stdout).lines().count(), 3);
    // The same run again saves the tasks again, but each is followed once.
    let mut again = tool(&emulator);
    again.args(DUMP).args(["--save", &saved, "--ledger"]).arg(&ledger).env("KOODRIVE_KDSTOKEN", KDSTOKEN);
    run(again.arg("--file-ids-from").arg(id_file("followed.ids", 2_500))).await;
    let mut wait = tool(&emulator);
    let output = run(wait.args(["wait", "--tasks-from", &saved]).env("KOODRIVE_KDSTOKEN", KDSTOKEN)).await;
    assert_eq!(text(&output.stdout).lines().count(), 3);
}

#[tokio::test]
async fn tasks_whose_kdstoken_lapses_are_followed_on_by_the_command_that_is_advised() {
    let directory = directory("lapsed-while-followed");
    // The four calls are two pages, the creation of a task, and one query about it.
    let share = EmulatedShare::example().kdstoken_calls(4);
    let emulator = Emulator::builder().token(TOKEN).share(share).start().await.unwrap();
    fs::write(directory.join("code"), EmulatedShare::EXAMPLE_EXTRACT_CODE).unwrap();
    let run_there = async |args: &[&str]| run(tool(&emulator).args(args).current_dir(&directory)).await;
    let target = ["--target-file-id", "root", "--target-container-id", "my-space", "--wait", "--ledger", "l"];
    let dump = ["dump", EmulatedShare::EXAMPLE, "--all", "--extract-code-file", "code"];
    let output = run_there(&[&dump[..], &target].concat()).await;
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{stderr}");
    let (_, advised) = stderr.split_once("run `koodrive-share ").unwrap();
    let (advised, _) = advised.split_once('`').unwrap();
    let advised: Vec<&str> =
        advised.split(' ').map(|word| if word == "LINK" { EmulatedShare::EXAMPLE } else { word }).collect();
    let output = run_there(&advised).await;
    assert_eq!(output.status.code(), Some(0), "{advised:?}: {}", text(&output.stderr));
    assert_eq!(emulator.tasks().len(), 1);
}

#[tokio::test]
async fn refused_access_without_a_kdstoken_is_told_what_may_be_missing() {
    let emulator = Emulator::builder().token(TOKEN).share_access(KDSTOKEN).start().await.unwrap();
    let path = saved("refused-access.tasks");
    let mut dump = tool(&emulator);
    let output = run(dump.args(DUMP).args(["F1", "--save", &path]).env("KOODRIVE_KDSTOKEN", KDSTOKEN)).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let to = directory("refused-access").join("p.zip");
    let commands = [
        vec!["status", "--tasks-from", &path],
        vec!["wait", "--tasks-from", &path],
        vec!["download", "--tasks-from", &path, "--output", to.to_str().unwrap()],
        [&DUMP[..], &["F1"]].concat(),
    ];
    for args in commands {
        for kdstoken in ["", "lapsed"] {
            let output = run(tool(&emulator).args(&args).env("KOODRIVE_KDSTOKEN", kdstoken)).await;
            let stderr = text(&output.stderr);
            assert_eq!(output.status.code(), Some(3), "{args:?}: {stderr}");
            assert!(stderr.contains("13000410"), "{stderr}");
            let hints = stderr.matches("if the share has an extract code").count();
            assert_eq!(hints, usize::from(kdstoken.is_empty()), "{args:?}: {stderr}");
        }
    }
}

#[tokio::test]
async fn file_without_tasks_is_refused_before_anything_is_asked() {
    let emulator = emulator().await;
    let path = saved("refused.tasks");
    expect(&emulator, &[&PACKAGE[..], &["F1", "--save", &path]].concat(), 0, "").await;
    let other = file("other.tasks", "F1\nF2\n");
    let other = other.to_str().unwrap();
    let empty = file("empty.tasks", "");
    let before = emulator.request_count();
    let cases = [
        (&["status", "--tasks-from", other][..], "line 1 holds none"),
        (&["status", "--tasks-from", empty.to_str().unwrap()], "empty.tasks holds no task"),
        (&["wait", "--tasks-from", "missing.tasks"], "no tasks can be read from missing.tasks"),
        (&["wait", "--tasks-from", &path, "42"], "does not hold the task 42"),
        (&["wait", "--tasks-from", &path, "--share-id", "share"], "cannot be used with"),
        (&["wait", "42"], "--share-id"),
        (&["wait"], "TASK_ID"),
        (&[&DUMP[..], &["F1", "--save", other]].concat(), "the file holds something else than saved tasks"),
        (
            &["wait", "--tasks-from", &path, "--endpoint", "http://127.0.0.1:1"],
            "must be the endpoint that the task lives at",
        ),
    ];
    for (args, expected) in cases {
        expect(&emulator, args, 2, expected).await;
    }
    assert_eq!(emulator.request_count(), before);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn task_that_cannot_be_saved_stops_the_run() {
    let emulator = emulator().await;
    let ids = id_file("unsaved.ids", 20_000);
    let ids = ["--concurrency", "1", "--file-ids-from", ids.to_str().unwrap(), "--save", "/dev/full"];
    let output =
        expect(&emulator, &[&DUMP[..], &ids].concat(), 1, "--save /dev/full: a task cannot be written: ").await;
    let written = text(&output.stdout).lines().count();
    assert!(written < 20 && written == emulator.tasks().len(), "every task that was made is told");
}
