//! The integration tests, a file per concept.

mod bulk;
#[cfg(feature = "cli")]
mod cli;
mod emulator;
