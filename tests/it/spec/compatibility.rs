//! The spec against the last released one: what a change asks of `info.version`.
//!
//! The rules are listed in `openapi/README.md`.

use std::{collections::BTreeSet, fmt, fs, path::Path};

use serde_json::{Map, Value, json};

use super::{assert_none, join, resolve, spec};

const RELEASED: &str = "../openapi/released";

/// Text for people, which changes nothing on the wire.
const TEXT: [&str; 9] =
    ["description", "example", "examples", "externalDocs", "info", "links", "servers", "summary", "tags"];

const METHODS: [&str; 8] = ["delete", "get", "head", "options", "patch", "post", "put", "trace"];

/// The part of `info.version` that a change must move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Minor,
    Major,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Minor => "minor",
            Self::Major => "major",
        })
    }
}

/// Every rule, and what it asks for.
const RULES: [(&str, Step); 17] = [
    ("removed-operation", Step::Major),
    ("removed-parameter", Step::Major),
    ("removed-field", Step::Major),
    ("removed-enum-value", Step::Major),
    ("removed-answer", Step::Major),
    ("removed-component", Step::Major),
    ("new-required", Step::Major),
    ("changed-type", Step::Major),
    ("narrowed-bound", Step::Major),
    ("widened-bound", Step::Minor),
    ("no-longer-required", Step::Minor),
    ("added-operation", Step::Minor),
    ("added-parameter", Step::Minor),
    ("added-field", Step::Minor),
    ("added-enum-value", Step::Minor),
    ("added-answer", Step::Minor),
    ("added-component", Step::Minor),
];

#[derive(Debug, PartialEq, Eq)]
struct Change {
    pointer: String,
    rule: &'static str,
}

impl Change {
    fn step(&self) -> Step {
        let rule = RULES.iter().find(|(rule, _)| *rule == self.rule);
        rule.expect("a rule of the list").1
    }
}

/// Compares two specs.
struct Comparison<'a> {
    /// The newer spec, for its references.
    new: &'a Value,
    changes: Vec<Change>,
}

impl<'a> Comparison<'a> {
    fn of(old: &Value, new: &'a Value) -> Vec<Change> {
        let mut comparison = Self { new, changes: Vec::new() };
        comparison.values(old, new, "");
        comparison.changes
    }

    fn add(&mut self, pointer: impl Into<String>, rule: &'static str) {
        let pointer = pointer.into();
        self.changes.push(Change { pointer, rule });
    }

    fn values(&mut self, old: &Value, new: &Value, pointer: &str) {
        match (old, new) {
            (Value::Object(old), Value::Object(new)) => self.objects(old, new, pointer),
            (Value::Array(old), Value::Array(new)) if old.len() == new.len() => {
                for (n, (old, new)) in old.iter().zip(new).enumerate() {
                    self.values(old, new, &join(pointer, &n.to_string()));
                }
            }
            _ if old == new => {}
            _ => self.add(pointer, "changed-type"),
        }
    }

    fn objects(&mut self, old: &Map<String, Value>, new: &Map<String, Value>, pointer: &str) {
        let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        for key in keys {
            let (old, new) = (old.get(key), new.get(key));
            let pointer = join(pointer, key);
            match (key.as_str(), old, new) {
                (text, ..) if TEXT.contains(&text) || text.starts_with("x-") => {}
                ("properties", Some(Value::Object(old)), Some(Value::Object(new))) => {
                    self.entries(old, new, &pointer, ["removed-field", "added-field"]);
                }
                ("components", Some(Value::Object(old)), Some(Value::Object(new))) => {
                    self.components(old, new, &pointer);
                }
                ("paths", Some(Value::Object(old)), Some(Value::Object(new))) => {
                    self.entries(old, new, &pointer, ["removed-operation", "added-operation"]);
                }
                ("responses" | "content", Some(Value::Object(old)), Some(Value::Object(new))) => {
                    self.entries(old, new, &pointer, ["removed-answer", "added-answer"]);
                }
                (method, Some(_), None) if METHODS.contains(&method) => {
                    self.add(pointer, "removed-operation");
                }
                (method, None, Some(_)) if METHODS.contains(&method) => {
                    self.add(pointer, "added-operation");
                }
                ("enum", Some(Value::Array(old)), Some(Value::Array(new))) => {
                    self.sets(old, new, &pointer, ["removed-enum-value", "added-enum-value"]);
                }
                ("required", old, new) => self.required(old, new, &pointer),
                ("parameters", Some(Value::Array(old)), Some(Value::Array(new))) => {
                    self.parameters(old, new, &pointer);
                }
                ("minItems" | "minLength" | "minimum", old, new) => {
                    let [old, new] = [old, new].map(|bound| bound.and_then(Value::as_f64));
                    let [old, new] = [old, new].map(|bound| bound.unwrap_or(f64::NEG_INFINITY));
                    self.bound(old, new, &pointer);
                }
                ("maxItems" | "maxLength" | "maximum", old, new) => {
                    let [old, new] = [old, new].map(|bound| bound.and_then(Value::as_f64));
                    let [old, new] = [old, new].map(|bound| bound.unwrap_or(f64::INFINITY));
                    self.bound(-old, -new, &pointer);
                }
                (_, Some(old), Some(new)) => self.values(old, new, &pointer),
                (_, Some(_), None) | (_, None, Some(_)) => {
                    self.add(pointer, "changed-type");
                }
                (_, None, None) => {}
            }
        }
    }

