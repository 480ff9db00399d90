//! The integration tests, a file per concept.

mod client_builder;
mod create;
mod credentials;
mod emulator;
mod faults;
mod fixtures;
#[cfg(feature = "httpmock")]
mod mock;
mod poller;
mod properties;
mod quickstart;
mod readme;
mod replies;
mod scripted_server;
mod share_task;
mod spec;
mod status;
mod time;
