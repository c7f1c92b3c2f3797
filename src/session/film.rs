//! The sharing end of a film that the caller's own encoder codes, a camera's above all: when a picture is wanted, whether
//! it has to be a keyframe, and packets from what the encoder gave. No pixel passes through here.
//!
//! It stands where a pipeline stands for a screen: [`super::SharerOutput::Viewer`] goes in, and what comes out goes to
//! [`super::Sharer::packet`] and [`super::Sharer::packet_for`].

use super::{Flow, Place, ViewerEvent, ViewerId};
use crate::bitstream::{FEATURE_FILM, FilmBody, FilmCodec, FilmColour, Packet, write_header};
use crate::error::{Error, Result};
use crate::frame::{Size, Timestamp};
use crate::limits::Limits;

/// One picture as an encoder elsewhere gave it: a phone's, a camera's, a browser's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FilmUnit<'a> {
    /// What it is coded with; it may change at a keyframe.
    pub codec: FilmCodec,
    /// The picture's size; it may change at a keyframe.
    pub size: Size,
    /// How planes become colours; it may change at a keyframe.
    pub colour: FilmColour,
    /// Whether it can be decoded without those before it.
    pub keyframe: bool,
    /// When the picture was taken.
    pub timestamp: Timestamp,
    /// The encoder's bytes: [`FilmCodec`] says in which form.
    pub data: &'a [u8],
}

/// How the next picture is to be encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FilmWants {
    /// Somebody waits for a picture that needs nothing from before.
    pub keyframe: bool,
    /// What the lines take, in bits a second; `None` while that is unknown.
    pub bitrate: Option<u64>,
}

/// A packet, and for whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilmPacket {
    /// The viewer that it starts over for; `None`: all that follow.
    pub to: Option<ViewerId>,
    /// The packet.
    pub bytes: Vec<u8>,
}

/// What a keyframe has fixed.
type Shape = (FilmCodec, Size, FilmColour);

/// The feed of one film.
#[derive(Debug)]
pub struct FilmFeed {
    limits: Limits,
    flow: Flow,
    epoch: u64,
    sequence: u64,
    latest: Timestamp,
    /// What is being sent; `None` until a keyframe has been.
    shape: Option<Shape>,
    /// A keyframe was asked for and has not come yet.
    asked: bool,
}

