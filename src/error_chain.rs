//! What `Debug` shows of an error.

/// Lets `Debug` show the message and its causes: it is what a `main` that returns the error prints.
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
