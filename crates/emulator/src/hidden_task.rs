//! Tasks that exist but can't be queried yet.

use serde_json::{Value, json};

use crate::{answer::Answer, edition::Edition};

/// The answer of getBatchTask about a task that isn't visible yet, see
/// [`Schedule::visible_after`](crate::Schedule::visible_after).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum HiddenTask {
    /// HTTP 400 with the service code 13000309, as for a task that doesn't exist.
    DoesNotExist,
    /// HTTP 404 without a body.
    NotFound,
    /// HTTP 200 and code 0 with `"jobInfo": null` (`"taskInfo": null` in [`Edition::July2024`]).
    Null,
}

impl HiddenTask {
    pub(crate) fn answer(self, edition: Edition) -> Answer {
        match self {
            Self::DoesNotExist => Answer::service(400, "13000309", "resource does not exist"),
            Self::NotFound => Answer::new(404),
            Self::Null => Answer::json(200, &json!({"code": 0, "msg": "Success", edition.task_member(): Value::Null})),
        }
    }
}
