//! The headers: the generator drops their patterns, so the wrapper has to accept the same texts.

use ::spec::json_schema;
use koodrive_share::{TraceId, XDate};
use serde_json::{Value, json};

use super::{assert_none, spec};
use crate::support::fixtures::{TRACE_ID, builder_at};

/// Each text, whether the schema of a header accepts it, and whether the wrapper does.
fn judged(spec: &Value, schema: &str, texts: &[String], wrapper: fn(&str) -> bool) -> Vec<(String, bool, bool)> {
    let reference = json!({"$ref": format!("#/components/schemas/{schema}")});
    let validator = jsonschema::draft7::new(&json_schema(spec, &reference)).unwrap();
    let judge = |text: &String| {
        let valid = validator.is_valid(&Value::from(text.as_str()));
        (text.clone(), valid, wrapper(text))
    };
    texts.iter().map(judge).collect()
}

fn disagreements(judged: &[(String, bool, bool)]) -> Vec<String> {
    // There must be texts of both kinds; otherwise nothing was tested.
    assert!(judged.iter().any(|(_, valid, _)| *valid));
    assert!(judged.iter().any(|(_, valid, _)| !valid));
    let disagreements = judged.iter().filter(|(_, spec, wrapper)| spec != wrapper);
    disagreements.map(|(text, spec, wrapper)| format!("{text:?}: spec {spec}, wrapper {wrapper}")).collect()
}

/// Trace ids that only one of the spec and the wrapper accepts.
pub(super) fn disputed_trace_ids(spec: &Value) -> Vec<String> {
    let id = TRACE_ID;
    let mut texts = vec![id.to_owned(), id[1..].to_owned(), format!("{id}a"), format!("{id}\n"), String::new()];
    // In place of the last character, so that the length stays: ASCII, its neighbours, and a digit that is not ASCII.
    let last = (0..=0xff).map(char::from).chain(['７', '\u{0660}']);
    texts.extend(last.map(|last| format!("{}{last}", &id[1..])));
    disagreements(&judged(spec, "TraceId", &texts, |text| text.parse::<TraceId>().is_ok()))
}

#[test]
fn trace_ids_are_those_of_the_pattern() {
    assert_none(&disputed_trace_ids(&spec()));
}

#[test]
fn header_texts_are_those_of_the_pattern() {
    let client = |user_id: &str| builder_at("http://127.0.0.1:1").user_id(user_id).build().is_ok();
    // The bounds of visible ASCII and the bytes outside of them, but not all between: building a client takes its time.
    let characters = || (0..=0x21).chain(0x7e..=0xff).map(char::from).chain(['中', '\u{2028}']);
    let mut texts = vec![String::new(), "  ".to_owned()];
    texts.extend(characters().map(|character| character.to_string()));
    texts.extend(characters().map(|character| format!("a{character}b")));
    texts.extend(characters().map(|character| format!("{character}b")));
    texts.extend(characters().map(|character| format!("a{character}")));
    assert_none(&disagreements(&judged(&spec(), "HeaderText", &texts, client)));
}

#[test]
fn dates_are_those_of_the_pattern_that_the_calendar_holds() {
    let texts = [
        "20251103T070140Z",
        "20240229T235959Z",
        "2025-11-03T07:01:40Z",
        "20251103T070140",
        "20251103t070140z",
        "20251103T070140Z\n",
        " 20251103T070140Z",
        "20251103T07014Z",
        "+2025113T070140Z",
        "２０２５1103T070140Z",
        "",
    ];
    let judge = |texts: &[&str]| {
        let texts: Vec<_> = texts.iter().map(|text| (*text).to_owned()).collect();
        judged(&spec(), "XDate", &texts, |text| text.parse::<XDate>().is_ok())
    };
    assert_none(&disagreements(&judge(&texts)));
    for (text, spec, wrapper) in judge(&["20250229T070140Z", "20251303T070140Z", "20251103T250140Z"]) {
        assert!(spec && !wrapper, "{text}");
    }
}
