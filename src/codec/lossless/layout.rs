//! The plain bytes of a payload: a table of rectangles, then their pixels.

use super::predict;
use super::stream::CODED_BYTES;
use crate::bitstream::{Reader, Writer};
use crate::codec::tools::{Tool, ToolUse};
use crate::error::{Error, Result};
use crate::frame::{BYTES_PER_PIXEL, FrameBuf, Rect, Size};
use crate::limits::Limits;

/// How the pixels of one rectangle stand in the payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::codec) enum Coding {
    /// Row by row.
    Rows,
    /// Column by column: a glyph that occurs again is then one run of bytes that occurs again.
    Columns,
    /// One pixel for all.
    Solid,
    /// Differences from what the neighbours foretell.
    Predicted,
}

/// A rectangle and its coding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::codec) struct CodedRect {
    pub(in crate::codec) rect: Rect,
    pub(in crate::codec) coding: Coding,
}

impl Coding {
    fn code(self) -> u8 {
        match self {
            Self::Rows => 0,
            Self::Columns => 1,
            Self::Solid => 2,
            Self::Predicted => 3,
        }
    }

    fn tool(self) -> Tool {
        match self {
            Self::Rows => Tool::Rows,
            Self::Columns => Tool::Columns,
            Self::Solid => Tool::Solid,
            Self::Predicted => Tool::Predicted,
        }
    }

    /// The coding of a changed rectangle; `columns` says in which order text is coded.
    pub(in crate::codec) fn choose(picture: &FrameBuf, r: &Rect, columns: bool) -> Self {
        match solid(picture, r) {
            true => Self::Solid,
            false if columns && r.height > 1 => Self::Columns,
            false => Self::Rows,
        }
    }
}

/// Figures of one payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::codec) struct Rects {
    pub(in crate::codec) count: usize,
    pub(in crate::codec) solid: usize,
    pub(in crate::codec) px: u64,
}

/// Appends the plain bytes of `rects` of `picture`.
pub(in crate::codec) fn write_rects(
    picture: &FrameBuf,
    rects: impl ExactSizeIterator<Item = CodedRect> + Clone,
    plain: &mut Vec<u8>,
) {
    Writer::new(plain).varint(rects.len() as u64);
    let mut y = 0;
    for CodedRect { rect: r, coding } in rects.clone() {
        let mut w = Writer::new(plain);
        // Rectangles are sorted by row, so that the differences are small and repeat.
        w.zigzag_i32(r.y.wrapping_sub(y) as i32);
        w.varint(r.height.into());
        w.varint(r.x.into());
        w.varint(r.width.into());
        w.u8(coding.code());
        y = r.y;
    }
    for CodedRect { rect: r, coding } in rects {
        match coding {
            Coding::Predicted => predict::write(picture, &r, plain),
            Coding::Solid => plain.extend_from_slice(&picture.row_of(&r, r.y)[..CODED_BYTES]),
            Coding::Rows => {
                for y in r.y..r.bottom() {
                    let (pixels, _) = picture.row_of(&r, y).as_chunks::<BYTES_PER_PIXEL>();
                    plain.extend(pixels.iter().flat_map(|[b, g, r, _]| [*b, *g, *r]));
                }
            }
            Coding::Columns => {
                let start = plain.len();
                let column_bytes = r.height as usize * CODED_BYTES;
                plain.resize(start + r.width as usize * column_bytes, 0);
                let into = &mut plain[start..];
                for (i, y) in (r.y..r.bottom()).enumerate() {
                    let (pixels, _) = picture.row_of(&r, y).as_chunks::<BYTES_PER_PIXEL>();
                    for (column, px) in into.chunks_exact_mut(column_bytes).zip(pixels) {
                        column[i * CODED_BYTES..][..CODED_BYTES].copy_from_slice(&px[..CODED_BYTES]);
                    }
                }
            }
        }
    }
}

/// Most plain bytes that a payload for a picture of `size` can have.
pub(in crate::codec) fn most_plain_bytes(size: Size, limits: &Limits) -> u64 {
    // A rectangle's entry is four numbers of at most five bytes, and one byte.
    size.area() * CODED_BYTES as u64 + (limits.rects as u64).min(size.area()) * 21 + 5
}

