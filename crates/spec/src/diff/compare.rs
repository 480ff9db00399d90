//! Compares two documents as messages see them: operation by operation, with references followed.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    Change, Occurrence,
    form::form,
    rules::{
        ADDED_ANSWER, ADDED_COMPONENT, ADDED_CONTENT, ADDED_OPERATION, ADDED_PARAMETER, ADDED_SECURITY, ADDED_SERVER,
        CHANGED_LINK, CHANGED_TEXT, NEW_REQUIRED, NO_LONGER_REQUIRED, REMOVED_ANSWER, REMOVED_COMPONENT,
        REMOVED_CONTENT, REMOVED_OPERATION, REMOVED_PARAMETER, REMOVED_SECURITY, REMOVED_SERVER, RENAMED_OPERATION,
        Rule,
    },
    rust,
};
use crate::document::{Direction, Operation, followed, items, join, members, operations};

/// A pointer in the older document, and one in the newer.
pub(super) type OldAndNew<'p> = (&'p str, &'p str);

pub(super) struct Comparison<'a> {
    pub(super) old: &'a Value,
    pub(super) new: &'a Value,
    /// The operation and the direction that are being compared.
    pub(super) operation: String,
    pub(super) direction: Option<Direction>,
    changes: Vec<Change>,
}

static NOTHING: Value = Value::Null;

impl<'a> Comparison<'a> {
    /// Returns all changes, each once, with all the places that it affects.
    pub(super) fn of(old: &'a Value, new: &'a Value) -> Vec<Change> {
        let mut this = Self { old, new, operation: String::new(), direction: None, changes: Vec::new() };
        this.document();
        this.operations();
        let mut merged: Vec<Change> = Vec::new();
        for mut change in this.changes {
            match merged.iter_mut().find(|known| known.is_same_as(&change)) {
                Some(known) => known.uses.append(&mut change.uses),
                None => merged.push(change),
            }
        }
        for change in &mut merged {
            change.uses.sort();
        }
        merged.sort_by(|one, other| one.uses[0].cmp(&other.uses[0]));
        merged
    }

    pub(super) fn add(
        &mut self,
        rule: &'static Rule,
        pointer: &str,
        place: &str,
        what: impl Into<String>,
    ) -> &mut Change {
        let occurrence = Occurrence {
            operation: self.operation.clone(),
            direction: self.direction.clone(),
            place: place.to_owned(),
        };
        self.changes.push(Change {
            rule,
            pointer: pointer.to_owned(),
            uses: vec![occurrence],
            what: what.into(),
            form: None,
            consequence: None,
            rust: None,
        });
        self.changes.last_mut().expect("it was just added")
    }

    pub(super) fn is_reply(&self) -> bool {
        matches!(self.direction, Some(Direction::Reply(_)))
    }

