//! The encoder: what the viewers hold, and how to bring them to the next picture.

use super::lossless::{
    Activity, CodedRect, Coding, Orientation, Residual, StreamEncoder, compress_once, has_colours, whole,
    write_rects,
};
use super::picture_hash::PictureHash;
use crate::bitstream::{
    CursorBody, EndBody, EpochBody, Packet, PayloadKind, SnapshotBody, UpdateBody, write_header,
};
use crate::capture::{CursorShape, CursorUpdate, Damage};
use crate::damage::{Copy, DirtyRows, Motion, compare};
use crate::error::{Error, Result};
use crate::frame::{FrameBuf, Rect, Region, TILE_PX, Timestamp};
use crate::limits::Limits;

/// How an encoder works.
#[derive(Clone, Copy, Debug, Default)]
pub struct EncoderConfig {
    /// Caps of the stream; a decoder with the same limits reads whatever the encoder writes.
    pub limits: Limits,
}

/// What [`Encoder::encode`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpdateKind {
    /// The picture is what the viewers hold; nothing was written.
    Unchanged,
    /// A packet with what changed.
    Delta,
    /// A whole picture, because there was none or its size changed.
    Keyframe,
}

/// The outcome of [`Encoder::encode`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Update {
    /// What was written.
    pub kind: UpdateKind,
    /// The number by which viewers acknowledge the packet; the last one's if nothing was written.
    pub sequence: u64,
    /// Pixels of row segments that changed.
    pub dirty_px: u64,
    /// Where the buffer that came back differs from the newest picture.
    pub stale: Region,
}

/// Turns pictures into packets, without loss.
///
/// It holds the picture that the viewers hold. A stream's bytes depend on the pictures, damage and times it was
/// given, never on threads, addresses or clocks.
#[derive(Debug)]
pub struct Encoder {
    limits: Limits,
    picture: Option<FrameBuf>,
    epoch: u64,
    sequence: u64,
    /// The first packet of the stream begins with the header.
    begun: bool,
    hash: PictureHash,
    stream: StreamEncoder,
    motion: Motion,
    residual: Residual,
    orientation: Orientation,
    activity: Activity,
    changed: DirtyRows,
    dirty: DirtyRows,
    copies: Vec<Copy>,
    plain: Vec<u8>,
    coded: Vec<u8>,
    cursor: CursorUpdate,
}

impl Encoder {
    /// An encoder before its first picture.
    ///
    /// # Errors
    /// - [`crate::ErrorKind::LimitExceeded`] if there is no memory for the zstd context.
    pub fn new(config: EncoderConfig) -> Result<Self> {
        Ok(Self {
            limits: config.limits,
            picture: None,
            epoch: 0,
            sequence: 0,
            begun: false,
            hash: PictureHash::default(),
            stream: StreamEncoder::new()?,
            motion: Motion::default(),
            residual: Residual::default(),
            orientation: Orientation::default(),
            activity: Activity::default(),
            changed: DirtyRows::default(),
            dirty: DirtyRows::default(),
            copies: Vec::new(),
            plain: Vec::new(),
            coded: Vec::new(),
            cursor: CursorUpdate::default(),
        })
    }

    /// Encodes what changed since the last call.
    ///
    /// # Shapes and units
    /// - `frame`: the newest picture. On return it holds an **older** one: the buffers are swapped, not copied.
    ///   [`Update::stale`] says where it differs from the newest; all of it after a keyframe.
    /// - `damage`: where the picture may differ from that of the last call, a superset of truth.
    /// - `out`: one packet is appended, or nothing if the picture is unchanged. The first one begins with the
    ///   stream header.
    ///
    /// # Errors
    /// - [`crate::ErrorKind::LimitExceeded`] if the picture is too large or the packet would be. `out` is
    ///   unchanged; the next picture becomes a keyframe.
    ///
    /// # Threads and cost
    /// Comparing uses rayon's current pool. O(damage) reads and O(changed pixels) work; nothing is allocated once
    /// warm.
    pub fn encode(
        &mut self,
        frame: &mut FrameBuf,
        damage: &Damage,
        timestamp: Timestamp,
        out: &mut Vec<u8>,
    ) -> Result<Update> {
        self.limits.check_size(frame.size())?;
        let before = out.len();
        let update = match self.picture.take() {
            Some(picture) if picture.size() == frame.size() => {
                self.delta(picture, frame, damage, timestamp, out)
            }
            picture => self.keyframe(picture, frame, timestamp, out),
        };
        if update.is_err() {
            out.truncate(before);
            self.picture = None;
        }
        update
    }

