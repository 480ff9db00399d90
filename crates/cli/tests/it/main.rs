//! The command-line tool as a process, a file per concern.

#![cfg_attr(windows, allow(dead_code, unused_imports, reason = "tests with signals and limits are for Unix"))]

mod completions;
mod disk;
mod emulator;
mod exit_status;
mod file_ids;
mod flags;
#[cfg(unix)]
mod interrupts;
mod json;
mod kills;
mod ledger;
mod link_ids;
#[cfg(target_os = "linux")]
mod memory;
mod own_ledger;
mod patience;
mod secrets;
#[cfg(unix)]
mod session;
mod share;
mod support;
mod tasks;
#[cfg(target_os = "linux")]
mod terminal;
mod text;
