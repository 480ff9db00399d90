//! The portal's responses to requests that fail.

use std::io;

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use koodrive_share::{Error, Outcome, ValidationError};
use serde_json::json;
use tokio::task::JoinError;

pub(crate) enum Failure {
    NotFound,
    /// The call to the service failed. The outcome of the error says whether a task may exist.
    Call(Error),
    /// The task exists, but its handle could not be kept.
    NotKept {
        task_id: String,
        error: io::Error,
    },
    /// The tokio task panicked, or the runtime was shut down.
    Lost(JoinError),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Call(error)
    }
}

impl From<ValidationError> for Failure {
    fn from(error: ValidationError) -> Self {
        Self::Call(error.into())
    }
}

/// The outcome in the response says whether a task may exist; the violations say what to correct.
impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let error = match self {
            Self::NotFound => return StatusCode::NOT_FOUND.into_response(),
            Self::NotKept { task_id, error } => {
                let message = format!("the task exists, but its handle could not be kept: {error}");
                let body = json!({ "taskId": task_id, "message": message });
                return (StatusCode::INTERNAL_SERVER_ERROR, Json(body)).into_response();
            }
            Self::Lost(error) => return (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
            Self::Call(error) => error,
        };
        let status = match error.outcome() {
            Outcome::NotSent if error.is_validation() => StatusCode::UNPROCESSABLE_ENTITY,
            Outcome::NotSent => StatusCode::SERVICE_UNAVAILABLE,
            Outcome::Rejected => StatusCode::CONFLICT,
            Outcome::Unknown => StatusCode::BAD_GATEWAY,
        };
        let body = json!({
            "outcome": error.outcome(),
            "message": error.to_string(),
            "traceId": error.trace_id(),
            "violations": error.validation_error().map(ValidationError::violations),
        });
        (status, Json(body)).into_response()
    }
}
