//! The strict emulator accepts what the spec documents: every operation, every header, every field that an example has.
//! When it shows a request, it masks the secrets and no other field. `crates/spec` checks that each field of a request
//! is in an example.

use std::collections::BTreeSet;

use ::spec::{followed, secret_fields};
use chrono::Utc;
use koodrive_share::XDate;
use koodrive_share_emulator::Emulator;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{assert_none, join, spec};

/// The emulator's code for a request that is not as documented.
const VERIFICATION_FAILED: &str = "13000102";

/// Sends a request as it is written. Returns the body of the reply.
async fn send(emulator: &Emulator, line: &str, headers: &str, body: &str) -> Value {
    let host = emulator.endpoint().strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(host).await.unwrap();
    let length = body.len();
    let request = format!(
        "{line} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\nAuthorization: Bearer {}\r\n{headers}\r\n{body}",
        Emulator::DEFAULT_TOKEN
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.unwrap();
    let (_, body) = reply.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {reply}"))
}

/// The parameters of an operation that are in this place.
fn parameters<'a>(spec: &'a Value, operation: &str, place: &str) -> Vec<&'a Value> {
    let parameters = spec.pointer(&format!("{operation}/parameters")).and_then(Value::as_array).map_or(0, Vec::len);
    let parameters = (0..parameters).map(|n| followed(spec, &format!("{operation}/parameters/{n}")));
    parameters.filter_map(|pointer| spec.pointer(&pointer)).filter(|parameter| parameter["in"] == place).collect()
}

/// The headers of an operation, each with its example.
fn headers(spec: &Value, operation: &str) -> String {
    let headers = parameters(spec, operation, "header").into_iter().map(|parameter| {
        let name = parameter["name"].as_str().unwrap();
        let value = if name == "X-Date" {
            XDate::from(Utc::now()).to_string()
        } else {
            parameter["example"].as_str().unwrap().to_owned()
        };
        format!("{name}: {value}\r\n")
    });
    headers.collect()
}

/// The value with its secrets masked.
fn masked(value: &Value, secrets: &BTreeSet<String>) -> Value {
    match value {
        Value::Object(fields) => {
            let masked = |(name, value): (&String, &Value)| {
                let shown = if secrets.contains(name) { json!("***") } else { masked(value, secrets) };
                (name.clone(), shown)
            };
            Value::Object(fields.iter().map(masked).collect())
        }
        Value::Array(items) => items.iter().map(|item| masked(item, secrets)).collect(),
        scalar => scalar.clone(),
    }
}

/// Finds documented requests that the emulator refuses, or shows with other fields masked than the secrets.
async fn refused(spec: &Value) -> Vec<String> {
    let emulator = Emulator::builder().strict(true).start().await.unwrap();
    let secrets = secret_fields(spec);
    let mut findings = Vec::new();
    let items = spec["paths"].as_object().unwrap().iter();
    let operations = items.flat_map(|(path, item)| item.as_object().unwrap().keys().map(move |method| (path, method)));
    for (path, method) in operations {
        let operation = join(&join("/paths", path), method);
        let headers = headers(spec, &operation);
        let query = parameters(spec, &operation, "query").into_iter();
        let query = query.map(|parameter| format!("{}={}", parameter["name"], parameter["example"]).replace('"', ""));
        let query: Vec<_> = query.collect();
        let target = if query.is_empty() { path.clone() } else { format!("{path}?{}", query.join("&")) };
        let line = format!("{} {target}", method.to_uppercase());
        let examples = spec.pointer(&format!("{operation}/requestBody/content/application~1json/examples"));
        let bodies = examples.and_then(Value::as_object).into_iter().flatten();
        let mut bodies: Vec<_> = bodies.map(|(name, example)| (name.as_str(), Some(&example["value"]))).collect();
        if method == "get" {
            bodies.push(("the query", None));
        }
        for (name, body) in bodies {
            let reply = send(&emulator, &line, &headers, &body.map_or_else(String::new, Value::to_string)).await;
            // A made-up task is not found; that is an answer of the operation and no refusal of the request.
            if reply["code"] == VERIFICATION_FAILED || reply.get("error_code").is_some() {
                findings.push(format!("{operation}: the emulator refuses the example {name:?}: {reply}"));
            }
            let shown = emulator.requests().pop().unwrap().to_string();
            let expected = body.map_or_else(String::new, |body| masked(body, &secrets).to_string());
            if !shown.ends_with(&format!("\n\n{expected}")) {
                findings.push(format!(
                    "{operation}: the emulator masks other fields of the example {name:?} than its secrets, so name what is none in PLAIN_FIELDS: {shown}"
                ));
            }
        }
    }
    findings
}

#[tokio::test]
async fn every_documented_request_is_taken_by_the_emulator() {
    assert_none(&refused(&spec()).await);
}

#[tokio::test]
async fn what_the_emulator_does_not_know_is_named() {
    let tasks = "/paths/~1koodrive~1ose~1v1~1share~1tasks/post";
    let known = spec();
    let mut field = known.clone();
    let examples = format!("{tasks}/requestBody/content/application~1json/examples");
    field.pointer_mut(&format!("{examples}/dump/value")).unwrap()["unknown"] = json!("a");
    let mut header = known.clone();
    let unknown = json!({"example": "a", "in": "header", "name": "X-Unknown"});
    header.pointer_mut(&format!("{tasks}/parameters")).unwrap().as_array_mut().unwrap().push(unknown);
    let mut operation = known.clone();
    operation["paths"]["/new"] = known["paths"]["/koodrive/ose/v1/share/tasks"].clone();
    let mut secret = known.clone();
    secret["components"]["schemas"]["ShareId"]["format"] = json!("password");
    for (changed, expected) in [
        (field, "\"dump\": {\"code\":\"13000102\",\"msg\":\"parameter verification failed: unknown: unknown field\"}"),
        (header, "failed: header x-unknown: not documented\"}"),
        (operation, "\"packageDownload\": {\"error_code\":\"APIGW.0101\""),
        (secret, "the emulator masks other fields of the example \"dump\" than its secrets"),
    ] {
        let findings = refused(&changed).await;
        assert!(findings.iter().any(|finding| finding.contains(expected)), "{expected}: {findings:#?}");
    }
}