    /// The entries of a map whose keys are names.
    fn entries(
        &mut self,
        old: &Map<String, Value>,
        new: &Map<String, Value>,
        pointer: &str,
        [removed, added]: [&'static str; 2],
    ) {
        for (name, old) in old {
            let pointer = join(pointer, name);
            match new.get(name) {
                Some(new) => self.values(old, new, &pointer),
                None => self.add(pointer, removed),
            }
        }
        for name in new.keys().filter(|name| !old.contains_key(*name)) {
            self.add(join(pointer, name), added);
        }
    }

    fn components(&mut self, old: &Map<String, Value>, new: &Map<String, Value>, pointer: &str) {
        let kinds: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        let none = Map::new();
        for kind in kinds {
            let named = |components: &'_ Map<String, Value>| {
                components.get(kind).and_then(Value::as_object).unwrap_or(&none).clone()
            };
            let rules = ["removed-component", "added-component"];
            self.entries(&named(old), &named(new), &join(pointer, kind), rules);
        }
    }

    fn sets(&mut self, old: &[Value], new: &[Value], pointer: &str, [removed, added]: [&'static str; 2]) {
        for value in old.iter().filter(|value| !new.contains(value)) {
            self.add(format!("{pointer} {value}"), removed);
        }
        for value in new.iter().filter(|value| !old.contains(value)) {
            self.add(format!("{pointer} {value}"), added);
        }
    }

    /// The names of an object's required fields, or whether a parameter or a body is required.
    fn required(&mut self, old: Option<&Value>, new: Option<&Value>, pointer: &str) {
        let names = |value: Option<&Value>| match value {
            Some(Value::Array(names)) => names.clone(),
            Some(Value::Bool(true)) => vec![json!(true)],
            _ => vec![],
        };
        let (old, new) = (names(old), names(new));
        for name in new.iter().filter(|name| !old.contains(name)) {
            self.add(format!("{pointer} {name}"), "new-required");
        }
        for name in old.iter().filter(|name| !new.contains(name)) {
            self.add(format!("{pointer} {name}"), "no-longer-required");
        }
    }

    /// By reference, or by place and name: their order means nothing.
    fn parameters(&mut self, old: &[Value], new: &[Value], pointer: &str) {
        let name = |parameter: &Value| match &parameter["$ref"] {
            Value::String(reference) => reference.clone(),
            _ => format!("{} {}", parameter["in"], parameter["name"]),
        };
        for old in old {
            let pointer = format!("{pointer} {}", name(old));
            match new.iter().find(|new| name(new) == name(old)) {
                Some(new) => self.values(old, new, &pointer),
                None => self.add(pointer, "removed-parameter"),
            }
        }
        for added in new {
            if old.iter().any(|old| name(old) == name(added)) {
                continue;
            }
            let definition = added["$ref"].as_str().and_then(|reference| resolve(self.new, reference));
            let required = definition.unwrap_or(added)["required"] == Value::Bool(true);
            let rule = if required { "new-required" } else { "added-parameter" };
            self.add(format!("{pointer} {}", name(added)), rule);
        }
    }

    fn bound(&mut self, old: f64, new: f64, pointer: &str) {
        if new > old {
            self.add(pointer, "narrowed-bound");
        } else if new < old {
            self.add(pointer, "widened-bound");
        }
    }
}

type Version = [u64; 3];

fn version(spec: &Value) -> Version {
    let text = spec["info"]["version"].as_str().unwrap();
    let numbers: Vec<u64> = text.split('.').map(|part| part.parse().unwrap()).collect();
    numbers.try_into().expect("info.version has three numbers")
}

/// Changes that ask for a greater step of `info.version` than was made.
pub(super) fn breaches(old: &Value, new: &Value) -> Vec<String> {
    let (was, is) = (version(old), version(new));
    let [major, minor, patch] = was;
    if is < was {
        return vec![format!("/info/version: goes back from {was:?} to {is:?}")];
    }
    let made = match is {
        [m, ..] if m > major => Some(Step::Major),
        [_, n, _] if n > minor => Some(Step::Minor),
        _ => None,
    };
    let changes = Comparison::of(old, new).into_iter();
    let breaches = changes.filter(|change| Some(change.step()) > made);
    let told = breaches.map(|change| {
        let (Change { pointer, rule }, step) = (&change, change.step());
        let next = match step {
            Step::Minor => format!("{major}.{}.0", minor + 1),
            Step::Major => format!("{}.0.0", major + 1),
        };
        format!(
            "{pointer}: {rule}: a {step} change against the released {major}.{minor}.{patch}; \
             undo it or raise info.version to {next}"
        )
    });
    told.collect()
}

/// The released spec with the highest version, by its file's name.
pub(super) fn last_released() -> Value {
    let files = fs::read_dir(RELEASED).unwrap().map(|entry| entry.unwrap().path());
    let read = |path: &Path| -> Value { serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap() };
    let released = files.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    let released = released.map(|path| {
        let spec = read(&path);
        let [major, minor, patch] = version(&spec);
        let name = format!("{major}.{minor}.{patch}.json");
        assert!(path.ends_with(&name), "{} should be called {name}", path.display());
        spec
    });
    released.max_by_key(version).expect("a released spec")
}

#[test]
fn changes_since_the_last_release_move_the_version_as_semver_says() {
    assert_none(&breaches(&last_released(), &spec()));
}

#[test]
fn every_rule_is_documented() {
    let readme = fs::read_to_string("../openapi/README.md").unwrap();
    let mut documented = Vec::new();
    for row in readme.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        let &[_, rules, _, step, _] = cells.as_slice() else {
            continue;
        };
        let rules = rules.split(", ").map(|rule| rule.trim_matches('`'));
        documented.extend(rules.map(|rule| (rule.to_owned(), step.to_owned())));
    }
    let rules = RULES.map(|(rule, step)| (rule.to_owned(), step.to_string()));
    assert_eq!(documented, rules);
}

