//! Counts what the test binaries report, from the lines they print.

use std::collections::BTreeSet;

/// Sums and names over all test binaries, documentation tests included.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Tests that passed.
    pub(crate) passed: u64,
    /// Tests that failed.
    pub(crate) failed: u64,
    /// Bare names (no module path) of the tests that ran, whatever came of them.
    ran: BTreeSet<String>,
}

impl Tally {
    /// Reads one line of output. Lines that say nothing about tests are welcome.
    pub(crate) fn read(&mut self, line: &str) {
        if let Some(sums) = line.strip_prefix("test result:") {
            self.passed += number_before(sums, "passed;");
            self.failed += number_before(sums, "failed;");
        } else if let Some((test, outcome)) = line.rsplit_once(" ... ")
            && !outcome.contains("ignored")
            && let Some(path) = test.split_whitespace().last()
        {
            // The last word, not the line after "test": a process that a test started may have
            // written the beginning of the line.
            self.ran.insert(path.rsplit("::").next().unwrap_or(path).to_owned());
        }
    }

    /// Whether a test of that bare name ran in any binary.
    pub(crate) fn ran(&self, name: &str) -> bool {
        self.ran.contains(name)
    }
}

/// The number in front of a word, 0 if there is none. Colours around the other words do not matter.
fn number_before(sums: &str, word: &str) -> u64 {
    let words: Vec<&str> = sums.split_whitespace().collect();
    words.windows(2).find(|pair| pair[1] == word).and_then(|pair| pair[0].parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(output: &str) -> Tally {
        let mut tally = Tally::default();
        output.lines().for_each(|line| tally.read(line));
        tally
    }

    #[test]
    fn results_of_several_binaries_are_summed() {
        let tally = tally(
            "running 3 tests\n\
             test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\
             test result: FAILED. 12 passed; 2 failed; 1 ignored; 0 measured; 4 filtered out; finished in 1.20s\n\
             all doctests ran in 0.31s; merged doctests compilation took 0.30s\n\
             test result: \u{1b}[32mok\u{1b}(B\u{1b}[m. 5 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out",
        );
        assert_eq!((tally.passed, tally.failed), (20, 2));
    }

    #[test]
    fn a_test_that_ran_is_known_by_its_bare_name() {
        let tally = tally(
            "test ledger::tests::a_hold_is_kept ... ok\n\
             test top_level ... FAILED\n\
             written by a child processtest after::a_child ... ok\n\
             test not_now ... ignored, takes an hour\n",
        );
        assert!(tally.ran("a_hold_is_kept"));
        assert!(tally.ran("top_level"));
        assert!(tally.ran("a_child"));
        assert!(!tally.ran("not_now"));
    }
}
