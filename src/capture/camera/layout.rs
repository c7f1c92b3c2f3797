//! How cameras lay out a picture in one piece of memory, and how it becomes planes.

use crate::error::{Error, Result};
use crate::frame::colour::to_planes;
use crate::frame::{Chroma, FilmColour, FrameBuf, FrameView, PixelFormat, Planes, Size};
use crate::limits::Limits;

/// Samples of 8 bits, uncompressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Layout {
    /// Y, then U, then V at half width and height.
    I420,
    /// Y, then V, then U at half width and height.
    Yv12,
    /// Y, then U and V by turns at half width and height.
    Nv12,
    /// Y, U, Y, V: two pixels across share their colour.
    Yuy2,
    /// U, Y, V, Y: two pixels across share their colour.
    Uyvy,
    /// Blue, green, red and a byte without meaning.
    Bgrx,
    /// Red, green, blue and a byte without meaning.
    Rgbx,
}

/// How a camera's bytes become planes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pixels {
    /// Uncompressed.
    Raw(Layout),
    /// A JPEG each.
    Jpeg,
}

impl Layout {
    /// Bytes of a row of the first plane, without padding.
    #[must_use]
    pub fn row_bytes(self, size: Size) -> usize {
        let width = size.width as usize;
        match self {
            Self::I420 | Self::Yv12 | Self::Nv12 => width,
            Self::Yuy2 | Self::Uyvy => width.div_ceil(2) * 4,
            Self::Bgrx | Self::Rgbx => width * 4,
        }
    }

    /// Bytes of a picture whose first plane's rows are `stride` bytes apart; `None` if that cannot be.
    ///
    /// Differences of [`Layout::I420`] and [`Layout::Yv12`] have half that stride, those of [`Layout::Nv12`] the same.
    #[must_use]
    pub fn bytes(self, size: Size, stride: usize) -> Option<usize> {
        let rows = size.height as usize;
        let half = rows.div_ceil(2);
        if stride < self.row_bytes(size) {
            return None;
        }
        let first = stride.checked_mul(rows)?;
        match self {
            Self::I420 | Self::Yv12 => first.checked_add(stride.div_ceil(2).checked_mul(2 * half)?),
            Self::Nv12 => {
                // An odd width needs a byte more for its last difference than luma has.
                let chroma = (size.width as usize).div_ceil(2) * 2;
                first.checked_add(stride.max(chroma).checked_mul(half)?)
            }
            Self::Yuy2 | Self::Uyvy | Self::Bgrx | Self::Rgbx => Some(first),
        }
    }

