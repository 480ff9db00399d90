//! How far a run has come, on the standard error: a bar on a capable terminal, plain lines elsewhere.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use koodrive_share::{BulkReport, MAX_FILE_IDS};

use crate::{output::stderr, terminal};

/// Time between two plain lines.
const LINE_INTERVAL: Duration = Duration::from_secs(1);

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
    pub(crate) fn new(total: Option<u64>, tracing: bool) -> Self {
        if total.is_some_and(|total| total <= MAX_FILE_IDS as u64) {
            return Self::Silent;
        }
        if tracing || !terminal::is_capable() {
            let next_line = Instant::now() + LINE_INTERVAL;
            return Self::Lines { total, next_line };
        }
        let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr());
        let template = match total {
            Some(_) => "{wide_bar} {human_pos}/{human_len} ids, {eta} left{msg}",
            None => "{spinner} {human_pos} ids, {elapsed}{msg}",
        };
        // The templates are constants and tests show them; the default keeps a mistake from being a panic.
        let style = ProgressStyle::with_template(template);
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "));
        bar.enable_steady_tick(Duration::from_millis(250));
        Self::Bar(bar)
    }

    /// Writes while the bar is cleared.
    pub(crate) fn suspend<T>(&self, write: impl FnOnce() -> T) -> T {
        match self {
            Self::Bar(bar) => bar.suspend(write),
            Self::Lines { .. } | Self::Silent => write(),
        }
    }

    pub(crate) fn note(&mut self, message: &str) {
        self.suspend(|| stderr(message));
    }

    pub(crate) fn update(&mut self, report: &BulkReport) {
        let attempted = report.attempted().end;
        match self {
            Self::Bar(bar) => {
                bar.set_position(attempted);
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
        match self {
            Self::Bar(_) | Self::Lines { .. } if !report.attempted().is_empty() => {
                stderr(&report.to_string());
            }
            Self::Bar(_) | Self::Lines { .. } | Self::Silent => {}
        }
    }
}

/// `, 1 unknown, 2 failed`, or nothing.
fn failure_counts(report: &BulkReport) -> String {
    match (report.unknown(), report.rejected() + report.not_sent()) {
        (0, 0) => String::new(),
        (unknown, failed) => format!(", {unknown} unknown, {failed} failed"),
    }
}
