//! How many keys may be tried: of one tenant altogether, and from one network.
//!
//! A key number that the relay sees has four digits, so it is found by trying; what keeps the session closed are the
//! ends' own digits. Every answered knock lets somebody guess at those, so knocks count whether or not a host was
//! behind the number, until one is let in.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Within how long the knocks of a tenant count.
pub(crate) const TENANT_WINDOW: Duration = Duration::from_secs(600);

/// Within how long the knocks from a network count.
pub(crate) const NETWORK_WINDOW: Duration = Duration::from_secs(60);

/// Counts knocks at keys. A window slides: no stretch of its length has more knocks than allowed.
#[derive(Debug)]
pub(crate) struct Tries {
    of_tenant: usize,
    of_network: usize,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    tenants: HashMap<Arc<str>, VecDeque<Instant>>,
    /// An entry needs a knock that its tenant still had, so tenants bound its size.
    networks: HashMap<IpAddr, VecDeque<Instant>>,
    swept: Option<Instant>,
}

/// A knock that was counted.
#[derive(Clone, Debug)]
pub(crate) struct Try {
    tenant: Arc<str>,
    network: IpAddr,
    at: Instant,
}

impl Tries {
    pub(crate) fn new(of_tenant: usize, of_network: usize) -> Self {
        Self { of_tenant, of_network, seen: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a knock; `None` if there have been too many.
    pub(crate) fn knock(&self, tenant: &Arc<str>, peer: IpAddr, now: Instant) -> Option<Try> {
        let network = network_of(peer);
        let mut seen = self.lock();
        let seen = &mut *seen;
        if seen.swept.is_none_or(|at| now.duration_since(at) >= NETWORK_WINDOW) {
            seen.swept = Some(now);
            forget_old(&mut seen.tenants, TENANT_WINDOW, now);
            forget_old(&mut seen.networks, NETWORK_WINDOW, now);
        }
        let of_tenant = seen.tenants.entry(tenant.clone()).or_default();
        drop_old(of_tenant, TENANT_WINDOW, now);
        if of_tenant.len() >= self.of_tenant {
            return None;
        }
        let of_network = seen.networks.entry(network).or_default();
        drop_old(of_network, NETWORK_WINDOW, now);
        if of_network.len() >= self.of_network {
            return None;
        }
        of_tenant.push_back(now);
        of_network.push_back(now);
        Some(Try { tenant: tenant.clone(), network, at: now })
    }

    /// The one that knocked was let in: it had the right key, and does not count.
    pub(crate) fn give_back(&self, knock: &Try) {
        let mut seen = self.lock();
        let seen = &mut *seen;
        for times in [seen.tenants.get_mut(&knock.tenant), seen.networks.get_mut(&knock.network)] {
            if let Some(times) = times
                && let Some(at) = times.iter().position(|t| *t == knock.at)
            {
                times.remove(at);
            }
        }
    }
}

fn drop_old(times: &mut VecDeque<Instant>, window: Duration, now: Instant) {
    while times.front().is_some_and(|t| now.duration_since(*t) >= window) {
        times.pop_front();
    }
}

fn forget_old<K>(all: &mut HashMap<K, VecDeque<Instant>>, window: Duration, now: Instant) {
    all.retain(|_, times| {
        drop_old(times, window, now);
        !times.is_empty()
    });
}

/// What counts as one network, and as much of an address as the log gets: an IPv4 /24, an IPv6 /56, which is what
/// one customer is given.
pub(crate) fn network_of(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(v6) => {
            let s = v6.segments();
            IpAddr::from([s[0], s[1], s[2], s[3] & 0xff00, 0, 0, 0, 0])
        }
        IpAddr::V4(v4) => {
            let o = v4.octets();
            Ipv4Addr::new(o[0], o[1], o[2], 0).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn ten_thousand_knocks_from_a_thousand_networks_get_sixty_answers_in_any_ten_minutes() {
        let (tries, start) = (Tries::new(60, 10), Instant::now());
        let (shop, other): (Arc<str>, Arc<str>) = ("shop".into(), "other".into());
        let mut answered = Vec::new();
        // Twenty minutes of it.
        for n in 0..20_000u32 {
            let now = start + Duration::from_millis(60) * n;
            let from = IpAddr::from([10, (n % 1000 / 250) as u8, (n % 250) as u8, 1]);
            if tries.knock(&shop, from, now).is_some() {
                answered.push(now);
            }
        }
        assert_eq!(answered.len(), 120);
        for (n, first) in answered.iter().enumerate() {
            let within = answered[n..].iter().filter(|t| t.duration_since(*first) < TENANT_WINDOW).count();
            assert!(within <= 60, "{within} within ten minutes");
        }
        let last = start + Duration::from_millis(60) * 20_000;
        for n in 0..60 {
            assert!(tries.knock(&other, peer(&format!("192.0.{n}.1")), last).is_some(), "another tenant");
        }
    }

    #[test]
    fn a_network_has_its_own_limit() {
        let (tries, now, shop) = (Tries::new(60, 2), Instant::now(), Arc::from("shop"));
        assert!(tries.knock(&shop, peer("192.0.2.1"), now).is_some());
        assert!(tries.knock(&shop, peer("192.0.2.200"), now).is_some());
        assert!(tries.knock(&shop, peer("::ffff:192.0.2.9"), now).is_none());
        assert!(tries.knock(&shop, peer("192.0.3.1"), now).is_some());
        assert!(tries.knock(&shop, peer("2001:db8:0:1::1"), now).is_some());
        assert!(tries.knock(&shop, peer("2001:db8:0:ff::1"), now).is_some());
        assert!(tries.knock(&shop, peer("2001:db8::9"), now).is_none());
        assert!(tries.knock(&shop, peer("2001:db8:0:100::1"), now).is_some());
        assert!(tries.knock(&shop, peer("192.0.2.1"), now + NETWORK_WINDOW).is_some());
    }

    #[test]
    fn who_is_let_in_does_not_count_and_what_is_old_is_forgotten() {
        let (tries, now, shop) = (Tries::new(1, 1), Instant::now(), Arc::from("shop"));
        for n in 0..100u8 {
            let knock = tries.knock(&shop, peer("192.0.2.1"), now).unwrap_or_else(|| panic!("{n}"));
            tries.give_back(&knock);
        }
        tries.knock(&shop, peer("192.0.2.1"), now).unwrap();
        assert!(tries.knock(&shop, peer("198.51.100.1"), now).is_none());
        tries.knock(&"other".into(), peer("203.0.113.1"), now + TENANT_WINDOW).unwrap();
        let seen = tries.lock();
        assert_eq!((seen.tenants.len(), seen.networks.len()), (1, 1));
    }
}
