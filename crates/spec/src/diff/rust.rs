//! The effect of a change on the Rust API: on the generated code, and on our files that must follow.

use std::fmt::Write as _;

use super::compare::{Comparison, OldAndNew};
use crate::{document::component, replacements, schema::Schema};

/// The Rust type that replaces the generated one of a schema, if there is one.
fn replacement(this: &Comparison<'_>, schema: &str) -> Option<&'static str> {
    let schemas = [this.new, this.old].map(|spec| &spec["components"]["schemas"][schema]);
    let is_text = schemas.iter().any(|schema| schema["type"] == "string" && schema["enum"].is_null());
    replacements::replacement(schema, is_text)
}

/// Converts a name to snake case: `createBatchTask` becomes `create_batch_task`.
pub(super) fn snake(name: &str) -> String {
    let mut snake = String::new();
    let mut last = '_';
    for letter in name.chars() {
        if letter.is_uppercase() && last != '_' {
            snake.push('_');
        }
        last = if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '_' };
        snake.push(last);
    }
    snake
}

/// The type of the schema at `pointer`. The plain fields of replies are read leniently.
fn type_of(this: &Comparison<'_>, newer: bool, pointer: &str) -> String {
    let schema = Schema::at(if newer { this.new } else { this.old }, pointer);
    if let Some(ours) = schema.names.iter().find_map(|name| replacement(this, name))
        && (ours.starts_with("crate") || !(this.is_reply() || ours.starts_with("::")))
    {
        return ours.to_owned();
    }
    let plain = schema.get("type").and_then(|of_type| of_type.as_str()).unwrap_or_default();
    let (strict, lenient) = match plain {
        "string" => ("String", "LenientText"),
        "integer" => ("i64", "LenientInt"),
        "number" => ("f64", "LenientNumber"),
        "boolean" => ("bool", "LenientBool"),
        "array" => {
            let item = schema.keywords.get("items").map(|(at, _)| type_of(this, newer, at));
            let list = if this.is_reply() { "LenientList" } else { "Vec" };
            return format!("{list}<{}>", item.unwrap_or_default());
        }
        _ => return (*schema.names.first().unwrap_or(&"a type of its own")).to_owned(),
    };
    (if this.is_reply() { lenient } else { strict }).to_owned()
}

fn field_type(this: &Comparison<'_>, newer: bool, pointer: &str, required: bool) -> String {
    let of_type = type_of(this, newer, pointer);
    if required || of_type.starts_with("Vec<") { of_type } else { format!("Option<{of_type}>") }
}

/// As in `JobInfo::result_code`.
fn field(pointer: &str) -> String {
    let name = snake(pointer.rsplit('/').next().unwrap_or_default());
    match component(pointer) {
        Some(("schemas", owner)) => format!("`{owner}::{name}`"),
        _ => format!("`{name}`"),
    }
}

pub(super) fn added_field(this: &Comparison<'_>, pointer: &str, required: bool) -> String {
    let of_type = field_type(this, true, pointer, required);
    let mut text = format!("{} is new, `{of_type}`", field(pointer));
    if !this.is_reply() {
        let _ = write!(text, ": what makes a request in src/ does not compile until it is given");
    }
    text
}

pub(super) fn removed_field(pointer: &str) -> String {
    format!("{} is gone", field(pointer))
}

pub(super) fn required(this: &Comparison<'_>, pointer: &str, required: bool) -> String {
    let [was, is] = [!required, required].map(|required| field_type(this, true, pointer, required));
    format!("{} is `{is}`, was `{was}`", field(pointer))
}

/// The effect of a schema whose Rust type has changed.
pub(super) fn retyped(this: &Comparison<'_>, (was, is): OldAndNew<'_>) -> Option<String> {
    let [before, after] = [(false, was), (true, is)].map(|(newer, pointer)| type_of(this, newer, pointer));
    (before != after).then(|| format!("{} is `{after}`, was `{before}`", field(is)))
}

/// The effect of a changed limit in a request.
pub(super) fn unchecked(this: &Comparison<'_>, at: &str) -> String {
    let generated = match component(at) {
        Some(("schemas", name)) if replacement(this, name).is_none() && at.matches('/').count() == 4 => {
            return format!("the generated `{name}` checks it");
        }
        _ => "no generated type changes, since the generator drops this limit",
    };
    format!("{generated}; see that src/ refuses what breaks it")
}

pub(super) fn values(this: &Comparison<'_>, at: &str) -> String {
    match component(at).and_then(|(_, name)| replacement(this, name)) {
        Some(ours) => format!("`{ours}` is ours: change it by hand"),
        None => "a variant of the generated type".to_owned(),
    }
}

/// The effect of a parameter that is new (`required` or not) or is gone (`None`).
pub(super) fn parameter(place: &str, name: &str, required: Option<bool>) -> String {
    let field = snake(name);
    match (place, required) {
        ("header", Some(required)) => {
            let of_type = if required { "HeaderValue" } else { "Option<HeaderValue>" };
            format!("`Headers::{field}` is new, `{of_type}`: src/client/attempt.rs does not compile until it is filled")
        }
        ("header", None) => format!("`Headers::{field}` is gone"),
        (_, Some(_)) => format!("the generated method takes another argument, `{field}`"),
        (_, None) => format!("the generated method takes no `{field}` any more"),
    }
}

pub(super) fn operation(id: &str, what: &str) -> String {
    format!("`{}` {what}, and src/client/operation.rs must follow", snake(id))
}

pub(super) fn schema_type(this: &Comparison<'_>, name: &str, what: &str) -> String {
    match replacement(this, name) {
        Some(ours) => format!("its type is `{ours}`"),
        None => format!("the generated type `{name}` {what}"),
    }
}
