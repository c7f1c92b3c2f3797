//! Progress in numbered steps, and the tests that were counted on the way.

use crate::Result;
use std::time::{Duration, Instant};

/// How many tests passed and failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Tests that passed.
    pub(crate) passed: u64,
    /// Tests that failed.
    pub(crate) failed: u64,
}

impl Tally {
    /// Adds what a line of a test program's output says: cargo's `test result:`, the totals of node's
    /// reporters (`# pass 3`, `ℹ fail 0`), Maven's (`Tests run: 3, Failures: 0, …`, without a class's name) or a test of
    /// Swift's (`✔ Test name() passed after 0.1 seconds.`).
    pub(crate) fn read(&mut self, line: &str) {
        let line = line.trim();
        if let Some(result) = line.strip_prefix("test result: ") {
            for part in result.split([';', '.']) {
                match part.trim().split_once(' ') {
                    Some((count, "passed")) => self.passed += count.parse().unwrap_or(0),
                    Some((count, "failed")) => self.failed += count.parse().unwrap_or(0),
                    _ => {}
                }
            }
        } else if let Some(total) = line.strip_prefix("# ").or_else(|| line.strip_prefix("ℹ ")) {
            match total.split_once(' ') {
                Some(("pass", count)) => self.passed += count.parse().unwrap_or(0),
                Some(("fail", count)) => self.failed += count.parse().unwrap_or(0),
                _ => {}
            }
        } else if let Some(test) = line.strip_prefix("✔ Test ").or_else(|| line.strip_prefix("✘ Test ")) {
            // `Test run with 3 tests …` sums them up; an issue comes before its test's own line.
            if !test.starts_with("run with ") {
                self.passed += u64::from(test.contains(" passed after "));
                self.failed += u64::from(test.contains(" failed after "));
            }
        } else if let Some((_, totals)) = line.split_once("Tests run: ")
            && !line.contains("Time elapsed")
        {
            let mut counts = totals.split(',').map(|part| {
                let digits = part.trim().rsplit(' ').next().unwrap_or_default();
                digits.parse::<u64>().unwrap_or(0)
            });
            let mut next = || counts.next().unwrap_or(0);
            let (run, failures, errors, skipped) = (next(), next(), next(), next());
            self.failed += failures + errors;
            self.passed += run.saturating_sub(failures + errors + skipped);
        }
    }
}

/// Numbered steps; a step that reports no tests of its own counts as one test.
#[derive(Debug)]
pub(crate) struct Steps {
    total: usize,
    done: Vec<(String, Duration, bool)>,
    tally: Tally,
}

impl Steps {
    /// Progress over `total` steps.
    pub(crate) fn new(total: usize) -> Self {
        Self { total, done: Vec::new(), tally: Tally::default() }
    }

    /// Runs one step between its two progress lines.
    pub(crate) fn run<T>(&mut self, name: &str, work: impl FnOnce(&mut Tally) -> Result<T>) -> Result<T> {
        let number = format!("[{}/{}]", self.done.len() + 1, self.total);
        println!("{number} {name} …");
        let started = Instant::now();
        let mut tally = Tally::default();
        let outcome = work(&mut tally);
        let took = started.elapsed();
        if outcome.is_ok() && tally == Tally::default() {
            tally.passed = 1;
        }
        if outcome.is_err() && tally.failed == 0 {
            tally.failed = 1;
        }
        self.tally.passed += tally.passed;
        self.tally.failed += tally.failed;
        self.done.push((name.to_owned(), took, outcome.is_ok()));
        let word = if outcome.is_ok() { "" } else { " FAILED," };
        println!("{number} {name},{word} {}", seconds(took));
        outcome
    }

    /// The steps with their times, then `N passed, N failed` as the last line.
    pub(crate) fn summary(&self) -> String {
        let width = self.done.iter().map(|(name, ..)| name.chars().count()).max().unwrap_or(0);
        let mut text = String::new();
        for (name, took, passed) in &self.done {
            let mark = if *passed { "ok" } else { "FAILED" };
            text += &format!("  {name:width$}  {:>6}  {mark}\n", seconds(*took));
        }
        let left_out = self.total - self.done.len();
        if left_out > 0 {
            text += &format!("  {left_out} more not run\n");
        }
        text + &format!("{} passed, {} failed", self.tally.passed, self.tally.failed)
    }
}

fn seconds(took: Duration) -> String {
    if took < Duration::from_secs(10) {
        format!("{:.1} s", took.as_secs_f32())
    } else {
        format!("{} s", took.as_secs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_totals_of_cargo_node_maven_and_swift() {
        let mut tally = Tally::default();
        for line in [
            "running 3 tests",
            "test result: FAILED. 12 passed; 2 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.1s",
            "# pass 5",
            "ℹ fail 1",
            "ℹ pass 20",
            "# passengers 9",
            "[ERROR] Tests run: 4, Failures: 1, Errors: 1, Skipped: 0, Time elapsed: 0.1 s <<< FAILURE! -- in A",
            "[ERROR] Tests run: 9, Failures: 1, Errors: 1, Skipped: 2",
            "✔ Test aNoGivesNothing() passed after 0.8 seconds.",
            "✘ Test aYes() recorded an issue at ConsentTests.swift:1:2: Expectation failed",
            "✘ Test aYes() failed after 1.2 seconds with 1 issue.",
            "✔ Suite ConsentTests passed after 1.5 seconds.",
            "✘ Test run with 2 tests failed after 1.5 seconds with 1 issue.",
        ] {
            tally.read(line);
        }
        assert_eq!(tally, Tally { passed: 43, failed: 6 });
    }

    #[test]
    fn steps_without_tests_count_once_and_the_last_line_is_plain() {
        let mut steps = Steps::new(4);
        steps.run("format", |_| Ok(())).unwrap();
        steps
            .run("tests", |tally| {
                tally.passed = 7;
                Ok(())
            })
            .unwrap();
        assert!(steps.run::<()>("docs", |_| Err("broken link".into())).is_err());
        let summary = steps.summary();
        assert_eq!(summary.lines().last(), Some("8 passed, 1 failed"));
        assert!(summary.contains("1 more not run"), "{summary}");
        assert_eq!(summary.lines().filter(|line| line.ends_with("FAILED")).count(), 1);
    }
}
