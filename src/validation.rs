//! The broken rules of a value, collected so that all are reported at once.

use std::{error::Error, fmt, time::Duration};

use http::HeaderValue;
use serde::Serialize;

use crate::{
    error_chain::debug_as_chain,
    rules::{self, Rule},
};

/// The longest part of a given value that a violation shows, in characters.
const SHOWN: usize = 64;

/// The maximum number of violations that one message lists; all of them are in [`ValidationError::violations`].
const LISTED: usize = 10;

/// One broken rule: which field, which rule, what was given, and what to do.
///
/// ```
/// # use koodrive_share::ShareTask;
/// let refused = ShareTask::package_download("").share_id("s").container_id("c").file_ids(["f"]).build();
/// let error = refused.unwrap_err();
/// let violation = &error.violations()[0];
/// assert_eq!(violation.path, "$.zipName");
/// assert_eq!(violation.rule, "zip-name-required");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Violation {
    /// The field: a JSON path into the request's body (`$.fileIds[3]`), a header (`X-User-Id`), or a setting (`endpoint`).
    pub path: String,
    /// The rule's name. The OpenAPI document also names the rules about requests.
    pub rule: &'static str,
    /// What the rule demands.
    pub requirement: &'static str,
    /// The given value, escaped and shortened; for a secret, only its length.
    pub actual: String,
    /// What to do about it.
    pub advice: &'static str,
}

/// A violation that still lacks its advice.
#[derive(Debug)]
#[must_use = "a violation needs its advice"]
pub(crate) struct Broken(Violation);

impl Rule {
    /// Begins a violation of this rule by the field at `path`. [`given`](Broken::given) adds the value, and
    /// [`advise`](Broken::advise) the advice.
    pub(crate) fn at(self, path: impl Into<String>) -> Broken {
        let Self { name, requirement } = self;
        Broken(Violation { path: path.into(), rule: name, requirement, actual: "nothing".into(), advice: "" })
    }
}

impl Broken {
    /// Sets the given value. Defaults to `nothing`.
    pub(crate) fn given(self, actual: impl Into<String>) -> Self {
        Self(Violation { actual: actual.into(), ..self.0 })
    }

    pub(crate) fn advise(self, advice: &'static str) -> Violation {
        Violation { advice, ..self.0 }
    }
}

/// `$.fileIds: must hold 1 to 1000 file ids, given 1001 (file-ids-count); split them over several tasks`
impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, rule, requirement, actual, advice } = self;
        write!(f, "{path}: {requirement}, given {actual} ({rule}); {advice}")
    }
}

/// All rules that a request or a configuration breaks; nothing was sent.
///
/// Correct all of them and try again. The list is complete, so a corrected value is accepted.
#[derive(Clone, PartialEq, Eq)]
pub struct ValidationError(Vec<Violation>);

impl ValidationError {
    /// Returns the broken rules, at least one.
    pub fn violations(&self) -> &[Violation] {
        &self.0
    }
}

/// `2 rules are broken: $.zipName: …; advice | $.shareId: …; advice`
impl fmt::Display for ValidationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [only] => write!(f, "a rule is broken: {only}"),
            all => {
                let listed: Vec<_> = all.iter().take(LISTED).map(Violation::to_string).collect();
                write!(f, "{} rules are broken: {}", all.len(), listed.join(" | "))?;
                match all.len().saturating_sub(LISTED) {
                    0 => Ok(()),
                    more => write!(f, " | and {more} more"),
                }
            }
        }
    }
}

debug_as_chain!(ValidationError);

impl Error for ValidationError {}

impl From<Violation> for ValidationError {
    fn from(violation: Violation) -> Self {
        Self(vec![violation])
    }
}

/// Collects violations while a value is checked.
#[derive(Debug, Default)]
pub(crate) struct Violations(Vec<Violation>);

impl Violations {
    pub(crate) fn add(&mut self, violation: Violation) {
        self.0.push(violation);
    }

    /// Adds the violations of a checked value, or returns the value.
    pub(crate) fn merge<T>(&mut self, checked: Result<T, ValidationError>) -> Option<T> {
        checked.map_err(|broken| self.0.extend(broken.0)).ok()
    }