    fn keyframe(
        &mut self,
        picture: Option<FrameBuf>,
        frame: &mut FrameBuf,
        timestamp: Timestamp,
        out: &mut Vec<u8>,
    ) -> Result<Update> {
        let size = frame.size();
        let back = match picture {
            Some(mut old) => {
                old.reset(size, &self.limits)?;
                old
            }
            None => FrameBuf::new(size, &self.limits)?,
        };
        let picture = std::mem::replace(frame, back);
        self.hash.reset(&picture);
        self.activity.reset(size);
        self.begin_epoch(&picture)?;
        if !self.begun {
            write_header(out);
            self.begun = true;
        }
        self.write_snapshot(&picture, timestamp, out)?;
        self.picture = Some(picture);
        Ok(Update {
            kind: UpdateKind::Keyframe,
            sequence: self.sequence,
            dirty_px: size.area(),
            stale: Region::full(size),
        })
    }

    fn delta(
        &mut self,
        mut picture: FrameBuf,
        frame: &mut FrameBuf,
        damage: &Damage,
        timestamp: Timestamp,
        out: &mut Vec<u8>,
    ) -> Result<Update> {
        compare(&picture, frame, damage, &mut self.changed)?;
        if self.changed.is_clean() {
            self.picture = Some(picture);
            return Ok(Update {
                kind: UpdateKind::Unchanged,
                sequence: self.sequence,
                dirty_px: 0,
                stale: Region::empty(),
            });
        }
        let dirty_px = self.changed.area();
        self.activity.note(&self.changed);
        self.dirty.clone_from(&self.changed);
        self.copies.clear();
        self.motion.find(&mut picture, frame, &mut self.dirty, &mut self.copies)?;
        for copy in &self.copies {
            self.changed.mark(&copy.to);
        }
        let rects = self.residual.find(&picture, frame, &self.dirty, self.limits.rects);
        self.plain.clear();
        self.coded.clear();
        if !rects.is_empty() {
            let columns = self.orientation.by_columns(frame, rects);
            let activity = &self.activity;
            let coded =
                rects.iter().map(|r| CodedRect { rect: *r, coding: coding(frame, r, columns, activity) });
            write_rects(frame, coded, &mut self.plain);
            self.stream.compress(&self.plain, &mut self.coded)?;
        }
        self.hash.update(frame, &self.changed);
        self.sequence += 1;
        Packet::Update(UpdateBody {
            epoch: self.epoch,
            sequence: self.sequence,
            timestamp,
            hash: self.hash.sum(frame.size()),
            copies: self.copies.iter().map(|c| (c.from, c.to)).collect(),
            payload: PayloadKind::Lossless,
            plain_bytes: self.plain.len() as u64,
            data: &self.coded,
        })
        .write(out);
        self.check_packet(self.coded.len())?;
        std::mem::swap(&mut picture, frame);
        self.picture = Some(picture);
        Ok(Update {
            kind: UpdateKind::Delta,
            sequence: self.sequence,
            dirty_px,
            stale: self.changed.region(),
        })
    }

    /// Brings a late joiner in, from the encoder's own picture.
    ///
    /// # Shapes and units
    /// - `joiner`: gets a stream header, a snapshot and the cursor.
    /// - `others`: gets the packet by which those who already hold the picture begin the same epoch.
    /// - returns the sequence number of both; `None` if there has been no picture yet.
    ///
    /// # Errors
    /// - [`crate::ErrorKind::LimitExceeded`] if the packet would be too large; the next picture is a keyframe.
    pub fn late_join(
        &mut self,
        timestamp: Timestamp,
        joiner: &mut Vec<u8>,
        others: &mut Vec<u8>,
    ) -> Result<Option<u64>> {
        let Some(picture) = self.picture.take() else { return Ok(None) };
        self.begin_epoch(&picture)?;
        write_header(joiner);
        self.write_snapshot(&picture, timestamp, joiner)?;
        let hash = self.hash.sum(picture.size());
        Packet::Epoch(EpochBody { epoch: self.epoch, sequence: self.sequence, timestamp, hash })
            .write(others);
        self.picture = Some(picture);
        if self.cursor != CursorUpdate::default() {
            write_cursor(&self.cursor, timestamp, joiner)?;
        }
        Ok(Some(self.sequence))
    }

