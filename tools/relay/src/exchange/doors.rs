//! The ways into rooms: key numbers, links, presence. Time is an argument.

use super::room::{Room, stamp};
use super::secret::{RoomId, from_hex};
use super::spent::Spent;
use crate::refusal::{random, refusal};
use hmac::{Hmac, KeyInit, Mac};
use panecast_protocol::{
    Door, LINK_ID_DIGITS, MOST_VISITOR_BYTES, NUMBER_DIGITS, NewDoor, OpenDoor, Refusal, RefusalKind,
};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How long a key can be typed.
pub(crate) const KEY_LIVES: Duration = Duration::from_secs(600);

/// How long a key's number rests after use, so that a slip does not meet the next one's session.
const NUMBER_RESTS: Duration = Duration::from_secs(600);

/// Longest life of a link.
const LINK_LIVES: Duration = Duration::from_secs(24 * 3600);

/// All key numbers.
const NUMBERS: u16 = 10_000;

/// Most keys open at a time in one tenant: guessing must not get easier by many of them.
const MOST_KEYS: usize = 2_000;

/// What a door is found by. Presence is kept as a MAC under a key of this process, or of the cluster: who reads the
/// memory or a dump of it finds no visitor's id.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum Place {
    Number(Arc<str>, u16),
    Link([u8; 16]),
    Presence([u8; 32]),
}

struct Opened {
    room: Arc<Room>,
    until: Option<Instant>,
    /// When it was opened, in milliseconds since 1970.
    stamp: u64,
}

/// What other relays have to say about a door that is to be opened.
pub(crate) trait Others {
    /// Whether this relay may give out this number.
    fn may_give(&self, place: &Place) -> bool;
    /// Whether another host has this door.
    fn have(&self, place: &Place, room: RoomId) -> bool;
    /// The newest stamp of this door at another relay.
    fn newest(&self, place: &Place) -> u64;
}

/// All doors of a relay.
pub(crate) struct Doors {
    most_of_a_room: usize,
    presence_key: [u8; 32],
    open: HashMap<Place, Opened>,
    of_room: HashMap<RoomId, Vec<(Place, Door)>>,
    /// Numbers that rest, oldest first.
    resting: VecDeque<(Instant, Arc<str>, u16)>,
    /// Numbers that are open or rest.
    taken: HashSet<(Arc<str>, u16)>,
    keys_of: HashMap<Arc<str>, usize>,
    spent: Spent,
}

/// A door that was opened, and whose it was before.
pub(crate) struct NewlyOpen {
    pub(crate) place: Place,
    pub(crate) door: OpenDoor,
    pub(crate) taken_from: Option<Arc<Room>>,
}

impl Doors {
    pub(crate) fn new(most_of_a_room: usize, presence_key: [u8; 32]) -> Self {
        Self {
            most_of_a_room,
            presence_key,
            open: HashMap::new(),
            of_room: HashMap::new(),
            resting: VecDeque::new(),
            taken: HashSet::new(),
            keys_of: HashMap::new(),
            spent: Spent::default(),
        }
    }

