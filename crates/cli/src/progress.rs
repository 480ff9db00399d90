//! Progress on the standard error: a bar on a capable terminal, plain lines elsewhere.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};
use koodrive_share::{BulkReport, DownloadProgress, FileStatus, MAX_FILE_IDS, TaskStatus};

use crate::{
    exit::{self, Exit},
    output::{counted, duration, failed_file_ids, set_bar, status_line, stderr},
};

/// Time between two plain lines.
const LINE_INTERVAL: Duration = Duration::from_secs(1);

/// A bar on the standard error. The templates are constants that tests cover; a mistake in one falls back to the
/// default instead of a panic.
fn bar(total: Option<u64>, template: &str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template(template);
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "));
    bar.enable_steady_tick(Duration::from_millis(250));
    set_bar(&bar);
    bar
}

/// The progress of a run that creates tasks.
pub(crate) enum Progress {
    Bar(ProgressBar),
    Lines {
        total: Option<u64>,
        next_line: Instant,
    },
    /// For a run of one task.
    Silent,
}

impl Progress {
    pub(crate) fn new(total: Option<u64>, shows_bar: bool) -> Self {
        if total.is_some_and(|total| total <= MAX_FILE_IDS as u64) {
            return Self::Silent;
        }
        if !shows_bar {
            let next_line = Instant::now() + LINE_INTERVAL;
            return Self::Lines { total, next_line };
        }
        Self::Bar(match total {
            Some(_) => bar(total, "{wide_bar} {human_pos}/{human_len} ids, {eta} left{msg}"),
            None => bar(total, "{spinner} {human_pos} ids, {elapsed}{msg}"),
        })
    }

    /// Shows how far the run has come. Chunks that the ledger answers take no time, so the estimate of the time left
    /// does not count them.
    pub(crate) fn update(&mut self, report: &BulkReport, is_from_ledger: bool) {
        let attempted = report.attempted.end;
        match self {
            Self::Bar(bar) => {
                bar.set_position(attempted);
                if is_from_ledger {
                    bar.reset_eta();
                }
                bar.set_message(failure_counts(report));
            }
            Self::Lines { total, next_line } => {
                let now = Instant::now();
                if now >= *next_line {
                    *next_line = now + LINE_INTERVAL;
                    let total = total.map(|total| format!(" of {total}"));
                    let total = total.unwrap_or_default();
                    stderr(&format!("{attempted}{total} ids attempted{}", failure_counts(report)));
                }
            }
            Self::Silent => {}
        }
    }

    pub(crate) fn finish(&mut self, report: &BulkReport) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
        let total = match self {
            Self::Bar(bar) => bar.length(),
            Self::Lines { total, .. } => *total,
            Self::Silent => return,
        };
        // The run turned out to have at most one task.
        let is_small = total.is_none() && report.attempted.end <= MAX_FILE_IDS as u64;
        if !is_small && !report.attempted.is_empty() {
            stderr(&report.to_string());
        }
    }
}

/// `, 2 rejected, 1 not sent, 1 unknown`, without what is 0.
fn failure_counts(report: &BulkReport) -> String {
    let counts = [(report.rejected, "rejected"), (report.not_sent, "not sent"), (report.unknown, "unknown")];
    let counts = counts.into_iter().filter(|(count, _)| *count > 0);
    counts.map(|(count, what)| format!(", {count} {what}")).collect::<Vec<_>>().concat()
}

/// The progress of tasks that are followed to their ends.
pub(crate) struct Waiting {
    tasks: u64,
    ended: u64,
    /// The ended tasks that did not succeed in full.
    failed: u64,
    /// Files of ended tasks that succeeded.
    files: u64,
    failed_files: u64,
    /// The percentage and the number of succeeded files of each task that has not ended.
    going_on: HashMap<String, (f64, u64)>,
    bar: Option<ProgressBar>,
    last_line: String,
    next_line: Instant,
}

