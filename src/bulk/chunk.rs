//! What is made of a chunk's file ids, and of its number.

use crate::credentials::app_signature::sha256;

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
