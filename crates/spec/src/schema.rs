//! A schema with its references followed, and the parts of an `allOf` merged.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::document::{component, followed, items, join, members, walk};

/// The pointer at which a keyword is stated, and its value.
pub(crate) type KeywordAt<'a> = (String, &'a Value);

#[derive(Debug, Default)]
pub(crate) struct Schema<'a> {
    /// All keywords, except those that have fields of their own here.
    pub(crate) keywords: BTreeMap<&'a str, KeywordAt<'a>>,
    /// The properties' pointers.
    pub(crate) properties: BTreeMap<&'a str, String>,
    /// The required properties, each with the pointer at which it is listed.
    pub(crate) required: BTreeMap<&'a str, String>,
    /// The component schemas that were followed, the outermost first.
    pub(crate) names: Vec<&'a str>,
    /// The pointers of a keyword that has two different values.
    pub(crate) clashes: Vec<(String, String)>,
}

impl<'a> Schema<'a> {
    pub(crate) fn at(spec: &'a Value, pointer: &str) -> Self {
        let mut schema = Self::default();
        schema.add(spec, pointer);
        schema
    }

    fn add(&mut self, spec: &'a Value, pointer: &str) {
        let Some(value) = spec.pointer(pointer) else { return };
        if let Some(("schemas", name)) = component(pointer)
            && pointer.matches('/').count() == 3
            && let Some((name, _)) = spec["components"]["schemas"].as_object().and_then(|all| all.get_key_value(name))
        {
            if self.names.contains(&name.as_str()) {
                return;
            }
            self.names.push(name);
        }
        for (keyword, stated) in members(value) {
            let at = join(pointer, keyword);
            match keyword {
                "$ref" | "allOf" => {}
                "properties" => {
                    for (name, _) in members(stated) {
                        self.properties.entry(name).or_insert_with(|| join(&at, name));
                    }
                }
                "required" => {
                    for (n, name) in items(stated).enumerate() {
                        let at = join(&at, &n.to_string());
                        self.required.entry(name.as_str().unwrap_or_default()).or_insert(at);
                    }
                }
                _ => match self.keywords.get(keyword) {
                    None => drop(self.keywords.insert(keyword, (at, stated))),
                    Some((other, is)) if *is != stated && !is_annotation(keyword) => {
                        self.clashes.push((other.clone(), at));
                    }
                    Some(_) => {}
                },
            }
        }
        // A keyword that is stated here takes precedence over one of the schema that is referred to.
        if value.get("$ref").is_some() {
            let target = followed(spec, pointer);
            if target != pointer {
                self.add(spec, &target);
            }
        }
        for n in 0..items(&value["allOf"]).count() {
            self.add(spec, &format!("{pointer}/allOf/{n}"));
        }
    }

    pub(crate) fn get(&self, keyword: &str) -> Option<&'a Value> {
        self.keywords.get(keyword).map(|(_, value)| *value)
    }

    pub(crate) fn is(&self, keyword: &str, value: &str) -> bool {
        self.get(keyword).and_then(Value::as_str) == Some(value)
    }
}

/// Whether a keyword has no influence on which values are valid.
#[must_use]
pub fn is_annotation(keyword: &str) -> bool {
    ["description", "example", "title"].contains(&keyword) || keyword.starts_with("x-")
}

/// The names of the fields that hold a secret.
#[must_use]
pub fn secret_fields(spec: &Value) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    walk(spec, "", &mut |pointer, fields| {
        let properties = fields.get("properties").into_iter().flat_map(members);
        let pointer = join(pointer, "properties");
        let secret = properties.filter(|(name, _)| Schema::at(spec, &join(&pointer, name)).is("format", "password"));
        names.extend(secret.map(|(name, _)| name.to_owned()));
    });
    names
}

/// The schemas within a schema (properties, items, alternatives), each with its place in a message.
pub(crate) fn inner(spec: &Value, pointer: &str, place: &str) -> Vec<(String, String)> {
    let schema = Schema::at(spec, pointer);
    let mut inner: Vec<_> =
        schema.properties.iter().map(|(name, at)| (at.clone(), format!("{place}.{name}"))).collect();
    if let Some((at, _)) = schema.keywords.get("items") {
        inner.push((at.clone(), format!("{place}[]")));
    }
    for keyword in ["oneOf", "anyOf"] {
        if let Some((at, alternatives)) = schema.keywords.get(keyword) {
            inner.extend((0..items(alternatives).count()).map(|n| (format!("{at}/{n}"), place.to_owned())));
        }
    }
    if let Some((at, Value::Object(_))) = schema.keywords.get("additionalProperties") {
        inner.push((at.clone(), format!("{place}.*")));
    }
    inner
}

/// Calls `visit` for a schema and every one within it, with its pointer and its place in a message.
pub(crate) fn descend(spec: &Value, pointer: &str, place: &str, visit: &mut impl FnMut(&str, &str)) {
    visit(pointer, place);
    for (pointer, place) in inner(spec, pointer, place) {
        descend(spec, &pointer, &place, visit);
    }
}
