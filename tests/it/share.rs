//! From a share link to its tasks, against the emulator.

mod files;
mod link;
mod open;
mod patience;
mod tasks;
