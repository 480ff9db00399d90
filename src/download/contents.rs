//! The contents of a package, read from the zip's central directory; nothing is unpacked.

use std::{cmp::Reverse, collections::HashMap, fs::File, iter};

use rawzip::{ErrorKind, MAX_CENTRAL_DIRECTORY_RECORD_SIZE, ZipArchive};

use super::progress::DownloadProgress;

/// A package on the disk.
#[derive(Debug)]
#[must_use = "a package can lack files"]
#[non_exhaustive]
pub struct DownloadedPackage {
    /// The size of the package in bytes.
    pub bytes: u64,
    /// The number of files in the package, without directories.
    pub files: u64,
    /// The minimum number of expected files and directories that the package lacks; 0 if none is known to be missing.
    /// The vendor's moderation can leave files out of a task that succeeded: ask the vendor, or share the files anew.
    pub missing: u64,
    /// The [expected names](crate::Download::expect_names) that the package lacks, sorted. If the package holds names
    /// that are not UTF-8, some of the missing files may have such a name, and [`missing`](Self::missing) is lower.
    pub missing_names: Vec<String>,
}

/// What a package should hold.
#[derive(Clone, Debug, Default)]
pub(super) struct Expected {
    /// The minimum number of files and directories.
    pub(super) entries: usize,
    /// Paths or ends of paths; those of directories end with a slash.
    pub(super) names: Vec<String>,
}

impl Expected {
    /// Compares the central directory of a zip with what was expected. If the storage stated no length, the file must
    /// be a zip from its first byte to its last.
    pub(super) fn compare(mut self, zip: File, progress: DownloadProgress) -> Result<DownloadedPackage, rawzip::Error> {
        let DownloadProgress { received, total } = progress;
        let mut buffer = vec![0; MAX_CENTRAL_DIRECTORY_RECORD_SIZE];
        let archive = ZipArchive::from_file(zip, &mut buffer)?;
        let mut entries = archive.entries(&mut buffer);
        let mut start = archive.eocd_offset();
        let paths = iter::from_fn(|| {
            let entry = entries.next_entry().transpose()?;
            Some(entry.map(|entry| {
                start = start.min(entry.local_header_offset());
                with_leading_slash(entry.file_path().as_bytes())
            }))
        });
        let package = self.package(received, paths)?;
        // A body that broke off may end in or after a file of the package that is a zip itself.
        if total.is_none() && (start > 0 || archive.end_offset() < received) {
            return Err(ErrorKind::Eof.into());
        }
        Ok(package)
    }

    fn package(
        &mut self,
        bytes: u64,
        paths: impl Iterator<Item = Result<String, rawzip::Error>>,
    ) -> Result<DownloadedPackage, rawzip::Error> {
        // Maps the last part of names to the names not yet found, and to the number of other files with that last part.
        // The longest names come first, so that the file `d/a` matches the name `d/a` before the name `a`.
        self.names.sort_unstable_by_key(|name| Reverse(name.len()));
        let mut missing_names: HashMap<&str, (Vec<&str>, usize)> = HashMap::new();
        for name in &self.names {
            missing_names.entry(last_part(name)).or_default().0.push(name);
        }
        let (mut found, mut files, mut unreadable) = (0, 0, 0);
        for path in paths {
            let path = path?;
            for (slash, _) in path.match_indices('/') {
                let directory = &path[..=slash];
                if let Some((names, _)) = missing_names.get_mut(last_part(directory)) {
                    names.retain(|name| !is_end(name, directory));
                }
            }
            let is_file = !path.ends_with('/');
            found += 1;
            files += u64::from(is_file);
            match missing_names.get_mut(last_part(&path)).filter(|_| is_file) {
                Some((names, others)) => match names.iter().position(|name| is_end(name, &path)) {
                    Some(position) => drop(names.remove(position)),
                    None => *others += 1,
                },
                None => unreadable += usize::from(path.contains(char::REPLACEMENT_CHARACTER)),
            }
        }
        // The service may not keep directories, so any other file with the same last part may be the missing one.
        let missing_names = missing_names.into_values().flat_map(|(names, others)| names.into_iter().skip(others));
        let mut missing_names: Vec<String> = missing_names.map(str::to_owned).collect();
        missing_names.sort_unstable();
        let missing = missing_names.len().saturating_sub(unreadable).max(self.entries.saturating_sub(found));
        if missing == 0 {
            // The files may be in the package under names that are not UTF-8.
            missing_names.clear();
        }
        Ok(DownloadedPackage { bytes, files, missing: missing as u64, missing_names })
    }
}

