//! A sharing end and watching ends on a virtual clock, with a relay between them as docs/protocol.md has it: it keeps the
//! order for each watcher, forwards packets for all to those that follow, and may be cut anywhere.

use panecast::Limits;
use panecast::frame::{Size, Timestamp};
use panecast::session::seal::{Joiner, KeyOffer, TypedKey};
use panecast::session::{
    Decision, Door, DoorId, EndReason, Lane, Purpose, Question, Sharer, SharerOutput, StreamState,
    ViewerEvent, ViewerId, Watcher, WatcherOutput,
};
use std::collections::{BTreeMap, VecDeque};

pub(crate) const TENANT: &str = "acme";
pub(crate) const SOURCE: &str = "screen 1";

/// Changes a parcel's bytes; it is told the parcel's number.
pub(crate) type Meddle = Box<dyn FnMut(usize, &mut Vec<u8>)>;

/// A watching end and what it has learnt.
pub(crate) struct Seat {
    pub(crate) core: Watcher,
    pub(crate) sealed: usize,
    pub(crate) asking: usize,
    pub(crate) allowed: Option<String>,
    pub(crate) states: Vec<StreamState>,
    /// So often it was let in again.
    pub(crate) back: usize,
    /// What its decoder holds.
    pub(crate) holds: Option<(Size, Vec<u32>)>,
    /// Packets for its decoder, and whether they start over.
    pub(crate) packets: Vec<(bool, Vec<u8>)>,
    pub(crate) ended: Option<EndReason>,
    /// The relay forwards packets for all to it.
    follows: bool,
    /// Its connection stands.
    pub(crate) linked: bool,
    /// Bytes of each parcel that reached it, as a relay sees them.
    pub(crate) seen: Vec<Vec<u8>>,
}

#[derive(Debug)]
enum Parcel {
    ToSharer(ViewerId, Vec<u8>),
    ToWatcher(ViewerId, Lane, Vec<u8>),
    /// The relay's own word, after all that was sent before.
    Dismissed(ViewerId, EndReason),
    /// The relay tells that the watcher's connection is closed for good.
    Gone(ViewerId),
}

/// All of it.
pub(crate) struct Rig {
    pub(crate) now: Timestamp,
    pub(crate) latency_us: u64,
    pub(crate) sharer: Sharer,
    pub(crate) seats: BTreeMap<ViewerId, Seat>,
    wire: VecDeque<(u64, Parcel)>,
    /// Parcels that have arrived.
    pub(crate) delivered: usize,
    /// What the sharing end got, as a relay sees it.
    pub(crate) heard: Vec<Vec<u8>>,
    pub(crate) questions: VecDeque<Question>,
    pub(crate) events: Vec<ViewerEvent>,
    pub(crate) left: Vec<(ViewerId, EndReason)>,
    pub(crate) dismissed: Vec<(ViewerId, EndReason)>,
    pub(crate) admitted: Vec<ViewerId>,
    pub(crate) closed: Vec<DoorId>,
    pub(crate) ended: Option<EndReason>,
    /// Changes the bytes of a parcel on its way, by the parcel's number.
    pub(crate) meddle: Option<Meddle>,
    /// Cuts everything when so many parcels have arrived, and brings it back after so long.
    pub(crate) cut_at: Option<(usize, u64)>,
    back_at: Option<u64>,
}

impl Rig {
    pub(crate) fn new() -> Self {
        Self {
            now: Timestamp(1_000_000),
            latency_us: 20_000,
            sharer: Sharer::new(1_700_000_000, Limits::default()).unwrap(),
            seats: BTreeMap::new(),
            wire: VecDeque::new(),
            delivered: 0,
            heard: Vec::new(),
            questions: VecDeque::new(),
            events: Vec::new(),
            left: Vec::new(),
            dismissed: Vec::new(),
            admitted: Vec::new(),
            closed: Vec::new(),
            ended: None,
            meddle: None,
            cut_at: None,
            back_at: None,
        }
    }

    /// Opens a door for a typed key.
    pub(crate) fn offer(&mut self, door: u32) -> TypedKey {
        let key = TypedKey::draw(door as u16).unwrap();
        let offer = KeyOffer::new(key.clone(), None, TENANT, self.now, &Limits::default()).unwrap();
        self.sharer.open(DoorId(door), Door::Key(offer));
        key
    }

