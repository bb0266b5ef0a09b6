//! What a task prints.

use std::fmt::Display;
use std::io::{Write, stdout};

/// Prints a line. A task whose reader has gone away still does its work and keeps its exit code.
pub(crate) fn say(line: impl Display) {
    let _ = writeln!(stdout().lock(), "{line}");
}

/// Prints the headline of a step.
pub(crate) fn headline(step: &str) {
    say(format_args!("\n== {step}"));
}
