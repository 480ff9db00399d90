//! What `Debug` shows of an error.

/// Lets `Debug` show the message and its causes: it is what a `main` that returns the error prints.
macro_rules! debug_as_chain {
    ($error:ty) => {
        impl std::fmt::Debug for $error {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{self}")?;
                let mut cause = std::error::Error::source(self);
                while let Some(error) = cause {
                    write!(f, "; caused by: {error}")?;
                    cause = error.source();
                }
                Ok(())
            }
        }
    };
}

pub(crate) use debug_as_chain;
