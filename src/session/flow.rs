//! How fast to send: the slowest viewer that keeps up decides, and one that does not keep up is left behind.

use super::link::Link;
use crate::frame::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;

/// A viewer that owes an acknowledgement and has given none for this long no longer holds up the others.
pub const BEHIND_AFTER: Duration = Duration::from_secs(3);

/// Least time between two snapshots for one viewer: each costs the encoder a whole picture, and a viewer that
/// asks over and over must not slow the others.
pub const SNAPSHOT_GAP: Duration = Duration::from_millis(500);

/// Share of what the way takes that is meant for moving pictures; text comes on top.
const VIDEO_SHARE: f64 = 0.85;

/// A viewer, as the transport numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ViewerId(pub u32);

/// Where a viewer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// It needs a snapshot.
    Waiting,
    /// It has had a snapshot and keeps up.
    Following,
    /// It owes acknowledgements and is not waited for.
    Behind,
}

#[derive(Clone, Debug)]
struct Viewer {
    place: Place,
    /// The newest update it has acknowledged, or the one before its snapshot.
    acked: u64,
    /// When it last came a step further.
    progress: Timestamp,
    snapshot: Option<Timestamp>,
    link: Link,
}

/// Which viewers there are, what they have been sent and what they have acknowledged, and so how much may be sent.
///
/// Time is an argument; it must not run backwards. Acknowledgements are hostile: numbers that were never sent,
/// or that say nothing new, change nothing.
#[derive(Clone, Debug, Default)]
pub struct Flow {
    viewers: BTreeMap<ViewerId, Viewer>,
    /// The newest sequence number that went to anybody.
    newest: Option<u64>,
    round_trip: Option<Duration>,
}

impl Flow {
    /// Nobody is there, nothing was sent.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A viewer came, or lost its place: it needs a snapshot.
    pub fn joined(&mut self, viewer: ViewerId, now: Timestamp) {
        let fresh =
            Viewer { place: Place::Waiting, acked: 0, progress: now, snapshot: None, link: Link::default() };
        self.viewers.entry(viewer).or_insert(fresh).place = Place::Waiting;
    }

    /// A viewer left.
    pub fn left(&mut self, viewer: ViewerId) {
        self.viewers.remove(&viewer);
    }

    /// The transport has given a viewer up for the moment; it is not waited for until it says something or
    /// joins anew.
    pub fn fell_behind(&mut self, viewer: ViewerId) {
        if let Some(v) = self.viewers.get_mut(&viewer) {
            v.place = Place::Behind;
        }
    }

    /// A packet that was on its way to all was dropped: everybody needs a snapshot, and all at once, before the
    /// next packet for all reaches one that has missed this one.
    pub fn all_lost_place(&mut self) {
        for v in self.viewers.values_mut() {
            (v.place, v.snapshot) = (Place::Waiting, None);
        }
    }

    /// An update of so many bytes went to all viewers that have had their snapshot.
    pub fn sent(&mut self, sequence: u64, bytes: usize, now: Timestamp) {
        self.sent_to_all(sequence, bytes, false, now);
    }

    /// The same, for an update that only refines the picture: it does not count among the updates that viewers
    /// may owe.
    pub fn refined(&mut self, sequence: u64, bytes: usize, now: Timestamp) {
        self.sent_to_all(sequence, bytes, true, now);
    }

    fn sent_to_all(&mut self, sequence: u64, bytes: usize, refines: bool, now: Timestamp) {
        if self.newest.is_some_and(|newest| newest >= sequence) {
            return;
        }
        self.newest = Some(sequence);
        for v in self.viewers.values_mut().filter(|v| v.snapshot.is_some()) {
            v.link.sent(sequence, bytes as u64, refines, now);
        }
    }

    /// Bytes that have no sequence number, a cursor's, went to all viewers that have had their snapshot.
    pub fn sent_beside(&mut self, bytes: usize) {
        for v in self.viewers.values_mut().filter(|v| v.snapshot.is_some()) {
            v.link.sent_beside(bytes as u64);
        }
    }

    /// A snapshot of so many bytes went to `viewer`; it holds everything up to `sequence` and is to be acknowledged
    /// like an update with that number.
    pub fn snapshot_sent(&mut self, viewer: ViewerId, sequence: u64, bytes: usize, now: Timestamp) {
        self.newest = self.newest.max(Some(sequence));
        if let Some(v) = self.viewers.get_mut(&viewer) {
            v.place = Place::Following;
            v.acked = sequence.saturating_sub(1);
            v.progress = now;
            v.snapshot = Some(now);
            v.link.clear();
            v.link.sent(sequence, bytes as u64, false, now);
        }
    }

