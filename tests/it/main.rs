//! The integration tests, a file per concept.

mod bulk;
#[cfg(any(feature = "rustls", feature = "native-tls"))]
mod client_builder;
mod create;
mod credentials;
#[cfg(any(feature = "rustls", feature = "native-tls"))]
mod faults;
mod poller;
mod properties;
mod quickstart;
mod readme;
#[cfg(any(feature = "rustls", feature = "native-tls"))]
mod replies;
mod share_task;
mod spec;
mod status;
mod support;
mod time;
