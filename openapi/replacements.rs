//! Which Rust types stand for which schemas.
//!
//! This file imports nothing, so that the build script and the checks of the spec can include it.

/// Schemas whose Rust type is not the generator's.
///
/// Ids become plain strings, since the wrapper reports all broken rules at once where a checking newtype stops at the
/// first. Domain types are ours: open enums, and secrets that no `Debug` shows.
pub(crate) const REPLACEMENTS: &[(&str, &str)] = &[
    ("CompactTime", TEXT),
    ("ContainerId", TEXT),
    ("DownloadUrl", "crate::task::wire::DownloadUrl"),
    ("ExtractCode", "crate::credentials::ExtractCode"),
    ("FileId", TEXT),
    ("FileStatusCode", "crate::lenient::LenientText"),
    ("HeaderText", TEXT),
    ("KdsToken", "crate::credentials::KdsToken"),
    ("PageSize", "u32"),
    ("ServiceCode", "crate::service_code::ServiceCode"),
    ("ShareId", TEXT),
    ("ShortUrl", TEXT),
    ("TaskId", TEXT),
    ("TaskInfos", "crate::task::wire::TaskInfos"),
    ("TaskResultCode", "i64"),
    ("TaskStatusCode", "i64"),
    ("TaskType", "crate::share_task::TaskType"),
    ("TraceId", TEXT),
    ("XDate", TEXT),
    ("ZipName", TEXT),
];

/// The type of a plain string.
pub(crate) const TEXT: &str = "::std::string::String";
