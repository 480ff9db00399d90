//! Which Rust types stand for which schemas.
//!
//! This file imports nothing, so that the build script and the checks of the spec can include it.

/// Schemas whose Rust type is ours: open enums, secrets that no `Debug` shows, and numbers without a checking newtype.
pub(crate) const REPLACEMENTS: &[(&str, &str)] = &[
    ("DownloadUrl", "crate::task::wire::LenientUrl"),
    ("ExtractCode", "crate::credentials::RequestSecret"),
    ("FileStatusCode", "crate::lenient::LenientText"),
    ("KdsToken", "crate::credentials::RequestSecret"),
    ("PageSize", "u32"),
    ("ServiceCode", "crate::lenient::LenientCode"),
    ("TaskInfos", "crate::task::wire::TaskInfos"),
    ("TaskResultCode", "i64"),
    ("TaskStatusCode", "i64"),
    ("TaskType", "crate::share_task::TaskType"),
];

/// The Rust type that stands for a schema, if it is not the generator's.
///
/// A text (`is_text`) is a plain string unless a type is named for it: the wrapper reports all broken rules at once, where
/// the generator's checking newtype stops at the first.
pub(crate) fn replacement(schema: &str, is_text: bool) -> Option<&'static str> {
    let named = REPLACEMENTS.iter().find(|(name, _)| *name == schema).map(|(_, rust_type)| *rust_type);
    named.or(is_text.then_some("::std::string::String"))
}
