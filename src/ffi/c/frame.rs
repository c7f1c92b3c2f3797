//! Frames and rectangles as callers hand them in.

use super::boundary::slice;
use super::codes;
use super::sized::{self, Sized32};
use crate::capture::Damage;
use crate::error::Result;
use crate::ffi::encoder::{MOST_DAMAGE, damage};
use crate::frame::{FrameView, Plane, Rect, Size, Timestamp};

/// A rectangle in physical pixels, from the picture's top left corner.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct panecast_rect {
    /// Left column.
    pub x: u32,
    /// Top row.
    pub y: u32,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

/// One plane of a frame.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct panecast_plane {
    /// The first row's first byte.
    pub bytes: *const u8,
    /// How many bytes may be read from there. The last row may end after its pixels, before its stride is over.
    pub length: usize,
    /// Bytes from one row to the next.
    pub stride_bytes: usize,
}

/// A frame that is handed in. Nothing of it is kept after the call, and nobody may change it meanwhile.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct panecast_frame {
    /// sizeof(panecast_frame).
    pub struct_size: u32,
    /// A panecast_format.
    pub format: u32,
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// As many as the format has; the others are not looked at.
    pub planes: [panecast_plane; 3],
    /// Where it may differ from the frame before; NULL: anywhere. Pixels elsewhere are not read.
    pub damage: *const panecast_rect,
    /// How many rectangles. Not NULL and 0: nothing changed.
    pub damage_count: usize,
    /// Microseconds since the stream began.
    pub timestamp_us: u64,
}

// SAFETY: numbers and pointers, the first of them the size.
unsafe impl Sized32 for panecast_frame {}

/// A frame whose pointers and sizes have been checked.
pub(super) struct Frame<'a> {
    pub(super) view: FrameView<'a>,
    pub(super) damage: Damage,
    pub(super) timestamp: Timestamp,
}

/// Borrows a caller's frame.
///
/// # Safety
/// `frame` is NULL or a `panecast_frame` as its text says, good until `'a` ends.
pub(super) unsafe fn read<'a>(frame: *const panecast_frame) -> Result<Frame<'a>> {
    super::boundary::wants(frame, "the frame")?;
    // SAFETY: as this function's contract says.
    let frame = unsafe { sized::read(frame, "the frame")? };
    let (format, size) = (codes::format(frame.format)?, Size::new(frame.width, frame.height));
    let mut planes = [Plane { bytes: &[], stride_bytes: 0 }; 3];
    let planes = &mut planes[..format.plane_count()];
    for (plane, given) in planes.iter_mut().zip(&frame.planes) {
        // SAFETY: the caller vouches for `length` bytes.
        let bytes = unsafe { slice(given.bytes, given.length, "a plane")? };
        *plane = Plane { bytes, stride_bytes: given.stride_bytes };
    }
    let view = FrameView::new(format, size, planes)?;
    let damage = if frame.damage.is_null() && frame.damage_count == 0 {
        Damage::Unknown
    } else {
        // SAFETY: the caller vouches for `damage_count` rectangles.
        let rects = unsafe { rects(frame.damage, frame.damage_count, "the damage")? };
        damage(Some(&rects), size, format)?
    };
    Ok(Frame { view, damage, timestamp: Timestamp(frame.timestamp_us) })
}

/// Copies a caller's rectangles, at most [`MOST_DAMAGE`].
///
/// # Safety
/// `first` is NULL or good for reading `count` rectangles.
unsafe fn rects(first: *const panecast_rect, count: usize, what: &str) -> Result<Vec<Rect>> {
    if count > MOST_DAMAGE {
        return Err(crate::Error::limit(format!("{count} rectangles; {MOST_DAMAGE} are allowed")));
    }
    // SAFETY: as this function's contract says.
    Ok(unsafe { slice(first, count, what)? }.iter().map(rect).collect())
}

pub(super) fn rect(r: &panecast_rect) -> Rect {
    Rect::new(r.x, r.y, r.width, r.height)
}

pub(super) fn c_rect(r: Rect) -> panecast_rect {
    panecast_rect { x: r.x, y: r.y, width: r.width, height: r.height }
}