    /// Makes planes of a picture. Where two rows share what had a colour of its own each, the mean is taken; what is red,
    /// green and blue becomes BT.601, so that `colour` counts for all others alone.
    ///
    /// # Shapes and units
    /// - `bytes`: [`Layout::bytes`] of them, or fewer by what pads the last row.
    /// - returns how the planes become colours.
    ///
    /// # Errors
    /// - [`crate::ErrorKind::InvalidInput`] for a size without pixels or too short a stride.
    /// - [`crate::ErrorKind::LimitExceeded`] for a size over the default limits.
    /// - [`crate::ErrorKind::InvalidData`] if bytes are missing.
    pub fn unpack(
        self,
        size: Size,
        stride: usize,
        bytes: &[u8],
        colour: FilmColour,
        planes: &mut Planes,
    ) -> Result<FilmColour> {
        let limits = Limits::default();
        limits.check_size(size)?;
        if stride < self.row_bytes(size) {
            return Err(Error::input(format!("a stride of {stride} bytes for {self:?} of {size}")));
        }
        let missing = || Error::data(format!("{} bytes are no picture of {size} in {self:?}", bytes.len()));
        let (width, rows) = (size.width as usize, size.height as usize);
        let (half_width, half_rows) = (width.div_ceil(2), rows.div_ceil(2));
        if matches!(self, Self::Bgrx | Self::Rgbx) {
            let format = if self == Self::Bgrx { PixelFormat::Bgrx8 } else { PixelFormat::Rgba8 };
            let view = FrameView::packed(format, size, bytes, stride).map_err(|_| missing())?;
            let mut frame = FrameBuf::new(size, &limits)?;
            frame.copy_from(&view, &size.rect())?;
            to_planes(&frame, &size.rect(), planes, Chroma::Half, &limits)?;
            return Ok(FilmColour::default());
        }
        planes.reset(size, Chroma::Half, &limits)?;
        match self {
            Self::I420 | Self::Yv12 => {
                let chroma_stride = stride.div_ceil(2);
                let second = stride.checked_mul(rows).ok_or_else(missing)?;
                let third = chroma_stride.checked_mul(half_rows).and_then(|n| n.checked_add(second));
                let third = third.ok_or_else(missing)?;
                let (u, v) = if self == Self::I420 { (second, third) } else { (third, second) };
                for (plane, start, stride, width) in [
                    (0, 0, stride, width),
                    (1, u, chroma_stride, half_width),
                    (2, v, chroma_stride, half_width),
                ] {
                    for (row, to) in planes.plane_mut(plane).chunks_exact_mut(width).enumerate() {
                        let from = bytes.get(start + row * stride..).and_then(|rest| rest.get(..width));
                        to.copy_from_slice(from.ok_or_else(missing)?);
                    }
                }
            }
            Self::Nv12 => {
                for (row, to) in planes.plane_mut(0).chunks_exact_mut(width).enumerate() {
                    let from = bytes.get(row * stride..).and_then(|rest| rest.get(..width));
                    to.copy_from_slice(from.ok_or_else(missing)?);
                }
                let (start, stride) = (stride * rows, stride.max(half_width * 2));
                let (_, u, v) = planes.split_mut();
                let pairs = u.chunks_exact_mut(half_width).zip(v.chunks_exact_mut(half_width));
                for (row, (u, v)) in pairs.enumerate() {
                    let from = bytes.get(start + row * stride..).and_then(|rest| rest.get(..half_width * 2));
                    let from = from.ok_or_else(missing)?.as_chunks::<2>().0;
                    for ((u, v), pair) in u.iter_mut().zip(v).zip(from) {
                        [*u, *v] = *pair;
                    }
                }
            }
            Self::Yuy2 | Self::Uyvy => {
                let (luma, blue, red) = if self == Self::Yuy2 { (0, 1, 3) } else { (1, 0, 2) };
                let row_bytes = half_width * 4;
                let row_of = |row: usize| {
                    bytes.get(row * stride..).and_then(|rest| rest.get(..row_bytes)).ok_or_else(missing)
                };
                let (y, u, v) = planes.split_mut();
                for (row, y) in y.chunks_exact_mut(width).enumerate() {
                    for (pair, quad) in y.chunks_mut(2).zip(row_of(row)?.as_chunks::<4>().0) {
                        pair[0] = quad[luma];
                        if let Some(second) = pair.get_mut(1) {
                            *second = quad[luma + 2];
                        }
                    }
                }
                let differences = u.chunks_exact_mut(half_width).zip(v.chunks_exact_mut(half_width));
                for (row, (u, v)) in differences.enumerate() {
                    let upper = row_of(2 * row)?.as_chunks::<4>().0;
                    let lower = row_of((2 * row + 1).min(rows - 1))?.as_chunks::<4>().0;
                    for ((u, v), (a, b)) in u.iter_mut().zip(v).zip(upper.iter().zip(lower)) {
                        *u = mean(a[blue], b[blue]);
                        *v = mean(a[red], b[red]);
                    }
                }
            }
            Self::Bgrx | Self::Rgbx => {}
        }
        Ok(colour)
    }
}

/// Rounded up.
fn mean(a: u8, b: u8) -> u8 {
    u16::midpoint(u16::from(a) + 1, u16::from(b)) as u8
}
