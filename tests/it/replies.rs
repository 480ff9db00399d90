//! Replies that fuzzing started from or found, each with its outcome.
//!
//! `tests/testdata/replies` holds them as the fuzz target `reply` reads them: four lines (status, `Date`, `Retry-After`,
//! `X-request-id`) and the body after them.

use std::{collections::BTreeMap, fs};

use koodrive_share::{Credentials, Error, Outcome, TaskHandle};

use crate::support::{
    fixtures::{builder_at, package},
    scripted_server::{ScriptedServer, Step, chunked},
};

/// The secrets of the fuzz target, which the replies repeat.
const TOKEN: &str = "bearer-CANARY";
const KDSTOKEN: &str = "kds\"\\\u{e9}\nCANARY";

const MADE: Option<Outcome> = None;
const REJECTED: Option<Outcome> = Some(Outcome::Rejected);
const UNKNOWN: Option<Outcome> = Some(Outcome::Unknown);

/// The outcome and the code of each reply.
const CASES: [(&str, Option<Outcome>, Option<&str>); 45] = [
    ("accepted", MADE, None),
    ("array", UNKNOWN, None),
    ("array-of-a-refusal", REJECTED, None),
    // The values are in the order of the answer's fields; serde would read them as the object.
    ("array-of-an-answer", UNKNOWN, None),
    ("byte-order-mark", MADE, None),
    ("code-beyond-f64", UNKNOWN, None),
    ("code-beyond-i64", UNKNOWN, Some("18446744073709551616")),
    ("code-in-words", UNKNOWN, Some("SUCCESS")),
    ("code-negative", UNKNOWN, Some("-1")),
    ("code-negative-zero", MADE, None),
    ("code-of-a-dash", UNKNOWN, Some("-")),
    ("code-of-a-fraction", UNKNOWN, None),
    ("code-of-zeros", MADE, None),
    ("code-twice", UNKNOWN, None),
    ("code-unlisted-under-500", UNKNOWN, Some("13999999")),
    ("code-with-leading-zeros", UNKNOWN, Some("0013999999")),
    ("code-without-task", UNKNOWN, Some("0")),
    ("created", MADE, None),
    ("created-code-as-string", MADE, None),
    ("deep", UNKNOWN, None),
    ("echo-as-code", REJECTED, Some("***")),
    ("echo-in-escapes", REJECTED, Some("13000102")),
    ("empty", UNKNOWN, None),
    ("gateway", REJECTED, Some("APIGW.0301")),
    ("gateway-clock", REJECTED, Some("APIG.0301")),
    ("gateway-gave-up", UNKNOWN, Some("APIGW.0201")),
    ("gateway-throttles", REJECTED, Some("APIGW.0308")),
    ("gateway-under-200", REJECTED, Some("APIGW.0308")),
    ("html", UNKNOWN, None),
    ("not-modified", UNKNOWN, None),
    ("not-utf-8", REJECTED, Some("13000102")),
    ("refused", REJECTED, Some("13000311")),
    ("refused-code-as-string", REJECTED, Some("13000311")),
    ("refused-under-500", REJECTED, Some("13000302")),
    ("retry-after-date", UNKNOWN, None),
    ("task-beside-refusal", UNKNOWN, Some("13999999")),
    ("task-twice", UNKNOWN, None),
    ("terminal-escapes", REJECTED, Some("13000102")),
    ("truncated", UNKNOWN, None),
    ("unread-field-not-utf-8", MADE, None),
    ("unread-field-of-a-refusal", REJECTED, Some("13003011")),
    ("unread-number-beyond-f64", MADE, None),
    ("url-in-a-message", REJECTED, Some("13000311")),
    ("url-in-a-refusal", REJECTED, Some("13000311")),
    ("url-unreadable", REJECTED, Some("13000311")),
];

#[tokio::test]
async fn kept_replies_mean_what_they_did() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/replies");
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let mut files: BTreeMap<String, Vec<u8>> = files
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read(path).unwrap())
        })
        .collect();
    for (name, outcome, code) in CASES {
        let file = files.remove(name).unwrap_or_else(|| panic!("no file {name}"));
        for framing in [Framing::Length, Framing::Chunked] {
            let script = vec![vec![Step::Request, Step::Send(http_reply(&file, framing))]];
            let server = ScriptedServer::start(script).await;
            let created = create(&server.endpoint()).await;
            server.finish().await;
            let told = created.as_ref().err().map(|error| {
                let text = format!("{error} {error:?} {error:#?}");
                assert!(!text.contains("CANARY"), "{name}: {text}");
                assert!(!error.to_string().contains(char::is_control), "{name}: {text}");
                (error.outcome(), error.service_code().map(ToString::to_string))
            });
            let expected = outcome.map(|outcome| (outcome, code.map(str::to_owned)));
            assert_eq!(told, expected, "{name}, {framing:?}: {created:?}");
        }
    }
    assert!(files.is_empty(), "without an expectation: {:?}", files.keys());
}

async fn create(endpoint: &str) -> Result<TaskHandle, Error> {
    let client = builder_at(endpoint)
        .credentials(Credentials::bearer(TOKEN))
        .max_attempts(1)
        // The clock shows the time of the replies, so that it cannot explain a refusal.
        .clock(|| "2025-11-03T07:01:40Z".parse().unwrap())
        .build()
        .unwrap();
    client.create(&package().kdstoken(KDSTOKEN).build().unwrap()).await
}

/// How a reply states the end of its body. The outcome must not depend on it.
#[derive(Clone, Copy, Debug)]
enum Framing {
    Length,
    Chunked,
}

fn http_reply(file: &[u8], framing: Framing) -> Vec<u8> {
    let mut parts = file.splitn(5, |byte| *byte == b'\n');
    let mut line = || String::from_utf8(parts.next().unwrap().to_vec()).unwrap();
    let (status, date, retry_after, request_id) = (line(), line(), line(), line());
    let body = parts.next().unwrap();
    let length = body.len();
    let (framing, body) = match framing {
        _ if status == "304" => (String::new(), body.to_vec()),
        Framing::Length => (format!("Content-Length: {length}\r\n"), body.to_vec()),
        Framing::Chunked => ("Transfer-Encoding: chunked\r\n".to_owned(), chunked(&[body])),
    };
    let head = format!(
        "HTTP/1.1 {status} Kept\r\nDate: {date}\r\nRetry-After: {retry_after}\r\nX-request-id: {request_id}\r\n{framing}\r\n"
    );
    [head.as_bytes(), &body].concat()
}
