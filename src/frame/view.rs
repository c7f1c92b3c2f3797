//! A borrowed picture as a source has it.

use super::{FrameBuf, Size};
use crate::error::{Error, Result};

/// How a source lays out its pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PixelFormat {
    /// 4 bytes: blue, green, red, undefined. What X11 and Windows hand out.
    Bgrx8,
    /// 4 bytes: blue, green, red, alpha. Alpha is ignored: a screen is opaque.
    Bgra8,
    /// 4 bytes: red, green, blue, alpha. Alpha is ignored.
    Rgba8,
    /// Three planes: luma, then blue and red differences at half the width and height, both rounded up.
    /// BT.601 limited range.
    I420,
    /// Two planes: luma, then interleaved blue and red differences at half width and height. BT.601 limited
    /// range.
    Nv12,
}

impl PixelFormat {
    /// How many planes a picture of this format has.
    #[must_use]
    pub fn plane_count(self) -> usize {
        match self {
            Self::Bgrx8 | Self::Bgra8 | Self::Rgba8 => 1,
            Self::Nv12 => 2,
            Self::I420 => 3,
        }
    }

    /// Whether two by two pixels have one colour: a change of one is a change of all four.
    pub(crate) fn shares_colour(self) -> bool {
        matches!(self, Self::I420 | Self::Nv12)
    }

    /// Bytes in a row of plane `plane`, without padding, and its rows.
    fn plane_shape(self, plane: usize, size: Size) -> (usize, usize) {
        let (w, h) = (size.width as usize, size.height as usize);
        match (self, plane) {
            (Self::Bgrx8 | Self::Bgra8 | Self::Rgba8, _) => (w * 4, h),
            (Self::I420 | Self::Nv12, 0) => (w, h),
            (Self::I420, _) => (w.div_ceil(2), h.div_ceil(2)),
            (Self::Nv12, _) => (w.div_ceil(2) * 2, h.div_ceil(2)),
        }
    }
}

/// One plane of a borrowed picture.
#[derive(Clone, Copy, Debug)]
pub struct Plane<'a> {
    /// The bytes, from the first row's first byte on. The last row may be shorter than the stride.
    pub bytes: &'a [u8],
    /// Bytes from one row to the next.
    pub stride_bytes: usize,
}

/// A borrowed picture: size, format and planes, checked once when it is made.
#[derive(Clone, Copy, Debug)]
pub struct FrameView<'a> {
    format: PixelFormat,
    size: Size,
    planes: [Plane<'a>; 3],
}

impl<'a> FrameView<'a> {
    /// A view of `planes`, as many as `format` has.
    ///
    /// # Shapes and units
    /// Each plane: `rows` rows of `stride_bytes` ≥ the row's bytes; the last row may end after its pixels.
    ///
    /// # Errors
    /// - [`crate::ErrorKind::InvalidInput`] if a side is zero, the number of planes is wrong, a stride is
    ///   shorter than a row, or a plane has fewer bytes than its rows need.
    pub fn new(format: PixelFormat, size: Size, planes: &[Plane<'a>]) -> Result<Self> {
        if size.width == 0 || size.height == 0 || size.width > i32::MAX as u32 / 4 {
            return Err(Error::input(format!("a picture of {size} cannot be viewed")));
        }
        if planes.len() != format.plane_count() {
            return Err(Error::input(format!(
                "{format:?} has {} planes, {} were given",
                format.plane_count(),
                planes.len()
            )));
        }
        let mut kept = [Plane { bytes: &[], stride_bytes: 0 }; 3];
        for (i, plane) in planes.iter().enumerate() {
            let (row_bytes, rows) = format.plane_shape(i, size);
            if plane.stride_bytes < row_bytes {
                return Err(Error::input(format!(
                    "plane {i}: a stride of {} bytes is shorter than a row of {row_bytes}",
                    plane.stride_bytes
                )));
            }
            let needed = plane
                .stride_bytes
                .checked_mul(rows - 1)
                .and_then(|n| n.checked_add(row_bytes))
                .ok_or_else(|| Error::input(format!("plane {i}: stride × rows overflows")))?;
            if plane.bytes.len() < needed {
                return Err(Error::input(format!(
                    "plane {i}: {} bytes are fewer than the {needed} that {rows} rows need",
                    plane.bytes.len()
                )));
            }
            // What lies behind the last row is none of the picture's: converters go on for as long as there are bytes.
            kept[i] = Plane { bytes: &plane.bytes[..needed], ..*plane };
        }
        Ok(Self { format, size, planes: kept })
    }

    /// A view of one packed plane: [`PixelFormat::Bgrx8`], [`PixelFormat::Bgra8`] or [`PixelFormat::Rgba8`].
    ///
    /// # Errors
    /// As [`FrameView::new`].
    pub fn packed(format: PixelFormat, size: Size, bytes: &'a [u8], stride_bytes: usize) -> Result<Self> {
        Self::new(format, size, &[Plane { bytes, stride_bytes }])
    }

    pub(super) fn of_buf(buf: &'a FrameBuf) -> Self {
        let plane = Plane { bytes: buf.pixels(), stride_bytes: buf.stride_bytes() };
        Self { format: PixelFormat::Bgra8, size: buf.size(), planes: [plane; 3] }
    }

    /// Its pixel format.
    #[must_use]
    pub fn format(&self) -> PixelFormat {
        self.format
    }

    /// Its size in pixels.
    #[must_use]
    pub fn size(&self) -> Size {
        self.size
    }

    /// Plane `plane`.
    ///
    /// # Panics
    /// If the format has no such plane.
    #[must_use]
    pub fn plane(&self, plane: usize) -> Plane<'a> {
        assert!(plane < self.format.plane_count(), "no plane {plane} in {:?}", self.format);
        self.planes[plane]
    }
}
