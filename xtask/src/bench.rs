//! `cargo xtask bench`: builds the release binary and the bench tool, and runs the one on the other.

use std::process::Command;

use crate::Error;
use crate::say::headline;
use crate::tools;

/// Measures with these arguments of the bench tool.
pub(crate) fn run(arguments: &[String]) -> Result<(), Error> {
    if tools::may_install() && !tools::is_installed("wrk") {
        tools::install(&["wrk"])?;
    }
    headline("cargo build --release");
    succeed(Command::new("cargo").args([
        "build",
        "--release",
        "--package",
        "bursar",
        "--package",
        "bursar-bench",
    ]))?;
    headline("bench");
    succeed(Command::new("target/release/bursar-bench").args(arguments))
}

fn succeed(command: &mut Command) -> Result<(), Error> {
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{command:?} failed: {status}")),
        Err(error) => Err(format!("{command:?} cannot be started: {error}")),
    }
}
