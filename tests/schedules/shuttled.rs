//! The standard library, with a mutex of shuttle's, and a disk that others do not wait for.

pub(crate) use std::*;

pub(crate) mod fs {
    use std::{io, path::Path};

    pub(crate) use std::fs::*;

    pub(crate) fn metadata(path: impl AsRef<Path>) -> io::Result<Metadata> {
        shuttle::thread::yield_now();
        std::fs::metadata(path)
    }
}

pub(crate) mod sync {
    pub(crate) use shuttle::sync::{Mutex, MutexGuard};
    pub(crate) use std::sync::*;
}
