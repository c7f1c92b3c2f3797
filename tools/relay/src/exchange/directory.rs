//! Which rooms and doors there are, here and at other relays of the cluster.

use super::doors::{Doors, NewlyOpen, Others, Place};
use super::room::{Room, stamp};
use super::secret::{RoomId, RoomSecret};
use super::watched::Watched;
use crate::cluster::Cluster;
use crate::cluster::message::{Claim, Name};
use crate::cluster::replica::Held;
use crate::config::{RelayLimits, Timing};
use crate::refusal::{no_room_left, random, refusal};
use panecast_protocol::{
    Door, DoorEnd, Ended, NewDoor, OpenDoor, Refusal, RefusalKind, RelayToHost, RoomProof,
};
use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
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
    cluster: Option<Arc<Cluster>>,
}

/// A room that a joiner asks for.
pub(crate) enum Found {
    Here(Arc<Room>),
    /// At another relay.
    There(Arc<Cluster>, Held),
}

/// What other relays say of doors; nothing where there are none.
struct Elsewhere<'a>(Option<&'a Cluster>);

impl Others for Elsewhere<'_> {
    fn may_give(&self, place: &Place) -> bool {
        let Place::Number(tenant, number) = place else { return false };
        let subject = || [&number.to_le_bytes()[..], tenant.as_bytes()].concat();
        self.0.is_none_or(|cluster| cluster.may_give(&Name::Door(place.clone()), &subject()))
    }

    fn have(&self, place: &Place, room: RoomId) -> bool {
        let held = self.0.and_then(|cluster| cluster.find(&Name::Door(place.clone())));
        held.is_some_and(|held| held.room != room.bytes())
    }

    fn newest(&self, place: &Place) -> u64 {
        self.0.map_or(0, |cluster| cluster.newest(&Name::Door(place.clone())))
    }
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

    /// A room that has ended is not opened anew.
    fn forget_for_good(&mut self, room: RoomId) {
        self.ended.push_back(room);
        if self.ended.len() > MOST_ENDED {
            self.ended.pop_front();
        }
    }

    /// Takes a room out, and says where its doors were.
    fn remove(&mut self, room: &Room, now: Instant) -> Vec<Place> {
        let Entry::Occupied(held) = self.rooms.entry(room.id()) else { return Vec::new() };
        held.remove();
        if let Entry::Occupied(mut count) = self.rooms_of.entry(room.tenant().clone()) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
        self.doors.close_all(room.id(), now)
    }
}

