//! The Rust types that replace the generated types of some schemas.
//!
//! This file imports nothing, so that the build script and the checks of the spec can include it.

/// Schemas and their Rust types: open enums, lenient values, secrets that no `Debug` shows, and numbers without a
/// checking newtype.
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

/// Returns the Rust type that replaces the generated type of a schema, if there is one.
///
/// A text (`is_text`) becomes a plain string unless the table names a type: the wrapper reports all broken rules at
/// once, but the generator's checking newtype stops at the first.
pub(crate) fn replacement(schema: &str, is_text: bool) -> Option<&'static str> {
    let named = REPLACEMENTS.iter().find(|(name, _)| *name == schema).map(|(_, rust_type)| *rust_type);
    named.or(is_text.then_some("::std::string::String"))
}
