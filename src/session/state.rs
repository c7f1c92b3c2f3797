//! The truth about the picture: does it live, rest, pause or hang?

use crate::frame::Timestamp;
use std::time::Duration;

/// A picture that has not changed for this long is called idle.
pub const IDLE_AFTER: Duration = Duration::from_secs(1);

/// What the viewers should be told about the picture's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamState {
    /// The picture follows the source.
    Live,
    /// The source is there and unchanged.
    Idle,
    /// The visitor paused; nothing is captured.
    Paused,
    /// The source does not answer.
    Stalled,
    /// The operating system lets nothing be captured, as long as this lasts: a permission was taken back, the screen
    /// is locked.
    Blocked,
    /// What is shown forbids capture: a film, a password field.
    Secure,
    /// A connection is cut and may come back.
    Reconnecting,
}

impl StreamState {
    /// All of them, in the wire's order.
    pub const ALL: [Self; 7] = [
        Self::Live,
        Self::Idle,
        Self::Paused,
        Self::Stalled,
        Self::Blocked,
        Self::Secure,
        Self::Reconnecting,
    ];

    /// Its number on the wire.
    #[must_use]
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The state with this number.
    #[must_use]
    pub fn of_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }

    /// Its stable name, as logs and `--json` show it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Idle => "idle",
            Self::Paused => "paused",
            Self::Stalled => "stalled",
            Self::Blocked => "blocked",
            Self::Secure => "secure",
            Self::Reconnecting => "reconnecting",
        }
    }
}

/// Follows the picture's life; tells each state once. Time is an argument.
#[derive(Clone, Debug, Default)]
pub struct Liveness {
    told: Option<StreamState>,
    paused: bool,
    stalled: bool,
    changed: Timestamp,
}

impl Liveness {
    /// A picture that has just begun.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The picture changed, or is followed anew.
    pub fn changed(&mut self, now: Timestamp) {
        self.changed = now;
    }

    /// The source answered in time; the picture may be the same.
    pub fn answered(&mut self) {
        self.stalled = false;
    }

    /// The source did not answer in time.
    pub fn stalled(&mut self) {
        self.stalled = true;
    }

    /// The visitor paused, or goes on.
    pub fn paused(&mut self, paused: bool) {
        self.paused = paused;
    }

    /// The state now.
    #[must_use]
    pub fn state(&self, now: Timestamp) -> StreamState {
        if self.paused {
            StreamState::Paused
        } else if self.stalled {
            StreamState::Stalled
        } else if now.since(self.changed) >= IDLE_AFTER {
            StreamState::Idle
        } else {
            StreamState::Live
        }
    }

    /// The state now if it differs from what was told last.
    pub fn news(&mut self, now: Timestamp) -> Option<StreamState> {
        let state = Some(self.state(now));
        if self.told == state {
            return None;
        }
        self.told = state;
        state
    }

    /// When the state may change though nothing happens.
    #[must_use]
    pub fn next_change(&self, now: Timestamp) -> Option<Timestamp> {
        (self.state(now) == StreamState::Live).then(|| self.changed + IDLE_AFTER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Timestamp {
        Timestamp(ms * 1000)
    }

    #[test]
    fn each_state_is_told_once() {
        let mut life = Liveness::new();
        life.changed(ms(0));
        assert_eq!(life.news(ms(1)), Some(StreamState::Live));
        assert_eq!(life.news(ms(2)), None);
        assert_eq!(life.next_change(ms(2)), Some(ms(1000)));
        assert_eq!(life.news(ms(999)), None);
        assert_eq!(life.news(ms(1000)), Some(StreamState::Idle));
        assert_eq!(life.next_change(ms(1000)), None);
        life.changed(ms(5000));
        assert_eq!(life.news(ms(5000)), Some(StreamState::Live));
    }

    #[test]
    fn a_pause_hides_a_stall_and_a_stall_hides_idleness() {
        let mut life = Liveness::new();
        life.stalled();
        assert_eq!(life.news(ms(5000)), Some(StreamState::Stalled));
        life.paused(true);
        assert_eq!(life.news(ms(5000)), Some(StreamState::Paused));
        life.paused(false);
        assert_eq!(life.news(ms(5000)), Some(StreamState::Stalled));
        life.answered();
        assert_eq!(life.news(ms(5000)), Some(StreamState::Idle));
    }
}
