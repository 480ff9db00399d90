//! The integration tests, a file per concept.

mod emulator;
mod faults;
mod scripted_server;
