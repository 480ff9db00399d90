//! The report of a request once it is answered.

use std::fmt;

use axum::http::request::Parts;

use crate::{answer::Answer, connection::Limit, package};

/// A request and its answer, as [`EmulatorBuilder::on_answer`](crate::EmulatorBuilder::on_answer) reports them. It
/// holds no secret.
///
/// `Display` writes one line: `POST /koodrive/ose/v1/share/tasks  200  the reply is lost on purpose  task
/// 1689765568237837824  trace id 8GvT…`.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Answered {
    /// The method of the request.
    pub method: String,
    /// Its path and query.
    pub path: String,
    /// Its trace id, if it had one.
    pub trace_id: Option<String>,
    /// The task that was made.
    pub task_id: Option<String>,
    /// The status of the answer.
    pub status: u16,
    /// The fault that was played, in words: a reply that is lost, cut or held back, or throttling.
    pub fault: Option<&'static str>,
}

impl Answered {
    pub(crate) fn new(parts: &Parts, answer: &Answer, is_held: bool) -> Self {
        let trace_id = parts.headers.get("X-Traceid").and_then(|value| value.to_str().ok());
        let fault = match answer.limit {
            Some(Limit::Bytes(0)) => Some("the reply is lost on purpose"),
            Some(_) => Some("the reply is cut on purpose"),
            None if answer.status() == 429 => Some("throttled on purpose"),
            None if is_held => Some("the reply is held back on purpose"),
            None => None,
        };
        Self {
            method: parts.method.to_string(),
            path: package::masked(&parts.uri.to_string(), "***"),
            trace_id: trace_id.map(str::to_owned),
            task_id: answer.task_id(),
            status: answer.status(),
            fault,
        }
    }
}

impl fmt::Display for Answered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { method, path, trace_id, task_id, status, fault } = self;
        write!(f, "{method} {path}  {status}")?;
        fault.map_or(Ok(()), |fault| write!(f, "  {fault}"))?;
        task_id.as_ref().map_or(Ok(()), |task_id| write!(f, "  task {task_id}"))?;
        trace_id.as_ref().map_or(Ok(()), |trace_id| write!(f, "  trace id {trace_id}"))
    }
}
