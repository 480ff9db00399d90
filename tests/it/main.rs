//! The integration tests, a file per concept.

mod emulator;
#[cfg(any(feature = "rustls", feature = "native-tls"))]
mod faults;
mod properties;
#[cfg(any(feature = "rustls", feature = "native-tls"))]
mod replies;
#[cfg(any(feature = "rustls", feature = "native-tls"))]
mod scripted_server;