    fn presence(&self, tenant: &str, visitor: &str) -> Place {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.presence_key).expect("HMAC takes keys of any length");
        mac.update(&(tenant.len() as u64).to_le_bytes());
        mac.update(tenant.as_bytes());
        mac.update(visitor.as_bytes());
        Place::Presence(mac.finalize().into_bytes().into())
    }

    /// Where `door` would be found; `None` if there can be no such door.
    pub(crate) fn place(&self, tenant: &Arc<str>, door: &Door) -> Option<Place> {
        match door {
            Door::Key { number } => {
                let sound = number.len() == NUMBER_DIGITS && number.bytes().all(|b| b.is_ascii_digit());
                sound.then(|| number.parse().ok().map(|n| Place::Number(tenant.clone(), n)))?
            }
            Door::Link { id } => from_hex(id).map(Place::Link),
            Door::Presence { visitor } => {
                let sound = (1..=MOST_VISITOR_BYTES).contains(&visitor.len());
                sound.then(|| self.presence(tenant, visitor))
            }
        }
    }

    /// Opens a door of `room`.
    pub(crate) fn open(
        &mut self,
        room: &Arc<Room>,
        new: NewDoor,
        others: &impl Others,
        now: Instant,
    ) -> Result<NewlyOpen, Refusal> {
        let mine = self.of_room.get(&room.id()).map_or(0, Vec::len);
        let bad = |message| Err(refusal(RefusalKind::BadMessage, message));
        let (door, until, opened) = match new {
            NewDoor::Key {} => {
                let number = self.free_number(room.tenant(), others, now)?;
                let number = format!("{number:0NUMBER_DIGITS$}");
                let expires_in_s = KEY_LIVES.as_secs() as u32;
                let opened = OpenDoor::Key { number: number.clone(), expires_in_s };
                (Door::Key { number }, Some(now + KEY_LIVES), opened)
            }
            NewDoor::Link { id, lifetime_s } => {
                if id.len() != LINK_ID_DIGITS || from_hex::<16>(&id).is_none() {
                    return bad("a link's id is 128 bits in lower-case hex");
                }
                let life = Duration::from_secs(lifetime_s.into());
                if life.is_zero() || life > LINK_LIVES {
                    return bad("a link lives for a second to a day");
                }
                let opened = OpenDoor::Link { id: id.clone(), expires_in_s: lifetime_s };
                (Door::Link { id }, Some(now + life), opened)
            }
            NewDoor::Presence { visitor } => {
                if !(1..=MOST_VISITOR_BYTES).contains(&visitor.len()) {
                    return bad("a visitor's id has 1 to 128 bytes");
                }
                let opened = OpenDoor::Presence { visitor: visitor.clone() };
                (Door::Presence { visitor }, None, opened)
            }
        };
        let Some(place) = self.place(room.tenant(), &door) else { return bad("there is no such door") };
        if self.is_spent(&place, now) {
            return Err(spent());
        }
        let before = self.open.get(&place).map(|o| o.room.clone());
        let own = before.as_ref().is_some_and(|b| b.id() == room.id());
        let elsewhere = || others.have(&place, room.id());
        if matches!(place, Place::Link(_)) && !own && (before.is_some() || elsewhere()) {
            return Err(refusal(RefusalKind::Unavailable, "another host has this link"));
        }
        if mine >= self.most_of_a_room && !own {
            return Err(refusal(RefusalKind::Full, "this host has as many doors as the relay allows"));
        }
        if let Some(before) = &before {
            self.forget(before.id(), &place, now);
        }
        if let Place::Number(tenant, number) = &place {
            self.taken.insert((tenant.clone(), *number));
            *self.keys_of.entry(tenant.clone()).or_default() += 1;
        }
        // Later than at any other relay, whatever its clock says.
        let stamp = stamp().max(others.newest(&place).saturating_add(1));
        self.open.insert(place.clone(), Opened { room: room.clone(), until, stamp });
        self.of_room.entry(room.id()).or_default().push((place.clone(), door));
        Ok(NewlyOpen { place, door: opened, taken_from: before.filter(|_| !own) })
    }

    /// A number that is neither open nor resting.
    fn free_number(&mut self, tenant: &Arc<str>, others: &impl Others, now: Instant) -> Result<u16, Refusal> {
        while self.resting.front().is_some_and(|(until, ..)| *until <= now) {
            if let Some((_, tenant, number)) = self.resting.pop_front() {
                self.taken.remove(&(tenant, number));
            }
        }
        let full = || refusal(RefusalKind::Full, "all keys of this tenant are in use; try again later");
        if self.keys_of.get(tenant).is_some_and(|n| *n >= MOST_KEYS) {
            return Err(full());
        }
        // At most a fifth is open and few rest: the first try nearly always does, or one of a few where other relays
        // have their part of the numbers.
        for _ in 0..1024 {
            let number = (u32::from_le_bytes(random()?) % u32::from(NUMBERS)) as u16;
            if !self.taken.contains(&(tenant.clone(), number))
                && others.may_give(&Place::Number(tenant.clone(), number))
            {
                return Ok(number);
            }
        }
        Err(full())
    }

    /// The room behind a place, at `now`.
    pub(crate) fn behind(&self, place: &Place, now: Instant) -> Option<&Arc<Room>> {
        let opened = self.open.get(place)?;
        opened.until.is_none_or(|until| now < until).then_some(&opened.room)
    }

    /// The room behind a place, and the door as its host named it.
    pub(crate) fn named(&self, place: &Place, now: Instant) -> Option<(Arc<Room>, Door)> {
        let room = self.behind(place, now)?;
        let (_, door) = self.of_room.get(&room.id())?.iter().find(|(p, _)| p == place)?;
        Some((room.clone(), door.clone()))
    }

    /// The room behind a place, and when the door was opened.
    pub(crate) fn since(&self, place: &Place, now: Instant) -> Option<(&Arc<Room>, u64)> {
        let opened = self.open.get(place)?;
        self.behind(place, now).map(|room| (room, opened.stamp))
    }

    /// All places where a door is open.
    pub(crate) fn places(&self) -> Vec<Place> {
        self.open.keys().cloned().collect()
    }

    /// Where the doors of a room are found.
    pub(crate) fn places_of(&self, room: RoomId) -> Vec<Place> {
        self.of_room.get(&room).into_iter().flatten().map(|(place, _)| place.clone()).collect()
    }

    /// Closes a door of `room`, and says where it was. `None` if it has no such door.
    pub(crate) fn close(&mut self, room: &Room, door: &Door, now: Instant) -> Option<Place> {
        let place = self.place(room.tenant(), door)?;
        let own = self.open.get(&place).is_some_and(|o| o.room.id() == room.id());
        own.then(|| {
            self.forget(room.id(), &place, now);
            place
        })
    }

    /// As [`Self::close`], for good where it is a link: it says how long it could have been open.
    pub(crate) fn spend(&mut self, room: &Room, door: &Door, now: Instant) -> Option<(Place, Duration)> {
        let until = self.place(room.tenant(), door).and_then(|place| self.open.get(&place)?.until);
        let place = self.close(room, door, now)?;
        let left = until.map_or(Duration::ZERO, |until| until.saturating_duration_since(now));
        self.was_spent(&place, left, now);
        Some((place, left))
    }

    /// A link is of no use any more, for as long as it could have been open.
    pub(crate) fn was_spent(&mut self, place: &Place, left: Duration, now: Instant) {
        if let Place::Link(id) = place {
            self.spent.add(*id, now + left.min(LINK_LIVES), now);
        }
    }

    /// Whether this was a link that is used up, or that its host has closed.
    pub(crate) fn is_spent(&self, place: &Place, now: Instant) -> bool {
        matches!(place, Place::Link(id) if self.spent.has(id, now))
    }

    /// Closes all doors of a room, and says where they were.
    pub(crate) fn close_all(&mut self, room: RoomId, now: Instant) -> Vec<Place> {
        let places: Vec<_> = self.of_room.remove(&room).into_iter().flatten().map(|(p, _)| p).collect();
        for place in &places {
            self.retire(place, now);
        }
        places
    }

    fn forget(&mut self, room: RoomId, place: &Place, now: Instant) {
        if let Some(doors) = self.of_room.get_mut(&room) {
            doors.retain(|(p, _)| p != place);
            if doors.is_empty() {
                self.of_room.remove(&room);
            }
        }
        self.retire(place, now);
    }

    fn retire(&mut self, place: &Place, now: Instant) {
        self.open.remove(place);
        if let Place::Number(tenant, number) = place {
            self.resting.push_back((now + NUMBER_RESTS, tenant.clone(), *number));
            if let Some(n) = self.keys_of.get_mut(tenant) {
                *n -= 1;
                if *n == 0 {
                    self.keys_of.remove(tenant);
                }
            }
            // A host that opens and closes keys over and over must not use all numbers up.
            if self.resting.len() > MOST_KEYS
                && let Some((_, tenant, number)) = self.resting.pop_front()
            {
                self.taken.remove(&(tenant, number));
            }
        }
    }

    /// Closes the doors whose time is over, and tells which.
    pub(crate) fn sweep(&mut self, now: Instant) -> Vec<(Arc<Room>, Place, Door)> {
        let over = |o: &Opened| o.until.is_some_and(|until| until <= now);
        let places: Vec<Place> = self.open.iter().filter(|(_, o)| over(o)).map(|(p, _)| p.clone()).collect();
        let mut closed = Vec::with_capacity(places.len());
        for place in places {
            let Some(room) = self.open.get(&place).map(|o| o.room.clone()) else { continue };
            let doors = self.of_room.get(&room.id()).into_iter().flatten();
            if let Some((_, door)) = doors.into_iter().find(|(p, _)| *p == place) {
                closed.push((room.clone(), place.clone(), door.clone()));
            }
            self.forget(room.id(), &place, now);
        }
        closed
    }
}

