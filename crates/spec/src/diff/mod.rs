//! The changes between two documents, in sentences.

mod compare;
mod form;
mod render;
mod rules;
mod rust;
mod schemas;
mod words;

use serde_json::Value;

use self::compare::Comparison;
pub use self::rules::{RULES, Rule, Step};
use crate::{document::Direction, finding::Finding};

/// The command that writes `openapi/CHANGES.md`.
pub(crate) const UPDATE: &str = "cargo run -p spec -- diff --format markdown > openapi/CHANGES.md";

/// The place in a message that a change affects.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Occurrence {
    /// Empty for a change outside of operations.
    pub(crate) operation: String,
    pub(crate) direction: Option<Direction>,
    /// As in `$.fileIds` or `header X-Date`.
    pub(crate) place: String,
}

/// A change.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) rule: &'static Rule,
    /// The pointer in the newer document, or in the older one if the part is gone.
    pub(crate) pointer: String,
    /// The places that the change affects: at least one, either all in requests or all in replies.
    pub(crate) uses: Vec<Occurrence>,
    /// The change in words, which follow those of the place.
    pub(crate) what: String,
    /// The form of a new part, in words.
    pub(crate) form: Option<String>,
    /// The consequence, if it is not that of the rule.
    pub(crate) consequence: Option<String>,
    pub(crate) rust: Option<String>,
}

impl Change {
    fn is_reply(&self) -> bool {
        matches!(self.uses[0].direction, Some(Direction::Reply(_)))
    }

    fn verdict(&self) -> (Step, &str) {
        let (step, consequence) = if self.is_reply() { self.rule.reply } else { self.rule.request };
        (step, self.consequence.as_deref().unwrap_or(consequence))
    }

    fn step(&self) -> Step {
        self.verdict().0
    }

    fn is_same_as(&self, other: &Self) -> bool {
        self.rule == other.rule
            && self.pointer == other.pointer
            && self.what == other.what
            && self.is_reply() == other.is_reply()
    }
}

pub(crate) type Version = [u64; 3];

pub(crate) fn version(spec: &Value) -> Option<Version> {
    let numbers: Option<Vec<u64>> =
        spec["info"]["version"].as_str()?.split('.').map(|part| part.parse().ok()).collect();
    numbers?.try_into().ok()
}

fn greatest(changes: &[Change]) -> Step {
    changes.iter().map(Change::step).max().unwrap_or(Step::None)
}

fn dotted([major, minor, patch]: Version) -> String {
    format!("{major}.{minor}.{patch}")
}

/// The changes between two documents.
#[derive(Debug)]
pub struct Report {
    changes: Vec<Change>,
    /// The version of the last release. The changes since then decide what `info.version` must be.
    released: Option<Version>,
    /// The greatest step since the last release.
    required: Step,
    is: Option<Version>,
}

impl Report {
    /// Compares a document with the released one. Both must be [well-formed](crate::well_formed).
    #[must_use]
    pub fn of(released: &Value, new: &Value) -> Self {
        let changes = Comparison::of(released, new);
        Self { required: greatest(&changes), changes, released: version(released), is: version(new) }
    }

    /// Compares a document with an older one. The verdict on `info.version` is about the released one all the same.
    #[must_use]
    pub fn between(old: &Value, new: &Value, released: &Value) -> Self {
        Self { changes: Comparison::of(old, new), ..Self::of(released, new) }
    }

    /// The greatest step that any change asks for.
    #[must_use]
    pub fn step(&self) -> Step {
        greatest(&self.changes)
    }

    /// The least `info.version` after a step.
    fn must_be(&self, step: Step) -> Version {
        let [major, minor, patch] = self.released.unwrap_or_default();
        match step {
            Step::None => [major, minor, patch],
            Step::Minor => [major, minor + 1, 0],
            Step::Major => [major + 1, 0, 0],
        }
    }

    /// Whether `info.version` has moved far enough.
    #[must_use]
    pub fn is_version_enough(&self) -> bool {
        self.released.is_some() && self.is.is_some_and(|is| is >= self.must_be(self.required))
    }

    /// The changes that ask for more than `info.version` moved.
    pub(crate) fn breach(&self) -> Vec<Finding> {
        let Some(is) = self.is else {
            return vec![Finding::new("/info/version", "not three numbers", "write it as in 1.0.0")];
        };
        if let Some(released) = self.released.filter(|released| is < *released) {
            let released = dotted(released);
            let problem = format!("goes back from the released {released} to {}", dotted(is));
            return vec![Finding::new("/info/version", problem, format!("write {released} or more"))];
        }
        let breaches = self.changes.iter().filter(|change| self.must_be(change.step()) > is);
        let findings = breaches.map(|change| {
            let must_be = dotted(self.must_be(change.step()));
            let remedy = format!("undo it or raise info.version from {} to {must_be}", dotted(is));
            Finding::new(&change.pointer, change.sentence(), remedy)
        });
        findings.collect()
    }
}
