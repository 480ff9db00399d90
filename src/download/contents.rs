//! What is in a package: its directory, of which nothing is unpacked.

use std::{cmp::Reverse, collections::HashMap, fs::File};

use rawzip::ZipArchive;

/// Bytes that hold any entry of a zip's directory: name, extra field and comment have 16-bit lengths.
const ENTRY: usize = 4 * (1 << 16);

/// What a package should hold.
#[derive(Clone, Debug, Default)]
pub(super) struct Expected {
    /// How many files at least.
    pub(super) files: Option<u64>,
    /// Paths or the ends of paths; those of directories end with a slash.
    pub(super) names: Vec<String>,
}

/// A package on the disk.
#[derive(Debug, Default)]
#[must_use = "a package can lack files"]
pub struct DownloadedPackage {
    pub(super) bytes: u64,
    files: u64,
    missing: u64,
    missing_names: Vec<String>,
}

impl DownloadedPackage {
    /// Its size in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// How many files it holds, directories not counted.
    pub fn files(&self) -> u64 {
        self.files
    }

    /// How many of the expected files it lacks at least, 0 if all are there or nothing was expected. The vendor's
    /// moderation can leave files out of a task that succeeded: ask the vendor, or share them anew.
    pub fn missing(&self) -> u64 {
        self.missing
    }

    /// The [expected names](crate::Download::expect_names) that it lacks, sorted. If it holds names that are no UTF-8, some
    /// of these may be there under such a name, and [`missing`](Self::missing) counts fewer.
    pub fn missing_names(&self) -> &[String] {
        &self.missing_names
    }
}

impl Expected {
    /// Compares the directory of a zip with what was expected.
    pub(super) fn compare(self, zip: File) -> Result<DownloadedPackage, rawzip::Error> {
        let mut buffer = vec![0; ENTRY];
        let archive = ZipArchive::from_file(zip, &mut buffer)?;
        let mut entries = archive.entries(&mut buffer);
        let mut count = Count::new(self);
        while let Some(entry) = entries.next_entry()? {
            count.add(entry.file_path().as_bytes());
        }
        Ok(count.finish())
    }
}

/// The entries of a directory so far.
struct Count {
    expected_files: u64,
    /// Those that were not found, by their last part: nobody knows whether the service keeps directories.
    not_found: HashMap<String, Vec<String>>,
    files: u64,
    unreadable: u64,
}

impl Count {
    fn new(expected: Expected) -> Self {
        let mut not_found = HashMap::<_, Vec<_>>::new();
        let mut names = expected.names;
        // The longest first: `d/a` is found as such before it is found as any `a`.
        names.sort_unstable_by_key(|name| Reverse(name.len()));
        for name in names {
            not_found.entry(last_part(&name).to_owned()).or_default().push(name);
        }
        Self { expected_files: expected.files.unwrap_or_default(), not_found, files: 0, unreadable: 0 }
    }

    fn add(&mut self, path: &[u8]) {
        self.files += u64::from(!path.ends_with(b"/"));
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

    /// Strikes out the name of a file, of several alike that of the same path; of a directory, which many paths have in
    /// them, only that.
    fn find(&mut self, path: &str) {
        if let Some(names) = self.not_found.get_mut(last_part(path)) {
            let same = names.iter().position(|name| path.ends_with(name.as_str()));
            if let Some(place) = same.or((!path.ends_with('/') && !names.is_empty()).then_some(0)) {
                names.remove(place);
            }
        }
    }

    fn finish(self) -> DownloadedPackage {
        let Self { expected_files, not_found, files, unreadable } = self;
        let mut missing_names: Vec<String> = not_found.into_values().flatten().collect();
        missing_names.sort_unstable();
        let not_found = (missing_names.len() as u64).saturating_sub(unreadable);
        let missing = not_found.max(expected_files.saturating_sub(files));
        if missing == 0 {
            // They may be there, under names that cannot be read.
            missing_names.clear();
        }
        DownloadedPackage { bytes: 0, files, missing, missing_names }
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

    /// Files and names that are expected, the entries of the zip, and what is missing of them.
    type Case<'a> = (Option<u64>, &'a [&'a str], &'a [&'a [u8]], u64, &'a [&'a str]);

    #[test]
    fn files_are_missed_by_number_and_by_name() {
        let cases: &[Case] = &[
            (None, &[], &[b"a"], 0, &[]),
            (Some(2), &[], &[b"a", b"d/", b"d/b"], 0, &[]),
            (Some(3), &[], &[b"a", b"d/", b"d/b"], 1, &[]),
            (None, &["a", "b"], &[b"a", b"b"], 0, &[]),
            (None, &["a", "b", "c"], &[b"a"], 2, &["b", "c"]),
            // In a directory of the service's own.
            (None, &["a", "d/b"], &[b"all/a", b"all/d/b"], 0, &[]),
            (None, &["a"], &[b"../a"], 0, &[]),
            (None, &["a"], &[b"ba", b"a/b"], 1, &["a"]),
            // A directory is there if anything is in it, or by its own entry.
            (None, &["d/"], &[b"d/a"], 0, &[]),
            (None, &["d/"], &[b"all/d/"], 0, &[]),
            (None, &["d/", "e/"], &[b"d/a", b"e"], 1, &["e/"]),
            // Another file with the same name may be the one that is there.
            (Some(3), &["a", "b"], &[b"a", b"b"], 1, &[]),
            // A name that cannot be read may be any.
            (None, &["a"], &[b"\xff"], 0, &[]),
            (None, &["a", "b"], &[b"\xff"], 1, &["a", "b"]),
            (None, &["a"], &[b"", b"/", b"//"], 1, &["a"]),
            // Alike in two directories, which the package keeps or not.
            (None, &["d/a", "e/a"], &[b"d/a", b"e/a"], 0, &[]),
            (None, &["d/a", "e/a"], &[b"a", b"a"], 0, &[]),
            (None, &["d/a", "e/a"], &[b"e/a"], 1, &["d/a"]),
            (None, &["a", "d/a"], &[b"all/d/a"], 1, &["a"]),
        ];
        for (files, names, entries, missing, missing_names) in cases {
            let names = names.iter().map(|name| (*name).to_owned()).collect();
            let mut count = Count::new(Expected { files: *files, names });
            entries.iter().for_each(|path| count.add(path));
            let contents = count.finish();
            let found = (contents.missing, contents.missing_names);
            let expected = (*missing, missing_names.iter().map(|name| (*name).to_owned()).collect());
            assert_eq!(found, expected, "{files:?} {entries:?}");
        }
    }
}