/// Returns the path of an entry with a slash before it, so that each part of it follows a slash. Bytes that are not
/// UTF-8 are replaced.
fn with_leading_slash(path: &[u8]) -> String {
    format!("/{}", String::from_utf8_lossy(path))
}

/// Whether a path ends with a slash and this name: `/d/ba` does not end with the name `a`.
fn is_end(name: &str, path: &str) -> bool {
    path.strip_suffix(name).is_some_and(|above| above.ends_with('/'))
}

/// Returns the last part of a path, with the slash at its end if it is a directory.
fn last_part(path: &str) -> &str {
    let start = path.strip_suffix('/').unwrap_or(path).rfind('/').map_or(0, |slash| slash + 1);
    &path[start..]
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    /// The number of entries and the names that are expected, the entries of the zip, and the missing number and names.
    type Case<'a> = (usize, &'a [&'a str], &'a [&'a [u8]], u64, &'a [&'a str]);

    #[test]
    fn files_are_missed_by_number_and_by_name() {
        let cases: &[Case] = &[
            (0, &[], &[b"a"], 0, &[]),
            (3, &[], &[b"a", b"d/", b"d/b"], 0, &[]),
            (4, &[], &[b"a", b"d/", b"d/b"], 1, &[]),
            (0, &["a", "b"], &[b"a", b"b"], 0, &[]),
            (0, &["a", "b", "c"], &[b"a"], 2, &["b", "c"]),
            // The service adds a directory of its own.
            (0, &["a", "d/b"], &[b"all/a", b"all/d/b"], 0, &[]),
            (0, &["a"], &[b"../a"], 0, &[]),
            (0, &["a"], &[b"ba", b"a/b"], 1, &["a"]),
            // A directory is found by an entry in it, or by its own entry.
            (0, &["d/"], &[b"d/a"], 0, &[]),
            (0, &["d/"], &[b"all/d/"], 0, &[]),
            (0, &["d/", "e/"], &[b"d/a", b"e"], 1, &["e/"]),
            (0, &["e/d/"], &[b"xe/d/a"], 1, &["e/d/"]),
            // The missing entry may be another file with the name `a` or `b`.
            (3, &["a", "b"], &[b"a", b"b"], 1, &[]),
            // A name that is not UTF-8 may be any expected name.
            (0, &["a"], &[b"\xff"], 0, &[]),
            (0, &["a", "b"], &[b"\xff"], 1, &["a", "b"]),
            (0, &["a", "b"], &[b"\xff/a"], 1, &["b"]),
            (0, &["a"], &[b"", b"/", b"//"], 1, &["a"]),
            // Two directories hold files of the same name, and the package keeps the directories or not.
            (0, &["d/a", "e/a"], &[b"d/a", b"e/a"], 0, &[]),
            (0, &["d/a", "e/a"], &[b"a", b"a"], 0, &[]),
            (0, &["d/a", "e/a"], &[b"e/a"], 1, &["d/a"]),
            (0, &["a", "d/a"], &[b"all/d/a"], 1, &["a"]),
        ];
        for (expected_entries, names, entries, missing, missing_names) in cases {
            let names = names.iter().map(|name| (*name).to_owned()).collect();
            let mut expected = Expected { entries: *expected_entries, names };
            let contents = expected.package(0, entries.iter().map(|path| Ok(with_leading_slash(path)))).unwrap();
            let found = (contents.missing, contents.missing_names);
            let expected = (*missing, missing_names.iter().map(|name| (*name).to_owned()).collect());
            assert_eq!(found, expected, "{expected_entries} {entries:?}");
        }
    }

    /// Each name is compared with few paths: comparing all names with all paths would take a minute.
    #[test]
    fn many_names_are_looked_for_in_many_paths_at_once() {
        let names = |what: &str| (0..20_000).map(|n| format!("{}/{what}{n}", n % 97)).collect::<Vec<_>>();
        let mut expected = Expected { names: names("found"), ..Expected::default() };
        expected.names.extend(names("gone"));
        expected.names.extend(names("found").into_iter().map(|name| format!("{name}/")));
        let start = Instant::now();
        let paths = names("found").into_iter().map(|path| Ok(with_leading_slash(path.as_bytes())));
        assert_eq!(expected.package(0, paths).unwrap().missing, 40_000);
        // It takes 0.2 s on a machine without load.
        assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
    }
}
