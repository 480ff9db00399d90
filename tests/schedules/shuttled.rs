//! The standard library with shuttle's mutex, and a `metadata` during which other tasks may run, as they do during disk
//! access.

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
