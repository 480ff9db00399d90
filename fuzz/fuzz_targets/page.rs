//! Any page of a listing becomes files that have an id and are safe to show, or an error that shows no secret.
//!
//! An input is a line with the status, and the body after it.

#![no_main]

use bytes::Bytes;
use http::StatusCode;
use koodrive_share::{Outcome, fuzzing::read_page};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

/// The token has characters of each kind that JSON and `Debug` escape.
const KDSTOKEN: &str = "kds\"\\\u{e9}\nCANARY";

const CANARY: &str = "CANARY";

fuzz_target!(|input: &[u8]| {
    let mut parts = input.splitn(2, |byte| *byte == b'\n');
    let status = parts.next().and_then(|status| StatusCode::from_bytes(status).ok());
    let Some(status) = status else { return };
    let body = String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
    let json: Option<Value> = serde_json::from_str(&body).ok();
    match read_page(status, Bytes::from(body.clone()), KDSTOKEN) {
        Ok(files) => {
            assert!(status.is_success(), "success under {status}");
            let listed = json.as_ref().and_then(|json| json["files"].as_array()).map_or(0, Vec::len);
            // If a name occurs twice, the library and `Value` may take different values.
            assert!(files.len() == listed || body.matches("files").count() != 1, "{} of {listed}", files.len());
            for file in files {
                assert!(!file.id.is_empty());
                assert!(!file.to_string().chars().any(char::is_control), "{file}");
                let _ = (file.size, file.file_type, &file.container_id, &file.edited);
            }
        }
        Err(error) => {
            assert_ne!(error.outcome(), Outcome::NotSent);
            let shown = [error.to_string(), format!("{error:?}")];
            assert!(!shown[0].chars().any(char::is_control), "{:?}", shown[0]);
            // A canary outside of the whole secret was made by the fuzzer, and so may be one in JSON escapes or in
            // markup.
            let has_other_canary = body.replace(KDSTOKEN, "").contains(CANARY) || body.contains(['\\', '<']);
            assert!(has_other_canary || shown.iter().all(|text| !text.contains(CANARY)), "{}", shown[1]);
        }
    }
});
