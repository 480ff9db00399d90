//! The task ids of a run, and the chunk of each.

use std::{collections::HashMap, hash::BuildHasher};

/// Maps the digest of each task id to its chunk. A task takes about 30 bytes.
#[derive(Debug, Default)]
pub(super) struct TaskIds(HashMap<u64, u64>);

impl TaskIds {
    /// Records the task of a chunk. Returns false if the task belongs to another chunk.
    pub(super) fn note(&mut self, task_id: &str, chunk: u64) -> bool {
        let digest = self.0.hasher().hash_one(task_id);
        *self.0.entry(digest).or_insert(chunk) == chunk
    }
}
