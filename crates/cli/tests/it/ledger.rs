//! `ledger`: showing what a ledger holds, and settling chunks.

use std::fs;

use koodrive_share_emulator::{Answer, Emulator, Fault};
use serde_json::json;

use crate::support::{
    DUMP, TOKEN, bare_tool,
    bulk::{hold, ids, ledger, lines, tasks_of},
    directory, emulator, file, id_file, json_lines, run, text, tool,
};

const TRACE_ID: &str = "415f71ff107d1df1c4398af7f9bc891ae9edabab01fe9c864c4cf0bd14";

#[tokio::test]
async fn run_tells_whether_its_ledger_is_new_or_resumed_and_the_ledger_whether_its_run_ended() {
    let emulator = Emulator::builder().token(TOKEN).start().await.unwrap();
    let path = ledger("cli_ledger_resumed");
    let mut dump = tool(&emulator);
    dump.args(DUMP).args(["--concurrency", "1", "--ledger"]).arg(&path);
    dump.arg("--file-ids-from").arg(id_file("resumed.ids", 2_500));
    let mut show = bare_tool();
    show.arg("ledger").arg(&path);
    let resumed = |counts: &str| format!("ledger {}: resumed: {counts}", path.display());
    let cut_off = "its run did not come to the end of the file ids: ";
    for (fault, code, first_line, shown) in [
        (
            Fault::Reply(Answer::service(403, "403", "forbidden")),
            3,
            format!("ledger {}: new", path.display()),
            [cut_off, "give the same command again"].concat(),
        ),
        (
            Fault::CloseAfterProcessing,
            4,
            resumed("ids 0..1000: 0 created, 1 rejected, 0 not sent, 0 unknown"),
            [cut_off, "settle what is unknown, then give the same command again"].concat(),
        ),
    ] {
        emulator.fail_next(fault);
        let output = run(&mut dump).await;
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{stderr}");
        assert_eq!(stderr.lines().next(), Some(first_line.as_str()));
        assert_eq!(text(&run(&mut show).await.stdout).lines().nth(1), Some(shown.as_str()));
    }
    let output = run(dump.arg("--resend-unknown")).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(
        text(&run(&mut show).await.stdout),
        "ids 0..2500 of 2500: 3 created, 0 rejected, 0 not sent, 0 unknown\n"
    );
}

#[tokio::test]
async fn unknown_chunks_are_listed_settled_and_resumed() {
    let emulator = Emulator::builder().token(TOKEN).start().await.unwrap();
    let path = ledger("cli_ledger");
    let mut dump = tool(&emulator);
    dump.args(DUMP).args(["--concurrency", "1", "--continue-after-unknown", "--ledger"]).arg(&path);
    dump.arg("--file-ids-from").arg(id_file("ledger.ids", 3_500));
    emulator.fail_next(Fault::CloseAfterProcessing);
    emulator.fail_next(Fault::Reply(Answer::service(400, "13000311", "not enough space")));
    emulator.fail_next(Fault::Reply(Answer::json(502, &json!({"code": 0, "taskId": "7001"}))));
    let output = run(&mut dump).await;
    assert_eq!(output.status.code(), Some(4));
    let settle = format!("settle: `koodrive-share ledger {}` lists what is unknown", path.display());
    assert!(text(&output.stderr).contains(&settle), "{}", text(&output.stderr));

    let shown = async |args: &[&str]| run(bare_tool().arg("ledger").arg(&path).args(args)).await;
    let unknown = [&lines(&path)[2]["chunk"]["traceId"], &lines(&path)[6]["chunk"]["traceId"]];
    let unknown = unknown.map(|trace_id| trace_id.as_str().unwrap().to_owned());
    let output = shown(&[]).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let stdout = text(&output.stdout);
    let [counts, lost, named] = stdout.lines().collect::<Vec<_>>()[..] else { panic!("{stdout}") };
    assert_eq!(counts, "ids 0..3500 of 3500: 1 created, 1 rejected, 0 not sent, 2 unknown");
    assert!(lost.starts_with(&format!("ids 0..1000  unknown  trace id {}  ", unknown[0])), "{lost}");
    assert!(lost.contains("the connection broke before the reply was complete"), "{lost}");
    assert!(named.starts_with(&format!("ids 2000..3000  unknown  trace id {}  ", unknown[1])), "{named}");
    assert!(named.contains("it names task 7001"), "{named}");
    let output = json_lines(&shown(&["--format", "json"]).await);
    assert!(output[0]["unknownChunks"][1]["error"].as_str().unwrap().contains("it names task 7001"), "{output:?}");

    let made = tasks_of(&emulator.tasks(), &ids(3_500)[..1_000])[0].task_id().to_owned();
    assert_eq!(shown(&["--made", "0..1000", &made]).await.status.code(), Some(0));
    let output = shown(&["--not-made", "2000..3000", "--format", "json"]).await;
    let expected = json!({
        "created": 2, "rejected": 1, "notSent": 1, "unknown": 0, "attempted": 3500, "fileIds": 3500,
        "unknownChunks": [], "inUse": false,
    });
    assert_eq!(json_lines(&output), [expected]);
    let before = emulator.request_count();
    let output = run(&mut dump).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(emulator.request_count() - before, 2);
    for chunk in ids(3_500).chunks(1_000) {
        assert_eq!(tasks_of(&emulator.tasks(), chunk).len(), 1);
    }
}

