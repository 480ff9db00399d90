//! The state that all requests share: one client, the handles of the tasks, and the runs in progress.

use std::{
    collections::HashMap,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use koodrive_share::{Client, TaskHandle};
use serde::{Deserialize, Serialize};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::spans::Spans;

#[derive(Clone)]
pub(crate) struct Portal {
    pub(crate) client: Client,
    pub(crate) spans: Spans,
    pub(crate) runs: TaskTracker,
    pub(crate) stopping: CancellationToken,
    handles: Arc<Mutex<Handles>>,
    data: PathBuf,
}

/// The user of a task, and the task's id.
type Key = (String, String);

struct Handles {
    known: HashMap<Key, TaskHandle>,
    file: File,
}

/// A line of the file of handles.
#[derive(Serialize, Deserialize)]
struct Kept {
    user: String,
    handle: TaskHandle,
}

impl Portal {
    pub(crate) fn open(client: Client, spans: Spans, data: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&data)?;
        let path = data.join("handles.jsonl");
        let file = OpenOptions::new().create(true).append(true).open(&path)?;
        let bytes = fs::read(&path)?;
        // A crash may have left an incomplete last line, which is cut off.
        let complete = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        file.set_len(complete as u64)?;
        let mut known = HashMap::new();
        for line in bytes[..complete].split_inclusive(|byte| *byte == b'\n') {
            let Kept { user, handle } = serde_json::from_slice(line)?;
            known.insert((user, handle.task_id().to_owned()), handle);
        }
        let handles = Arc::new(Mutex::new(Handles { known, file }));
        Ok(Self { client, spans, runs: TaskTracker::new(), stopping: CancellationToken::new(), handles, data })
    }

    /// Keeps a handle, so that the task's status can be requested after a restart. The file holds no secret.
    pub(crate) fn keep(&self, user: String, handle: TaskHandle) -> io::Result<()> {
        let mut handles = self.handles.lock().unwrap_or_else(PoisonError::into_inner);
        let line = serde_json::to_string(&Kept { user: user.clone(), handle: handle.clone() })?;
        handles.known.insert((user, handle.task_id().to_owned()), handle);
        let end = handles.file.metadata()?.len();
        // The next line must not follow an incomplete one.
        handles.file.write_all(format!("{line}\n").as_bytes()).inspect_err(|_| _ = handles.file.set_len(end))
    }

    pub(crate) fn handle(&self, key: &Key) -> Option<TaskHandle> {
        self.handles.lock().unwrap_or_else(PoisonError::into_inner).known.get(key).cloned()
    }

    /// Returns the path of a dump's ledger, or `None` unless both names are ASCII letters and digits.
    pub(crate) fn ledger(&self, user: &str, name: &str) -> Option<PathBuf> {
        let is_plain = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        (is_plain(user) && is_plain(name)).then(|| self.data.join(format!("{user}-{name}.ledger")))
    }
}
