//! The command-line tool, as a process.

use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    process::{Output, Stdio},
    time::Duration,
};

use koodrive_share_emulator::{Answer, EmulatedTask, Emulator, Fault, Schedule, Step};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::{Child, Command},
    time::timeout,
};

#[path = "../../../../tests/it/support/bulk.rs"]
mod bulk;

use bulk::{ids, ledger, states, tasks_of, until};

const TOKEN: &str = "t0ken-7c9e6679f7425";
const KDSTOKEN: &str = "kds-f47ac10b58cc4372";
const SECRET: &str = "app-secret-3f2504e04f89";
const DUMP: [&str; 9] = [
    "dump",
    "--share-id",
    "share",
    "--container-id",
    "space",
    "--target-file-id",
    "root",
    "--target-container-id",
    "my-space",
];
const PACKAGE: [&str; 7] = ["package", "--share-id", "share", "--container-id", "space", "--zip-name", "photos.zip"];

/// The tool with nothing in its environment but what reaches the emulator.
fn tool(emulator: &Emulator) -> Command {
    let mut tool = bare_tool();
    tool.env("KOODRIVE_ENDPOINT", emulator.endpoint())
        .env("KOODRIVE_TOKEN", TOKEN)
        .env("KOODRIVE_USER_ID", "1505084218764547200")
        .env("KOODRIVE_AGENT_NAME", "carrier");
    tool
}

fn bare_tool() -> Command {
    let mut tool = Command::new(env!("CARGO_BIN_EXE_koodrive-share"));
    tool.env_clear().stdin(Stdio::null()).kill_on_drop(true);
    tool
}

async fn emulator() -> Emulator {
    Emulator::builder().token(TOKEN).start().await.unwrap()
}

async fn run(tool: &mut Command) -> Output {
    let output = timeout(Duration::from_secs(60), tool.output()).await;
    output.expect("the tool does not end").unwrap()
}

/// Runs the tool with text on its standard input.
async fn run_with_input(tool: &mut Command, input: &str) -> Output {
    tool.stdin(Stdio::piped());
    tool.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = tool.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).await.unwrap();
    drop(stdin);
    let output = timeout(Duration::from_secs(60), child.wait_with_output()).await;
    output.expect("the tool does not end").unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn json_lines(output: &Output) -> Vec<Value> {
    let lines = text(&output.stdout).lines().map(serde_json::from_str);
    lines.collect::<Result<_, _>>().unwrap()
}

/// A file of the tests, with this content.
fn file(name: &str, content: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, content).unwrap();
    path
}

fn id_file(name: &str, count: usize) -> PathBuf {
    file(name, &(ids(count).join("\n") + "\n"))
}

/// Runs the tool with these arguments and expects this exit status, and these words on the standard error.
async fn expect(emulator: &Emulator, args: &[&str], code: i32, said: &str) -> Output {
    let before = emulator.tasks().len();
    let output = run(tool(emulator).args(args)).await;
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {stderr}");
    assert!(stderr.contains(said), "{said} not in {stderr}");
    assert_eq!(emulator.faults_left(), 0);
    if matches!(code, 2 | 3 | 6) {
        assert_eq!(emulator.tasks().len(), before, "{args:?} made a task");
    }
    output
}

/// An endpoint that nothing listens at.
fn nowhere() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    format!("http://{address}")
}