/// What those hear who come by a link again, or open it again.
pub(crate) fn spent() -> Refusal {
    refusal(RefusalKind::Spent, "this link was used already, or closed")
}

impl std::fmt::Debug for Doors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Doors").field("open", &self.open.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::RelayLimits;
    use crate::exchange::secret::RoomSecret;

    /// No other relays.
    struct Nobody;

    impl Others for Nobody {
        fn may_give(&self, _: &Place) -> bool {
            true
        }
        fn have(&self, _: &Place, _: RoomId) -> bool {
            false
        }
        fn newest(&self, _: &Place) -> u64 {
            0
        }
    }

    fn find(doors: &Doors, tenant: &str, door: &Door, at: Instant) -> Option<RoomId> {
        doors.behind(&doors.place(&tenant.into(), door)?, at).map(|room| room.id())
    }

    fn room(n: u8, tenant: &str) -> Arc<Room> {
        Arc::new(Room::new(RoomSecret::from_random([n; 16]), tenant.into(), RelayLimits::default()))
    }

    fn key(doors: &mut Doors, room: &Arc<Room>, now: Instant) -> Door {
        match doors.open(room, NewDoor::Key {}, &Nobody, now).unwrap().door {
            OpenDoor::Key { number, expires_in_s: 600 } => Door::Key { number },
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_key_is_found_in_its_tenant_until_its_time_is_over() {
        let (mut doors, now, a) = (Doors::new(8, [1; 32]), Instant::now(), room(1, "a"));
        let door = key(&mut doors, &a, now);
        let find = |doors: &Doors, tenant, at| find(doors, tenant, &door, at);
        let last = now + KEY_LIVES - Duration::from_millis(1);
        assert_eq!(find(&doors, "a", now), Some(a.id()));
        assert_eq!(find(&doors, "a", last), Some(a.id()));
        assert_eq!(find(&doors, "a", now + KEY_LIVES), None, "before it is swept, too");
        assert_eq!(find(&doors, "b", now), None);
        assert!(doors.sweep(last).is_empty());
        let swept = doors.sweep(now + KEY_LIVES);
        assert!(matches!(&swept[..], [(r, _, d)] if r.id() == a.id() && *d == door));
        assert!(doors.close(&a, &door, now + KEY_LIVES).is_none());
        for bad in ["", "1", "12345", "12a4", "１２３４", "-123"] {
            assert!(doors.place(&"a".into(), &Door::Key { number: bad.into() }).is_none(), "{bad}");
        }
    }

    #[test]
    fn numbers_are_not_soon_used_again_and_run_out_before_guessing_gets_easy() {
        let (mut doors, now, a) = (Doors::new(MOST_KEYS + 1, [1; 32]), Instant::now(), room(1, "a"));
        let mut seen = HashSet::new();
        for _ in 0..1000 {
            let door = key(&mut doors, &a, now);
            assert!(doors.close(&a, &door, now).is_some());
            assert!(seen.insert(door), "a number came again at once");
        }
        for _ in 0..MOST_KEYS {
            assert!(seen.insert(key(&mut doors, &a, now)), "a number is open twice");
        }
        assert_eq!(doors.open(&a, NewDoor::Key {}, &Nobody, now).err().unwrap().kind, RefusalKind::Full);
        assert!(
            doors.open(&room(2, "b"), NewDoor::Key {}, &Nobody, now).is_ok(),
            "another tenant has its own numbers"
        );
        doors.close_all(a.id(), now);
        let later = now + NUMBER_RESTS;
        for _ in 0..MOST_KEYS {
            key(&mut doors, &a, later);
        }
    }

    #[test]
    fn presence_is_taken_over_and_a_link_is_not() {
        let (mut doors, now) = (Doors::new(8, [1; 32]), Instant::now());
        let (a, b) = (room(1, "a"), room(2, "a"));
        let here = || NewDoor::Presence { visitor: "visitor 7".into() };
        let door = Door::Presence { visitor: "visitor 7".into() };
        assert!(doors.open(&a, here(), &Nobody, now).unwrap().taken_from.is_none());
        assert!(doors.open(&a, here(), &Nobody, now).unwrap().taken_from.is_none(), "its own, once more");
        let taken = doors.open(&b, here(), &Nobody, now).unwrap().taken_from;
        assert_eq!(taken.map(|r| r.id()), Some(a.id()));
        assert_eq!(find(&doors, "a", &door, now), Some(b.id()));
        assert!(find(&doors, "b", &door, now).is_none());
        assert!(doors.close(&a, &door, now).is_none(), "it is not its own any more");
        let link = |lifetime_s| NewDoor::Link { id: "0f".repeat(16), lifetime_s };
        doors.open(&a, link(60), &Nobody, now).unwrap();
        assert_eq!(doors.open(&b, link(60), &Nobody, now).err().unwrap().kind, RefusalKind::Unavailable);
        for bad in [
            link(0),
            link(24 * 3600 + 1),
            NewDoor::Link { id: "0F".repeat(16), lifetime_s: 60 },
            NewDoor::Presence { visitor: String::new() },
            NewDoor::Presence { visitor: "x".repeat(MOST_VISITOR_BYTES + 1) },
        ] {
            assert_eq!(doors.open(&a, bad, &Nobody, now).err().unwrap().kind, RefusalKind::BadMessage);
        }
    }

    #[test]
    fn doors_of_a_room_are_counted_and_go_with_it() {
        let (mut doors, now, a) = (Doors::new(2, [1; 32]), Instant::now(), room(1, "a"));
        let first = key(&mut doors, &a, now);
        let presence = || NewDoor::Presence { visitor: "v".into() };
        doors.open(&a, presence(), &Nobody, now).unwrap();
        assert_eq!(doors.open(&a, NewDoor::Key {}, &Nobody, now).err().unwrap().kind, RefusalKind::Full);
        assert!(doors.open(&a, presence(), &Nobody, now).is_ok(), "once more, not one more");
        doors.close_all(a.id(), now);
        assert!(find(&doors, "a", &first, now).is_none());
        assert!(doors.open.is_empty() && doors.of_room.is_empty() && doors.keys_of.is_empty());
    }
}
