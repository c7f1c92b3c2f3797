//! The decoder: bytes, however they are chunked, back to the very pictures.

use super::lossless::{StreamDecoder, decompress_once, most_plain_bytes, read_rects};
use super::picture_hash::PictureHash;
use crate::bitstream::{
    CursorBody, EndBody, EpochBody, Packet, PacketKind, Piece, SnapshotBody, Splitter, UpdateBody,
};
use crate::capture::CursorShape;
use crate::damage::{Copy, DirtyRows};
use crate::error::{Error, ErrorKind, Result};
use crate::frame::{FrameBuf, Region, Timestamp};
use crate::limits::Limits;

/// Figures of one picture packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UpdateFacts {
    /// Bytes of the packet's body.
    pub bytes: usize,
    /// Copies within the picture.
    pub copies: usize,
    /// Pixels that the copies wrote.
    pub copied_px: u64,
    /// Coded rectangles, solid ones included.
    pub rects: usize,
    /// Rectangles of one colour.
    pub solid_rects: usize,
    /// Pixels of the rectangles.
    pub coded_px: u64,
}

/// What one packet did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decoded {
    /// A stream begins.
    Header,
    /// [`Decoder::frame`] holds a newer picture.
    Picture {
        /// The number to acknowledge.
        sequence: u64,
        /// When the picture was taken.
        timestamp: Timestamp,
        /// Whether it was a whole picture.
        keyframe: bool,
        /// Whether the picture's size changed.
        resized: bool,
        /// Where it differs from the one before; a superset.
        dirty: Region,
        /// Figures of the packet.
        facts: UpdateFacts,
    },
    /// A new epoch over the same picture.
    Epoch {
        /// The number to acknowledge.
        sequence: u64,
    },
    /// The cursor moved or changed its shape.
    Cursor,
    /// The recording ends here.
    End {
        /// Pictures in all, unchanged ones included.
        frames: u64,
        /// Pictures a second.
        fps: u32,
    },
}

impl Decoded {
    /// The number to acknowledge, if there is one.
    #[must_use]
    pub fn sequence(&self) -> Option<u64> {
        match self {
            Self::Picture { sequence, .. } | Self::Epoch { sequence } => Some(*sequence),
            Self::Header | Self::Cursor | Self::End { .. } => None,
        }
    }
}

/// Turns the bytes of a stream back into pictures.
///
/// After an error it holds no picture and refuses everything until [`Decoder::reset`].
#[derive(Debug)]
pub struct Decoder {
    limits: Limits,
    splitter: Splitter,
    core: Core,
    failed: Option<Error>,
}

#[derive(Debug)]
struct Core {
    picture: Option<FrameBuf>,
    epoch: u64,
    sequence: u64,
    stream: Option<StreamDecoder>,
    hash: PictureHash,
    dirty: DirtyRows,
    plain: Vec<u8>,
    cursor_position: Option<(i32, i32)>,
    cursor_shape: Option<CursorShape>,
}

