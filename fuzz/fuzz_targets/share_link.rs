//! Any text is a link whose short code needs no encoding, or is refused in one line that holds none of its secrets.

#![no_main]

use koodrive_share::ShareLink;
use libfuzzer_sys::fuzz_target;

/// As in a link with credentials, or beside an extract code.
const CANARY: &str = "CANARY";

fuzz_target!(|text: &str| {
    match text.parse::<ShareLink>() {
        Ok(link) => {
            let short_url = link.short_url();
            assert!(!short_url.is_empty() && text.contains(short_url), "{short_url:?}");
            assert!(short_url.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
            // What is read is read alike when it is given alone.
            assert_eq!(short_url.parse::<ShareLink>().as_ref(), Ok(&link));
        }
        Err(error) => {
            let shown = error.to_string();
            assert!(!shown.chars().any(char::is_control) && shown.len() < 2_000, "{shown:?}");
            // A host is shown, and nothing else.
            let host = text.split("://").nth(1).is_some_and(|rest| rest.contains(CANARY));
            assert!(host || !shown.contains(CANARY), "{shown}");
        }
    }
});
