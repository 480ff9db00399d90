//! Which chunk has got which task.

use std::{collections::HashMap, hash::BuildHasher};

/// Digests of the ids of a run's tasks, each with its chunk: some 30 bytes for each.
#[derive(Debug, Default)]
pub(super) struct TaskIds(HashMap<u64, u64>);

impl TaskIds {
    /// Takes note of a chunk's task. False if another chunk has got it.
    pub(super) fn note(&mut self, task_id: &str, chunk: u64) -> bool {
        let digest = self.0.hasher().hash_one(task_id);
        *self.0.entry(digest).or_insert(chunk) == chunk
    }
}
