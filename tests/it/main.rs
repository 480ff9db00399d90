//! The integration tests, a file per concept.

mod client_builder;
mod create;
mod credentials;
mod emulator;
mod fixtures;
mod poller;
mod quickstart;
mod readme;
mod share_task;
mod status;
mod time;
