//! Which rooms and doors there are: the one place that would ask other relays, too.

use super::doors::{Doors, NewlyOpen, Place};
use super::room::Room;
use super::secret::{RoomId, RoomSecret};
use super::watched::Watched;
use crate::config::{RelayLimits, Timing};
use crate::refusal::{no_room_left, random, refusal};
use panecast_protocol::{
    Door, DoorEnd, Ended, NewDoor, OpenDoor, Refusal, RefusalKind, RelayToHost, RoomProof,
};
use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::time::Instant;

/// How many ended rooms are remembered, so that none of them is opened anew.
const MOST_ENDED: usize = 4096;

/// Longest wait that a stopping relay asks for before somebody comes back.
const SPREAD_MS: u32 = 5000;

/// How long somebody is asked to wait before coming back: random, so that not all come at once.
pub(crate) fn spread_ms() -> u32 {
    random().map_or(SPREAD_MS / 2, |r| u32::from_le_bytes(r) % (SPREAD_MS + 1))
}

/// All rooms of a relay and the doors into them.
#[derive(Debug)]
pub(crate) struct Directory {
    limits: RelayLimits,
    timing: Timing,
    inner: Mutex<Inner>,
    watched: Watched,
}

#[derive(Debug)]
struct Inner {
    rooms: HashMap<RoomId, Arc<Room>>,
    rooms_of: HashMap<Arc<str>, usize>,
    ended: VecDeque<RoomId>,
    doors: Doors,
}

impl Inner {
    fn insert(&mut self, room: Arc<Room>) {
        *self.rooms_of.entry(room.tenant().clone()).or_default() += 1;
        self.rooms.insert(room.id(), room);
    }
}

