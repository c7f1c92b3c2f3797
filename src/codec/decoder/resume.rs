//! A viewer's way back: what it tells, and the packet that answers it.

use super::{Core, Decoded, Decoder, UpdateFacts, desync};
use crate::bitstream::{ResumeBody, Splitter};
use crate::codec::HeldTiles;
use crate::codec::av1::Planes;
use crate::codec::lossless::PixelReader;
use crate::error::Result;
use crate::limits::Limits;

impl Decoder {
    /// What it holds, for a sender to go on from; `None` where it holds nothing, or more than may be told.
    #[must_use]
    pub fn held(&self) -> Option<HeldTiles> {
        self.frame().and_then(HeldTiles::of)
    }

    /// Expects the header of a stream and keeps the picture: what follows may go on from it. After an error it is
    /// [`Decoder::reset`].
    pub fn restart(&mut self) {
        if self.failed.is_some() {
            return self.reset();
        }
        self.splitter = Splitter::new();
        self.pending = None;
        self.core.surfaces.clear();
        self.core.film = None;
    }
}

impl Core {
    pub(super) fn resume(
        &mut self,
        b: &ResumeBody<'_>,
        bytes: usize,
        limits: &Limits,
        planes: &[Planes],
    ) -> Result<Decoded> {
        if b.epoch <= self.epoch || b.sequence <= self.sequence {
            return Err(desync("a resumption out of order"));
        }
        let Some(mut picture) = self.picture.take().filter(|picture| picture.size() == b.size) else {
            return Err(desync("a resumption of a picture that is not there"));
        };
        let facts = UpdateFacts { bytes, exact_bytes: b.data.len(), ..UpdateFacts::default() };
        self.marks.begin_picture(b.size, b.recall_px, b.timestamp, facts);
        self.surfaces.clear();
        self.film = None;
        for rect in &b.blank {
            picture.blacken(rect);
            self.marks.dirty.mark(rect);
        }
        self.lay(&b.layers, &mut picture, limits, planes)?;
        let mut pixels = self.pixels.take().unwrap_or_else(PixelReader::new);
        pixels.begin();
        if !b.data.is_empty() {
            pixels.snapshot(b.data, b.plain_bytes, &mut picture, limits, &mut self.marks)?;
        }
        self.pixels = Some(pixels);
        self.marks.finish_update(&picture);
        self.marks.exactness.reset(b.size);
        b.lossy.iter().for_each(|rect| self.marks.exactness.set(rect, false));
        self.marks.hash.reset(&picture);
        if self.marks.hash.sum(b.size) != b.hash {
            return Err(desync("a resumption's picture is not the one that was sent"));
        }
        (self.epoch, self.sequence) = (b.epoch, b.sequence);
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
}
