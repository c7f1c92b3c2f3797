//! What the other relays have, as they told it. Time is an argument.
//!
//! Every relay tells all others what it has, and every change with its number; a gap, or a beacon that counts more
//! changes than came, is answered by asking for all of it. A relay's claims hold for as long as its beacons come.

use super::message::{Claim, Name, RelayId};
use sha2::{Digest, Sha256};
use std::collections::{HashMap, HashSet};
use std::time::Duration;
use tokio::time::Instant;

/// How often a relay shows that it lives.
pub(crate) const BEACON: Duration = Duration::from_secs(1);

/// How long a relay's claims hold after its last sign of life.
pub(crate) const LEASE: Duration = Duration::from_secs(5);

/// How often one relay is asked for its claims at most.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// Most other relays.
const MOST_RELAYS: usize = 64;

/// Most claims of one relay: some 40 MiB of memory.
const MOST_CLAIMS: usize = 200_000;

/// What follows from something that was told.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// There is somebody new: tell it that this relay lives, and ask for its claims.
    Greet(RelayId),
    /// Ask for its claims.
    Ask(RelayId),
    /// Links with this relay are over.
    Lost(RelayId),
    /// Who has this, or whether its host is there, may be different now.
    Changed(Name),
}

/// A claim of another relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) relay: RelayId,
    pub(crate) room: [u8; 16],
    pub(crate) stamp: u64,
    pub(crate) here: bool,
}

struct Peer {
    epoch: u64,
    changes: u64,
    heard: Instant,
    /// It is stopping, or does not answer: nobody is sent there.
    going: bool,
    /// All its claims of some moment have come.
    synced: bool,
    asked: Option<Instant>,
    names: HashSet<Name>,
    parts: Vec<Claim>,
    next_part: u32,
}

/// All other relays.
pub(crate) struct Replica {
    me: RelayId,
    peers: HashMap<RelayId, Peer>,
    by_name: HashMap<Name, Vec<Held>>,
}

/// A part of what a relay has.
pub(crate) struct Part {
    pub(crate) epoch: u64,
    pub(crate) changes: u64,
    pub(crate) part: u32,
    pub(crate) last: bool,
    pub(crate) claims: Vec<Claim>,
}

impl Replica {
    pub(crate) fn new(me: RelayId) -> Self {
        Self { me, peers: HashMap::new(), by_name: HashMap::new() }
    }

    /// A sign of life: the peer, new if need be. `None` for too many relays, and for this one.
    fn hear(
        &mut self,
        from: RelayId,
        epoch: u64,
        now: Instant,
        effects: &mut Vec<Effect>,
    ) -> Option<&mut Peer> {
        if from == self.me || (self.peers.len() >= MOST_RELAYS && !self.peers.contains_key(&from)) {
            return None;
        }
        let known = self.peers.get(&from).map(|p| p.epoch);
        if known.is_some_and(|known| known > epoch) {
            return None;
        }
        if known != Some(epoch) {
            if known.is_some() {
                effects.push(Effect::Lost(from));
            }
            effects.push(Effect::Greet(from));
        }
        let peer = self.peers.entry(from).or_insert_with(|| Peer {
            epoch,
            changes: 0,
            heard: now,
            going: false,
            synced: false,
            asked: None,
            names: HashSet::new(),
            parts: Vec::new(),
            next_part: 0,
        });
        if peer.epoch != epoch {
            (peer.epoch, peer.synced, peer.going) = (epoch, false, false);
            peer.parts.clear();
            peer.next_part = 0;
        }
        peer.heard = now;
        Some(peer)
    }

    /// A beacon.
    pub(crate) fn beacon(
        &mut self,
        from: RelayId,
        epoch: u64,
        changes: u64,
        going: bool,
        now: Instant,
    ) -> Vec<Effect> {
        let mut effects = Vec::new();
        if let Some(peer) = self.hear(from, epoch, now, &mut effects) {
            peer.going |= going;
            if !peer.synced || peer.changes < changes {
                ask(peer, from, now, &mut effects);
            }
        }
        effects
    }