#[tokio::test]
async fn exit_status_of_a_creation_tells_what_may_be_believed() {
    let emulator = emulator().await;
    let dump = async |args: &[&str], code, said| expect(&emulator, &[&DUMP, args].concat(), code, said).await;
    dump(&["F1"], 0, "").await;
    dump(&["F1", "--wait"], 0, "").await;
    dump(&[], 2, "required").await;
    dump(&["F1", "--concurrency", "0"], 2, "must be 1 to 100").await;
    dump(&["F1", "--file-ids-from", "f"], 2, "cannot be used with").await;
    dump(&["--file-ids-from", "missing"], 2, "can be read from missing").await;
    let no_ledger = file("no.ledger", "F1\n");
    let no_ledger = no_ledger.to_str().unwrap();
    dump(&["F1", "--ledger", no_ledger], 2, "the file is no ledger").await;
    dump(&["F1", "--ledger", "missing/l"], 2, "No such file").await;
    dump(&["F1", "", "F2"], 2, "$.fileIds[1]: must not be empty").await;
    dump(&["F1", "--user-id", ""], 2, "KOODRIVE_USER_ID").await;
    let full = Answer::service(400, "13000311", "not enough space");
    emulator.fail_next(Fault::Reply(full));
    dump(&["F1"], 3, "free space").await;
    emulator.fail_next(Fault::CloseAfterProcessing);
    dump(&["F1"], 4, "check: a task may exist").await;
    dump(&["F1", "--endpoint", &nowhere()], 6, "no connection").await;
    emulator.set_schedule(Schedule::partially_failed());
    dump(&["F1", "--wait"], 5, "").await;
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
    let query = async |args: &[&str], code, said| {
        let args = [args, &["--share-id", "share"]].concat();
        expect(&emulator, &args, code, said).await
    };
    query(&["status", &tasks[0]], 0, "").await;
    let output = query(&["wait", &tasks[0], "--timeout", "10m"], 0, "").await;
    let said = format!("{}  completed, all succeeded  100 %\n", tasks[0]);
    assert_eq!(text(&output.stdout), said);
    query(&["wait", &tasks[1], "--timeout", "0s"], 1, "gave up on task").await;
    query(&["wait", &tasks[2]], 5, "being processed  50 %").await;
    query(&["status", &tasks[2]], 5, "").await;
    query(&["status", ""], 2, "$.taskId").await;
    query(&["status", "42"], 3, "13000309").await;
    let elsewhere = nowhere();
    query(&["status", "42", "--endpoint", &elsewhere], 6, "no connection").await;
    // Nobody needs to look for what a query may have made.
    emulator.fail_next(Fault::Reply(Answer::new(200)));
    query(&["status", &tasks[0]], 1, "ask again").await;
}

#[tokio::test]
async fn json_is_an_object_a_line_with_what_a_program_needs() {
    let emulator = emulator().await;
    let full = Answer::service(400, "13000311", "not enough space");
    emulator.fail_next(Fault::Delay(Duration::ZERO));
    emulator.fail_next(Fault::Reply(full));
    emulator.fail_next(Fault::CloseAfterProcessing);
    let mut tool = tool(&emulator);
    let ids = id_file("json.ids", 4_000);
    tool.args(PACKAGE).args(["--split", "--format", "json", "--concurrency", "1"]);
    let output = run(tool.arg("--file-ids-from").arg(ids)).await;
    assert_eq!(output.status.code(), Some(4));
    let lines = json_lines(&output);
    let tasks = emulator.tasks();
    assert_eq!(lines[0]["taskId"], tasks[0].task_id());
    assert_eq!(lines[0]["traceId"].as_str(), tasks[0].trace_id());
    assert_eq!(lines[0]["zipName"], "photos-0001.zip");
    assert_eq!(lines[0].get("outcome"), None);
    let what = ["outcome", "status", "serviceCode", "start", "end"];
    let rejected: Vec<String> = what.map(|name| lines[1][name].to_string()).into();
    assert_eq!(rejected, ["\"rejected\"", "400", "\"13000311\"", "1000", "2000"]);
    let unknown: Vec<String> = what.map(|name| lines[2][name].to_string()).into();
    assert_eq!(unknown, ["\"unknown\"", "null", "null", "2000", "3000"]);
    assert_eq!(lines[2]["traceId"].as_str(), tasks[1].trace_id());
    let last = lines[3]["message"].as_str().unwrap();
    assert!(last.contains("0..3000 were attempted, the rest was not"), "{last}");
    // Three tasks were tried, and then the reason why there is no fourth.
    assert_eq!(lines.len(), 4);

    let output = run(crate::tool(&emulator).args(["--format", "json"]).args([
        "wait",
        tasks[0].task_id(),
        "--share-id",
        "share",
    ]))
    .await;
    let line = &json_lines(&output)[0];
    assert_eq!((&line["state"], &line["result"]), (&"completed".into(), &"allSucceeded".into()));
    let url = line["downloadUrl"].as_str().unwrap();
    assert!(url.starts_with("https://download.invalid/"));
}

