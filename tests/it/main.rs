//! The integration tests, a file per concept.

mod emulator;
