//! For a viewer that comes back: what differs from the picture that it still holds.

use super::{Encoder, layer_bytes, photo_layer, write_cursor};
use crate::bitstream::{EpochBody, Layer, Packet, PayloadKind, ResumeBody};
use crate::capture::CursorUpdate;
use crate::codec::HeldTiles;
use crate::codec::lossless::{CodedRect, choose};
use crate::codec::stills::{CodedPhoto, Stills};
use crate::error::Result;
use crate::frame::{FrameBuf, Rect, Timestamp};

/// A snapshot is smaller where more than three quarters of the picture differ: it may lose something.
const MOST_PERCENT: u64 = 75;

/// Most rectangles into which lossy and exact pixels are cut for one viewer.
const MOST_RECTS: usize = 4096;

/// What is to be told of the tiles that differ.
struct Lacking {
    /// The tiles, in runs.
    blank: Vec<Rect>,
    /// Their pixels that are not exact, and all others.
    lossy: Vec<Rect>,
    exact: Vec<Rect>,
    /// All pixels of the picture that are not exact.
    map: Vec<Rect>,
}

impl Encoder {
    /// Lets a viewer go on that still holds something: what it lacks for the viewer, and a packet for those who are in.
    ///
    /// # Shapes and units
    /// - `held`: what the viewer says; it is not believed beyond its own picture.
    /// - `resumer`: gets the stream header, a packet over the picture held, the cursor. Where that does not pay, or the
    ///   picture has another size, it is a snapshot as of [`Encoder::late_join`].
    /// - `others`: gets the packet that makes viewers who hold the picture begin the same epoch. What is lossy where the
    ///   viewer lacks it is coded anew for all: it has no exact pixels to be told.
    /// - returns the sequence number of both; `None` if there has been no picture yet.
    ///
    /// # Errors
    /// - [`crate::ErrorKind::LimitExceeded`] if the packet would be too large; the next picture is a keyframe.
    pub fn resume(
        &mut self,
        held: &HeldTiles,
        timestamp: Timestamp,
        resumer: &mut Vec<u8>,
        others: &mut Vec<u8>,
    ) -> Result<Option<u64>> {
        let Some(picture) = self.picture.take() else { return Ok(None) };
        let Some(lacking) = self.lacking(held, &picture) else {
            self.picture = Some(picture);
            return self.late_join(timestamp, resumer, others);
        };
        self.begin_stream_for(resumer);
        self.write_resume(&picture, lacking, timestamp, resumer, others)?;
        self.picture = Some(picture);
        if self.cursor != CursorUpdate::default() {
            write_cursor(&self.cursor, timestamp, resumer)?;
        }
        Ok(Some(self.sequence))
    }

    /// `None` if a snapshot is better.
    fn lacking(&self, held: &HeldTiles, picture: &FrameBuf) -> Option<Lacking> {
        let blank = held.differing(self.shown.picture(picture))?;
        let px: u64 = blank.iter().map(Rect::area).sum();
        if px * 100 > picture.size().area() * MOST_PERCENT {
            return None;
        }
        let exactness = self.shown.exactness();
        let (mut lossy, mut exact, mut map) = (Vec::new(), Vec::new(), Vec::new());
        for run in &blank {
            exactness.rects(run, false, &mut lossy);
            exactness.rects(run, true, &mut exact);
        }
        exactness.rects(&picture.size().rect(), false, &mut map);
        (lossy.len() + exact.len() + map.len() <= MOST_RECTS.min(self.config.limits.rects))
            .then_some(Lacking { blank, lossy, exact, map })
    }

    fn write_resume(
        &mut self,
        picture: &FrameBuf,
        lacking: Lacking,
        timestamp: Timestamp,
        resumer: &mut Vec<u8>,
        others: &mut Vec<u8>,
    ) -> Result<()> {
        let Lacking { blank, lossy, exact, map } = lacking;
        let limits = self.config.limits;
        self.recall.reset(picture.size(), self.memory.recall_px(), timestamp);
        let (mut anew, mut own) = (Vec::new(), Vec::new());
        if !lossy.is_empty() {
            self.stills.encode(picture, picture, &lossy, false, &mut self.shown, &limits, &mut anew)?;
            lossy.iter().for_each(|rect| self.hash.wrote(rect));
            self.hash.update(self.shown.picture(picture));
        }
        // What the viewer holds once the layers for all are laid.
        let shown = self.shown.picture(picture);
        let mut known = FrameBuf::new(picture.size(), &limits)?;
        known.pixels_mut().copy_from_slice(shown.pixels());
        blank.iter().for_each(|rect| known.blacken(rect));
        lossy.iter().for_each(|rect| known.copy_rect(shown, rect));
        let mut rects: Vec<CodedRect> = exact.iter().map(|r| choose(picture, r, &self.activity)).collect();
        Stills::take_exact(picture, &mut rects, &mut known, &mut own);
        self.coded.clear();
        self.plain_bytes = self.pixels.snapshot(&mut known, picture, &rects, false, &mut self.coded)?;
        debug_assert!(&known == self.shown.picture(picture), "the viewer would see another picture");
        self.epoch += 1;
        self.sequence += 1;
        self.regions.begin_epoch();
        let mut body = ResumeBody {
            epoch: self.epoch,
            sequence: self.sequence,
            timestamp,
            size: picture.size(),
            hash: self.hash.sum(picture.size()),
            recall_px: self.memory.recall_px(),
            blank,
            lossy: map,
            layers: photos(anew.iter().chain(&own)),
            payload: PayloadKind::Lossless,
            plain_bytes: self.plain_bytes,
            data: &self.coded,
        };
        let around = (body.blank.len() + body.lossy.len()) * 20;
        let laid: usize = body.layers.iter().map(layer_bytes).sum();
        self.check_packet(self.coded.len() + around, laid)?;
        Packet::Resume(body.clone()).write(resumer);
        if anew.is_empty() {
            let ResumeBody { epoch, sequence, hash, .. } = body;
            Packet::Epoch(EpochBody { epoch, sequence, timestamp, hash }).write(others);
        } else {
            (body.blank, body.layers) = (Vec::new(), photos(anew.iter()));
            (body.plain_bytes, body.data) = (0, &[]);
            Packet::Resume(body).write(others);
        }
        // As of a snapshot: larger than the updates after it.
        self.coded = Vec::new();
        Ok(())
    }
}

fn photos<'a>(stills: impl Iterator<Item = &'a CodedPhoto>) -> Vec<Layer<'a>> {
    stills.map(|still| Layer::Photo(photo_layer(still))).collect()
}
