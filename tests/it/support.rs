//! Fixtures and servers.

pub(crate) mod bulk;
pub(crate) mod fixtures;
#[cfg(any(feature = "rustls", feature = "native-tls"))]
pub(crate) mod scripted_server;