#[tokio::test]
async fn files_that_failed_are_named() {
    let emulator = emulator().await;
    emulator.set_schedule(Schedule::partially_failed());
    let output = run(tool(&emulator).args(DUMP).args(["F1", "F2", "F3", "--wait"])).await;
    let stdout = text(&output.stdout);
    let failed: Vec<&str> = stdout.lines().filter_map(|line| line.split_once("  failed ").map(|(_, id)| id)).collect();
    // By turns, the first one included.
    assert_eq!(failed, ["F1", "F3"]);
    assert!(stdout.contains("completed, partially failed  100 %"), "{stdout}");
}

#[tokio::test]
async fn secrets_come_from_variables_files_or_the_standard_input_never_from_flags() {
    let emulator = Emulator::builder().token(TOKEN).app("app", SECRET).share_access(KDSTOKEN).start().await.unwrap();
    let no_token = || {
        let mut tool = tool(&emulator);
        tool.env_remove("KOODRIVE_TOKEN").args(DUMP).arg("F1");
        tool
    };
    for flag in ["--token", "--kdstoken", "--app-secret", "--authorization"] {
        let output = run(no_token().args([flag, "x"])).await;
        assert_eq!(output.status.code(), Some(2), "{flag} is taken");
        assert!(text(&output.stderr).contains("unexpected argument"));
    }
    let token = file("token.secret", &format!("{TOKEN}\r\n"));
    let kdstoken = file("kdstoken.secret", KDSTOKEN);
    let mut tools = [no_token(), no_token(), no_token(), no_token()];
    tools[0].arg("--token-file").arg(&token).env("KOODRIVE_KDSTOKEN", KDSTOKEN);
    tools[1].arg("--kdstoken-file").arg(&kdstoken);
    tools[1].env("KOODRIVE_AUTHORIZATION", format!("Bearer {TOKEN}"));
    tools[2].arg("--kdstoken-file").arg(&kdstoken);
    tools[2].env("KOODRIVE_APP_ID", "app").env("KOODRIVE_APP_SECRET", SECRET);
    tools[3].arg("--kdstoken-file").arg(&kdstoken).args(["--token-file", "-"]);
    for (n, tool) in tools.iter_mut().enumerate() {
        let output = run_with_input(tool, &format!("{TOKEN}\n")).await;
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        assert_eq!(emulator.tasks().len(), n + 1);
    }
    let mut two = no_token();
    let output = run(two.args(["--token-file", "-", "--kdstoken-file", "-"])).await;
    assert_eq!(output.status.code(), Some(2));
    let said = "only one of --token-file and --kdstoken-file can read the standard input";
    assert!(text(&output.stderr).contains(said));
    let mut status = bare_tool();
    status.args(["status", "1", "--share-id", "s"]);
    let output = run(status.args(["--token-file", "-", "--kdstoken-file", "-"])).await;
    assert!(text(&output.stderr).contains(said));
}

#[tokio::test]
async fn tracing_shows_no_secret() {
    let emulator = Emulator::builder().token(TOKEN).app("app", SECRET).share_access(KDSTOKEN).start().await.unwrap();
    let mut signed = tool(&emulator);
    signed.env_remove("KOODRIVE_TOKEN");
    signed.env("KOODRIVE_APP_ID", "app").env("KOODRIVE_APP_SECRET", SECRET);
    let echo = format!("denied: {TOKEN} {SECRET} {KDSTOKEN}");
    for (mut tool, secret) in [(tool(&emulator), TOKEN), (signed, SECRET)] {
        emulator.fail_next(Fault::Reply(Answer::service(400, "13000410", &echo)));
        tool.args(DUMP).args(["F1", "-vv"]).env("KOODRIVE_KDSTOKEN", KDSTOKEN);
        let output = run(&mut tool).await;
        let stderr = text(&output.stderr);
        assert!(stderr.contains("DEBUG") && stderr.contains("denied: "), "{stderr}");
        let of_others = |line: &&str| line.contains("Z ") && !line.contains(" koodrive_share::");
        assert_eq!(stderr.lines().find(of_others), None);
        for secret in [secret, KDSTOKEN] {
            assert!(!stderr.contains(secret), "{secret} in {stderr}");
        }
        assert!(!stderr.contains('\u{1b}'), "colours in a pipe: {stderr}");
    }
}

