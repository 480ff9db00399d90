//! What became of each chunk, on the disk.
//!
//! JSON lines, each written and synced as a whole: one `run`, then for each chunk one line before its request leaves and
//! one after its reply; and `end`, once all ids have been read. Of the lines of a chunk the last one counts.

mod line;

use std::{
    error::Error as StdError,
    fmt,
    fs::{File, OpenOptions, TryLockError},
    io::{self, BufRead, BufReader, Seek, SeekFrom, Write},
    path::Path,
};

use serde::Serialize;

use super::task_ids::TaskIds;

pub(super) use self::line::{Header, Line, Record, State};

/// Bytes that are read at once for one line of a chunk, which has some 600.
const LINE: usize = 1_024;

/// An open ledger.
#[derive(Debug)]
pub(super) struct Ledger {
    /// Locked where the file system has locks. Opened to write, not to append: Windows cannot cut such a file.
    file: File,
    /// Where the file ends if nobody else writes to it.
    end: u64,
    /// Where the last line of each chunk begins, for the chunks of earlier runs.
    latest: Vec<u64>,
    /// The tasks of earlier runs.
    pub(super) task_ids: TaskIds,
    /// How many file ids the run was given, once that is known.
    file_ids: Option<u64>,
    /// A line is torn and cannot be cut off.
    broken: bool,
}

impl Ledger {
    /// Opens the ledger of a run, or begins it.
    pub(super) fn open(path: &Path, header: Header) -> Result<Self, LedgerError> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => return Err(LedgerError::InUse),
            // A file system without locks: the file's length tells.
            Ok(()) | Err(TryLockError::Error(_)) => {}
        }
        let mut ledger =
            Self { file, end: 0, latest: Vec::new(), task_ids: TaskIds::default(), file_ids: None, broken: false };
        ledger.scan(&header)?;
        if ledger.end == 0 {
            ledger.append(&Line::Run(header))?;
            // The file's own entry has to last as well; not every platform can sync a directory.
            let directory = path.parent().filter(|path| !path.as_os_str().is_empty());
            if let Ok(directory) = File::open(directory.unwrap_or(Path::new("."))) {
                let _ = directory.sync_all();
            }
        }
        Ok(ledger)
    }

    /// Reads all lines, recovering a last one that is torn.
    fn scan(&mut self, header: &Header) -> Result<(), LedgerError> {
        let expected = serialized(&Line::Run(header.clone()))?;
        let mut reader = BufReader::new(&self.file);
        let mut bytes = Vec::new();
        for number in 1.. {
            bytes.clear();
            let read = reader.read_until(b'\n', &mut bytes)?;
            if read == 0 {
                break;
            }
            let complete = bytes.ends_with(b"\n");
            match serde_json::from_slice(&bytes) {
                // Twice, if two runs began it at once; neither of them went on.
                Ok(Line::Run(theirs)) => theirs.compare(header)?,
                Ok(Line::Chunk(record)) if number > 1 => {
                    if let State::Accepted { task } = &record.state {
                        self.task_ids.note(task.task_id(), record.chunk);
                    }
                    let chunks = self.latest.len();
                    match usize::try_from(record.chunk) {
                        Ok(chunk) if chunk < chunks => self.latest[chunk] = self.end,
                        // Chunks are begun in their order.
                        Ok(chunk) if chunk == chunks => self.latest.push(self.end),
                        Ok(_) | Err(_) => return Err(LedgerError::Unreadable(number)),
                    }
                }
                Ok(Line::End { file_ids }) if number > 1 => self.file_ids = Some(file_ids),
                // Not even the first line is whole: nothing was sent. Any other file is not ours to cut.
                Err(_) if !complete && (number > 1 || expected.starts_with(&bytes)) => {
                    self.file.set_len(self.end)?;
                    self.file.sync_all()?;
                    break;
                }
                Ok(_) | Err(_) => return Err(LedgerError::Unreadable(number)),
            }
            self.end += read as u64;
            if !complete {
                // Whole but for its line break.
                self.write(b"\n")?;
                self.end += 1;
            }
        }
        Ok(())
    }

    /// How many chunks earlier runs came to.
    pub(super) fn chunks(&self) -> u64 {
        self.latest.len() as u64
    }

    /// How many file ids the run was given, if an earlier run came to the end.
    pub(super) fn file_ids(&self) -> Option<u64> {
        self.file_ids
    }

    /// What earlier runs know of a chunk.
    pub(super) fn latest(&self, chunk: u64) -> Result<Option<Record>, LedgerError> {
        let place = usize::try_from(chunk).ok();
        let Some(start) = place.and_then(|place| self.latest.get(place)) else {
            return Ok(None);
        };
        (&self.file).seek(SeekFrom::Start(*start))?;
        let mut bytes = Vec::with_capacity(LINE);
        BufReader::with_capacity(LINE, &self.file).read_until(b'\n', &mut bytes)?;
        match serde_json::from_slice(&bytes) {
            Ok(Line::Chunk(record)) if record.chunk == chunk => Ok(Some(record)),
            // It could be read when the ledger was opened.
            _ => Err(LedgerError::InUse),
        }
    }

    /// Writes a line that may wait, unless the ledger is used by another run. After an error, a request must not leave.
    pub(super) fn append_exclusively(&mut self, line: &Line) -> Result<(), LedgerError> {
        self.ensure_exclusive()?;
        self.append(line)
    }

    /// Writes a line, even if the ledger turns out to be used by another run: what happened must not get lost.
    pub(super) fn append(&mut self, line: &Line) -> Result<(), LedgerError> {
        if self.broken {
            return Err(io::Error::other("an earlier line could not be written whole").into());
        }
        let bytes = serialized(line)?;
        if let Err(error) = self.write(&bytes) {
            // A torn line must stay the last one; what another run has written is not ours to cut.
            let excess = self.file.metadata().map(|file| file.len().saturating_sub(self.end));
            self.broken = match excess {
                Ok(0) => false,
                Ok(torn) if torn < bytes.len() as u64 => self.file.set_len(self.end).is_err(),
                Ok(_) | Err(_) => true,
            };
            return Err(error.into());
        }
        self.end += bytes.len() as u64;
        self.file.sync_data()?;
        self.ensure_exclusive()
    }

    /// Writes at the end of the file, behind what another run may have written.
    fn write(&self, bytes: &[u8]) -> io::Result<()> {
        (&self.file).seek(SeekFrom::End(0))?;
        (&self.file).write_all(bytes)
    }

    /// If another run appended, the file is longer than what we wrote.
    fn ensure_exclusive(&self) -> Result<(), LedgerError> {
        if self.file.metadata()?.len() == self.end { Ok(()) } else { Err(LedgerError::InUse) }
    }
}