/// Writes the pixels of a payload into `picture` and tells `written` of every rectangle.
///
/// # Errors
/// - [`crate::ErrorKind::InvalidData`] if the payload breaks the format; the picture may be partly written.
/// - [`crate::ErrorKind::LimitExceeded`] for too many rectangles.
pub(in crate::codec) fn read_rects(
    plain: &[u8],
    picture: &mut FrameBuf,
    limits: &Limits,
    mut written: impl FnMut(ToolUse),
) -> Result<Rects> {
    let size = picture.size();
    let mut table = Reader::new(plain);
    let count = table.varint()?;
    if count > limits.rects as u64 {
        return Err(Error::limit(format!("{count} rectangles in a packet; {} are allowed", limits.rects)));
    }
    // The table is read twice, first to find its end: no memory is spent on what it says.
    let mut pixels = table.clone();
    let mut facts = Rects { count: count as usize, ..Rects::default() };
    let mut y = 0;
    for _ in 0..count {
        let (rect, _) = read_entry(&mut pixels, &mut y, size)?;
        facts.px += rect.area();
        if facts.px > size.area() {
            return Err(Error::data("the rectangles of a packet hold more pixels than the picture"));
        }
    }
    y = 0;
    for _ in 0..count {
        let (rect, coding) = read_entry(&mut table, &mut y, size)?;
        let before = pixels.rest().len();
        match coding {
            Coding::Solid => {
                let px = pixels.bytes(CODED_BYTES)?;
                let px = [px[0], px[1], px[2], 255];
                facts.solid += 1;
                for y in rect.y..rect.bottom() {
                    picture.row_of_mut(&rect, y).as_chunks_mut().0.fill(px);
                }
            }
            Coding::Predicted => {
                predict::read(pixels.bytes(rect.area() as usize * CODED_BYTES)?, picture, &rect);
            }
            Coding::Rows => {
                for y in rect.y..rect.bottom() {
                    let (from, _) =
                        pixels.bytes(rect.width as usize * CODED_BYTES)?.as_chunks::<CODED_BYTES>();
                    let (into, _) = picture.row_of_mut(&rect, y).as_chunks_mut::<BYTES_PER_PIXEL>();
                    for (into, [b, g, r]) in into.iter_mut().zip(from) {
                        *into = [*b, *g, *r, 255];
                    }
                }
            }
            Coding::Columns => {
                let column_bytes = rect.height as usize * CODED_BYTES;
                let from = pixels.bytes(rect.width as usize * column_bytes)?;
                for (i, y) in (rect.y..rect.bottom()).enumerate() {
                    let (into, _) = picture.row_of_mut(&rect, y).as_chunks_mut::<BYTES_PER_PIXEL>();
                    for (into, column) in into.iter_mut().zip(from.chunks_exact(column_bytes)) {
                        let px = &column[i * CODED_BYTES..][..CODED_BYTES];
                        *into = [px[0], px[1], px[2], 255];
                    }
                }
            }
        }
        let plain_bytes = (before - pixels.rest().len()) as u64;
        written(ToolUse { tool: coding.tool(), rect, plain_bytes });
    }
    if !pixels.is_at_end() {
        return Err(Error::data("bytes left over after the pixels of a packet"));
    }
    Ok(facts)
}

fn read_entry(table: &mut Reader<'_>, y: &mut u32, size: Size) -> Result<(Rect, Coding)> {
    *y = y.wrapping_add_signed(table.zigzag_i32()?);
    let height = table.varint_u32()?;
    let rect = Rect { y: *y, height, x: table.varint_u32()?, width: table.varint_u32()? };
    let coding = match table.u8()? {
        0 => Coding::Rows,
        1 => Coding::Columns,
        2 => Coding::Solid,
        3 => Coding::Predicted,
        code => return Err(Error::data(format!("there is no pixel coding {code}"))),
    };
    if rect.is_empty() || !rect.fits(size) {
        return Err(Error::data(format!("a rectangle {rect} outside of the {size} picture")));
    }
    Ok((rect, coding))
}

fn solid(picture: &FrameBuf, r: &Rect) -> bool {
    let first = &picture.row_of(r, r.y)[..BYTES_PER_PIXEL];
    (r.y..r.bottom()).all(|y| {
        let row = picture.row_of(r, y);
        row[..BYTES_PER_PIXEL] == *first && row[BYTES_PER_PIXEL..] == row[..row.len() - BYTES_PER_PIXEL]
    })
}
