//! What the tests share: the tool as a process, its files, and the emulator.

use std::{
    fs,
    path::PathBuf,
    process::{Output, Stdio},
    time::Duration,
};

use koodrive_share_emulator::{Emulator, Fault};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpSocket,
    process::{Child, Command},
    task::yield_now,
    time::{self, timeout},
};

use self::bulk::ids;

#[path = "../../../../tests/it/support/bulk.rs"]
pub(crate) mod bulk;

pub(crate) const TOKEN: &str = "t0ken-7c9e6679f7425";
pub(crate) const KDSTOKEN: &str = "kds-f47ac10b58cc4372";
pub(crate) const SECRET: &str = "app-secret-3f2504e04f89";
pub(crate) const DUMP: [&str; 9] = [
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
pub(crate) const PACKAGE: [&str; 7] =
    ["package", "--share-id", "share", "--container-id", "space", "--zip-name", "photos.zip"];

/// Delays the reply until [`release`], or for longer than any test takes.
pub(crate) const HELD: Fault = Fault::Delay(HOLD);
const HOLD: Duration = Duration::from_secs(24 * 60 * 60);

/// Ends the delay of each request that has arrived and is [`HELD`].
pub(crate) async fn release() {
    // The delay begins in a tokio task of its own.
    yield_now().await;
    pass(HOLD).await;
}

/// Advances the clock of the test's runtime, and so of its emulator, by this time at once.
pub(crate) async fn pass(time: Duration) {
    time::pause();
    time::advance(time).await;
    time::resume();
}

/// The standard error of a run without the progress lines, which are written once a second.
pub(crate) fn without_progress(stderr: &str) -> Vec<&str> {
    stderr.lines().filter(|line| !line.contains(" ids attempted")).collect()
}

/// The tool with only the variables in its environment that it needs to call the emulator.
pub(crate) fn tool(emulator: &Emulator) -> Command {
    let mut tool = bare_tool();
    tool.env("KOODRIVE_ENDPOINT", emulator.endpoint())
        .env("KOODRIVE_TOKEN", TOKEN)
        .env("KOODRIVE_USER_ID", "1505084218764547200")
        .env("KOODRIVE_AGENT_NAME", "carrier");
    tool
}

pub(crate) fn bare_tool() -> Command {
    let mut tool = Command::new(env!("CARGO_BIN_EXE_koodrive-share"));
    tool.env_clear().stdin(Stdio::null()).kill_on_drop(true);
    // Sockets on Windows need this variable.
    tool.envs(std::env::var_os("SystemRoot").map(|root| ("SystemRoot", root)));
    tool
}

/// The command after some lines of a shell, in the same process.
pub(crate) fn under_shell(lines: &str, tool: &Command) -> Command {
    wrapped("/bin/sh", &["-c", &format!("{lines}\nexec \"$0\" \"$@\"")], tool)
}

/// A shell that runs a line in which the tool is called by its name, with the environment of this command.
pub(crate) fn shell_line(line: &str, tool: &Command) -> Command {
    wrapped("/bin/sh", &["-c", &line.replace("koodrive-share", "\"$0\"")], tool)
}

/// The command with the hang-up signal not ignored, although the tests may run under nohup.
pub(crate) fn heeding_hang_up(tool: &Command) -> Command {
    // Only GNU's `env` has the option.
    let options: &[&str] = if cfg!(target_os = "linux") { &["--default-signal=HUP"] } else { &[] };
    wrapped("env", options, tool)
}

/// The command as process 1 of a namespace of its own, as in a container.
#[cfg(target_os = "linux")]
pub(crate) fn in_namespace(tool: &Command) -> Command {
    wrapped("unshare", &["--map-root-user", "--pid", "--fork", "--kill-child"], tool)
}

fn wrapped(program: &str, arguments: &[&str], tool: &Command) -> Command {
    let tool = tool.as_std();
    let mut command = Command::new(program);
    command.args(arguments).arg(tool.get_program()).args(tool.get_args());
    let environment = tool.get_envs().filter_map(|(name, value)| Some((name, value?)));
    command.env_clear().envs(environment).stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// The command on a pseudo-terminal. Its keyboard is the standard input of `script`, its screen the standard output.
#[cfg(target_os = "linux")]
pub(crate) fn on_terminal(tool: &Command) -> Command {
    let tool = tool.as_std();
    let words = [tool.get_program()].into_iter().chain(tool.get_args());
    let words: Vec<String> = words.map(|word| format!("'{}'", word.to_str().unwrap())).collect();
    let mut script = Command::new("script");
    let environment = tool.get_envs().filter_map(|(name, value)| Some((name, value?)));
    script.env_clear().envs(environment).env("TERM", "xterm").stdin(Stdio::null()).kill_on_drop(true);
    script.args(["-qec", &format!("exec {}", words.join(" ")), "/dev/null"]);
    script
}

/// Sends a signal to a running process, by the shell's `kill`: not every system has the program.
pub(crate) async fn send(signal: &str, process: u32) {
    let sent = Command::new("sh").args(["-c", &format!("kill {signal} {process}")]).status().await;
    assert!(sent.unwrap().success());
}

pub(crate) async fn emulator() -> Emulator {
    Emulator::builder().token(TOKEN).start().await.unwrap()
}

pub(crate) async fn run(tool: &mut Command) -> Output {
    let output = timeout(Duration::from_secs(60), tool.output()).await;
    output.expect("the tool does not end").unwrap()
}

/// Runs the tool with text on its standard input.
pub(crate) async fn run_with_input(tool: &mut Command, input: &str) -> Output {
    tool.stdin(Stdio::piped());
    tool.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = tool.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // A tool that has ended does not read the input; its exit status and its output tell why.
    let _ = stdin.write_all(input.as_bytes()).await;
    drop(stdin);
    let output = timeout(Duration::from_secs(60), child.wait_with_output()).await;
    output.expect("the tool does not end").unwrap()
}

pub(crate) fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

pub(crate) fn json_lines(output: &Output) -> Vec<Value> {
    let lines = text(&output.stdout).lines().map(serde_json::from_str);
    lines.collect::<Result<_, _>>().unwrap()
}

/// Writes a file with this content to the directory of the tests.
pub(crate) fn file(name: &str, content: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, content).unwrap();
    path
}

/// An empty directory for one test.
pub(crate) fn directory(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    path
}

pub(crate) fn id_file(name: &str, count: usize) -> PathBuf {
    file(name, &(ids(count).join("\n") + "\n"))
}

/// Runs the tool with these arguments, and expects this exit status and this text on the standard error.
pub(crate) async fn expect(emulator: &Emulator, args: &[&str], code: i32, expected: &str) -> Output {
    let before = emulator.tasks().len();
    let output = run(tool(emulator).args(args)).await;
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {stderr}");
    assert!(stderr.contains(expected), "{expected} not in {stderr}");
    assert_eq!(emulator.faults_left(), 0);
    if matches!(code, 2 | 3 | 6) {
        assert_eq!(emulator.tasks().len(), before, "{args:?} made a task");
    }
    output
}

/// An endpoint at which nothing listens. As long as the socket lives, its port is bound, so that no other test gets it.
pub(crate) fn nowhere() -> (String, TcpSocket) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    (format!("http://{}", socket.local_addr().unwrap()), socket)
}

pub(crate) async fn first_line(child: &mut Child) -> String {
    let stdout = BufReader::new(child.stdout.take().unwrap());
    let mut lines = stdout.lines();
    let line = timeout(Duration::from_secs(30), lines.next_line()).await;
    line.unwrap().unwrap().unwrap()
}
