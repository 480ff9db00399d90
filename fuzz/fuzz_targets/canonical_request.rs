//! A canonical request can be read back into what was signed, and its own echo never differs from it.
//!
//! An input is three lines (path, `X-Date`, `X-User-Id`), a line of a refusal's message, and the body after them.

#![no_main]

use koodrive_share::{CanonicalRequest, fuzzing::difference};
use libfuzzer_sys::fuzz_target;

const SECRET: &str = "s\"\\ecret-CANARY";

fuzz_target!(|input: &[u8]| {
    let mut parts = input.splitn(5, |byte| *byte == b'\n');
    let mut line = || {
        let line = parts.next().unwrap_or_default();
        String::from_utf8_lossy(line).replace('\r', "")
    };
    // The path is absolute, and without `|`, which separates the lines of an echo.
    let path = format!("/{}", line().replace('|', ""));
    let (date, user_id, message) = (line(), line(), line());
    let body = parts.next().unwrap_or_default();
    let headers = [("X-User-Id", user_id.as_str()), ("Host", "a:1"), ("X-Date", date.as_str())];
    let canonical = CanonicalRequest::new("POST", &path, &[], &headers, body);

    let lines: Vec<&str> = canonical.as_str().split('\n').collect();
    let slash = if path.ends_with('/') { "" } else { "/" };
    assert_eq!(lines.len(), 9, "method, path, query, 3 headers, blank, names, hash");
    assert_eq!(lines[..3], ["POST", &format!("{path}{slash}"), ""]);
    assert_eq!(lines[3], "host:a:1");
    assert_eq!(lines[4], format!("x-date:{}", date.trim()));
    assert_eq!(lines[5], format!("x-user-id:{}", user_id.trim()));
    assert_eq!(lines[6..8], ["", "host;x-date;x-user-id"]);
    assert!(lines[8].len() == 64 && lines[8].bytes().all(|byte| byte.is_ascii_hexdigit()));
    let other = CanonicalRequest::new("POST", &path, &[], &headers, &[body, b"."].concat());
    assert_ne!(canonical.string_to_sign(), other.string_to_sign());

    let own_echo = format!("verify failed: {},ask support", canonical.as_str());
    let text = difference(&canonical, &own_echo, &[]);
    assert!(text.is_none_or(|text| text.contains("the app secret is wrong")), "{own_echo:?}");
    let echo = format!("{message}POST|/{message}|{SECRET}|{}", message.replace('/', SECRET));
    let differing = [message.as_str(), &echo, &echo.replace('|', "\n")];
    for message in differing {
        let Some(text) = difference(&canonical, message, &[SECRET]) else {
            continue;
        };
        assert!(!text.chars().any(char::is_control), "{text:?}");
        let has_other_canary = message.replace(SECRET, "").contains("CANARY") || canonical.as_str().contains("CANARY");
        assert!(has_other_canary || !text.contains("CANARY"), "{text}");
    }
});
