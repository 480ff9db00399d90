//! The integration tests, a file per concept.

mod bulk;
#[cfg(feature = "cli")]
mod cli;
#[cfg(any(feature = "rustls", feature = "native-tls"))]
mod client_builder;
mod create;
mod credentials;
mod emulator;
#[cfg(any(feature = "rustls", feature = "native-tls"))]
mod faults;
mod fixtures;
#[cfg(feature = "httpmock")]
mod mock;
mod poller;
mod properties;
mod quickstart;
mod readme;
#[cfg(any(feature = "rustls", feature = "native-tls"))]
mod replies;
#[cfg(any(feature = "rustls", feature = "native-tls"))]
mod scripted_server;
mod share_task;
mod spec;
mod status;
mod time;
