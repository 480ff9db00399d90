//! Files that outlast a power cut, that one process alone writes to, and whether one is still at its path.

use std::{
    fs::{self, File, OpenOptions},
    io,
    path::Path,
};

use same_file::Handle;

/// Syncs the directory of a file, since the file's own entry has to last as well. Not every platform can do that.
pub(crate) fn sync_directory_of(path: &Path) {
    let directory = path.parent().filter(|path| !path.as_os_str().is_empty());
    if let Ok(directory) = File::open(directory.unwrap_or(Path::new("."))) {
        let _ = directory.sync_all();
    }
}

/// Opens a file that others may read, and that nobody else may open by this function until it is closed. Nothing if
/// somebody has.
#[cfg(not(windows))]
pub(crate) fn open_alone(path: &Path, options: &mut OpenOptions) -> io::Result<Option<File>> {
    // A file system without locks has none to respect.
    let is_free = |file: &File| !matches!(file.try_lock(), Err(fs::TryLockError::WouldBlock));
    Ok(Some(options.open(path)?).filter(is_free))
}

/// The same without a lock, which would keep others from reading, too. Nor can they delete or rename the file.
#[cfg(windows)]
pub(crate) fn open_alone(path: &Path, options: &mut OpenOptions) -> io::Result<Option<File>> {
    const FILE_SHARE_READ: u32 = 1;
    const ERROR_SHARING_VIOLATION: i32 = 32;
    match std::os::windows::fs::OpenOptionsExt::share_mode(options, FILE_SHARE_READ).open(path) {
        Err(error) if error.raw_os_error() == Some(ERROR_SHARING_VIOLATION) => Ok(None),
        opened => opened.map(Some),
    }
}

/// Whether the file at a path is this one.
pub(crate) fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    // What is no file may wait for its other end when it is opened.
    let is_file = fs::metadata(path).is_ok_and(|found| found.is_file());
    let ours = Handle::from_file(file.try_clone()?)?;
    // It may have gone since.
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