fn serialized(line: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(line)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Why a ledger is of no use.
#[derive(Debug)]
pub(super) enum LedgerError {
    Io(io::Error),
    Unreadable(usize),
    OtherRun(String),
    InUse,
}

impl LedgerError {
    /// The same, with what the ledger says as `show` gives it.
    pub(super) fn shown(self, show: impl Fn(&str) -> String) -> Self {
        match self {
            Self::OtherRun(difference) => Self::OtherRun(show(&difference)),
            Self::Io(_) | Self::Unreadable(_) | Self::InUse => self,
        }
    }

    pub(super) fn is_of_another_run(&self) -> bool {
        matches!(self, Self::OtherRun(_))
    }
}

impl From<io::Error> for LedgerError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl fmt::Display for LedgerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(_) => f.write_str("the ledger cannot be read or written"),
            Self::Unreadable(1) => f.write_str("the file is no ledger: name another one"),
            Self::Unreadable(line) => {
                write!(f, "line {line} of the ledger is damaged; restore it, since a new ledger knows of no task")
            }
            Self::OtherRun(difference) => {
                write!(
                    f,
                    "the ledger is of another run: {difference}; name another ledger, or give what that run was given"
                )
            }
            Self::InUse => f.write_str("the ledger is in use by another run; resume once that has ended"),
        }
    }
}

impl StdError for LedgerError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            Self::Unreadable(_) | Self::OtherRun(_) | Self::InUse => None,
        }
    }
}
