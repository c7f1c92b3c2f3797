//! A sender that keeps the session's rules, lines, and viewers that paint and acknowledge, on a virtual clock.

use crate::line::{Line, Ms, Terms};
use crate::scene::Random;
use panecast::frame::Timestamp;
use panecast::session::{Flow, Place, ViewerId};
use std::time::Duration;

/// A viewer repaints so often.
const REPAINT: Ms = 17;

/// What comparing and encoding an update takes.
const ENCODING: Ms = 4;

/// What the sender shows, and what its encoder makes of it.
pub(crate) trait Desk {
    /// A picture is taken. Whether it differs from what was sent last.
    fn capture(&mut self, now: Ms) -> bool;
    /// Encodes the newest picture; `None` if it is what was sent last.
    fn encode(&mut self, now: Ms, flow: &Flow) -> Option<Parcel>;
    /// A whole picture for one viewer, and what the others get beside it.
    fn snapshot(&mut self, now: Ms) -> (Parcel, Parcel);
    /// Refines what was sent, with about so many bytes.
    fn refine(&mut self, _now: Ms, _bytes: usize) -> Option<Parcel> {
        None
    }
    /// A key that was pressed at `pressed` reaches the sender's programs.
    fn key(&mut self, _pressed: Ms) {}
    /// A viewer has painted it.
    fn painted(&mut self, _viewer: usize, _parcel: &Parcel) {}
}

/// One update on its way.
#[derive(Clone, Debug, Default)]
pub(crate) struct Parcel {
    pub(crate) bytes: usize,
    pub(crate) data: Vec<u8>,
    /// When the keys were pressed whose letters it shows.
    pub(crate) keys: Vec<Ms>,
    /// When its picture was taken.
    pub(crate) taken: Ms,
    pub(crate) sequence: u64,
    pub(crate) refines: bool,
}

#[derive(Debug)]
enum Back {
    Ack(u64, Duration),
    Key(Ms),
}

/// How a viewer acknowledges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manners {
    /// What it has painted.
    Honest,
    /// Nothing.
    Silent,
    /// Everything before it is there, and much that was never sent; and it claims to have held it for ages.
    Lying,
}

#[derive(Debug)]
struct Viewer {
    forth: Line<Parcel>,
    back: Line<Back>,
    /// Arrived and not painted: when it arrived, when it is decoded.
    decoding: Vec<(Ms, Ms, Parcel)>,
    repaints_at: Ms,
    manners: Manners,
    /// Painted updates, with their pictures' times.
    painted: Vec<(Ms, Ms)>,
    joins_at: Ms,
    /// It has been sent a snapshot.
    watches: bool,
    /// Bytes of its largest snapshot.
    snapshot: u64,
}

/// What came of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome {
    /// From pressing a key to seeing its letter: when it was pressed, how long it took.
    pub(crate) keys: Vec<(Ms, Ms)>,
    /// How long updates found themselves behind others, on the first viewer's line: when, how long.
    pub(crate) waits: Vec<(Ms, Ms)>,
    pub(crate) updates: u64,
    pub(crate) refined: u64,
    pub(crate) snapshots: u64,
    /// Bytes of the largest update.
    largest: u64,
}

impl Outcome {
    /// The key latency that `percent` of all keys between these times stay under.
    pub(crate) fn key_percentile(&self, percent: usize, from: Ms, to: Ms) -> Ms {
        percentile(&self.keys, percent, from, to)
    }

    /// The time behind others that `percent` of all updates between these times stay under.
    pub(crate) fn wait_percentile(&self, percent: usize, from: Ms, to: Ms) -> Ms {
        percentile(&self.waits, percent, from, to)
    }
}

fn percentile(all: &[(Ms, Ms)], percent: usize, from: Ms, to: Ms) -> Ms {
    let mut all: Vec<Ms> =
        all.iter().filter(|(at, _)| (from..to).contains(at)).map(|(_, took)| *took).collect();
    assert!(all.len() >= 20, "{} are too few to judge", all.len());
    all.sort_unstable();
    all[(all.len() - 1) * percent / 100]
}

