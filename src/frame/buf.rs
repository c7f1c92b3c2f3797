//! An owned picture in the layout that all stages work on.

use super::wiped::Wiped;
use super::{FrameView, Rect, Size};
use crate::error::{Error, Result};
use crate::limits::Limits;

/// Bytes of a pixel: B, G, R, 255.
pub const BYTES_PER_PIXEL: usize = 4;

/// An owned picture: B, G, R, 255, rows of 4 × width bytes without padding.
///
/// The fourth byte is always 255: sources with an undefined fourth byte (X11's BGRX) normalise it while they
/// copy, so that two pictures are equal exactly when their bytes are. Its memory is zeroed before it is given back.
#[derive(Clone, PartialEq, Eq)]
pub struct FrameBuf {
    size: Size,
    pixels: Wiped,
}

impl FrameBuf {
    /// A black picture of `size`.
    ///
    /// # Errors
    /// - [`crate::ErrorKind::InvalidInput`] or [`crate::ErrorKind::LimitExceeded`] as [`Limits::check_size`]
    ///   says.
    pub fn new(size: Size, limits: &Limits) -> Result<Self> {
        limits.check_size(size)?;
        let mut buf = Self { size: Size::default(), pixels: Wiped::default() };
        buf.reset(size, limits)?;
        Ok(buf)
    }

    /// Makes it a black picture of `size`, keeping the memory where it suffices.
    ///
    /// # Errors
    /// As [`FrameBuf::new`]; the picture is unchanged then.
    pub fn reset(&mut self, size: Size, limits: &Limits) -> Result<()> {
        limits.check_size(size)?;
        let bytes = size.area() as usize * BYTES_PER_PIXEL;
        if bytes < self.pixels.len() {
            // What lies behind the smaller picture is not written anew.
            self.pixels.fill(0);
        }
        let pixels = self.pixels.empty(bytes);
        pixels.resize(bytes, 0);
        for px in pixels.chunks_exact_mut(BYTES_PER_PIXEL) {
            px[3] = 255;
        }
        self.size = size;
        Ok(())
    }

    /// Its size in pixels.
    #[must_use]
    pub fn size(&self) -> Size {
        self.size
    }

    /// Bytes from one row to the next: 4 × width.
    #[must_use]
    pub fn stride_bytes(&self) -> usize {
        self.size.width as usize * BYTES_PER_PIXEL
    }

    /// All rows, top to bottom.
    #[must_use]
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// All rows, top to bottom. The writer keeps each fourth byte 255.
    pub fn pixels_mut(&mut self) -> &mut [u8] {
        &mut self.pixels
    }

    /// Row `y`.
    ///
    /// # Panics
    /// If there is no such row.
    #[must_use]
    pub fn row(&self, y: u32) -> &[u8] {
        let stride = self.stride_bytes();
        &self.pixels[y as usize * stride..][..stride]
    }

    /// The pixels of `rect` in row `y` of the picture.
    ///
    /// # Panics
    /// If `rect` does not fit the picture or `y` is no row of it.
    #[must_use]
    pub fn row_of(&self, rect: &Rect, y: u32) -> &[u8] {
        &self.row(y)[rect.x as usize * BYTES_PER_PIXEL..rect.right() as usize * BYTES_PER_PIXEL]
    }

    /// The pixels of `rect` in row `y` of the picture; the writer keeps each fourth byte 255.
    ///
    /// # Panics
    /// As [`FrameBuf::row_of`].
    pub fn row_of_mut(&mut self, rect: &Rect, y: u32) -> &mut [u8] {
        let stride = self.stride_bytes();
        let row = &mut self.pixels[y as usize * stride..][..stride];
        &mut row[rect.x as usize * BYTES_PER_PIXEL..rect.right() as usize * BYTES_PER_PIXEL]
    }

    /// A view of it as [`super::PixelFormat::Bgra8`].
    #[must_use]
    pub fn view(&self) -> FrameView<'_> {
        FrameView::of_buf(self)
    }

    /// Appends the pixels of `rect`, row by row.
    ///
    /// # Panics
    /// As [`FrameBuf::row_of`].
    pub(crate) fn append_rect(&self, rect: &Rect, into: &mut Vec<u8>) {
        for y in rect.y..rect.bottom() {
            into.extend_from_slice(self.row_of(rect, y));
        }
    }

    /// Copies `rect` from `from`, a picture of the same size.
    ///
    /// # Panics
    /// If `rect` does not fit both.
    pub(crate) fn copy_rect(&mut self, from: &Self, rect: &Rect) {
        for y in rect.y..rect.bottom() {
            self.row_of_mut(rect, y).copy_from_slice(from.row_of(rect, y));
        }
    }

    /// Makes the pixels of `rect` black.
    ///
    /// # Panics
    /// If `rect` does not fit.
    pub(crate) fn blacken(&mut self, rect: &Rect) {
        for y in rect.y..rect.bottom() {
            self.row_of_mut(rect, y).as_chunks_mut::<BYTES_PER_PIXEL>().0.fill([0, 0, 0, 255]);
        }
    }

    /// Copies `rect` from `view`, converting to B, G, R, 255.
    ///
    /// # Errors
    /// - [`crate::ErrorKind::InvalidInput`] if the sizes differ or `rect` does not fit.
    pub fn copy_from(&mut self, view: &FrameView<'_>, rect: &Rect) -> Result<()> {
        if view.size() != self.size || !rect.fits(self.size) {
            return Err(Error::input(format!(
                "cannot copy {rect} of a {} picture into a {} one",
                view.size(),
                self.size
            )));
        }
        super::convert::copy_rect(view, self, rect)
    }
}

/// Whether `pixels`, at least one, have one colour.
pub(crate) fn is_plain(pixels: &[u8]) -> bool {
    pixels[BYTES_PER_PIXEL..] == pixels[..pixels.len() - BYTES_PER_PIXEL]
}

impl std::fmt::Debug for FrameBuf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FrameBuf({})", self.size)
    }
}