/// A small spec, and what becomes of it.
mod small {
    use super::*;

    fn small() -> Value {
        json!({
            "info": {"description": "…", "version": "1.2.3"},
            "paths": {"/a": {"post": {
                "parameters": [
                    {"in": "header", "name": "A", "required": true, "schema": {"type": "string"}},
                    {"$ref": "#/components/parameters/B"},
                ],
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Body"}}}},
                "responses": {"200": {"description": "OK"}},
            }}},
            "components": {
                "parameters": {
                    "B": {"in": "header", "name": "B", "schema": {"type": "string"}},
                    "C": {"in": "header", "name": "C", "required": true, "schema": {"type": "string"}},
                    "D": {"in": "header", "name": "D", "schema": {"type": "string"}},
                },
                "schemas": {"Body": {
                    "properties": {
                        "kind": {"enum": [1, 2], "type": "integer"},
                        "names": {"items": {"type": "string"}, "maxItems": 9, "minItems": 1, "type": "array"},
                    },
                    "required": ["kind"],
                    "type": "object",
                }},
            },
        })
    }

    const OPERATION: &str = "/paths/~1a/post";
    const BODY: &str = "/components/schemas/Body";

    /// Puts a value in the place of another, or where none is.
    fn put(spec: &mut Value, pointer: &str, value: Value) {
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        let parent = spec.pointer_mut(parent).unwrap();
        match parent {
            Value::Array(items) => items.push(value),
            parent => parent[key.replace("~1", "/")] = value,
        }
    }

