//! Documents and changes of them.

use serde_json::Value;
use spec::{Input, Report, canonical, last_released};

/// The repository's document as it would be without any mistake: the last released one.
pub(crate) fn released() -> Value {
    last_released().unwrap().1
}

/// The input of `check` for a document, with the `CHANGES.md` that it should have.
pub(crate) fn input(spec: Value) -> Input {
    let own = Input::of_repository().unwrap();
    let changes = Report::of(&released(), &spec).changes_file();
    Input { text: canonical(&spec), spec, changes, ..own }
}

pub(crate) fn at<'a>(spec: &'a mut Value, pointer: &str) -> &'a mut Value {
    spec.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer} does not exist"))
}

/// Sets a value, whether there is one at the pointer or not.
pub(crate) fn put(spec: &mut Value, pointer: &str, value: Value) {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    match at(spec, parent) {
        Value::Array(items) => match key.parse::<usize>() {
            Ok(n) if n < items.len() => items[n] = value,
            _ => items.push(value),
        },
        parent => parent[key.replace("~1", "/")] = value,
    }
}

pub(crate) fn remove(spec: &mut Value, pointer: &str) {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    match at(spec, parent) {
        Value::Array(items) => drop(items.remove(key.parse().unwrap())),
        parent => drop(parent.as_object_mut().unwrap().remove(&key.replace("~1", "/")).unwrap()),
    }
}

pub(crate) fn rename(spec: &mut Value, object: &str, from: &str, to: &str) {
    let fields = at(spec, object).as_object_mut().unwrap();
    let value = fields.remove(from).unwrap();
    fields.insert(to.to_owned(), value);
}