#[tokio::test]
async fn flags_go_before_variables() {
    let emulator = emulator().await;
    let mut tool = bare_tool();
    tool.env("KOODRIVE_TOKEN", TOKEN)
        .env("KOODRIVE_ENDPOINT", "http://127.0.0.1:1")
        .env("KOODRIVE_USER_ID", "variable")
        .env("KOODRIVE_AGENT_NAME", "variable")
        .args(["--endpoint", emulator.endpoint(), "--user-id", "flag"])
        .args(["--agent-name", "flag-agent"]);
    let output = run(tool.args(DUMP).arg("F1")).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(emulator.tasks()[0].user_id(), "flag");
    let request = &emulator.requests()[0];
    assert_eq!(request.header("X-Hw-Agentname"), Some("flag-agent"));
}

#[tokio::test]
async fn ids_are_read_line_by_line_whatever_the_lines_look_like() {
    let emulator = emulator().await;
    let content = "\u{feff}F000000\r\n\r\n  F000001\t\n\nF000002";
    let path = file("crlf.ids", content);
    let from_file = run(tool(&emulator).args(DUMP).arg("--file-ids-from").arg(&path)).await;
    assert_eq!(from_file.status.code(), Some(0));
    let mut from_stdin = tool(&emulator);
    from_stdin.args(DUMP).args(["--file-ids-from", "-"]);
    let from_stdin = run_with_input(&mut from_stdin, content).await;
    assert_eq!(from_stdin.status.code(), Some(0));
    assert_eq!(tasks_of(&emulator.tasks(), &ids(3)).len(), 2);

    fs::write(&path, b"F1\n\xff\xfe\n").unwrap();
    let output = run(tool(&emulator).args(DUMP).arg("--file-ids-from").arg(&path)).await;
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("valid UTF-8"));
    let output = run(tool(&emulator).args(DUMP).args(["--file-ids-from", "/dev/null"])).await;
    assert_eq!(output.status.code(), Some(2), "no ids at all");
    assert_eq!(emulator.request_count(), 2);
}

#[tokio::test]
async fn many_ids_make_plain_lines_where_there_is_no_terminal() {
    let emulator = emulator().await;
    let ids = id_file("plain.ids", 2_500);
    let output = run(tool(&emulator).args(DUMP).arg("--file-ids-from").arg(ids)).await;
    let said = "ids 0..2500: 3 created, 0 created earlier, 0 rejected, 0 not sent, 0 unknown\n";
    assert_eq!(text(&output.stderr), said);
    let stdout = text(&output.stdout);
    for (line, task) in stdout.lines().zip(emulator.tasks()) {
        let trace_id = task.trace_id().unwrap();
        assert!(stdout.contains(task.task_id()) && stdout.contains(trace_id));
        assert!(line.contains("  ids ") && line.contains("  trace id "), "{line}");
    }
    assert_eq!(stdout.lines().count(), 3);
}

#[tokio::test]
async fn package_of_many_ids_needs_split() {
    let emulator = emulator().await;
    let ids = id_file("split.ids", 1_001);
    let output = run(tool(&emulator).args(PACKAGE).arg("--file-ids-from").arg(ids)).await;
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("--split makes several"));
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
    let said = "every further request would fail like this one: of the file ids, 0..";
    assert!(stderr.contains(said), "{stderr}");
    // One at a time, so nothing is begun before the first one's item is looked at.
    assert_eq!(emulator.request_count(), 1);
}

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
    let accepted = states(&path).iter().filter(|it| *it == "accepted").count();
    assert_eq!(accepted, made);
}

#[cfg(unix)]
#[tokio::test]
async fn interrupted_run_finishes_what_is_on_its_way_and_says_how_to_resume() {
    let emulator = emulator().await;
    for _ in 0..2 {
        // Long enough for the signal to arrive before the replies.
        emulator.fail_next(Fault::Delay(Duration::from_secs(2)));
    }
    let path = ledger("cli_interrupt");
    let ids_path = id_file("interrupt.ids", 9_500);
    let mut tool = tool(&emulator);
    tool.args(DUMP).args(["--concurrency", "2", "--ledger"]).arg(&path);
    tool.arg("--file-ids-from").arg(&ids_path);
    tool.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = tool.spawn().unwrap();
    until("two requests are on their way", || emulator.request_count() == 2).await;
    let pid = child.id().unwrap().to_string();
    let killed = Command::new("kill").args(["-INT", &pid]).status().await;
    assert!(killed.unwrap().success());
    let output = timeout(Duration::from_secs(30), child.wait_with_output()).await;
    let output = output.unwrap().unwrap();
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    let resume = format!("resume: run the same command with --ledger {}", path.display());
    assert!(stderr.contains(&resume), "{stderr}");
    assert!(stderr.contains("0..2000 were attempted, the rest was not"), "{stderr}");
    let expected = ["run", "sending", "sending", "accepted", "accepted"];
    assert_eq!(states(&path), expected);
    assert_eq!(emulator.request_count(), 2);

    let output = run(&mut tool).await;
    assert_eq!(output.status.code(), Some(0));
    for chunk in ids(9_500).chunks(1_000) {
        assert_eq!(tasks_of(&emulator.tasks(), chunk).len(), 1);
    }
}

