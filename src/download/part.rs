//! The file that a package is written to until it is complete.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io::{self, SeekFrom},
    path::{Path, PathBuf},
};

use http::HeaderValue;
use rawzip::ErrorKind;
use tokio::{
    io::{AsyncSeekExt, AsyncWriteExt},
    task::spawn_blocking,
};

use super::{
    contents::{DownloadedPackage, Expected},
    error::DownloadFault,
    progress::DownloadProgress,
    response::{Body, Resume, is_strong},
};
use crate::{
    disk::{is_at, lock, sync_directory_of},
    runtime::run_blocking,
};

/// An open part file, `photos.zip.part`. It is locked where the file system has locks.
#[derive(Debug)]
pub(super) struct Part {
    file: tokio::fs::File,
    paths: Paths,
    /// The source of the package. A validator tells versions of one package apart, but not two packages.
    source: String,
    pub(super) progress: DownloadProgress,
    /// The most bytes received of this package. None until a response shows whether the part file's bytes belong to it.
    pub(super) furthest: Option<u64>,
    /// The strong validator of the part file's bytes.
    pub(super) etag: Option<HeaderValue>,
}

#[derive(Debug)]
struct Paths {
    target: PathBuf,
    part: PathBuf,
    /// The file with the validator and the source, a line each, so that another process can resume.
    etag: PathBuf,
    /// Whether a file at the target may be replaced.
    overwrite: bool,
}

impl Part {
    /// Opens the part file of a target, or creates one. Bytes of another source are not resumed. Blocks on the disk and
    /// on the lock.
    pub(super) fn open(target: &Path, overwrite: bool, source: String) -> Result<Self, DownloadFault> {
        let name = target.file_name().unwrap_or_default();
        let beside = |end: &str| target.with_file_name([name, end.as_ref()].into_iter().collect::<OsString>());
        let paths = Paths { target: target.to_owned(), part: beside(".part"), etag: beside(".part.etag"), overwrite };
        let file = paths.open()?;
        let progress = DownloadProgress { received: file.metadata()?.len(), total: None };
        let etag = fs::read(&paths.etag).ok().and_then(|record| etag_of(&record, &source));
        Ok(Self { file: file.into(), paths, source, progress, furthest: None, etag })
    }

    /// Returns the range to request, if the part file can be resumed. It begins with the last byte, so that it is not
    /// empty even if all bytes were received.
    pub(super) fn resume(&self) -> Option<Resume> {
        Some(Resume { from: self.progress.received.checked_sub(1)?, etag: self.etag.clone()? })
    }

    /// Prepares the part file for a body. Keeps its bytes if the body continues them; otherwise empties it and stores
    /// the new validator.
    pub(super) async fn start(&mut self, body: Body) -> io::Result<()> {
        let Body { from, total, etag } = body;
        self.progress.total = total;
        if from == 0 {
            self.progress.received = 0;
            // The bytes are removed before the validator is replaced, so that they never have that of another package.
            self.file.set_len(0).await?;
            let record = etag.as_ref().map(|etag| [etag.as_bytes(), b"\n", self.source.as_bytes(), b"\n"].concat());
            tokio::fs::write(&self.paths.etag, record.unwrap_or_default()).await?;
            self.etag = etag;
        }
        self.furthest.get_or_insert(self.progress.received);
        self.file.seek(SeekFrom::Start(self.progress.received)).await?;
        Ok(())
    }

