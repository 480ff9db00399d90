//! The tasks that a command is about: by their ids, or from a file that an earlier run wrote.

use std::{
    collections::HashSet,
    error::Error,
    fs::{File, OpenOptions},
    io::{self, BufRead, BufReader, Read, Write},
    path::{Path, PathBuf},
};

use koodrive_share::{Client, Ledger, Share, TaskHandle};
use serde::Serialize;

use crate::{
    args::TasksArgs,
    exit::CommandError,
    interrupts::{Interrupts, interrupted, while_interruptible},
    secret::{self, is_stdin},
    share::Key,
};

/// The maximum length of a line of saved tasks in bytes. A usual line has some 400.
const MAX_LINE: u64 = 64 << 10;

/// The tasks that flags and files name, and the access to them.
pub(crate) struct TaskSource {
    named: Named,
    kdstoken: Option<String>,
    key: Option<Key>,
}

enum Named {
    Handles(Vec<TaskHandle>),
    /// Task ids and their share's id. `None` if a link gives the share.
    Ids(Vec<String>, Option<String>),
}

impl TaskSource {
    pub(crate) async fn read(args: TasksArgs) -> Result<Self, CommandError> {
        let named = match args.tasks_from {
            Some(path) => Named::Handles(selected(read(&path)?, &args.ids, &path)?),
            None => Named::Ids(args.ids, args.share_id),
        };
        let key = match args.link {
            Some(link) => Some(Key::read(&link, args.extract_code_file.as_deref()).await?),
            None => None,
        };
        Ok(Self { named, kdstoken: secret::kdstoken(args.kdstoken_file.as_deref())?, key })
    }

    /// The advice to add if the service refuses access to the tasks.
    pub(crate) fn access_advice(&self) -> Option<&'static str> {
        (self.kdstoken.is_none() && self.key.is_none()).then_some(
            "\n       if the share has an extract code: give --link and --extract-code-file, or set KOODRIVE_KDSTOKEN",
        )
    }
}

/// The tasks, in the order of the file or of the ids, without duplicates.
pub(crate) async fn tasks(
    client: &Client,
    source: TaskSource,
    interrupts: &mut Interrupts,
) -> Result<Vec<TaskHandle>, CommandError> {
    let share = match &source.key {
        None => None,
        Some(key) => {
            let opened = interrupts.unless_interrupted(key.open(client)).await;
            Some(opened.unwrap_or_else(|| Err(interrupted()))?)
        }
    };
    let tasks = match source.named {
        Named::Handles(tasks) => tasks,
        Named::Ids(ids, share_id) => {
            let share_id = share_id.or_else(|| Some(share.as_ref()?.id().to_owned())).unwrap_or_default();
            ids.into_iter().map(|id| client.handle(id, &share_id)).collect()
        }
    };
    let share_kdstoken = share.as_ref().and_then(Share::expose_kdstoken);
    let kdstoken = share_kdstoken.or(source.kdstoken.as_deref());
    let with_kdstoken = |task: TaskHandle| match kdstoken {
        Some(kdstoken) => task.with_kdstoken(kdstoken),
        None => task,
    };
    let mut seen = HashSet::new();
    let once = tasks.into_iter().filter(|task| seen.insert(task.task_id().to_owned()));
    Ok(once.map(with_kdstoken).collect())
}

/// The tasks with these ids, or all tasks if no id is given.
fn selected(tasks: Vec<TaskHandle>, ids: &[String], path: &Path) -> Result<Vec<TaskHandle>, CommandError> {
    if tasks.is_empty() {
        return Err(CommandError::usage(format!("{} holds no task", path.display())));
    }
    if ids.is_empty() {
        return Ok(tasks);
    }
    let find = |id: &String| tasks.iter().find(|task| task.task_id() == id);
    let missing: Vec<&str> = ids.iter().filter(|id| find(id).is_none()).map(String::as_str).collect();
    if !missing.is_empty() {
        let message = format!("{} does not hold the task {}", path.display(), missing.join(", "));
        return Err(CommandError::usage(message));
    }
    Ok(ids.iter().filter_map(|id| find(id).cloned()).collect())
}

