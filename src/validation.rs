//! Broken rules, all of them at once.

use std::{error::Error, fmt};

use http::HeaderValue;

/// Longest piece of a given value that a violation shows, in characters.
const SHOWN: usize = 64;

/// Most violations that one message lists; all of them are in [`ValidationError::violations`].
const LISTED: usize = 10;

/// One broken rule: which field, which rule, what was given, and what to do.
///
/// ```
/// # use koodrive_share::ShareTask;
/// let refused = ShareTask::package_download("").share_id("s").container_id("c").file_ids(["f"]).build();
/// let error = refused.unwrap_err();
/// let violation = &error.violations()[0];
/// assert_eq!(violation.path(), "$.zipName");
/// assert_eq!(violation.rule(), "zip-name-required");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    path: String,
    rule: &'static str,
    limit: &'static str,
    given: String,
    advice: &'static str,
}

impl Violation {
    /// The field: a JSON path into the request's body (`$.fileIds[3]`), a header (`X-User-Id`), or a setting (`endpoint`).
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The rule's name, as in the OpenAPI document and the README's table.
    #[must_use]
    pub fn rule(&self) -> &'static str {
        self.rule
    }

    /// What the rule demands.
    #[must_use]
    pub fn limit(&self) -> &'static str {
        self.limit
    }

    /// What was given, escaped and shortened; of a secret no more than its length.
    #[must_use]
    pub fn given(&self) -> &str {
        &self.given
    }

    /// What to do about it.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        self.advice
    }
}

/// `$.fileIds: must hold 1 to 1000 file ids, given 1001 (file-ids-count); split them over several tasks`
impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, rule, limit, given, advice } = self;
        write!(f, "{path}: {limit}, given {given} ({rule}); {advice}")
    }
}

/// Every rule that a request or a configuration breaks; nothing was sent.
///
/// Correct all of them and try again: they are complete, so a corrected value is accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidationError {
    violations: Vec<Violation>,
}

impl ValidationError {
    /// The broken rules, at least one.
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }
}

/// `2 rules are broken: $.zipName: …; advice | $.shareId: …; advice`
impl fmt::Display for ValidationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.violations.as_slice() {
            [only] => write!(f, "a rule is broken: {only}"),
            all => {
                write!(f, "{} rules are broken: ", all.len())?;
                for (n, violation) in all.iter().take(LISTED).enumerate() {
                    let separator = if n == 0 { "" } else { " | " };
                    write!(f, "{separator}{violation}")?;
                }
                match all.len().saturating_sub(LISTED) {
                    0 => Ok(()),
                    more => write!(f, " | and {more} more"),
                }
            }
        }
    }
}

impl Error for ValidationError {}

/// Collects violations while a value is checked.
#[derive(Debug, Default)]
pub(crate) struct Violations(Vec<Violation>);

impl Violations {
    pub(crate) fn add(
        &mut self,
        path: impl Into<String>,
        rule: &'static str,
        limit: &'static str,
        given: impl Into<String>,
        advice: &'static str,
    ) {
        let (path, given) = (path.into(), given.into());
        self.0.push(Violation { path, rule, limit, given, advice });
    }

    pub(crate) fn not_empty(&mut self, path: impl Into<String>, value: &str, advice: &'static str) {
        if value.is_empty() {
            self.add(path, "not-empty", "must not be empty", "nothing", advice);
        }
    }

    /// Visible ASCII with blanks inside: what every HTTP peer takes as a header value and reads back unchanged.
    pub(crate) fn header_text(&mut self, path: &'static str, value: &str, advice: &'static str) -> Option<HeaderValue> {
        let header = is_header_text(value).then(|| HeaderValue::from_str(value));
        let header = header.and_then(Result::ok);
        if header.is_none() {
            self.add(path, "header-text", HEADER_TEXT, shown(value), advice);
        }
        header
    }

    /// Like [`Self::header_text`], for a value that must not be shown.
    pub(crate) fn secret_header_text(&mut self, path: &'static str, value: &str, advice: &'static str) {
        if !is_header_text(value) {
            self.add(path, "header-text", HEADER_TEXT, secret_shown(value), advice);
        }
    }

    pub(crate) fn into_result(self) -> Result<(), ValidationError> {
        if self.0.is_empty() { Ok(()) } else { Err(self.into_error()) }
    }

    /// Of at least one violation.
    pub(crate) fn into_error(self) -> ValidationError {
        ValidationError { violations: self.0 }
    }
}

const HEADER_TEXT: &str = "must be visible ASCII, neither empty nor with blanks at its ends";

pub(crate) fn is_header_text(value: &str) -> bool {
    let visible = |byte: u8| (b' '..=b'~').contains(&byte);
    !value.is_empty() && value.trim_matches(' ') == value && value.bytes().all(visible)
}

/// A value as an error shows it: quoted, escaped and shortened.
pub(crate) fn shown(value: &str) -> String {
    match value.char_indices().nth(SHOWN) {
        None if value.is_empty() => "nothing".to_owned(),
        None => format!("{value:?}"),
        Some((end, _)) => format!("{:?}… ({} characters)", &value[..end], value.chars().count()),
    }
}

/// A secret as an error shows it.
pub(crate) fn secret_shown(secret: &str) -> String {
    match secret.chars().count() {
        0 => "nothing".to_owned(),
        n => format!("a secret of {n} characters"),
    }
}
