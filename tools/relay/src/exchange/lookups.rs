//! How many presences may be looked up: so many new ones in ten minutes, that ids cannot be tried out.

use super::doors::Place;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Within how long they count.
pub(crate) const WINDOW: Duration = Duration::from_secs(600);

/// Most that are remembered, of all who ask: some 10 MiB.
const MOST_REMEMBERED: usize = 100_000;

/// Who looks up.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Asker {
    /// An agent whose token was checked.
    Agent(Arc<str>, String),
    /// Somebody from this network, where the tenant asks nobody who they are.
    Network(Arc<str>, IpAddr),
}

/// Counts lookups of presences.
pub(crate) struct Lookups {
    of_agent: usize,
    of_network: usize,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    by: HashMap<Asker, HashMap<Place, Instant>>,
    remembered: usize,
    swept: Option<Instant>,
}

impl Lookups {
    pub(crate) fn new(of_agent: usize, of_network: usize) -> Self {
        Self { of_agent, of_network, seen: Mutex::default() }
    }

    /// Counts a lookup of `place` unless it is one of those that count already. False if there are too many.
    pub(crate) fn count(&self, asker: &Asker, place: &Place, now: Instant) -> bool {
        let most = match asker {
            Asker::Agent(..) => self.of_agent,
            Asker::Network(..) => self.of_network,
        };
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = &mut *seen;
        // Whoever is refused has the old ones looked for, too: at most once a second.
        if seen.swept.is_none_or(|at| now.duration_since(at) >= Duration::from_secs(1)) {
            seen.swept = Some(now);
            seen.by.retain(|_, places| {
                places.retain(|_, at| now.duration_since(*at) < WINDOW);
                !places.is_empty()
            });
            seen.remembered = seen.by.values().map(HashMap::len).sum();
        }
        let known = seen.by.get(asker);
        if known.is_some_and(|places| places.contains_key(place)) {
            return true;
        }
        if known.map_or(0, HashMap::len) >= most || seen.remembered >= MOST_REMEMBERED {
            return false;
        }
        seen.remembered += 1;
        seen.by.entry(asker.clone()).or_default().insert(place.clone(), now);
        true
    }
}

impl std::fmt::Debug for Lookups {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lookups").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_ones_count_and_known_ones_do_not_within_any_ten_minutes() {
        let (lookups, start) = (Lookups::new(3, 1), Instant::now());
        let agent = |name: &str| Asker::Agent("shop".into(), name.into());
        let place = |n| Place::Presence([n; 32]);
        for round in 0..5 {
            for n in 0..3 {
                assert!(lookups.count(&agent("ann"), &place(n), start), "{round} {n}");
            }
            assert!(!lookups.count(&agent("ann"), &place(3), start));
        }
        assert!(lookups.count(&agent("bob"), &place(3), start), "another agent");
        assert!(
            lookups.count(&Asker::Agent("other".into(), "ann".into()), &place(3), start),
            "another tenant"
        );
        let network = Asker::Network("shop".into(), IpAddr::from([192, 0, 2, 0]));
        assert!(lookups.count(&network, &place(0), start));
        assert!(!lookups.count(&network, &place(1), start));
        let just = start + WINDOW - Duration::from_millis(1);
        assert!(!lookups.count(&agent("ann"), &place(3), just));
        assert!(lookups.count(&agent("ann"), &place(3), start + WINDOW + Duration::from_secs(1)));
        assert_eq!(lookups.seen.lock().unwrap().remembered, 1, "what is old is forgotten");
    }
}
