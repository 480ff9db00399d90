#![doc = include_str!("guide/links.md")]
#![doc = include_str!("guide/pictures.md")]
// One of the README's examples needs the feature `download`.
#![cfg_attr(any(feature = "download", not(doctest)), doc = include_str!("../README.md"))]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod bulk;
mod client;
mod clock;
mod connect_fault;
mod credentials;
mod disk;
#[cfg(feature = "download")]
mod download;
mod error;
mod error_chain;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
#[allow(
    clippy::pedantic,
    missing_docs,
    private_interfaces,
    unreachable_pub,
    reason = "the generator's style, and output that is not used here"
)]
mod generated;
#[cfg(doc)]
pub mod guide;
#[cfg(feature = "schemars")]
mod json_schema;
mod lenient;
mod patience;
mod poller;
mod redact;
mod rules;
mod runtime;
mod service_code;
mod share;
mod share_task;
mod task;
mod trace_id;
mod validation;
mod x_date;

pub use bulk::{
    Bulk,
    error::BulkError,
    file_ids::FileIds,
    item::{BulkItem, BulkReport},
    ledger::{
        Ledger,
        error::LedgerError,
        line::{LedgerChunk, Settlement},
    },
    policy::{AfterUnknown, BulkPolicy},
};
pub use client::{
    Client,
    builder::{BuildError, ClientBuilder, ENDPOINT_CN, ENDPOINT_INTL},
};
pub use credentials::{
    Credentials,
    app_signature::CanonicalRequest,
    token_cache::{AccessToken, ProviderError, TokenProvider},
};
#[cfg(feature = "download")]
pub use download::{
    Download, PackageSource, contents::DownloadedPackage, error::DownloadError, progress::DownloadProgress,
};
pub use error::{Error, Outcome};
pub use poller::{PollError, Poller};
pub use service_code::ServiceCode;
pub use share::{
    Share, SharePermission,
    file::{FileType, ShareFile},
    files::ShareFiles,
    link::ShareLink,
};
pub use share_task::{MAX_FILE_IDS, ShareTask, ShareTaskBuilder, TargetDirectory, TaskType};
pub use task::{
    handle::TaskHandle,
    status::{FileStatus, FileStatusReport, TaskResult, TaskState, TaskStatus},
    wire::DownloadUrl,
};
pub use trace_id::TraceId;
pub use validation::{ValidationError, Violation};
pub use x_date::XDate;
