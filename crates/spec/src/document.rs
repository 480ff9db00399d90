//! A document as JSON: its pointers, its references, its operations.

use serde_json::{Map, Value};

/// The methods that a path can have.
pub(crate) const METHODS: &[&str] = &["delete", "get", "head", "options", "patch", "post", "put", "trace"];

/// Appends a key to a JSON pointer.
#[must_use]
pub fn join(pointer: &str, key: &str) -> String {
    format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
}

/// The value that a `$ref` within the document points to.
#[must_use]
pub fn resolve<'a>(spec: &'a Value, reference: &str) -> Option<&'a Value> {
    spec.pointer(reference.strip_prefix('#')?)
}

/// Follows the references at `pointer` and returns where they lead, or `pointer` itself.
#[must_use]
pub fn followed(spec: &Value, pointer: &str) -> String {
    let mut pointer = pointer;
    // The limit ends a circle of references.
    for _ in 0..100 {
        match spec.pointer(pointer).and_then(|value| value["$ref"].as_str()).and_then(|to| to.strip_prefix('#')) {
            Some(target) => pointer = target,
            None => break,
        }
    }
    pointer.to_owned()
}

/// The kind and the name of the component that a pointer leads into.
pub(crate) fn component(pointer: &str) -> Option<(&str, &str)> {
    let mut parts = pointer.strip_prefix("/components/")?.split('/');
    Some((parts.next()?, parts.next()?))
}

/// The fields of an object; none for any other value.
pub(crate) fn members(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flatten().map(|(name, value)| (name.as_str(), value))
}

/// The items of an array; none for any other value.
pub(crate) fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// Calls `visit` for every object of the document, with its pointer.
pub fn walk(value: &Value, pointer: &str, visit: &mut impl FnMut(&str, &Map<String, Value>)) {
    match value {
        Value::Object(fields) => {
            visit(pointer, fields);
            for (key, value) in fields {
                walk(value, &join(pointer, key), visit);
            }
        }
        Value::Array(items) => {
            for (n, item) in items.iter().enumerate() {
                walk(item, &join(pointer, &n.to_string()), visit);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// An operation of the document.
#[derive(Clone, Debug)]
pub(crate) struct Operation<'a> {
    /// Its `operationId`, or its method and path.
    pub(crate) id: String,
    pub(crate) path: &'a str,
    pub(crate) pointer: String,
    pub(crate) value: &'a Value,
    /// The pointers of its parameters, those of its path included.
    pub(crate) parameters: Vec<String>,
}

/// All operations, in the order of their paths.
pub(crate) fn operations(spec: &Value) -> Vec<Operation<'_>> {
    let mut found = Vec::new();
    for (path, item) in members(&spec["paths"]) {
        let at_path = join("/paths", path);
        for (method, value) in members(item).filter(|(key, _)| METHODS.contains(key)) {
            let pointer = join(&at_path, method);
            let id = value["operationId"].as_str().map_or_else(|| format!("{method} {path}"), str::to_owned);
            let parameters = [(&at_path, item), (&pointer, value)].into_iter().flat_map(|(pointer, value)| {
                let count = items(&value["parameters"]).count();
                (0..count).map(move |n| followed(spec, &format!("{pointer}/parameters/{n}")))
            });
            let parameters = parameters.collect();
            found.push(Operation { id, path, pointer, value, parameters });
        }
    }
    found
}

/// The direction of a message.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Direction {
    Request,
    /// A reply with this status.
    Reply(String),
}

/// A part of a message that has a schema: a parameter or a body.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) operation: String,
    pub(crate) direction: Direction,
    /// `$` for a body, or the name of the parameter.
    pub(crate) place: String,
    /// The pointer of the parameter, or of the media type's object.
    pub(crate) holder: String,
}

impl Part {
    pub(crate) fn schema(&self) -> String {
        format!("{}/schema", self.holder)
    }
}

/// All parts of all messages: parameters, bodies of requests, bodies of replies.
pub(crate) fn parts(spec: &Value) -> Vec<Part> {
    let mut found = Vec::new();
    for operation in operations(spec) {
        let mut add = |direction: &Direction, place: &str, holder: String| {
            let (operation, direction, place) = (operation.id.clone(), direction.clone(), place.to_owned());
            found.push(Part { operation, direction, place, holder });
        };
        for parameter in &operation.parameters {
            let name = spec.pointer(parameter).and_then(|parameter| parameter["name"].as_str());
            add(&Direction::Request, name.unwrap_or_default(), parameter.clone());
        }
        let mut bodies = vec![(Direction::Request, join(&operation.pointer, "requestBody"))];
        let statuses = members(&operation.value["responses"]).map(|(status, _)| status);
        let replies = format!("{}/responses", operation.pointer);
        bodies.extend(statuses.map(|status| (Direction::Reply(status.to_owned()), join(&replies, status))));
        for (direction, body) in bodies {
            let content = join(&followed(spec, &body), "content");
            for (media_type, _) in spec.pointer(&content).into_iter().flat_map(members) {
                add(&direction, "$", join(&content, media_type));
            }
        }
    }
    found
}
