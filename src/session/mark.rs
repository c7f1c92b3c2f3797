//! What a watcher points at and draws, for the sharing side to see over its own screen.

use crate::bitstream::{Reader, Writer};
use crate::error::{Error, Result};

/// Most points of one message; a longer line goes on in the next.
pub const MOST_POINTS: usize = 512;

/// A point in pixels of the picture; it may lie outside.
pub type Point = (i32, i32);

/// What a line looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tool {
    /// A thin line.
    Pen,
    /// A broad one that lets through what is below.
    Highlight,
    /// A straight line with a head at its last point.
    Arrow,
}

/// A mark. Marks are drawn over the shared screen and are never part of the picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    /// The laser pointer is here, or gone.
    Pointer(Option<Point>),
    /// A line begins or, with the same number, goes on.
    Line {
        /// The watcher's number for it.
        line: u32,
        /// What it looks like.
        tool: Tool,
        /// 0xRRGGBB.
        colour: u32,
        /// One to [`MOST_POINTS`] points.
        points: Vec<Point>,
    },
    /// All lines of this watcher go away.
    Clear,
}

const POINTER: u8 = 1;
const LINE: u8 = 2;
const CLEAR: u8 = 3;
const TOOLS: [Tool; 3] = [Tool::Pen, Tool::Highlight, Tool::Arrow];

pub(super) fn write(mark: &Mark, w: &mut Writer<'_>) {
    match mark {
        Mark::Pointer(at) => {
            w.u8(POINTER);
            for n in at.iter().flat_map(|(x, y)| [*x, *y]) {
                w.zigzag_i32(n);
            }
        }
        Mark::Line { line, tool, colour, points } => {
            w.u8(LINE);
            w.varint((*line).into());
            w.u8(*tool as u8);
            w.u32_le(*colour);
            let points = &points[..points.len().min(MOST_POINTS)];
            w.varint(points.len() as u64);
            for n in points.iter().flat_map(|(x, y)| [*x, *y]) {
                w.zigzag_i32(n);
            }
        }
        Mark::Clear => w.u8(CLEAR),
    }
}

pub(super) fn read(r: &mut Reader<'_>) -> Result<Mark> {
    let point = |r: &mut Reader<'_>| Ok((r.zigzag_i32()?, r.zigzag_i32()?));
    Ok(match r.u8()? {
        POINTER if r.is_at_end() => Mark::Pointer(None),
        POINTER => Mark::Pointer(Some(point(r)?)),
        LINE => {
            let line = r.varint_u32()?;
            let tool = TOOLS.get(usize::from(r.u8()?)).copied();
            let colour = r.u32_le()?;
            let count = r.varint()?;
            if count == 0 || count > MOST_POINTS as u64 || colour > 0xFF_FFFF {
                return Err(Error::data("a line that nobody can draw"));
            }
            let points = (0..count).map(|_| point(r)).collect::<Result<_>>()?;
            Mark::Line { line, tool: tool.ok_or_else(|| Error::data("an unknown tool"))?, colour, points }
        }
        CLEAR => Mark::Clear,
        _ => return Err(Error::data("an unknown mark")),
    })
}
