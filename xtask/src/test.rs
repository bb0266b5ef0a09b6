//! `cargo xtask test`: everything that has to hold before a commit.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write, stdout};
use std::process::{Command, ExitCode, Stdio};

use crate::say::{headline, say};
use crate::services::{ForTests, GIVEN, TEST_URLS};
use crate::tally::Tally;
use crate::tools::{Missing, TOOLS, WITHOUT};
use crate::{Error, embedded, layers, tools};

/// Runs the checks and the tests, and stops at the first step that fails. The last line is
/// `N passed, N failed`, always, and `0 failed` only if everything held; so is the exit code.
pub(crate) fn run() -> ExitCode {
    headline("tools");
    let missing = tools::prepare();
    say(match missing.is_empty() {
        true => "every tool that a test needs is here".to_owned(),
        false => format!("without {}", tools::words(&missing)),
    });

    let mut tally = Tally::default();
    headline("services");
    let stopped = ForTests::start().and_then(|services| {
        say("postgres, rabbitmq and mongodb run, and redis is here");
        steps(&missing, &services, &mut tally)
    });
    let in_ci = std::env::var("CI").is_ok_and(|value| value == "true");
    let ending = Ending::new(&tally, &missing, stopped, in_ci);
    ending.print();
    match ending.failed {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

fn steps(missing: &[Missing], services: &ForTests, tally: &mut Tally) -> Result<(), Error> {
    step("format", &mut cargo(&["fmt", "--all", "--check"]))?;
    let clippy = ["clippy", "--workspace", "--all-targets", "--all-features"];
    step("clippy", cargo(&clippy).args(["--", "-D", "warnings"]))?;
    headline("layers");
    layers::run().map_err(|error| format!("layers failed:\n{error}"))?;
    embedded::steps(tally)?;
    // All binaries, even after one has failed: the sums are over all of them.
    let mut tests = cargo(&["test", "--workspace", "--all-features", "--no-fail-fast"]);
    match missing.is_empty() {
        true => tests.env_remove(WITHOUT),
        false => tests.env(WITHOUT, tools::words(missing)),
    };
    // The tests have databases of their own there; nothing else may be found by accident.
    tests.envs(TEST_URLS.into_iter().zip(services.urls()?)).env_remove(GIVEN).env_remove(embedded::BINARY);
    headline("tests");
    counted(&mut tests, tally)
}

pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments);
    command
}

pub(crate) fn step(name: &str, command: &mut Command) -> Result<(), Error> {
    headline(name);
    let cannot = |error| format!("{name} cannot be run: {error}");
    match command.status().map_err(cannot)? {
        status if status.success() => Ok(()),
        status => Err(format!("{name} failed: {status}")),
    }
}

/// Runs the tests: their output goes through as it comes and is counted on the way.
pub(crate) fn counted(tests: &mut Command, tally: &mut Tally) -> Result<(), Error> {
    let cannot = |error| format!("tests cannot be run: {error}");
    let mut child = tests.stdout(Stdio::piped()).spawn().map_err(cannot)?;
    if let Some(output) = child.stdout.take() {
        pass_through(output, stdout(), tally).map_err(cannot)?;
    }
    match child.wait().map_err(cannot)? {
        status if status.success() => Ok(()),
        status => Err(format!("tests failed: {status}")),
    }
}

fn pass_through(output: impl Read, mut terminal: impl Write, tally: &mut Tally) -> std::io::Result<()> {
    let mut output = BufReader::new(output);
    let mut line = Vec::new();
    while output.read_until(b'\n', &mut line)? > 0 {
        // As in `say`: the tests go on, and are counted, when nobody reads.
        let _ = terminal.write_all(&line).and_then(|()| terminal.flush());
        tally.read(&String::from_utf8_lossy(&line));
        line.clear();
    }
    Ok(())
}

/// How the run ended.
#[derive(Debug, PartialEq, Eq)]
struct Ending {
    /// Tests that did not run, and why.
    not_run: BTreeMap<&'static str, String>,
    /// The step that failed, in words.
    stopped: Option<Error>,
    passed: u64,
    failed: u64,
}

