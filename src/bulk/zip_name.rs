//! The names of packages that are split.

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
