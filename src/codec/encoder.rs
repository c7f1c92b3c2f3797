//! The encoder: what the viewers hold, and how to bring them to the next picture.

mod film;
mod resume;

use super::classify;
use super::config::{EncoderConfig, Mode, Refine};
use super::exactness::Exactness;
use super::fades::Fades;
use super::lossless::{Activity, CodedRect, Coding, PixelWriter, Residual, choose, compress_once, whole};
use super::memory::Memory;
use super::picture_hash::PictureHash;
use super::recall::Recall;
use super::refine::Quiet;
use super::regions::{CodedPicture, Regions};
use super::shown::Shown;
use super::stills::{CodedPhoto, Stills};
use crate::bitstream::{
    Av1Layer, CursorBody, EndBody, EpochBody, FEATURE_AV1, FEATURE_FADES, Layer, Packet, PayloadKind,
    PhotoLayer, SnapshotBody, UpdateBody, write_header,
};
use crate::capture::{CursorShape, CursorUpdate, Damage};
use crate::codec::av1::{Av1Choice, Chroma};
use crate::damage::{Copy, DirtyRows, Motion, compare};
use crate::error::{Error, Result};
use crate::frame::{FrameBuf, Rect, Region, Timestamp, wipe};

/// What [`Encoder::encode`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpdateKind {
    /// The picture is what the viewers hold; nothing was written.
    Unchanged,
    /// A packet with what changed.
    Delta,
    /// A packet that makes pixels exact which had lost something.
    Refinement,
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
    /// Pixels of the shown picture that are not exact.
    pub lossy_px: u64,
}

/// Turns pictures into packets.
///
/// It holds the source's picture and the one that the viewers hold; in [`Mode::Lossless`] they are one. A stream's
/// bytes depend on the configuration and on the pictures, damage and times it was given, never on threads,
/// addresses or clocks.
#[derive(Debug)]
pub struct Encoder {
    config: EncoderConfig,
    memory: Memory,
    /// The source's newest picture.
    picture: Option<FrameBuf>,
    shown: Shown,
    epoch: u64,
    sequence: u64,
    /// The first packet of the stream begins with the header.
    begun: bool,
    /// What the header asks for beside what the configuration may bring.
    more_features: u8,
    hash: PictureHash,
    pixels: PixelWriter,
    motion: Motion,
    residual: Residual,
    activity: Activity,
    regions: Regions,
    stills: Stills,
    fades: Fades,
    quiet: Quiet,
    recall: Recall,
    changed: DirtyRows,
    dirty: DirtyRows,
    copies: Vec<Copy>,
    pictures: Vec<CodedPicture>,
    rects: Vec<Rect>,
    recalled: Vec<Rect>,
    coded_rects: Vec<CodedRect>,
    plain_bytes: u64,
    coded: Vec<u8>,
    cursor: CursorUpdate,
}

impl Encoder {
    /// An encoder before its first picture.
    ///
    /// # Errors
    /// As [`EncoderConfig::check`].
    pub fn new(config: EncoderConfig) -> Result<Self> {
        config.check()?;
        Ok(Self::blank(config))
    }

    fn blank(config: EncoderConfig) -> Self {
        Self {
            config,
            memory: Memory::default(),
            picture: None,
            shown: Shown::default(),
            epoch: 0,
            sequence: 0,
            begun: false,
            more_features: 0,
            hash: PictureHash::default(),
            pixels: PixelWriter::new(),
            motion: Motion::default(),
            residual: Residual::default(),
            activity: Activity::default(),
            regions: Regions::new(config.av1, config.quality),
            stills: Stills::new(config.quality),
            fades: Fades::default(),
            quiet: Quiet::default(),
            recall: Recall::default(),
            changed: DirtyRows::default(),
            dirty: DirtyRows::default(),
            copies: Vec::new(),
            pictures: Vec::new(),
            rects: Vec::new(),
            recalled: Vec::new(),
            coded_rects: Vec::new(),
            plain_bytes: 0,
            coded: Vec::new(),
            cursor: CursorUpdate::default(),
        }
    }

