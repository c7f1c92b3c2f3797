//! Who is to be told when a door opens or closes.
//!
//! A change is only marked here; what is true then is looked up when it is told. So what waits for a slow lookout is
//! bounded by the doors that it watches, and it never hears of anything older than the newest.

use super::doors::Place;
use panecast_protocol::Refusal;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Doors that are watched, and by whom.
#[derive(Default)]
pub(crate) struct Watched {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    of_place: HashMap<Place, Vec<Arc<Signal>>>,
    all: Vec<Arc<Signal>>,
}

/// What has changed for one lookout.
#[derive(Default)]
pub(crate) struct Signal {
    changes: Mutex<Changes>,
    wake: Notify,
}

/// What a lookout is to be told of.
#[derive(Default)]
pub(crate) struct Changes {
    pub(crate) places: HashSet<Place>,
    pub(crate) ending: Option<Ending>,
}

/// Why a lookout's connection ends.
pub(crate) enum Ending {
    /// The relay stops.
    GoingAway,
    /// It broke the rules.
    Refused(Refusal),
    /// It is gone.
    Left,
}

impl Watched {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A lookout has come.
    pub(crate) fn enter(&self, signal: &Arc<Signal>) {
        self.lock().all.push(signal.clone());
    }

    /// A lookout watches `place`. Once for each, until [`Watched::unwatch`].
    pub(crate) fn watch(&self, place: &Place, signal: &Arc<Signal>) {
        self.lock().of_place.entry(place.clone()).or_default().push(signal.clone());
    }

    /// It watches `place` no more.
    pub(crate) fn unwatch(&self, place: &Place, signal: &Arc<Signal>) {
        unwatch(&mut self.lock(), place, signal);
    }

    /// A lookout is gone.
    pub(crate) fn leave(&self, signal: &Arc<Signal>, places: impl Iterator<Item = Place>) {
        let mut inner = self.lock();
        for place in places {
            unwatch(&mut inner, &place, signal);
        }
        inner.all.retain(|s| !Arc::ptr_eq(s, signal));
    }

    /// Whoever watches `place` has to look again.
    pub(crate) fn changed(&self, place: &Place) {
        for signal in self.lock().of_place.get(place).into_iter().flatten() {
            signal.mark(place.clone());
        }
    }

    /// The relay stops.
    pub(crate) fn go_away(&self) {
        for signal in &self.lock().all {
            signal.end(Ending::GoingAway);
        }
    }

    /// How many doors are watched.
    pub(crate) fn count(&self) -> usize {
        self.lock().of_place.len()
    }
}

fn unwatch(inner: &mut Inner, place: &Place, signal: &Arc<Signal>) {
    if let Some(signals) = inner.of_place.get_mut(place) {
        signals.retain(|s| !Arc::ptr_eq(s, signal));
        if signals.is_empty() {
            inner.of_place.remove(place);
        }
    }
}

impl Signal {
    fn changes(&self) -> MutexGuard<'_, Changes> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The lookout is to look at `place` again.
    pub(crate) fn mark(&self, place: Place) {
        self.changes().places.insert(place);
        self.wake.notify_one();
    }

    /// The connection is to end; the first reason counts.
    pub(crate) fn end(&self, why: Ending) {
        self.changes().ending.get_or_insert(why);
        self.wake.notify_one();
    }

    /// Waits for changes. For one reader; dropping the future loses nothing.
    pub(crate) async fn next(&self) -> Changes {
        loop {
            let changes = std::mem::take(&mut *self.changes());
            if changes.ending.is_some() || !changes.places.is_empty() {
                return changes;
            }
            self.wake.notified().await;
        }
    }
}

impl std::fmt::Debug for Watched {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watched").field("places", &self.count()).finish_non_exhaustive()
    }
}
