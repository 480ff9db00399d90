//! The form of a new part, in words.

use serde_json::Value;

use super::schemas::BOUNDS;
use crate::{
    document::{items, join},
    schema::{Schema, is_annotation},
};

/// As in ``NotifyUrl: text, at most 256 characters, pattern `^https://` ``.
pub(super) fn form(spec: &Value, pointer: &str) -> String {
    let schema = Schema::at(spec, pointer);
    let words = describe(spec, &schema);
    // The sentence about a new component has its name already.
    match schema.names.first().filter(|name| join("/components/schemas", name) != pointer) {
        Some(name) => format!("{name}: {words}"),
        None => words,
    }
}

fn describe(spec: &Value, schema: &Schema<'_>) -> String {
    let mut words: Vec<_> = of_type(spec, schema).into_iter().collect();
    for (keyword, (at, value)) in &schema.keywords {
        words.push(match *keyword {
            "type" | "items" | "nullable" => continue,
            annotation if is_annotation(annotation) => continue,
            "enum" => format!("one of {}", items(value).map(Value::to_string).collect::<Vec<_>>().join(", ")),
            "format" if *value == "password" => "a secret".to_owned(),
            "oneOf" | "anyOf" => {
                let alternatives = (0..items(value).count()).map(|n| part(spec, &format!("{at}/{n}")));
                alternatives.collect::<Vec<_>>().join(" or ")
            }
            "pattern" => format!("pattern `{}`", value.as_str().unwrap_or_default()),
            _ => match BOUNDS.iter().find(|(bound, ..)| bound == keyword) {
                Some((_, says, unit)) => bound(says, value, unit),
                None => format!("{keyword} {value}"),
            },
        });
    }
    let fields = schema.properties.iter().map(|(name, at)| {
        let required = if schema.required.contains_key(name) { "required, " } else { "" };
        format!("{name} ({required}{})", part(spec, at))
    });
    let fields: Vec<_> = fields.collect();
    if !fields.is_empty() {
        words.push(format!("with {}", fields.join(", ")));
    }
    if words.is_empty() { "anything".to_owned() } else { words.join(", ") }
}

/// As in `text or null`, or `array of ShareFile`.
fn of_type(spec: &Value, schema: &Schema<'_>) -> Option<String> {
    let mut words = match schema.get("type")?.as_str()? {
        "string" => "text".to_owned(),
        other => other.to_owned(),
    };
    if let Some((at, _)) = schema.keywords.get("items") {
        let item = part(spec, at);
        words = if item.contains(' ') { format!("{words} of ({item})") } else { format!("{words} of {item}") };
    }
    if schema.get("nullable") == Some(&Value::Bool(true)) {
        words.push_str(" or null");
    }
    Some(words)
}

/// As in `at most 256 characters`.
fn bound(says: &str, limit: &Value, unit: &str) -> String {
    let most = says.split_once(' ').map_or(says, |(_, most)| most);
    let unit = if *limit == 1 { unit.trim_end_matches('s') } else { unit };
    format!("{most} {limit}{unit}")
}

/// The form of an inner schema, or only the name if it is a component: the form of a new component is reported on its
/// own.
fn part(spec: &Value, pointer: &str) -> String {
    let schema = Schema::at(spec, pointer);
    match schema.names.first() {
        Some(name) => (*name).to_owned(),
        None => describe(spec, &schema),
    }
}