    /// Forgets all pictures and what it has learnt and set aside of them, and zeroes its copies; what the libraries of
    /// AV1 and zstd held is freed. The next picture is a keyframe after a stream header, numbered on from the packets
    /// before, and nothing in it depends on them.
    pub fn forget(&mut self) {
        let mut blank = Self::blank(self.config);
        (blank.epoch, blank.sequence) = (self.epoch, self.sequence);
        blank.more_features = self.more_features;
        blank.regions.set_bitrate(self.regions.bitrate());
        wipe(&mut self.coded);
        *self = blank;
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
    /// - [`crate::ErrorKind::LimitExceeded`] if the picture is too large, the packet would be, or two pictures are more
    ///   than [`crate::Limits::memory_bytes`]. `out` is unchanged; the next picture becomes a keyframe.
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
        self.config.limits.check_size(frame.size())?;
        self.memory = Memory::new(&self.config.limits, frame.size())?;
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
        let mut back = match picture {
            Some(mut old) => {
                old.reset(size, &self.config.limits)?;
                old
            }
            None => FrameBuf::new(size, &self.config.limits)?,
        };
        self.begin_stream(out);
        self.activity.reset(size);
        self.regions.clear();
        self.write_snapshot(frame, &mut back, false, timestamp, out)?;
        self.picture = Some(std::mem::replace(frame, back));
        Ok(self.update(UpdateKind::Keyframe, size.area(), Region::full(size)))
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
            return Ok(self.update(UpdateKind::Unchanged, 0, Region::empty()));
        }
        let dirty_px = self.changed.area();
        self.activity.note(&self.changed);
        self.dirty.clone_from(&self.changed);
        self.copies.clear();
        self.recall.begin(self.shown.exactness(), timestamp);
        // A film beside which little happens is not searched for what moved.
        let taken = self.regions.go_on(&picture, frame, &self.dirty, timestamp);
        if taken {
            self.regions.take(&mut picture, frame, &mut self.dirty);
        }
        self.recalled = self.recall.take(frame, &mut self.dirty);
        // What came back as it was has not moved.
        if self.recalled.is_empty() {
            let before = |old: &FrameBuf, copy: &Copy| self.recall.stage_copy(old, copy);
            self.motion.find(&mut picture, frame, &mut self.dirty, &mut self.copies, before)?;
        }
        self.recall.stage_dirty(&picture, &self.changed);
        for copy in &self.copies {
            self.changed.mark(&copy.to);
            self.hash.copied(copy);
        }
        self.shown.copy(&self.copies);
        self.note_copies(timestamp);
        self.regions.follow(&self.copies, frame.size());
        if !taken || !self.copies.is_empty() {
            self.regions.take(&mut picture, frame, &mut self.dirty);
        }
        self.regions.review(frame, timestamp);
        let rects = self.residual.find(&picture, frame, &self.dirty, self.config.limits.rects);
        self.rects.clear();
        self.rects.extend_from_slice(rects);
        self.recall.cut(frame, &mut self.rects, &mut self.recalled);
        let copied: u64 = self.copies.iter().map(|c| c.to.area()).sum();
        let left: u64 = self.rects.iter().chain(&self.recalled).map(Rect::area).sum();
        self.quiet.note(copied + left + self.regions.changed_px(), timestamp);
        self.pictures.clear();
        self.fades.clear();
        let mut stills = Vec::new();
        if self.may_lose() {
            self.lossy(&picture, frame, timestamp, &mut stills)?;
        }
        let moved = self.copies.iter().flat_map(|copy| [copy.source(), copy.to]);
        self.pixels.begin_update(moved, timestamp);
        self.write_payload(Some(&mut picture), frame, &mut stills)?;
        self.note_exactness(timestamp);
        self.note_written(frame, &stills);
        self.shown.settle();
        self.hash.update(self.shown.picture(frame));
        let copies = self.copies.iter().map(|c| (c.from, c.to)).collect();
        let ended: Vec<u32> = self.regions.take_ended().collect();
        self.write_update(false, copies, &ended, &stills, timestamp, frame, out)?;
        std::mem::swap(&mut picture, frame);
        self.picture = Some(picture);
        Ok(self.update(UpdateKind::Delta, dirty_px, self.changed.region()))
    }

    /// Films and photographs among what is left to code: they leave `rects` for layers.
    fn lossy(
        &mut self,
        old: &FrameBuf,
        new: &FrameBuf,
        now: Timestamp,
        stills: &mut Vec<CodedPhoto>,
    ) -> Result<()> {
        let mut left = Vec::new();
        let limits = &self.config.limits;
        if self.copies.is_empty() && self.recalled.is_empty() {
            let near = self.stills.near();
            self.fades.take(old, new, &mut self.rects, near, &mut self.shown, now, limits)?;
        }
        // What a scrolled page uncovers changes with every update, but it is no film; nor is what fades in.
        if self.copies.is_empty() && !self.fades.fading(now) {
            let most = self.memory.for_films();
            self.regions.begin(new, &self.rects, &self.activity, now, most, &mut left);
        } else {
            left.extend_from_slice(&self.rects);
        }
        self.regions.encode(old, new, &mut self.shown, now, limits, &mut self.pictures)?;
        let photos = Stills::take(new, &mut left);
        self.stills.encode(old, new, &photos, self.fades.fading(now), &mut self.shown, limits, stills)?;
        self.rects = left;
        let patches = self.pictures.iter().flat_map(|p| p.patches.iter().map(|patch| &patch.to));
        for rect in patches.chain(&photos).chain(self.fades.rects()) {
            self.changed.mark(rect);
            self.hash.wrote(rect);
            self.quiet.touch(rect, now);
        }
        Ok(())
    }

    /// Keeps what was there before the update, which is carried out. Tiles that it writes to and that were not dirty
    /// held what the source holds now.
    fn note_written(&mut self, frame: &FrameBuf, stills: &[CodedPhoto]) {
        let films = self.pictures.iter().flat_map(|p| p.patches.iter().map(|patch| &patch.to));
        let photos = stills.iter().flat_map(|photo| &photo.rects);
        let exact = self.rects.iter().chain(&self.recalled);
        for rect in films.chain(photos).chain(self.fades.rects()).chain(exact) {
            self.recall.stage(frame, rect);
        }
        self.recall.commit(self.shown.picture(frame));
    }

    /// Lossy pixels that were copied are not quiet where they arrive.
    fn note_copies(&mut self, now: Timestamp) {
        if self.shown.is_exact() {
            return;
        }
        for copy in &self.copies {
            let lossy = self.shown.exactness().lossy_bounds(&copy.to);
            if !lossy.is_empty() {
                self.quiet.touch(&lossy, now);
            }
        }
    }

    /// Takes note of what the payload and its layers wrote, in their order.
    fn note_exactness(&mut self, now: Timestamp) {
        for rect in self.rects.iter().chain(&self.recalled) {
            self.shown.written(rect, true);
            self.changed.mark(rect);
            self.hash.wrote(rect);
        }
        for CodedRect { rect, coding } in &self.coded_rects {
            self.shown.written(rect, *coding != Coding::Nearly);
            if *coding == Coding::Nearly {
                self.quiet.touch(rect, now);
            }
        }
    }

    /// Codes the rectangles that are left as exact pixels of `source`; viewers hold `held`, or `source`, where nothing
    /// is lossy.
    fn write_payload(
        &mut self,
        held: Option<&mut FrameBuf>,
        source: &FrameBuf,
        stills: &mut Vec<CodedPhoto>,
    ) -> Result<()> {
        self.plain_bytes = 0;
        self.coded.clear();
        self.coded_rects.clear();
        if self.rects.is_empty() && self.recalled.is_empty() {
            return Ok(());
        }
        self.coded_rects.extend(self.rects.iter().map(|r| choose(source, r, &self.activity)));
        let loses = held.is_some() && self.may_lose() && self.pixels.loosen(&mut self.coded_rects);
        if !self.recalled.is_empty() {
            let recalled = |r: &Rect| CodedRect { rect: *r, coding: Coding::Recalled };
            self.coded_rects.extend(self.recalled.iter().map(recalled));
            self.coded_rects.sort_unstable_by_key(|coded| (coded.rect.y, coded.rect.x));
        }
        let shown = match held {
            Some(held) if loses => self.shown.differ(held, &self.config.limits)?,
            Some(held) => self.shown.canvas(held),
            None => self.shown.differ(source, &self.config.limits)?,
        };
        Stills::take_exact(source, &mut self.coded_rects, shown, stills);
        if self.coded_rects.is_empty() {
            return Ok(());
        }
        let slack = self.stills.slack();
        self.plain_bytes =
            self.pixels.update(shown, source, &self.coded_rects, &self.recall, slack, &mut self.coded)?;
        Ok(())
    }

    #[allow(clippy::too_many_arguments)] // The parts of one packet, from three places.
    fn write_update(
        &mut self,
        refines: bool,
        copies: Vec<((u32, u32), Rect)>,
        ended: &[u32],
        stills: &[CodedPhoto],
        timestamp: Timestamp,
        picture: &FrameBuf,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        self.sequence += 1;
        let layers = layers(ended, &self.pictures, &self.fades, stills);
        let laid = layers.iter().map(layer_bytes).sum();
        Packet::Update(UpdateBody {
            epoch: self.epoch,
            sequence: self.sequence,
            timestamp,
            hash: self.hash.sum(picture.size()),
            refines,
            copies,
            layers,
            payload: PayloadKind::Lossless,
            plain_bytes: self.plain_bytes,
            data: &self.coded,
        })
        .write(out);
        self.check_packet(self.coded.len(), laid)
    }

    fn update(&self, kind: UpdateKind, dirty_px: u64, stale: Region) -> Update {
        let lossy_px = self.shown.exactness().lossy_px();
        Update { kind, sequence: self.sequence, dirty_px, stale, lossy_px }
    }

    /// When [`Encoder::refine`] may have something to do; `None` if everything is exact or nothing is to become so.
    #[must_use]
    pub fn refine_due(&self) -> Option<Timestamp> {
        match self.config.refine {
            Refine::Off => None,
            Refine::Idle => self.quiet.due(self.shown.exactness()),
        }
    }

    /// Makes lossy places that are quiet exact.
    ///
    /// # Shapes and units
    /// - `bytes`: about what the packet may take; a tile's worth is sent at least.
    /// - `focus`: what the agent looks at; it comes first.
    /// - `out`: one packet is appended, or nothing.
    /// - returns `None` if nothing is due at `timestamp`.
    ///
    /// # Errors
    /// - [`crate::ErrorKind::LimitExceeded`] if the packet would be too large; the next picture is a keyframe.
    pub fn refine(
        &mut self,
        timestamp: Timestamp,
        bytes: usize,
        focus: Option<Rect>,
        out: &mut Vec<u8>,
    ) -> Result<Option<Update>> {
        if self.refine_due().is_none_or(|due| due > timestamp) {
            return Ok(None);
        }
        let Some(picture) = self.picture.take() else { return Ok(None) };
        let before = out.len();
        let refined = self.refine_picture(&picture, timestamp, bytes, focus, out);
        match &refined {
            Ok(_) => self.picture = Some(picture),
            Err(_) => out.truncate(before),
        }
        refined
    }

    fn refine_picture(
        &mut self,
        picture: &FrameBuf,
        timestamp: Timestamp,
        bytes: usize,
        focus: Option<Rect>,
        out: &mut Vec<u8>,
    ) -> Result<Option<Update>> {
        // A film that stands still ends here: nothing else may tell so.
        self.regions.review(picture, timestamp);
        let mut chosen = self.quiet.choose(self.shown.exactness(), timestamp, bytes, focus.as_ref());
        chosen.retain(|r| !self.regions.touches(r));
        if chosen.is_empty() {
            return Ok(None);
        }
        let px = chosen.iter().map(Rect::area).sum();
        chosen.iter().for_each(|rect| self.hash.wrote(rect));
        let mut stills = Vec::new();
        self.rects.clear();
        self.recalled.clear();
        let (photos, drawn) = chosen.iter().partition(|r| classify::is_photo(picture, r));
        self.rects = drawn;
        if !photos.is_empty() {
            let shown = self.shown.differ(picture, &self.config.limits)?;
            Stills::exact(picture, &photos, shown, &mut stills);
        }
        self.write_payload(None, picture, &mut stills)?;
        for rect in &chosen {
            self.shown.exact(picture, rect);
        }
        self.hash.update(self.shown.picture(picture));
        self.shown.settle();
        self.pictures.clear();
        self.fades.clear();
        let ended: Vec<u32> = self.regions.take_ended().collect();
        let start = out.len();
        self.write_update(true, Vec::new(), &ended, &stills, timestamp, picture, out)?;
        self.quiet.cost(px, out.len() - start);
        Ok(Some(self.update(UpdateKind::Refinement, 0, Region::empty())))
    }

    /// How many bits a second films may be coded for; `None` for as many as the quality asks for.
    pub fn set_bitrate(&mut self, bits_a_second: Option<u64>) {
        self.regions.set_bitrate(bits_a_second);
    }

    /// Which pixels of the shown picture are exact.
    #[must_use]
    pub fn exactness(&self) -> &Exactness {
        self.shown.exactness()
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
        self.begin_stream_for(joiner);
        let mut black = FrameBuf::new(picture.size(), &self.config.limits)?;
        if self.shown.is_exact() && self.regions.is_empty() {
            self.write_snapshot(&picture, &mut black, true, timestamp, joiner)?;
            let hash = self.hash.sum(picture.size());
            Packet::Epoch(EpochBody { epoch: self.epoch, sequence: self.sequence, timestamp, hash })
                .write(others);
        } else {
            // What is lossy is coded anew, and so it is another picture for those who are there as well.
            let before = joiner.len();
            self.write_snapshot(&picture, &mut black, false, timestamp, joiner)?;
            others.extend_from_slice(&joiner[before..]);
        }
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
    /// - [`crate::ErrorKind::LimitExceeded`] if a shape is larger than [`crate::Limits::cursor_side_px`].
    pub fn cursor(&mut self, update: &CursorUpdate, timestamp: Timestamp, out: &mut Vec<u8>) -> Result<()> {
        if let Some(shape) = &update.shape {
            let side = self.config.limits.cursor_side_px;
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

    /// The source's newest picture.
    #[must_use]
    pub fn picture(&self) -> Option<&FrameBuf> {
        self.picture.as_ref()
    }

    /// What the viewers see once they have everything; it differs from [`Encoder::picture`] where it is not exact.
    #[must_use]
    pub fn shown(&self) -> Option<&FrameBuf> {
        self.picture.as_ref().map(|picture| self.shown.picture(picture))
    }

    /// Whether anything may be lossy, and there is memory for what viewers see then.
    fn may_lose(&self) -> bool {
        self.config.mode == Mode::Auto && self.memory.may_lose()
    }

    /// Writes the stream's header if nothing has been written yet.
    fn begin_stream(&mut self, out: &mut Vec<u8>) {
        if !self.begun {
            self.begin_stream_for(out);
            self.begun = true;
        }
    }

    fn begin_stream_for(&self, out: &mut Vec<u8>) {
        let features = match (self.config.mode, self.config.av1) {
            (Mode::Lossless, _) => 0,
            (Mode::Auto, Av1Choice::Off) => FEATURE_FADES,
            (Mode::Auto, _) => FEATURE_FADES | FEATURE_AV1,
        };
        write_header(features | self.more_features, out);
    }

    /// A snapshot of `picture` begins an epoch. It loses nothing where there are viewers who hold the picture and
    /// are to `keep` it. `black` is what a joiner begins with; it comes to hold some of the picture.
    fn write_snapshot(
        &mut self,
        picture: &FrameBuf,
        black: &mut FrameBuf,
        keep: bool,
        timestamp: Timestamp,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        let size = picture.size();
        self.recall.reset(size, self.memory.recall_px(), timestamp);
        let mut stills = Vec::new();
        self.coded.clear();
        self.pictures.clear();
        self.fades.clear();
        if !keep {
            self.shown.reset(size);
        }
        let mut rects = if self.may_lose() && !keep {
            let mut drawn = vec![size.rect()];
            let photos = Stills::take(picture, &mut drawn);
            self.stills.encode(
                black,
                picture,
                &photos,
                false,
                &mut self.shown,
                &self.config.limits,
                &mut stills,
            )?;
            drawn.iter().map(|r| CodedRect { rect: *r, coding: Coding::Modelled }).collect()
        } else {
            whole(picture)
        };
        // Photographs are laid over black, and the shown picture grows there into what the viewer will see.
        let known = if keep { black } else { self.shown.canvas(black) };
        Stills::take_exact(picture, &mut rects, known, &mut stills);
        self.plain_bytes = self.pixels.snapshot(known, picture, &rects, !keep, &mut self.coded)?;
        if !keep {
            self.hash.reset(self.shown.picture(picture));
        }
        self.quiet.reset(size, timestamp);
        self.epoch += 1;
        self.sequence += 1;
        self.regions.begin_epoch();
        let layers = layers(&[], &[], &self.fades, &stills);
        let laid = layers.iter().map(layer_bytes).sum();
        self.check_packet(self.coded.len(), laid)?;
        Packet::Snapshot(SnapshotBody {
            epoch: self.epoch,
            sequence: self.sequence,
            timestamp,
            size,
            hash: self.hash.sum(size),
            recall_px: self.memory.recall_px(),
            layers,
            payload: PayloadKind::Lossless,
            plain_bytes: self.plain_bytes,
            data: &self.coded,
        })
        .write(out);
        // A whole picture takes more than the updates after it: not worth keeping.
        self.coded = Vec::new();
        Ok(())
    }

    fn check_packet(&self, coded: usize, layers: usize) -> Result<()> {
        // Numbers and copies around the coded pixels take far less than this.
        let around = 64 + self.copies.len() * 30;
        if coded + layers + around > self.config.limits.packet_bytes {
            return Err(Error::limit(format!(
                "a packet of {} bytes; {} are allowed",
                coded + layers,
                self.config.limits.packet_bytes
            )));
        }
        Ok(())
    }
}

/// The layers of a packet: what ends, then fades, then videos, then stills.
fn layers<'a>(
    ended: &[u32],
    videos: &'a [CodedPicture],
    fades: &'a Fades,
    stills: &'a [CodedPhoto],
) -> Vec<Layer<'a>> {
    let av1 = |p: &'a CodedPicture| {
        Layer::Av1(Av1Layer {
            surface: p.surface,
            keyframe: p.keyframe,
            full_chroma: p.chroma == Chroma::Full,
            size: p.size,
            patches: p.patches.clone(),
            data: &p.data,
        })
    };
    let ended = ended.iter().map(|surface| Layer::End { surface: *surface });
    let faded = fades.layers.iter().map(|layer| Layer::Fade(layer.clone()));
    let changed = fades.change.iter().map(|change| Layer::Change(photo_layer(change)));
    let stills = stills.iter().map(|still| Layer::Photo(photo_layer(still)));
    ended.chain(faded).chain(changed).chain(videos.iter().map(av1)).chain(stills).collect()
}

fn photo_layer(photo: &CodedPhoto) -> PhotoLayer<'_> {
    PhotoLayer { near: photo.near, rects: photo.rects.clone(), data: &photo.data }
}

/// Bytes of a layer, at most.
fn layer_bytes(layer: &Layer<'_>) -> usize {
    match layer {
        Layer::Av1(l) => l.data.len() + l.patches.len() * 30 + 32,
        Layer::Fade(l) => l.rects.len() * 20 + 32,
        Layer::Photo(l) | Layer::Change(l) => l.data.len() + l.rects.len() * 20 + 16,
        Layer::End { .. } => 8,
    }
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
