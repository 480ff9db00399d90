//! The lines of a ledger.

use std::{io, ops::Range};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::error::LedgerFault;
use crate::{
    client::Client,
    credentials::app_signature::sha256,
    error::{Error, Outcome},
    generated::types::{CreateBatchTaskRequest, FileIdInfo},
    redact::{mask_urls, sanitize_for_display},
    share_task::{MAX_FILE_IDS, ShareTaskBuilder, TaskType},
    task::handle::TaskHandle,
    trace_id::TraceId,
};

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(in crate::bulk) enum Line {
    Run(Header),
    Chunk(LedgerChunk),
    End { file_ids: u64 },
}

/// What the requests of a run have in common. A run with another header must not resume its ledger.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::bulk) struct Header {
    version: u32,
    endpoint: String,
    user_id: String,
    share_id: String,
    container_id: String,
    task_type: TaskType,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    zip_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    target_file_id: Option<FileIdInfo>,
    split: bool,
    chunk_size: usize,
}

/// What a ledger's latest line says of a chunk. It serialises as this line, and holds no secret.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LedgerChunk {
    #[serde(rename = "chunk")]
    pub(in crate::bulk) index: u64,
    pub(in crate::bulk) start: u64,
    pub(in crate::bulk) end: u64,
    /// Empty if the run has no ledger to compare it with.
    pub(in crate::bulk) file_ids_sha256: String,
    pub(in crate::bulk) trace_id: TraceId,
    /// The trace ids of earlier requests with an unknown outcome, each of which may have created a task.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::bulk) unknown_before: Vec<TraceId>,
    pub(in crate::bulk) state: State,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::bulk) enum State {
    Sending,
    Accepted { task: TaskHandle },
    Rejected { error: String },
    NotSent { error: String },
    Unknown { error: String },
}

/// What the owner of a chunk with an unknown outcome found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// The task with this id was created. A resumed run returns its handle.
    Made(String),
    /// No task was created. A resumed run sends the chunk.
    NotMade,
}

impl Header {
    pub(in crate::bulk) fn new(client: &Client, task: &ShareTaskBuilder, split: bool) -> Self {
        // Every field is listed, so that a new one does not compile until it is decided whether it belongs in the
        // header.
        let CreateBatchTaskRequest {
            container_id,
            file_ids: _,
            kdstoken: _,
            share_id,
            target_file_id,
            task_type,
            zip_name,
        } = task.body().clone();
        Self {
            version: 1,
            endpoint: client.endpoint().to_owned(),
            user_id: client.user_id(),
            share_id,
            container_id,
            task_type,
            zip_name,
            target_file_id,
            split,
            chunk_size: MAX_FILE_IDS,
        }
    }

    /// Returns an error if this header, from a ledger, is that of another run. The error names all differences.
    pub(super) fn compare(&self, ours: &Self, secrets: &[&str]) -> Result<(), LedgerFault> {
        let fields = |header| io::Result::Ok(serde_json::from_value::<Map<_, _>>(serde_json::to_value(header)?)?);
        let (theirs, ours) = (fields(self)?, fields(ours)?);
        let shown = |name, fields: &Map<_, _>| match fields.get(name).map_or("none".to_owned(), Value::to_string) {
            // The value may be a URL with a secret in its credentials, its query or its fragment.
            text if text.contains(['@', '?', '#']) => mask_urls(&text),
            text => text,
        };
        let names = theirs.keys().chain(ours.keys().filter(|name| !theirs.contains_key(*name)));
        let differing: Vec<String> = names
            .filter(|name| theirs.get(*name) != ours.get(*name))
            .map(|name| format!("{name} is {} there and {} here", shown(name, &theirs), shown(name, &ours)))
            .collect();
        if differing.is_empty() {
            return Ok(());
        }
        let differing = sanitize_for_display(&differing.join(", "), secrets);
        Err(LedgerFault::OtherRun(format!("the ledger is of another run: {differing}")))
    }
}

impl State {
    pub(in crate::bulk) fn of(result: Result<&TaskHandle, &Error>) -> Self {
        match result.map_err(|error| (error.outcome_of_chunk(), error.to_string())) {
            Ok(task) => Self::Accepted { task: task.clone() },
            Err((Outcome::Rejected, error)) => Self::Rejected { error },
            Err((Outcome::NotSent, error)) => Self::NotSent { error },
            Err((Outcome::Unknown, error)) => Self::Unknown { error },
        }
    }
}

impl LedgerChunk {
    /// Returns the range of file ids in the chunk, counted from 0; the end is exclusive.
    pub fn range(&self) -> Range<u64> {
        self.start..self.end
    }

    /// Returns the task that was created. The ledger lacks the names of split packages; the items of a resumed run have
    /// them in [`BulkItem::zip_name`](crate::BulkItem::zip_name).
    pub fn task(&self) -> Option<&TaskHandle> {
        if let State::Accepted { task } = &self.state { Some(task) } else { None }
    }

