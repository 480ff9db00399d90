//! Shares of the emulator, and what is sent about them.

use koodrive_share::{Share, ShareLink};
use koodrive_share_emulator::{EmulatedShare, Emulator};

use super::fixtures::{client, strict_emulator};

pub(crate) const CODE: &str = EmulatedShare::EXAMPLE_EXTRACT_CODE;

/// The link of the emulator's example share.
pub(crate) fn link() -> ShareLink {
    EmulatedShare::EXAMPLE.parse().unwrap()
}

/// A strict emulator with this share alone.
pub(crate) async fn with_share(share: EmulatedShare) -> Emulator {
    strict_emulator().share(share).start().await.unwrap()
}

/// The share with the example's short code.
pub(crate) async fn open(emulator: &Emulator, extract_code: Option<&str>) -> Share {
    client(emulator).open_share(&link(), extract_code).await.unwrap()
}

/// What was sent, as `method target`.
pub(crate) fn paths(emulator: &Emulator) -> Vec<String> {
    let requests = emulator.requests();
    requests.iter().map(|request| format!("{} {}", request.method(), request.path())).collect()
}
