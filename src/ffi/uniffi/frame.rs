//! Frames that stay the caller's: how their memory is laid out, and where they changed.

use crate::capture::Damage;
use crate::error::{Error, Result};
use crate::ffi::encoder;
use crate::frame::{self, FrameView, Plane, Size};

/// How a frame lays out its pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum PixelFormat {
    /// One plane: blue, green, red, alpha. Alpha is ignored.
    Bgra,
    /// One plane: red, green, blue, alpha. Alpha is ignored.
    Rgba,
    /// Three planes: luma, blue and red differences at half width and height. BT.601 limited range.
    I420,
    /// Two planes: luma, interleaved differences at half width and height. BT.601 limited range.
    Nv12,
}

/// A rectangle of pixels; the origin is the top left corner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Rect {
    /// Left column.
    pub x: u32,
    /// Top row.
    pub y: u32,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

/// What a frame's planes hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Record)]
pub struct FrameLayout {
    /// How pixels are laid out; it says how many planes there are.
    pub format: PixelFormat,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Bytes from one row of the first plane to the next. The last row may be shorter.
    pub stride_0_bytes: u32,
    /// The same of the second plane; 0 where there is none.
    pub stride_1_bytes: u32,
    /// The same of the third plane; 0 where there is none.
    pub stride_2_bytes: u32,
}

impl From<PixelFormat> for frame::PixelFormat {
    fn from(format: PixelFormat) -> Self {
        match format {
            PixelFormat::Bgra => Self::Bgra8,
            PixelFormat::Rgba => Self::Rgba8,
            PixelFormat::I420 => Self::I420,
            PixelFormat::Nv12 => Self::Nv12,
        }
    }
}

impl From<Rect> for frame::Rect {
    fn from(r: Rect) -> Self {
        Self::new(r.x, r.y, r.width, r.height)
    }
}

impl From<frame::Rect> for Rect {
    fn from(r: frame::Rect) -> Self {
        Self { x: r.x, y: r.y, width: r.width, height: r.height }
    }
}

impl FrameLayout {
    /// The frame in `planes`; those that the format does not have are empty.
    pub(super) fn view<'a>(&self, planes: [&'a [u8]; 3]) -> Result<FrameView<'a>> {
        let format = frame::PixelFormat::from(self.format);
        let strides = [self.stride_0_bytes, self.stride_1_bytes, self.stride_2_bytes];
        let planes: [Plane<'a>; 3] =
            std::array::from_fn(|i| Plane { bytes: planes[i], stride_bytes: strides[i] as usize });
        let (own, rest) = planes.split_at(format.plane_count());
        if rest.iter().any(|plane| !plane.bytes.is_empty()) {
            return Err(Error::input(format!("a frame of {:?} has {} planes", self.format, own.len())));
        }
        FrameView::new(format, Size::new(self.width, self.height), own)
    }
}

/// Where `view` may differ from the frame before; no list: anywhere.
pub(super) fn damage(rects: Option<Vec<Rect>>, view: &FrameView<'_>) -> Result<Damage> {
    let rects: Option<Vec<frame::Rect>> =
        rects.map(|rects| rects.into_iter().map(frame::Rect::from).collect());
    encoder::damage(rects.as_deref(), view.size(), view.format())
}
