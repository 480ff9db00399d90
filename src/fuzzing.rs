//! Ways in for the fuzz targets in `fuzz/`; compiled with `--cfg fuzzing` alone.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use crate::{
    CanonicalRequest, Error, ShareTask, TraceId,
    client::reply::{Body, Reply},
    clock::ServerTime,
    redact::{presentable, scrubbed},
};

/// Reads a reply to a creation, and gives the error that it becomes if it is no success.
///
/// # Errors
///
/// The error that a caller would see.
pub fn read_reply(status: StatusCode, headers: &HeaderMap, body: Bytes, secrets: &[&str]) -> Result<(), Error> {
    let reply =
        Reply { status, headers: headers.clone(), received: chrono::DateTime::UNIX_EPOCH, body: Body::Whole(body) };
    let answer = reply.answer();
    let verdict = match reply.settle::<ShareTask>(answer) {
        Ok(_) => return Ok(()),
        Err(verdict) => verdict,
    };
    let secrets: Vec<&str> = secrets.iter().copied().chain(verdict.url()).collect();
    let note = ServerTime::read(reply.date(), verdict.message()).contradiction();
    Err(reply.error(&verdict, &TraceId::random(), &secrets).with_note(note))
}

/// What a refusal's message says of the canonical request.
#[must_use]
pub fn difference(signed: &CanonicalRequest, message: &str, secrets: &[&str]) -> Option<String> {
    let difference = signed.compare(&scrubbed(message, secrets))?;
    Some(presentable(&difference, &[]))
}
