//! How many bytes a second a path takes, told from when its updates were done.

use crate::frame::Timestamp;
use std::time::Duration;

/// Half-life of what a lasting queue has shown, in time that the path was busy. Long against the jitter of single
/// acknowledgements, short against a person's patience when a line gets slower.
const HALF_LIFE: Duration = Duration::from_millis(300);

/// A queue that lasted less long says only that the path takes at least so much: jitter and the wait for the
/// viewer's next repaint are of the same size.
const SHORT_QUEUE: Duration = Duration::from_millis(100);

/// A lone update that took longer than this was slowed down by the path, not by jitter.
const SLOW_ALONE: Duration = Duration::from_millis(250);

/// Fewer bytes are over too soon to be measured.
const LEAST_BYTES: f64 = 4096.0;

/// Updates smaller than this on average take the viewer's time rather than the path's.
const LEAST_MEAN_BYTES: f64 = 512.0;

/// One look lowers the estimate to no less than this part of it.
const MOST_DROP: f64 = 0.25;

/// What took so long, and far longer than expected, has waited for a path that took nothing for a while.
const STALL: Duration = Duration::from_millis(1000);

/// Shortest round in which it is decided whether the estimate may grow.
const SHORTEST_ROUND: Duration = Duration::from_millis(100);

/// A path that carries this share of the estimate without a lasting queue may be worth more.
const WELL_USED: f64 = 0.7;

/// An estimate of what a path delivers, in bytes a second.
///
/// Updates queue up one behind the other at the slowest place of a path. What is done since a queue began to form,
/// divided by the time since, is no more than what the path takes, and the longer the queue has lasted the nearer
/// it comes. So a long queue sets the estimate, a short one can only raise it, and where there is none, because
/// little is sent, nothing is learnt: then the estimate grows in small steps, as long as it is used up.
#[derive(Clone, Debug, Default)]
pub(super) struct DeliveryRate {
    estimate: Option<f64>,
    queue: Queue,
    round: Round,
    /// No update has been prompt since a stall.
    after_stall: bool,
    /// Rounds in a row after which the estimate has grown.
    grown: u32,
}

/// What is done since a queue began to form; what is long ago fades.
#[derive(Clone, Copy, Debug, Default)]
struct Queue {
    bytes: f64,
    /// Those that certainly took the time.
    timed: f64,
    secs: f64,
    updates: f64,
}

impl Queue {
    fn fade(&mut self, service: Duration) {
        let keep = 0.5_f64.powf(service.as_secs_f64() / HALF_LIFE.as_secs_f64());
        for value in [&mut self.bytes, &mut self.timed, &mut self.secs, &mut self.updates] {
            *value *= keep;
        }
    }

    fn add(&mut self, done: &Done, service: Duration) {
        self.bytes += done.bytes as f64;
        self.timed += done.timed as f64;
        self.secs += service.as_secs_f64();
        self.updates += done.updates as f64;
    }

    /// Bytes a second, at least and at most.
    fn rates(&self) -> (f64, f64) {
        let secs = self.secs.max(0.005);
        (self.timed / secs, self.bytes / secs)
    }

    /// Whether it lasted long enough, over updates large enough, to show that the path takes no more.
    fn is_long(&self, queued: bool) -> bool {
        let long = if queued { SHORT_QUEUE } else { SLOW_ALONE };
        self.secs >= long.as_secs_f64() && self.bytes >= LEAST_MEAN_BYTES * self.updates
    }
}

/// What is judged together before the estimate may grow.
#[derive(Clone, Copy, Debug, Default)]
struct Round {
    began: Timestamp,
    bytes: f64,
    /// Some update was prompt: no queue is standing.
    clear: bool,
}

/// What became of one or more updates.
#[derive(Clone, Copy, Debug)]
pub(super) struct Done {
    /// All their bytes.
    pub(super) bytes: u64,
    /// Those of them that took the time since `began` for certain.
    pub(super) timed: u64,
    pub(super) updates: usize,
    /// When the path could begin with them.
    pub(super) began: Timestamp,
    /// When they were done.
    pub(super) at: Timestamp,
    /// Whether they had to wait for the updates before them.
    pub(super) queued: bool,
    /// Whether the last of them was there as early as the way allows.
    pub(super) prompt: bool,
}

impl DeliveryRate {
    /// Bytes a second; `None` before anything of a size that can be measured is done.
    pub(super) fn bytes_per_sec(&self) -> Option<f64> {
        self.estimate
    }

    /// Takes note of updates; `round_trip` is the path's own.
    pub(super) fn note(&mut self, done: &Done, round_trip: Duration) {
        let service = done.at.since(done.began);
        if self.doubts(done, service) {
            self.queue = Queue::default();
            self.round = Round { began: done.at, ..Round::default() };
            return;
        }
        if done.queued {
            self.queue.fade(service);
        } else {
            self.queue = Queue::default();
        }
        self.queue.add(done, service);
        let (least, most) = self.queue.rates();
        match self.estimate {
            None if self.queue.timed >= LEAST_BYTES => self.estimate = Some(least),
            Some(old) if least > old && self.queue.timed >= LEAST_BYTES && !self.after_stall => {
                self.estimate = Some(least);
            }
            Some(old) if most < old && self.queue.is_long(done.queued) => {
                let step = (service.as_secs_f64() / 0.2).min(1.0);
                self.estimate = Some((old + (most - old) * step).max(old * MOST_DROP));
                self.grown = 0;
            }
            _ => {}
        }
        self.grow(done, round_trip);
    }

