//! Files that outlast a power cut.

use std::{fs::File, path::Path};

/// Syncs the directory of a file, since the file's own entry has to last as well. Not every platform can do that.
pub(crate) fn sync_directory_of(path: &Path) {
    let directory = path.parent().filter(|path| !path.as_os_str().is_empty());
    if let Ok(directory) = File::open(directory.unwrap_or(Path::new("."))) {
        let _ = directory.sync_all();
    }
}
