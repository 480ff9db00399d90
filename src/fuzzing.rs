//! Ways in for the fuzz targets in `fuzz/`; compiled with `--cfg fuzzing` alone.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use crate::{
    CanonicalRequest, Error, Outcome, TraceId,
    client::reply::{Body, Reply, presentable, scrubbed},
    error::Kind,
    generated::types::CreateBatchTaskResponse,
    x_date::ServerTime,
};

/// Reads a reply to a creation, and gives the error that it becomes if it is no success.
///
/// # Errors
///
/// The error that a caller would see.
pub fn read_reply(
    status: StatusCode,
    headers: &HeaderMap,
    body: Bytes,
    secrets: &[&str],
) -> Result<(), Error> {
    let mut reply = Reply::head(status, headers, chrono::DateTime::UNIX_EPOCH);
    reply.body = Body::Whole(body);
    let answer = reply.decode::<CreateBatchTaskResponse>();
    let answer = answer.filter(|answer| status.is_success() && answer.code.is_success());
    if answer.is_some_and(|answer| answer.task_id.is_some_and(|id| !id.is_empty())) {
        return Ok(());
    }
    let verdict = reply.verdict();
    let said = verdict.message.as_deref().unwrap_or_default();
    let note = ServerTime::read(reply.date, said).contradiction();
    let kind = match verdict.outcome {
        Outcome::Rejected => Kind::Refused,
        Outcome::NotSent | Outcome::Unknown => Kind::Unreadable(reply.defect()),
    };
    Err(Error::new(kind, verdict.outcome, &TraceId::random())
        .with_reply(reply.refusal(verdict, secrets))
        .with_note(note))
}

/// What a refusal's message says of the canonical request.
#[must_use]
pub fn difference(signed: &CanonicalRequest, message: &str, secrets: &[&str]) -> Option<String> {
    let difference = signed.difference(&scrubbed(message, secrets))?;
    Some(presentable(&difference, &[]))
}
