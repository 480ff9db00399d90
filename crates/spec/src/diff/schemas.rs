//! Two schemas, compared keyword by keyword.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    compare::{Comparison, OldAndNew},
    form::form,
    rules::{
        ADDED_ENUM_VALUE, ADDED_FIELD, CHANGED_DEFAULT, CHANGED_REFERENCE, CHANGED_TEXT, CHANGED_TYPE, NARROWED_BOUND,
        NARROWED_TYPE, NEW_REQUIRED, REMOVED_ENUM_VALUE, REMOVED_FIELD, WIDENED_BOUND, WIDENED_TYPE,
    },
    rust,
};
use crate::{
    document::items,
    schema::{Schema, is_annotation},
};

/// The bounds: the keyword, its words before the number, and those after it.
pub(super) const BOUNDS: &[(&str, &str, &str)] = &[
    ("maxItems", "holds at most", " items"),
    ("maxLength", "has at most", " characters"),
    ("maxProperties", "has at most", " fields"),
    ("maximum", "is at most", ""),
    ("minItems", "holds at least", " items"),
    ("minLength", "has at least", " characters"),
    ("minProperties", "has at least", " fields"),
    ("minimum", "is at least", ""),
];

type Change<'v> = (Option<&'v Value>, Option<&'v Value>);

/// Whether the schema accepts fewer values than before. `None` if that cannot be decided.
fn accepts_less(keyword: &str, was: Option<&Value>, is: Option<&Value>) -> Option<bool> {
    let truth = |value: Option<&Value>| value == Some(&Value::Bool(true));
    let (limited, unlimited) = match keyword {
        // Every integer is a number, too.
        "type" if [was, is].into_iter().flatten().all(|value| value == "integer" || value == "number") => {
            (is.is_some_and(|is| is == "integer"), was.is_some_and(|was| was == "integer"))
        }
        "nullable" => (!truth(is), !truth(was)),
        "uniqueItems" | "exclusiveMinimum" | "exclusiveMaximum" => (truth(is), truth(was)),
        "additionalProperties" => {
            let closed = |value: Option<&Value>| value == Some(&Value::Bool(false));
            (closed(is), closed(was))
        }
        "pattern" | "enum" | "multipleOf" | "oneOf" | "anyOf" | "not" => (is.is_some(), was.is_some()),
        _ => return None,
    };
    (limited != unlimited).then_some(limited)
}

