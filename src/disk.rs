//! Operations on files: syncing their directory, exclusive access, and whether a file is still at its path.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
    path::Path,
    thread,
    time::Duration,
};

use same_file::Handle;

/// How often a lock is tried, and the wait between two attempts. A file may stay locked for a moment after its user has
/// ended: by a write that is in progress, or by a process that is just being started.
const LOCK_ATTEMPTS: u32 = 20;
const LOCK_WAIT: Duration = Duration::from_millis(50);

/// Syncs the directory of a file, so that the file's entry survives a power cut, too. Failures are ignored, because not
/// every platform can sync a directory.
pub(crate) fn sync_directory_of(path: &Path) {
    let directory = path.parent().filter(|path| !path.as_os_str().is_empty());
    if let Ok(directory) = File::open(directory.unwrap_or(Path::new("."))) {
        let _ = directory.sync_all();
    }
}

/// Locks a file. Returns false if it stays locked by another user for a second.
pub(crate) fn lock(file: &File) -> bool {
    for _ in 0..LOCK_ATTEMPTS {
        match file.try_lock() {
            // Any other error is taken to mean that the file system has no locks.
            Ok(()) | Err(TryLockError::Error(_)) => return true,
            Err(TryLockError::WouldBlock) => thread::sleep(LOCK_WAIT),
        }
    }
    false
}

/// Opens a file with exclusive access: until it is unlocked or closed, this function opens it for no other caller, but
/// others may read it. Returns `None` if another caller has opened it.
#[cfg(not(windows))]
pub(crate) fn open_alone(path: &Path, options: &mut OpenOptions) -> io::Result<Option<File>> {
    Ok(Some(options.open(path)?).filter(lock))
}

/// The same by a share mode, because a lock would keep others from reading, too. Others cannot delete or rename the
/// file.
#[cfg(windows)]
pub(crate) fn open_alone(path: &Path, options: &mut OpenOptions) -> io::Result<Option<File>> {
    const FILE_SHARE_READ: u32 = 1;
    const ERROR_SHARING_VIOLATION: i32 = 32;
    match std::os::windows::fs::OpenOptionsExt::share_mode(options, FILE_SHARE_READ).open(path) {
        Err(error) if error.raw_os_error() == Some(ERROR_SHARING_VIOLATION) => Ok(None),
        opened => opened.map(Some),
    }
}

/// Whether the file at a path is this file.
pub(crate) fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    // Only a regular file is opened, because opening a pipe would block until its other end is opened.
    let is_file = fs::metadata(path).is_ok_and(|found| found.is_file());
    let ours = Handle::from_file(file.try_clone()?)?;
    // A failure to open is no error, because the file may have been removed since.
    Ok(is_file && Handle::from_path(path).is_ok_and(|found| found == ours))
}

#[cfg(test)]
mod tests {
    use std::{env, process, thread};

    use super::*;

    #[test]
    fn file_that_comes_and_goes_is_at_its_path_or_not() {
        let path = env::temp_dir().join(format!("koodrive-share-{}.disk", process::id()));
        let file = File::create(&path).unwrap();
        let elsewhere = path.with_extension("elsewhere");
        let (there, away) = (path.clone(), elsewhere.clone());
        let moves = thread::spawn(move || {
            for _ in 0..20_000 {
                fs::rename(&there, &away).unwrap();
                fs::rename(&away, &there).unwrap();
            }
        });
        while !moves.is_finished() {
            is_at(&file, &path).unwrap();
        }
        moves.join().unwrap();
        assert!(is_at(&file, &path).unwrap());
        assert!(!is_at(&file, &elsewhere).unwrap());
        fs::remove_file(&path).unwrap();
    }
}