    /// Writes bytes. Tokio writes them in the background, so an error may be that of an earlier call.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes).await?;
        self.progress.received += bytes.len() as u64;
        Ok(())
    }

    pub(super) async fn flush(&mut self) -> io::Result<()> {
        self.file.flush().await
    }

    /// Removes the part file if it has no bytes of the package.
    pub(super) async fn discard_if_empty(self) {
        if self.progress.received == 0 {
            let _ = spawn_blocking(move || self.discard()).await;
        }
    }

    /// Takes self by value, so that the lock is held until the file is removed.
    fn discard(self) {
        self.paths.discard();
    }

    /// Completes the package: syncs the file, reads the zip's directory, and moves the file to its target. Removes the
    /// file instead if it is not a complete zip.
    pub(super) async fn finish(self, expected: Expected) -> Result<DownloadedPackage, DownloadFault> {
        let Self { file, paths, progress, .. } = self;
        let file = file.into_std().await;
        run_blocking(move || {
            file.sync_all()?;
            // The zip is read by a second handle, because the lock lasts as long as this one.
            let package = expected.compare(file.try_clone()?, progress).map_err(|error| {
                // An invalid offset is one that the zip states, and not a fault of the disk.
                if matches!(error.kind(), ErrorKind::IO(cause) if cause.kind() != io::ErrorKind::InvalidInput) {
                    return DownloadFault::Disk(io::Error::other(error));
                }
                paths.discard();
                DownloadFault::NotZip(error)
            })?;
            paths.publish()?;
            Ok(package)
        })
        .await
    }
}

impl Paths {
    /// Opens the part file, or creates one, and locks it.
    fn open(&self) -> Result<File, DownloadFault> {
        loop {
            self.check_target()?;
            let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&self.part)?;
            if !lock(&file) {
                return Err(DownloadFault::InUse);
            }
            if self.is_part_alone(&file)? {
                return Ok(file);
            }
            // A process that died while it published the file left one complete package under both names. Writing to
            // the part file would overwrite the target.
            fs::remove_file(&self.part)?;
        }
    }

    /// Whether a locked file is the part file alone, and not the target as well.
    fn is_part_alone(&self, file: &File) -> Result<bool, DownloadFault> {
        // Another download may have held the lock until it ended. Then the file that was opened has become its target.
        self.check_target()?;
        if !is_at(file, &self.part)? {
            return Err(DownloadFault::InUse);
        }
        Ok(self.target.is_symlink() || !is_at(file, &self.target)?)
    }

    fn check_target(&self) -> Result<(), DownloadFault> {
        let is_taken = fs::symlink_metadata(&self.target).is_ok_and(|target| target.is_dir() || !self.overwrite);
        if is_taken { Err(DownloadFault::Exists(self.target.clone())) } else { Ok(()) }
    }

    fn publish(&self) -> Result<(), DownloadFault> {
        let published = if self.overwrite { fs::rename(&self.part, &self.target) } else { self.publish_new() };
        published.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => DownloadFault::Exists(self.target.clone()),
            _ => error.into(),
        })?;
        let _ = fs::remove_file(&self.etag);
        sync_directory_of(&self.target);
        Ok(())
    }

    /// Moves the part file to the target, unless a file exists there by now.
    fn publish_new(&self) -> io::Result<()> {
        if fs::hard_link(&self.part, &self.target).is_ok() {
            let _ = fs::remove_file(&self.part);
            return Ok(());
        }
        // On a file system without hard links, an empty file reserves the name first.
        File::create_new(&self.target)?;
        fs::rename(&self.part, &self.target).inspect_err(|_| drop(fs::remove_file(&self.target)))
    }

    fn discard(&self) {
        let _ = fs::remove_file(&self.etag);
        let _ = fs::remove_file(&self.part);
    }
}

/// Returns the validator in a record, if the record has this source.
fn etag_of(record: &[u8], source: &str) -> Option<HeaderValue> {
    let etag = record.strip_suffix(b"\n")?.strip_suffix(source.as_bytes())?.strip_suffix(b"\n")?;
    HeaderValue::from_bytes(etag).ok().filter(is_strong)
}

#[cfg(test)]
mod tests {
    use std::{env, fs::TryLockError, sync::mpsc};

    use futures_util::FutureExt;

    use super::*;

    const TASK: &str = "task 7001 at https://koodrive.example.com";

    /// Returns a target in an empty directory for one test.
    fn target(test: &str) -> PathBuf {
        let directory = env::temp_dir().join(format!("koodrive-share-{}-{test}", std::process::id()));
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(&directory).unwrap();
        directory.join("photos.zip")
    }

    fn part_of(target: &Path) -> PathBuf {
        target.with_file_name("photos.zip.part")
    }

    fn remove_directory_of(target: &Path) {
        fs::remove_dir_all(target.parent().unwrap()).unwrap();
    }

