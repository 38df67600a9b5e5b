//! Counts tests from the closing lines of `cargo test` and `cargo nextest run`, so that one line
//! at the end says how many there were, whichever ran them.

use std::fmt;

/// How many tests ran.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    passed: u64,
    failed: u64,
}

impl Tally {
    pub(crate) fn is_empty(self) -> bool {
        self == Self::default()
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }

    /// Takes one line of output; most say nothing.
    pub(crate) fn read(&mut self, line: &str) {
        let line = line.trim();
        let closing = line.starts_with("test result:")
            || (line.starts_with("Summary [") && line.contains(" run:"));
        if closing {
            self.passed += before(line, "passed");
            self.failed += before(line, "failed");
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

/// The number in front of the first such word; none counts as zero.
fn before(line: &str, word: &str) -> u64 {
    let words: Vec<&str> = line.split(|c: char| !c.is_ascii_alphanumeric()).collect();
    words
        .iter()
        .filter(|word| !word.is_empty())
        .zip(words.iter().filter(|word| !word.is_empty()).skip(1))
        .find(|(_, after)| **after == word)
        .and_then(|(number, _)| number.parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::Tally;

    #[test]
    fn both_runners_are_understood() {
        let mut tally = Tally::default();
        for line in [
            "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s\n",
            "test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out",
            "     Summary [   0.004s] 7 tests run: 5 passed (1 slow), 1 failed, 1 timed out, 0 skipped",
            "test tests::seven_passed ... ok",
            "running 12 tests",
        ] {
            tally.read(line);
        }
        assert_eq!(
            tally,
            Tally {
                passed: 20,
                failed: 3
            }
        );
    }
}
