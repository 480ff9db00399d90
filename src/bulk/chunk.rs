//! At most 1,000 file ids of a bulk creation.

use std::ops::Range;

use super::ledger::{State, line::LedgerChunk};
use crate::{
    credentials::app_signature::sha256, generated::types::CreateBatchTaskRequest, share_task::TaskType,
    trace_id::TraceId,
};

/// A chunk before it is sent: its place, and for a ledger the digest of its ids.
#[derive(Clone, Debug)]
pub(super) struct Chunk {
    pub(super) index: u64,
    pub(super) range: Range<u64>,
    /// Empty without a ledger, where nobody compares it.
    sha256: String,
}

impl Chunk {
    pub(super) fn new(index: u64, start: u64, file_ids: &[String]) -> Self {
        let range = start..start + file_ids.len() as u64;
        Self { index, range, sha256: String::new() }
    }

    pub(super) fn with_digest(self, file_ids: &[String]) -> serde_json::Result<Self> {
        // As JSON, so that the bounds between the ids count, whatever characters they hold.
        let json = serde_json::to_vec(file_ids)?;
        Ok(Self { sha256: sha256(&json), ..self })
    }

    pub(super) fn is_of(&self, record: &LedgerChunk) -> bool {
        let Self { range, sha256, .. } = self;
        (record.start..record.end) == *range && record.file_ids_sha256 == *sha256
    }

    pub(super) fn record(&self, trace_id: TraceId, state: State, unknown_before: Vec<TraceId>) -> LedgerChunk {
        LedgerChunk {
            chunk: self.index,
            start: self.range.start,
            end: self.range.end,
            file_ids_sha256: self.sha256.clone(),
            trace_id,
            state,
            unknown_before,
        }
    }

    /// The name of the chunk's package.
    pub(super) fn zip_name(&self, task: &CreateBatchTaskRequest, split: bool) -> Option<String> {
        let name = task.zip_name.as_deref()?;
        if split && task.task_type == TaskType::PackageDownload {
            Some(numbered(name, self.index + 1))
        } else {
            Some(name.to_owned())
        }
    }
}

/// `photos.zip` and 1 make `photos-0001.zip`.
fn numbered(name: &str, number: u64) -> String {
    let end = name.len().saturating_sub(".zip".len());
    match name.split_at_checked(end) {
        Some((stem, extension)) if extension.eq_ignore_ascii_case(".zip") => {
            format!("{stem}-{number:04}{extension}")
        }
        Some(_) | None => format!("{name}-{number:04}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(ids: &[&str]) -> String {
        let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
        Chunk::new(0, 0, &ids).with_digest(&ids).unwrap().sha256
    }

    #[test]
    fn digest_tells_where_ids_begin_and_end() {
        assert_ne!(digest(&["a\nb", "c"]), digest(&["a", "b\nc"]));
        assert_ne!(digest(&["a\",\"b"]), digest(&["a", "b"]));
        assert_ne!(digest(&["a", "b"]), digest(&["b", "a"]));
        // sha256sum of the bytes ["a","b"].
        let known = "0473ef2dc0d324ab659d3580c1134e9d812035905c4781fdd6d529b0c6860e13";
        assert_eq!(digest(&["a", "b"]), known);
    }

    #[test]
    fn number_comes_before_the_extension_zip_and_after_any_other_name() {
        let cases = [
            ("photos.zip", 1, "photos-0001.zip"),
            ("PHOTOS.ZIP", 20, "PHOTOS-0020.ZIP"),
            ("v1.2", 3, "v1.2-0003"),
            ("zip", 3, "zip-0003"),
            (".zip", 9_999, "-9999.zip"),
            ("照片.zip", 10_000, "照片-10000.zip"),
            ("照片", 1, "照片-0001"),
        ];
        for (name, number, expected) in cases {
            assert_eq!(numbered(name, number), expected);
        }
    }
}