    #[tokio::test]
    async fn a_part_whose_directory_cannot_be_read_stays() {
        let target = target("unreadable");
        let mut part = Part::open(&target, false, TASK.to_owned()).unwrap();
        part.write(b"what has come").await.unwrap();
        part.flush().await.unwrap();
        // The file can be written, but not read.
        part.file = OpenOptions::new().write(true).open(part_of(&target)).unwrap().into();
        let error = part.finish(Expected::default()).await.unwrap_err();
        assert!(matches!(error, DownloadFault::Disk(_)), "{error:?}");
        assert_eq!(fs::read(part_of(&target)).unwrap(), b"what has come");
        remove_directory_of(&target);
    }

    #[tokio::test]
    async fn a_part_that_cannot_begin_anew_is_not_left_empty() {
        let target = target("anew");
        fs::write(part_of(&target), "of another package").unwrap();
        fs::create_dir(target.with_file_name("photos.zip.part.etag")).unwrap();
        let mut part = Part::open(&target, false, TASK.to_owned()).unwrap();
        part.start(Body { from: 0, total: None, etag: None }).await.unwrap_err();
        part.discard_if_empty().await;
        assert!(!part_of(&target).exists());
        remove_directory_of(&target);
    }

    #[test]
    fn an_empty_part_is_locked_until_it_is_gone_whatever_becomes_of_its_download() {
        let target = target("gone");
        let part = Part::open(&target, false, TASK.to_owned()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).build().unwrap();
        runtime.block_on(async {
            let (end, busy) = mpsc::channel::<()>();
            let busy = spawn_blocking(move || busy.recv());
            // The future is dropped before the thread that removes the file is free.
            assert!(part.discard_if_empty().now_or_never().is_none());
            let next = File::open(part_of(&target)).unwrap();
            assert!(matches!(next.try_lock(), Err(TryLockError::WouldBlock)));
            drop(end);
            busy.await.unwrap().unwrap_err();
            spawn_blocking(|| {}).await.unwrap();
            assert!(!part_of(&target).exists() && next.try_lock().is_ok());
        });
        remove_directory_of(&target);
    }

    #[test]
    fn a_part_that_cannot_be_renamed_leaves_nothing_at_the_target() {
        let target = target("unnamed");
        let paths = Part::open(&target, false, TASK.to_owned()).unwrap().paths;
        fs::remove_file(part_of(&target)).unwrap();
        let error = paths.publish().unwrap_err();
        assert!(matches!(error, DownloadFault::Disk(_)), "{error:?}");
        assert!(!target.exists());
        remove_directory_of(&target);
    }

    #[test]
    fn a_part_that_became_the_target_before_it_was_locked_is_left_alone() {
        let target = target("third");
        let first = Part::open(&target, true, TASK.to_owned()).unwrap();
        let second = File::open(part_of(&target)).unwrap();
        // The first download ends while the second waits for the lock.
        fs::rename(part_of(&target), &target).unwrap();
        fs::write(part_of(&target), "of a third one").unwrap();
        let error = first.paths.is_part_alone(&second).unwrap_err();
        assert!(matches!(error, DownloadFault::InUse), "{error:?}");
        remove_directory_of(&target);
    }

    #[test]
    fn a_record_of_another_source_or_without_one_has_no_validator() {
        let cases = [
            ("\"a\"\ntask 7001 at https://koodrive.example.com\n", true),
            ("\"a\"\ntask 7002 at https://koodrive.example.com\n", false),
            ("\"a\"\ntask 7001 at https://elsewhere.example.com\n", false),
            ("W/\"a\"\ntask 7001 at https://koodrive.example.com\n", false),
            // An earlier version wrote such records, or the write of a record was interrupted.
            ("\"a\"", false),
            ("\"a\"\n", false),
            ("\"a\"\ntask 7001 at https://koodrive.example.com", false),
            ("", false),
        ];
        for (record, is_resumed) in cases {
            let expected = is_resumed.then(|| HeaderValue::from_static("\"a\""));
            assert_eq!(etag_of(record.as_bytes(), TASK), expected, "{record:?}");
        }
    }
}