impl Ending {
    fn new(tally: &Tally, missing: &[Missing], stopped: Result<(), Error>, in_ci: bool) -> Self {
        // A test that must do without its tool returns at once, and its binary counts it as passed.
        let skipped = skipped(missing);
        let empty = skipped.keys().filter(|name| tally.ran(name)).count();
        let passed = tally.passed.saturating_sub(u64::try_from(empty).unwrap_or(u64::MAX));
        let mut not_run = skipped;
        if stopped.is_ok() {
            not_run.extend(lost(tally, &not_run));
        }
        let failed_in_ci = match in_ci {
            true => u64::try_from(not_run.len()).unwrap_or(u64::MAX),
            false => 0,
        };
        let failed = tally.failed + failed_in_ci;
        Self {
            not_run,
            passed,
            // A step that is no test, or a binary that died before it could count, failed too.
            failed: failed.max(u64::from(stopped.is_err())),
            stopped: stopped.err(),
        }
    }

    fn print(&self) {
        say("");
        for (test, reason) in &self.not_run {
            say(format_args!("not run: {test}, {reason}"));
        }
        if let Some(stopped) = &self.stopped {
            say(stopped);
        }
        say(format_args!("{} passed, {} failed", self.passed, self.failed));
    }
}

/// The tests of the missing tools.
fn skipped(missing: &[Missing]) -> BTreeMap<&'static str, String> {
    missing
        .iter()
        .flat_map(|missing| missing.tool.tests.iter().map(|test| (*test, missing.reason.clone())))
        .collect()
}

/// Tests that the table of tools names and no binary ran: renamed, ignored or gone.
fn lost(tally: &Tally, skipped: &BTreeMap<&'static str, String>) -> BTreeMap<&'static str, String> {
    TOOLS
        .iter()
        .flat_map(|tool| tool.tests)
        .filter(|test| !tally.ran(test) && !skipped.contains_key(*test))
        .map(|test| (*test, "no test has this name; xtask/src/tools.rs lists it".to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the binaries print when every listed test passes, and two others.
    fn all_ran() -> Tally {
        let mut tally = Tally::default();
        for test in TOOLS.iter().flat_map(|tool| tool.tests) {
            tally.read(&format!("test {test} ... ok"));
        }
        let listed: usize = TOOLS.iter().map(|tool| tool.tests.len()).sum();
        tally.read(&format!("test result: ok. {} passed; 0 failed; 0 ignored;", listed + 2));
        tally
    }

    fn without_strace() -> Vec<Missing> {
        let reason = "strace is not installed".to_owned();
        vec![Missing { tool: &TOOLS[0], reason }]
    }

    #[test]
    fn everything_ran_and_passed() {
        let ending = Ending::new(&all_ran(), &[], Ok(()), true);
        assert_eq!((ending.failed, ending.not_run.len()), (0, 0));
        assert_eq!(ending.passed, all_ran().passed);
    }

    #[test]
    fn a_test_without_its_tool_is_named_and_is_not_counted_as_passed() {
        let ending = Ending::new(&all_ran(), &without_strace(), Ok(()), false);
        assert_eq!(ending.not_run.len(), TOOLS[0].tests.len());
        assert_eq!(ending.not_run["every_answer_is_preceded_by_a_flush"], "strace is not installed");
        assert_eq!(ending.passed + 2, all_ran().passed);
        assert_eq!(ending.failed, 0);
    }

    #[test]
    fn with_ci_a_test_that_did_not_run_has_failed() {
        let ending = Ending::new(&all_ran(), &without_strace(), Ok(()), true);
        assert_eq!(ending.failed, 2);
    }

    #[test]
    fn a_listed_test_that_no_binary_has_is_named() {
        let mut tally = Tally::default();
        tally.read("test result: ok. 1 passed; 0 failed; 0 ignored;");
        let ending = Ending::new(&tally, &[], Ok(()), false);
        let listed: usize = TOOLS.iter().map(|tool| tool.tests.len()).sum();
        assert_eq!(ending.not_run.len(), listed);
        assert_eq!((ending.passed, ending.failed), (1, 0));
    }

    #[test]
    fn a_failed_step_is_never_summed_up_as_nothing_failed() {
        let ending =
            Ending::new(&Tally::default(), &[], Err("format failed: exit status: 1".to_owned()), false);
        assert_eq!((ending.passed, ending.failed, ending.not_run.len()), (0, 1, 0));
    }

    #[test]
    fn output_is_counted_line_by_line_whatever_its_bytes() {
        let mut tally = Tally::default();
        let output = b"\xff\xfe not text\ntest result: ok. 7 passed; 0 failed; 0 ignored;".as_slice();
        let mut terminal = Vec::new();
        pass_through(output, &mut terminal, &mut tally).expect("a buffer can be read");
        assert_eq!(terminal, output);
        assert_eq!((tally.passed, tally.failed), (7, 0));
    }
}