/// The whole of it.
pub(crate) struct Simulation<D> {
    pub(crate) desk: D,
    pub(crate) flow: Flow,
    viewers: Vec<Viewer>,
    fps: u64,
    /// Keys are pressed at the first viewer.
    keys: Vec<Ms>,
    refines: bool,
    /// Whether viewers say how long they held an update.
    tells_held: bool,
    pub(crate) sequence: u64,
    news: bool,
    captured: Ms,
    /// The update that is being encoded, and when it is ready.
    ready: Option<(Ms, Parcel)>,
}

impl<D: Desk> Simulation<D> {
    pub(crate) fn new(desk: D, lines: &[Terms]) -> Self {
        let viewer = |(i, terms): (usize, &Terms)| Viewer {
            forth: Line::forth(terms.clone(), 1 + i as u64),
            back: Line::back(terms.clone(), 1001 + i as u64),
            decoding: Vec::new(),
            repaints_at: 5 + 3 * i as u64,
            manners: Manners::Honest,
            painted: Vec::new(),
            joins_at: 0,
            watches: false,
            snapshot: 0,
        };
        let viewers = lines.iter().enumerate().map(viewer).collect();
        Self {
            desk,
            flow: Flow::new(),
            viewers,
            fps: 30,
            keys: Vec::new(),
            refines: false,
            tells_held: true,
            sequence: 0,
            news: false,
            captured: 0,
            ready: None,
        }
    }

    /// Keys are pressed about every `each` ms.
    pub(crate) fn typing(mut self, from: Ms, to: Ms, each: Ms) -> Self {
        let mut random = Random(each);
        let mut at = from;
        while at < to {
            self.keys.push(at);
            at += each / 2 + random.up_to(each);
        }
        self
    }

    pub(crate) fn refining(mut self) -> Self {
        self.refines = true;
        self
    }

    /// Viewers do not say how long they held an update.
    pub(crate) fn untold(mut self) -> Self {
        self.tells_held = false;
        self
    }

    pub(crate) fn behaving(mut self, viewer: usize, manners: Manners) -> Self {
        self.viewers[viewer].manners = manners;
        self
    }

    pub(crate) fn joining(mut self, viewer: usize, at: Ms) -> Self {
        self.viewers[viewer].joins_at = at;
        self
    }

    /// When a picture not older than `taken` was first painted there.
    pub(crate) fn painted_since(&self, viewer: usize, taken: Ms) -> Option<Ms> {
        self.viewers[viewer].painted.iter().find(|(_, of)| *of >= taken).map(|(at, _)| *at)
    }

    /// Bytes that came through between the start and now.
    pub(crate) fn carried(&self, viewer: usize) -> f64 {
        self.viewers[viewer].forth.carried
    }

    pub(crate) fn run(&mut self, from: Ms, to: Ms, out: &mut Outcome) {
        for now in from..to {
            let at = Timestamp(now * 1000);
            self.hear(now, at);
            if now * self.fps / 1000 != (now.max(1) - 1) * self.fps / 1000 || now == 0 {
                self.news |= self.desk.capture(now);
                self.captured = now;
            }
            for i in self.flow.snapshots_due(at) {
                self.sequence += 1;
                let (mut parcel, mut beside) = self.desk.snapshot(now);
                (parcel.sequence, parcel.taken) = (self.sequence, self.captured);
                (beside.sequence, beside.taken) = (self.sequence, self.captured);
                self.flow.sent(self.sequence, beside.bytes, at);
                self.flow.snapshot_sent(i, self.sequence, parcel.bytes, at);
                out.snapshots += 1;
                let i = i.0 as usize;
                self.viewers[i].snapshot = self.viewers[i].snapshot.max(parcel.bytes as u64);
                self.viewers[i].watches = true;
                for (j, v) in self.viewers.iter_mut().enumerate().filter(|(_, v)| v.watches) {
                    let parcel = if i == j { &parcel } else { &beside };
                    v.forth.put(parcel.bytes, parcel.clone());
                }
            }
            if self.ready.as_ref().is_some_and(|(at, _)| *at <= now) {
                let Some((_, mut parcel)) = self.ready.take() else { continue };
                self.sequence += 1;
                parcel.sequence = self.sequence;
                self.send(now, at, parcel, out);
            }
            if self.ready.is_none() {
                let room = self.flow.may_send(at);
                if room {
                    self.check_ceilings(at, out);
                }
                if self.news && room {
                    self.news = false;
                    if let Some(mut parcel) = self.desk.encode(now, &self.flow) {
                        parcel.taken = self.captured;
                        out.updates += 1;
                        self.ready = Some((now + ENCODING, parcel));
                    }
                } else if !self.news && room && self.refines {
                    let bytes = self.flow.refine_budget(at);
                    if bytes > 0
                        && let Some(mut parcel) = self.desk.refine(now, bytes)
                    {
                        (parcel.taken, parcel.refines) = (self.captured, true);
                        out.refined += parcel.bytes as u64;
                        self.ready = Some((now + ENCODING, parcel));
                    }
                }
            }
            self.carry(now, out);
        }
    }