    /// Whether the path took nothing for a while: the updates took longer than any change of it explains. That is
    /// believed once; the queue that is left then may come all at once and proves no speed.
    fn doubts(&mut self, done: &Done, service: Duration) -> bool {
        let expected = self.estimate.map_or(f64::INFINITY, |rate| done.bytes as f64 / rate);
        let stalled = service >= STALL && service.as_secs_f64() > 8.0 * expected && !self.after_stall;
        self.after_stall = stalled || (self.after_stall && !done.prompt);
        stalled
    }

    /// The first update of all: what came before is unknown, and its time is the path's own and its bytes' together.
    pub(super) fn note_first(&mut self, bytes: u64, took: Duration) {
        if bytes as f64 >= LEAST_BYTES {
            self.estimate = Some(bytes as f64 / took.as_secs_f64().max(0.005));
        }
    }

    fn grow(&mut self, done: &Done, round_trip: Duration) {
        self.round.bytes += done.bytes as f64;
        self.round.clear |= done.prompt;
        let lasted = done.at.since(self.round.began);
        if lasted < round_trip.max(SHORTEST_ROUND) {
            return;
        }
        if let Some(old) = self.estimate {
            let delivered = self.round.bytes / lasted.as_secs_f64();
            if self.round.clear && delivered >= WELL_USED * old {
                // Careful at first; one that is far too low does not stay so for long.
                let factor = if self.grown < 2 { 1.1 } else { 1.5 };
                self.estimate = Some((old * factor).min((delivered / WELL_USED).max(old)));
                self.grown += 1;
            } else {
                self.grown = 0;
            }
        }
        self.round = Round { began: done.at, bytes: 0.0, clear: false };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUND_TRIP: Duration = Duration::from_millis(50);

    fn ms(ms: u64) -> Timestamp {
        Timestamp(ms * 1000)
    }

    /// `count` updates of `bytes`, one every `each` ms, queued one behind the other.
    fn queue(rate: &mut DeliveryRate, from: u64, count: u64, bytes: u64, each: u64) -> u64 {
        for i in 0..count {
            let (began, at) = (ms(from + i * each), ms(from + (i + 1) * each));
            rate.note(
                &Done { bytes, timed: bytes, updates: 1, began, at, queued: i > 0, prompt: i == 0 },
                ROUND_TRIP,
            );
        }
        from + count * each
    }

    fn kb(rate: &DeliveryRate) -> f64 {
        rate.bytes_per_sec().unwrap() / 1000.0
    }

    #[test]
    fn a_long_queue_sets_the_rate_up_and_down() {
        let mut rate = DeliveryRate::default();
        let now = queue(&mut rate, 0, 20, 5000, 40);
        assert!((120.0..130.0).contains(&kb(&rate)), "{}", kb(&rate));
        let now = queue(&mut rate, now, 20, 5000, 80);
        assert!((60.0..72.0).contains(&kb(&rate)), "{}", kb(&rate));
        queue(&mut rate, now, 20, 5000, 5);
        assert!((700.0..1200.0).contains(&kb(&rate)), "{}", kb(&rate));
    }

    #[test]
    fn small_updates_teach_nothing() {
        let mut rate = DeliveryRate::default();
        for i in 0..100 {
            let (began, at) = (ms(i * 100), ms(i * 100 + 30));
            rate.note(
                &Done { bytes: 200, timed: 200, updates: 1, began, at, queued: false, prompt: true },
                ROUND_TRIP,
            );
        }
        assert_eq!(rate.bytes_per_sec(), None);
        let now = queue(&mut rate, 20_000, 10, 50_000, 40);
        let known = kb(&rate);
        queue(&mut rate, now, 100, 200, 40);
        assert!((kb(&rate) - known).abs() < 1.0, "a viewer that paints slowly has no slow path");
    }

    #[test]
    fn a_stall_is_not_a_rate() {
        let mut rate = DeliveryRate::default();
        let now = queue(&mut rate, 0, 20, 5000, 40);
        let (began, at) = (ms(now), ms(now + 3000));
        let stalled = Done { bytes: 5000, timed: 5000, updates: 1, began, at, queued: false, prompt: true };
        rate.note(&stalled, ROUND_TRIP);
        assert!((115.0..130.0).contains(&kb(&rate)), "{}", kb(&rate));
        queue(&mut rate, now + 3000, 20, 5000, 40);
        assert!((115.0..130.0).contains(&kb(&rate)), "{}", kb(&rate));
    }

    /// Jitter hides what a fast path takes; it is found by sending more until a queue forms.
    #[test]
    fn an_estimate_that_is_used_up_without_a_queue_grows() {
        let mut rate = DeliveryRate::default();
        rate.note_first(60_000, Duration::from_secs(1));
        for i in 0..90_u64 {
            let bytes = (rate.bytes_per_sec().unwrap() * 0.85 / 30.0) as u64;
            let (began, at) = (ms(i * 33), ms(i * 33 + 30));
            rate.note(
                &Done { bytes, timed: bytes, updates: 1, began, at, queued: false, prompt: true },
                ROUND_TRIP,
            );
        }
        assert!(kb(&rate) > 600.0, "{}", kb(&rate));
        let known = kb(&rate);
        for i in 100..190_u64 {
            let (began, at) = (ms(i * 33), ms(i * 33 + 30));
            rate.note(
                &Done { bytes: 600, timed: 600, updates: 1, began, at, queued: false, prompt: true },
                ROUND_TRIP,
            );
        }
        assert_eq!(kb(&rate), known, "one that is not used stays");
    }
}
