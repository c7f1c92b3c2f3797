//! How many keys may be tried: of one tenant altogether, and from one network.
//!
//! A key number that the relay sees has four digits, so it is found by trying; what keeps the session closed are the
//! ends' own digits. Every answered knock lets somebody guess at those, so knocks count whether or not a host was
//! behind the number, until one is let in.

use crate::refusal::random;
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
    tenants: HashMap<Arc<str>, VecDeque<Counted>>,
    /// An entry needs a knock that its tenant still had, so tenants bound its size.
    networks: HashMap<IpAddr, VecDeque<Counted>>,
    swept: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Counted {
    at: Instant,
    id: u64,
    /// It came to this relay while the others could not be asked.
    alone: bool,
}

/// A knock that was counted, as all relays of a cluster name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Try(pub(crate) u64);

/// A knock that counts, for another relay.
pub(crate) struct OfAnother {
    pub(crate) id: u64,
    pub(crate) tenant: Arc<str>,
    pub(crate) network: IpAddr,
    pub(crate) age: Duration,
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
        self.count(tenant, peer, now, 1)
    }

    /// The same where the others of so many relays cannot be asked: each answers its part of what is left.
    pub(crate) fn knock_alone(
        &self,
        tenant: &Arc<str>,
        peer: IpAddr,
        now: Instant,
        relays: usize,
    ) -> Option<Try> {
        self.count(tenant, peer, now, relays.max(2))
    }

    fn count(&self, tenant: &Arc<str>, peer: IpAddr, now: Instant, relays: usize) -> Option<Try> {
        let (network, alone) = (network_of(peer), relays > 1);
        let id = u64::from_le_bytes(random().ok()?);
        let mut seen = self.lock();
        let seen = &mut *seen;
        seen.sweep(now);
        let of_tenant = seen.tenants.entry(tenant.clone()).or_default();
        drop_old(of_tenant, TENANT_WINDOW, now);
        if of_tenant.len() >= self.of_tenant {
            return None;
        }
        let mine = of_tenant.iter().filter(|c| c.alone).count();
        if alone && mine >= (self.of_tenant - (of_tenant.len() - mine)) / relays {
            return None;
        }
        let of_network = seen.networks.entry(network).or_default();
        drop_old(of_network, NETWORK_WINDOW, now);
        if of_network.len() >= self.of_network {
            return None;
        }
        let counted = Counted { at: now, id, alone };
        of_tenant.push_back(counted);
        of_network.push_back(counted);
        Some(Try(id))
    }

    /// A knock was answered by another relay at `then`: it counts here, too.
    pub(crate) fn saw(&self, id: u64, tenant: &Arc<str>, peer: IpAddr, then: Instant) {
        let network = network_of(peer);
        let mut seen = self.lock();
        let seen = &mut *seen;
        let of_tenant = seen.tenants.entry(tenant.clone()).or_default();
        // What is more than the limit changes nothing, and another relay must not fill this one's memory.
        if of_tenant.len() >= 2 * self.of_tenant || of_tenant.iter().any(|c| c.id == id) {
            return;
        }
        let counted = Counted { at: then, id, alone: false };
        for times in [of_tenant, seen.networks.entry(network).or_default()] {
            let later = times.partition_point(|c| c.at <= then);
            times.insert(later, counted);
        }
    }

    /// All that counts in a tenant, for a relay that has just come.
    pub(crate) fn so_far(&self, now: Instant) -> Vec<OfAnother> {
        let mut seen = self.lock();
        let seen = &mut *seen;
        seen.swept = None;
        seen.sweep(now);
        // A network's window is shorter: of an older knock it does not matter where it came from.
        let from: HashMap<u64, IpAddr> =
            seen.networks.iter().flat_map(|(n, times)| times.iter().map(|c| (c.id, *n))).collect();
        let unknown = IpAddr::from(Ipv4Addr::UNSPECIFIED);
        let all = seen.tenants.iter().flat_map(|(tenant, times)| times.iter().map(move |c| (tenant, c)));
        all.map(|(tenant, c)| OfAnother {
            id: c.id,
            tenant: tenant.clone(),
            network: from.get(&c.id).copied().unwrap_or(unknown),
            age: now.duration_since(c.at),
        })
        .collect()
    }

    /// The one that knocked was let in: it had the right key, and does not count.
    pub(crate) fn give_back(&self, knock: Try) {
        let mut seen = self.lock();
        let seen = &mut *seen;
        for times in seen.tenants.values_mut().chain(seen.networks.values_mut()) {
            times.retain(|c| c.id != knock.0);
        }
    }
}

impl Seen {
    fn sweep(&mut self, now: Instant) {
        if self.swept.is_none_or(|at| now.duration_since(at) >= NETWORK_WINDOW) {
            self.swept = Some(now);
            forget_old(&mut self.tenants, TENANT_WINDOW, now);
            forget_old(&mut self.networks, NETWORK_WINDOW, now);
        }
    }
}

fn drop_old(times: &mut VecDeque<Counted>, window: Duration, now: Instant) {
    while times.front().is_some_and(|c| now.duration_since(c.at) >= window) {
        times.pop_front();
    }
}

fn forget_old<K>(all: &mut HashMap<K, VecDeque<Counted>>, window: Duration, now: Instant) {
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
            tries.give_back(knock);
        }
        tries.knock(&shop, peer("192.0.2.1"), now).unwrap();
        assert!(tries.knock(&shop, peer("198.51.100.1"), now).is_none());
        tries.knock(&"other".into(), peer("203.0.113.1"), now + TENANT_WINDOW).unwrap();
        let seen = tries.lock();
        assert_eq!((seen.tenants.len(), seen.networks.len()), (1, 1));
    }

    #[test]
    fn relays_that_tell_each_other_answer_sixty_and_those_that_cannot_share_what_is_left() {
        let (a, b, now, shop) = (Tries::new(60, 10), Tries::new(60, 10), Instant::now(), Arc::from("shop"));
        let from = |n: u8| peer(&format!("192.0.{n}.1"));
        for n in 0..20 {
            let Try(id) = a.knock(&shop, from(n), now).unwrap();
            b.saw(id, &shop, from(n), now);
            b.saw(id, &shop, from(n), now);
        }
        // Cut off from each other.
        let alone = |tries: &Tries| {
            (20..200).filter(|n| tries.knock_alone(&shop, from(*n), now, 2).is_some()).count()
        };
        assert_eq!((alone(&a), alone(&b)), (20, 20));
        // One that has just come learns all that counts, and for how long.
        let late = Tries::new(60, 10);
        for told in a.so_far(now) {
            late.saw(told.id, &told.tenant, told.network, now - told.age);
        }
        let more = |at| (0..200).filter(|n| late.knock(&shop, from(*n), at).is_some()).count();
        assert_eq!(more(now), 20);
        assert_eq!(more(now + TENANT_WINDOW), 60);
    }

    #[test]
    fn another_relay_cannot_fill_the_memory() {
        let (tries, now, shop) = (Tries::new(60, 10), Instant::now(), Arc::from("shop"));
        for id in 0..10_000 {
            tries.saw(id, &shop, IpAddr::from([10, (id / 256) as u8, id as u8, 1]), now);
        }
        let seen = tries.lock();
        assert_eq!((seen.tenants[&shop].len(), seen.networks.len()), (120, 120));
    }
}
