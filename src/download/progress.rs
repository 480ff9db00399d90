//! The progress of a download.

/// The progress of a download.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DownloadProgress {
    /// The number of bytes in the part file, including those of earlier downloads. It decreases if the package has
    /// changed and is fetched anew.
    pub received: u64,
    /// The size of the package in bytes, once the storage has stated it.
    pub total: Option<u64>,
}
