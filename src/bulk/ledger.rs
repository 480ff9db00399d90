//! The ledger: a file that records the result of each chunk.
//!
//! It holds JSON lines, each written in one piece and synced. The first line is `run`. Each chunk has one line before
//! its request is sent and one after its reply; the last line of a chunk counts. An `end` line is written once all ids
//! have been read.

pub(crate) mod error;
pub(crate) mod line;

use std::{
    cmp::Ordering,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, BufRead, BufReader, Seek, SeekFrom, Write},
    ops::Range,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use self::{error::LedgerError, line::Settlement};
use super::{item::BulkReport, task_ids::TaskIds};
use crate::{
    disk::{is_at, open_alone, sync_directory_of},
    rules,
    share_task::MAX_FILE_IDS,
    validation::Violations,
};

pub(super) use self::error::LedgerFault;
pub(super) use self::line::{Header, LedgerChunk, Line, State, digest};

/// The maximum length of a line in bytes.
const MAX_LINE: usize = 1 << 20;

/// A line that makes every later run fail, because lines before it are lost.
const TRUNCATED: &[u8] = b"{\"truncated\":\"restore the lines before this one\"}\n";

/// A ledger of bulk runs, which records the result of each chunk.
///
/// [`BulkPolicy::ledger`](crate::BulkPolicy::ledger) sets the path of a run's ledger; another run with the same path
/// resumes that run. This type reads the file, and settles chunks whose outcome is unknown.
///
/// ```no_run
/// # use koodrive_share::{Ledger, Settlement};
/// let ledger = Ledger::read("dump.ledger")?;
/// println!("{}", ledger.report()?);
/// for chunk in ledger.chunks() {
///     let chunk = chunk?;
///     if !chunk.unsettled().is_empty() {
///         println!("ids {:?}: look for trace ids {:?}", chunk.range(), chunk.unsettled());
///     }
/// }
/// // Once its owner has looked:
/// Ledger::settle("dump.ledger", 2_000..3_000, Settlement::Made("1689765568237837824".to_owned()))?;
/// # Ok::<(), koodrive_share::LedgerError>(())
/// ```
///
/// A ledger takes at most 16 bytes of memory for each chunk, and about 30 more for each task. Its methods block on the
/// disk.
#[derive(Debug)]
pub struct Ledger {
    /// The file, which a run has locked if the file system has locks.
    file: File,
    path: PathBuf,
    /// Guards the position in the file, which all reads share.
    read_lock: Mutex<()>,
    /// The length of the file, unless another process has written to it.
    end: u64,
    header: Option<Header>,
    /// The offset of each chunk's last line, for the chunks of earlier runs.
    offsets: Vec<u64>,
    /// The tasks of earlier runs.
    pub(super) task_ids: TaskIds,
    /// The number of file ids in the run, once it is known.
    file_ids: Option<u64>,
    /// Whether the last line is incomplete and could not be removed.
    has_torn_line: bool,
}

/// Closing the file may not release the lock: a child process has a copy of the open file until it executes its
/// program.
impl Drop for Ledger {
    fn drop(&mut self) {
        let _ = self.file.unlock();
    }
}

