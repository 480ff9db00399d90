//! Ways in for the fuzz targets in `fuzz/`; compiled with `--cfg fuzzing` alone.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use crate::{
    client::{
        failure::{error, interpret},
        reply::{Ending, Reply},
    },
    credentials::app_signature::CanonicalRequest,
    error::{Effect, Error},
    generated::types::ListShareFilesRequest,
    share::file::ShareFile,
    share_task::ShareTask,
    trace_id::TraceId,
};

/// Reads a reply to the creation of a task, and gives the error that it becomes if it is no success.
///
/// # Errors
///
/// The error that a caller would see.
pub fn read_reply(
    task: &ShareTask,
    status: StatusCode,
    headers: &HeaderMap,
    body: Bytes,
    secrets: &[&str],
) -> Result<(), Error> {
    let (headers, received) = (headers.clone(), chrono::DateTime::UNIX_EPOCH);
    let reply = Reply { status, headers, received, body, ending: Ending::Whole };
    let Err(details) = interpret(task, &reply, reply.decode()) else { return Ok(()) };
    let secrets: Vec<&str> = secrets.iter().copied().chain(details.secret.as_deref()).collect();
    Err(error(task.trace_id(), Effect::CreatesTask, &reply, &details, None, &secrets))
}

/// Reads a page of a listing, and gives the error that it becomes if it is no success.
///
/// # Errors
///
/// The error that a caller would see.
pub fn read_page(status: StatusCode, body: Bytes, kdstoken: &str) -> Result<Vec<ShareFile>, Error> {
    let received = chrono::DateTime::UNIX_EPOCH;
    let reply = Reply { status, headers: HeaderMap::new(), received, body, ending: Ending::Whole };
    let request = ListShareFilesRequest {
        file_name: None,
        kdstoken: Some(kdstoken.to_owned().into()),
        page_cursor: None,
        page_size: None,
        parent_folder: None,
        refresh_count: None,
        short_url: "s".to_owned(),
        sort_direction: None,
        sort_type: None,
    };
    let details = match interpret(&request, &reply, reply.decode()) {
        Ok(page) => return Ok(page.files),
        Err(details) => details,
    };
    let secrets: Vec<&str> = [kdstoken].into_iter().chain(details.secret.as_deref()).collect();
    Err(error(&TraceId::random(), Effect::Reads, &reply, &details, None, &secrets))
}

/// What a refusal's message says of the canonical request.
pub fn difference(signed: &CanonicalRequest, message: &str, secrets: &[&str]) -> Option<String> {
    signed.compare(message, secrets)
}