    /// A relay speaks to this one.
    pub(crate) fn speaks(&mut self, from: RelayId, epoch: u64, now: Instant) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.hear(from, epoch, now, &mut effects);
        effects
    }

    /// A change.
    pub(crate) fn change(
        &mut self,
        from: RelayId,
        epoch: u64,
        number: u64,
        name: Name,
        claim: Option<Claim>,
        now: Instant,
    ) -> Vec<Effect> {
        let mut effects = Vec::new();
        let Some(peer) = self.hear(from, epoch, now, &mut effects) else { return effects };
        if peer.synced && number <= peer.changes {
            return effects;
        }
        if !peer.synced || number != peer.changes + 1 {
            peer.synced = false;
            ask(peer, from, now, &mut effects);
        } else {
            peer.changes = number;
        }
        match claim {
            Some(claim) if claim.name == name => self.put(from, claim, &mut effects),
            Some(_) => {}
            None => self.take(from, &name, &mut effects),
        }
        effects
    }

    /// A part of all that a relay has.
    pub(crate) fn part(&mut self, from: RelayId, told: Part, now: Instant) -> Vec<Effect> {
        let mut effects = Vec::new();
        let Some(peer) = self.hear(from, told.epoch, now, &mut effects) else { return effects };
        if told.part == 0 {
            peer.parts.clear();
            peer.next_part = 0;
        }
        if told.part != peer.next_part || peer.parts.len() + told.claims.len() > MOST_CLAIMS {
            return effects;
        }
        peer.parts.extend(told.claims);
        peer.next_part += 1;
        if !told.last || (peer.synced && told.changes < peer.changes) {
            return effects;
        }
        (peer.synced, peer.changes, peer.asked, peer.next_part) = (true, told.changes, None, 0);
        let claims = std::mem::take(&mut peer.parts);
        let mut gone = std::mem::take(&mut peer.names);
        for claim in &claims {
            gone.remove(&claim.name);
        }
        for name in gone {
            self.drop_held(from, &name, &mut effects);
        }
        for claim in claims {
            self.put(from, claim, &mut effects);
        }
        effects
    }

    fn put(&mut self, from: RelayId, claim: Claim, effects: &mut Vec<Effect>) {
        let Some(peer) = self.peers.get_mut(&from) else { return };
        if peer.names.len() >= MOST_CLAIMS && !peer.names.contains(&claim.name) {
            return;
        }
        peer.names.insert(claim.name.clone());
        let Claim { name, room, stamp, here } = claim;
        let held = Held { relay: from, room, stamp, here };
        let all = self.by_name.entry(name.clone()).or_default();
        match all.iter_mut().find(|h| h.relay == from) {
            Some(old) if *old == held => return,
            Some(old) => *old = held,
            None => all.push(held),
        }
        effects.push(Effect::Changed(name));
    }

    fn take(&mut self, from: RelayId, name: &Name, effects: &mut Vec<Effect>) {
        if self.peers.get_mut(&from).is_some_and(|p| p.names.remove(name)) {
            self.drop_held(from, name, effects);
        }
    }

    fn drop_held(&mut self, from: RelayId, name: &Name, effects: &mut Vec<Effect>) {
        if let Some(all) = self.by_name.get_mut(name) {
            all.retain(|h| h.relay != from);
            if all.is_empty() {
                self.by_name.remove(name);
            }
            effects.push(Effect::Changed(name.clone()));
        }
    }

    /// Forgets relays that have not shown life for a lease.
    pub(crate) fn sweep(&mut self, now: Instant) -> Vec<Effect> {
        let mut effects = Vec::new();
        let late = |p: &Peer| now.duration_since(p.heard) >= LEASE;
        let gone: Vec<RelayId> = self.peers.iter().filter(|(_, p)| late(p)).map(|(id, _)| *id).collect();
        for id in gone {
            let Some(peer) = self.peers.remove(&id) else { continue };
            effects.push(Effect::Lost(id));
            for name in peer.names {
                self.drop_held(id, &name, &mut effects);
            }
        }
        effects
    }

    /// Nobody listens where this relay was: nobody is sent there until it shows life.
    pub(crate) fn does_not_answer(&mut self, relay: RelayId) {
        if let Some(peer) = self.peers.get_mut(&relay) {
            peer.going = true;
        }
    }

    /// The newest claim of a name, of relays to which somebody can be sent.
    pub(crate) fn find(&self, name: &Name) -> Option<Held> {
        let held = self.by_name.get(name)?.iter();
        held.filter(|h| self.peers.get(&h.relay).is_some_and(|p| !p.going)).max_by_key(|h| age(h)).copied()
    }

    /// The newest claim of a name.
    pub(crate) fn newest(&self, name: &Name) -> Option<Held> {
        self.by_name.get(name)?.iter().max_by_key(|h| age(h)).copied()
    }

    /// Which of all relays decides about `subject`, this one included: all that know of the same ones agree.
    pub(crate) fn decides(&self, subject: &[u8]) -> RelayId {
        let weight = |id: &RelayId| {
            let digest = Sha256::new().chain_update(id.0.to_le_bytes()).chain_update(subject).finalize();
            (digest, *id)
        };
        let live = self.peers.iter().filter(|(_, p)| !p.going).map(|(id, _)| *id);
        live.chain([self.me]).max_by_key(weight).unwrap_or(self.me)
    }

    /// How many relays there are, this one included.
    pub(crate) fn relays(&self) -> usize {
        1 + self.peers.len()
    }

    /// Whether all that are known of have told what they have.
    pub(crate) fn complete(&self) -> bool {
        self.peers.values().all(|p| p.synced)
    }
}

