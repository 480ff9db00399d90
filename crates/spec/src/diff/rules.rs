//! The rules of a comparison: what each kind of change does, in a request and in a reply.

use std::fmt;

/// The part of `info.version` that a change must move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// `info.version` may stay as it is.
    None,
    /// At least the second number must move.
    Minor,
    /// The first number must move.
    Major,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Minor => "minor",
            Self::Major => "major",
        })
    }
}

/// A kind of change.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// The name, as a report shows it.
    pub name: &'static str,
    /// The changes that it covers, in words.
    pub found: &'static str,
    /// The step that it asks for and who breaks, in a request or in the document as a whole.
    pub request: (Step, &'static str),
    /// The step that it asks for and who breaks, in a reply.
    pub reply: (Step, &'static str),
}

const NOBODY: &str = "nobody breaks";

/// Defines the rules, one a line: the name, the changes that it covers, the step and who breaks in a request, and in a
/// reply.
macro_rules! rules {
    ($($constant:ident $name:literal, $found:literal, $r:ident $request:expr, $a:ident $reply:expr;)+) => {
        $(pub(super) static $constant: Rule = Rule {
            name: $name, found: $found, request: (Step::$r, $request), reply: (Step::$a, $reply),
        };)+

        /// Every rule.
        pub static RULES: &[&Rule] = &[$(&$constant),+];
    };
}

rules! {
    REMOVED_OPERATION "removed-operation", "a path or a method is gone", Major "its callers break", Major "";
    RENAMED_OPERATION "renamed-operation", "an operation has another id",
        Major "code that calls its generated method breaks", Major "";
    ADDED_OPERATION "added-operation", "a path or a method is new", Minor NOBODY, Minor "";
    REMOVED_PARAMETER "removed-parameter", "an operation no longer takes a parameter",
        Major "callers who send it break", Major "";
    ADDED_PARAMETER "added-parameter", "an optional parameter is new", Minor "nobody breaks: it is optional", Minor "";
    REMOVED_FIELD "removed-field", "a property is gone, or has another name",
        Major "callers who send it break", Major "readers who need it break";
    ADDED_FIELD "added-field", "a property is new; in a request, it is optional",
        Minor "nobody breaks: it is optional", Minor "nobody breaks: readers ignore what they do not know";
    NEW_REQUIRED "new-required", "a field, a parameter or a body becomes required, or is new and required",
        Major "callers without it break", Minor NOBODY;
    NO_LONGER_REQUIRED "no-longer-required", "a field, a parameter or a body becomes optional",
        Minor NOBODY, Major "readers who count on it break";
    REMOVED_ENUM_VALUE "removed-enum-value", "a value is gone; the order of values means nothing",
        Major "callers who send it break", Minor NOBODY;
    ADDED_ENUM_VALUE "added-enum-value", "a value is new", Minor NOBODY, Minor "nobody breaks: the types of replies are open";
    NARROWED_BOUND "narrowed-bound", "a minimum rises, a maximum falls, or either is new",
        Major "callers beyond it break", Minor NOBODY;
    WIDENED_BOUND "widened-bound", "a minimum falls, a maximum rises, or either is gone",
        Minor NOBODY, Major "readers who rely on it break";
    NARROWED_TYPE "narrowed-type", "a pattern is new, `nullable` or an alternative is gone, and the like",
        Major "callers who send what it no longer takes break", Minor NOBODY;
    WIDENED_TYPE "widened-type", "a pattern is gone, `nullable` or an alternative is new, and the like",
        Minor NOBODY, Major "readers who do not expect it break";
    CHANGED_TYPE "changed-type", "`type`, `format`, `pattern` or another limit of a value is different",
        Major "callers who send what it was break", Major "readers who expect what it was break";
    CHANGED_DEFAULT "changed-default", "the default of a field is different",
        Major "callers who leave it out get something else", Major "readers of a reply without it break";
    CHANGED_REFERENCE "changed-reference", "a reference leads to another schema, whose form is compared on its own",
        None NOBODY, None NOBODY;
    REMOVED_CONTENT "removed-content", "a request's body, or a media type of it, is gone",
        Major "callers who send it break", Major "";
    ADDED_CONTENT "added-content", "a request's body, or a media type of it, is new", Minor NOBODY, Minor "";
    REMOVED_ANSWER "removed-answer", "a status or a media type of a reply is gone",
        Major "", Major "readers who expect it break";
    ADDED_ANSWER "added-answer", "a status or a media type of a reply is new",
        Minor "", Minor "nobody breaks who takes an unknown status for a failure";
    REMOVED_SECURITY "removed-security", "a way to authenticate is gone or changed",
        Major "callers with those credentials break", Major "";
    ADDED_SECURITY "added-security", "a way to authenticate is new", Minor NOBODY, Minor "";
    REMOVED_SERVER "removed-server", "a server is gone, or has another URL", Major "its callers break", Major "";
    ADDED_SERVER "added-server", "a server is new", Minor NOBODY, Minor "";
    REMOVED_COMPONENT "removed-component", "a schema of the components is gone, used or not",
        Major "code that names its generated type breaks", Major "";
    ADDED_COMPONENT "added-component", "a schema of the components is new", Minor NOBODY, Minor "";
    CHANGED_LINK "changed-link", "a link differs", None "nobody breaks but who follows it", None "nobody breaks but who follows it";
    CHANGED_TEXT "changed-text", "a description, a summary or `deprecated` is different, in a part that messages use",
        None "read it", None "read it";
}
