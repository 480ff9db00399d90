//! Fixtures and servers.

pub(crate) mod bulk;
pub(crate) mod bulk_run;
#[cfg(any(feature = "rustls", feature = "native-tls"))]
pub(crate) mod certificates;
pub(crate) mod fixtures;
#[cfg(any(feature = "rustls", feature = "native-tls"))]
pub(crate) mod full_house;
#[cfg(any(feature = "rustls", feature = "native-tls"))]
pub(crate) mod scripted_server;
