//! Shares, from their links to their tasks, against the emulator.

mod files;
mod link;
mod open;
mod patience;
mod tasks;
