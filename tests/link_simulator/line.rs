//! A line on a virtual clock: what it is given comes out at the far end later, in order, and nothing is lost.

use crate::scene::Random;
use std::collections::VecDeque;

/// Milliseconds of the virtual clock.
pub(crate) type Ms = u64;

impl Random {
    /// A number from 0 to `most`.
    pub(crate) fn up_to(&mut self, most: u64) -> u64 {
        self.next() % (most + 1)
    }

    /// A number from `from` to `to`.
    pub(crate) fn between(&mut self, from: f64, to: f64) -> f64 {
        from + (to - from) * (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// What a line is like. Both directions have the same delay and jitter; the way back is never full.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    /// From when on it takes how many kbit/s.
    pub(crate) rates: Vec<(Ms, u64)>,
    /// One way.
    pub(crate) delay: Ms,
    /// Most that is added to the delay at random; order is kept.
    pub(crate) jitter: Ms,
    /// When it takes nothing: from, to.
    pub(crate) stalls: Vec<(Ms, Ms)>,
}

impl Terms {
    pub(crate) fn new(kbit: u64, delay: Ms) -> Self {
        Self { rates: vec![(0, kbit)], delay, jitter: 0, stalls: Vec::new() }
    }

    fn stalled(&self, now: Ms) -> bool {
        self.stalls.iter().any(|(from, to)| (*from..*to).contains(&now))
    }

    /// Bytes in this millisecond.
    pub(crate) fn bytes(&self, now: Ms) -> f64 {
        let (_, kbit) = self.rates.iter().rev().find(|(from, _)| *from <= now).unwrap();
        if self.stalled(now) { 0.0 } else { *kbit as f64 / 8.0 }
    }
}

/// One direction of a line.
#[derive(Debug)]
pub(crate) struct Line<T> {
    terms: Terms,
    /// Whether bytes take time; on the way back they do not.
    counts: bool,
    random: Random,
    /// What waits for its bytes to be taken.
    queue: VecDeque<(f64, T)>,
    /// What is on the way, with its arrival.
    flying: VecDeque<(Ms, T)>,
    pub(crate) carried: f64,
}

impl<T> Line<T> {
    pub(crate) fn forth(terms: Terms, seed: u64) -> Self {
        let (queue, flying) = (VecDeque::new(), VecDeque::new());
        Self { terms, counts: true, random: Random(seed), queue, flying, carried: 0.0 }
    }

    pub(crate) fn back(terms: Terms, seed: u64) -> Self {
        Self { counts: false, ..Self::forth(terms, seed) }
    }

    pub(crate) fn put(&mut self, bytes: usize, what: T) {
        self.queue.push_back((bytes as f64, what));
    }

    pub(crate) fn terms(&self) -> &Terms {
        &self.terms
    }

    /// Bytes that wait.
    pub(crate) fn waiting(&self) -> f64 {
        self.queue.iter().map(|(bytes, _)| bytes).sum()
    }

    /// Lets a millisecond pass; gives what arrives in it.
    pub(crate) fn step(&mut self, now: Ms) -> Vec<T> {
        let mut takes = if self.counts { self.terms.bytes(now) } else { f64::MAX };
        if !self.counts && self.terms.stalled(now) {
            takes = 0.0;
        }
        while takes > 0.0 {
            let Some((bytes, _)) = self.queue.front_mut() else { break };
            let part = bytes.min(takes);
            (*bytes, takes) = (*bytes - part, takes - part);
            self.carried += part;
            if *bytes > 1e-9 {
                break;
            }
            let Some((_, what)) = self.queue.pop_front() else { break };
            let soonest = now + 1 + self.terms.delay + self.random.up_to(self.terms.jitter);
            let arrival = self.flying.back().map_or(soonest, |(last, _)| soonest.max(*last));
            self.flying.push_back((arrival, what));
        }
        let mut arrived = Vec::new();
        while self.flying.front().is_some_and(|(at, _)| *at <= now) {
            arrived.extend(self.flying.pop_front().map(|(_, what)| what));
        }
        arrived
    }
}
