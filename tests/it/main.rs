//! The integration tests, a file per concept.

mod bulk;
mod emulator;