#[cfg(unix)]
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
    let pid = child.id().unwrap().to_string();
    for said in [
        "interrupted: waiting",
        "error: interrupted twice: requests that were on their way may have made tasks, the ledger calls them unknown",
    ] {
        let killed = Command::new("kill").args(["-INT", &pid]).status().await;
        assert!(killed.unwrap().success());
        let line = timeout(Duration::from_secs(30), stderr.next_line()).await;
        let line = line.unwrap().unwrap().unwrap();
        assert!(line.starts_with(said), "{line}");
    }
    let ended = timeout(Duration::from_secs(10), child.wait()).await;
    assert_eq!(ended.unwrap().unwrap().code(), Some(4));
    // All ids were read, and their chunk has no answer.
    assert_eq!(states(&path), ["run", "sending", "end"]);
}

#[cfg(unix)]
#[tokio::test]
async fn full_disk_stops_the_run_and_leaves_a_ledger_that_can_be_resumed() {
    let emulator = emulator().await;
    let path = ledger("cli_full");
    let ids_path = id_file("full.ids", 4_000);
    let mut unknown = 0;
    // Blocks of 512 bytes. A ledger of 4 chunks is some 3,000 bytes long, so each limit tears another line of it.
    for limit in 1..=5 {
        let _ = fs::remove_file(&path);
        let before = emulator.tasks().len();
        let mut tool = tool(&emulator);
        tool.args(DUMP).args(["--concurrency", "1", "--ledger"]).arg(&path);
        tool.arg("--file-ids-from").arg(&ids_path);
        let tool = tool.as_std();
        // The limit on the size of files stands for the disk's; what is over it fails as on a full disk.
        let script = format!("trap '' XFSZ; ulimit -f {limit}; exec \"$0\" \"$@\"");
        let mut limited = Command::new("/bin/sh");
        limited.args(["-c", &script]).arg(tool.get_program()).args(tool.get_args());
        let environment = tool.get_envs().filter_map(|(name, value)| Some((name, value?)));
        limited.env_clear().envs(environment);
        let output = run(&mut limited).await;
        let stderr = text(&output.stderr);
        assert!(stderr.contains("the ledger cannot be read or written"), "{stderr}");
        let mut resumed = Command::new(tool.get_program());
        let environment = tool.get_envs().filter_map(|(name, value)| Some((name, value?)));
        resumed.env_clear().envs(environment).args(tool.get_args());
        let output = run(resumed.args(["--format", "json"])).await;
        let lines = json_lines(&output);
        assert_eq!(lines.len(), 4, "{}", text(&output.stderr));
        let unsettled = lines.iter().filter(|line| line["outcome"] == "unknown").count();
        assert_eq!(output.status.code(), Some(if unsettled == 0 { 0 } else { 4 }));
        unknown += unsettled;
        for chunk in ids(4_000).chunks(1_000) {
            let tasks = &emulator.tasks()[before..];
            assert_eq!(tasks_of(tasks, chunk).len(), 1, "limit {limit}");
        }
    }
    // Some of the limits tear a line that tells of a reply.
    assert!(unknown > 0);
}

