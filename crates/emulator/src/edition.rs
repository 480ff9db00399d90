//! The editions of the API reference whose answers differ.

/// The edition of the API reference that the answers of getBatchTask follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Edition {
    /// `jobInfo` and `taskInfos`. The default.
    #[default]
    Current,
    /// The edition of 2024-07-30: one object `taskInfo`, with the fields of `jobInfo` and with `resultCode`.
    ///
    /// The values of `resultCode` aren't public. The emulator sends 0 where it sends `taskResultCode`, so that a client
    /// that takes one for the other is noticed.
    July2024,
}

impl Edition {
    /// The name of the object that describes the task.
    pub(crate) fn task_member(self) -> &'static str {
        match self {
            Self::Current => "jobInfo",
            Self::July2024 => "taskInfo",
        }
    }
}