    fn remove(spec: &mut Value, pointer: &str) {
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        let parent = spec.pointer_mut(parent).unwrap();
        match parent {
            Value::Array(items) => drop(items.remove(key.parse().unwrap())),
            parent => drop(parent.as_object_mut().unwrap().remove(&key.replace("~1", "/")).unwrap()),
        }
    }

    /// The one change that `change` makes.
    fn change(change: impl FnOnce(&mut Value)) -> (String, &'static str, Step) {
        let (old, mut new) = (small(), small());
        change(&mut new);
        let mut changes = Comparison::of(&old, &new);
        let change = changes.pop().unwrap();
        assert_eq!(changes, [], "more than one change");
        let step = change.step();
        (change.pointer, change.rule, step)
    }

    fn put_alone(pointer: &str, value: Value) -> (String, &'static str, Step) {
        change(|spec| put(spec, pointer, value))
    }

    fn removed(pointer: &str) -> (String, &'static str, Step) {
        change(|spec| remove(spec, pointer))
    }

    fn is(pointer: impl Into<String>, rule: &'static str, step: Step) -> (String, &'static str, Step) {
        (pointer.into(), rule, step)
    }

    #[test]
    fn nothing_changed_is_no_change() {
        assert_eq!(Comparison::of(&small(), &small()), []);
    }

    #[test]
    fn text_for_people_is_no_change() {
        let mut new = small();
        put(&mut new, "/info/description", json!("other"));
        put(&mut new, &format!("{OPERATION}/summary"), json!("new"));
        put(&mut new, &format!("{BODY}/properties/kind/description"), json!("new"));
        put(&mut new, &format!("{BODY}/x-note"), json!("new"));
        put(&mut new, "/servers", json!([]));
        assert_eq!(Comparison::of(&small(), &new), []);
    }

    #[test]
    fn operations() {
        assert_eq!(removed("/paths/~1a"), is("/paths/~1a", "removed-operation", Step::Major));
        assert_eq!(removed(OPERATION), is(OPERATION, "removed-operation", Step::Major));
        assert_eq!(put_alone("/paths/~1b", json!({})), is("/paths/~1b", "added-operation", Step::Minor));
        assert_eq!(put_alone("/paths/~1a/get", json!({})), is("/paths/~1a/get", "added-operation", Step::Minor));
    }

    #[test]
    fn answers() {
        let status = format!("{OPERATION}/responses/200");
        assert_eq!(removed(&status), is(&status, "removed-answer", Step::Major));
        let status = format!("{OPERATION}/responses/404");
        assert_eq!(put_alone(&status, json!({})), is(&status, "added-answer", Step::Minor));
    }

    #[test]
    fn fields_also_those_called_like_a_keyword() {
        let names = format!("{BODY}/properties/names");
        assert_eq!(removed(&names), is(&names, "removed-field", Step::Major));
        for name in ["new", "description", "required", "enum"] {
            let field = format!("{BODY}/properties/{name}");
            let schema = json!({"type": "string"});
            assert_eq!(put_alone(&field, schema), is(&field, "added-field", Step::Minor));
        }
    }

    #[test]
    fn enum_values() {
        let values = format!("{BODY}/properties/kind/enum");
        assert_eq!(removed(&format!("{values}/1")), is(format!("{values} 2"), "removed-enum-value", Step::Major));
        assert_eq!(
            put_alone(&format!("{values}/2"), json!(3)),
            is(format!("{values} 3"), "added-enum-value", Step::Minor)
        );
    }

    #[test]
    fn required_fields_parameters_and_bodies() {
        let required = format!("{BODY}/required");
        let new = is(format!("{required} \"names\""), "new-required", Step::Major);
        assert_eq!(put_alone(&format!("{required}/1"), json!("names")), new);
        let no_longer = is(format!("{required} \"kind\""), "no-longer-required", Step::Minor);
        assert_eq!(removed(&format!("{required}/0")), no_longer);
        assert_eq!(removed(&required), no_longer);
        let body = format!("{OPERATION}/requestBody/required");
        assert_eq!(put_alone(&body, json!(true)), is(format!("{body} true"), "new-required", Step::Major));
        let parameter = "/components/parameters/B/required";
        assert_eq!(put_alone(parameter, json!(true)), is(format!("{parameter} true"), "new-required", Step::Major));
    }