#[tokio::test]
async fn emulator_subcommand_serves_apps_and_tokens() {
    let secret = file("emulator.secret", SECRET);
    for app in [true, false] {
        let mut server = bare_tool();
        server.arg("emulator").stdout(Stdio::piped()).stderr(Stdio::null());
        let mut client = bare_tool();
        if app {
            server.args(["--app-id", "app", "--app-secret-file"]).arg(&secret);
            client.env("KOODRIVE_APP_ID", "app").env("KOODRIVE_APP_SECRET", SECRET);
        } else {
            server.args(["--token", TOKEN]);
            client.env("KOODRIVE_TOKEN", TOKEN);
        }
        let mut server = server.spawn().unwrap();
        let endpoint = first_line(&mut server).await;
        client.args(["--user-id", "me", "--agent-name", "carrier", "--endpoint", &endpoint]);
        let output = run(client.args(DUMP).args(["F1", "--wait"])).await;
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        server.kill().await.unwrap();
    }
}

async fn first_line(child: &mut Child) -> String {
    let stdout = BufReader::new(child.stdout.take().unwrap());
    let mut lines = stdout.lines();
    let line = timeout(Duration::from_secs(30), lines.next_line()).await;
    line.unwrap().unwrap().unwrap()
}

#[tokio::test]
async fn completions_and_manual_pages_cover_the_command_line() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = run(bare_tool().args(["completions", shell])).await;
        let script = text(&output.stdout);
        for word in ["package", "dump", "status", "wait", "emulator", "resend-unknown"] {
            assert!(script.contains(word), "{shell} lacks {word}");
        }
    }
    let page = run(bare_tool().arg("man")).await;
    let page = text(&page.stdout).to_owned();
    for word in [".SH NAME", "KOODRIVE_APP_SECRET", "outcome unknown"] {
        assert!(page.contains(word), "{word} not in {page}");
    }
    let page = run(bare_tool().args(["man", "dump"])).await;
    let page = text(&page.stdout);
    assert!(page.contains("koodrive\\-share dump") && page.contains("\\-\\-ledger"), "{page}");
}

/// The random numbers of a test, from a seed that its output shows.
fn random(test: &str) -> StdRng {
    let given = std::env::var("KOODRIVE_TEST_SEED").ok();
    let seed = given.map_or_else(|| rand::rng().random(), |seed| seed.parse().unwrap());
    println!("{test}: KOODRIVE_TEST_SEED={seed}");
    StdRng::seed_from_u64(seed)
}

/// What a complete run says of its chunks: the task, or none if the outcome is unknown.
fn said_of_chunks(output: &Output) -> BTreeMap<u64, Option<String>> {
    let chunks = json_lines(output).into_iter().map(|line| {
        let task_id = line["taskId"].as_str().map(str::to_owned);
        assert!(task_id.is_some() || line["outcome"] == "unknown", "{line}");
        (line["start"].as_u64().unwrap() / 1_000, task_id)
    });
    chunks.collect()
}

