//! Exit statuses, and the messages that go with them.

use koodrive_share_emulator::{Answer, Fault, Schedule, Step};

use crate::support::{DUMP, emulator, expect, file, id_file, nowhere, run, text, tool};

#[tokio::test]
async fn exit_status_of_a_creation_tells_what_may_be_believed() {
    let emulator = emulator().await;
    let dump = async |args: &[&str], code, expected| expect(&emulator, &[&DUMP, args].concat(), code, expected).await;
    dump(&["F1"], 0, "").await;
    dump(&["F1", "--wait"], 0, "").await;
    dump(&[], 2, "required").await;
    dump(&["F1", "--concurrency", "0"], 2, "--concurrency: must be 1 to 100").await;
    dump(&["F1", "--file-ids-from", "f"], 2, "give file ids or --file-ids-from, not both").await;
    dump(&["--file-ids-from", "missing"], 2, "can be read from missing").await;
    let no_ledger = file("no.ledger", "F1\n");
    let no_ledger = no_ledger.to_str().unwrap();
    dump(&["F1", "--ledger", no_ledger], 2, "no.ledger: the file is not a ledger").await;
    let expected = "missing/l: the ledger cannot be read or written: none of the file ids";
    let output = dump(&["F1", "--ledger", "missing/l"], 2, expected).await;
    assert!(!text(&output.stderr).contains("missing/l: new"), "{}", text(&output.stderr));
    dump(&["F1", "", "F2"], 2, "file id 2 is empty").await;
    dump(&["F1", "--user-id", ""], 2, "KOODRIVE_USER_ID").await;
    let full = Answer::service(400, "13000311", "not enough space");
    emulator.fail_next(Fault::Reply(full));
    dump(&["F1"], 3, "free space").await;
    emulator.fail_next(Fault::CloseAfterProcessing);
    dump(&["F1"], 4, "check: a task may exist").await;
    let (elsewhere, _bound) = nowhere();
    dump(&["F1", "--endpoint", &elsewhere], 6, "no connection").await;
    emulator.set_schedule(Schedule::partially_failed());
    let expected = "1 of 1 task ended, 1 of them not in full; ";
    let output = dump(&["F1", "F2", "--wait"], 5, expected).await;
    let last = text(&output.stderr).lines().last().unwrap().to_owned();
    assert!(last.ends_with("; exit status 5: not all files succeeded, or are in the package"), "{last}");
}

#[tokio::test]
async fn exit_status_of_a_query_tells_how_the_task_ended() {
    let emulator = emulator().await;
    let mut tasks = Vec::new();
    let schedules = [Schedule::default(), Schedule::by_polls([Step::running(10)]), Schedule::cancelled()];
    for schedule in schedules {
        emulator.set_schedule(schedule);
        let made = run(tool(&emulator).args(DUMP).arg("F1")).await;
        let id = text(&made.stdout).split_whitespace().next().unwrap();
        tasks.push(id.to_owned());
    }
    let query = async |args: &[&str], code, expected| {
        let args = [args, &["--share-id", "share"]].concat();
        expect(&emulator, &args, code, expected).await
    };
    query(&["status", &tasks[0]], 0, "").await;
    let output = query(&["wait", &tasks[0], "--timeout", "10m"], 0, "").await;
    let expected = format!("{}  completed, all succeeded  100 %\n", tasks[0]);
    assert_eq!(text(&output.stdout), expected);
    query(&["wait", &tasks[1], "--timeout", "0s"], 1, "after 1 poll in ").await;
    let expected = "0 of 1 task ended; exit status 1: something went wrong, as told above\n";
    query(&["wait", &tasks[1], "--timeout", "0s"], 1, expected).await;
    // A wait that fails before it follows a task also ends with a line about the exit status.
    let nobody = ["wait", &tasks[0], "--link", "nobody1"];
    let output = expect(&emulator, &nobody, 3, "\nexit status 3: the service refused something, as told above\n").await;
    assert!(output.stdout.is_empty());
    let asked = ["status", &tasks[0], "--link", "nobody1"];
    assert!(!text(&expect(&emulator, &asked, 3, "").await.stderr).contains("exit status"));
    query(&["wait", &tasks[2]], 5, "being processed  50 %").await;
    query(&["status", &tasks[2]], 5, "").await;
    query(&["status", ""], 2, "TASK_ID: must not be empty").await;
    query(&["status", "42"], 3, "code 13000309, message \"resource does not exist\"").await;
    query(&["status", "42"], 3, "check the task id, the share id and whether").await;
    let (elsewhere, _bound) = nowhere();
    query(&["status", "42", "--endpoint", &elsewhere], 6, "no connection").await;
    // A query makes no task, so its status is not that of an unknown outcome.
    emulator.fail_next(Fault::Reply(Answer::new(200)));
    query(&["status", &tasks[0]], 1, "ask again").await;
    // A service that fails or does not reply counts as away, like one that cannot be reached.
    for fault in [Fault::Reply(Answer::new(503)), Fault::CloseAfterProcessing] {
        let once = ["--max-attempts", "1", "--patience", "0s"];
        emulator.fail_next(fault.clone());
        query(&[&["status", &tasks[0]], &once[..]].concat(), 6, "ask again").await;
        emulator.fail_next(fault);
        let dump = ["dump", "nobody1", "--all", "--target-file-id", "root", "--target-container-id", "c"];
        expect(&emulator, &[&dump, &once[..]].concat(), 6, "ask again").await;
    }
}

#[tokio::test]
async fn package_of_many_ids_needs_split() {
    let emulator = emulator().await;
    let ids = id_file("split.ids", 1_001);
    for to in ["--zip-name", "--output"] {
        let mut package = tool(&emulator);
        package.args(["package", "--share-id", "s", "--container-id", "c", to, "split-needed.zip", "--file-ids-from"]);
        let output = run(package.arg(&ids)).await;
        assert_eq!(output.status.code(), Some(2));
        let expected = "--split makes several zips (with --zip-name in place of --output; `download` fetches each)";
        assert!(text(&output.stderr).contains(expected), "{}", text(&output.stderr));
    }
    assert_eq!(emulator.request_count(), 0);
}

#[tokio::test]
async fn what_would_fail_every_request_stops_the_run() {
    let emulator = emulator().await;
    let ids = id_file("hopeless.ids", 50_000);
    let mut tool = tool(&emulator);
    tool.env("KOODRIVE_TOKEN", "lapsed").args(DUMP).args(["--concurrency", "1"]);
    let output = run(tool.arg("--file-ids-from").arg(ids)).await;
    assert_eq!(output.status.code(), Some(3));
    let stderr = text(&output.stderr);
    let expected = "every further request would fail, too; remove the cause, then resume: of the file ids, 0..";
    assert!(stderr.contains(expected), "{stderr}");
    // With one request at a time, none is begun before the tool has seen the first item.
    assert_eq!(emulator.request_count(), 1);
}