impl Decoder {
    /// A decoder at the start of a stream, with `limits` on what the stream may cost.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { limits, splitter: Splitter::new(), core: Core::new(), failed: None }
    }

    /// Takes bytes of the stream, in chunks of any length.
    ///
    /// # Errors
    /// - [`ErrorKind::LimitExceeded`] if more is pending than one packet may have: call [`Decoder::next`] until it
    ///   gives `None` before feeding more.
    /// - the error of an earlier call, until [`Decoder::reset`].
    pub fn feed(&mut self, bytes: &[u8]) -> Result<()> {
        self.check()?;
        let most = self.limits.packet_bytes.saturating_add(64);
        if self.splitter.pending_bytes() > most {
            return Err(Error::limit(
                "more bytes are pending than a packet may have; take the packets first",
            ));
        }
        self.splitter.feed(bytes);
        Ok(())
    }

    /// Decodes the next whole packet; `None` until more bytes are fed.
    ///
    /// # Errors
    /// - [`ErrorKind::InvalidData`] if the bytes break the format.
    /// - [`ErrorKind::Unsupported`] for a newer version or payload.
    /// - [`ErrorKind::LimitExceeded`] if the stream asks for more than the limits.
    /// - [`ErrorKind::Desync`] if a packet is missing, repeated or out of order, or the picture's hash differs.
    ///
    /// Each retires the decoder until [`Decoder::reset`].
    // It cannot be an iterator: the picture is borrowed between the calls.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Option<Decoded>> {
        self.check()?;
        let decoded = match self.splitter.next(&self.limits) {
            Ok(None) => return Ok(None),
            Ok(Some(Piece::Header)) => {
                self.core.expect_snapshot();
                Ok(Decoded::Header)
            }
            Ok(Some(Piece::Packet(kind, body))) => self.core.packet(kind, body, &self.limits),
            Err(e) => Err(e),
        };
        if let Err(e) = &decoded {
            self.failed = Some(e.clone());
            self.core = Core::new();
            self.splitter = Splitter::new();
        }
        decoded.map(Some)
    }

    /// The newest picture; `None` before the first and after an error.
    #[must_use]
    pub fn frame(&self) -> Option<&FrameBuf> {
        self.core.picture.as_ref()
    }

    /// Where the cursor's hotspot is; `None` where it is hidden.
    #[must_use]
    pub fn cursor_position(&self) -> Option<(i32, i32)> {
        self.core.cursor_position
    }

    /// The cursor's shape, once one has been sent.
    #[must_use]
    pub fn cursor_shape(&self) -> Option<&CursorShape> {
        self.core.cursor_shape.as_ref()
    }

    /// Bytes of a packet that is not whole yet: more than none at the end of a file means that it was cut off.
    #[must_use]
    pub fn pending_bytes(&self) -> usize {
        self.splitter.pending_bytes()
    }

    /// Forgets everything; the next bytes must begin a stream.
    pub fn reset(&mut self) {
        *self = Self::new(self.limits);
    }

    fn check(&self) -> Result<()> {
        self.failed.clone().map_or(Ok(()), Err)
    }
}

impl Core {
    fn new() -> Self {
        Self {
            picture: None,
            epoch: 0,
            sequence: 0,
            stream: None,
            hash: PictureHash::default(),
            dirty: DirtyRows::default(),
            plain: Vec::new(),
            cursor_position: None,
            cursor_shape: None,
        }
    }

    /// A header: whatever follows starts from nothing but keeps the buffers.
    fn expect_snapshot(&mut self) {
        self.epoch = 0;
        self.sequence = 0;
        self.cursor_position = None;
        self.cursor_shape = None;
    }

    fn packet(&mut self, kind: PacketKind, body: &[u8], limits: &Limits) -> Result<Decoded> {
        match Packet::read(kind, body, limits)? {
            Packet::Snapshot(b) => self.snapshot(&b, body.len(), limits),
            Packet::Update(b) => self.update(&b, body.len(), limits),
            Packet::Epoch(b) => self.begin_epoch(&b),
            Packet::Cursor(b) => self.cursor(&b),
            Packet::End(EndBody { frames, fps }) => Ok(Decoded::End { frames, fps }),
        }
    }

    fn snapshot(&mut self, b: &SnapshotBody<'_>, bytes: usize, limits: &Limits) -> Result<Decoded> {
        if b.epoch <= self.epoch || b.sequence <= self.sequence {
            return Err(desync("a snapshot out of order"));
        }
        if b.plain_bytes > most_plain_bytes(b.size, limits) {
            return Err(Error::limit(format!(
                "a payload of {} bytes for a {} picture",
                b.plain_bytes, b.size
            )));
        }
        decompress_once(b.data, b.plain_bytes as usize, &mut self.plain)?;
        let resized = self.picture.as_ref().is_none_or(|p| p.size() != b.size);
        let mut picture = match self.picture.take() {
            Some(picture) if !resized => picture,
            _ => FrameBuf::new(b.size, limits)?,
        };
        self.dirty.reset(b.size);
        let rects = read_rects(&self.plain, &mut picture, &mut self.dirty, limits)?;
        if rects.px != b.size.area() {
            return Err(Error::data("a snapshot does not hold the whole picture"));
        }
        self.hash.reset(&picture);
        if self.hash.sum(b.size) != b.hash {
            return Err(desync("a snapshot's picture is not the one that was sent"));
        }
        // A whole picture takes more than the updates after it: not worth keeping.
        self.plain = Vec::new();
        self.begin_stream(&picture)?;
        (self.epoch, self.sequence) = (b.epoch, b.sequence);
        self.picture = Some(picture);
        Ok(Decoded::Picture {
            sequence: b.sequence,
            timestamp: b.timestamp,
            keyframe: true,
            resized,
            dirty: Region::full(b.size),
            facts: UpdateFacts {
                bytes,
                rects: rects.count,
                solid_rects: rects.solid,
                coded_px: rects.px,
                ..UpdateFacts::default()
            },
        })
    }

