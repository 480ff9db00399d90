//! Files that outlast a power cut, and whether one is still at its path.

use std::{
    fs::{self, File},
    io,
    path::Path,
};

/// Syncs the directory of a file, since the file's own entry has to last as well. Not every platform can do that.
pub(crate) fn sync_directory_of(path: &Path) {
    let directory = path.parent().filter(|path| !path.as_os_str().is_empty());
    if let Ok(directory) = File::open(directory.unwrap_or(Path::new("."))) {
        let _ = directory.sync_all();
    }
}

/// Whether the file at a path is this one, which is locked.
pub(crate) fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    #[cfg(unix)]
    let is_same = {
        use std::os::unix::fs::MetadataExt;
        let place = |file: fs::Metadata| (file.dev(), file.ino());
        let own = place(file.metadata()?);
        fs::metadata(path).map(|found| place(found) == own)
    };
    // Another file can be locked.
    #[cfg(not(unix))]
    let is_same = File::open(path).map(|found| found.try_lock().is_err());
    match is_same {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        is_same => is_same,
    }
}
