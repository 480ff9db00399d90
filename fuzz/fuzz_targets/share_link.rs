//! Any text is a link whose short code needs no encoding, or is refused in one line that holds none of its secrets.

#![no_main]

use koodrive_share::ShareLink;
use libfuzzer_sys::fuzz_target;

/// A secret in the text, such as credentials in a link, or an extract code beside it.
const CANARY: &str = "CANARY";

fuzz_target!(|text: &str| {
    match text.parse::<ShareLink>() {
        Ok(link) => {
            let short_url = link.short_url();
            assert!(!short_url.is_empty() && text.contains(short_url), "{short_url:?}");
            assert!(short_url.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
            // The short code alone is parsed as the same link.
            assert_eq!(short_url.parse::<ShareLink>().as_ref(), Ok(&link));
        }
        Err(error) => {
            let shown = error.to_string();
            assert!(!shown.chars().any(char::is_control) && shown.len() < 2_000, "{shown:?}");
            // Only the host may be shown.
            let host = text.split("://").nth(1).is_some_and(|rest| rest.contains(CANARY));
            assert!(host || !shown.contains(CANARY), "{shown}");
        }
    }
});
