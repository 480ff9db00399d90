//! `cargo run -p spec -- check` and `cargo run -p spec -- diff`.

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use clap::{Parser, Subcommand, ValueEnum};
use spec::{Input, Report, SPEC, Step, check, from_revision, last_released, well_formed};

/// Checks and compares the OpenAPI document.
#[derive(Debug, Parser)]
#[command(name = "spec", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Tells all that is wrong with the document: where, what, what to do. Exit status 1 if there is anything.
    Check,
    /// Tells what changed, who breaks, and what `info.version` must be. Exit status 1 if it has moved too little since the
    /// last release, whatever is compared.
    Diff {
        /// A git revision or a file; the last release if left out.
        old: Option<String>,
        /// A git revision or a file; the document as it is if left out.
        new: Option<String>,
        /// For a terminal, for a comment in a review, or for a program.
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
        /// Exit with status 1 for such a change, whatever `info.version` says.
        #[arg(long, value_enum)]
        fail_on: Option<FailOn>,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Text,
    Markdown,
    Json,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum FailOn {
    Minor,
    Major,
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Check => checked(),
        Command::Diff { old, new, format, fail_on } => diff(old.as_deref(), new.as_deref(), format, fail_on),
    };
    match outcome {
        Ok((text, succeeded)) => {
            // If the reader closes the pipe early, that is no failure.
            let _ = io::stdout().lock().write_all(text.as_bytes());
            if succeeded { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(reason) => {
            eprintln!("error: {reason}");
            ExitCode::from(2)
        }
    }
}

fn checked() -> Result<(String, bool), String> {
    let found = check(&Input::of_repository()?);
    let mut lines: Vec<_> = found.iter().map(|(check, finding)| format!("{finding} [{check}]\n")).collect();
    lines.push(match found.len() {
        0 => format!("{SPEC}: nothing is wrong\n"),
        1 => "1 finding\n".to_owned(),
        count => format!("{count} findings\n"),
    });
    Ok((lines.concat(), found.is_empty()))
}

fn diff(
    old: Option<&str>,
    new: Option<&str>,
    format: Format,
    fail_on: Option<FailOn>,
) -> Result<(String, bool), String> {
    let released = last_released()?.1;
    let document = |name: &str| well_formed(name, from_revision(name)?);
    let current = match new {
        Some(new) => document(new)?,
        None => well_formed(SPEC, Input::of_repository()?.spec)?,
    };
    let report = match old {
        Some(old) => Report::between(&document(old)?, &current, &released),
        None => Report::of(&released, &current),
    };
    let text = match format {
        Format::Text => report.text(),
        Format::Markdown => match (old, new) {
            (None, _) => report.changes_file(),
            (Some(old), None) => report.markdown(&format!("since {old}")),
            (Some(old), Some(new)) => report.markdown(&format!("from {old} to {new}")),
        },
        Format::Json => format!("{:#}\n", report.json()),
    };
    let limit = match fail_on {
        None => None,
        Some(FailOn::Minor) => Some(Step::Minor),
        Some(FailOn::Major) => Some(Step::Major),
    };
    let tolerated = limit.is_none_or(|limit| report.step() < limit);
    Ok((text, tolerated && report.is_version_enough()))
}
