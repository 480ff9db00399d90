//! Where the file ids come from.

mod duplicates;
mod lines;

use std::{
    error::Error,
    fmt,
    fs::File,
    io::{self, BufRead, BufReader, Seek, SeekFrom},
    iter, mem,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use futures_util::{Stream, TryStreamExt, stream};
use koodrive_share::FileIds;
use tokio::io::{AsyncBufReadExt, AsyncRead};

pub(crate) use self::lines::InvalidLine;
use self::{duplicates::Duplicates, lines::IdLines};
use crate::{args::CreateArgs, exit::CommandError, interrupts::while_interruptible, secret::is_stdin};

type ReadError = Box<dyn Error + Send + Sync>;

/// Ids that cannot be read from a file, which it names.
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

/// The input that holds the file ids. A file is never held whole.
pub(crate) struct FileIdSource {
    input: Input,
    path: PathBuf,
    duplicates: SharedDuplicates,
}

enum Input {
    Arguments(Vec<String>),
    /// A regular file and the position to read from; it can be read twice without waiting.
    File(File, u64),
    /// A pipe or a terminal: reading it may wait.
    Pipe(File),
    /// The standard input as a pipe or a terminal. A handle of a Windows console does not give UTF-8, this does.
    Stdin,
}

/// The duplicates, shared with the stream of ids, which outlives the source.
#[derive(Clone, Default)]
pub(crate) struct SharedDuplicates(Arc<Mutex<Duplicates>>);

impl SharedDuplicates {
    fn record(&self, id: String, place_name: &str, place: u64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).record(id, place_name, place);
    }

    /// Says what was found and not told before.
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
                (while_interruptible(&path, open)?, path)
            }
        };
        Ok(Self { input, path, duplicates: SharedDuplicates::default() })
    }

    pub(crate) fn duplicates(&self) -> SharedDuplicates {
        self.duplicates.clone()
    }

    /// Checks and counts all ids. Those of a pipe are checked when they are read, so their count is `None`.
    pub(crate) fn check(&mut self) -> Result<Option<u64>, CommandError> {
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
                let mut count = 0;
                for id in ids_of(&*file) {
                    let (place, id) = id.map_err(|error| unreadable(&self.path, &*error))?;
                    self.duplicates.record(id, "line", place);
                    count += 1;
                }
                let rewound = file.seek(SeekFrom::Start(*start));
                rewound.map_err(|error| unreadable(&self.path, &error))?;
                Ok(Some(count))
            }
            Input::Pipe(_) | Input::Stdin => Ok(None),
        }
    }

    /// The ids to send. Those of a file have been checked for duplicates already.
    pub(crate) fn ids(self) -> FileIds<'static> {
        let Self { input, path, duplicates } = self;
        let unreadable = move |cause| UnreadableFile { path: path.clone(), cause };
        match input {
            Input::Arguments(ids) => ids.into(),
            Input::File(file, _) => {
                FileIds::try_stream(stream::iter(ids_of(file).map(|id| id.map(|(_, id)| id))).map_err(unreadable))
            }
            Input::Pipe(file) => {
                let file = tokio::fs::File::from_std(file);
                FileIds::try_stream(piped_ids_of(file, duplicates).map_err(unreadable))
            }
            Input::Stdin => FileIds::try_stream(piped_ids_of(tokio::io::stdin(), duplicates).map_err(unreadable)),
        }
    }
}

fn open(path: &Path) -> io::Result<Input> {
    let mut file = if is_stdin(path) { stdin_handle()? } else { File::open(path)? };
    let metadata = match file.metadata() {
        // Windows tells nothing of a pipe or a console.
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

/// The ids of a file, each with the number of its line.
fn ids_of<R: io::Read>(file: R) -> impl Iterator<Item = Result<(u64, String), ReadError>> + use<R> {
    let (mut file, mut lines) = (BufReader::new(file), IdLines::default());
    let mut next = move || {
        loop {
            let bytes = file.fill_buf()?;
            let (length, id) = if bytes.is_empty() { (0, lines.finish()?) } else { lines.read(bytes)? };
            let is_at_end = bytes.is_empty();
            file.consume(length);
            if id.is_some() || is_at_end {
                return Ok(id.map(|id| (lines.number(), id)));
            }
        }
    };
    iter::from_fn(move || next().transpose())
}

fn piped_ids_of<R>(pipe: R, duplicates: SharedDuplicates) -> impl Stream<Item = Result<String, ReadError>> + Send
where
    R: AsyncRead + Send + Unpin,
{
    let start = (tokio::io::BufReader::new(pipe), IdLines::default(), duplicates);
    stream::try_unfold(start, |(mut pipe, mut lines, duplicates)| async move {
        loop {
            let bytes = pipe.fill_buf().await?;
            let (length, id) = if bytes.is_empty() { (0, lines.finish()?) } else { lines.read(bytes)? };
            let is_at_end = bytes.is_empty();
            pipe.consume(length);
            if let Some(id) = id {
                duplicates.record(id.clone(), "line", lines.number());
                return Ok(Some((id, (pipe, lines, duplicates))));
            }
            if is_at_end {
                return Ok(None);
            }
        }
    })
}
