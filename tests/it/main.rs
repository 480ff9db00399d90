//! The integration tests, a file per concept.

mod emulator;
#[cfg(feature = "httpmock")]
mod mock;
mod spec;
