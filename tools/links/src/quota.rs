//! How many links may be sent in an hour: a stolen token must not make anybody's phone ring all day.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

/// The window.
const HOUR: Duration = Duration::from_secs(3600);

/// Most names that are counted at a time; beyond, nobody new is served until some are forgotten.
const MOST_NAMES: usize = 65_536;

/// A sliding window for each name.
#[derive(Debug)]
pub(crate) struct Quota {
    most: usize,
    sent: HashMap<String, VecDeque<Instant>>,
}

impl Quota {
    /// So many in an hour for each name.
    pub(crate) fn new(most: usize) -> Self {
        Self { most, sent: HashMap::new() }
    }

    /// Whether one more is allowed now.
    pub(crate) fn allows(&mut self, name: &str, now: Instant) -> bool {
        if self.sent.len() >= MOST_NAMES {
            self.sent.retain(|_, times| times.back().is_some_and(|at| now.duration_since(*at) < HOUR));
        }
        match self.sent.get_mut(name) {
            Some(times) => {
                while times.front().is_some_and(|at| now.duration_since(*at) >= HOUR) {
                    times.pop_front();
                }
                times.len() < self.most
            }
            None => self.sent.len() < MOST_NAMES,
        }
    }

    /// One more was sent.
    pub(crate) fn count(&mut self, name: &str, now: Instant) {
        self.sent.entry(name.to_owned()).or_default().push_back(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_in_any_hour() {
        let (mut quota, start) = (Quota::new(2), Instant::now());
        let at = |minutes: u64| start + Duration::from_secs(60 * minutes);
        for minutes in [0, 50] {
            assert!(quota.allows("ada", at(minutes)));
            quota.count("ada", at(minutes));
        }
        assert!(!quota.allows("ada", at(59)));
        assert!(quota.allows("bob", at(59)));
        assert!(quota.allows("ada", at(60)));
        quota.count("ada", at(60));
        assert!(!quota.allows("ada", at(109)));
        assert!(quota.allows("ada", at(110)));
    }
}
