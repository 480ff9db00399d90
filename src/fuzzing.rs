//! Entry points for the fuzz targets in `fuzz/`, compiled only with `--cfg fuzzing`.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use crate::{
    client::{
        failure::{error, interpret},
        operation::Operation,
        reply::{Ending, Reply},
    },
    credentials::app_signature::CanonicalRequest,
    error::Error,
    generated::types::ListShareFilesRequest,
    share::{file::ShareFile, files::first_page},
    share_task::ShareTask,
    trace_id::TraceId,
};

/// Reads a reply to the creation of a task.
///
/// # Errors
///
/// Returns the error that a caller would see if the reply reports no success.
pub fn read_reply(
    task: &ShareTask,
    status: StatusCode,
    headers: &HeaderMap,
    body: Bytes,
    secrets: &[&str],
) -> Result<(), Error> {
    read(task, status, headers.clone(), body, secrets).map(drop)
}

/// Reads a page of a listing.
///
/// # Errors
///
/// Returns the error that a caller would see if the reply reports no success.
pub fn read_page(status: StatusCode, body: Bytes, kdstoken: &str) -> Result<Vec<ShareFile>, Error> {
    let first = first_page("s".to_owned());
    let request = ListShareFilesRequest { kdstoken: Some(kdstoken.to_owned().into()), ..first };
    read(&request, status, HeaderMap::new(), body, &[kdstoken]).map(|page| page.files)
}

fn read<O: Operation>(
    operation: &O,
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
    secrets: &[&str],
) -> Result<O::Output, Error> {
    let received = chrono::DateTime::UNIX_EPOCH;
    let reply = Reply { status, headers, received, body, ending: Ending::Whole };
    interpret(operation, &reply, reply.decode()).map_err(|details| {
        let secrets: Vec<&str> = secrets.iter().copied().chain(details.secrets.iter().map(String::as_str)).collect();
        error(&TraceId::random(), O::EFFECT, &reply, &details, None, &secrets)
    })
}

/// Returns how the canonical request in a refusal's message differs from the one that was signed.
pub fn difference(signed: &CanonicalRequest, message: &str, secrets: &[&str]) -> Option<String> {
    signed.compare(message, secrets)
}
