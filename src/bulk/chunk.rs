//! At most 1,000 file ids of a bulk creation.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::{credentials::app_signature::sha256, trace_id::TraceId};

/// A chunk, and the request for it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Chunk {
    #[serde(rename = "chunk")]
    pub(super) index: u64,
    /// Which of the file ids it holds.
    #[serde(flatten)]
    pub(super) range: Range<u64>,
    /// Empty without a ledger, where nobody compares it.
    pub(super) file_ids_sha256: String,
    pub(super) trace_id: TraceId,
    /// Trace ids of earlier requests of unknown outcome, each of which may have made a task.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) unknown_before: Vec<TraceId>,
}

impl Chunk {
    pub(super) fn has_same_ids(&self, other: &Self) -> bool {
        self.range == other.range && self.file_ids_sha256 == other.file_ids_sha256
    }
}

/// The digest of file ids as JSON, so that the bounds between them count, whatever characters they hold.
pub(super) fn digest(file_ids: &[String]) -> serde_json::Result<String> {
    Ok(sha256(&serde_json::to_vec(file_ids)?))
}

/// `photos.zip` and 1 make `photos-0001.zip`.
pub(super) fn numbered(name: &str, number: u64) -> String {
    let end = name.len().saturating_sub(".zip".len());
    let split = name.split_at_checked(end).filter(|(_, extension)| extension.eq_ignore_ascii_case(".zip"));
    let (stem, extension) = split.unwrap_or((name, ""));
    format!("{stem}-{number:04}{extension}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(ids: &[&str]) -> String {
        let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
        super::digest(&ids).unwrap()
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
