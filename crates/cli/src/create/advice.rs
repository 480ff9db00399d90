//! What to do after a run that did not create all tasks.

use std::{error::Error, ops::Range};

use koodrive_share::{BulkError, BulkReport};

use super::{bulk_run::BulkRun, own_ledger::is_needed};
use crate::{
    args::{BulkArgs, CreateArgs},
    exit::Exit,
    follow::GO_ON,
    output::stderr,
    source::Template,
};

/// The maximum number of ranges of failed ids that the advice lists.
const LISTED: usize = 10;

/// `run "koodrive-share wait --tasks-from photos.tasks"`, in backticks.
pub(super) fn how_to_follow(create: &CreateArgs, template: &Template) -> String {
    let CreateArgs { save, bulk, share_id, extract_code_file, .. } = create;
    if template.target.is_some() {
        return GO_ON.to_owned();
    }
    let saved = save.as_ref().or(bulk.ledger.as_ref());
    let tasks = saved.map_or("TASK_ID".to_owned(), |path| format!("--tasks-from {}", path.display()));
    let share = match (share_id, saved) {
        (Some(share_id), None) => format!(" --share-id {share_id}"),
        (Some(_), Some(_)) => String::new(),
        (None, _) => " --link LINK".to_owned(),
    };
    let code = extract_code_file.as_ref().map(|path| format!(" --extract-code-file {}", path.display()));
    format!("run `koodrive-share wait {tasks}{share}{}`", code.unwrap_or_default())
}

impl BulkRun<'_> {
    /// Prints how to go on after an error.
    pub(super) fn advise(&self, args: &BulkArgs, ended: Option<&BulkError>, report: &BulkReport) {
        if self.exit == Exit::Unknown {
            stderr(
                "check: a task may exist for the ids whose outcome is unknown; look into the target, or ask the \
                 vendor by trace id",
            );
        }
        if let Some(path) = args.ledger.as_deref().filter(|_| ended.is_some_and(BulkError::is_ledger_lost)) {
            let path = path.display();
            stderr(&format!(
                "do not give the same command again: a new ledger creates every task anew, a backup those that it lacks. \
                 Put {path} back if it was moved; else keep the tasks of the standard output, and give another ledger {}",
                without_task(&self.failed, Some(report.attempted.end))
            ));
            return;
        }
        if ended.is_some_and(BulkError::is_other_run) && self.lists_share && self.own_ledger.is_none() {
            stderr(
                "if the share was changed since the ledger's run began: give the file ids of that run by --file-ids-from, \
                 or the files that its tasks lack to a run with another ledger",
            );
        }
        if self.exit == Exit::Usage {
            if let Some(path) = self.own_ledger.as_deref().filter(|path| is_needed(path)) {
                let path = path.display();
                stderr(&format!(
                    "{path} keeps the task of a command that did not end: give that command again, fetch its package by \
                     `koodrive-share download --tasks-from {path}`, or delete it to begin anew"
                ));
            }
            return;
        }
        // A ledger that another run uses is an error without a source.
        let is_unwritten =
            |error: &BulkError| error.is_ledger() && !error.attempted().is_empty() && error.source().is_some();
        if let (Some(path), true) = (&args.ledger, ended.is_some_and(is_unwritten)) {
            stderr(&format!(
                "settle: once it can be written, enter each task that it lacks by `koodrive-share ledger {} --made RANGE \
                 TASK_ID`",
                path.display()
            ));
        }
        self.advise_to_resume(args, ended, report);
        if let (Some(path), Exit::Unknown) = (&args.ledger, self.exit) {
            stderr(&format!(
                "settle: `koodrive-share ledger {}` lists what is unknown; settle each by --made or --not-made",
                path.display()
            ));
            stderr(
                "the same command with --resend-unknown creates anew what is unknown: use it once you know that \
                 it does not exist",
            );
        }
    }

    fn advise_to_resume(&self, args: &BulkArgs, ended: Option<&BulkError>, report: &BulkReport) {
        let is_other_run = ended.is_some_and(BulkError::is_other_run);
        let left = ended.is_some() || report.rejected + report.not_sent > 0;
        match &args.ledger {
            Some(_) if left && !is_other_run && self.own_ledger.is_some() => {
                stderr("resume: run the same command; tasks that exist are not created again");
            }
            Some(path) if left && !is_other_run => stderr(&format!(
                "resume: run the same command with --ledger {}; tasks that exist are not created again",
                path.display()
            )),
            None if left && !report.attempted.is_empty() => {
                let rest = ended.map(|_| report.attempted.end);
                stderr(&format!("no --ledger was given: give a new run {}", without_task(&self.failed, rest)));
            }
            Some(_) | None => {}
        }
    }
}

/// `the ids 1000..2000, 4000..5000, of which no task was made, and any ids from 7000 on, which were not attempted`. It
/// says "any" because a listing may have ended there.
fn without_task(failed: &[Range<u64>], rest: Option<u64>) -> String {
    let listed: Vec<String> =
        failed.iter().take(LISTED).map(|range| format!("{}..{}", range.start, range.end)).collect();
    let more = match failed.len().saturating_sub(LISTED) {
        0 => String::new(),
        more => format!(" and {more} more ranges that are told above"),
    };
    let failed =
        (!listed.is_empty()).then(|| format!("the ids {}{more}, of which no task was made", listed.join(", ")));
    let rest = rest.map(|start| format!("any ids from {start} on, which were not attempted"));
    failed.into_iter().chain(rest).collect::<Vec<_>>().join(", and ")
}
