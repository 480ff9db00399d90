//! File ids and ledgers, for the library's tests and for the tool's.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    time::Duration,
};

use koodrive_share_emulator::EmulatedTask;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::time::timeout;

pub(crate) fn ids(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("F{n:06}")).collect()
}

/// Returns a path for the ledger of one test, where no file exists.
pub(crate) fn ledger(test: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{test}.ledger"));
    let _ = fs::remove_file(&path);
    path
}

/// Opens and locks a ledger as a run does. Returns `None` if a run uses it.
pub(crate) fn hold(path: &Path) -> Option<File> {
    let mut options = fs::OpenOptions::new();
    #[cfg(windows)]
    std::os::windows::fs::OpenOptionsExt::share_mode(&mut options, 1);
    let held = options.read(true).write(true).open(path).ok()?;
    (cfg!(windows) || held.try_lock().is_ok()).then_some(held)
}

pub(crate) fn lines(path: &PathBuf) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    let lines = text.lines().map(serde_json::from_str);
    lines.collect::<Result<_, _>>().unwrap()
}

/// Returns the states of a ledger's lines in their order.
pub(crate) fn states(path: &PathBuf) -> Vec<String> {
    /// Returns the name of an enum's variant.
    fn variant(value: &Value) -> &str {
        let name = || value.as_object().unwrap().keys().next().unwrap().as_str();
        value.as_str().unwrap_or_else(name)
    }
    let state = |line: &Value| match line.get("chunk") {
        Some(chunk) => variant(&chunk["state"]).to_owned(),
        None => variant(line).to_owned(),
    };
    lines(path).iter().map(state).collect()
}

/// Returns the tasks that were created with exactly these ids.
pub(crate) fn tasks_of<'a>(tasks: &'a [EmulatedTask], ids: &[String]) -> Vec<&'a EmulatedTask> {
    let digest = Sha256::digest(ids.join("\n").as_bytes());
    let digest = digest.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    let made = tasks.iter();
    made.filter(|task| task.file_ids_sha256() == digest).collect()
}

pub(crate) async fn until(what: &str, condition: impl Fn() -> bool) {
    let reached = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let reached = timeout(Duration::from_secs(120), reached).await;
    assert!(reached.is_ok(), "never reached: {what}");
}