/// Reads all tasks from a file: a ledger, or one of saved tasks.
fn read(path: &Path) -> Result<Vec<TaskHandle>, CommandError> {
    while_interruptible(path, || {
        let read = if is_stdin(path) { saved(&mut io::stdin().lock()) } else { open(path) };
        read.map_err(|error| CommandError::usage(format!("no tasks can be read from {}: {error}", path.display())))
    })
}

fn open(path: &Path) -> Result<Vec<TaskHandle>, Box<dyn Error>> {
    let mut file = BufReader::new(File::open(path)?);
    if !file.fill_buf()?.starts_with(br#"{"run":"#) {
        return saved(&mut file);
    }
    let ledger = Ledger::read(path)?;
    let tasks = ledger.chunks().filter_map(|chunk| chunk.map(|chunk| chunk.task().cloned()).transpose());
    Ok(tasks.collect::<Result<_, _>>()?)
}

fn saved(reader: &mut impl BufRead) -> Result<Vec<TaskHandle>, Box<dyn Error>> {
    let mut tasks = Vec::new();
    for number in 1.. {
        let mut line = Vec::new();
        (&mut *reader).take(MAX_LINE).read_until(b'\n', &mut line)?;
        if line.is_empty() {
            break;
        }
        match serde_json::from_slice(&line) {
            Ok(task) => tasks.push(task),
            Err(_) if line.trim_ascii().is_empty() => {}
            Err(_) => return Err(format!("line {number} holds none, as --save and --ledger write them").into()),
        }
    }
    Ok(tasks)
}

/// A file that tasks are added to.
pub(crate) struct SavedTasks(File, PathBuf);

impl SavedTasks {
    pub(crate) fn open(path: &Path) -> Result<Self, CommandError> {
        let refused = |reason: String| CommandError::usage(format!("--save {}: {reason}", path.display()));
        let open = || {
            let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
            let mut content = Vec::new();
            // Reading a pipe or a device does not return what was saved to it.
            if file.metadata()?.is_file() {
                file.read_to_end(&mut content)?;
            }
            io::Result::Ok((file, content))
        };
        let (mut file, content) = open().map_err(|error| refused(error.to_string()))?;
        let is_saved = |line: &[u8]| line.trim_ascii().is_empty() || serde_json::from_slice::<TaskHandle>(line).is_ok();
        if !content.split(|byte| *byte == b'\n').all(is_saved) {
            return Err(refused("the file holds something else than saved tasks".to_owned()));
        }
        if !content.is_empty() && !content.ends_with(b"\n") {
            file.write_all(b"\n").map_err(|error| refused(error.to_string()))?;
        }
        Ok(Self(file, path.to_owned()))
    }

    /// Appends a task as a line of its own. The name of its package is for the user; the tool does not read it.
    pub(crate) fn add(&self, task: &TaskHandle, zip_name: Option<&str>) -> io::Result<()> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Saved<'a> {
            #[serde(flatten)]
            task: &'a TaskHandle,
            #[serde(skip_serializing_if = "Option::is_none")]
            zip_name: Option<&'a str>,
        }
        let mut line = serde_json::to_vec(&Saved { task, zip_name })?;
        line.push(b'\n');
        let length = || self.0.metadata().map(|file| file.len());
        let end = length()?;
        (&self.0).write_all(&line).map_err(|error| {
            // No command reads a file with a torn line, so the line is cut off, unless another run has appended to the
            // file.
            if length().is_ok_and(|length| length.saturating_sub(end) < line.len() as u64) {
                // On Windows, a handle that appends cannot truncate the file.
                let cut = || OpenOptions::new().write(true).open(&self.1)?.set_len(end);
                let _ = self.0.set_len(end).or_else(|_| cut());
            }
            io::Error::new(error.kind(), format!("--save {}: a task cannot be written: {error}", self.1.display()))
        })
    }
}
