//! Layers: what is laid over the picture before the exact pixels of a payload.

use super::{Reader, Writer};
use crate::error::{Error, ErrorKind, Result};
use crate::frame::{Rect, Size};
use crate::limits::Limits;

/// A part of a coded picture and where it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patch {
    /// Top left corner within the coded picture.
    pub from: (u32, u32),
    /// Its place in the picture that is shown.
    pub to: Rect,
}

impl Patch {
    /// Where it lies within the coded picture.
    #[must_use]
    pub fn source(&self) -> Rect {
        Rect::new(self.from.0, self.from.1, self.to.width, self.to.height)
    }
}

/// One temporal unit of an AV1 surface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Av1Layer<'a> {
    /// Which surface; 0 is for stills, each a keyframe that nothing follows.
    pub surface: u32,
    /// Whether it needs nothing from before.
    pub keyframe: bool,
    /// Whether colour has the full resolution (4:4:4) or half of it (4:2:0).
    pub full_chroma: bool,
    /// Size of the coded picture.
    pub size: Size,
    /// Which parts of it go where.
    pub patches: Vec<Patch>,
    /// Open bit-stream units of one temporal unit.
    pub data: &'a [u8],
}

/// Rectangles coded by what their neighbours foretell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhotoLayer<'a> {
    /// Bound on the loss; 0 is exact.
    pub near: u8,
    /// Where the pixels go.
    pub rects: Vec<Rect>,
    /// Range-coded pixels.
    pub data: &'a [u8],
}

/// Rectangles in which every colour becomes a line of what it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FadeLayer {
    /// What values are multiplied by, in 4096ths; 65,536 at most.
    pub factor: u32,
    /// What is added to B, G, R, in 4096ths.
    pub offsets: [i32; 3],
    /// Where.
    pub rects: Vec<Rect>,
}

/// What is laid over the picture, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Layer<'a> {
    /// A picture of an AV1 surface.
    Av1(Av1Layer<'a>),
    /// Photographs.
    Photo(PhotoLayer<'a>),
    /// What was there, lighter or darker.
    Fade(FadeLayer),
    /// Differences, which are added to what is there; `near` is not 0.
    Change(PhotoLayer<'a>),
    /// A surface ends; its place stays as it is.
    End {
        /// Which one.
        surface: u32,
    },
}

const AV1: u8 = 1;
const PHOTO: u8 = 2;
const END: u8 = 3;
const FADE: u8 = 4;
const CHANGE: u8 = 5;

const KEYFRAME: u8 = 1;
const FULL_CHROMA: u8 = 2;

impl<'a> Layer<'a> {
    /// Appends the layer.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let mut w = Writer::new(out);
        match self {
            Self::Av1(layer) => {
                w.u8(AV1);
                w.varint(layer.surface.into());
                w.u8(u8::from(layer.keyframe) * KEYFRAME + u8::from(layer.full_chroma) * FULL_CHROMA);
                w.varint(layer.size.width.into());
                w.varint(layer.size.height.into());
                w.varint(layer.patches.len() as u64);
                for Patch { from, to } in &layer.patches {
                    for v in [from.0, from.1, to.x, to.y, to.width, to.height] {
                        w.varint(v.into());
                    }
                }
                w.varint(layer.data.len() as u64);
                w.bytes(layer.data);
            }
            Self::Fade(layer) => {
                w.u8(FADE);
                w.varint(layer.factor.into());
                layer.offsets.iter().for_each(|offset| w.zigzag_i32(*offset));
                write_rects(&layer.rects, &mut w);
            }
            Self::Photo(layer) | Self::Change(layer) => {
                w.u8(if matches!(self, Self::Photo(_)) { PHOTO } else { CHANGE });
                w.u8(layer.near);
                write_rects(&layer.rects, &mut w);
                w.varint(layer.data.len() as u64);
                w.bytes(layer.data);
            }
            Self::End { surface } => {
                w.u8(END);
                w.varint((*surface).into());
            }
        }
    }

    fn read(r: &mut Reader<'a>, limits: &Limits) -> Result<Self> {
        let layer = match r.u8()? {
            AV1 => {
                let surface = r.varint_u32()?;
                let flags = r.u8()?;
                if flags & !(KEYFRAME | FULL_CHROMA) != 0 {
                    return Err(Error::data("unknown flags of an AV1 layer"));
                }
                let size = Size::new(r.varint_u32()?, r.varint_u32()?);
                limits.check_size(size).map_err(|e| match e.kind() {
                    ErrorKind::InvalidInput => Error::data(e.message()),
                    _ => e,
                })?;
                // Six numbers take at least six bytes: what the packet cannot hold is not reserved.
                let count = count(r, 6, limits)?;
                let mut patches = Vec::with_capacity(count);
                for _ in 0..count {
                    let from = (r.varint_u32()?, r.varint_u32()?);
                    let to = Rect::new(r.varint_u32()?, r.varint_u32()?, r.varint_u32()?, r.varint_u32()?);
                    let patch = Patch { from, to };
                    if to.is_empty() || !patch.source().fits(size) {
                        return Err(Error::data(format!("a patch for {to} from outside of a {size} layer")));
                    }
                    patches.push(patch);
                }
                let (keyframe, full_chroma) = (flags & KEYFRAME != 0, flags & FULL_CHROMA != 0);
                Self::Av1(Av1Layer { surface, keyframe, full_chroma, size, patches, data: data(r)? })
            }
            kind @ (PHOTO | CHANGE) => {
                let near = r.u8()?;
                let layer = PhotoLayer { near, rects: rects(r, limits)?, data: data(r)? };
                if kind == PHOTO { Self::Photo(layer) } else { Self::Change(layer) }
            }
            FADE => Self::Fade(FadeLayer {
                factor: r.varint_u32()?,
                offsets: [r.zigzag_i32()?, r.zigzag_i32()?, r.zigzag_i32()?],
                rects: rects(r, limits)?,
            }),
            END => Self::End { surface: r.varint_u32()? },
            kind => {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    format!("layers of kind {kind} need a newer decoder; update it"),
                ));
            }
        };
        Ok(layer)
    }

    /// Appends a list of layers.
    pub(super) fn write_all(layers: &[Layer<'_>], out: &mut Vec<u8>) {
        Writer::new(out).varint(layers.len() as u64);
        layers.iter().for_each(|layer| layer.write(out));
    }

    /// Parses a list of layers.
    pub(super) fn read_all(r: &mut Reader<'a>, limits: &Limits) -> Result<Vec<Self>> {
        let count = r.varint()?;
        if count > limits.layers as u64 {
            return Err(Error::limit(format!("{count} layers in a packet; {} are allowed", limits.layers)));
        }
        (0..count).map(|_| Self::read(r, limits)).collect()
    }
}

