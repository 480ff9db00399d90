//! The integration tests, a file per concept.

mod emulator;
mod faults;
mod properties;
mod replies;
mod scripted_server;
