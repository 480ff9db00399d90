//! Secrets, from variables, files or the standard input.

use std::{
    env, fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

use crate::{
    args::{Cli, Command, DownloadArgs, DumpArgs, PackageArgs, ServiceArgs, WaitArgs},
    exit::CommandError,
    interrupts::while_interruptible,
};

const KDSTOKEN: &str = "KOODRIVE_KDSTOKEN";

/// Whether a path means the standard input.
pub(crate) fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}

/// Reads a secret, without the blanks around it, before anything is sent. While it waits, an interrupt ends the
/// process.
pub(crate) fn read(path: &Path) -> Result<String, CommandError> {
    while_interruptible(path, || read_again(path))
}

/// Reads a secret while requests may be on their way, so that an interrupt must not end the process.
pub(crate) fn read_again(path: &Path) -> Result<String, CommandError> {
    let mut stdin = Vec::new();
    let read = if is_stdin(path) { io::stdin().read_to_end(&mut stdin).map(|_| stdin) } else { fs::read(path) };
    let name = path.display();
    let secret = read.and_then(decoded);
    let secret = secret.map_err(|error| CommandError::usage(format!("no secret can be read from {name}: {error}")))?;
    // On Windows, `echo secret > file` writes a blank before the line break.
    let secret = secret.trim();
    if secret.is_empty() {
        return Err(CommandError::usage(format!("the secret in {name} is empty")));
    }
    Ok(secret.to_owned())
}

/// Decodes the text of a file. On Windows, editors and shells write a byte order mark, and Windows PowerShell writes
/// UTF-16.
fn decoded(bytes: Vec<u8>) -> io::Result<String> {
    let text = match bytes.strip_prefix(b"\xff\xfe") {
        Some(bytes) => {
            let (units, rest) = bytes.as_chunks();
            let units: Vec<_> = units.iter().map(|unit| u16::from_le_bytes(*unit)).collect();
            String::from_utf16(&units).ok().filter(|_| rest.is_empty())
        }
        None => String::from_utf8(bytes).ok(),
    };
    let text = text.ok_or_else(|| io::Error::other("it is neither valid UTF-8 nor UTF-16 as Windows writes it"))?;
    Ok(text.trim_start_matches('\u{feff}').to_owned())
}

/// The share's temporary token, if there is one.
pub(crate) fn kdstoken(file: Option<&Path>) -> Result<Option<String>, CommandError> {
    from_file_or_variable(file, KDSTOKEN)
}

/// The secret in a file, or else in the environment variable for it.
pub(crate) fn from_file_or_variable(file: Option<&Path>, name: &str) -> Result<Option<String>, CommandError> {
    file.map_or_else(|| variable(name), |path| read(path).map(Some))
}

/// The value of an environment variable, which the error does not show. An empty one counts as not set.
pub(crate) fn variable(name: &str) -> Result<Option<String>, CommandError> {
    match env::var(name) {
        Ok(secret) => Ok(Some(secret).filter(|secret| !secret.is_empty())),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(env::VarError::NotUnicode(_)) => Err(CommandError::usage(format!("{name} must be UTF-8"))),
    }
}

/// Refuses two flags that would both read the standard input.
pub(crate) fn check_stdin_readers(cli: &Cli) -> Result<(), CommandError> {
    let others: &[(&str, &Option<PathBuf>)] = match &cli.command {
        Command::Package(PackageArgs { create, .. }) | Command::Dump(DumpArgs { create, .. }) => &[
            ("--extract-code-file", &create.extract_code_file),
            ("--kdstoken-file", &create.kdstoken_file),
            ("--file-ids-from", &create.file_ids_from),
        ],
        Command::Status(tasks)
        | Command::Wait(WaitArgs { tasks, .. })
        | Command::Download(DownloadArgs { tasks, .. }) => &[
            ("--extract-code-file", &tasks.extract_code_file),
            ("--kdstoken-file", &tasks.kdstoken_file),
            ("--tasks-from", &tasks.tasks_from),
        ],
        Command::Files(files) => &[("--extract-code-file", &files.extract_code_file)],
        Command::Ledger(_) | Command::Emulator(_) | Command::Completions { .. } | Command::Man { .. } => return Ok(()),
    };
    let ServiceArgs { token_file, authorization_file, app_secret_file, proxy_file, .. } = &cli.service;
    let readers = [
        ("--token-file", token_file),
        ("--authorization-file", authorization_file),
        ("--app-secret-file", app_secret_file),
        ("--proxy-file", proxy_file),
    ];
    let readers = readers.into_iter().chain(others.iter().copied());
    let readers = readers.filter(|(_, path)| path.as_deref().is_some_and(is_stdin));
    let readers: Vec<&str> = readers.map(|(flag, _)| flag).collect();
    match readers.as_slice() {
        [] | [_] => Ok(()),
        several => {
            Err(CommandError::usage(format!("only one of {} can read the standard input", several.join(" and "))))
        }
    }
}
