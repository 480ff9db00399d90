//! A report as text, as Markdown and as JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{Change, Occurrence, Report, Step, UPDATE, dotted};
use crate::document::Direction;

impl Occurrence {
    /// As in `createBatchTask request` or `getBatchTask reply 400, 401`.
    fn head(&self, statuses: &[&str]) -> String {
        let Self { operation, direction, .. } = self;
        match direction {
            None if operation.is_empty() => "the document".to_owned(),
            None => operation.clone(),
            Some(Direction::Request) => format!("{operation} request"),
            Some(Direction::Reply(_)) => format!("{operation} reply {}", statuses.join(", ")),
        }
    }

    fn status(&self) -> Option<&str> {
        match &self.direction {
            Some(Direction::Reply(status)) => Some(status),
            _ => None,
        }
    }
}

impl Change {
    /// The head and the place of each use. Uses that differ in their status alone are joined.
    fn reached(&self) -> Vec<(String, &str)> {
        let mut reached: Vec<(&Occurrence, Vec<&str>)> = Vec::new();
        for occurrence in &self.uses {
            let known = reached
                .iter_mut()
                .find(|(known, _)| (&known.operation, &known.place) == (&occurrence.operation, &occurrence.place));
            match known {
                Some((_, statuses)) => {
                    statuses.extend(
                        occurrence.status().filter(|status| !statuses.contains(status)).into_iter().collect::<Vec<_>>(),
                    );
                }
                None => reached.push((occurrence, occurrence.status().into_iter().collect())),
            }
        }
        reached
            .into_iter()
            .map(|(occurrence, statuses)| (occurrence.head(&statuses), occurrence.place.as_str()))
            .collect()
    }

    /// As in `createBatchTask request: $.fileIds holds at most 500 items, was 1000 (narrowed-bound): callers with more
    /// break; major`.
    pub(crate) fn sentence(&self) -> String {
        let reached = self.reached();
        let ((step, consequence), (head, place)) = (self.verdict(), &reached[0]);
        let mut text = format!("{head}: {place} {} ({})", self.what, self.rule.name);
        if step != Step::None {
            let _ = write!(text, ": {consequence}; {step}");
        }
        if let [_, others @ ..] = reached.as_slice()
            && !others.is_empty()
        {
            let others: Vec<_> = others.iter().map(|(head, place)| format!("{head}: {place}")).collect();
            let _ = write!(text, "; also reached from {}", others.join("; "));
        }
        text
    }
}

impl Change {
    /// The lines below the sentence.
    fn details(&self) -> impl Iterator<Item = (&'static str, &str)> {
        [("Form", &self.form), ("Rust", &self.rust)]
            .into_iter()
            .filter_map(|(label, text)| Some((label, text.as_deref()?)))
    }
}

/// The parts of a report, the greatest step first.
const PARTS: [(Step, &str); 3] = [
    (Step::Major, "Breaking"),
    (Step::Minor, "Compatible"),
    (Step::None, "Texts, references and links: nothing breaks, but read whether it is true"),
];

impl Report {
    fn parts(&self) -> impl Iterator<Item = (&'static str, Vec<&Change>)> {
        let parts = PARTS.into_iter().map(|(step, title)| {
            let changes = self.changes.iter().filter(|change| change.step() == step);
            (title, changes.collect::<Vec<_>>())
        });
        parts.filter(|(_, changes)| !changes.is_empty())
    }

    /// The sentence about `info.version`.
    fn verdict(&self) -> String {
        let must_be = dotted(self.must_be(self.required));
        let is = self.is.map_or_else(|| "not three numbers".to_owned(), dotted);
        let verdict = if self.is_version_enough() { "enough" } else { "TOO LITTLE" };
        let released = self.released.map(|was| format!("was {} in the last release, ", dotted(was)));
        format!("info.version {}must be at least {must_be} and is {is}: {verdict}.", released.unwrap_or_default())
    }

    /// The report for a terminal.
    #[must_use]
    pub fn text(&self) -> String {
        self.listing(
            |title| format!("{title}\n"),
            |change| {
                let mut entry = format!("  {}\n      at {}\n", change.sentence(), change.pointer);
                for (label, text) in change.details() {
                    let _ = writeln!(entry, "      {label}: {text}");
                }
                entry
            },
        )
    }

    /// The content of `openapi/CHANGES.md`.
    #[must_use]
    pub fn changes_file(&self) -> String {
        let released = self.released.map(dotted).unwrap_or_default();
        self.markdown(&format!("since {released}\n\n<!-- Generated: `{UPDATE}` -->"))
    }

    /// The report for a comment in a review. `compared` names the documents, as in `since HEAD`.
    #[must_use]
    pub fn markdown(&self, compared: &str) -> String {
        let listing = self.listing(
            |title| format!("## {title}\n\n"),
            |change| {
                let mut entry = format!("- {}  \n  at `{}`\n", change.sentence(), change.pointer);
                for (label, text) in change.details() {
                    let _ = writeln!(entry, "  - {label}: {text}");
                }
                entry
            },
        );
        format!("# Changes of the spec {compared}\n\n{listing}")
    }

    /// The parts with their changes, and the verdict.
    fn listing(&self, heading: impl Fn(&str) -> String, entry: impl Fn(&Change) -> String) -> String {
        let mut text = String::new();
        for (title, changes) in self.parts() {
            text.push_str(&heading(title));
            for change in changes {
                text.push_str(&entry(change));
            }
            text.push('\n');
        }
        if self.changes.is_empty() {
            text.push_str("Nothing changed that a message shows.\n\n");
        }
        let _ = writeln!(text, "{}", self.verdict());
        text
    }

    /// The report for a program.
    #[must_use]
    pub fn json(&self) -> Value {
        let changes = self.changes.iter().map(|change| {
            let (step, consequence) = change.verdict();
            let uses = change.uses.iter().map(|occurrence| {
                json!({
                    "operation": occurrence.operation,
                    "direction": match occurrence.direction {
                        None => Value::Null,
                        Some(Direction::Request) => json!("request"),
                        Some(Direction::Reply(_)) => json!("reply"),
                    },
                    "status": occurrence.status(),
                    "place": occurrence.place,
                })
            });
            json!({
                "rule": change.rule.name,
                "step": step.to_string(),
                "sentence": change.sentence(),
                "consequence": consequence,
                "pointer": change.pointer,
                "reachedFrom": uses.collect::<Vec<_>>(),
                "form": change.form,
                "rust": change.rust,
            })
        });
        json!({
            "changes": changes.collect::<Vec<_>>(),
            "step": self.step().to_string(),
            "version": {
                "released": self.released.map(dotted),
                "is": self.is.map(dotted),
                "mustBeAtLeast": dotted(self.must_be(self.required)),
                "isEnough": self.is_version_enough(),
            },
        })
    }
}
