//! The integration tests, a file per concept.

#![cfg_attr(windows, allow(dead_code, unused_imports, reason = "some tests are for Unix"))]

mod bulk;
#[cfg(feature = "tls")]
mod client_builder;
mod concurrent;
mod contributing;
mod create;
mod credentials;
mod download;
mod error;
#[cfg(feature = "tls")]
mod faults;
mod lenient;
mod memory;
mod outcome;
mod poller;
mod properties;
mod quickstart;
mod redact;
mod replies;
mod reply_limits;
mod retry;
mod share;
mod share_task;
mod spans;
mod spec;
mod status;
#[cfg_attr(not(feature = "tls"), allow(dead_code, reason = "only tests that need TLS use all of it"))]
mod support;
mod task_ids;
mod time;
mod transport;
mod users;