fn age(held: &Held) -> (u64, RelayId) {
    (held.stamp, held.relay)
}

fn ask(peer: &mut Peer, from: RelayId, now: Instant, effects: &mut Vec<Effect>) {
    if peer.asked.is_none_or(|at| now.duration_since(at) >= ASK_AGAIN) {
        peer.asked = Some(now);
        effects.push(Effect::Ask(from));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::doors::Place;

    const A: RelayId = RelayId(1);
    const B: RelayId = RelayId(2);
    const ME: RelayId = RelayId(9);

    fn name(n: u8) -> Name {
        Name::Door(Place::Link([n; 16]))
    }

    fn claim(n: u8, stamp: u64) -> Claim {
        Claim { name: name(n), room: [n; 16], stamp, here: true }
    }

    fn synced(replica: &mut Replica, from: RelayId, claims: Vec<Claim>, now: Instant) -> Vec<Effect> {
        let mut effects = replica.beacon(from, 1, 10, false, now);
        let told = Part { epoch: 1, changes: 10, part: 0, last: true, claims };
        effects.extend(replica.part(from, told, now));
        effects
    }

    #[test]
    fn claims_come_with_a_snapshot_change_in_order_and_go_with_the_lease() {
        let (mut replica, now) = (Replica::new(ME), Instant::now());
        let effects = synced(&mut replica, A, vec![claim(1, 5)], now);
        assert_eq!(effects, [Effect::Greet(A), Effect::Ask(A), Effect::Changed(name(1))]);
        assert!(replica.complete());
        assert_eq!(replica.change(A, 1, 11, name(2), Some(claim(2, 6)), now), [Effect::Changed(name(2))]);
        assert_eq!(replica.change(A, 1, 12, name(1), None, now), [Effect::Changed(name(1))]);
        assert!(replica.change(A, 1, 12, name(2), None, now).is_empty(), "an old one");
        assert_eq!((replica.find(&name(1)), replica.find(&name(2)).map(|h| h.relay)), (None, Some(A)));
        assert!(replica.beacon(A, 1, 12, false, now + LEASE / 2).is_empty());
        assert!(replica.sweep(now + LEASE).is_empty());
        let mut gone = replica.sweep(now + LEASE / 2 + LEASE);
        assert_eq!(gone.remove(0), Effect::Lost(A));
        assert_eq!(gone, [Effect::Changed(name(2))]);
        assert!(replica.find(&name(2)).is_none() && replica.by_name.is_empty() && replica.relays() == 1);
    }

    #[test]
    fn what_was_missed_is_asked_for_once_a_second() {
        let (mut replica, now) = (Replica::new(ME), Instant::now());
        synced(&mut replica, A, vec![claim(1, 5)], now);
        // Change 11 is missing; what came still counts.
        assert_eq!(
            replica.change(A, 1, 12, name(2), Some(claim(2, 6)), now),
            [Effect::Ask(A), Effect::Changed(name(2))]
        );
        assert!(!replica.complete());
        assert!(replica.beacon(A, 1, 12, false, now).is_empty());
        assert_eq!(replica.beacon(A, 1, 12, false, now + ASK_AGAIN), [Effect::Ask(A)]);
        let part = |part, last, claims| Part { epoch: 1, changes: 12, part, last, claims };
        assert!(replica.part(A, part(1, true, vec![]), now).is_empty(), "the first part is missing");
        assert!(replica.part(A, part(0, false, vec![claim(3, 1)]), now).is_empty());
        let effects = replica.part(A, part(1, true, vec![claim(2, 6)]), now);
        assert_eq!(effects, [Effect::Changed(name(1)), Effect::Changed(name(3))]);
        assert!(replica.beacon(A, 1, 12, false, now).is_empty());
        assert_eq!(replica.beacon(A, 1, 13, false, now), [Effect::Ask(A)], "a change was lost");
    }

    #[test]
    fn the_newest_has_it_and_who_is_going_gets_nobody() {
        let (mut replica, now) = (Replica::new(ME), Instant::now());
        synced(&mut replica, A, vec![claim(1, 5)], now);
        synced(&mut replica, B, vec![claim(1, 6)], now);
        assert_eq!(replica.find(&name(1)).map(|h| h.relay), Some(B));
        replica.does_not_answer(B);
        assert_eq!(replica.find(&name(1)).map(|h| h.relay), Some(A));
        assert_eq!(replica.newest(&name(1)).map(|h| h.relay), Some(B));
        replica.beacon(A, 1, 10, true, now);
        assert_eq!(replica.find(&name(1)), None);
        // With a new connection all bridges of before are gone.
        let effects = replica.beacon(B, 2, 10, false, now + ASK_AGAIN);
        assert_eq!(effects, [Effect::Lost(B), Effect::Greet(B), Effect::Ask(B)]);
        assert_eq!(replica.find(&name(1)).map(|h| h.relay), Some(B));
    }

    #[test]
    fn relays_agree_on_who_decides_and_share_it() {
        let now = Instant::now();
        let (mut mine, mut theirs) = (Replica::new(A), Replica::new(B));
        synced(&mut mine, B, vec![], now);
        synced(&mut theirs, A, vec![], now);
        let by_a = (0..1000u32).filter(|n| mine.decides(&n.to_le_bytes()) == A).count();
        assert!((400..600).contains(&by_a), "{by_a}");
        for n in 0..1000u32 {
            assert_eq!(mine.decides(&n.to_le_bytes()), theirs.decides(&n.to_le_bytes()));
        }
        mine.does_not_answer(B);
        assert!((0..1000u32).all(|n| mine.decides(&n.to_le_bytes()) == A));
    }

    #[test]
    fn too_many_relays_and_this_ones_own_voice_are_not_heard() {
        let (mut replica, now) = (Replica::new(ME), Instant::now());
        assert!(replica.beacon(ME, 1, 0, false, now).is_empty());
        for n in 100..100 + 2 * MOST_RELAYS as u64 {
            replica.beacon(RelayId(n), 1, 0, false, now);
        }
        assert_eq!(replica.relays(), 1 + MOST_RELAYS);
    }
}