    /// Somebody types `key`, at the door of its number.
    pub(crate) fn knock(&mut self, viewer: u32, key: &TypedKey) -> ViewerId {
        let joiner = Joiner::by_key(key, TENANT, &Limits::default()).unwrap();
        let viewer = ViewerId(viewer);
        let core = Watcher::knock(joiner, "Ada", Purpose::Screen, self.now, Limits::default());
        let seat = Seat {
            core,
            sealed: 0,
            asking: 0,
            allowed: None,
            states: Vec::new(),
            back: 0,
            holds: None,
            packets: Vec::new(),
            ended: None,
            follows: false,
            linked: true,
            seen: Vec::new(),
        };
        self.seats.insert(viewer, seat);
        self.sharer.came(viewer, DoorId(u32::from(key.number())), self.now);
        self.pump();
        viewer
    }

    /// A watcher that asks, allowed.
    pub(crate) fn watching(&mut self, viewer: u32) -> ViewerId {
        let key = self.offer(viewer);
        let viewer = self.knock(viewer, &key);
        self.settle();
        self.decide(Decision::Allow).unwrap();
        self.settle();
        viewer
    }

    /// Answers the oldest question.
    pub(crate) fn decide(&mut self, decision: Decision) -> panecast::Result<()> {
        let question = self.questions.pop_front().expect("somebody asks");
        let answered = self.sharer.answer(question.viewer, decision, Purpose::Screen, SOURCE).map(drop);
        self.pump();
        answered
    }

    /// Takes the outputs of both ends.
    pub(crate) fn pump(&mut self) {
        while let Some(output) = self.sharer.poll() {
            assert!(self.ended.is_none(), "after the end: {output:?}");
            self.sharer_wants(output);
        }
        let viewers: Vec<ViewerId> = self.seats.keys().copied().collect();
        for viewer in viewers {
            while let Some(output) = self.seats.get_mut(&viewer).and_then(|seat| seat.core.poll()) {
                self.watcher_wants(viewer, output);
            }
        }
    }

    fn sharer_wants(&mut self, output: SharerOutput) {
        match output {
            SharerOutput::Send { to: Some(viewer), lane, bytes } => {
                let Some(seat) = self.seats.get_mut(&viewer) else { return };
                if lane == Lane::StartsOver {
                    seat.follows = true;
                    self.drop_packets(viewer);
                }
                self.send(Parcel::ToWatcher(viewer, lane, bytes));
            }
            SharerOutput::Send { to: None, lane, bytes } => {
                assert_eq!(lane, Lane::Stream);
                let follow: Vec<ViewerId> =
                    self.seats.iter().filter(|(_, seat)| seat.follows).map(|(viewer, _)| *viewer).collect();
                for viewer in follow {
                    self.send(Parcel::ToWatcher(viewer, lane, bytes.clone()));
                }
            }
            SharerOutput::Admit(viewer) => self.admitted.push(viewer),
            SharerOutput::Close(door) => self.closed.push(door),
            SharerOutput::Dismiss(viewer, reason) => {
                self.dismissed.push((viewer, reason));
                self.send(Parcel::Dismissed(viewer, reason));
            }
            SharerOutput::Ask(question) => self.questions.push_back(question),
            SharerOutput::Viewer(event) => self.events.push(event),
            SharerOutput::Mark(..) => {}
            SharerOutput::Left { viewer, reason, .. } => {
                self.questions.retain(|question| question.viewer != viewer);
                self.left.push((viewer, reason));
            }
            SharerOutput::Ended(reason) => self.ended = Some(reason),
        }
    }

    fn watcher_wants(&mut self, viewer: ViewerId, output: WatcherOutput) {
        let Some(seat) = self.seats.get_mut(&viewer) else { return };
        assert!(seat.ended.is_none(), "after the end: {output:?}");
        match output {
            WatcherOutput::Send(bytes) => self.send(Parcel::ToSharer(viewer, bytes)),
            WatcherOutput::Sealed => seat.sealed += 1,
            WatcherOutput::Asking => seat.asking += 1,
            WatcherOutput::Allowed { source } => seat.allowed = Some(source),
            WatcherOutput::State { state, .. } => seat.states.push(state),
            WatcherOutput::Packet { starts_over, bytes } => seat.packets.push((starts_over, bytes)),
            WatcherOutput::Back => seat.back += 1,
            WatcherOutput::Ended(reason) => {
                seat.ended = Some(reason);
                self.send(Parcel::Gone(viewer));
            }
        }
    }

    fn send(&mut self, parcel: Parcel) {
        let (Parcel::ToSharer(viewer, _)
        | Parcel::ToWatcher(viewer, ..)
        | Parcel::Dismissed(viewer, _)
        | Parcel::Gone(viewer)) = &parcel;
        if self.seats.get(viewer).is_some_and(|seat| seat.linked) {
            self.wire.push_back((self.now.0 + self.latency_us, parcel));
        }
    }