impl Directory {
    /// No rooms yet; `presence_key` is random, or the cluster's.
    pub(crate) fn new(
        limits: RelayLimits,
        timing: Timing,
        presence_key: [u8; 32],
        cluster: Option<Arc<Cluster>>,
    ) -> Self {
        let inner = Inner {
            rooms: HashMap::new(),
            rooms_of: HashMap::new(),
            ended: VecDeque::new(),
            doors: Doors::new(limits.doors, presence_key),
        };
        Self { limits, timing, inner: Mutex::new(inner), watched: Watched::default(), cluster }
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
    pub(crate) fn find(&self, tenant: &Arc<str>, door: &Door, now: Instant) -> Option<Found> {
        let inner = self.lock();
        let place = inner.doors.place(tenant, door)?;
        let here = inner.doors.behind(&place, now).cloned();
        drop(inner);
        self.found(here, Name::Door(place))
    }

    /// The room that a joiner comes back to.
    pub(crate) fn find_room(&self, id: &str) -> Option<Found> {
        let id = RoomId::parse(id)?;
        let here = self.lock().rooms.get(&id).cloned();
        self.found(here, Name::Room(id.bytes()))
    }

    fn found(&self, here: Option<Arc<Room>>, name: Name) -> Option<Found> {
        let there = || {
            let cluster = self.cluster.as_ref()?;
            Some(Found::There(cluster.clone(), cluster.find(&name)?))
        };
        here.map(Found::Here).or_else(there)
    }

    /// The room of this relay behind a place, and the door as its host named it.
    pub(crate) fn behind(&self, place: &Place, now: Instant) -> Option<(Arc<Room>, Door)> {
        self.lock().doors.named(place, now)
    }

    /// What all rooms may cost.
    pub(crate) fn limits(&self) -> &RelayLimits {
        &self.limits
    }

    /// How long is waited for whom.
    pub(crate) fn timing(&self) -> &Timing {
        &self.timing
    }

    /// What this relay has by a name.
    pub(crate) fn claim(&self, name: &Name) -> Option<Claim> {
        let (inner, now) = (self.lock(), Instant::now());
        let (room, stamp) = match name {
            Name::Room(id) => inner.rooms.get(&RoomId::of(*id)).map(|room| (room, None)),
            Name::Door(place) => inner.doors.since(place, now).map(|(room, stamp)| (room, Some(stamp))),
        }?;
        let (came, here) = room.claim(self.timing.blink, now);
        Some(Claim { name: name.clone(), room: room.id().bytes(), stamp: stamp.unwrap_or(came), here })
    }

    /// All that this relay has.
    pub(crate) fn claims(&self) -> Vec<Claim> {
        let inner = self.lock();
        let rooms = inner.rooms.keys().map(|id| Name::Room(id.bytes()));
        let names: Vec<Name> = rooms.chain(inner.doors.places().into_iter().map(Name::Door)).collect();
        drop(inner);
        names.iter().filter_map(|name| self.claim(name)).collect()
    }

    /// Another relay has something more newly: a room that its host has brought there goes from here with all in it, and a
    /// door of another host closes.
    pub(crate) fn yield_to(&self, name: &Name, newer: [u8; 16], now: Instant) {
        let mut inner = self.lock();
        match name {
            Name::Room(id) => {
                let Some(room) = inner.rooms.get(&RoomId::of(*id)).cloned() else { return };
                let closed = inner.remove(&room, now);
                drop(inner);
                self.changed(&closed);
                self.tell(&Name::Room(*id));
                tracing::info!("a host has come back at another relay");
                room.go_away(|| spread_ms() / 20);
            }
            Name::Door(place) => {
                let Some((room, door)) = inner.doors.named(place, now) else { return };
                if room.id().bytes() == newer || inner.doors.close(&room, &door, now).is_none() {
                    return;
                }
                drop(inner);
                self.changed(std::slice::from_ref(place));
                room.tell_host(RelayToHost::Closed { door, reason: DoorEnd::TakenOver });
            }
        }
    }

    /// A room has ended at another relay.
    pub(crate) fn ended_elsewhere(&self, room: [u8; 16]) {
        let (mut inner, room) = (self.lock(), RoomId::of(room));
        if !inner.rooms.contains_key(&room) && !inner.ended.contains(&room) {
            inner.forget_for_good(room);
        }
    }

    /// Tells the other relays what this one has by a name now.
    fn tell(&self, name: &Name) {
        if let Some(cluster) = &self.cluster {
            cluster.tell(name, self);
        }
    }

    /// Where `door` would be found; `None` if there can be no such door.
    pub(crate) fn place(&self, tenant: &Arc<str>, door: &Door) -> Option<Place> {
        self.lock().doors.place(tenant, door)
    }

    /// Whether a host can be reached there. One that has just been cut off counts: it is likely to be back at once.
    pub(crate) fn available(&self, place: &Place, now: Instant) -> bool {
        let room = self.lock().doors.behind(place, now).cloned();
        let there = || self.cluster.as_ref().is_some_and(|c| c.available(&Name::Door(place.clone())));
        room.is_some_and(|room| room.is_here(self.timing.blink, now)) || there()
    }

    /// Who waits for doors.
    pub(crate) fn watched(&self) -> &Watched {
        &self.watched
    }

    /// When a host of `room` that comes now has come: later than at any other relay, whatever its clock says.
    pub(crate) fn stamp_of(&self, room: &Room) -> u64 {
        let name = Name::Room(room.id().bytes());
        let before = self.cluster.as_ref().map_or(0, |cluster| cluster.newest(&name));
        stamp().max(before.saturating_add(1))
    }

    /// The host of `room` came, or has been away for longer than a blink.
    pub(crate) fn host_moved(&self, room: &Room) {
        let inner = self.lock();
        let (is_here, places) = (inner.rooms.contains_key(&room.id()), inner.doors.places_of(room.id()));
        drop(inner);
        if let Some(cluster) = self.cluster.as_ref().filter(|_| is_here) {
            cluster.room_moved(room.id().bytes(), None);
        }
        self.tell(&Name::Room(room.id().bytes()));
        self.changed(&places);
    }

    /// Tells lookouts and the other relays.
    fn changed(&self, places: &[Place]) {
        for place in places {
            self.watched.changed(place);
            self.tell(&Name::Door(place.clone()));
        }
    }

    /// Opens a door of `room`.
    pub(crate) fn open(&self, room: &Arc<Room>, new: NewDoor, now: Instant) -> Result<OpenDoor, Refusal> {
        let mut inner = self.lock();
        if !inner.rooms.contains_key(&room.id()) {
            return Err(refusal(RefusalKind::Unavailable, "the session has ended"));
        }
        let NewlyOpen { place, door, taken_from } =
            inner.doors.open(room, new, &Elsewhere(self.cluster.as_deref()), now)?;
        drop(inner);
        self.changed(&[place]);
        if let (Some(before), OpenDoor::Presence { visitor }) = (taken_from, &door) {
            let door = Door::Presence { visitor: visitor.clone() };
            before.tell_host(RelayToHost::Closed { door, reason: DoorEnd::TakenOver });
        }
        Ok(door)
    }

    /// Closes a door of `room`. False if it has no such door.
    pub(crate) fn close(&self, room: &Room, door: &Door, now: Instant) -> bool {
        let closed = self.lock().doors.spend(room, door, now);
        closed.is_some_and(|(place, left)| {
            self.tell_spent(&place, left);
            self.changed(&[place]);
            true
        })
    }

    /// Whether a door was a link that is used up, or that its host has closed.
    pub(crate) fn is_spent(&self, tenant: &Arc<str>, door: &Door, now: Instant) -> bool {
        let inner = self.lock();
        inner.doors.place(tenant, door).is_some_and(|place| inner.doors.is_spent(&place, now))
    }

    /// A link was used up, or closed, at another relay.
    pub(crate) fn spent_elsewhere(&self, link: [u8; 16], left: Duration, now: Instant) {
        let (mut inner, place) = (self.lock(), Place::Link(link));
        // What this relay has is its own host's to close.
        if inner.doors.behind(&place, now).is_none() {
            inner.doors.was_spent(&place, left, now);
        }
    }

    fn tell_spent(&self, place: &Place, left: Duration) {
        if let (Some(cluster), Place::Link(link)) = (&self.cluster, place) {
            cluster.spent(*link, left);
        }
    }

    /// Ends a room and forgets it.
    pub(crate) fn end(&self, room: &Room, reason: Ended, now: Instant) {
        let mut inner = self.lock();
        let was_here = inner.rooms.contains_key(&room.id());
        // Links that nobody has closed are not spent: their host may come with a new room and open them there.
        let closed = inner.remove(room, now);
        if was_here {
            inner.forget_for_good(room.id());
        }
        drop(inner);
        if let Some(cluster) = self.cluster.as_ref().filter(|_| was_here) {
            cluster.ended(room.id().bytes());
        }
        self.changed(&closed);
        self.tell(&Name::Room(room.id().bytes()));
        room.end(reason);
    }

    /// Closes what is over by time, and tells hosts.
    pub(crate) fn sweep(&self, now: Instant) {
        let (expired, rooms) = {
            let mut inner = self.lock();
            (inner.doors.sweep(now), inner.rooms.values().cloned().collect::<Vec<_>>())
        };
        for (room, place, door) in expired {
            self.changed(&[place]);
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