    /// Checks the rule `not-empty` for a value, if there is one.
    pub(crate) fn not_empty<'a>(&mut self, path: &str, value: impl Into<Option<&'a str>>, advice: &'static str) {
        if value.into() == Some("") {
            self.add(rules::NOT_EMPTY.at(path).advise(advice));
        }
    }

    /// Checks a rule about a setting's bounds. The setter has the rule's name, such as `max_attempts`.
    pub(crate) fn bounds(&mut self, rule: Rule, is_within: bool, actual: impl fmt::Display) {
        if !is_within {
            let setter = rule.name.replace('-', "_");
            self.add(rule.at(setter).given(actual.to_string()).advise("choose a value within the bounds"));
        }
    }

    /// Checks a rule that demands a time of more than 0 and at most a day.
    pub(crate) fn time_within_day(&mut self, rule: Rule, time: Duration) {
        self.bounds(rule, !time.is_zero() && time <= DAY, time_shown(time));
    }

    /// Returns the checked value, or the violations. `checked` is `None` only if there is a violation.
    pub(crate) fn into_result_with<T>(self, checked: Option<T>) -> Result<T, ValidationError> {
        match checked {
            Some(checked) if self.0.is_empty() => Ok(checked),
            Some(_) | None => Err(ValidationError(self.0)),
        }
    }

    pub(crate) fn into_result(self) -> Result<(), ValidationError> {
        self.into_result_with(Some(()))
    }
}

/// Checks the rule `header-text` and returns the header's value. A violation shows the value by `show`.
///
/// Every HTTP peer accepts visible ASCII with blanks inside as a value, and reads it unchanged.
pub(crate) fn header_text(
    path: &'static str,
    value: &str,
    show: fn(&str) -> String,
    advice: &'static str,
) -> Result<HeaderValue, ValidationError> {
    let visible = |byte: u8| (b' '..=b'~').contains(&byte);
    let is_header_text = !value.is_empty() && value.trim_matches(' ') == value && value.bytes().all(visible);
    let header = HeaderValue::from_str(value).ok().filter(|_| is_header_text);
    header.ok_or_else(|| rules::HEADER_TEXT.at(path).given(show(value)).advise(advice).into())
}

/// Does the same as [`header_text`] for a secret, which no `Debug` shows.
pub(crate) fn secret_header(
    path: &'static str,
    value: &str,
    advice: &'static str,
) -> Result<HeaderValue, ValidationError> {
    let mut header = header_text(path, value, secret_shown, advice)?;
    header.set_sensitive(true);
    Ok(header)
}

/// Returns a value as an error shows it: quoted, escaped and shortened.
pub(crate) fn shown(value: &str) -> String {
    match value.char_indices().nth(SHOWN) {
        None if value.is_empty() => "nothing".to_owned(),
        None => format!("{value:?}"),
        Some((end, _)) => format!("{:?}… ({} characters)", &value[..end], value.chars().count()),
    }
}

/// The longest time that a rule allows, one day. Nobody waits for a longer time-out.
pub(crate) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Returns a time as errors show it and flags accept it: `24h`, `15m`, `90s`, `0s`, `1.5s`.
pub(crate) fn time_shown(time: Duration) -> String {
    match (time.as_secs(), time.subsec_nanos()) {
        (0, 0) => "0s".to_owned(),
        (seconds, 0) if seconds % 3_600 == 0 => format!("{}h", seconds / 3_600),
        (seconds, 0) if seconds % 60 == 0 => format!("{}m", seconds / 60),
        _ => format!("{time:?}"),
    }
}

/// Returns what an error shows of a secret: its length.
pub(crate) fn secret_shown(secret: &str) -> String {
    match secret.chars().count() {
        0 => "nothing".to_owned(),
        n => format!("a secret of {n} characters"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_shown_escaped_and_a_secret_by_its_length() {
        assert_eq!([shown(""), shown("a\n")], ["nothing", "\"a\\n\""]);
        assert_eq!([secret_shown(""), secret_shown("密钥")], ["nothing", "a secret of 2 characters"]);
    }

    #[test]
    fn times_are_shown_as_people_read_them() {
        for (millis, shown) in [
            (0, "0s"),
            (1_500, "1.5s"),
            (90_000, "90s"),
            (900_000, "15m"),
            (5_400_000, "90m"),
            (86_400_000, "24h"),
            (86_401_000, "86401s"),
            (86_400_001, "86400.001s"),
            (60_500, "60.5s"),
        ] {
            assert_eq!(time_shown(Duration::from_millis(millis)), shown);
        }
    }
}