    /// Lets the next thing happen: a parcel arrives, a time limit passes, or what was cut comes back. False if nothing is
    /// going to happen.
    pub(crate) fn step(&mut self) -> bool {
        let arrives = self.wire.front().map(|(at, _)| *at);
        let limits = self.seats.values().filter_map(|seat| seat.core.next_tick());
        let tick = limits.chain(self.sharer.next_tick()).map(|at| at.0).min();
        let Some(next) = [arrives, tick, self.back_at].into_iter().flatten().min() else { return false };
        self.now = Timestamp(self.now.0.max(next));
        if self.back_at == Some(next) {
            self.back_at = None;
            self.back();
        } else if arrives == Some(next) {
            self.deliver();
        } else {
            self.tick();
        }
        self.pump();
        if let Some((at, pause)) = self.cut_at
            && self.delivered >= at
        {
            self.cut_at = None;
            self.cut();
            self.back_at = Some(self.now.0 + pause);
        }
        true
    }

    /// Whether nothing is on its way: the next thing to happen is a time limit.
    pub(crate) fn is_quiet(&self) -> bool {
        self.wire.is_empty()
    }

    /// Lets everything on its way arrive, and what was cut come back; time limits do not pass.
    pub(crate) fn settle(&mut self) {
        while !self.wire.is_empty() || self.back_at.is_some() {
            assert!(self.step());
        }
    }

    /// Time passes, in one jump.
    pub(crate) fn pass(&mut self, us: u64) {
        self.now = Timestamp(self.now.0 + us);
        self.tick();
        self.pump();
    }

    fn tick(&mut self) {
        self.sharer.tick(self.now);
        self.seats.values_mut().for_each(|seat| seat.core.tick(self.now));
    }

    fn deliver(&mut self) {
        let Some((_, parcel)) = self.wire.pop_front() else { return };
        let number = self.delivered;
        self.delivered += 1;
        match parcel {
            Parcel::Gone(viewer) => self.sharer.left(viewer),
            Parcel::Dismissed(viewer, reason) => {
                if let Some(seat) = self.seats.get_mut(&viewer) {
                    seat.core.ended(reason);
                }
            }
            Parcel::ToSharer(viewer, mut bytes) => {
                if let Some(meddle) = &mut self.meddle {
                    meddle(number, &mut bytes);
                }
                self.heard.push(bytes.clone());
                self.sharer.received(viewer, &mut bytes, self.now);
            }
            Parcel::ToWatcher(viewer, _, mut bytes) => {
                if let Some(meddle) = &mut self.meddle {
                    meddle(number, &mut bytes);
                }
                let Some(seat) = self.seats.get_mut(&viewer) else { return };
                seat.seen.push(bytes.clone());
                seat.core.received(&mut bytes, self.now);
            }
        }
    }

    /// The relay drops the packets that wait for a watcher.
    fn drop_packets(&mut self, viewer: ViewerId) {
        self.wire.retain(|(_, parcel)| match parcel {
            Parcel::ToWatcher(to, lane, _) => *to != viewer || *lane == Lane::Control,
            _ => true,
        });
    }

    /// A watcher reads too slowly: the relay drops what waits, tells the sharing end, and later that it reads again.
    pub(crate) fn falls_behind(&mut self, viewer: ViewerId) {
        self.drop_packets(viewer);
        self.seat(viewer).follows = false;
        self.sharer.behind(viewer);
        self.sharer.ready(viewer);
        self.pump();
    }

    /// Every connection breaks; what was on its way is gone.
    pub(crate) fn cut(&mut self) {
        self.wire.clear();
        self.sharer.cut(self.now);
        for seat in self.seats.values_mut() {
            (seat.linked, seat.follows) = (false, false);
            seat.core.cut(self.now);
        }
        self.pump();
    }

    /// All connections stand again.
    pub(crate) fn back(&mut self) {
        let viewers: Vec<ViewerId> = self.seats.keys().copied().collect();
        for viewer in viewers {
            if let Some(seat) = self.seats.get_mut(&viewer) {
                seat.linked = true;
                seat.core.back(seat.holds.clone());
            }
            self.sharer.came_back(viewer, self.now);
        }
        self.pump();
    }

    pub(crate) fn seat(&mut self, viewer: ViewerId) -> &mut Seat {
        self.seats.get_mut(&viewer).expect("a seat")
    }
}