#[tokio::test]
async fn what_is_no_ledger_range_or_unknown_chunk_is_refused() {
    let emulator = Emulator::builder().token(TOKEN).start().await.unwrap();
    let path = ledger("cli_ledger_refused");
    let mut dump = tool(&emulator);
    assert_eq!(run(dump.args(DUMP).arg("F1").arg("--ledger").arg(&path)).await.status.code(), Some(0));
    let other = file("no.ledger", "F1\n");
    for (path, args, expected) in [
        (
            &path,
            &["--not-made", "0..1"][..],
            "RANGE: must be the range of a chunk whose outcome is unknown, given 0..1",
        ),
        (&path, &["--not-made", "0-1"], "\"0-1\" is no range"),
        (&path, &["--made", "x", "7001"], "--made: \"x\" is no range"),
        (&path, &["--made", "0..1"], "--made <RANGE> <TASK_ID>"),
        (&path, &["--made", "0..1", ""], "--made: \"\" is no task id"),
        (&path, &["--made", "0..1", "done"], "--made: \"done\" is no task id, such as 1689765568237837824; give that"),
        (&path, &["--made", "0..1", "--format"], "--made: \"--format\" is no task id"),
        (&path, &["--made", "0..1", "0..1000"], "--made: \"0..1000\" is no task id"),
        (&path, &["--made", "0..1", "task 7001"], "--made: \"task 7001\" is no task id"),
        (&path, &["--made", "0..1", TRACE_ID], "is no task id"),
        (&path, &["--made", "0..1", "https://example/#/sharelink/i/1808628918203192832"], "is no task id"),
        // The reference does not define the form of task ids.
        (&path, &["--made", "0..1", "T-1a_b"], "RANGE: must be the range of a chunk whose outcome is unknown"),
        (&other, &[], "no.ledger: the file is not a ledger, or its first line is damaged"),
        (&other.with_extension("none"), &[], "no.none: the ledger cannot be read or written: "),
    ] {
        let output = run(bare_tool().arg("ledger").arg(path).args(args)).await;
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {stderr}");
        assert!(stderr.contains(expected), "{expected} not in {stderr}");
    }
}

#[tokio::test]
async fn ledger_in_use_is_read_and_ends_other_commands_with_status_1() {
    let emulator = Emulator::builder().token(TOKEN).start().await.unwrap();
    let path = ledger("cli_ledger_in_use");
    let mut dump = tool(&emulator);
    dump.args(DUMP).arg("F1").arg("--ledger").arg(&path);
    emulator.fail_next(Fault::CloseAfterProcessing);
    assert_eq!(run(&mut dump).await.status.code(), Some(4));
    let held = hold(&path).unwrap();
    let mut show = bare_tool();
    show.arg("ledger").arg(&path);
    let output = run(&mut show).await;
    let shown = text(&output.stdout);
    assert!(shown.contains("\na run uses it: what is on its way counts as unknown until the run ends\n"), "{shown}");
    let mut settle = bare_tool();
    settle.arg("ledger").arg(&path).args(["--not-made", "0..1"]);
    for (tool, code, expected) in
        [(&mut show, 0, ""), (&mut settle, 1, "in use"), (&mut dump, 1, "in use by another run")]
    {
        let output = run(tool).await;
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{stderr}");
        assert!(stderr.contains(expected) && !stderr.contains("resumed:"), "{stderr}");
    }
    assert_eq!(emulator.request_count(), 1);
    drop(held);
    assert!(!text(&run(&mut show).await.stdout).contains("a run uses it"));
    assert_eq!(run(&mut settle).await.status.code(), Some(0));
}

#[tokio::test]
async fn resume_refuses_a_ledger_without_a_run_before_anything_is_sent() {
    let emulator = emulator().await;
    let directory = directory("resume");
    let (missing, empty) = (directory.join("missing.ledger"), directory.join("empty.ledger"));
    fs::write(&empty, "").unwrap();
    for path in [&missing, &empty, &directory.join("no").join("such.ledger")] {
        let mut dump = tool(&emulator);
        dump.args(["dump", "code1", "--all", "--target-file-id", "root", "--target-container-id", "my-space"]);
        let output = run(dump.args(["--resume", "--ledger"]).arg(path)).await;
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        let expected = format!("{}: it holds no run to resume: check the path, since without", path.display());
        assert!(stderr.contains(&expected), "{stderr}");
    }
    assert!(!missing.exists());
    assert_eq!(fs::read(&empty).unwrap(), b"");
    assert_eq!(emulator.request_count(), 0);
    let output = run(tool(&emulator).args(DUMP).args(["F1", "--resume"])).await;
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("--ledger <FILE>"), "{}", text(&output.stderr));

    for (flags, expected) in [(&[][..], ": new"), (&["--resume"], ": resumed: ids 0..1 of 1: 1 created")] {
        let output = run(tool(&emulator).args(DUMP).args(["F1", "--ledger"]).arg(&missing).args(flags)).await;
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        assert!(text(&output.stderr).contains(expected), "{}", text(&output.stderr));
    }
    assert_eq!(emulator.tasks().len(), 1);
}
