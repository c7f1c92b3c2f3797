//! Time, as the caller tells it.

use std::fmt;
use std::time::Duration;

/// Microseconds since the stream began. The library never reads a clock to make one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// The time of frame `index` at `fps` frames per second, exact and without drift.
    #[must_use]
    pub fn of_frame(index: u64, fps: u32) -> Self {
        Self(((u128::from(index) * 1_000_000) / u128::from(fps.max(1))) as u64)
    }

    /// Microseconds since the stream began.
    #[must_use]
    pub fn micros(self) -> u64 {
        self.0
    }

    /// Time since `earlier`, zero if `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl std::ops::Add<Duration> for Timestamp {
    type Output = Self;

    /// The time so much later; it saturates.
    fn add(self, later: Duration) -> Self {
        Self(self.0.saturating_add(Self::from(later).0))
    }
}

impl From<Duration> for Timestamp {
    fn from(d: Duration) -> Self {
        Self(u64::try_from(d.as_micros()).unwrap_or(u64::MAX))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03} s", self.0 / 1_000_000, self.0 / 1000 % 1000)
    }
}