fn write_rects(rects: &[Rect], w: &mut Writer<'_>) {
    w.varint(rects.len() as u64);
    for r in rects {
        for v in [r.x, r.y, r.width, r.height] {
            w.varint(v.into());
        }
    }
}

fn rects(r: &mut Reader<'_>, limits: &Limits) -> Result<Vec<Rect>> {
    let count = count(r, 4, limits)?;
    let mut rects = Vec::with_capacity(count);
    for _ in 0..count {
        rects.push(Rect::new(r.varint_u32()?, r.varint_u32()?, r.varint_u32()?, r.varint_u32()?));
    }
    Ok(rects)
}

/// The number of rectangles that follow, each of at least `least_bytes`.
fn count(r: &mut Reader<'_>, least_bytes: u64, limits: &Limits) -> Result<usize> {
    let count = r.varint()?;
    if count > limits.rects as u64 {
        return Err(Error::limit(format!("{count} patches in a layer; {} are allowed", limits.rects)));
    }
    if count.saturating_mul(least_bytes) > r.rest().len() as u64 {
        return Err(Error::data("a layer has fewer bytes than its patches take"));
    }
    Ok(count as usize)
}

fn data<'a>(r: &mut Reader<'a>) -> Result<&'a [u8]> {
    let len = r.varint()?;
    r.bytes(usize::try_from(len).map_err(|_| Error::data("a layer is longer than its packet"))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_come_back() {
        let rects = || vec![Rect::new(3, 0, 70, 9), Rect::new(0, 200, 1, 1)];
        let layers = [
            Layer::Fade(FadeLayer { factor: 65_536, offsets: [-4096, 0, i32::MAX], rects: rects() }),
            Layer::Change(PhotoLayer { near: 9, rects: rects(), data: &[1, 2, 3] }),
            Layer::Photo(PhotoLayer { near: 0, rects: rects(), data: &[] }),
            Layer::End { surface: 77 },
        ];
        let mut bytes = Vec::new();
        Layer::write_all(&layers, &mut bytes);
        let mut r = Reader::new(&bytes);
        assert_eq!(Layer::read_all(&mut r, &Limits::default()).expect("layers"), layers);
        assert!(r.is_at_end());
        for cut in 0..bytes.len() {
            assert!(Layer::read_all(&mut Reader::new(&bytes[..cut]), &Limits::default()).is_err());
        }
    }
}
