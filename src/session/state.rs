//! The truth about the picture: does it live, rest, pause or hang?

use crate::frame::Timestamp;
use std::time::Duration;

/// A picture that has not changed for this long is called idle.
pub const IDLE_AFTER: Duration = Duration::from_secs(1);

/// A source that says nothing for this long after it was asked has stalled: what it was asked at most waits for a tenth of a
/// second, so that the viewers know within a second.
pub const SILENT_AFTER: Duration = Duration::from_millis(900);

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
    /// When the source was asked for what it has not answered.
    asked: Option<Timestamp>,
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

    /// The source is asked for a picture.
    pub fn asked(&mut self, now: Timestamp) {
        self.asked = Some(now);
    }

    /// The source answered; the picture may be the same.
    pub fn answered(&mut self) {
        (self.stalled, self.asked) = (false, None);
    }

    /// The source says that it cannot answer.
    pub fn stalled(&mut self) {
        (self.stalled, self.asked) = (true, None);
    }

    /// When it is too late for the answer that is due.
    pub(crate) fn silent_at(&self) -> Option<Timestamp> {
        self.asked.map(|asked| asked + SILENT_AFTER)
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
        } else if self.stalled || self.silent_at().is_some_and(|at| at <= now) {
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
        let state = self.state(now);
        let idle = (state == StreamState::Live).then(|| self.changed + IDLE_AFTER);
        let silent = self.silent_at().filter(|at| *at > now && state != StreamState::Paused);
        idle.into_iter().chain(silent).min()
    }
}

/// A camera that gives no picture for this long has stalled: even one that sees nothing move gives each.
pub const STALLED_AFTER: Duration = Duration::from_secs(2);

/// Follows the life of a source that gives every picture, moved or not: a camera. Tells each state once. Time is an argument.
#[derive(Clone, Debug, Default)]
pub struct CameraLife {
    told: Option<StreamState>,
    paused: bool,
    blocked: bool,
    /// The last picture, or when one was to come from then on; `None` before the first question.
    since: Option<Timestamp>,
}

impl CameraLife {
    /// A camera that has just been opened.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// It gave a picture, whether or not that is of use.
    pub fn gave(&mut self, now: Timestamp) {
        self.since = Some(now);
    }

    /// The operating system has taken it away, or gives it back.
    pub fn blocked(&mut self, blocked: bool, now: Timestamp) {
        self.blocked = blocked;
        self.since = Some(now);
    }

    /// The visitor paused, or goes on.
    pub fn paused(&mut self, paused: bool, now: Timestamp) {
        self.paused = paused;
        self.since = Some(now);
    }

    fn stalls_at(&self) -> Option<Timestamp> {
        self.since.filter(|_| !self.paused && !self.blocked).map(|since| since + STALLED_AFTER)
    }

    /// The state now.
    #[must_use]
    pub fn state(&self, now: Timestamp) -> StreamState {
        if self.paused {
            StreamState::Paused
        } else if self.blocked {
            StreamState::Blocked
        } else if self.stalls_at().is_some_and(|at| at <= now) {
            StreamState::Stalled
        } else {
            StreamState::Live
        }
    }

    /// The state now if it differs from what was told last.
    pub fn news(&mut self, now: Timestamp) -> Option<StreamState> {
        self.since.get_or_insert(now);
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
        self.stalls_at().filter(|at| *at > now)
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
    fn a_source_that_does_not_answer_has_stalled_until_it_does() {
        let mut life = Liveness::new();
        life.changed(ms(0));
        life.asked(ms(2000));
        assert_eq!(
            (life.news(ms(2000)), life.next_change(ms(2000))),
            (Some(StreamState::Idle), Some(ms(2900)))
        );
        assert_eq!(life.news(ms(2899)), None);
        assert_eq!((life.news(ms(2900)), life.next_change(ms(2900))), (Some(StreamState::Stalled), None));
        life.answered();
        assert_eq!((life.news(ms(9000)), life.next_change(ms(9000))), (Some(StreamState::Idle), None));
        life.asked(ms(9000));
        life.paused(true);
        assert_eq!((life.news(ms(9900)), life.next_change(ms(9000))), (Some(StreamState::Paused), None));
    }

    #[test]
    fn a_camera_that_gives_nothing_has_stalled_until_it_gives_again() {
        let mut life = CameraLife::new();
        assert_eq!(life.news(ms(100)), Some(StreamState::Live));
        assert_eq!(life.next_change(ms(100)), Some(ms(2100)));
        life.gave(ms(1000));
        assert_eq!((life.news(ms(2999)), life.next_change(ms(2999))), (None, Some(ms(3000))));
        assert_eq!((life.news(ms(3000)), life.next_change(ms(3000))), (Some(StreamState::Stalled), None));
        assert_eq!(life.news(ms(9000)), None);
        life.gave(ms(9001));
        assert_eq!(life.news(ms(9001)), Some(StreamState::Live));
    }

    #[test]
    fn a_camera_that_is_taken_away_is_blocked_and_a_pause_hides_it() {
        let mut life = CameraLife::new();
        life.gave(ms(0));
        life.blocked(true, ms(10));
        assert_eq!((life.news(ms(5000)), life.next_change(ms(10))), (Some(StreamState::Blocked), None));
        life.paused(true, ms(5000));
        assert_eq!(life.news(ms(9000)), Some(StreamState::Paused));
        life.blocked(false, ms(9000));
        assert_eq!((life.news(ms(20_000)), life.next_change(ms(20_000))), (None, None));
        life.paused(false, ms(20_000));
        assert_eq!(life.news(ms(21_999)), Some(StreamState::Live), "it has two seconds to begin again");
        assert_eq!(life.news(ms(22_000)), Some(StreamState::Stalled));
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
