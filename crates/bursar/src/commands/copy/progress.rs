//! How far a copy is, in one line: drawn again and again in a terminal, else printed now and then.

use std::time::{Duration, Instant};

use bursar_store::copy::{Progress, Step};
use indicatif::ProgressBar;

use crate::commands::drawn;

/// How often a line is printed where there is no terminal.
const PRINTED_EVERY: Duration = Duration::from_secs(10);

/// The line, on standard error.
pub(super) struct Line {
    bar: ProgressBar,
    step: Option<Step>,
    /// What would be shown by now.
    text: String,
    began: Instant,
    printed: Instant,
}

impl Line {
    pub(super) fn new() -> Self {
        let bar = drawn::block(false);
        Self { bar, step: None, text: String::new(), began: Instant::now(), printed: Instant::now() }
    }

    pub(super) fn show(&mut self, progress: Progress) {
        if self.step.replace(progress.step) != Some(progress.step) {
            // How the step before ended.
            self.print();
            self.began = Instant::now();
        }
        self.text = describe(&progress, self.began.elapsed());
        self.bar.set_message(self.text.clone());
        if self.printed.elapsed() >= PRINTED_EVERY {
            self.print();
        }
    }

    /// In a terminal it is drawn instead.
    fn print(&mut self) {
        self.printed = Instant::now();
        if self.bar.is_hidden() && !self.text.is_empty() {
            eprintln!("{}", self.text);
        }
    }

    pub(super) fn end(&mut self) {
        self.print();
        self.bar.finish_and_clear();
    }
}

fn describe(progress: &Progress, time: Duration) -> String {
    let Progress { step, table, rows, of } = progress;
    let step = step.as_str();
    let Some(table) = table else {
        return format!("{step} ({of} rows)");
    };
    let percent = 100.0 * *rows as f64 / (*of).max(1) as f64;
    let rate = *rows as f64 / time.as_secs_f64().max(0.001);
    format!("{step} {table}: {rows} of {of} rows ({percent:.1} %), {rate:.0} rows/s")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_step_table_rows_and_rate() {
        let progress = Progress { step: Step::Copy, table: Some("messages"), rows: 250, of: 1_000 };
        let line = describe(&progress, Duration::from_secs(5));
        assert_eq!(line, "copying messages: 250 of 1000 rows (25.0 %), 50 rows/s");
        let progress = Progress { step: Step::CheckTarget, table: None, rows: 0, of: 1_000 };
        assert_eq!(describe(&progress, Duration::ZERO), "checking the target (1000 rows)");
    }
}
