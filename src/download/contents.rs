//! What is in a package: its directory, of which nothing is unpacked.

use std::{collections::HashSet, fs::File};

use rawzip::ZipArchive;

/// Bytes that hold any entry of a zip's directory: name, extra field and comment have 16-bit lengths.
const ENTRY: usize = 4 * (1 << 16);

/// What a package should hold.
#[derive(Debug, Default)]
pub(super) struct Expected {
    /// How many files at least.
    pub(super) files: Option<u64>,
    pub(super) names: HashSet<String>,
}

/// What a package holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Contents {
    pub(super) files: u64,
    /// How many are missing, as far as that is known.
    pub(super) missing: u64,
    pub(super) missing_names: Vec<String>,
}

impl Contents {
    /// Reads the directory of a zip.
    pub(super) fn read(zip: File, expected: Expected) -> Result<Self, rawzip::Error> {
        let mut buffer = vec![0; ENTRY];
        let archive = ZipArchive::from_file(zip, &mut buffer)?;
        let mut entries = archive.entries(&mut buffer);
        let mut count = Count::new(expected);
        while let Some(entry) = entries.next_entry()? {
            count.add(entry.file_path().as_bytes());
        }
        Ok(count.finish())
    }
}

/// Compares the entries of a directory with what was expected.
struct Count {
    expected: Expected,
    files: u64,
    unreadable: u64,
}

impl Count {
    fn new(mut expected: Expected) -> Self {
        // A directory stands for any number of files.
        let has_directory = expected.names.iter().any(|name| name.ends_with('/'));
        if !expected.names.is_empty() && !has_directory {
            let names = expected.names.len() as u64;
            expected.files = Some(expected.files.unwrap_or_default().max(names));
        }
        Self { expected, files: 0, unreadable: 0 }
    }

    fn add(&mut self, path: &[u8]) {
        self.files += u64::from(!path.ends_with(b"/"));
        let Ok(path) = str::from_utf8(path) else {
            self.unreadable += 1;
            return;
        };
        // The service may put all files into a directory, so a name may stand anywhere in the path: `a/b/c` is `a/`, `b/`,
        // `a/b/`, `c`, `b/c` or `a/b/c`.
        let ends = path.match_indices('/').map(|(slash, _)| slash + 1).chain([path.len()]);
        for end in ends {
            let starts = path[..end.saturating_sub(1)].match_indices('/').map(|(slash, _)| slash + 1).chain([0]);
            for start in starts {
                self.expected.names.remove(&path[start..end]);
            }
        }
    }

    fn finish(self) -> Contents {
        let Self { expected, files, unreadable } = self;
        let too_few = expected.files.unwrap_or_default().saturating_sub(files);
        let not_found = (expected.names.len() as u64).saturating_sub(unreadable);
        let mut missing_names: Vec<String> = expected.names.into_iter().collect();
        missing_names.sort_unstable();
        let missing = too_few.max(not_found);
        if missing == 0 {
            // They may be there, under names that cannot be read.
            missing_names.clear();
        }
        Contents { files, missing, missing_names }
    }
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