impl Waiting {
    pub(crate) fn new(tasks: u64, shows_bar: bool) -> Self {
        Self {
            tasks,
            ended: 0,
            failed: 0,
            files: 0,
            failed_files: 0,
            going_on: HashMap::new(),
            bar: shows_bar.then(|| bar(Some(100), "{wide_bar} {msg}")),
            last_line: String::new(),
            next_line: Instant::now(),
        }
    }

    /// Shows the status that a poll returned.
    pub(crate) fn update(&mut self, task_id: &str, status: &TaskStatus) {
        self.record(task_id, status);
        let text = self.to_string();
        if let Some(bar) = &self.bar {
            // The value is at most 100.
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            bar.set_position(self.percent() as u64);
            bar.set_message(text);
            return;
        }
        // The end of a single task is written as a result, so no line is due.
        let (line, is_due) = match self.tasks {
            1 => (status_line(task_id, status), !status.state.is_final()),
            _ => (text, Instant::now() >= self.next_line),
        };
        if is_due && line != self.last_line {
            stderr(&line);
            self.last_line = line;
            self.next_line = Instant::now() + LINE_INTERVAL;
        }
    }

    fn record(&mut self, task_id: &str, status: &TaskStatus) {
        let succeeded = status.files.iter().filter(|file| file.status.as_ref() == Some(&FileStatus::Succeeded));
        let files = succeeded.count() as u64;
        if status.state.is_final() {
            self.going_on.remove(task_id);
            self.ended += 1;
            self.failed += u64::from(exit::of_status(status) > Exit::Done);
            self.files += files;
            self.failed_files += failed_file_ids(status).len() as u64;
        } else {
            self.going_on.insert(task_id.to_owned(), (status.progress.unwrap_or_default(), files));
        }
    }

    /// `50 of 50 tasks ended, 2 of them not in full; 49,980 files done, 20 failed`
    pub(crate) fn summary(&self) -> String {
        let Self { ended, tasks, failed, files, failed_files, .. } = self;
        let in_part =
            if *failed > 0 { format!(", {} of them not in full", HumanCount(*failed)) } else { String::new() };
        // The service may leave the files out.
        let files = match (files, failed_files) {
            (0, 0) => String::new(),
            (files, 0) => format!("; {} done", counted(*files, "file")),
            (files, failed) => format!("; {} done, {} failed", counted(*files, "file"), HumanCount(*failed)),
        };
        format!("{} of {} ended{in_part}{files}", HumanCount(*ended), counted(*tasks, "task"))
    }

    /// The average over all tasks, 0 to 100.
    #[allow(clippy::cast_precision_loss, reason = "there are fewer tasks than 2^52")]
    fn percent(&self) -> f64 {
        let going_on: f64 = self.going_on.values().map(|(percent, _)| percent).sum();
        (self.ended as f64 * 100.0 + going_on) / self.tasks.max(1) as f64
    }
}

/// `3 of 50 tasks ended, 2,987 files done, 63 %`
impl std::fmt::Display for Waiting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {} ended", HumanCount(self.ended), counted(self.tasks, "task"))?;
        let files = self.files + self.going_on.values().map(|(_, files)| files).sum::<u64>();
        if files > 0 {
            write!(f, ", {} done", counted(files, "file"))?;
        }
        write!(f, ", {:.0} %", self.percent().floor())
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Time between two plain lines of a download, which may take hours.
const TRANSFER_INTERVAL: Duration = Duration::from_secs(10);

/// How far a download has come.
pub(crate) struct Transfer {
    bar: Option<ProgressBar>,
    /// The number of bytes that an earlier download left.
    left: u64,
    /// The time of the first update, and its number of bytes, which an earlier download received.
    start: Option<(Instant, u64)>,
    next_line: Instant,
}

impl Transfer {
    pub(crate) fn new(left: u64, shows_bar: bool) -> Self {
        let template = "{wide_bar} {bytes}/{total_bytes}, {bytes_per_sec}, {eta} left";
        Self {
            bar: shows_bar.then(|| bar(None, template)),
            left,
            start: None,
            next_line: Instant::now() + TRANSFER_INTERVAL,
        }
    }

