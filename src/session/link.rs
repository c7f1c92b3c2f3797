//! The way to one viewer: what is on it, how long it is, how much it takes.

use super::rate::{DeliveryRate, Done};
use crate::frame::Timestamp;
use std::collections::VecDeque;
use std::time::Duration;

/// So long an update may wait behind those before it. On a line of 500 kbit/s with a round trip of 200 ms this leaves
/// a typed character half of the 400 ms in which it should be seen.
pub const TARGET_QUEUE: Duration = Duration::from_millis(60);

/// So long may what is sent only to refine the picture hold up an update that comes after it.
pub const REFINE_QUEUE: Duration = Duration::from_millis(40);

/// Fewest updates that may be unacknowledged: one is painted while the next is on its way.
pub const LEAST_IN_FLIGHT: usize = 2;

/// Most updates that may be unacknowledged, however long the way is: a viewer may have to decode each of them.
pub const MOST_IN_FLIGHT: usize = 16;

/// Updates that are remembered while a viewer owes them.
const MOST_REMEMBERED: usize = 64;

/// Unacknowledged bytes that are allowed before anything is known about the way.
const START_BYTES: f64 = 32_768.0;

/// Unacknowledged bytes that are allowed on any way: a small update.
const LEAST_BYTES: f64 = 3072.0;

/// Most bytes that one update refines: more would keep the encoder from what comes next.
const MOST_REFINED: f64 = 65_536.0;

/// Fewer bytes refine too little for a packet of their own.
const LEAST_REFINED: f64 = 512.0;

/// An update of so few bytes shows how long the way is.
const SMALL_BYTES: u64 = 4096;

/// An update that comes so much later than the way allows has met no queue, but perhaps some jitter.
const PROMPT: Duration = Duration::from_millis(15);

/// A viewer repaints no more often than this.
const REPAINT: Duration = Duration::from_micros(16_667);

/// How long the shortest round trip is believed if no update comes near it any more. Then the queue is let run empty,
/// to see whether it has hidden the way's length or the way has got longer.
const BASE_LASTS: Duration = Duration::from_secs(10);

/// What a viewer owes would take it longer than this: it has lost the picture's pace.
const FAR_BEHIND: Duration = Duration::from_secs(3);

#[derive(Clone, Copy, Debug)]
struct Flight {
    sequence: u64,
    bytes: u64,
    at: Timestamp,
    /// Nothing else was on the way.
    alone: bool,
    /// It only refines.
    refines: bool,
}

/// The shortest round trip of late.
#[derive(Clone, Copy, Debug)]
struct Base {
    round_trip: Duration,
    /// How many bytes it was, and what of the time they took as far as was known then.
    bytes: u64,
    own: Duration,
    at: Timestamp,
}

/// The way to one viewer. Time is an argument.
#[derive(Clone, Debug, Default)]
pub(super) struct Link {
    flight: VecDeque<Flight>,
    /// Some of what is owed is not remembered any more.
    forgot: bool,
    /// Bytes without a number of their own; they count with the next update.
    beside: u64,
    base: Option<Base>,
    rate: DeliveryRate,
    /// When the newest acknowledged update was done.
    done: Timestamp,
    /// Bytes that wait at the slowest place of the way, as the estimate has it, and when that was so.
    backlog: f64,
    backlog_at: Timestamp,
    /// Seconds that updates wait behind others, and that each takes, smoothed.
    waits: f64,
    takes: f64,
}

impl Link {
    /// An update went out; `refines` if it only refines the picture.
    pub(super) fn sent(&mut self, sequence: u64, bytes: u64, refines: bool, now: Timestamp) {
        let bytes = bytes + std::mem::take(&mut self.beside);
        if self.flight.len() == MOST_REMEMBERED {
            self.flight.pop_front();
            self.forgot = true;
        }
        self.backlog = self.backlog(now) + bytes as f64;
        self.backlog_at = now;
        let alone = self.flight.is_empty();
        self.flight.push_back(Flight { sequence, bytes, at: now, alone, refines });
    }

    /// Bytes went out that nobody acknowledges.
    pub(super) fn sent_beside(&mut self, bytes: u64) {
        self.beside += bytes;
    }

    /// What was on the way is dropped.
    pub(super) fn clear(&mut self) {
        self.flight.clear();
        self.forgot = false;
        self.beside = 0;
        self.backlog = 0.0;
    }