impl Ledger {
    /// Reads a ledger and changes nothing. While a run [uses it](Self::is_in_use), a chunk whose request is in flight
    /// counts as unknown, too: wait for the run's end before you look for its task.
    ///
    /// # Errors
    ///
    /// Returns an error if the file cannot be read, is not a ledger, or is damaged.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, LedgerError> {
        let mut ledger = Self::open_file(path.as_ref(), |path| File::open(path).map(Some))?;
        ledger.scan(None, false)?;
        Ok(ledger)
    }

    /// Whether a run uses the ledger at this moment. Returns false if the file system has no locks.
    pub fn is_in_use(&self) -> bool {
        if cfg!(windows) {
            return matches!(open_alone(&self.path, OpenOptions::new().read(true)), Ok(None));
        }
        let lock = self.file.try_lock_shared();
        let _ = self.file.unlock();
        matches!(lock, Err(TryLockError::WouldBlock))
    }

    /// Returns the number of file ids in the run, if a run has read all of them.
    pub fn file_ids(&self) -> Option<u64> {
        self.file_ids
    }

    /// Returns what is known of each chunk, in the order of the ids. The chunks are read from the file one by one.
    ///
    /// # Errors
    ///
    /// An item is an error if the file can no longer be read.
    pub fn chunks(&self) -> impl Iterator<Item = Result<LedgerChunk, LedgerError>> {
        (0..self.offsets.len() as u64).filter_map(|chunk| self.latest(chunk).map_err(LedgerError::from).transpose())
    }

    /// Returns a report of all chunks. Every known task counts as created, whichever run created it. A chunk that was
    /// sent without a recorded result counts as unknown.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`chunks`](Self::chunks).
    pub fn report(&self) -> Result<BulkReport, LedgerError> {
        let mut report = BulkReport::default();
        for chunk in self.chunks() {
            let chunk = chunk?;
            report.add(chunk.outcome(), false, chunk.range().end);
        }
        Ok(report)
    }

    /// Settles a chunk whose outcome is unknown, after its owner has checked whether a task was created.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`read`](Self::read), an error if a run uses the ledger, or the broken rules:
    /// `unknown-chunk`, `not-empty`, `task-of-chunk`.
    pub fn settle(path: impl AsRef<Path>, range: Range<u64>, settlement: Settlement) -> Result<(), LedgerError> {
        let mut ledger = Self::lock(path.as_ref(), false)?;
        ledger.scan(None, true)?;
        let index = range.start / MAX_FILE_IDS as u64;
        let chunk = ledger.latest(index)?.filter(|chunk| chunk.range() == range && !chunk.unsettled().is_empty());
        let mut violations = Violations::default();
        if chunk.is_none() {
            violations
                .add(rules::UNKNOWN_CHUNK.at("range").given(format!("{range:?}")).advise("take one from the ledger"));
        }
        if let Settlement::Made(task_id) = &settlement {
            if !ledger.task_ids.note(task_id, index) {
                let advice = "give the one whose files are those of this chunk";
                violations.add(rules::TASK_OF_CHUNK.at("task_id").given(format!("{task_id:?}")).advise(advice));
            }
            violations.not_empty("task_id", task_id.as_str(), "give the id of the task that was found");
        }
        let (header, chunk) =
            violations.into_result_with(ledger.header.clone().zip(chunk)).map_err(LedgerFault::from)?;
        let line = Line::Chunk(chunk.settled(&header, settlement));
        Ok(ledger.append_exclusively(&line)?)
    }

    /// Opens the ledger of a run, or creates it. An error shows none of the `secrets`.
    pub(super) fn begin_or_resume(path: &Path, header: Header, secrets: &[&str]) -> Result<Self, LedgerFault> {
        let mut ledger = Self::lock(path, true)?;
        ledger.scan(Some((&header, secrets)), true)?;
        if ledger.end == 0 {
            ledger.append(&Line::Run(header))?;
            sync_directory_of(path);
        }
        Ok(ledger)
    }

    fn lock(path: &Path, create: bool) -> Result<Self, LedgerFault> {
        let mut options = OpenOptions::new();
        // On Unix, only the owner may access a new file; elsewhere the directory's rights apply. On a file system
        // without locks, append mode keeps two runs from overwriting each other's lines, so that the file's length
        // shows the other run. Windows cannot truncate a file in append mode.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(options.append(true), 0o600);
        options.read(true).write(true).create(create).truncate(false);
        Self::open_file(path, |path| open_alone(path, &mut options))
    }

    fn open_file(path: &Path, open: impl FnOnce(&Path) -> io::Result<Option<File>>) -> Result<Self, LedgerFault> {
        // This is checked before the file is opened, because opening a pipe would block until its other end is opened.
        if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
            return Err(LedgerFault::NoFile);
        }
        let file = open(path)?.ok_or(LedgerFault::InUse)?;
        Ok(Self {
            file,
            path: path.to_owned(),
            read_lock: Mutex::default(),
            end: 0,
            header: None,
            offsets: Vec::new(),
            task_ids: TaskIds::default(),
            file_ids: None,
            has_torn_line: false,
        })
    }

    /// Reads all lines. An incomplete last line is removed from the file if `repair` is set, otherwise it is ignored.
    /// `run` holds the header of the run that resumes the ledger, and the secrets that an error must not show.
    fn scan(&mut self, run: Option<(&Header, &[&str])>, repair: bool) -> Result<(), LedgerFault> {
        let expected = run.map(|(header, _)| serialized(&Line::Run(header.clone()))).transpose()?.unwrap_or_default();
        let mut reader = BufReader::new(self.file.try_clone()?);
        for number in 1.. {
            let bytes = read_line(&mut reader)?;
            if bytes.is_empty() {
                break;
            }
            let is_torn = !bytes.ends_with(b"\n") && bytes.len() < MAX_LINE;
            let is_in_place = match serde_json::from_slice(&bytes) {
                // The header comes twice if two runs began the ledger at once. Neither of them went on.
                Ok(Line::Run(header)) => {
                    if let Some((own, secrets)) = run {
                        header.compare(own, secrets)?;
                    }
                    self.header = Some(header);
                    true
                }
                Ok(Line::Chunk(record)) => number > 1 && self.note(&record),
                Ok(Line::End { file_ids }) => {
                    self.file_ids = Some(file_ids);
                    number > 1
                }
                // An incomplete line. As the first line, it must be the beginning of the header: any other file must
                // not be changed.
                Err(_) if is_torn && (number > 1 || expected.starts_with(&bytes)) => {
                    if repair {
                        self.file.set_len(self.end)?;
                        self.file.sync_all()?;
                    }
                    break;
                }
                Err(_) => false,
            };
            if !is_in_place {
                return Err(if number == 1 { LedgerFault::Unreadable } else { LedgerFault::Damaged(number) });
            }
            self.end += bytes.len() as u64;
            if is_torn {
                // The line lacks only its line break, which a run may be about to write.
                if repair {
                    self.write(b"\n")?;
                    self.end += 1;
                }
                break;
            }
        }
        Ok(())
    }

    /// Records a line that begins at `self.end`. Returns false if chunks are missing before it.
    fn note(&mut self, record: &LedgerChunk) -> bool {
        let index = record.index;
        if let Some(task) = record.task() {
            self.task_ids.note(task.task_id(), index);
        }
        if index == self.offsets.len() as u64 {
            self.offsets.push(self.end);
        }
        let Some(offset) = self.offsets.get_mut(position(index)) else { return false };
        *offset = self.end;
        true
    }

    /// Returns what earlier runs know of a chunk. It is an error if its ids differ from those of the earlier runs.
    pub(super) fn look_up(&self, chunk: &LedgerChunk) -> Result<Option<LedgerChunk>, LedgerFault> {
        let range = chunk.range();
        let difference = match self.latest(chunk.index)? {
            Some(earlier) if earlier.range() != range || earlier.file_ids_sha256 != chunk.file_ids_sha256 => {
                format!("file ids {range:?} are not those that the ledger's run was given")
            }
            None if self.file_ids.is_some_and(|all| range.start >= all) => {
                "there are more file ids than the ledger's run was given".to_owned()
            }
            earlier => return Ok(earlier),
        };
        Err(LedgerFault::OtherRun(difference))
    }

    /// Compares the number of file ids with that of earlier runs, and records it.
    pub(super) fn finish(&mut self, file_ids: u64) -> Result<(), LedgerFault> {
        let chunks = file_ids.div_ceil(MAX_FILE_IDS as u64);
        if self.offsets.len() as u64 > chunks || self.file_ids.is_some_and(|all| all > file_ids) {
            return Err(LedgerFault::OtherRun("there are fewer file ids than the ledger's run was given".to_owned()));
        }
        if self.file_ids.is_none() && file_ids > 0 {
            self.append_exclusively(&Line::End { file_ids })?;
        }
        Ok(())
    }

    /// Returns what earlier runs know of a chunk.
    fn latest(&self, chunk: u64) -> Result<Option<LedgerChunk>, LedgerFault> {
        let Some(start) = self.offsets.get(position(chunk)) else { return Ok(None) };
        let _guard = self.read_lock.lock().unwrap_or_else(PoisonError::into_inner);
        (&self.file).seek(SeekFrom::Start(*start))?;
        match serde_json::from_slice(&read_line(BufReader::new(&self.file))?) {
            Ok(Line::Chunk(record)) if record.index == chunk => Ok(Some(record)),
            // The line was valid when the ledger was opened.
            _ => Err(LedgerFault::Lost("changed")),
        }
    }

    /// Writes a line, unless another run uses the ledger. After an error, no request must be sent.
    pub(super) fn append_exclusively(&mut self, line: &Line) -> Result<(), LedgerFault> {
        self.ensure_exclusive()?;
        self.append(line)
    }

    /// Writes a line, even if another run uses the ledger, because the result of a request must not be lost. The use by
    /// another run is still an error.
    pub(super) fn append(&mut self, line: &Line) -> Result<(), LedgerFault> {
        if self.has_torn_line {
            return Err(io::Error::other("an earlier line could not be written whole").into());
        }
        let bytes = serialized(line)?;
        if let Err(error) = self.write(&bytes) {
            // An incomplete line must remain the last one. It is not removed if another run may have written after it.
            let torn = self.file.metadata().map_or(u64::MAX, |file| file.len().saturating_sub(self.end));
            let is_ours = torn < bytes.len() as u64;
            self.has_torn_line = torn > 0 && !(is_ours && self.file.set_len(self.end).is_ok());
            return Err(error.into());
        }
        self.end += bytes.len() as u64;
        self.file.sync_data()?;
        self.ensure_exclusive()
    }

    /// Writes at the end of the file, after any lines of another run.
    fn write(&self, bytes: &[u8]) -> io::Result<()> {
        (&self.file).seek(SeekFrom::End(0))?;
        (&self.file).write_all(bytes)
    }

    /// Checks that the file is still at its path and as long as this run has made it. If another run appended, it is
    /// longer.
    fn ensure_exclusive(&self) -> Result<(), LedgerFault> {
        if !is_at(&self.file, &self.path)? {
            return Err(LedgerFault::Lost("deleted or replaced"));
        }
        match self.file.metadata()?.len().cmp(&self.end) {
            Ordering::Less => {
                // The next run must not take the remaining lines for the whole ledger.
                let _ = self.write(TRUNCATED);
                Err(LedgerFault::Lost("truncated"))
            }
            Ordering::Equal => Ok(()),
            Ordering::Greater => Err(LedgerFault::InUse),
        }
    }
}