    #[test]
    fn parameters_in_any_order() {
        let parameters = format!("{OPERATION}/parameters");
        let mut new = small();
        new.pointer_mut(&parameters).unwrap().as_array_mut().unwrap().reverse();
        assert_eq!(Comparison::of(&small(), &new), []);
        let gone = is(format!("{parameters} \"header\" \"A\""), "removed-parameter", Step::Major);
        assert_eq!(removed(&format!("{parameters}/0")), gone);
        let reference = |name| json!({"$ref": format!("#/components/parameters/{name}")});
        let added = |name| put_alone(&format!("{parameters}/2"), reference(name));
        let pointer = |name| format!("{parameters} #/components/parameters/{name}");
        assert_eq!(added("C"), is(pointer("C"), "new-required", Step::Major));
        assert_eq!(added("D"), is(pointer("D"), "added-parameter", Step::Minor));
    }

    #[test]
    fn types() {
        let names = format!("{BODY}/properties/names");
        for (key, value) in [
            ("type", json!("string")),
            ("format", json!("uuid")),
            ("pattern", json!("^a$")),
            ("nullable", json!(true)),
            ("items", json!({"type": "integer"})),
        ] {
            let pointer = format!("{names}/{key}");
            let at = if key == "items" { format!("{pointer}/type") } else { pointer.clone() };
            assert_eq!(put_alone(&pointer, value), is(at, "changed-type", Step::Major));
        }
    }

    #[test]
    fn bounds() {
        let names = format!("{BODY}/properties/names");
        for (key, value, rule, step) in [
            ("minItems", 2, "narrowed-bound", Step::Major),
            ("minItems", 0, "widened-bound", Step::Minor),
            ("maxItems", 8, "narrowed-bound", Step::Major),
            ("maxItems", 10, "widened-bound", Step::Minor),
            ("minLength", 1, "narrowed-bound", Step::Major),
        ] {
            let pointer = format!("{names}/{key}");
            assert_eq!(put_alone(&pointer, json!(value)), is(&pointer, rule, step));
        }
        let bound = format!("{names}/maxItems");
        assert_eq!(removed(&bound), is(&bound, "widened-bound", Step::Minor));
    }

    #[test]
    fn components() {
        let schema = "/components/schemas/Other";
        assert_eq!(put_alone(schema, json!({"type": "string"})), is(schema, "added-component", Step::Minor));
        assert_eq!(removed(BODY), is(BODY, "removed-component", Step::Major));
    }

    #[test]
    fn a_change_is_a_breach_unless_the_version_moves_far_enough() {
        let field = format!("{BODY}/properties/names");
        let breach_of = |version: &str, breaking: bool| {
            let mut new = small();
            put(&mut new, "/info/version", json!(version));
            if breaking {
                remove(&mut new, &field);
            } else {
                put(&mut new, &format!("{BODY}/properties/new"), json!({}));
            }
            breaches(&small(), &new)
        };
        for version in ["1.2.3", "1.2.4", "1.3.0", "1.20.0"] {
            let expected = format!(
                "{field}: removed-field: a major change against the released 1.2.3; \
                 undo it or raise info.version to 2.0.0"
            );
            assert_eq!(breach_of(version, true), [expected]);
        }
        assert_eq!(breach_of("2.0.0", true), Vec::<String>::new());
        assert_eq!(breach_of("10.0.0", true), Vec::<String>::new());
        let expected = format!(
            "{field}: added-field: a minor change against the released 1.2.3; \
             undo it or raise info.version to 1.3.0"
        )
        .replace("names", "new");
        assert_eq!(breach_of("1.2.4", false), [expected]);
        assert_eq!(breach_of("1.3.0", false), Vec::<String>::new());
        assert_eq!(breach_of("2.0.0", false), Vec::<String>::new());
        let back = ["/info/version: goes back from [1, 2, 3] to [1, 2, 2]"];
        assert_eq!(breach_of("1.2.2", false), back);
    }
}
