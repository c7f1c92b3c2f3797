//! The decoder: bytes, however they are chunked, back to the very pictures.

mod film;
mod resume;

use super::av1::{Chroma, Planes};
use super::exactness::Exactness;
use super::film::Film;
use super::lossless::{Canvas, PixelReader, decompress_once};
use super::marks::{Marks, UpdateFacts};
use super::surfaces::{STILLS, Surfaces};
use super::tools::{Tool, ToolUse};
use crate::bitstream::{
    CursorBody, EndBody, EpochBody, FEATURE_AV1, FilmCodec, FilmColour, Layer, Packet, PacketKind, Piece,
    SnapshotBody, Splitter, UpdateBody,
};
use crate::capture::CursorShape;
use crate::codec::av1;
use crate::codec::photo::{self, Fade};
use crate::damage::Copy;
use crate::error::{Error, ErrorKind, Result};
use crate::frame::{FrameBuf, Rect, Region, Size, Timestamp};
use crate::limits::Limits;

/// What one packet did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decoded {
    /// A stream begins.
    Header,
    /// The packet has an AV1 layer or is a film's, and the decoder was made [`Decoder::with_external_av1`]: decode
    /// [`Decoder::plane_request`] and [`Decoder::supply`] its planes, then call [`Decoder::next`] again.
    NeedsPlanes,
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
            Self::Header | Self::NeedsPlanes | Self::Cursor | Self::End { .. } => None,
        }
    }
}

/// One picture that somebody else decodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlaneRequest<'a> {
    /// Which surface it belongs to: units of one surface go through one decoder, in order. 0 is for stills that depend
    /// on nothing.
    pub surface: u32,
    /// What it is coded with: AV1 unless it is a film's.
    pub codec: FilmCodec,
    /// How the planes are to become colours, if it is a film's. Whoever gets them in other colours converts them to these.
    pub colour: Option<FilmColour>,
    /// Whether it needs nothing from before.
    pub keyframe: bool,
    /// Size of the coded picture.
    pub size: Size,
    /// Resolution of its colour.
    pub chroma: Chroma,
    /// One temporal unit, or what else the codec's encoder gave for a picture.
    pub data: &'a [u8],
}

/// A packet that waits for planes.
#[derive(Debug)]
struct Pending {
    kind: PacketKind,
    body: Vec<u8>,
    planes: Vec<Planes>,
}

/// Turns the bytes of a stream back into pictures.
///
/// After an error it holds no picture and refuses everything until [`Decoder::reset`].
#[derive(Debug)]
pub struct Decoder {
    limits: Limits,
    splitter: Splitter,
    core: Core,
    pending: Option<Pending>,
    failed: Option<Error>,
    external_av1: bool,
}

#[derive(Debug)]
struct Core {
    picture: Option<FrameBuf>,
    marks: Marks,
    epoch: u64,
    sequence: u64,
    pixels: Option<PixelReader>,
    surfaces: Surfaces,
    /// The film that is all there is to see.
    film: Option<Film>,
    cursor_position: Option<(i32, i32)>,
    cursor_shape: Option<CursorShape>,
}

