//! Ways in for the fuzz targets in `fuzz/`; compiled with `--cfg fuzzing` alone.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use crate::{
    client::{
        failure::{error, interpret},
        outcome::Effect,
        reply::{Body, Reply},
    },
    credentials::app_signature::CanonicalRequest,
    error::Error,
    redact::{redact, sanitize_for_display},
    share_task::ShareTask,
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
    let reply = Reply { status, headers, received, body: Body::Whole(body) };
    let details = match interpret(task, &reply, reply.decode()) {
        Ok(_) => return Ok(()),
        Err(details) => details,
    };
    let secrets: Vec<&str> = secrets.iter().copied().chain(details.secret.as_deref()).collect();
    Err(error(task.trace_id(), Effect::CreatesTask, &reply, &details, None, &secrets))
}

/// What a refusal's message says of the canonical request.
pub fn difference(signed: &CanonicalRequest, message: &str, secrets: &[&str]) -> Option<String> {
    let difference = signed.compare(&redact(message, secrets))?;
    Some(sanitize_for_display(&difference, &[]))
}
