//! What many callers share, in the orders that shuttle makes: the cache of a token, and bulk runs.
//!
//! The modules are the library's own, which `build.rs` copies, with `client.rs` in place of its client.

mod client;
mod runtime;
mod shuttled;

include!(concat!(env!("OUT_DIR"), "/library/modules.rs"));

mod cache;
mod clock;
mod runs;
mod schedules;
mod tokio;