    /// A viewer has painted the update `sequence`, and so all before it. It says that it took `held` from the update's
    /// last byte until it told; zero if it does not say.
    pub fn acked(&mut self, viewer: ViewerId, sequence: u64, held: Duration, now: Timestamp) {
        let Some(v) = self.viewers.get_mut(&viewer) else { return };
        if self.newest.is_none_or(|newest| sequence > newest) || sequence <= v.acked {
            return;
        }
        v.acked = sequence;
        v.progress = now;
        if let Some(sample) = v.link.acked(sequence, held, now) {
            // The smoothing that TCP uses: RFC 6298, section 2.
            self.round_trip = Some(self.round_trip.map_or(sample, |old| old * 7 / 8 + sample / 8));
        }
        if v.place == Place::Behind {
            v.place = if v.link.is_far_behind() { Place::Waiting } else { Place::Following };
        }
    }

    /// Whether an update may go out now: some viewer follows, and each one that does has room.
    pub fn may_send(&mut self, now: Timestamp) -> bool {
        self.leave_behind(now);
        let mut following = self.following().peekable();
        following.peek().is_some() && following.all(|v| v.link.has_room(now))
    }

    /// Bytes that the next update may have without holding up the one after it; 0 if nobody follows.
    #[must_use]
    pub fn budget(&self, now: Timestamp) -> usize {
        least(self.following().map(|v| v.link.budget(now))).unwrap_or(0.0) as usize
    }

    /// Bytes that may be sent now to refine the picture, where there is nothing else to send; 0 if none.
    #[must_use]
    pub fn refine_budget(&self, now: Timestamp) -> usize {
        least(self.following().map(|v| v.link.refine_budget(now))).unwrap_or(0.0) as usize
    }

    /// When [`Flow::refine_budget`] may be above zero again though nothing happens.
    #[must_use]
    pub fn refines_at(&self, now: Timestamp) -> Option<Timestamp> {
        let blocked = self.following().filter(|v| v.link.refine_budget(now) < 1.0);
        // All of them have to open; one that waits for an acknowledgement wakes the caller by it.
        let opens = |latest, at: Option<Timestamp>| Some(Option::max(latest, Some(at?)));
        let at = blocked.map(|v| v.link.refines_at(now)).try_fold(None, opens)??;
        // By then another's way may be about to be measured anew; its acknowledgements wake the caller, too.
        (self.refine_budget(at) > 0).then_some(at)
    }

    /// What moving pictures should take, in bits a second; `None` while the lines are unknown.
    #[must_use]
    pub fn target_bitrate(&self) -> Option<u64> {
        let rate = least(self.following().filter_map(|v| v.link.bytes_per_sec()))?;
        // A coder that is told another rate each time cannot settle: four leading bits are precise enough.
        let bits = (rate * 8.0 * VIDEO_SHARE) as u64;
        let step = 1 << bits.checked_ilog2().unwrap_or(0).saturating_sub(3);
        Some((bits / step * step).max(1))
    }

    /// How long updates wait behind those before them, on the line that sets the pace.
    #[must_use]
    pub fn queueing_delay(&self) -> Duration {
        self.following().map(|v| v.link.queueing()).max().unwrap_or_default()
    }

    /// Bytes that the viewer has not acknowledged, and from how many on it is sent no more.
    #[must_use]
    pub fn unacknowledged(&self, viewer: ViewerId, now: Timestamp) -> Option<(u64, u64)> {
        self.viewers.get(&viewer).map(|v| (v.link.in_flight(), v.link.ceiling(now) as u64))
    }

    /// The viewers that are due for a snapshot.
    #[must_use]
    pub fn snapshots_due(&self, now: Timestamp) -> Vec<ViewerId> {
        let due = |v: &Viewer| {
            v.place == Place::Waiting && v.snapshot.is_none_or(|at| now.since(at) >= SNAPSHOT_GAP)
        };
        self.viewers.iter().filter(|(_, v)| due(v)).map(|(id, _)| *id).collect()
    }

    /// When [`Flow::may_send`] or [`Flow::snapshots_due`] may give another answer though nothing happens.
    #[must_use]
    pub fn next_change(&self, now: Timestamp) -> Option<Timestamp> {
        let of_viewer = |v: &Viewer| match v.place {
            Place::Waiting => v.snapshot.map(|at| at + SNAPSHOT_GAP),
            Place::Following => patience_ends(v).into_iter().chain(v.link.opens_at(now)).min(),
            Place::Behind => None,
        };
        self.viewers.values().filter_map(of_viewer).min()
    }