    pub(crate) fn update(&mut self, progress: DownloadProgress) {
        let (received, total, now) = (progress.received, progress.total, Instant::now());
        if self.start.is_none() && self.left > 0 {
            stderr(&resume_line(self.left, received, total));
        }
        let (start, before) = *self.start.get_or_insert((now, received));
        if let Some(bar) = &self.bar {
            if let Some(total) = total {
                bar.set_length(total);
            }
            bar.set_position(received);
            if received <= before {
                bar.reset_eta();
            }
            return;
        }
        if now < self.next_line {
            return;
        }
        self.next_line = now + TRANSFER_INTERVAL;
        stderr(&transfer_line(received, total, received.saturating_sub(before), now - start));
    }
}

impl Drop for Transfer {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// `resuming at 12.00 MiB of 100.00 MiB`, or that the download begins anew, if fewer bytes are kept than were left.
fn resume_line(left: u64, received: u64, total: Option<u64>) -> String {
    if received < left {
        return format!("beginning anew: the {} that had come are not of this package", HumanBytes(left));
    }
    let of_total = total.map(|total| format!(" of {}", HumanBytes(total))).unwrap_or_default();
    format!("resuming at {}{of_total}", HumanBytes(left))
}

/// `12.00 MiB of 100.00 MiB, 4.00 MiB/s, 22s left`
fn transfer_line(received: u64, total: Option<u64>, newly: u64, elapsed: Duration) -> String {
    let millis = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX).max(1);
    let rate = newly.saturating_mul(1_000) / millis;
    let of_total = total.map(|total| format!(" of {}", HumanBytes(total))).unwrap_or_default();
    let left = total.filter(|_| rate > 0).map(|total| Duration::from_secs(total.saturating_sub(received) / rate));
    let left = left.map(|left| format!(", {} left", duration(left))).unwrap_or_default();
    format!("{}{of_total}, {}/s{left}", HumanBytes(received), HumanBytes(rate))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_counted_in_the_words_of_the_report() {
        let mut report = BulkReport::default();
        assert_eq!(failure_counts(&report), "");
        report.not_sent = 1;
        assert_eq!(failure_counts(&report), ", 1 not sent");
        (report.rejected, report.unknown) = (2, 3);
        assert_eq!(failure_counts(&report), ", 2 rejected, 1 not sent, 3 unknown");
    }

    #[test]
    fn resume_line_tells_where_a_download_goes_on_or_that_it_does_not() {
        const MIB: u64 = 1 << 20;
        for (line, expected) in [
            (resume_line(512 * MIB, 512 * MIB, Some(1_024 * MIB)), "resuming at 512.00 MiB of 1.00 GiB"),
            (resume_line(512 * MIB, 513 * MIB, None), "resuming at 512.00 MiB"),
            (
                resume_line(512 * MIB, 0, Some(1_024 * MIB)),
                "beginning anew: the 512.00 MiB that had come are not of this package",
            ),
        ] {
            assert_eq!(line, expected);
        }
    }

    #[test]
    fn transfer_line_tells_rate_and_time_left() {
        const MIB: u64 = 1 << 20;
        let seconds = Duration::from_secs;
        for (line, expected) in [
            (
                transfer_line(12 * MIB, Some(100 * MIB), 8 * MIB, seconds(2)),
                "12.00 MiB of 100.00 MiB, 4.00 MiB/s, 22s left",
            ),
            (transfer_line(0, Some(10_000 * MIB), MIB, seconds(1)), "0 B of 9.77 GiB, 1.00 MiB/s, 2h 46m 40s left"),
            (transfer_line(12 * MIB, None, 8 * MIB, seconds(2)), "12.00 MiB, 4.00 MiB/s"),
            // Nothing was received yet, so there is no rate to estimate the time left by.
            (transfer_line(12 * MIB, Some(100 * MIB), 0, seconds(0)), "12.00 MiB of 100.00 MiB, 0 B/s"),
            (transfer_line(101, Some(100), 101, seconds(1)), "101 B of 100 B, 101 B/s, 0s left"),
        ] {
            assert_eq!(line, expected);
        }
    }
}
