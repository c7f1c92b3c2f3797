//! How often an address has named a wrong key.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Most addresses that are remembered. When more guess at a time, new ones are refused until some are
/// forgotten: an attack from everywhere must not switch the limit off.
const MOST_ADDRESSES: usize = 16 << 10;

/// Counts wrong keys by address.
#[derive(Debug)]
pub(crate) struct Tries {
    most: u32,
    window: Duration,
    seen: Mutex<HashMap<IpAddr, Seen>>,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    since: Instant,
    wrong: u32,
}

impl Tries {
    pub(crate) fn new(most: u32, window: Duration) -> Self {
        Self { most, window, seen: Mutex::default() }
    }

    /// Whether `peer` may try a key at `now`.
    pub(crate) fn allows(&self, peer: IpAddr, now: Instant) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= MOST_ADDRESSES {
            seen.retain(|_, s| now.duration_since(s.since) < self.window);
        }
        match seen.get(&network_of(peer)) {
            Some(s) => s.wrong < self.most || now.duration_since(s.since) >= self.window,
            None => seen.len() < MOST_ADDRESSES,
        }
    }

    /// `peer` named a wrong key at `now`.
    pub(crate) fn wrong(&self, peer: IpAddr, now: Instant) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = seen.entry(network_of(peer)).or_insert(Seen { since: now, wrong: 0 });
        if now.duration_since(entry.since) >= self.window {
            *entry = Seen { since: now, wrong: 0 };
        }
        entry.wrong = entry.wrong.saturating_add(1);
    }
}

/// One customer's network: an IPv4 address, or the /64 of an IPv6 address, in which anyone can take any.
fn network_of(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(v6) => {
            let s = v6.segments();
            IpAddr::from([s[0], s[1], s[2], s[3], 0, 0, 0, 0])
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_refused_until_the_window_has_passed() {
        let tries = Tries::new(3, Duration::from_secs(60));
        let (start, peer) = (Instant::now(), "192.0.2.1".parse().unwrap());
        for _ in 0..3 {
            assert!(tries.allows(peer, start));
            tries.wrong(peer, start);
        }
        assert!(!tries.allows(peer, start));
        assert!(tries.allows("192.0.2.2".parse().unwrap(), start));
        assert!(!tries.allows(peer, start + Duration::from_secs(59)));
        assert!(tries.allows(peer, start + Duration::from_secs(60)));
        tries.wrong(peer, start + Duration::from_secs(61));
        assert!(tries.allows(peer, start + Duration::from_secs(61)), "the count starts over");
    }

    #[test]
    fn an_ipv6_network_counts_as_one() {
        let tries = Tries::new(1, Duration::from_secs(60));
        let now = Instant::now();
        tries.wrong("2001:db8::1".parse().unwrap(), now);
        assert!(!tries.allows("2001:db8::ffff:2".parse().unwrap(), now));
        assert!(tries.allows("2001:db8:0:1::1".parse().unwrap(), now));
        tries.wrong("::ffff:192.0.2.9".parse().unwrap(), now);
        assert!(!tries.allows("192.0.2.9".parse().unwrap(), now));
    }

    #[test]
    fn memory_is_bounded() {
        let tries = Tries::new(1, Duration::from_secs(60));
        let now = Instant::now();
        for i in 0..MOST_ADDRESSES as u32 {
            tries.wrong(IpAddr::from(i.to_be_bytes()), now);
        }
        let new = "198.51.100.7".parse().unwrap();
        assert!(!tries.allows(new, now));
        assert!(tries.allows(new, now + Duration::from_secs(60)));
        assert_eq!(tries.seen.lock().unwrap().len(), 0);
    }
}