    /// Whether anybody is there, in whatever place.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.viewers.is_empty()
    }

    /// How many viewers there are, in whatever place.
    #[must_use]
    pub fn len(&self) -> usize {
        self.viewers.len()
    }

    /// Whether a packet for all may reach somebody: a viewer that was sent a snapshot. Even if it has lost its
    /// place since, the transport may not have heard of that yet, and it must not miss a packet in between.
    #[must_use]
    pub fn reaches_anyone(&self) -> bool {
        self.viewers.values().any(|v| v.snapshot.is_some())
    }

    /// Whether any viewer is in this place.
    #[must_use]
    pub fn any(&self, place: Place) -> bool {
        self.viewers.values().any(|v| v.place == place)
    }

    /// Where a viewer stands; `None` if it is not there.
    #[must_use]
    pub fn place(&self, viewer: ViewerId) -> Option<Place> {
        self.viewers.get(&viewer).map(|v| v.place)
    }

    /// Smoothed time from sending to acknowledgement; `None` before the first one.
    #[must_use]
    pub fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    fn following(&self) -> impl Iterator<Item = &Viewer> {
        self.viewers.values().filter(|v| v.place == Place::Following)
    }

    /// Leaves those behind whose patience has ended.
    fn leave_behind(&mut self, now: Timestamp) {
        for v in self.viewers.values_mut().filter(|v| v.place == Place::Following) {
            if patience_ends(v).is_some_and(|end| end <= now) {
                v.place = Place::Behind;
            }
        }
    }
}

/// When a viewer that says nothing is left behind: [`BEHIND_AFTER`] from the oldest update that it owes, or
/// from its last step, whichever is later.
fn patience_ends(v: &Viewer) -> Option<Timestamp> {
    Some(v.link.oldest()?.max(v.progress) + BEHIND_AFTER)
}

