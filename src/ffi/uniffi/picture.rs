//! Pictures and cursors on their way out.

use crate::capture;
use crate::error::{Error, ErrorKind, Result};
use crate::frame::FrameBuf;

/// A picture's size in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Record)]
pub struct PictureSize {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

/// A point in pixels of the picture; it may lie outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Point {
    /// Column.
    pub x: i32,
    /// Row.
    pub y: i32,
}

/// A cursor's picture.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct CursorShape {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Column of the pixel that points.
    pub hotspot_x: u32,
    /// Row of the pixel that points.
    pub hotspot_y: u32,
    /// Blue, green, red, alpha (premultiplied), rows without padding.
    pub pixels: Vec<u8>,
}

impl From<&FrameBuf> for PictureSize {
    fn from(frame: &FrameBuf) -> Self {
        Self { width: frame.size().width, height: frame.size().height }
    }
}

impl From<(i32, i32)> for Point {
    fn from((x, y): (i32, i32)) -> Self {
        Self { x, y }
    }
}

impl From<&capture::CursorShape> for CursorShape {
    fn from(shape: &capture::CursorShape) -> Self {
        Self {
            width: shape.size.width,
            height: shape.size.height,
            hotspot_x: shape.hotspot.0,
            hotspot_y: shape.hotspot.1,
            pixels: shape.pixels.clone(),
        }
    }
}

pub(super) fn no_picture() -> Error {
    Error::new(ErrorKind::NotFound, "there is no picture yet")
}

/// Copies `frame` to the caller's memory, in rows of `stride_bytes`; bytes between the rows stay as they are.
///
/// # Safety
/// If `address` is not 0, `length` bytes from it on are writable and nobody else's until this returns.
pub(super) unsafe fn copy_to(
    frame: &FrameBuf,
    address: u64,
    length: u64,
    stride_bytes: u32,
) -> Result<PictureSize> {
    let row = frame.stride_bytes();
    let stride = stride_bytes as usize;
    let rows = frame.size().height as usize;
    let needed = stride.checked_mul(rows - 1).and_then(|n| n.checked_add(row));
    let there = usize::try_from(length).ok().filter(|n| *n <= isize::MAX as usize);
    let start = usize::try_from(address).ok().filter(|a| *a != 0);
    let (Some(start), Some(there), Some(needed)) = (start, there, needed) else {
        return Err(Error::input("no memory was given to copy the picture to"));
    };
    if stride < row || there < needed {
        return Err(Error::input(format!(
            "a picture of {} needs {needed} bytes in rows of at least {row}; {there} in rows of {stride} were given",
            frame.size()
        )));
    }
    for (y, from) in frame.pixels().chunks_exact(row).enumerate() {
        let to = (start + y * stride) as *mut u8;
        // SAFETY: `needed` ends with the last row and is within `length`, which is writable and nobody else's; so it does not
        // overlap the frame, either.
        unsafe { std::ptr::copy_nonoverlapping(from.as_ptr(), to, row) };
    }
    Ok(frame.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Size;
    use crate::limits::Limits;

    #[test]
    fn rows_go_where_the_stride_says_and_nowhere_else() {
        let mut frame = FrameBuf::new(Size::new(3, 2), &Limits::default()).expect("a frame");
        (1..).zip(frame.pixels_mut()).for_each(|(n, byte)| *byte = n);
        let mut memory = vec![0; 40];
        let mut copy = |length: u64, stride: u32| {
            let address = memory.as_mut_ptr() as usize as u64;
            // SAFETY: at most the vector's own bytes.
            let copied = unsafe { copy_to(&frame, address, length, stride) };
            copied.map(|_| memory.clone())
        };
        assert!(copy(27, 16).is_err() && copy(40, 11).is_err() && copy(u64::MAX, 16).is_err());
        let expected: Vec<u8> = (1..=12).chain([0; 4]).chain(13..=24).chain([0; 12]).collect();
        assert_eq!(copy(28, 16).expect("room enough"), expected);
        // SAFETY: a null address is refused.
        assert!(unsafe { copy_to(&frame, 0, 40, 16) }.is_err());
    }
}
