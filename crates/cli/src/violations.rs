//! Broken rules in terms of the command line: its flags and variables instead of the library's fields and methods.

use koodrive_share::{ValidationError, Violation};

use crate::{exit::CommandError, flags::flag};

impl From<&ValidationError> for CommandError {
    fn from(error: &ValidationError) -> Self {
        let texts: Vec<String> = error.violations().iter().map(text).collect();
        Self::usage(texts.join("\n       "))
    }
}

impl From<ValidationError> for CommandError {
    fn from(error: ValidationError) -> Self {
        (&error).into()
    }
}

/// `--concurrency: must be 1 to 100, given 0 (concurrency); choose a value within the bounds`
fn text(violation: &Violation) -> String {
    let Violation { path, rule, actual, .. } = violation;
    let flag = if *rule == "one-space" { "files" } else { flag(path).unwrap_or(path) };
    let requirement = requirement(rule).unwrap_or(violation.requirement);
    let advice = advice(path, rule).unwrap_or(violation.advice);
    format!("{flag}: {requirement}, given {actual} ({rule}); {advice}")
}

/// The requirement, where the library's names an option that this tool does not have.
fn requirement(rule: &str) -> Option<&'static str> {
    match rule {
        "endpoint-https" => Some("must be https, or http to this machine"),
        _ => None,
    }
}

/// The advice, where the library's is for callers of its methods.
fn advice(path: &str, rule: &str) -> Option<&'static str> {
    Some(match (path, rule) {
        ("endpoint", "endpoint-url" | "endpoint-https") => {
            "give a base URL such as https://intl.myhuaweicloud-koodrive.com"
        }
        ("endpoint", "endpoint-bare") => "give the base URL alone",
        ("endpoint", "endpoint-of-task") => "give the endpoint that the task was created at",
        ("credentials", _) => {
            "give one of --token-file, --authorization-file, or --app-id with --app-secret-file, or set the variable beside it"
        }
        ("token", "bare-token") => "give the token alone, or the whole value in --authorization-file",
        ("X-User-Id" | "X-Hw-Agentname", _) => "give the flag or set the variable",
        (_, "one-space") => "name the files of one space at a time",
        ("$.fileIds", "split-consent") => {
            "give fewer; --split makes several zips (with --zip-name in place of --output; `download` fetches each)"
        }
        ("$.taskId" | "$.shareId", _) => "give the id that belongs to the task",
        _ => return None,
    })
}
