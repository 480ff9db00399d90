//! Tests of what concurrent callers share, in schedules that shuttle generates: the token cache, and bulk runs.
//!
//! `build.rs` copies the library's own modules; `client.rs` replaces its client.

mod client;
mod runtime;
mod shuttled;

include!(concat!(env!("OUT_DIR"), "/library/modules.rs"));

mod cache;
mod clock;
mod runs;
mod schedules;
mod tokio;
