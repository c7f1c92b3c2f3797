//! All sessions of a relay.

use crate::config::RelayLimits;
use crate::room::{Room, Secret};
use crate::tries::Tries;
use panecast_protocol::{EndReason, Refusal, RefusalKind, Resume, SessionKey};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// All sessions, by key. The map hashes with random keys, so the time of a look-up tells nothing about how
/// much of a guess was right.
#[derive(Debug)]
pub(crate) struct Rooms {
    limits: RelayLimits,
    tries: Tries,
    /// Until when rooms of an earlier relay are opened again.
    reopen_until: Instant,
    open: Mutex<HashMap<SessionKey, Arc<Room>>>,
}

impl Rooms {
    /// No sessions yet. `grace` is how long a visitor may stay away.
    pub(crate) fn new(limits: RelayLimits, tries: Tries, grace: Duration) -> Self {
        Self { limits, tries, reopen_until: Instant::now() + grace, open: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SessionKey, Arc<Room>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new room with a random secret and the key that follows from it.
    pub(crate) fn create(&self) -> Result<Arc<Room>, Refusal> {
        loop {
            let secret = Secret::from_random(random()?);
            let key = secret.key();
            let mut open = self.lock();
            if open.len() >= self.limits.rooms {
                return Err(no_room_left());
            }
            if let Entry::Vacant(vacant) = open.entry(key) {
                return Ok(vacant.insert(Arc::new(Room::new(key, secret, self.limits))).clone());
            }
        }
    }

    /// The room that a visitor comes back to.
    ///
    /// A relay that has just started knows none of the rooms of the one before it. For as long as a visitor may
    /// stay away it opens them again for visitors whose secret leads to the key, so that agents come back with the
    /// key they have.
    pub(crate) fn resume(&self, resume: &Resume, peer: IpAddr) -> Result<Arc<Room>, Refusal> {
        if let Some((key, secret)) = self.of_an_earlier_relay(resume, peer) {
            let mut open = self.lock();
            let full = open.len() >= self.limits.rooms;
            if let Entry::Vacant(vacant) = open.entry(key) {
                if full {
                    return Err(no_room_left());
                }
                tracing::info!(%peer, "a room of an earlier relay is open again");
                return Ok(vacant.insert(Arc::new(Room::new(key, secret, self.limits))).clone());
            }
        }
        self.try_key(peer, &resume.key, |room| room.secret().matches(&resume.secret))
    }

    /// Key and secret of a room that this relay does not know, if they belong together and it is early enough.
    fn of_an_earlier_relay(&self, resume: &Resume, peer: IpAddr) -> Option<(SessionKey, Secret)> {
        let now = Instant::now();
        if now >= self.reopen_until || !self.tries.allows(peer, now) {
            return None;
        }
        let key: SessionKey = resume.key.parse().ok()?;
        let secret = Secret::from_text(&resume.secret)?;
        if self.lock().contains_key(&key) {
            return None;
        }
        (secret.key() == key).then_some((key, secret))
    }

    /// The room that an agent asks for.
    pub(crate) fn find(&self, key: &str, peer: IpAddr) -> Result<Arc<Room>, Refusal> {
        self.try_key(peer, key, |_| true)
    }

    fn try_key(&self, peer: IpAddr, key: &str, fits: impl Fn(&Room) -> bool) -> Result<Arc<Room>, Refusal> {
        let now = Instant::now();
        if !self.tries.allows(peer, now) {
            return Err(refusal(RefusalKind::TooManyTries, "too many wrong keys; wait a minute"));
        }
        let room = key.parse::<SessionKey>().ok().and_then(|k| self.lock().get(&k).cloned());
        room.filter(|r| fits(r)).ok_or_else(|| {
            self.tries.wrong(peer, now);
            refusal(RefusalKind::WrongKey, "no session has this key; ask the visitor for the current one")
        })
    }

    /// Ends a room and forgets it.
    pub(crate) fn end(&self, room: &Room, reason: EndReason) {
        self.lock().remove(&room.key());
        room.end(reason);
    }

    /// Ends all rooms.
    pub(crate) fn end_all(&self, reason: EndReason) {
        let all = std::mem::take(&mut *self.lock());
        for room in all.values() {
            room.end(reason);
        }
    }

    /// How many rooms are open.
    pub(crate) fn count(&self) -> usize {
        self.lock().len()
    }
}

/// Bits from the operating system.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], Refusal> {
    let mut bits = [0; N];
    getrandom::fill(&mut bits).map_err(|e| {
        tracing::error!("no randomness from the operating system: {e}");
        refusal(RefusalKind::Full, "the relay cannot make a key now; try again later")
    })?;
    Ok(bits)
}

pub(crate) fn no_room_left() -> Refusal {
    refusal(RefusalKind::Full, "the relay has no room left; try again later")
}

/// A refusal with its sentence.
pub(crate) fn refusal(kind: RefusalKind, message: &str) -> Refusal {
    Refusal { kind, message: message.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn rooms() -> Rooms {
        rooms_with(Duration::ZERO)
    }

    fn rooms_with(grace: Duration) -> Rooms {
        let limits = RelayLimits { rooms: 2, ..RelayLimits::default() };
        Rooms::new(limits, Tries::new(3, Duration::from_secs(60)), grace)
    }

    #[test]
    fn a_relay_that_has_just_started_opens_the_rooms_of_the_one_before_again() {
        let (before, peer) = (rooms(), "192.0.2.1".parse().unwrap());
        let room = before.create().unwrap();
        let resume = Resume { key: room.key().to_string(), secret: room.secret().to_string() };

        let after = rooms_with(Duration::from_secs(60));
        let again = after.resume(&resume, peer).unwrap();
        assert_eq!((again.key(), again.secret().to_string()), (room.key(), resume.secret.clone()));
        assert!(after.find(&resume.key, peer).is_ok());
        assert!(Arc::ptr_eq(&after.resume(&resume, peer).unwrap(), &again), "one room, however often");
        let thief = Resume { secret: "0".repeat(32), ..resume.clone() };
        assert_eq!(after.resume(&thief, peer).unwrap_err().kind, RefusalKind::WrongKey);
        for bad in ["", "0", &"x".repeat(32), &"0".repeat(33)] {
            let bad = Resume { key: "0000-0000".into(), secret: bad.to_owned() };
            assert!(rooms_with(Duration::from_secs(60)).resume(&bad, peer).is_err());
        }
        // Who knows the key alone cannot open the room in the visitor's place, nor choose a key.
        let early = rooms_with(Duration::from_secs(60));
        assert_eq!(early.resume(&thief, peer).unwrap_err().kind, RefusalKind::WrongKey);
        let chosen = Resume { key: "0000-0000".into(), ..resume.clone() };
        assert_eq!(early.resume(&chosen, peer).unwrap_err().kind, RefusalKind::WrongKey);
        early.create().unwrap();
        early.create().unwrap();
        assert_eq!(early.resume(&resume, peer).unwrap_err().kind, RefusalKind::Full);
        // Later on, a room that is not known has ended.
        assert_eq!(rooms().resume(&resume, peer).unwrap_err().kind, RefusalKind::WrongKey);
    }

    #[test]
    fn a_room_is_found_by_its_key_alone_and_resumed_by_its_secret() {
        let rooms = rooms();
        let (room, peer) = (rooms.create().unwrap(), "192.0.2.1".parse().unwrap());
        let key = room.key().to_string();
        assert!(rooms.find(&key.to_lowercase(), peer).is_ok());
        let resume = |secret: String| Resume { key: key.clone(), secret };
        assert!(rooms.resume(&resume(room.secret().to_string()), peer).is_ok());
        let refused = rooms.resume(&resume("0".repeat(32)), peer).unwrap_err();
        assert_eq!(refused.kind, RefusalKind::WrongKey);
        rooms.end(&room, EndReason::VisitorStopped);
        assert_eq!(rooms.find(&key, peer).unwrap_err().kind, RefusalKind::WrongKey);
    }

    #[test]
    fn guessing_is_stopped_even_for_the_right_key() {
        let rooms = rooms();
        let (room, peer) = (rooms.create().unwrap(), "192.0.2.1".parse().unwrap());
        for _ in 0..3 {
            assert_eq!(rooms.find("not a key", peer).unwrap_err().kind, RefusalKind::WrongKey);
        }
        let refused = rooms.find(&room.key().to_string(), peer).unwrap_err();
        assert_eq!(refused.kind, RefusalKind::TooManyTries);
        assert!(rooms.find(&room.key().to_string(), "192.0.2.2".parse().unwrap()).is_ok());
    }

    #[test]
    fn the_relay_fills_up() {
        let rooms = rooms();
        assert_ne!(rooms.create().unwrap().key(), rooms.create().unwrap().key());
        assert_eq!(rooms.create().unwrap_err().kind, RefusalKind::Full);
        rooms.end_all(EndReason::RelayStopped);
        assert_eq!(rooms.count(), 0);
        assert!(rooms.create().is_ok());
    }
}
