//! When to try to come back to a relay.

use crate::frame::Timestamp;
use std::time::Duration;

/// A connection that held for so long was a good one: the waits start over. A relay that lets us in and cuts us off does
/// not get them reset.
const STEADY: Duration = Duration::from_secs(5);

/// So many tries are a twentieth of a second apart.
const QUICK: u32 = 100;

/// The waits between tries: none before the first, a twentieth of a second for about five seconds, so that a picture is
/// soon back after a short cut (`tools/cli/benches/resume.rs`), then doubling up to five seconds.
#[derive(Debug, Default)]
pub struct Retry {
    tries: u32,
    connected: Option<Timestamp>,
}

impl Retry {
    /// The connection is there.
    pub fn connected(&mut self, now: Timestamp) {
        self.connected = Some(now);
    }

    /// It is gone, or there was none.
    pub fn cut(&mut self, now: Timestamp) {
        if self.connected.take().is_some_and(|since| now.since(since) >= STEADY) {
            self.tries = 0;
        }
    }

    /// How long to wait before the next try.
    pub fn next_wait(&mut self) -> Duration {
        let tries = self.tries;
        self.tries = tries.saturating_add(1);
        match tries {
            0 => Duration::ZERO,
            1..=QUICK => Duration::from_millis(50),
            _ => Duration::from_millis(200) * 2u32.pow((tries - QUICK - 1).min(5)),
        }
        .min(Duration::from_secs(5))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_come_quickly_at_first_and_only_a_steady_connection_starts_them_over() {
        let mut retry = Retry::default();
        let waits = |n: usize, retry: &mut Retry| -> Vec<u64> {
            (0..n).map(|_| retry.next_wait().as_millis() as u64).collect()
        };
        assert_eq!(waits(3, &mut retry), [0, 50, 50]);
        let rest = waits(105, &mut retry);
        assert_eq!(rest[97..], [50, 200, 400, 800, 1600, 3200, 5000, 5000]);
        let began = Timestamp(1_000_000);
        retry.connected(began);
        retry.cut(began + (STEADY - Duration::from_millis(1)));
        assert_eq!(waits(1, &mut retry), [5000]);
        retry.connected(began);
        retry.cut(began + STEADY);
        assert_eq!(waits(2, &mut retry), [0, 50]);
    }
}
