//! What is in a package: its directory, of which nothing is unpacked.

use std::{cmp::Reverse, collections::HashMap, fs::File, path::Path};

use rawzip::{ErrorKind, MAX_CENTRAL_DIRECTORY_RECORD_SIZE, ZipArchive};

/// A package on the disk.
#[derive(Debug)]
#[must_use = "a package can lack files"]
#[non_exhaustive]
pub struct DownloadedPackage {
    /// Its size in bytes.
    pub bytes: u64,
    /// How many files it holds, directories not counted.
    pub files: u64,
    /// How many of the expected files it lacks at least, 0 if all are there or nothing was expected. The vendor's
    /// moderation can leave files out of a task that succeeded: ask the vendor, or share them anew.
    pub missing: u64,
    /// The [expected names](crate::Download::expect_names) that it lacks, sorted. If it holds names that are no UTF-8, some
    /// of these may be there under such a name, and [`missing`](Self::missing) counts fewer.
    pub missing_names: Vec<String>,
}

/// What a package should hold, and what of it was found.
#[derive(Clone, Debug, Default)]
pub(super) struct Expected {
    /// How many files and directories at least.
    pub(super) entries: u64,
    /// Whether the storage has stated the length, so that what came is whole.
    pub(super) is_length_known: bool,
    /// The names that were not found, by their last part: nobody knows whether the service keeps directories.
    names: HashMap<String, Vec<String>>,
    found_files: u64,
    found_entries: u64,
    unreadable: u64,
}

impl Expected {
    /// Sets the names: paths or the ends of paths; those of directories end with a slash.
    pub(super) fn set_names(&mut self, mut names: Vec<String>) {
        // The longest first: `d/a` is found as such before it is found as any `a`.
        names.sort_unstable_by_key(|name| Reverse(name.len()));
        self.names.clear();
        for name in names {
            self.names.entry(last_part(&name).to_owned()).or_default().push(name);
        }
    }

    /// Compares the directory of a zip with what was expected.
    pub(super) fn compare(mut self, zip: File, bytes: u64) -> Result<DownloadedPackage, rawzip::Error> {
        let mut buffer = vec![0; MAX_CENTRAL_DIRECTORY_RECORD_SIZE];
        let archive = ZipArchive::from_file(zip, &mut buffer)?;
        let mut entries = archive.entries(&mut buffer);
        let mut start = archive.eocd_offset();
        while let Some(entry) = entries.next_entry()? {
            start = start.min(entry.local_header_offset());
            self.add(entry.file_path().as_bytes());
        }
        // What breaks off may end within a zip, or behind one, that is a file of the package.
        if !self.is_length_known && (start > 0 || archive.end_offset() < bytes) {
            return Err(ErrorKind::Eof.into());
        }
        Ok(self.finish(bytes))
    }

    fn add(&mut self, path: &[u8]) {
        self.found_entries += 1;
        self.found_files += u64::from(!path.ends_with(b"/"));
        let Ok(path) = str::from_utf8(path) else {
            self.unreadable += 1;
            return;
        };
        for (slash, _) in path.match_indices('/') {
            self.find(&path[..=slash]);
        }
        if !path.ends_with('/') {
            self.find(path);
        }
    }

    /// Strikes out an expected name that the path ends with; for a file, else any with the same last part. Not so for a
    /// directory: many paths go through it, and each would strike out another.
    fn find(&mut self, path: &str) {
        if let Some(names) = self.names.get_mut(last_part(path)) {
            let same = names.iter().position(|name| Path::new(path).ends_with(name));
            if let Some(place) = same.or((!path.ends_with('/') && !names.is_empty()).then_some(0)) {
                names.remove(place);
            }
        }
    }

    fn finish(self, bytes: u64) -> DownloadedPackage {
        let mut missing_names: Vec<String> = self.names.into_values().flatten().collect();
        missing_names.sort_unstable();
        let not_found = (missing_names.len() as u64).saturating_sub(self.unreadable);
        let missing = not_found.max(self.entries.saturating_sub(self.found_entries));
        if missing == 0 {
            // They may be there, under names that cannot be read.
            missing_names.clear();
        }
        DownloadedPackage { bytes, files: self.found_files, missing, missing_names }
    }
}

/// The name of a file or of a directory without those above it, a slash at its end included.
fn last_part(path: &str) -> &str {
    let start = path.strip_suffix('/').unwrap_or(path).rfind('/').map_or(0, |slash| slash + 1);
    &path[start..]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Entries and names that are expected, the entries of the zip, and what is missing of them.
    type Case<'a> = (u64, &'a [&'a str], &'a [&'a [u8]], u64, &'a [&'a str]);

    #[test]
    fn files_are_missed_by_number_and_by_name() {
        let cases: &[Case] = &[
            (0, &[], &[b"a"], 0, &[]),
            (3, &[], &[b"a", b"d/", b"d/b"], 0, &[]),
            (4, &[], &[b"a", b"d/", b"d/b"], 1, &[]),
            (0, &["a", "b"], &[b"a", b"b"], 0, &[]),
            (0, &["a", "b", "c"], &[b"a"], 2, &["b", "c"]),
            // In a directory of the service's own.
            (0, &["a", "d/b"], &[b"all/a", b"all/d/b"], 0, &[]),
            (0, &["a"], &[b"../a"], 0, &[]),
            (0, &["a"], &[b"ba", b"a/b"], 1, &["a"]),
            // A directory is there if anything is in it, or by its own entry.
            (0, &["d/"], &[b"d/a"], 0, &[]),
            (0, &["d/"], &[b"all/d/"], 0, &[]),
            (0, &["d/", "e/"], &[b"d/a", b"e"], 1, &["e/"]),
            (0, &["e/d/"], &[b"xe/d/a"], 1, &["e/d/"]),
            // Another file with the same name may be the one that is there.
            (3, &["a", "b"], &[b"a", b"b"], 1, &[]),
            // A name that cannot be read may be any.
            (0, &["a"], &[b"\xff"], 0, &[]),
            (0, &["a", "b"], &[b"\xff"], 1, &["a", "b"]),
            (0, &["a"], &[b"", b"/", b"//"], 1, &["a"]),
            // Alike in two directories, which the package keeps or not.
            (0, &["d/a", "e/a"], &[b"d/a", b"e/a"], 0, &[]),
            (0, &["d/a", "e/a"], &[b"a", b"a"], 0, &[]),
            (0, &["d/a", "e/a"], &[b"e/a"], 1, &["d/a"]),
            (0, &["a", "d/a"], &[b"all/d/a"], 1, &["a"]),
        ];
        for (expected_entries, names, entries, missing, missing_names) in cases {
            let mut expected = Expected { entries: *expected_entries, ..Expected::default() };
            expected.set_names(names.iter().map(|name| (*name).to_owned()).collect());
            entries.iter().for_each(|path| expected.add(path));
            let contents = expected.finish(0);
            let found = (contents.missing, contents.missing_names);
            let expected = (*missing, missing_names.iter().map(|name| (*name).to_owned()).collect());
            assert_eq!(found, expected, "{expected_entries} {entries:?}");
        }
    }
}