impl Directory {
    /// No rooms yet; `presence_key` is random.
    pub(crate) fn new(limits: RelayLimits, timing: Timing, presence_key: [u8; 32]) -> Self {
        let inner = Inner {
            rooms: HashMap::new(),
            rooms_of: HashMap::new(),
            ended: VecDeque::new(),
            doors: Doors::new(limits.doors, presence_key),
        };
        Self { limits, timing, inner: Mutex::new(inner), watched: Watched::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn room_for(&self, inner: &Inner, tenant: &Arc<str>, most: usize) -> Result<(), Refusal> {
        if inner.rooms.len() >= self.limits.rooms || inner.rooms_of.get(tenant).is_some_and(|n| *n >= most) {
            return Err(no_room_left());
        }
        Ok(())
    }

    /// A new room of a tenant that may have `most`.
    pub(crate) fn create(&self, tenant: &Arc<str>, most: usize) -> Result<Arc<Room>, Refusal> {
        let secret = RoomSecret::from_random(random()?);
        let mut inner = self.lock();
        self.room_for(&inner, tenant, most)?;
        let room = Arc::new(Room::new(secret, tenant.clone(), self.limits));
        inner.insert(room.clone());
        Ok(room)
    }

    /// The room that a host comes back to; one that another relay had is opened here.
    pub(crate) fn resume(
        &self,
        tenant: &Arc<str>,
        most: usize,
        proof: &RoomProof,
        now: Instant,
    ) -> Result<Arc<Room>, Refusal> {
        let ended = || refusal(RefusalKind::Unavailable, "the session has ended");
        let secret = RoomSecret::parse(&proof.secret).ok_or_else(ended)?;
        let id = secret.room();
        if RoomId::parse(&proof.room) != Some(id) {
            return Err(ended());
        }
        let mut inner = self.lock();
        if let Some(room) = inner.rooms.get(&id) {
            return if room.tenant() == tenant { Ok(room.clone()) } else { Err(ended()) };
        }
        if inner.ended.contains(&id) {
            return Err(ended());
        }
        self.room_for(&inner, tenant, most)?;
        let room = Arc::new(Room::new(secret, tenant.clone(), self.limits));
        room.take_strangers_until(now + self.timing.grace);
        inner.insert(room.clone());
        Ok(room)
    }

    /// The room with this id.
    pub(crate) fn room(&self, id: &str) -> Option<Arc<Room>> {
        self.lock().rooms.get(&RoomId::parse(id)?).cloned()
    }

    /// The room behind a door.
    pub(crate) fn find(&self, tenant: &Arc<str>, door: &Door, now: Instant) -> Option<Arc<Room>> {
        self.lock().doors.find(tenant, door, now)
    }

    /// Where `door` would be found; `None` if there can be no such door.
    pub(crate) fn place(&self, tenant: &Arc<str>, door: &Door) -> Option<Place> {
        self.lock().doors.place(tenant, door)
    }

    /// Whether a host can be reached there. One that has just been cut off counts: it is likely to be back at once.
    pub(crate) fn available(&self, place: &Place, now: Instant) -> bool {
        self.lock().doors.behind(place, now).is_some_and(|room| room.is_here(self.timing.blink, now))
    }

    /// Who waits for doors.
    pub(crate) fn watched(&self) -> &Watched {
        &self.watched
    }

    /// The host of `room` came, or has been away for longer than a blink.
    pub(crate) fn host_moved(&self, room: &Room) {
        let places = self.lock().doors.places_of(room.id());
        self.tell_lookouts(&places);
    }

    fn tell_lookouts(&self, places: &[Place]) {
        for place in places {
            self.watched.changed(place);
        }
    }

    /// Opens a door of `room`.
    pub(crate) fn open(&self, room: &Arc<Room>, new: NewDoor, now: Instant) -> Result<OpenDoor, Refusal> {
        let mut inner = self.lock();
        if !inner.rooms.contains_key(&room.id()) {
            return Err(refusal(RefusalKind::Unavailable, "the session has ended"));
        }
        let NewlyOpen { place, door, taken_from } = inner.doors.open(room, new, now)?;
        drop(inner);
        self.watched.changed(&place);
        if let (Some(before), OpenDoor::Presence { visitor }) = (taken_from, &door) {
            let door = Door::Presence { visitor: visitor.clone() };
            before.tell_host(RelayToHost::Closed { door, reason: DoorEnd::TakenOver });
        }
        Ok(door)
    }

    /// Closes a door of `room`. False if it has no such door.
    pub(crate) fn close(&self, room: &Room, door: &Door, now: Instant) -> bool {
        let closed = self.lock().doors.close(room, door, now);
        closed.is_some_and(|place| {
            self.watched.changed(&place);
            true
        })
    }

    /// Ends a room and forgets it.
    pub(crate) fn end(&self, room: &Room, reason: Ended, now: Instant) {
        let mut inner = self.lock();
        let mut closed = Vec::new();
        if let Entry::Occupied(held) = inner.rooms.entry(room.id()) {
            held.remove();
            closed = inner.doors.close_all(room.id(), now);
            if let Entry::Occupied(mut count) = inner.rooms_of.entry(room.tenant().clone()) {
                *count.get_mut() -= 1;
                if *count.get() == 0 {
                    count.remove();
                }
            }
            inner.ended.push_back(room.id());
            if inner.ended.len() > MOST_ENDED {
                inner.ended.pop_front();
            }
        }
        drop(inner);
        self.tell_lookouts(&closed);
        room.end(reason);
    }

    /// Closes what is over by time, and tells hosts.
    pub(crate) fn sweep(&self, now: Instant) {
        let (expired, rooms) = {
            let mut inner = self.lock();
            (inner.doors.sweep(now), inner.rooms.values().cloned().collect::<Vec<_>>())
        };
        for (room, place, door) in expired {
            self.watched.changed(&place);
            room.tell_host(RelayToHost::Closed { door, reason: DoorEnd::Expired });
        }
        for room in rooms {
            room.sweep(now);
        }
    }

    /// Tells everybody to come back elsewhere, and closes all.
    pub(crate) fn go_away(&self) {
        let rooms = std::mem::take(&mut self.lock().rooms);
        for room in rooms.values() {
            room.go_away(spread_ms);
        }
        self.watched.go_away();
    }

    /// How many rooms are open.
    pub(crate) fn count(&self) -> usize {
        self.lock().rooms.len()
    }
}
