//! Notices a line that went dead without closing: a relay that says nothing for a while is asked for a sign of life.

use crate::frame::Timestamp;
use std::time::Duration;

/// So long nothing may come before the relay is asked.
const ASK_AFTER: Duration = Duration::from_secs(5);

/// So long its answer may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(6);

/// An answer waits behind what is already on a thin line, so whoever was given up on and comes back is given twice as long,
/// so many times at most.
const MOST_DOUBLINGS: u32 = 3;

/// A connection that held so long is as good as any.
const STEADY: Duration = Duration::from_secs(60);

/// What is to be done about a silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Silence {
    /// Nothing yet.
    Short,
    /// The relay is to be asked.
    Ask,
    /// The line is dead.
    Dead,
}

/// When a line gave its last sign of life.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    line: Option<Line>,
    /// Lines in a row that were given up for their silence.
    silences: u32,
}

#[derive(Clone, Copy, Debug)]
struct Line {
    began: Timestamp,
    last: Timestamp,
    /// The relay was asked: by when its answer is due.
    due: Option<Timestamp>,
}

impl Pulse {
    /// The line stands.
    pub(super) fn begin(&mut self, now: Timestamp) {
        self.line = Some(Line { began: now, last: now, due: None });
    }

    /// The line is gone.
    pub(super) fn end(&mut self) {
        self.line = None;
    }

    /// Something came.
    pub(super) fn beat(&mut self, now: Timestamp) {
        if let Some(line) = &mut self.line {
            (line.last, line.due) = (now, None);
        }
    }

    /// Time passes. A dead line is told once.
    pub(super) fn tick(&mut self, now: Timestamp) -> Silence {
        let Some(line) = &mut self.line else { return Silence::Short };
        let steady = now.since(line.began) >= STEADY;
        match line.due {
            None if line.last + ASK_AFTER <= now => {
                let doublings = if steady { 0 } else { self.silences.min(MOST_DOUBLINGS) };
                line.due = Some(now + ANSWER_WITHIN * 2u32.pow(doublings));
                Silence::Ask
            }
            Some(due) if due <= now => {
                self.silences = if steady { 1 } else { self.silences.saturating_add(1) };
                self.line = None;
                Silence::Dead
            }
            _ => Silence::Short,
        }
    }

    /// When [`Pulse::tick`] has something to do next.
    pub(super) fn next_tick(&self) -> Option<Timestamp> {
        self.line.map(|line| line.due.unwrap_or(line.last + ASK_AFTER))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: u64) -> Timestamp {
        Timestamp(s * 1_000_000)
    }

    /// When the relay is asked and when the line is given up, if it says nothing from `began` on.
    fn silence(pulse: &mut Pulse, began: u64) -> (u64, u64) {
        pulse.begin(at(began));
        let (mut asked, mut now) = (0, began);
        loop {
            assert_eq!(pulse.tick(Timestamp(at(now).0 + 999_999)), Silence::Short, "{now}");
            now += 1;
            match pulse.tick(at(now)) {
                Silence::Short => {}
                Silence::Ask => asked = now - began,
                Silence::Dead => return (asked, now - began),
            }
        }
    }

    #[test]
    fn a_silent_line_is_asked_and_given_up() {
        let mut pulse = Pulse::default();
        assert_eq!((pulse.next_tick(), pulse.tick(at(9))), (None, Silence::Short));
        assert_eq!(silence(&mut pulse, 100), (5, 11));
        assert_eq!((pulse.next_tick(), pulse.tick(at(999))), (None, Silence::Short));
    }

    #[test]
    fn an_answer_in_time_keeps_it() {
        let mut pulse = Pulse::default();
        pulse.begin(at(0));
        for round in 0..20 {
            let began = round * 10;
            assert_eq!(pulse.next_tick(), Some(at(began + 5)));
            assert_eq!(pulse.tick(at(began + 5)), Silence::Ask);
            assert_eq!(pulse.next_tick(), Some(at(began + 11)));
            assert_eq!(pulse.tick(at(began + 10)), Silence::Short);
            pulse.beat(at(began + 10));
        }
    }

    #[test]
    fn who_was_given_up_on_is_given_longer_until_a_line_has_held() {
        let mut pulse = Pulse::default();
        let waits: Vec<u64> = (0..5).map(|n| silence(&mut pulse, n * 1000).1 - 5).collect();
        assert_eq!(waits, [6, 12, 24, 48, 48]);
        pulse.begin(at(10_000));
        pulse.beat(at(10_060));
        assert_eq!(pulse.tick(at(10_065)), Silence::Ask);
        assert_eq!(pulse.next_tick(), Some(at(10_071)));
        assert_eq!(pulse.tick(at(10_071)), Silence::Dead);
        assert_eq!(silence(&mut pulse, 20_000), (5, 5 + 12));
    }
}
