//! The secrets of a call, each of which holds a canary, and the check that none is shown.

use std::{
    error::Error as StdError,
    fmt::{Debug, Write as _},
};

use koodrive_share::{AccessToken, Credentials, Error};
use koodrive_share_emulator::EmulatorBuilder;

use crate::support::{fixtures::strict_emulator, trace::Trace};

/// A part of every secret that is the same when the secret is quoted; the rest of some secrets is not.
const CANARY: &str = "CANARY";

pub(super) const TOKEN: &str = "t0ken.CANARY/aM4+";
const APP_SECRET: &str = "s\"ecr\\et CANARY \u{e9}";
pub(super) const KDSTOKEN: &str = "kds\"\\\u{e9}\n CANARY";
pub(super) const EXTRACT_CODE: &str = "CANARY42";
const DOWNLOAD_URL: &str = "https://download.example/CANARY?sign=a%20b";

/// How a client authenticates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Caller {
    Bearer,
    Verbatim,
    Provider,
    App,
}

impl Caller {
    pub(super) const ALL: [Self; 4] = [Self::Bearer, Self::Verbatim, Self::Provider, Self::App];

    pub(super) fn credentials(self) -> Credentials {
        match self {
            Self::Bearer => Credentials::bearer(TOKEN),
            Self::Verbatim => Credentials::authorization(format!("Bearer+{TOKEN}")),
            Self::Provider => Credentials::provider(|| async { Ok(AccessToken::new(TOKEN)) }),
            Self::App => Credentials::app("app-id", APP_SECRET),
        }
    }

    /// An emulator that accepts these credentials.
    pub(super) fn emulator(self) -> EmulatorBuilder {
        match self {
            Self::Bearer | Self::Provider => strict_emulator().token(TOKEN),
            Self::Verbatim => strict_emulator().authorization(format!("Bearer+{TOKEN}")),
            Self::App => strict_emulator().app("app-id", APP_SECRET),
        }
    }

    /// Replaces the placeholders in a server's text by the secrets in use and the length of the body.
    pub(super) fn fill(self, sent: Vec<u8>) -> Vec<u8> {
        let text = match String::from_utf8(sent) {
            Ok(text) => text,
            Err(other) => return other.into_bytes(),
        };
        let (secret, scheme) = match self {
            Self::Bearer | Self::Provider => (TOKEN, "Bearer "),
            Self::Verbatim => (TOKEN, "Bearer+"),
            Self::App => (APP_SECRET, ""),
        };
        let all = format!("{scheme}{secret}, {secret}, {KDSTOKEN}");
        let quoted = serde_json::to_string(&all).unwrap();
        let mut escaped = String::new();
        for unit in all.encode_utf16() {
            write!(escaped, "\\u{unit:04x}").unwrap();
        }
        let header = if self == Self::App { "none" } else { secret };
        let text = text
            .replace("<secrets>", quoted.trim_matches('"'))
            .replace("<escaped secrets>", &escaped)
            .replace("<token>", header)
            .replace("<kdstoken>", serde_json::to_string(KDSTOKEN).unwrap().trim_matches('"'))
            .replace("<extract code>", EXTRACT_CODE)
            .replace("<download url>", DOWNLOAD_URL);
        let length = text.split_once("\r\n\r\n").map_or(0, |(_, body)| body.len());
        text.replace("<length>", &length.to_string()).into_bytes()
    }
}

/// All texts of an error: itself and its causes, each by `Display` and `Debug`.
pub(super) fn shown(error: &Error) -> Vec<String> {
    let mut shown = vec![];
    let mut link: Option<&dyn StdError> = Some(error);
    while let Some(error) = link {
        shown.extend([error.to_string(), format!("{error:?}"), format!("{error:#?}")]);
        link = error.source();
    }
    shown
}

#[track_caller]
pub(super) fn assert_hides_secrets(what: &str, text: &str) {
    let context = text.find(CANARY).map(|at| {
        let around = text.char_indices().map(|(n, _)| n).filter(|n| n.abs_diff(at) < 200);
        let (start, end) = (around.clone().min(), around.max());
        &text[start.unwrap_or(0)..end.unwrap_or(0)]
    });
    assert_eq!(context, None, "{what} shows a secret");
}

#[track_caller]
pub(super) fn assert_debug_hides_secrets(value: &impl Debug) {
    assert_hides_secrets("Debug", &format!("{value:?} {value:#?}"));
}

/// The check for leaks works only if events and log records are gathered.
#[tokio::test]
async fn trace_holds_events_and_log_records() {
    let trace = Trace::start();
    tracing::trace!("{CANARY}");
    log::trace!("{TOKEN}");
    let text = trace.text();
    assert_eq!(text.matches(CANARY).count(), 2, "{text}");
    let caught = std::panic::catch_unwind(|| assert_hides_secrets("a trace", &text));
    assert!(caught.is_err());
    drop(trace);
}
