//! Where the file ids come from.

mod duplicates;
mod lines;

use std::{
    error::Error,
    fmt,
    fs::File,
    io::{self, Seek, SeekFrom},
    mem,
    path::{Path, PathBuf},
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
};

use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use koodrive_share::FileIds;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

pub(crate) use self::lines::InvalidLine;
use self::{duplicates::Duplicates, lines::IdLines};
use crate::{args::CreateArgs, exit::CommandError, interrupts::while_interruptible, secret::is_stdin};

type ReadError = Box<dyn Error + Send + Sync>;

/// The error of a file whose ids cannot be read; it names the file.
#[derive(Debug)]
pub(crate) struct UnreadableFile {
    path: PathBuf,
    cause: ReadError,
}

impl fmt::Display for UnreadableFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.display().fmt(f)
    }
}

impl Error for UnreadableFile {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.cause.as_ref())
    }
}

/// The input that holds the file ids. A file is never held in memory as a whole.
pub(crate) struct FileIdSource {
    input: Input,
    path: PathBuf,
    duplicates: SharedDuplicates,
}

enum Input {
    Arguments(Vec<String>),
    /// A regular file and the position to read from; it can be read twice without waiting.
    File(File, u64),
    /// A pipe or a terminal: reading it may block.
    Pipe(File),
    /// The standard input as a pipe or a terminal. Unlike a handle of a Windows console, it returns UTF-8.
    Stdin,
}

/// The duplicates, shared with the stream of ids, which outlives the source.
#[derive(Clone, Default)]
pub(crate) struct SharedDuplicates(Arc<Mutex<Duplicates>>);

impl SharedDuplicates {
    fn record(&self, id: String, place_name: &str, place: u64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).record(id, place_name, place);
    }

    /// The warning about duplicates that were found since the last one.
    pub(crate) fn take_warning(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take_warning()
    }
}

impl FileIdSource {
    pub(crate) fn open(create: &mut CreateArgs) -> Result<Self, CommandError> {
        let (input, path) = match create.file_ids_from.clone() {
            None => (Input::Arguments(mem::take(&mut create.files)), PathBuf::new()),
            Some(path) => {
                let open = || open(&path).map_err(|error| unreadable(&path, &error));
                // The standard input is open already. A signal handler would keep a signal from ending the check.
                let input = if is_stdin(&path) { open()? } else { while_interruptible(&path, open)? };
                (input, path)
            }
        };
        Ok(Self { input, path, duplicates: SharedDuplicates::default() })
    }

    pub(crate) fn duplicates(&self) -> SharedDuplicates {
        self.duplicates.clone()
    }

    /// Checks and counts all ids. Those of a pipe are checked when they are read, so their count is `None`.
    pub(crate) async fn check(&mut self) -> Result<Option<u64>, CommandError> {
        match &mut self.input {
            Input::Arguments(ids) => {
                for (id, place) in ids.iter().zip(1..) {
                    let refused = |reason| CommandError::usage(format!("file id {place} {reason}"));
                    lines::check(id).map_err(refused)?;
                    self.duplicates.record(id.clone(), "argument", place);
                }
                Ok(Some(ids.len() as u64))
            }
            Input::File(file, start) => {
                let unreadable = |error: ReadError| unreadable(&self.path, &*error);
                let copy = file.try_clone().map_err(|error| unreadable(error.into()))?;
                let (mut ids, mut count) = (pin!(ids_of(tokio::fs::File::from_std(copy))), 0);
                while let Some((place, id)) = ids.try_next().await.map_err(unreadable)? {
                    self.duplicates.record(id, "line", place);
                    count += 1;
                }
                file.seek(SeekFrom::Start(*start)).map_err(|error| unreadable(error.into()))?;
                Ok(Some(count))
            }
            Input::Pipe(_) | Input::Stdin => Ok(None),
        }
    }

    /// The ids to send. Those of a file have been checked for duplicates already.
    pub(crate) fn ids(self) -> FileIds<'static> {
        let Self { input, path, duplicates } = self;
        let record = move |(place, id): &(u64, String)| duplicates.record(id.clone(), "line", *place);
        let ids = match input {
            Input::Arguments(ids) => return ids.into(),
            Input::File(file, _) => ids_of(tokio::fs::File::from_std(file)).boxed(),
            Input::Pipe(file) => ids_of(tokio::fs::File::from_std(file)).inspect_ok(record).boxed(),
            Input::Stdin => ids_of(tokio::io::stdin()).inspect_ok(record).boxed(),
        };
        let unreadable = move |cause| UnreadableFile { path: path.clone(), cause };
        FileIds::try_stream(ids.map_ok(|(_, id)| id).map_err(unreadable))
    }
}

fn open(path: &Path) -> io::Result<Input> {
    let mut file = if is_stdin(path) { stdin_handle()? } else { File::open(path)? };
    let metadata = match file.metadata() {
        // Windows has no metadata of a pipe or a console.
        Err(_) if is_stdin(path) => return Ok(Input::Stdin),
        metadata => metadata?,
    };
    if metadata.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if metadata.is_file() {
        let start = file.stream_position()?;
        return Ok(Input::File(file, start));
    }
    Ok(if is_stdin(path) { Input::Stdin } else { Input::Pipe(file) })
}

#[cfg(unix)]
fn stdin_handle() -> io::Result<File> {
    use std::os::fd::AsFd;
    io::stdin().as_fd().try_clone_to_owned().map(File::from)
}

#[cfg(windows)]
fn stdin_handle() -> io::Result<File> {
    use std::os::windows::io::AsHandle;
    io::stdin().as_handle().try_clone_to_owned().map(File::from)
}

fn unreadable(path: &Path, error: &dyn Error) -> CommandError {
    CommandError::usage(format!("no file ids can be read from {}: {error}", path.display()))
}

/// The ids of an input, each with the number of its line.
fn ids_of(input: impl AsyncRead + Send + Unpin) -> impl Stream<Item = Result<(u64, String), ReadError>> + Send {
    let start = (BufReader::new(input), IdLines::default());
    stream::try_unfold(start, |(mut input, mut lines)| async move {
        loop {
            let bytes = input.fill_buf().await?;
            let (length, id) = if bytes.is_empty() { (0, lines.finish()?) } else { lines.read(bytes)? };
            let is_at_end = bytes.is_empty();
            input.consume(length);
            if id.is_some() || is_at_end {
                return Ok(id.map(|id| ((lines.number(), id), (input, lines))));
            }
        }
    })
}
