//! The packet for a viewer that comes back: a new epoch over the picture that it still holds.

use super::layer::Layer;
use super::packet::{PayloadKind, as_data, recall_px};
use super::{Reader, Writer};
use crate::error::{Error, Result};
use crate::frame::{Rect, Size, Timestamp};
use crate::limits::Limits;

/// What differs from a picture that the viewer still holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResumeBody<'a> {
    /// The epoch that it begins.
    pub epoch: u64,
    /// Its place in the stream.
    pub sequence: u64,
    /// When the picture was taken.
    pub timestamp: Timestamp,
    /// The picture's size, which is that of the picture held.
    pub size: Size,
    /// Hash of the picture once the packet is carried out.
    pub hash: u32,
    /// Pixels that are kept of what tiles held before.
    pub recall_px: u64,
    /// What becomes black before anything is laid or written.
    pub blank: Vec<Rect>,
    /// What is not exact in the end; all else is.
    pub lossy: Vec<Rect>,
    /// What is laid down before the payload's pixels.
    pub layers: Vec<Layer<'a>>,
    /// How `data` is coded.
    pub payload: PayloadKind,
    /// Bytes of the payload once decompressed.
    pub plain_bytes: u64,
    /// The coded pixels as in a snapshot; empty where the layers say it all.
    pub data: &'a [u8],
}

impl<'a> ResumeBody<'a> {
    /// Appends all but `data`.
    pub(super) fn write_head(&self, out: &mut Vec<u8>) {
        let mut w = Writer::new(out);
        for n in [self.epoch, self.sequence, self.timestamp.0] {
            w.varint(n);
        }
        w.varint(self.size.width.into());
        w.varint(self.size.height.into());
        w.u32_le(self.hash);
        w.varint(self.recall_px);
        for rects in [&self.blank, &self.lossy] {
            w.varint(rects.len() as u64);
            for n in rects.iter().flat_map(|r| [r.x, r.y, r.width, r.height]) {
                w.varint(n.into());
            }
        }
        Layer::write_all(&self.layers, out);
        let mut w = Writer::new(out);
        w.u8(self.payload.code());
        w.varint(self.plain_bytes);
    }

    /// Parses all of the body.
    pub(super) fn read(r: &mut Reader<'a>, limits: &Limits) -> Result<Self> {
        let (epoch, sequence, timestamp) = (r.varint()?, r.varint()?, Timestamp(r.varint()?));
        let size = Size::new(r.varint_u32()?, r.varint_u32()?);
        limits.check_size(size).map_err(as_data)?;
        let hash = r.u32_le()?;
        let recall_px = recall_px(r, limits)?;
        let (blank, lossy) = (rects(r, size, limits)?, rects(r, size, limits)?);
        let layers = Layer::read_all(r, limits)?;
        let payload = PayloadKind::read(r)?;
        let plain_bytes = r.varint()?;
        let data = r.rest();
        Ok(Self {
            epoch,
            sequence,
            timestamp,
            size,
            hash,
            recall_px,
            blank,
            lossy,
            layers,
            payload,
            plain_bytes,
            data,
        })
    }
}

/// A list of rectangles within the picture, with no more pixels in all than it has.
fn rects(r: &mut Reader<'_>, size: Size, limits: &Limits) -> Result<Vec<Rect>> {
    let count = r.varint()?;
    if count > limits.rects as u64 {
        return Err(Error::limit(format!("{count} rectangles in a packet; {} are allowed", limits.rects)));
    }
    // Four numbers take at least four bytes: what the packet cannot hold is not reserved.
    if count * 4 > r.rest().len() as u64 {
        return Err(Error::data("a packet has fewer bytes than its rectangles take"));
    }
    let mut rects = Vec::with_capacity(count as usize);
    let mut px = 0;
    for _ in 0..count {
        let rect = Rect::new(r.varint_u32()?, r.varint_u32()?, r.varint_u32()?, r.varint_u32()?);
        if rect.is_empty() || !rect.fits(size) {
            return Err(Error::data(format!("a rectangle {rect} outside of the {size} picture")));
        }
        px += rect.area();
        if px > size.area() {
            return Err(Error::data("the rectangles of a packet hold more pixels than the picture"));
        }
        rects.push(rect);
    }
    Ok(rects)
}