    fn send(&mut self, now: Ms, at: Timestamp, parcel: Parcel, out: &mut Outcome) {
        for (i, v) in self.viewers.iter_mut().enumerate().filter(|(_, v)| v.watches) {
            let rate = v.forth.terms().bytes(now);
            if i == 0 && rate > 0.0 {
                out.waits.push((now, (v.forth.waiting() / rate) as Ms));
            }
            v.forth.put(parcel.bytes, parcel.clone());
        }
        if parcel.refines {
            self.flow.refined(parcel.sequence, parcel.bytes, at);
        } else {
            self.flow.sent(parcel.sequence, parcel.bytes, at);
        }
        out.largest = out.largest.max(parcel.bytes as u64);
    }

    /// No viewer that is waited for owes more than its ceiling and one update when the next one may go out.
    fn check_ceilings(&self, at: Timestamp, out: &Outcome) {
        for i in 0..self.viewers.len() {
            let viewer = ViewerId(i as u32);
            if self.flow.place(viewer) == Some(Place::Following)
                && let Some((bytes, ceiling)) = self.flow.unacknowledged(viewer, at)
            {
                let largest = out.largest.max(self.viewers[i].snapshot);
                assert!(bytes <= ceiling + largest, "{bytes} bytes on the way, {ceiling} allowed, at {at}");
            }
        }
    }

    /// Acknowledgements and keys reach the sender, viewers come.
    fn hear(&mut self, now: Ms, at: Timestamp) {
        for (i, v) in self.viewers.iter_mut().enumerate() {
            if v.joins_at == now {
                self.flow.joined(ViewerId(i as u32), at);
            }
            if i == 0 && self.keys.first().is_some_and(|k| *k == now) {
                v.back.put(0, Back::Key(self.keys.remove(0)));
            }
            if v.manners == Manners::Lying {
                for sequence in [self.sequence, self.sequence + 1, u64::MAX, 0] {
                    self.flow.acked(ViewerId(i as u32), sequence, Duration::MAX, at);
                }
            }
            for word in v.back.step(now) {
                match word {
                    Back::Ack(sequence, held) => self.flow.acked(ViewerId(i as u32), sequence, held, at),
                    Back::Key(pressed) => self.desk.key(pressed),
                }
            }
        }
    }

    /// Updates travel and are painted.
    fn carry(&mut self, now: Ms, out: &mut Outcome) {
        for (i, v) in self.viewers.iter_mut().enumerate() {
            for parcel in v.forth.step(now) {
                let begins = v.decoding.last().map_or(now, |(_, done, _)| now.max(*done));
                let takes = 1 + parcel.bytes as u64 / 20_000;
                v.decoding.push((now, begins + takes, parcel));
            }
            if now % REPAINT != v.repaints_at % REPAINT {
                continue;
            }
            let done = v.decoding.iter().take_while(|(_, done, _)| *done <= now).count();
            let mut newest = None;
            for (arrived, _, parcel) in v.decoding.drain(..done) {
                v.painted.push((now, parcel.taken));
                if i == 0 {
                    out.keys.extend(parcel.keys.iter().map(|pressed| (*pressed, now - pressed)));
                }
                self.desk.painted(i, &parcel);
                newest = Some((
                    parcel.sequence,
                    Duration::from_millis(if self.tells_held { now - arrived } else { 0 }),
                ));
            }
            if let Some((sequence, held)) = newest.filter(|_| v.manners == Manners::Honest) {
                v.back.put(0, Back::Ack(sequence, held));
            }
        }
    }
}
