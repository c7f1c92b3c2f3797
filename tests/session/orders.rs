//! Random orders of everything that can happen, against the rules of consent: nothing is shown before Allow, nothing after
//! the end, to nobody who was not allowed; what is shown is what was sent, in order.
//!
//! `PANECAST_ORDERS=1000000 cargo test --release --test session orders` plays a million of them.

use super::rig::{Rig, SOURCE};
use panecast::session::{BACK_WITHIN, Decision, EndReason, StreamState, ViewerEvent, ViewerId};
use std::collections::{BTreeMap, BTreeSet};

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ z >> 31
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

/// What the person and the world know, told nothing by the two ends.
#[derive(Default)]
struct Truth {
    /// Who may see, and from which packet on.
    allowed: BTreeMap<ViewerId, u64>,
    /// Who may see no more, and from which packet on.
    revoked: BTreeMap<ViewerId, u64>,
    /// Packets so far: what each holds is its number.
    packets: u64,
    shown: BTreeMap<ViewerId, usize>,
    ended: bool,
}

impl Truth {
    fn revoke(&mut self, viewer: ViewerId) {
        self.revoked.entry(viewer).or_insert(self.packets);
    }

    /// All that a watching end got is what it may see.
    fn check(&mut self, rig: &Rig, seed: u64) {
        for (viewer, seat) in &rig.seats {
            let shown = self.shown.entry(*viewer).or_default();
            for (i, (starts_over, bytes)) in seat.packets.iter().enumerate().skip(*shown) {
                let number = u64::from_le_bytes(bytes[..8].try_into().unwrap());
                let from = self.allowed.get(viewer);
                assert!(from.is_some_and(|from| number >= *from), "order {seed}: shown before Allow");
                let until = self.revoked.get(viewer).copied().unwrap_or(u64::MAX);
                assert!(number < until, "order {seed}: packet {number} shown after the end at {until}");
                if !starts_over {
                    let before = u64::from_le_bytes(seat.packets[i - 1].1[..8].try_into().unwrap());
                    assert!(number > before, "order {seed}: {number} after {before}");
                }
            }
            *shown = seat.packets.len();
            assert!(seat.packets.first().is_none_or(|(starts_over, _)| *starts_over), "order {seed}");
        }
    }
}

fn play(seed: u64) -> [usize; 3] {
    let mut random = Random(seed);
    let mut rig = Rig::new();
    let mut truth = Truth::default();
    let mut viewers: Vec<ViewerId> = Vec::new();
    let mut cut = false;
    let mut joined: BTreeSet<ViewerId> = BTreeSet::new();
    let mut seen = 0;
    for _ in 0..24 + random.below(40) {
        match random.below(20) {
            0 if !cut && viewers.len() < 3 => {
                let number = viewers.len() as u32 + 1;
                let key = rig.offer(number);
                viewers.push(rig.knock(number, &key));
            }
            1 | 2 | 16 | 17 if !rig.questions.is_empty() => {
                let viewer = rig.questions[0].viewer;
                let decision = if random.below(6) == 0 { Decision::Deny } else { Decision::Allow };
                if rig.decide(decision).is_ok() {
                    truth.allowed.insert(viewer, truth.packets);
                }
            }
            3..=6 => {
                let number = truth.packets;
                truth.packets += 1;
                rig.sharer.packet(&number.to_le_bytes());
            }
            7 => rig.sharer.state([StreamState::Live, StreamState::Paused][random.below(2) as usize], SOURCE),
            8 if !cut && random.below(3) == 0 => {
                rig.cut();
                cut = true;
            }
            9 | 10 if cut => {
                rig.back();
                cut = false;
            }
            11 if !viewers.is_empty() && random.below(4) == 0 => {
                let viewer = viewers[random.below(viewers.len() as u64) as usize];
                rig.sharer.dismiss(viewer, EndReason::Dismissed);
                truth.revoke(viewer);
            }
            12 if !viewers.is_empty() => {
                let viewer = viewers[random.below(viewers.len() as u64) as usize];
                let core = &mut rig.seat(viewer).core;
                match random.below(6) {
                    0 => core.leave(),
                    1 => core.resync(),
                    2 => core.pause(true),
                    3 => core.pause(false),
                    4 => core.painted(random.below(100), 0),
                    _ => core.focus(None),
                }
            }
            13 if random.below(40) == 0 => {
                rig.sharer.end(EndReason::SharerStopped);
                (0..4).for_each(|n| truth.revoke(ViewerId(n)));
                truth.ended = true;
            }
            14 if random.below(10) == 0 => rig.pass(BACK_WITHIN.as_micros() as u64 * random.below(3)),
            // A pipeline that does what it is not asked to changes nothing either.
            15 if !viewers.is_empty() => {
                let viewer = viewers[random.below(viewers.len() as u64) as usize];
                rig.sharer.packet_for(viewer, &truth.packets.to_le_bytes());
                truth.packets += 1;
            }
            _ => {
                for _ in 0..random.below(8) {
                    // Time limits pass now and then only, or nobody would ever be answered.
                    if rig.is_quiet() && random.below(100) > 0 || !rig.step() {
                        break;
                    }
                }
            }
        }
        rig.pump();
        for event in rig.events.split_off(seen) {
            match event {
                ViewerEvent::Joined(viewer) | ViewerEvent::Resumed(viewer, ..) => {
                    assert!(truth.allowed.contains_key(&viewer), "order {seed}: joined before Allow");
                    joined.insert(viewer);
                    rig.sharer.packet_for(viewer, &truth.packets.to_le_bytes());
                    truth.packets += 1;
                    rig.pump();
                }
                ViewerEvent::Left(viewer) => drop(joined.remove(&viewer)),
                _ => {}
            }
        }
        seen = rig.events.len();
        truth.check(&rig, seed);
    }
    if truth.ended {
        assert!(rig.ended.is_some(), "order {seed}");
    }
    let shown = truth.shown.values().sum();
    [shown, truth.allowed.len(), rig.left.len()]
}

#[test]
fn nothing_is_shown_but_what_was_allowed() {
    let orders = std::env::var("PANECAST_ORDERS").map_or(2_000, |n| n.parse().expect("a number of orders"));
    let mut sums = [0; 3];
    for seed in 0..orders {
        for (sum, n) in sums.iter_mut().zip(play(seed)) {
            *sum += n;
        }
    }
    let [shown, allowed, left] = sums;
    println!("{orders} orders: {allowed} allowed, {shown} packets shown, {left} left");
    // The orders reach what they are about.
    let orders = orders as usize;
    assert!(shown > orders && allowed > orders / 2 && left > orders / 4, "{sums:?}");
}