/// Compares what a run says with the tasks that there are; gives the number of unknown chunks.
fn check(output: &Output, file_ids: &[String], tasks: &[EmulatedTask], most: usize) -> usize {
    let said = said_of_chunks(output);
    assert_eq!(said.len(), 50, "50,000 ids, 1,000 each");
    for (chunk, task_id) in file_ids.chunks(1_000).zip(said.values()) {
        let made = tasks_of(tasks, chunk);
        match task_id {
            Some(task_id) => {
                assert!((1..=most).contains(&made.len()), "{} tasks of a chunk", made.len());
                assert!(made.iter().any(|task| task.task_id() == task_id));
            }
            None => assert!(made.len() <= 1, "{} tasks of an unknown chunk", made.len()),
        }
    }
    said.values().filter(|task_id| task_id.is_none()).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn run_killed_anywhere_makes_each_task_once_or_calls_it_unknown() {
    const KILLS: usize = 50;
    let mut random = random("kills");
    let emulator = Emulator::builder().token(TOKEN).record(0);
    let emulator = emulator.start().await.unwrap();
    let (mut kills, mut hits, mut unknown, mut runs) = (0, 0, 0, 0);
    // On a machine that is slow to start processes, many kills come too early to leave anything behind.
    while kills < KILLS || hits < KILLS / 2 {
        // Other ids in each run, so that the tasks of a run can be told from those of another.
        let file_ids: Vec<String> = (0..50_000).map(|n| format!("F{runs}-{n}")).collect();
        let ids_path = file("kill.ids", &(file_ids.join("\n") + "\n"));
        let path = ledger("cli_kill");
        let mut tool = tool(&emulator);
        tool.args(DUMP).args(["--format", "json", "--ledger"]).arg(&path);
        tool.arg("--file-ids-from").arg(&ids_path);
        tool.stdout(Stdio::piped()).stderr(Stdio::piped());
        let output = loop {
            // Replies of various slowness, more than a run takes, so that a kill finds requests at every stage.
            while emulator.faults_left() < 60 {
                let delay = Duration::from_millis(random.random_range(0..80));
                emulator.fail_next(Fault::Delay(delay));
            }
            let before = unanswered(&path);
            let mut child = tool.spawn().unwrap();
            // The moment of a kill is random by purpose: no event to wait for would be.
            let life = Duration::from_millis(random.random_range(1..400));
            if let Ok(ended) = timeout(life, child.wait()).await {
                ended.unwrap();
                break child.wait_with_output().await.unwrap();
            }
            child.start_kill().unwrap();
            let ended = child.wait().await.unwrap();
            if ended.code().is_none() {
                kills += 1;
            }
            if unanswered(&path) > before {
                hits += 1;
            }
        };
        // The longest delay and some more: requests that a dead process left behind are processed all the same.
        tokio::time::sleep(Duration::from_millis(200)).await;
        let unknown_now = check(&output, &file_ids, &emulator.tasks(), 1);
        let expected = if unknown_now == 0 { 0 } else { 4 };
        assert_eq!(output.status.code(), Some(expected), "{}", text(&output.stderr));
        // Consent settles what is unknown, at the price of a second task at most.
        let consented = run(tool.arg("--resend-unknown")).await;
        assert_eq!(consented.status.code(), Some(0));
        assert_eq!(check(&consented, &file_ids, &emulator.tasks(), 2), 0);
        unknown += unknown_now;
        runs += 1;
    }
    println!("{kills} kills in {runs} runs, {hits} of them with requests on their way");
    println!("{unknown} of {} chunks unknown", runs * 50);
    assert!(unknown > 0, "no kill left a request without an answer");
}

/// How many requests of a ledger have no answer in it, whether its last line is torn or not.
fn unanswered(path: &PathBuf) -> usize {
    let text = fs::read_to_string(path).unwrap_or_default();
    let answered = text.matches("\"state\":{").count();
    text.matches("\"state\":\"sending\"").count() - answered
}

/// The peak of the resident memory of a run over so many ids, in KiB.
#[cfg(target_os = "linux")]
async fn peak_memory(endpoint: &str, count: u64) -> u64 {
    let mut tool = bare_tool();
    tool.args(["--endpoint", endpoint, "--user-id", "me", "--agent-name", "carrier"]);
    tool.env("KOODRIVE_TOKEN", TOKEN).args(DUMP).args(["--file-ids-from", "-"]);
    tool.arg("--ledger").arg(ledger("cli_memory"));
    tool.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = tool.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let write = async {
        for start in (0..count).step_by(1_000) {
            // As long as the vendor's ids.
            let ids = (start..start + 1_000).map(|n| format!("Fk63FCWhcDAga2puvYKRG1oTMjs-{n:07}\n"));
            stdin.write_all(ids.collect::<String>().as_bytes()).await.unwrap();
        }
    };
    let mut results = BufReader::new(child.stdout.take().unwrap()).lines();
    let read = async {
        for _ in 0..count / 1_000 {
            results.next_line().await.unwrap().unwrap();
        }
    };
    let both = timeout(Duration::from_secs(120), async { tokio::join!(write, read) });
    both.await.expect("the run does not come to its end");
    // All tasks are created, and the process waits for further ids: its peak is final.
    let status = fs::read_to_string(format!("/proc/{}/status", child.id().unwrap())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    drop(stdin);
    assert!(child.wait().await.unwrap().success());
    peak.trim().trim_end_matches(" kB").parse().unwrap()
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn peak_memory_does_not_grow_with_the_number_of_ids() {
    // The emulator's memory does grow, so it is another process.
    let mut server = bare_tool();
    server.args(["emulator", "--token", TOKEN]);
    server.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut server = server.spawn().unwrap();
    let endpoint = first_line(&mut server).await;
    let few = peak_memory(&endpoint, 100_000).await;
    let many = peak_memory(&endpoint, 1_000_000).await;
    println!("100,000 ids: {few} KiB, 1,000,000 ids: {many} KiB");
    assert!(many * 10 <= few * 11, "{few} KiB became {many} KiB");
}
