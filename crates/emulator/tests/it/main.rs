//! The emulator, from outside: raw HTTP over TCP.

mod answers;
mod authentication;
mod body;
mod connections;
mod faults;
mod headers;
mod packages;
mod paths;
mod recording;
mod schedule;
mod secrets;
mod shares;
mod signature;
mod support;
mod throttle;