impl Decoder {
    /// A decoder at the start of a stream, with `limits` on what the stream may cost. It decodes AV1 itself if the
    /// library was built with a decoder for it; without, it refuses streams that have AV1.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self::with(limits, false)
    }

    /// A decoder that leaves AV1, and films of whatever codec, to its caller, as in a browser: see [`Decoded::NeedsPlanes`].
    #[must_use]
    pub fn with_external_av1(limits: Limits) -> Self {
        Self::with(limits, true)
    }

    fn with(limits: Limits, external_av1: bool) -> Self {
        let core = Core::new(external_av1);
        Self { limits, splitter: Splitter::new(), core, pending: None, failed: None, external_av1 }
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
        let decoded = self.step();
        if let Err(e) = &decoded {
            self.failed = Some(e.clone());
            self.core = Core::new(self.external_av1);
            self.pending = None;
            self.splitter = Splitter::new();
        }
        decoded
    }

    fn step(&mut self) -> Result<Option<Decoded>> {
        if let Some(pending) = self.pending.take() {
            if pending.planes.len() < requests(pending.kind, &pending.body, &self.limits)?.len() {
                self.pending = Some(pending);
                return Ok(Some(Decoded::NeedsPlanes));
            }
            let Pending { kind, body, planes } = pending;
            return self.core.packet(kind, &body, &self.limits, &planes).map(Some);
        }
        match self.splitter.next(&self.limits)? {
            None => Ok(None),
            Some(Piece::Header(features)) => {
                if features & FEATURE_AV1 != 0 && !self.external_av1 && !av1::can_decode() {
                    let without = "the stream has AV1, and this decoder was built without it";
                    return Err(Error::new(ErrorKind::Unsupported, without));
                }
                self.core.expect_snapshot();
                Ok(Some(Decoded::Header))
            }
            Some(Piece::Packet(kind, body)) => {
                if self.external_av1 && !requests(kind, body, &self.limits)?.is_empty() {
                    self.pending = Some(Pending { kind, body: body.to_vec(), planes: Vec::new() });
                    return Ok(Some(Decoded::NeedsPlanes));
                }
                self.core.packet(kind, body, &self.limits, &[]).map(Some)
            }
        }
    }

    /// What is to be decoded after [`Decoded::NeedsPlanes`].
    #[must_use]
    pub fn plane_request(&self) -> Option<PlaneRequest<'_>> {
        let pending = self.pending.as_ref()?;
        requests(pending.kind, &pending.body, &self.limits).ok()?.into_iter().nth(pending.planes.len())
    }

    /// Takes the planes that [`Decoder::plane_request`] asked for; then [`Decoder::next`] goes on.
    ///
    /// # Errors
    /// - [`ErrorKind::InvalidInput`] if nothing was asked for, or for planes of another size or chroma.
    pub fn supply(&mut self, planes: &Planes) -> Result<()> {
        let Some(request) = self.plane_request() else {
            return Err(Error::input("no planes were asked for"));
        };
        if (request.size, request.chroma) != (planes.size(), planes.chroma()) {
            return Err(Error::input(format!(
                "planes of {} where {} were asked for",
                planes.size(),
                request.size
            )));
        }
        if let Some(pending) = &mut self.pending {
            pending.planes.push(planes.clone());
        }
        Ok(())
    }

    /// The surfaces that live on, a film's among them: the decoders of all others can go.
    pub fn surfaces(&self) -> impl Iterator<Item = u32> + '_ {
        self.core.film.iter().map(|_| film::SURFACE).chain(self.core.surfaces.alive())
    }

    /// Which pixels of [`Decoder::frame`] are the source's.
    #[must_use]
    pub fn exactness(&self) -> &Exactness {
        &self.core.marks.exactness
    }

    /// What the newest picture's packet did where, in order.
    #[must_use]
    pub fn tools(&self) -> &[ToolUse] {
        &self.core.marks.tools
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

    /// Forgets everything; the next bytes must begin a stream. Its copies of pictures are zeroed, as where it is dropped.
    pub fn reset(&mut self) {
        *self = Self::with(self.limits, self.external_av1);
    }

    fn check(&self) -> Result<()> {
        self.failed.clone().map_or(Ok(()), Err)
    }
}

/// What a packet needs planes of.
fn requests<'a>(kind: PacketKind, body: &'a [u8], limits: &Limits) -> Result<Vec<PlaneRequest<'a>>> {
    let layers = match Packet::read(kind, body, limits)? {
        Packet::Snapshot(b) => b.layers,
        Packet::Update(b) => b.layers,
        Packet::Resume(b) => b.layers,
        Packet::Film(b) => return Ok(vec![film::request(&b)]),
        Packet::Epoch(_) | Packet::Cursor(_) | Packet::End(_) => Vec::new(),
    };
    let av1 = |layer| match layer {
        Layer::Av1(layer) => Some(PlaneRequest {
            surface: layer.surface,
            codec: FilmCodec::Av1,
            colour: None,
            keyframe: layer.keyframe,
            size: layer.size,
            chroma: Chroma::of(layer.full_chroma),
            data: layer.data,
        }),
        Layer::Photo(_) | Layer::Fade(_) | Layer::Change(_) | Layer::End { .. } => None,
    };
    Ok(layers.into_iter().filter_map(av1).collect())
}

impl Core {
    fn new(external_av1: bool) -> Self {
        Self {
            picture: None,
            marks: Marks::default(),
            epoch: 0,
            sequence: 0,
            pixels: None,
            surfaces: Surfaces::new(external_av1),
            film: None,
            cursor_position: None,
            cursor_shape: None,
        }
    }

    /// A header: whatever follows starts from nothing but keeps the buffers.
    fn expect_snapshot(&mut self) {
        self.epoch = 0;
        self.sequence = 0;
        self.surfaces.clear();
        self.film = None;
        self.cursor_position = None;
        self.cursor_shape = None;
    }

