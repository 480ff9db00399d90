//! How far a download has come.

/// How much of a package has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DownloadProgress {
    /// The bytes that are in the part file, those of earlier downloads included. Less than before if the package has
    /// changed and is fetched anew.
    pub received: u64,
    /// The size of the package in bytes, once the storage has stated it.
    pub total: Option<u64>,
}