impl FilmFeed {
    /// Nobody watches yet. `limits`: those of the viewers' decoders.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            flow: Flow::new(),
            epoch: 0,
            sequence: 0,
            latest: Timestamp(0),
            shape: None,
            asked: false,
        }
    }

    /// What happened to a viewer. What one that comes back still holds is of no use: a film starts over.
    pub fn viewer(&mut self, event: &ViewerEvent, now: Timestamp) {
        match *event {
            ViewerEvent::Joined(viewer) | ViewerEvent::Resumed(viewer, ..) => self.flow.joined(viewer, now),
            ViewerEvent::Behind(viewer) => self.flow.fell_behind(viewer),
            ViewerEvent::Left(viewer) => self.flow.left(viewer),
            ViewerEvent::Painted { viewer, sequence, held } => self.flow.acked(viewer, sequence, held, now),
            ViewerEvent::Focus(_) => {}
        }
    }

    /// Whether a picture of now is to be encoded, and how. `None`: nobody watches, or the lines are full; the picture is
    /// left out, for a later one says more.
    pub fn wants(&mut self, now: Timestamp) -> Option<FilmWants> {
        let due = !self.flow.snapshots_due(now).is_empty();
        if due && !self.flow.any(Place::Following) {
            // Somebody waits, and nobody else is to be considered.
        } else if !self.flow.may_send(now) {
            return None;
        }
        let keyframe = (due || self.shape.is_none()) && !self.asked;
        self.asked |= keyframe;
        Some(FilmWants { keyframe, bitrate: self.flow.target_bitrate() })
    }

    /// Packets of what the encoder gave, in the order in which they are to go out; none for a picture that nobody could
    /// decode any more.
    ///
    /// # Errors
    /// - [`crate::ErrorKind::InvalidInput`] for a picture without bytes, or of another codec, size or colour than its
    ///   keyframe.
    /// - [`crate::ErrorKind::LimitExceeded`] if the picture, or its packet, is over the limits.
    ///
    /// After an error the next picture that is wanted is a keyframe.
    pub fn encoded(&mut self, unit: &FilmUnit<'_>, now: Timestamp) -> Result<Vec<FilmPacket>> {
        let packets = self.packets(unit, now);
        if packets.is_err() {
            self.lost();
        }
        packets
    }

    fn packets(&mut self, unit: &FilmUnit<'_>, now: Timestamp) -> Result<Vec<FilmPacket>> {
        self.limits.check_size(unit.size)?;
        if unit.data.is_empty() {
            return Err(Error::input("a film's picture without bytes"));
        }
        // The head of a packet has a few small numbers.
        if unit.data.len() + 128 > self.limits.packet_bytes {
            return Err(Error::limit("a film's picture has more bytes than a packet may"));
        }
        let shape = (unit.codec, unit.size, unit.colour);
        if unit.keyframe {
            (self.epoch, self.shape, self.asked) = (self.epoch + 1, Some(shape), false);
        } else if self.shape.is_none() {
            return Ok(Vec::new());
        } else if self.shape != Some(shape) {
            return Err(Error::input("a film changes its codec, size or colour at a keyframe only"));
        }
        self.sequence += 1;
        self.latest = self.latest.max(unit.timestamp);
        let mut packet = Vec::with_capacity(unit.data.len() + 64);
        Packet::Film(FilmBody {
            epoch: self.epoch,
            sequence: self.sequence,
            timestamp: self.latest,
            size: unit.size,
            codec: unit.codec,
            keyframe: unit.keyframe,
            colour: unit.colour,
            data: unit.data,
        })
        .write(&mut packet);
        let mut packets = Vec::new();
        let starting = if unit.keyframe { self.flow.snapshots_due(now) } else { Vec::new() };
        let mut whole = Vec::new();
        if !starting.is_empty() {
            write_header(FEATURE_FILM, &mut whole);
            whole.extend_from_slice(&packet);
        }
        // Those who are in come first: from its own packet on a viewer gets what all get.
        if self.flow.reaches_anyone() {
            self.flow.sent(self.sequence, packet.len(), now);
            packets.push(FilmPacket { to: None, bytes: packet });
        }
        for viewer in starting {
            self.flow.snapshot_sent(viewer, self.sequence, whole.len(), now);
            packets.push(FilmPacket { to: Some(viewer), bytes: whole.clone() });
        }
        if packets.is_empty() {
            self.lost();
        }
        Ok(packets)
    }

    /// A picture that was wanted will not come, or what was encoded is gone: the next one wanted is a keyframe.
    pub fn lost(&mut self) {
        (self.shape, self.asked) = (None, false);
    }

    /// The film stops for now and nothing of it is to be kept: everybody starts over when it goes on.
    pub fn forget(&mut self) {
        self.lost();
        self.flow.all_lost_place();
    }

    /// When [`FilmFeed::wants`] may give another answer though nothing happens.
    #[must_use]
    pub fn next_change(&self, now: Timestamp) -> Option<Timestamp> {
        self.flow.next_change(now)
    }

    /// How many watch.
    #[must_use]
    pub fn viewers(&self) -> usize {
        self.flow.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bitstream::{Piece, Splitter};
    use std::time::Duration;

    const A: ViewerId = ViewerId(1);
    const B: ViewerId = ViewerId(2);

    fn ms(ms: u64) -> Timestamp {
        Timestamp(ms * 1000)
    }

    fn unit(keyframe: bool, at: u64) -> FilmUnit<'static> {
        let (codec, size) = (FilmCodec::H264, Size::new(640, 360));
        let colour = FilmColour { bt709: true, full_range: false };
        FilmUnit { codec, size, colour, keyframe, timestamp: ms(at), data: &[1, 2, 3] }
    }

    /// Header or not, epoch, sequence, keyframe.
    fn seen(packet: &FilmPacket) -> (bool, u64, u64, bool) {
        let (mut splitter, limits) = (Splitter::new(), Limits::default());
        // Where there is no header, some stream before had one.
        let begun = packet.bytes.starts_with(b"PCST");
        if !begun {
            let mut header = Vec::new();
            write_header(FEATURE_FILM, &mut header);
            splitter.feed(&header);
        }
        splitter.feed(&packet.bytes);
        assert_eq!(splitter.next(&limits), Ok(Some(Piece::Header(FEATURE_FILM))));
        let Ok(Some(Piece::Packet(kind, body))) = splitter.next(&limits) else { panic!("no packet") };
        let Ok(Packet::Film(body)) = Packet::read(kind, body, &limits) else { panic!("no film") };
        (begun, body.epoch, body.sequence, body.keyframe)
    }

    fn watching() -> FilmFeed {
        let mut feed = FilmFeed::new(Limits::default());
        feed.viewer(&ViewerEvent::Joined(A), ms(0));
        assert_eq!(feed.wants(ms(0)).map(|w| w.keyframe), Some(true));
        let packets = feed.encoded(&unit(true, 0), ms(5)).expect("packets");
        assert_eq!(
            packets.iter().map(|p| (p.to, seen(p))).collect::<Vec<_>>(),
            [(Some(A), (true, 1, 1, true))]
        );
        feed.viewer(&painted(A, 1), ms(20));
        feed
    }

    fn painted(viewer: ViewerId, sequence: u64) -> ViewerEvent {
        ViewerEvent::Painted { viewer, sequence, held: Duration::ZERO }
    }

    #[test]
    fn nothing_is_wanted_while_nobody_watches() {
        let mut feed = FilmFeed::new(Limits::default());
        assert_eq!(feed.wants(ms(0)), None);
        assert_eq!(feed.encoded(&unit(true, 0), ms(0)), Ok(Vec::new()));
        feed = watching();
        feed.viewer(&ViewerEvent::Left(A), ms(30));
        assert_eq!(feed.wants(ms(40)), None);
    }

    #[test]
    fn one_keyframe_is_asked_for_and_then_pictures_between() {
        let mut feed = watching();
        assert_eq!(feed.wants(ms(33)).map(|w| w.keyframe), Some(false));
        let packets = feed.encoded(&unit(false, 33), ms(40)).expect("a packet");
        assert_eq!(
            packets.iter().map(|p| (p.to, seen(p))).collect::<Vec<_>>(),
            [(None, (false, 1, 2, false))]
        );
    }

    #[test]
    fn who_comes_late_starts_with_a_keyframe_that_all_get() {
        let mut feed = watching();
        feed.viewer(&ViewerEvent::Joined(B), ms(1000));
        assert_eq!(feed.wants(ms(1000)).map(|w| w.keyframe), Some(true));
        assert_eq!(feed.wants(ms(1033)).map(|w| w.keyframe), Some(false), "it is on its way");
        let packets = feed.encoded(&unit(true, 1000), ms(1040)).expect("packets");
        let seen: Vec<_> = packets.iter().map(|p| (p.to, seen(p))).collect();
        assert_eq!(seen, [(None, (false, 2, 2, true)), (Some(B), (true, 2, 2, true))]);
    }

    #[test]
    fn full_lines_leave_pictures_out() {
        let mut feed = watching();
        let mut sent = 0;
        while feed.wants(ms(50)).is_some() {
            feed.encoded(&unit(false, 50), ms(50)).expect("a packet");
            sent += 1;
            assert!(sent < 100, "nothing holds it back");
        }
        feed.viewer(&painted(A, 1 + sent), ms(90));
        assert!(feed.wants(ms(91)).is_some());
    }

    #[test]
    fn what_was_lost_is_followed_by_a_keyframe() {
        let mut feed = watching();
        feed.lost();
        assert_eq!(feed.encoded(&unit(false, 40), ms(40)), Ok(Vec::new()), "nobody can decode it");
        assert_eq!(feed.wants(ms(50)).map(|w| w.keyframe), Some(true));
        let packets = feed.encoded(&unit(true, 50), ms(60)).expect("a packet");
        assert_eq!(
            packets.iter().map(|p| (p.to, seen(p))).collect::<Vec<_>>(),
            [(None, (false, 2, 2, true))]
        );
    }

    #[test]
    fn after_it_was_forgotten_everybody_starts_over() {
        let mut feed = watching();
        feed.forget();
        assert_eq!(feed.wants(ms(600)).map(|w| w.keyframe), Some(true));
        let packets = feed.encoded(&unit(true, 600), ms(610)).expect("packets");
        assert!(packets.iter().any(|p| p.to == Some(A) && seen(p).0));
    }

    #[test]
    fn what_breaks_the_rules_is_an_error() {
        let mut feed = watching();
        let other = FilmUnit { size: Size::new(320, 180), ..unit(false, 40) };
        assert_eq!(feed.encoded(&other, ms(40)).map_err(|e| e.kind()), Err(crate::ErrorKind::InvalidInput));
        let empty = FilmUnit { data: &[], ..unit(true, 40) };
        assert_eq!(feed.encoded(&empty, ms(40)).map_err(|e| e.kind()), Err(crate::ErrorKind::InvalidInput));
        let mut small = FilmFeed::new(Limits { packet_bytes: 64, ..Limits::default() });
        small.viewer(&ViewerEvent::Joined(A), ms(0));
        let kind = small.encoded(&unit(true, 0), ms(0)).map_err(|e| e.kind());
        assert_eq!(kind, Err(crate::ErrorKind::LimitExceeded));
    }
}