    /// The update `sequence` and all before it are done; the viewer held the last of them for `held` before it told.
    /// Gives the time since that one was sent, if it is remembered.
    pub(super) fn acked(&mut self, sequence: u64, held: Duration, now: Timestamp) -> Option<Duration> {
        let count = self.flight.iter().take_while(|f| f.sequence <= sequence).count();
        let first = *self.flight.front().filter(|_| count > 0)?;
        let last = self.flight[count - 1];
        let bytes: u64 = self.flight.drain(..count).map(|f| f.bytes).sum();
        let took = now.since(last.at);
        let round_trip = took - held.min(took);
        let at = last.at + round_trip;
        if self.flight.is_empty() {
            self.forgot = false;
        }
        let prompt = self.is_prompt(round_trip, last.bytes);
        match self.base {
            Some(base) => {
                // Without a queue the first of them would have been done at this time, had it been as small as the
                // one that measured the way.
                let free = first.at + base.round_trip;
                let queued = self.done > free;
                let began = self.done.max(free).min(at);
                let timed = match queued {
                    true => bytes,
                    // As early as any: there is no time to tell bytes by.
                    false if at <= free => 0,
                    false => bytes.saturating_sub(base.bytes),
                };
                let done = Done { bytes, timed, updates: count, began, at, queued, prompt };
                self.rate.note(&done, base.round_trip);
                smooth(&mut self.waits, self.done.since(free).as_secs_f64());
                smooth(&mut self.takes, at.since(began).as_secs_f64() / count as f64);
            }
            None => self.rate.note_first(bytes, round_trip),
        }
        self.measure(round_trip, &last, prompt, now);
        self.done = self.done.max(at);
        self.backlog = self.backlog(now).min(self.in_flight() as f64);
        self.backlog_at = now;
        (last.sequence == sequence).then_some(took)
    }

    /// How long `bytes` take; nothing as long as that is unknown.
    fn take(&self, bytes: u64) -> Duration {
        let rate = self.rate.bytes_per_sec().unwrap_or(f64::INFINITY).max(1.0);
        Duration::from_secs_f64(bytes as f64 / rate)
    }

    /// Whether an update was there as early as the way allows.
    fn is_prompt(&self, round_trip: Duration, bytes: u64) -> bool {
        self.base.is_some_and(|_| round_trip <= self.length() * 11 / 10 + self.take(bytes) + PROMPT)
    }

    /// Takes note of how long an update was on its way.
    fn measure(&mut self, round_trip: Duration, update: &Flight, prompt: bool, now: Timestamp) {
        let bytes = update.bytes;
        let fresh = Base { round_trip, bytes, own: self.take(bytes).min(round_trip), at: now };
        self.base = Some(match self.base {
            None => fresh,
            Some(base) if round_trip <= base.round_trip => Base { bytes: bytes.min(base.bytes), ..fresh },
            Some(base) if prompt => Base { at: now, ..base },
            Some(base) => {
                let age = now.since(base.at);
                if age > BASE_LASTS && update.alone || age > 3 * BASE_LASTS { fresh } else { base }
            }
        });
    }

    /// How long the way is there and back, without what the bytes take.
    fn length(&self) -> Duration {
        self.base.map_or(Duration::ZERO, |base| base.round_trip - base.own)
    }

    /// Unacknowledged bytes from which on no more are sent: what the way holds when it is busy, and the queue that is
    /// allowed on top.
    pub(super) fn ceiling(&self, now: Timestamp) -> f64 {
        let Some(rate) = self.rate.bytes_per_sec() else { return START_BYTES };
        let length = self.length().as_secs_f64();
        if self.fades(now) {
            return 0.0;
        }
        (rate * (length + TARGET_QUEUE.as_secs_f64())).max(LEAST_BYTES)
    }

    /// Whether the queue is let run empty, to measure the way anew.
    fn fades(&self, now: Timestamp) -> bool {
        self.base.is_some_and(|base| now.since(base.at) > BASE_LASTS)
    }

    /// Updates that may be unacknowledged.
    pub(super) fn depth(&self) -> usize {
        let each = self.takes.max(REPAINT.as_secs_f64());
        (LEAST_IN_FLIGHT + (self.length().as_secs_f64() / each) as usize).min(MOST_IN_FLIGHT)
    }

    /// Bytes a second that the way takes, if that is known.
    pub(super) fn bytes_per_sec(&self) -> Option<f64> {
        self.rate.bytes_per_sec()
    }

    /// Unacknowledged bytes.
    pub(super) fn in_flight(&self) -> u64 {
        self.flight.iter().map(|f| f.bytes).sum()
    }

    /// Unacknowledged updates, without those that only refine.
    pub(super) fn owed(&self) -> usize {
        self.flight.iter().filter(|f| !f.refines).count()
    }

    /// Bytes of the oldest unacknowledged update.
    #[cfg(test)]
    pub(super) fn oldest_bytes(&self) -> u64 {
        self.flight.front().map_or(0, |f| f.bytes)
    }

    /// When the oldest unacknowledged update was sent.
    pub(super) fn oldest(&self) -> Option<Timestamp> {
        self.flight.front().map(|f| f.at)
    }

    /// How long updates wait behind those before them, of late.
    pub(super) fn queueing(&self) -> Duration {
        Duration::from_secs_f64(self.waits)
    }

