//! The client that `build.rs` generates from `openapi/koodrive-share.json`.

include!(concat!(env!("OUT_DIR"), "/client.rs"));

// The generator emits these for every spec. Using them here lets the compiler warn of anything else that is not used,
// such as an operation, a header or a schema.
const _: fn(&str, crate::client::exchange::Exchange) -> Client = Client::new;
const _: fn(&str, reqwest::Client, crate::client::exchange::Exchange) -> Client = Client::new_with_client;
const _: fn(String) -> types::error::ConversionError = types::error::ConversionError::from;