    fn packet(
        &mut self,
        kind: PacketKind,
        body: &[u8],
        limits: &Limits,
        planes: &[Planes],
    ) -> Result<Decoded> {
        match Packet::read(kind, body, limits)? {
            Packet::Snapshot(b) => self.snapshot(&b, body.len(), limits, planes),
            Packet::Update(b) => self.update(&b, body.len(), limits, planes),
            Packet::Epoch(b) => self.begin_epoch(&b),
            Packet::Resume(b) => self.resume(&b, body.len(), limits, planes),
            Packet::Film(b) => self.film(&b, body.len(), limits, planes),
            Packet::Cursor(b) => self.cursor(&b),
            Packet::End(EndBody { frames, fps }) => Ok(Decoded::End { frames, fps }),
        }
    }

    fn snapshot(
        &mut self,
        b: &SnapshotBody<'_>,
        bytes: usize,
        limits: &Limits,
        planes: &[Planes],
    ) -> Result<Decoded> {
        if b.epoch <= self.epoch || b.sequence <= self.sequence {
            return Err(desync("a snapshot out of order"));
        }
        let resized = self.picture.as_ref().is_none_or(|p| p.size() != b.size);
        let mut picture = match self.picture.take() {
            Some(mut picture) if !resized => {
                picture.reset(b.size, limits)?;
                picture
            }
            _ => FrameBuf::new(b.size, limits)?,
        };
        let facts = UpdateFacts { bytes, exact_bytes: b.data.len(), ..UpdateFacts::default() };
        self.marks.begin_picture(b.size, b.recall_px, b.timestamp, facts);
        self.surfaces.clear();
        self.film = None;
        self.lay(&b.layers, &mut picture, limits, planes)?;
        let mut pixels = self.pixels.take().unwrap_or_else(PixelReader::new);
        pixels.snapshot(b.data, b.plain_bytes, &mut picture, limits, &mut self.marks)?;
        self.pixels = Some(pixels);
        self.marks.finish_update(&picture);
        // What no layer and no rectangle has written.
        let mut bare = Exactness::new(b.size);
        bare.set(&b.size.rect(), false);
        for used in &self.marks.tools {
            bare.set(&used.rect, true);
        }
        if !bare.is_exact() {
            return Err(Error::data("a snapshot does not hold the whole picture"));
        }
        self.marks.hash.reset(&picture);
        if self.marks.hash.sum(b.size) != b.hash {
            return Err(desync("a snapshot's picture is not the one that was sent"));
        }
        (self.epoch, self.sequence) = (b.epoch, b.sequence);
        self.picture = Some(picture);
        Ok(Decoded::Picture {
            sequence: b.sequence,
            timestamp: b.timestamp,
            keyframe: true,
            resized,
            dirty: Region::full(b.size),
            facts: self.marks.facts,
        })
    }

    fn update(
        &mut self,
        b: &UpdateBody<'_>,
        bytes: usize,
        limits: &Limits,
        planes: &[Planes],
    ) -> Result<Decoded> {
        // It is put back once all went well; an error retires the decoder anyway.
        let Some(mut picture) = self.picture.take() else {
            return Err(desync("an update before the first snapshot"));
        };
        if self.film.is_some() {
            return Err(Error::data("an update of a picture that is a film's"));
        }
        if b.epoch != self.epoch || Some(b.sequence) != self.sequence.checked_add(1) {
            return Err(desync("an update is missing, repeated or out of order"));
        }
        let size = picture.size();
        let facts = UpdateFacts {
            bytes,
            copies: b.copies.len(),
            exact_bytes: b.data.len(),
            refines: b.refines,
            ..UpdateFacts::default()
        };
        self.marks.begin_update(size, b.timestamp, facts);
        for &(from, to) in &b.copies {
            let copy = Copy { from, to };
            if to.is_empty() || !copy.fits(size) {
                return Err(Error::data(format!("a copy to {to} from outside of the {size} picture")));
            }
            let facts = &mut self.marks.facts;
            facts.copied_px += to.area();
            // Copies may overlap, but no honest encoder moves the picture over and over again.
            if facts.copied_px > size.area().saturating_mul(MOST_COPIED) {
                return Err(Error::limit("the copies of a packet move too many pixels"));
            }
            self.marks.copy(&mut picture, &copy);
        }
        self.lay(&b.layers, &mut picture, limits, planes)?;
        if !b.data.is_empty() {
            let Some(mut pixels) = self.pixels.take() else {
                return Err(desync("an update before the first snapshot"));
            };
            pixels.update(b.data, b.plain_bytes, &mut picture, limits, &mut self.marks)?;
            self.pixels = Some(pixels);
        }
        self.marks.finish_update(&picture);
        self.marks.hash.update(&picture);
        if self.marks.hash.sum(size) != b.hash {
            return Err(desync("the picture is not the one that was sent"));
        }
        self.sequence = b.sequence;
        self.picture = Some(picture);
        Ok(Decoded::Picture {
            sequence: b.sequence,
            timestamp: b.timestamp,
            keyframe: false,
            resized: false,
            dirty: self.marks.dirty.region(),
            facts: self.marks.facts,
        })
    }