    pub(super) fn old_at(&self, pointer: &str) -> &'a Value {
        self.old.pointer(pointer).unwrap_or(&NOTHING)
    }

    pub(super) fn new_at(&self, pointer: &str) -> &'a Value {
        self.new.pointer(pointer).unwrap_or(&NOTHING)
    }

    /// Compares what belongs to no operation: servers, components, schemes.
    fn document(&mut self) {
        let urls = |spec: &'a Value| -> BTreeSet<&'a str> {
            items(&spec["servers"]).filter_map(|server| server["url"].as_str()).collect()
        };
        let (old, new) = (urls(self.old), urls(self.new));
        for url in &old - &new {
            self.add(&REMOVED_SERVER, "/servers", url, "is no server any more");
        }
        for url in &new - &old {
            self.add(&ADDED_SERVER, "/servers", url, "is a new server");
        }
        let names = |spec: &'a Value| -> BTreeSet<&'a str> {
            members(&spec["components"]["schemas"]).map(|(name, _)| name).collect()
        };
        // Each schema is a type of the generated code, used or not. Other components are compared where they are used.
        let (old, new) = (names(self.old), names(self.new));
        for (rule, names, what) in
            [(&REMOVED_COMPONENT, &old - &new, "is gone"), (&ADDED_COMPONENT, &new - &old, "is new")]
        {
            for name in names {
                let rust = rust::schema_type(self, name, what);
                let at = join("/components/schemas", name);
                let form = (rule == &ADDED_COMPONENT).then(|| form(self.new, &at));
                let change = self.add(rule, &at, &format!("schema {name}"), what);
                (change.form, change.rust) = (form, Some(rust));
            }
        }
        self.schemes();
    }

    fn schemes(&mut self) {
        for (name, was) in members(&self.old["components"]["securitySchemes"]) {
            let at = join("/components/securitySchemes", name);
            let is = self.new_at(&at);
            if is.is_null() {
                continue;
            }
            self.text(&at, &at, &format!("scheme {name}"));
            for key in ["type", "scheme", "in", "name", "bearerFormat", "openIdConnectUrl", "flows"] {
                if was[key] != is[key] {
                    let what = format!("has `{key}` {}, was {}", is[key], was[key]);
                    self.add(&REMOVED_SECURITY, &join(&at, key), &format!("scheme {name}"), what);
                }
            }
        }
    }

    fn operations(&mut self) {
        let (old, new) = (operations(self.old), operations(self.new));
        for was in &old {
            self.operation.clone_from(&was.id);
            if let Some(is) = new.iter().find(|is| is.pointer == was.pointer) {
                self.one_operation(was, is);
            } else {
                let change = self.add(&REMOVED_OPERATION, &was.pointer, &method_and_path(was), "is gone");
                change.rust = Some(rust::operation(&was.id, "is gone"));
            }
        }
        for is in new.iter().filter(|is| !old.iter().any(|was| was.pointer == is.pointer)) {
            self.operation.clone_from(&is.id);
            let change = self.add(&ADDED_OPERATION, &is.pointer, &method_and_path(is), "is new");
            change.rust = Some(rust::operation(&is.id, "is new"));
        }
    }

    fn one_operation(&mut self, was: &Operation<'a>, is: &Operation<'a>) {
        if was.id != is.id {
            let what = format!("has the id {}", is.id);
            let change = self.add(&RENAMED_OPERATION, &join(&is.pointer, "operationId"), "the operation", what);
            change.rust = Some(rust::operation(&is.id, &format!("is its method now, was {}", rust::snake(&was.id))));
        }
        self.text(&was.pointer, &is.pointer, "the operation");
        self.security(was, is);
        self.direction = Some(Direction::Request);
        self.parameters(&was.parameters, &is.parameters);
        let body = "/requestBody";
        self.bodies((&format!("{}{body}", was.pointer), &format!("{}{body}", is.pointer)));
        self.responses(was, is);
        self.direction = None;
    }

    fn security(&mut self, was: &Operation<'a>, is: &Operation<'a>) {
        let stated = |spec: &'a Value, operation: &Operation<'a>| -> Vec<&'a Value> {
            let own = operation.value.get("security");
            items(own.unwrap_or(&spec["security"])).collect()
        };
        let (old, new) = (stated(self.old, was), stated(self.new, is));
        let credentials = |alternative: &Value| {
            let schemes: Vec<_> = members(alternative).map(|(name, _)| name).collect();
            if schemes.is_empty() {
                "without credentials".to_owned()
            } else {
                format!("with {}", schemes.join(" and "))
            }
        };
        let at = join(&is.pointer, "security");
        for gone in old.iter().filter(|one| !new.contains(one)) {
            let what = format!("can no longer be called {}", credentials(gone));
            let open = new.is_empty();
            let change = self.add(&REMOVED_SECURITY, &at, "the operation", what);
            if open {
                change.consequence = Some("anyone may call it".to_owned());
            }
        }
        for added in new.iter().filter(|one| !old.contains(one)) {
            self.add(&ADDED_SECURITY, &at, "the operation", format!("can be called {}", credentials(added)));
        }
    }

    /// Matches parameters by place and name. The case of a header's name means nothing, nor does the order.
    fn parameters(&mut self, old: &[String], new: &[String]) {
        let name = |spec: &Value, pointer: &str| {
            let parameter = spec.pointer(pointer).unwrap_or(&NOTHING);
            let (place, name) = (parameter["in"].as_str(), parameter["name"].as_str());
            let (place, name) = (place.unwrap_or_default().to_owned(), name.unwrap_or_default().to_owned());
            let key = if place == "header" { name.to_lowercase() } else { name.clone() };
            ((place.clone(), key), format!("{place} {name}"))
        };
        for was in old {
            let (key, place) = name(self.old, was);
            if let Some(is) = new.iter().find(|is| name(self.new, is).0 == key) {
                self.parameter((was, is), &place);
            } else {
                let change = self.add(&REMOVED_PARAMETER, was, &place, "is gone");
                change.rust = Some(rust::parameter(&key.0, &key.1, None));
            }
        }
        for is in new {
            let (key, place) = name(self.new, is);
            if old.iter().any(|was| name(self.old, was).0 == key) {
                continue;
            }
            let required = self.new_at(is)["required"] == true;
            let (rule, what) =
                if required { (&NEW_REQUIRED, "is new, required") } else { (&ADDED_PARAMETER, "is new, optional") };
            let form = form(self.new, &join(is, "schema"));
            let change = self.add(rule, is, &place, what);
            change.form = Some(form);
            change.rust = Some(rust::parameter(&key.0, &key.1, Some(required)));
        }
    }

    fn parameter(&mut self, (was, is): OldAndNew<'_>, place: &str) {
        let (old, new) = (self.old_at(was), self.new_at(is));
        self.requirement(old["required"] == true, new["required"] == true, &join(is, "required"), place);
        self.text(was, is, place);
        self.schema((&join(was, "schema"), &join(is, "schema")), place);
        for key in ["style", "explode", "allowReserved", "allowEmptyValue", "content", "deprecated"] {
            self.other(key, (old.get(key), new.get(key)), &join(is, key), place);
        }
    }

    /// Compares whether a parameter, a body or a field is required.
    pub(super) fn requirement(&mut self, was: bool, is: bool, at: &str, place: &str) -> Option<&mut Change> {
        match (was, is) {
            (false, true) => Some(self.add(&NEW_REQUIRED, at, place, "is required, was optional")),
            (true, false) => Some(self.add(&NO_LONGER_REQUIRED, at, place, "is optional, was required")),
            _ => None,
        }
    }

    fn bodies(&mut self, (was, is): OldAndNew<'_>) {
        let (old_at, new_at) = (followed(self.old, was), followed(self.new, is));
        let (old, new) = (self.old_at(&old_at), self.new_at(&new_at));
        match (old.is_null(), new.is_null()) {
            (true, true) => return,
            (false, true) => {
                self.add(&REMOVED_CONTENT, was, "the body", "is gone");
            }
            (true, false) => {
                let required = new["required"] == true;
                let rule = if required { &NEW_REQUIRED } else { &ADDED_CONTENT };
                self.add(rule, is, "the body", if required { "is new, required" } else { "is new, optional" });
            }
            (false, false) => {
                let required = [old, new].map(|body| body["required"] == true);
                self.requirement(required[0], required[1], &join(&new_at, "required"), "the body");
            }
        }
        self.text(&old_at, &new_at, "the body");
        self.contents((&old_at, &new_at), [&REMOVED_CONTENT, &ADDED_CONTENT]);
    }

    /// Compares the contents of two bodies, by media type.
    fn contents(&mut self, (was, is): OldAndNew<'_>, [removed, added]: [&'static Rule; 2]) {
        let (old_at, new_at) = (join(was, "content"), join(is, "content"));
        let (old, new) = (self.old_at(&old_at), self.new_at(&new_at));
        if old.is_null() || new.is_null() {
            return;
        }
        for (media_type, _) in members(old) {
            let [was, is] = [&old_at, &new_at].map(|at| join(&join(at, media_type), "schema"));
            if new.get(media_type).is_some() {
                self.schema((&was, &is), "$");
            } else {
                self.add(removed, &join(&old_at, media_type), media_type, "is gone");
            }
        }
        for (media_type, _) in members(new).filter(|(media_type, _)| old.get(media_type).is_none()) {
            self.add(added, &join(&new_at, media_type), media_type, "is new");
        }
    }

    fn responses(&mut self, was: &Operation<'a>, is: &Operation<'a>) {
        let (old_at, new_at) = (join(&was.pointer, "responses"), join(&is.pointer, "responses"));
        let (old, new) = (self.old_at(&old_at), self.new_at(&new_at));
        for (status, _) in members(old) {
            self.direction = Some(Direction::Reply(status.to_owned()));
            let [was, is] = [followed(self.old, &join(&old_at, status)), followed(self.new, &join(&new_at, status))];
            if new.get(status).is_some() {
                self.response((&was, &is));
            } else {
                self.add(&REMOVED_ANSWER, &join(&old_at, status), "the reply", "is gone");
            }
        }
        for (status, _) in members(new).filter(|(status, _)| old.get(status).is_none()) {
            self.direction = Some(Direction::Reply(status.to_owned()));
            self.add(&ADDED_ANSWER, &join(&new_at, status), "the reply", "is new");
        }
    }

    fn response(&mut self, (was, is): OldAndNew<'_>) {
        self.text(was, is, "the reply");
        self.contents((was, is), [&REMOVED_ANSWER, &ADDED_ANSWER]);
        let (old, new) = (self.old_at(was), self.new_at(is));
        for name in keys(&old["headers"], &new["headers"]) {
            let [was, is] = [was, is].map(|at| join(&join(at, "headers"), name));
            let place = format!("header {name}");
            match (self.old_at(&was).is_null(), self.new_at(&is).is_null()) {
                (false, true) => {
                    self.add(&super::rules::REMOVED_FIELD, &was, &place, "is gone");
                }
                (true, false) => {
                    let form = form(self.new, &join(&is, "schema"));
                    self.add(&super::rules::ADDED_FIELD, &is, &place, "is new").form = Some(form);
                }
                _ => self.schema((&join(&was, "schema"), &join(&is, "schema")), &place),
            }
        }
        for name in keys(&old["links"], &new["links"]) {
            self.link(
                &old["links"][name],
                &new["links"][name],
                &join(&join(is, "links"), name),
                &format!("link {name}"),
            );
        }
    }

    fn link(&mut self, was: &Value, is: &Value, at: &str, place: &str) {
        if was.is_null() || is.is_null() {
            self.add(&CHANGED_LINK, at, place, if is.is_null() { "is gone" } else { "is new" });
            return;
        }
        self.prose("description", (was.get("description"), is.get("description")), &join(at, "description"), place);
        for key in keys(was, is).into_iter().filter(|key| *key != "description" && was[key] != is[key]) {
            let what = format!("has `{key}` {}, was {}", is[key], was[key]);
            self.add(&CHANGED_LINK, &join(at, key), place, what);
        }
    }

    /// Compares the descriptions and summaries at two places.
    pub(super) fn text(&mut self, was: &str, is: &str, place: &str) {
        let (old, new) = (self.old_at(was), self.new_at(is));
        for key in ["description", "summary"] {
            self.prose(key, (old.get(key), new.get(key)), &join(is, key), place);
        }
    }

    pub(super) fn prose(&mut self, key: &str, (was, is): (Option<&Value>, Option<&Value>), at: &str, place: &str) {
        if was != is {
            let [was, is] = [was, is].map(|text| text.and_then(Value::as_str).unwrap_or_default());
            let (was, is) = super::words::differing(was, is);
            self.add(&CHANGED_TEXT, at, place, format!("has the {key} {is:?}, was {was:?}"));
        }
    }
}

/// As in `post /koodrive/ose/v1/share/tasks`.
fn method_and_path(operation: &Operation<'_>) -> String {
    format!("{} {}", operation.pointer.rsplit('/').next().unwrap_or_default(), operation.path)
}

/// The names of both objects.
pub(super) fn keys<'v>(old: &'v Value, new: &'v Value) -> BTreeSet<&'v str> {
    members(old).chain(members(new)).map(|(name, _)| name).collect()
}