fn least(values: impl Iterator<Item = f64>) -> Option<f64> {
    values.min_by(f64::total_cmp)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::link::MOST_IN_FLIGHT;
    use proptest::prelude::*;

    const A: ViewerId = ViewerId(1);
    const B: ViewerId = ViewerId(2);

    /// Bytes of an update that fills no line.
    const SMALL: usize = 100;

    fn ms(ms: u64) -> Timestamp {
        Timestamp(ms * 1000)
    }

    /// One viewer that follows, its snapshot painted.
    fn following(viewer: ViewerId) -> Flow {
        let mut flow = Flow::new();
        flow.joined(viewer, ms(0));
        flow.snapshot_sent(viewer, 1, SMALL, ms(0));
        flow.acked(viewer, 1, Duration::ZERO, ms(10));
        flow
    }

    #[test]
    fn nothing_is_sent_to_nobody_nor_before_a_snapshot() {
        let mut flow = Flow::new();
        assert!(!flow.may_send(ms(0)) && flow.is_empty());
        flow.joined(A, ms(0));
        assert!(!flow.may_send(ms(0)));
        assert_eq!(flow.snapshots_due(ms(0)), [A]);
        flow.snapshot_sent(A, 1, SMALL, ms(0));
        assert!(flow.may_send(ms(0)));
        assert_eq!(flow.snapshots_due(ms(0)), []);
    }

    #[test]
    fn two_updates_are_in_flight_and_no_third() {
        let mut flow = following(A);
        for sequence in 2..4 {
            assert!(flow.may_send(ms(20)));
            flow.sent(sequence, SMALL, ms(20));
        }
        assert!(!flow.may_send(ms(20)));
        flow.acked(A, 2, Duration::ZERO, ms(60));
        assert!(flow.may_send(ms(60)));
        assert!(flow.round_trip().is_some());
    }

    #[test]
    fn a_viewer_that_never_acknowledges_stops_holding_up_the_others() {
        let mut flow = following(A);
        flow.joined(B, ms(20));
        flow.sent(2, SMALL, ms(20));
        flow.snapshot_sent(B, 2, SMALL, ms(20));
        flow.acked(A, 2, Duration::ZERO, ms(30));
        flow.sent(3, SMALL, ms(30));
        flow.acked(A, 3, Duration::ZERO, ms(40));
        assert!(!flow.may_send(ms(40)), "B owes two");
        assert_eq!(flow.next_change(ms(40)), Some(ms(3020)));
        assert!(!flow.may_send(ms(3019)));
        assert!(flow.may_send(ms(3020)));
        assert_eq!(flow.place(B), Some(Place::Behind));
        for sequence in 4..100 {
            assert!(flow.may_send(ms(3100)));
            flow.sent(sequence, SMALL, ms(3100));
            flow.acked(A, sequence, Duration::ZERO, ms(3100));
        }
        flow.acked(B, 2, Duration::ZERO, ms(3200));
        assert_eq!(flow.snapshots_due(ms(3200)), [B], "it is back, and far behind");
        flow.snapshot_sent(B, 100, SMALL, ms(3200));
        flow.acked(B, 3, Duration::ZERO, ms(3210));
        assert!(!flow.snapshots_due(ms(9000)).contains(&B), "old acknowledgements ask for nothing");
        flow.acked(B, 100, Duration::ZERO, ms(3300));
        flow.acked(A, 100, Duration::ZERO, ms(3300));
        assert!(flow.may_send(ms(3300)));
    }

    #[test]
    fn a_lone_viewer_on_a_thin_line_needs_no_second_snapshot() {
        let mut flow = Flow::new();
        flow.joined(A, ms(0));
        flow.snapshot_sent(A, 1, SMALL, ms(0));
        flow.sent(2, SMALL, ms(50));
        assert!(!flow.may_send(ms(8000)) && flow.place(A) == Some(Place::Behind));
        flow.acked(A, 1, Duration::ZERO, ms(8000));
        assert_eq!(flow.place(A), Some(Place::Following));
        assert!(flow.snapshots_due(ms(8000)).is_empty() && flow.may_send(ms(8000)));
    }

    #[test]
    fn snapshots_for_one_viewer_keep_a_distance() {
        let mut flow = following(A);
        flow.joined(A, ms(100));
        assert_eq!(flow.snapshots_due(ms(100)), []);
        assert_eq!(flow.next_change(ms(100)), Some(ms(500)));
        assert_eq!(flow.snapshots_due(ms(500)), [A]);
    }

    #[test]
    fn the_transport_may_give_a_viewer_up() {
        let mut flow = following(A);
        flow.fell_behind(A);
        assert!(!flow.may_send(ms(20)));
        assert_eq!(flow.snapshots_due(ms(9000)), []);
        flow.joined(A, ms(9000));
        assert_eq!(flow.snapshots_due(ms(9000)), [A]);
        flow.fell_behind(B);
        assert_eq!(flow.place(B), None);
    }

    #[test]
    fn after_a_dropped_packet_all_are_due_at_once() {
        let mut flow = following(A);
        flow.joined(B, ms(20));
        flow.snapshot_sent(B, 2, SMALL, ms(20));
        flow.all_lost_place();
        assert_eq!(flow.snapshots_due(ms(30)), [A, B]);
        assert!(!flow.may_send(ms(30)));
    }

    #[test]
    fn acknowledgements_of_nothing_change_nothing() {
        let mut flow = following(A);
        flow.sent(2, SMALL, ms(20));
        flow.sent(3, SMALL, ms(20));
        for hostile in [0, 1, 4, u64::MAX] {
            flow.acked(A, hostile, Duration::ZERO, ms(30));
            flow.acked(B, hostile, Duration::ZERO, ms(30));
            assert!(!flow.may_send(ms(30)), "{hostile}");
        }
        assert_eq!(flow.len(), 1);
    }

    #[test]
    fn the_round_trip_follows_the_line() {
        let mut flow = following(A);
        let mut now = 100;
        for sequence in 2..60 {
            flow.sent(sequence, SMALL, ms(now));
            now += 80;
            flow.acked(A, sequence, Duration::ZERO, ms(now));
        }
        let estimate = flow.round_trip().unwrap().as_millis();
        assert!((75..=80).contains(&estimate), "{estimate} ms");
    }

    /// A sender at 30 pictures a second and viewers behind lines of different length.
    #[test]
    fn the_slowest_line_that_keeps_up_sets_the_pace_and_latency_stays_bounded() {
        for (delays, at_least) in
            [(vec![20], 290), (vec![200], 85), (vec![20, 200], 85), (vec![20, 9000], 190)]
        {
            let mut flow = Flow::new();
            let mut on_the_way: Vec<(u64, ViewerId, u64)> = Vec::new();
            let mut updates = 0;
            for (i, _) in delays.iter().enumerate() {
                flow.joined(ViewerId(i as u32), ms(0));
                flow.snapshot_sent(ViewerId(i as u32), 1, SMALL, ms(0));
            }
            let mut sequence = 1;
            for now in (0..10_000).step_by(5) {
                on_the_way.retain(|(at, viewer, s)| {
                    if *at <= now {
                        flow.acked(*viewer, *s, Duration::ZERO, ms(now));
                    }
                    *at > now
                });
                if now % 33 < 5 && flow.may_send(ms(now)) {
                    sequence += 1;
                    updates += 1;
                    flow.sent(sequence, SMALL, ms(now));
                    for (i, delay) in delays.iter().enumerate() {
                        on_the_way.push((now + delay, ViewerId(i as u32), sequence));
                    }
                }
            }
            assert!(updates >= at_least, "{delays:?}: {updates} updates in 10 s");
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Join(u32),
        Leave(u32),
        GiveUp(u32),
        Ack(u32, u64, Duration),
        AckNewest(u32, Duration),
        Wait(u64),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let viewer = 0..4u32;
        let step = prop_oneof![
            2 => viewer.clone().prop_map(Step::Join),
            1 => viewer.clone().prop_map(Step::Leave),
            1 => viewer.clone().prop_map(Step::GiveUp),
            2 => (viewer.clone(), prop_oneof![0..40u64, Just(u64::MAX)], held())
                .prop_map(|(v, s, held)| Step::Ack(v, s, held)),
            6 => (viewer, held()).prop_map(|(v, held)| Step::AckNewest(v, held)),
            6 => (0..900u64).prop_map(Step::Wait),
        ];
        proptest::collection::vec(step, 0..200)
    }

    /// What a viewer may claim.
    fn held() -> impl Strategy<Value = Duration> {
        prop_oneof![
            Just(Duration::ZERO),
            (0..50u64).prop_map(Duration::from_millis),
            Just(Duration::from_micros(u64::MAX)),
            Just(Duration::MAX)
        ]
    }

    fn sizes() -> impl Strategy<Value = Vec<usize>> {
        proptest::collection::vec(prop_oneof![0..500usize, 3000..9000usize, 100_000..900_000usize], 1..9)
    }

    proptest! {
        /// Whatever viewers do: none that counts owes more than its line holds and one large update, nobody is sent
        /// updates before a snapshot, and no silence lasts longer than the patience.
        #[test]
        fn the_rules_hold_whatever_viewers_do(steps in steps(), sizes in sizes()) {
            let mut flow = Flow::new();
            let (mut now, mut sequence) = (0, 0);
            let size = |sequence: u64| sizes[sequence as usize % sizes.len()];
            for step in steps {
                match step {
                    Step::Join(v) => flow.joined(ViewerId(v), ms(now)),
                    Step::Leave(v) => flow.left(ViewerId(v)),
                    Step::GiveUp(v) => flow.fell_behind(ViewerId(v)),
                    Step::Ack(v, s, held) => flow.acked(ViewerId(v), s, held, ms(now)),
                    Step::AckNewest(v, held) => flow.acked(ViewerId(v), sequence, held, ms(now)),
                    Step::Wait(wait) => now += wait,
                }
                let due = flow.snapshots_due(ms(now));
                if !due.is_empty() {
                    sequence += 1;
                    flow.sent(sequence, SMALL, ms(now));
                    for viewer in due {
                        flow.snapshot_sent(viewer, sequence, size(sequence), ms(now));
                        prop_assert_eq!(flow.place(viewer), Some(Place::Following));
                    }
                }
                while flow.may_send(ms(now)) {
                    for v in flow.viewers.values().filter(|v| v.place == Place::Following) {
                        prop_assert!(v.link.owed() < MOST_IN_FLIGHT);
                        let oldest = v.link.oldest_bytes();
                        prop_assert!(v.link.owed() == 0
                            || ((v.link.in_flight() - oldest) as f64) < v.link.ceiling(ms(now)));
                    }
                    prop_assert!(flow.budget(ms(now)) > 0);
                    sequence += 1;
                    flow.sent(sequence, size(sequence), ms(now));
                }
                if let Some(at) = flow.refines_at(ms(now)) {
                    prop_assert!(at > ms(now) && flow.refine_budget(at) > 0, "{:?} at {:?}", flow, now);
                }
                // Once its time has come, the next change changes something or is the last of its kind: waiting for
                // one after the other never spins.
                if let Some(at) = flow.next_change(ms(now)) {
                    let mut then = flow.clone();
                    let sends = then.may_send(at);
                    let gone = then.any(Place::Behind);
                    prop_assert!(at > ms(now) || sends, "{:?} at {:?}", flow, now);
                    let later = then.next_change(at).is_none_or(|next| next > at);
                    prop_assert!(sends || gone || later || !then.snapshots_due(at).is_empty());
                }
            }
            // Patience ends for everybody: then either nobody follows or there is room.
            now += 10_000;
            let sends = flow.may_send(ms(now));
            let follows = flow.any(Place::Following);
            prop_assert_eq!(sends, follows);
        }
    }
}
