//! The `Debug` of errors.

/// Implements `Debug` to show the message and its causes, since a `main` that returns the error prints it by `Debug`.
macro_rules! debug_as_chain {
    ($error:ty) => {
        impl std::fmt::Debug for $error {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{self}")?;
                for cause in std::iter::successors(std::error::Error::source(self), |&cause| cause.source()) {
                    write!(f, "; caused by: {cause}")?;
                }
                Ok(())
            }
        }
    };
}

pub(crate) use debug_as_chain;