/// Returns the index of a chunk. A chunk beyond the address space gets an index that no chunk can have.
fn position(chunk: u64) -> usize {
    usize::try_from(chunk).unwrap_or(usize::MAX)
}

/// Reads the next line, up to the maximum length.
fn read_line(reader: impl BufRead) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    reader.take(MAX_LINE as u64).read_until(b'\n', &mut line)?;
    Ok(line)
}

fn serialized(line: &Line) -> io::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(line)?;
    bytes.push(b'\n');
    if bytes.len() > MAX_LINE { Err(io::Error::other("a line is too long")) } else { Ok(bytes) }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::{env, process};

    use super::*;

    #[test]
    fn lines_of_two_runs_that_write_at_once_stand_one_after_the_other() {
        let path = env::temp_dir().join(format!("koodrive-share-{}.ledger", process::id()));
        // Both have found the end before either of them writes.
        let [first, second] = [(); 2].map(|()| {
            let ledger = Ledger::lock(&path, true).unwrap();
            ledger.file.unlock().unwrap();
            (&ledger.file).seek(SeekFrom::End(0)).unwrap();
            ledger
        });
        (&first.file).write_all(b"first\n").unwrap();
        (&second.file).write_all(b"other\n").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"first\nother\n");
        fs::remove_file(&path).unwrap();
    }

    /// A child process has such a copy until it executes its program.
    #[test]
    fn a_copy_of_the_open_file_does_not_keep_a_ledger_in_use() {
        let path = env::temp_dir().join(format!("koodrive-share-{}-copied.ledger", process::id()));
        let ledger = Ledger::lock(&path, true).unwrap();
        let _copy = ledger.file.try_clone().unwrap();
        assert!(matches!(Ledger::lock(&path, false), Err(LedgerFault::InUse)));
        drop(ledger);
        Ledger::lock(&path, false).unwrap();
        fs::remove_file(&path).unwrap();
    }
}