    /// Appends a packet with what changed about the cursor.
    ///
    /// # Errors
    /// - [`crate::ErrorKind::InvalidInput`] if a shape's pixels do not fit its size.
    /// - [`crate::ErrorKind::LimitExceeded`] if a shape is larger than [`Limits::cursor_side_px`].
    pub fn cursor(&mut self, update: &CursorUpdate, timestamp: Timestamp, out: &mut Vec<u8>) -> Result<()> {
        if let Some(shape) = &update.shape {
            let side = self.limits.cursor_side_px;
            if shape.size.width > side || shape.size.height > side {
                return Err(Error::limit(format!("a cursor of {}; {side}x{side} is allowed", shape.size)));
            }
            if shape.size.area() == 0 || shape.pixels.len() as u64 != shape.size.area() * 4 {
                return Err(Error::input(format!(
                    "{} bytes are no cursor of {}",
                    shape.pixels.len(),
                    shape.size
                )));
            }
            self.cursor.shape = Some(shape.clone());
        }
        self.cursor.position = update.position;
        write_cursor(update, timestamp, out)
    }

    /// Appends the end of a recording: how many pictures it has, unchanged ones included, at which rate.
    pub fn finish(&mut self, frames: u64, fps: u32, out: &mut Vec<u8>) {
        Packet::End(EndBody { frames, fps }).write(out);
    }

    /// The picture that the viewers hold once they have everything.
    #[must_use]
    pub fn picture(&self) -> Option<&FrameBuf> {
        self.picture.as_ref()
    }

    fn begin_epoch(&mut self, picture: &FrameBuf) -> Result<()> {
        self.epoch += 1;
        self.sequence += 1;
        self.orientation.reset();
        self.stream.begin(picture)
    }

    fn write_snapshot(&mut self, picture: &FrameBuf, timestamp: Timestamp, out: &mut Vec<u8>) -> Result<()> {
        self.plain.clear();
        self.coded.clear();
        write_rects(picture, whole(picture).into_iter(), &mut self.plain);
        compress_once(&self.plain, &mut self.coded)?;
        self.check_packet(self.coded.len())?;
        Packet::Snapshot(SnapshotBody {
            epoch: self.epoch,
            sequence: self.sequence,
            timestamp,
            size: picture.size(),
            hash: self.hash.sum(picture.size()),
            payload: PayloadKind::Lossless,
            plain_bytes: self.plain.len() as u64,
            data: &self.coded,
        })
        .write(out);
        // A whole picture takes more than the updates after it: not worth keeping.
        self.plain = Vec::new();
        self.coded = Vec::new();
        Ok(())
    }

    fn check_packet(&self, coded: usize) -> Result<()> {
        // Numbers and copies around the coded pixels take far less than this.
        let around = 64 + self.copies.len() * 30;
        if coded + around > self.limits.packet_bytes {
            return Err(Error::limit(format!(
                "a packet of {coded} bytes; {} are allowed",
                self.limits.packet_bytes
            )));
        }
        Ok(())
    }
}

/// Shortest side of a rectangle that is looked at as a film.
const LEAST_FILM_SIDE_PX: u32 = 32;

/// A film has more colours than smoothed text: one in this many pixels has a colour of its own.
const FILM_PIXELS_PER_COLOUR: u32 = 4;

/// How one changed rectangle is coded. A film is predicted: its pixels never come again, so their place in the
/// history would be wasted. What was photographed but stands still is coded as pixels, so that it can be found in
/// the history when a window has uncovered it.
fn coding(picture: &FrameBuf, rect: &Rect, columns: bool, activity: &Activity) -> Coding {
    if rect.width.min(rect.height) >= LEAST_FILM_SIDE_PX && activity.is_active(rect) {
        let side = |len: u32| len.min(TILE_PX);
        let (width, height) = (side(rect.width), side(rect.height));
        let middle =
            Rect::new(rect.x + (rect.width - width) / 2, rect.y + (rect.height - height) / 2, width, height);
        if has_colours(picture, &middle, FILM_PIXELS_PER_COLOUR) {
            return Coding::Predicted;
        }
    }
    Coding::choose(picture, rect, columns)
}

fn write_cursor(update: &CursorUpdate, timestamp: Timestamp, out: &mut Vec<u8>) -> Result<()> {
    let mut coded = Vec::new();
    if let Some(CursorShape { pixels, .. }) = &update.shape {
        compress_once(pixels, &mut coded)?;
    }
    let shape = update.shape.as_ref().map(|s| (s.size, s.hotspot, &coded[..]));
    Packet::Cursor(CursorBody { timestamp, position: update.position, shape }).write(out);
    Ok(())
}
