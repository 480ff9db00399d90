//! The integration tests, a file per concept.

mod bulk;
#[cfg(feature = "cli")]
mod cli;
mod client_builder;
mod create;
mod credentials;
mod emulator;
mod faults;
mod fixtures;
mod poller;
mod properties;
mod quickstart;
mod readme;
mod replies;
mod scripted_server;
mod share_task;
mod status;
mod time;
