//! The client that `build.rs` generates from `openapi/koodrive-share.json`.

include!(concat!(env!("OUT_DIR"), "/client.rs"));