impl Comparison<'_> {
    pub(super) fn schema(&mut self, (was, is): OldAndNew<'_>, place: &str) {
        let (old, new) = (Schema::at(self.old, was), Schema::at(self.new, is));
        if let (Some(before), Some(after)) = (old.names.first(), new.names.first())
            && before != after
        {
            let rust = rust::retyped(self, (was, is));
            self.add(&CHANGED_REFERENCE, is, place, format!("is {after}, was {before}")).rust = rust;
        }
        let keywords: BTreeSet<&str> = old.keywords.keys().chain(new.keywords.keys()).copied().collect();
        for keyword in keywords {
            let [before, after] = [&old, &new].map(|schema| schema.get(keyword));
            let at = new.keywords.get(keyword).or(old.keywords.get(keyword)).map(|(at, _)| at.clone());
            let at = at.unwrap_or_default();
            match (keyword, before, after) {
                ("description", ..) => self.prose(keyword, (before, after), &at, place),
                (annotation, ..) if is_annotation(annotation) => {}
                ("items" | "additionalProperties", Some(Value::Object(_)), Some(Value::Object(_))) => {
                    let [was, is] = [&old, &new].map(|schema| schema.keywords[keyword].0.clone());
                    let part = if keyword == "items" { "[]" } else { ".*" };
                    self.schema((&was, &is), &format!("{place}{part}"));
                }
                ("oneOf" | "anyOf", Some(_), Some(_)) => {
                    let [was, is] = [&old, &new].map(|schema| schema.keywords[keyword].0.clone());
                    self.alternatives((&was, &is), place);
                }
                ("enum", Some(before), Some(after)) => self.values(before, after, &at, place),
                _ if before != after => self.keyword(keyword, (before, after), &at, (was, is), place),
                _ => {}
            }
        }
        self.fields(&old, &new, place);
    }

    fn keyword(&mut self, keyword: &str, change: Change<'_>, at: &str, both: OldAndNew<'_>, place: &str) {
        if let Some((_, says, unit)) = BOUNDS.iter().find(|(bound, ..)| *bound == keyword) {
            self.bound(keyword, change, at, place, &format!("{says} {{}}{unit}"));
            return;
        }
        let rust = rust::retyped(self, both);
        if let Some(change) = self.other(keyword, change, at, place) {
            change.rust = rust.or(change.rust.take());
        }
    }

    fn bound(&mut self, keyword: &str, (was, is): Change<'_>, at: &str, place: &str, says: &str) {
        let upper = keyword.starts_with("max");
        let number = |bound: Option<&Value>| bound.and_then(Value::as_f64);
        let narrowed = match (number(was), number(is)) {
            (None, _) => true,
            (_, None) => false,
            (Some(was), Some(is)) if upper => is < was,
            (Some(was), Some(is)) => is > was,
        };
        let what = match (was, is) {
            (was, Some(is)) => {
                let was = was.map_or_else(|| "unbounded".to_owned(), Value::to_string);
                format!("{}, was {was}", says.replace("{}", &is.to_string()))
            }
            (was, None) => format!("is unbounded, was {}", was.unwrap_or(&Value::Null)),
        };
        let is_reply = self.is_reply();
        let rust = rust::unchecked(self, at);
        let change = self.add(if narrowed { &NARROWED_BOUND } else { &WIDENED_BOUND }, at, place, what);
        if narrowed && !is_reply {
            change.consequence = Some(format!("callers with {} break", if upper { "more" } else { "less" }));
            change.rust = Some(rust);
        }
    }

    /// Compares a keyword that is no bound. It may accept fewer values than before, more, or other ones.
    pub(super) fn other(
        &mut self,
        keyword: &str,
        (was, is): Change<'_>,
        at: &str,
        place: &str,
    ) -> Option<&mut super::Change> {
        if was == is {
            return None;
        }
        let rule = match accepts_less(keyword, was, is) {
            _ if keyword == "deprecated" => &CHANGED_TEXT,
            _ if keyword == "default" => &CHANGED_DEFAULT,
            Some(true) => &NARROWED_TYPE,
            Some(false) => &WIDENED_TYPE,
            // `false` means the same as a keyword that is not stated.
            None if [was, is].into_iter().flatten().all(|value| *value == Value::Bool(false)) => return None,
            None => &CHANGED_TYPE,
        };
        let [was, is] = [was, is].map(|value| value.map_or_else(|| "none".to_owned(), Value::to_string));
        let rust = (keyword == "pattern" && !self.is_reply()).then(|| rust::unchecked(self, at));
        let change = self.add(rule, at, place, format!("has `{keyword}` {is}, was {was}"));
        change.rust = rust;
        Some(change)
    }

    /// Compares the values of an `enum`, whose order means nothing.
    fn values(&mut self, old: &Value, new: &Value, at: &str, place: &str) {
        let (was, is): (Vec<_>, Vec<_>) = (items(old).collect(), items(new).collect());
        let rust = rust::values(self, at);
        for gone in was.iter().filter(|value| !is.contains(value)) {
            self.add(&REMOVED_ENUM_VALUE, at, place, format!("no longer takes {gone}")).rust = Some(rust.clone());
        }
        for added in is.iter().filter(|value| !was.contains(value)) {
            self.add(&ADDED_ENUM_VALUE, at, place, format!("takes {added}, too")).rust = Some(rust.clone());
        }
    }

    /// Compares alternatives: each with the one that is written alike, and the others in their order.
    fn alternatives(&mut self, (was, is): OldAndNew<'_>, place: &str) {
        let list = |value: &Value, other: &Value, at: &str| -> Vec<String> {
            let others: Vec<_> = items(other).collect();
            let own = items(value).enumerate().filter(|(_, value)| !others.contains(value));
            own.map(|(n, _)| format!("{at}/{n}")).collect()
        };
        let (old, new) = (self.old_at(was), self.new_at(is));
        // Alternatives that are written alike may still refer to schemas that differ.
        for (n, value) in items(old).enumerate() {
            if let Some(m) = items(new).position(|other| other == value) {
                self.schema((&format!("{was}/{n}"), &format!("{is}/{m}")), place);
            }
        }
        let (old, new) = (list(old, new, was), list(new, old, is));
        for (was, is) in old.iter().zip(&new) {
            self.schema((was, is), place);
        }
        for gone in old.iter().skip(new.len()) {
            let what = format!("is no longer {}", self.old_at(gone));
            self.add(&NARROWED_TYPE, gone, place, what);
        }
        for added in new.iter().skip(old.len()) {
            let what = format!("may be {}, too", self.new_at(added));
            self.add(&WIDENED_TYPE, added, place, what);
        }
    }

    fn fields(&mut self, old: &Schema<'_>, new: &Schema<'_>, place: &str) {
        for (name, was) in &old.properties {
            let place = format!("{place}.{name}");
            let [before, after] = [old, new].map(|schema| schema.required.contains_key(name));
            let Some(is) = new.properties.get(name) else {
                self.add(&REMOVED_FIELD, was, &place, "is gone").rust = Some(rust::removed_field(was));
                continue;
            };
            if before != after {
                let rust = rust::required(self, is, after);
                let at = if after { &new.required[name] } else { is };
                if let Some(change) = self.requirement(before, after, at, &place) {
                    change.rust = Some(rust);
                }
            }
            self.schema((was, is), &place);
        }
        for (name, is) in new.properties.iter().filter(|(name, _)| !old.properties.contains_key(*name)) {
            let required = new.required.contains_key(name);
            let rule = if required && !self.is_reply() { &NEW_REQUIRED } else { &ADDED_FIELD };
            let rust = rust::added_field(self, is, required);
            let what = if required { "is new, required" } else { "is new, optional" };
            let form = form(self.new, is);
            let change = self.add(rule, is, &format!("{place}.{name}"), what);
            (change.form, change.rust) = (Some(form), Some(rust));
        }
    }
}
