//! Rectangles and their codings, and the plain bytes of those that zstd packs.

use super::predict;
use super::stream::CODED_BYTES;
use crate::bitstream::Reader;
use crate::error::Result;
use crate::frame::{BYTES_PER_PIXEL, FrameBuf, Rect, Size};

/// How the pixels of one rectangle stand in the payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::codec) enum Coding {
    /// Bit by bit, as the model foretells it.
    Modelled,
    /// One pixel for all.
    Solid,
    /// Row by row, through zstd.
    Rows,
    /// Differences from what the neighbours foretell, through zstd.
    Predicted,
    /// What its tiles held before.
    Recalled,
    /// As the model foretells it, nearly exact.
    Nearly,
}

/// A rectangle and its coding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::codec) struct CodedRect {
    pub(in crate::codec) rect: Rect,
    pub(in crate::codec) coding: Coding,
}

impl Coding {
    pub(super) fn code(self) -> u8 {
        match self {
            Self::Modelled => 0,
            Self::Solid => 1,
            Self::Rows => 2,
            Self::Predicted => 3,
            Self::Recalled => 4,
            Self::Nearly => 5,
        }
    }

    /// The coding of three bits.
    pub(super) fn of(code: u32) -> Option<Self> {
        match code {
            0 => Some(Self::Modelled),
            1 => Some(Self::Solid),
            2 => Some(Self::Rows),
            3 => Some(Self::Predicted),
            4 => Some(Self::Recalled),
            5 => Some(Self::Nearly),
            _ => None,
        }
    }
}

/// Appends the plain bytes of those `rects` of `picture` that zstd packs.
pub(super) fn write_plain(picture: &FrameBuf, rects: &[CodedRect], plain: &mut Vec<u8>) {
    for CodedRect { rect: r, coding } in rects {
        match coding {
            Coding::Modelled | Coding::Solid | Coding::Recalled | Coding::Nearly => {}
            Coding::Predicted => predict::write(picture, r, plain),
            Coding::Rows => {
                for y in r.y..r.bottom() {
                    let (pixels, _) = picture.row_of(r, y).as_chunks::<BYTES_PER_PIXEL>();
                    plain.extend(pixels.iter().flat_map(|[b, g, r, _]| [*b, *g, *r]));
                }
            }
        }
    }
}

/// Most plain bytes that a payload for a picture of `size` can have.
pub(super) fn most_plain_bytes(size: Size) -> u64 {
    size.area() * CODED_BYTES as u64
}

/// Writes the pixels of a rectangle that zstd packed.
///
/// # Errors
/// - [`crate::ErrorKind::InvalidData`] if the bytes end.
pub(super) fn read_plain(plain: &mut Reader<'_>, picture: &mut FrameBuf, entry: &CodedRect) -> Result<()> {
    let rect = &entry.rect;
    if entry.coding == Coding::Predicted {
        predict::read(plain.bytes(rect.area() as usize * CODED_BYTES)?, picture, rect);
        return Ok(());
    }
    for y in rect.y..rect.bottom() {
        let (from, _) = plain.bytes(rect.width as usize * CODED_BYTES)?.as_chunks::<CODED_BYTES>();
        let (into, _) = picture.row_of_mut(rect, y).as_chunks_mut::<BYTES_PER_PIXEL>();
        for (into, [b, g, r]) in into.iter_mut().zip(from) {
            *into = [*b, *g, *r, 255];
        }
    }
    Ok(())
}