    /// Returns whether a task may exist, or `None` if the task is known.
    pub fn outcome(&self) -> Option<Outcome> {
        match &self.state {
            State::Accepted { .. } => None,
            _ if !self.unsettled().is_empty() => Some(Outcome::Unknown),
            State::Rejected { .. } => Some(Outcome::Rejected),
            State::NotSent { .. } | State::Sending | State::Unknown { .. } => Some(Outcome::NotSent),
        }
    }

    /// Returns the trace ids of requests that may have created a task whose id is not known, the latest one last.
    /// Returns none if the outcome is settled.
    pub fn unsettled(&self) -> Vec<TraceId> {
        let Self { trace_id, unknown_before, .. } = self;
        match self.state {
            State::Accepted { .. } => Vec::new(),
            State::Rejected { .. } | State::NotSent { .. } => unknown_before.clone(),
            State::Sending | State::Unknown { .. } => unknown_before.iter().chain([trace_id]).cloned().collect(),
        }
    }

    /// Returns the error message of the latest request if it failed, or why it was not sent. If its outcome is unknown
    /// and the reply named a task, the message has the task's id.
    pub fn error(&self) -> Option<&str> {
        match &self.state {
            State::Rejected { error } | State::NotSent { error } | State::Unknown { error } => Some(error),
            State::Accepted { .. } | State::Sending => None,
        }
    }

    /// Returns the same chunk with a settlement.
    pub(super) fn settled(&self, header: &Header, settlement: Settlement) -> Self {
        let trace_id = self.unsettled().pop().unwrap_or_else(|| self.trace_id.clone());
        let state = match settlement {
            Settlement::Made(task_id) => State::Accepted {
                task: TaskHandle::new(task_id, &header.share_id, &header.endpoint, Some(trace_id.clone())),
            },
            Settlement::NotMade => State::NotSent { error: "settled: no task was made".to_owned() },
        };
        Self { trace_id, unknown_before: Vec::new(), state, ..self.clone() }
    }
}

/// Returns the digest of file ids as JSON, which keeps the ids apart whatever characters they contain.
pub(in crate::bulk) fn digest(file_ids: &[String]) -> serde_json::Result<String> {
    Ok(sha256(&serde_json::to_vec(file_ids)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(ids: &[&str]) -> String {
        let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
        super::digest(&ids).unwrap()
    }

    #[test]
    fn digest_tells_where_ids_begin_and_end() {
        assert_ne!(digest(&["a\nb", "c"]), digest(&["a", "b\nc"]));
        assert_ne!(digest(&["a\",\"b"]), digest(&["a", "b"]));
        assert_ne!(digest(&["a", "b"]), digest(&["b", "a"]));
        // sha256sum of the bytes ["a","b"].
        let known = "0473ef2dc0d324ab659d3580c1134e9d812035905c4781fdd6d529b0c6860e13";
        assert_eq!(digest(&["a", "b"]), known);
    }

    /// Later versions must read the lines of earlier ones.
    #[test]
    fn lines_keep_their_form() {
        let ids = r#""fileIdsSha256":"0473","traceId":"0000000000000000000000000000000000000000000000000000000000""#;
        let trace_id = "1111111111111111111111111111111111111111111111111111111111";
        let task = format!(
            r#"{{"taskId":"7","shareId":"s","traceId":"{trace_id}","createdAt":"2026-01-02T03:04:05Z","endpoint":"e"}}"#
        );
        let run = r#""version":1,"endpoint":"e","userId":"u","shareId":"s","containerId":"c""#;
        let target = r#""targetFileId":{"containerId":"c","fileId":"root"}"#;
        let doubts = format!(r#""unknownBefore":["{trace_id}"]"#);
        for line in [
            format!(r#"{{"run":{{{run},"taskType":1,"zipName":"z","split":true,"chunkSize":1000}}}}"#),
            format!(r#"{{"run":{{{run},"taskType":2,{target},"split":false,"chunkSize":1000}}}}"#),
            format!(r#"{{"chunk":{{"chunk":0,"start":0,"end":2,{ids},"state":"sending"}}}}"#),
            format!(r#"{{"chunk":{{"chunk":0,"start":0,"end":2,{ids},"state":{{"accepted":{{"task":{task}}}}}}}}}"#),
            format!(r#"{{"chunk":{{"chunk":1,"start":2,"end":4,{ids},"state":{{"rejected":{{"error":"no"}}}}}}}}"#),
            format!(
                r#"{{"chunk":{{"chunk":1,"start":2,"end":4,{ids},"state":{{"notSent":{{"error":"no"}}}},{doubts}}}}}"#
            ),
            format!(r#"{{"chunk":{{"chunk":1,"start":2,"end":4,{ids},"state":{{"unknown":{{"error":"no"}}}}}}}}"#),
            r#"{"end":{"fileIds":4}}"#.to_owned(),
        ] {
            let read: Line = serde_json::from_str(&line).unwrap();
            let expected: Value = serde_json::from_str(&line).unwrap();
            assert_eq!(serde_json::to_value(&read).unwrap(), expected);
        }
    }
}