    /// Whether another update may go out.
    pub(super) fn has_room(&self, now: Timestamp) -> bool {
        let Some(oldest) = self.flight.front() else { return true };
        if self.owed() >= self.depth() {
            return false;
        }
        let (bytes, ceiling) = (self.in_flight(), self.ceiling(now));
        // A large update alone fills the way. The next one need not wait until the viewer has told that it is
        // there: it is enough that by then the way should be nearly free.
        let nearly_free = || !self.fades(now) && self.wait(now).is_some_and(|wait| wait <= TARGET_QUEUE / 2);
        (bytes as f64) < ceiling || (((bytes - oldest.bytes) as f64) < ceiling && nearly_free())
    }

    /// When [`Link::has_room`] turns true though nothing happens.
    pub(super) fn opens_at(&self, now: Timestamp) -> Option<Timestamp> {
        let oldest = self.flight.front()?;
        let rest = (self.in_flight() - oldest.bytes) as f64;
        if self.has_room(now) || self.fades(now) || self.owed() >= self.depth() || rest >= self.ceiling(now) {
            return None;
        }
        self.falls_to(TARGET_QUEUE / 2, now)
    }

    /// Bytes that the next update may have without holding up the one after it.
    pub(super) fn budget(&self, now: Timestamp) -> f64 {
        match self.rate.bytes_per_sec() {
            Some(rate) => (rate * TARGET_QUEUE.as_secs_f64() - self.backlog(now)).max(LEAST_BYTES),
            None => START_BYTES,
        }
    }

    /// Bytes that may be sent to refine the picture when there is nothing else to send.
    pub(super) fn refine_budget(&self, now: Timestamp) -> f64 {
        if self.is_full_of_updates() {
            return 0.0;
        }
        let Some(rate) = self.rate.bytes_per_sec() else {
            return if self.flight.is_empty() { SMALL_BYTES as f64 } else { 0.0 };
        };
        let queue = rate * REFINE_QUEUE.as_secs_f64();
        let free = (queue - self.backlog(now)).min(self.ceiling(now) - self.in_flight() as f64);
        if self.flight.is_empty() {
            return free.min((queue / 2.0).clamp(SMALL_BYTES as f64, MOST_REFINED)).max(LEAST_REFINED);
        }
        // Half of what is allowed at a time, so that the way is busy while the viewer tells.
        if free < least_refined(queue) {
            0.0
        } else {
            free.min((queue / 2.0).clamp(SMALL_BYTES as f64, MOST_REFINED))
        }
    }

    fn is_full_of_updates(&self) -> bool {
        self.flight.len() >= self.depth() + 2
    }

    /// When [`Link::refine_budget`] is above zero again though nothing happens.
    pub(super) fn refines_at(&self, now: Timestamp) -> Option<Timestamp> {
        let rate = self.rate.bytes_per_sec()?;
        let queue = rate * REFINE_QUEUE.as_secs_f64();
        let held = self.ceiling(now) - self.in_flight() as f64;
        if self.is_full_of_updates() || held.min(queue) < least_refined(queue) {
            return None;
        }
        self.falls_to(Duration::from_secs_f64((queue - least_refined(queue)).max(0.0) / rate), now)
    }

    /// Whether what is owed is more than a viewer can catch up with.
    pub(super) fn is_far_behind(&self) -> bool {
        let late = match self.rate.bytes_per_sec() {
            Some(rate) => self.in_flight() as f64 > rate * FAR_BEHIND.as_secs_f64(),
            None => self.owed() > LEAST_IN_FLIGHT,
        };
        self.forgot || (late && self.owed() > LEAST_IN_FLIGHT)
    }

    fn backlog(&self, now: Timestamp) -> f64 {
        let drained = self.rate.bytes_per_sec().unwrap_or(0.0) * now.since(self.backlog_at).as_secs_f64();
        (self.backlog - drained).max(0.0)
    }

    /// How long an update that is sent now waits behind those before it.
    fn wait(&self, now: Timestamp) -> Option<Duration> {
        let rate = self.rate.bytes_per_sec()?;
        Some(Duration::from_secs_f64((self.backlog(now) / rate.max(1.0)).min(3600.0)))
    }

    /// When the wait is down to `wait`; at least a microsecond from now.
    fn falls_to(&self, wait: Duration, now: Timestamp) -> Option<Timestamp> {
        let over = self.wait(now)?.saturating_sub(wait);
        Some(now + (over + Duration::from_micros(2)))
    }
}

/// Bytes for which it is worth making a packet that refines, where `queue` are allowed.
fn least_refined(queue: f64) -> f64 {
    (queue / 2.0).clamp(LEAST_REFINED / 2.0, 4.0 * LEAST_REFINED)
}

fn smooth(value: &mut f64, sample: f64) {
    *value += (sample - *value) / 4.0;
}
