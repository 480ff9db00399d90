//! Shares of the emulator, and the requests about them.

use koodrive_share::{Share, ShareLink};
use koodrive_share_emulator::{EmulatedShare, Emulator};

use super::fixtures::{client, strict_emulator};

pub(crate) const CODE: &str = EmulatedShare::EXAMPLE_EXTRACT_CODE;

/// Returns the link of the emulator's example share.
pub(crate) fn link() -> ShareLink {
    EmulatedShare::EXAMPLE.parse().unwrap()
}

/// Starts a strict emulator with this share alone.
pub(crate) async fn with_share(share: EmulatedShare) -> Emulator {
    strict_emulator().share(share).start().await.unwrap()
}

/// Opens the share with the example's short code.
pub(crate) async fn open(emulator: &Emulator, extract_code: Option<&str>) -> Share {
    client(emulator).open_share(&link(), extract_code).await.unwrap()
}

/// Returns the requests as `method path`.
pub(crate) fn paths(emulator: &Emulator) -> Vec<String> {
    let requests = emulator.requests();
    requests.iter().map(|request| format!("{} {}", request.method(), request.path())).collect()
}