    /// Lays the layers over the picture.
    fn lay(
        &mut self,
        layers: &[Layer<'_>],
        picture: &mut FrameBuf,
        limits: &Limits,
        mut planes: &[Planes],
    ) -> Result<()> {
        let size = picture.size();
        let most_px = size.area().saturating_mul(MOST_LAID);
        let (mut laid_px, mut coded_px) = (0, 0);
        for layer in layers {
            match layer {
                Layer::Av1(layer) => {
                    coded_px += layer.size.area();
                    if coded_px > most_px {
                        return Err(Error::limit("the AV1 layers of a packet have too many pixels"));
                    }
                    let supplied = match planes.split_first() {
                        Some((first, rest)) => {
                            planes = rest;
                            Some(first)
                        }
                        None => None,
                    };
                    let planes = self.surfaces.decode(layer, supplied, limits)?;
                    let tool = if layer.surface == STILLS { Tool::Av1Still } else { Tool::Av1Video };
                    for patch in &layer.patches {
                        laid_px += check_laid(&patch.to, size, laid_px, most_px)?;
                        self.marks.before(picture, &patch.to);
                        av1::to_picture(planes, &patch.source(), picture, (patch.to.x, patch.to.y))?;
                        self.marks.laid(tool, patch.to, false);
                    }
                    self.marks.facts.av1_bytes += layer.data.len();
                }
                Layer::Photo(layer) => {
                    for rect in &layer.rects {
                        laid_px += check_laid(rect, size, laid_px, most_px)?;
                        self.marks.before(picture, rect);
                        self.marks.laid(Tool::Photo, *rect, layer.near == 0);
                    }
                    photo::decode(layer.data, picture, &layer.rects, layer.near)?;
                    self.marks.facts.photo_bytes += layer.data.len();
                }
                Layer::Fade(layer) => {
                    let fade = Fade::new(layer.factor, layer.offsets)?;
                    for rect in &layer.rects {
                        laid_px += check_laid(rect, size, laid_px, most_px)?;
                        self.marks.before(picture, rect);
                        self.marks.laid(Tool::Fade, *rect, false);
                        fade.apply(picture, rect);
                    }
                }
                Layer::Change(layer) => {
                    for rect in &layer.rects {
                        laid_px += check_laid(rect, size, laid_px, most_px)?;
                        self.marks.before(picture, rect);
                        self.marks.laid(Tool::Change, *rect, false);
                    }
                    photo::decode_change(layer.data, picture, &layer.rects, layer.near)?;
                    self.marks.facts.photo_bytes += layer.data.len();
                }
                Layer::End { surface } => self.surfaces.end(*surface)?,
            }
        }
        Ok(())
    }

    fn begin_epoch(&mut self, b: &EpochBody) -> Result<Decoded> {
        let Some(picture) = self.picture.take() else {
            return Err(desync("an epoch before the first snapshot"));
        };
        if self.film.is_some() {
            return Err(Error::data("an epoch over a picture that is a film's"));
        }
        if Some(b.epoch) != self.epoch.checked_add(1) || Some(b.sequence) != self.sequence.checked_add(1) {
            return Err(desync("an epoch out of order"));
        }
        if self.marks.hash.sum(picture.size()) != b.hash {
            return Err(desync("the picture is not the one that was sent"));
        }
        self.surfaces.clear();
        let Some(pixels) = &mut self.pixels else { return Err(desync("an epoch before the first snapshot")) };
        pixels.begin();
        // Whoever joins knows nothing of what was.
        self.marks.recall.forget(b.timestamp);
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
}

/// How many pictures' worth of pixels the copies of one packet may move.
const MOST_COPIED: u64 = 16;

/// How many pictures' worth of pixels the layers of one packet may have.
const MOST_LAID: u64 = 4;

/// The pixels of `rect`, if it is within the picture and they are not too many on top of `laid_px`.
fn check_laid(rect: &Rect, size: Size, laid_px: u64, most_px: u64) -> Result<u64> {
    if rect.is_empty() || !rect.fits(size) {
        return Err(Error::data(format!("a layer at {rect} outside of the {size} picture")));
    }
    if laid_px + rect.area() > most_px {
        return Err(Error::limit("the layers of a packet write too many pixels"));
    }
    Ok(rect.area())
}

fn desync(what: &str) -> Error {
    Error::new(ErrorKind::Desync, format!("{what}; a fresh snapshot is needed"))
}
