//! Fixtures and servers.

pub(crate) mod answers;
pub(crate) mod bulk;
pub(crate) mod bulk_run;
pub(crate) mod certificates;
pub(crate) mod fixtures;
pub(crate) mod full_queue;
pub(crate) mod own_server;
pub(crate) mod packages;
pub(crate) mod scripted_server;
pub(crate) mod share;
pub(crate) mod trace;
