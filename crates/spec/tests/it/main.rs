//! The tests, a file per concept.

mod command;
mod diff;
mod examples;
mod mutations;
mod support;
