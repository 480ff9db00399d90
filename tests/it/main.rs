//! The integration tests, a file per concept.

mod client_builder;
mod create;
mod credentials;
mod emulator;
#[cfg(any(feature = "rustls", feature = "native-tls"))]
mod faults;
mod fixtures;
#[cfg(feature = "httpmock")]
mod mock;
mod poller;
mod properties;
<<<<<<< HEAD
mod quickstart;
mod readme;
=======
#[cfg(any(feature = "rustls", feature = "native-tls"))]
>>>>>>> 98549ebf9a96097780ebc5684de28e30f925940e
mod replies;
#[cfg(any(feature = "rustls", feature = "native-tls"))]
mod scripted_server;
mod share_task;
mod spec;
mod status;
mod time;
