//! Links that were used up or closed, for as long as they could have been open: whoever opens one again hears so at once.
//! Time is an argument.

use std::collections::{HashMap, VecDeque};
use tokio::time::Instant;

/// Most links that are remembered, of all tenants; then the oldest are forgotten. Some 2 MiB.
const MOST: usize = 16_384;

#[derive(Debug, Default)]
pub(crate) struct Spent {
    until: HashMap<[u8; 16], Instant>,
    /// In the order in which they came.
    order: VecDeque<[u8; 16]>,
}

impl Spent {
    /// Remembers a link until it would have closed by itself.
    pub(crate) fn add(&mut self, link: [u8; 16], until: Instant, now: Instant) {
        while let Some(oldest) = self.order.front()
            && (self.order.len() >= MOST || !self.has(oldest, now))
        {
            self.until.remove(oldest);
            self.order.pop_front();
        }
        if until > now && self.until.insert(link, until).is_none() {
            self.order.push_back(link);
        }
    }

    /// Whether this link is of no use any more.
    pub(crate) fn has(&self, link: &[u8; 16], now: Instant) -> bool {
        self.until.get(link).is_some_and(|until| now < *until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn link(n: usize) -> [u8; 16] {
        (n as u128).to_le_bytes()
    }

    #[test]
    fn a_link_is_remembered_for_its_life() {
        let (mut spent, now) = (Spent::default(), Instant::now());
        let minute = Duration::from_secs(60);
        spent.add(link(1), now + minute, now);
        spent.add(link(2), now, now);
        assert!(spent.has(&link(1), now) && !spent.has(&link(2), now) && !spent.has(&link(3), now));
        assert!(!spent.has(&link(1), now + minute));
        spent.add(link(1), now + 2 * minute, now);
        assert!(spent.has(&link(1), now + minute));
    }

    #[test]
    fn so_many_are_remembered_and_no_more() {
        let (mut spent, now) = (Spent::default(), Instant::now());
        let day = Duration::from_secs(24 * 3600);
        for n in 0..MOST + 100 {
            spent.add(link(n), now + day, now);
            assert_eq!(spent.until.len(), spent.order.len());
        }
        assert_eq!(spent.order.len(), MOST);
        assert!(!spent.has(&link(99), now) && spent.has(&link(100), now) && spent.has(&link(MOST + 99), now));
        // What is over makes room.
        let later = now + 2 * day;
        spent.add(link(0), later + day, later);
        assert_eq!((spent.order.len(), spent.until.len()), (1, 1));
    }
}