    fn update(&mut self, b: &UpdateBody<'_>, bytes: usize, limits: &Limits) -> Result<Decoded> {
        let (Some(picture), Some(stream)) = (self.picture.as_mut(), self.stream.as_mut()) else {
            return Err(desync("an update before the first snapshot"));
        };
        if b.epoch != self.epoch || Some(b.sequence) != self.sequence.checked_add(1) {
            return Err(desync("an update is missing, repeated or out of order"));
        }
        let size = picture.size();
        self.dirty.reset(size);
        let mut facts = UpdateFacts { bytes, copies: b.copies.len(), ..UpdateFacts::default() };
        for &(from, to) in &b.copies {
            let copy = Copy { from, to };
            if to.is_empty() || !copy.fits(size) {
                return Err(Error::data(format!("a copy to {to} from outside of the {size} picture")));
            }
            facts.copied_px += to.area();
            // Copies may overlap, but no honest encoder moves the picture over and over again.
            if facts.copied_px > size.area().saturating_mul(MOST_COPIED) {
                return Err(Error::limit("the copies of a packet move too many pixels"));
            }
            copy.apply(picture);
            self.dirty.mark(&to);
        }
        if b.plain_bytes > most_plain_bytes(size, limits) {
            return Err(Error::limit(format!("a payload of {} bytes for a {size} picture", b.plain_bytes)));
        }
        if b.plain_bytes == 0 {
            if !b.data.is_empty() {
                return Err(Error::data("a payload that says it is empty is not"));
            }
        } else {
            stream.decompress(b.data, b.plain_bytes as usize, &mut self.plain)?;
            let rects = read_rects(&self.plain, picture, &mut self.dirty, limits)?;
            (facts.rects, facts.solid_rects, facts.coded_px) = (rects.count, rects.solid, rects.px);
        }
        self.hash.update(picture, &self.dirty);
        if self.hash.sum(size) != b.hash {
            return Err(desync("the picture is not the one that was sent"));
        }
        self.sequence = b.sequence;
        Ok(Decoded::Picture {
            sequence: b.sequence,
            timestamp: b.timestamp,
            keyframe: false,
            resized: false,
            dirty: self.dirty.region(),
            facts,
        })
    }

    fn begin_epoch(&mut self, b: &EpochBody) -> Result<Decoded> {
        let Some(picture) = self.picture.take() else {
            return Err(desync("an epoch before the first snapshot"));
        };
        if Some(b.epoch) != self.epoch.checked_add(1) || Some(b.sequence) != self.sequence.checked_add(1) {
            return Err(desync("an epoch out of order"));
        }
        if self.hash.sum(picture.size()) != b.hash {
            return Err(desync("the picture is not the one that was sent"));
        }
        self.begin_stream(&picture)?;
        (self.epoch, self.sequence) = (b.epoch, b.sequence);
        self.picture = Some(picture);
        Ok(Decoded::Epoch { sequence: b.sequence })
    }

    fn cursor(&mut self, b: &CursorBody<'_>) -> Result<Decoded> {
        if let Some((size, hotspot, data)) = b.shape {
            let mut pixels = Vec::new();
            decompress_once(data, size.area() as usize * 4, &mut pixels)?;
            self.cursor_shape = Some(CursorShape { size, hotspot, pixels });
        }
        self.cursor_position = b.position;
        Ok(Decoded::Cursor)
    }

    fn begin_stream(&mut self, picture: &FrameBuf) -> Result<()> {
        let stream = match self.stream.take() {
            Some(stream) => stream,
            None => StreamDecoder::new()?,
        };
        self.stream.insert(stream).begin(picture)
    }
}

/// How many pictures' worth of pixels the copies of one packet may move.
const MOST_COPIED: u64 = 16;

fn desync(what: &str) -> Error {
    Error::new(ErrorKind::Desync, format!("{what}; a fresh snapshot is needed"))
}
