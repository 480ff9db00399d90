//! What is in a package: its directory, of which nothing is unpacked.

use std::{cmp::Reverse, fs::File};

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

/// What a package should hold.
#[derive(Clone, Debug, Default)]
pub(super) struct Expected {
    /// How many files and directories at least.
    pub(super) entries: usize,
    /// Whether the storage has stated the length, so that what came is whole.
    pub(super) is_length_known: bool,
    /// Paths or the ends of paths; those of directories end with a slash.
    pub(super) names: Vec<String>,
}

impl Expected {
    /// Compares the directory of a zip with what was expected.
    pub(super) fn compare(self, zip: File, bytes: u64) -> Result<DownloadedPackage, rawzip::Error> {
        let mut buffer = vec![0; MAX_CENTRAL_DIRECTORY_RECORD_SIZE];
        let archive = ZipArchive::from_file(zip, &mut buffer)?;
        let mut entries = archive.entries(&mut buffer);
        let (mut start, mut paths) = (archive.eocd_offset(), Vec::new());
        while let Some(entry) = entries.next_entry()? {
            start = start.min(entry.local_header_offset());
            paths.push(rooted(entry.file_path().as_bytes()));
        }
        // What breaks off may end within a zip, or behind one, that is a file of the package.
        if !self.is_length_known && (start > 0 || archive.end_offset() < bytes) {
            return Err(ErrorKind::Eof.into());
        }
        Ok(self.package(bytes, &paths))
    }

    fn package(self, bytes: u64, paths: &[String]) -> DownloadedPackage {
        let Self { entries, names: mut missing_names, .. } = self;
        let mut unmatched: Vec<&String> = paths.iter().collect();
        let mut is_found = |end: &str| {
            if end.ends_with('/') {
                return paths.iter().any(|path| path.contains(end));
            }
            let place = unmatched.iter().position(|path| path.ends_with(end));
            place.map(|place| unmatched.swap_remove(place)).is_some()
        };
        // The longest first: `d/a` is found as such before another `a` is.
        missing_names.sort_unstable_by_key(|name| Reverse(name.len()));
        missing_names.retain(|name| !is_found(&format!("/{name}")));
        // Nobody knows whether the service keeps directories: any file with the same last part may be it.
        missing_names.retain(|name| name.ends_with('/') || !is_found(&format!("/{}", last_part(name))));
        missing_names.sort_unstable();
        let unreadable = unmatched.iter().filter(|path| path.contains(char::REPLACEMENT_CHARACTER)).count();
        let not_found = missing_names.len().saturating_sub(unreadable);
        let missing = not_found.max(entries.saturating_sub(paths.len()));
        if missing == 0 {
            // They may be there, under names that cannot be read.
            missing_names.clear();
        }
        let files = paths.iter().filter(|path| !path.ends_with('/')).count();
        DownloadedPackage { bytes, files: files as u64, missing: missing as u64, missing_names }
    }
}

/// The path of an entry after a slash, so that a whole name at its end or within it follows one. What is no UTF-8 is replaced.
fn rooted(path: &[u8]) -> String {
    format!("/{}", String::from_utf8_lossy(path))
}

/// The name of a file without the directories above it.
fn last_part(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Entries and names that are expected, the entries of the zip, and what is missing of them.
    type Case<'a> = (usize, &'a [&'a str], &'a [&'a [u8]], u64, &'a [&'a str]);

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
            (0, &["a", "b"], &[b"\xff/a"], 1, &["b"]),
            (0, &["a"], &[b"", b"/", b"//"], 1, &["a"]),
            // Alike in two directories, which the package keeps or not.
            (0, &["d/a", "e/a"], &[b"d/a", b"e/a"], 0, &[]),
            (0, &["d/a", "e/a"], &[b"a", b"a"], 0, &[]),
            (0, &["d/a", "e/a"], &[b"e/a"], 1, &["d/a"]),
            (0, &["a", "d/a"], &[b"all/d/a"], 1, &["a"]),
        ];
        for (expected_entries, names, entries, missing, missing_names) in cases {
            let names = names.iter().map(|name| (*name).to_owned()).collect();
            let expected = Expected { entries: *expected_entries, names, ..Expected::default() };
            let contents = expected.package(0, &entries.iter().map(|path| rooted(path)).collect::<Vec<_>>());
            let found = (contents.missing, contents.missing_names);
            let expected = (*missing, missing_names.iter().map(|name| (*name).to_owned()).collect());
            assert_eq!(found, expected, "{expected_entries} {entries:?}");
        }
    }
}
