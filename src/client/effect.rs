//! What an operation does on the server, and what follows for a request that may have got through.

/// What an operation does on the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Nothing: it may be repeated.
    Reads,
    /// Each request makes a task of its own.
    CreatesTask,
}

impl Effect {
    /// A request that may have got through may be sent again.
    pub(crate) fn is_idempotent(self) -> bool {
        match self {
            Self::Reads => true,
            Self::CreatesTask => false,
        }
    }

    /// A call changes nothing.
    pub(crate) fn is_query(self) -> bool {
        match self {
            Self::Reads => true,
            Self::CreatesTask => false,
        }
    }
}
