//! A picture as cameras give it and AV1 codes it: luma and two colour-difference planes.

use super::{Size, Wiped};
use crate::error::Result;
use crate::limits::Limits;

/// How finely the colour differences are sampled. It also fixes the conversion: see [`super::colour`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Chroma {
    /// 4:2:0: half the columns and rows, both rounded up. BT.601, limited range.
    #[default]
    Half,
    /// 4:4:4: as fine as luma. BT.601, full range.
    Full,
}

impl Chroma {
    /// [`Chroma::Full`] if `full`.
    #[must_use]
    pub fn of(full: bool) -> Self {
        if full { Self::Full } else { Self::Half }
    }

    /// The size of a colour-difference plane of a picture of `size`.
    #[must_use]
    pub fn plane_size(self, size: Size) -> Size {
        match self {
            Self::Half => Size::new(size.width.div_ceil(2), size.height.div_ceil(2)),
            Self::Full => size,
        }
    }
}

/// How a film's or a camera's planes become colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct FilmColour {
    /// By the weights of BT.709 instead of BT.601's.
    pub bt709: bool,
    /// Luma from 0 to 255 instead of 16 to 235.
    pub full_range: bool,
}

/// Three planes of 8-bit samples: Y, U, V.
///
/// # Shapes and units
/// Each plane: its rows top to bottom, without padding; the planes stand one after another in [`Planes::data`].
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Planes {
    size: Size,
    chroma: Chroma,
    data: Wiped,
}

impl Planes {
    /// Zeroed planes for a picture of `size`.
    ///
    /// # Errors
    /// As [`Limits::check_size`].
    pub fn new(size: Size, chroma: Chroma, limits: &Limits) -> Result<Self> {
        let mut planes = Self::default();
        planes.reset(size, chroma, limits)?;
        Ok(planes)
    }

    /// Makes them planes for a picture of `size`, keeping the memory where it suffices. The samples are undefined.
    ///
    /// # Errors
    /// As [`Limits::check_size`]; the planes are unchanged then.
    pub fn reset(&mut self, size: Size, chroma: Chroma, limits: &Limits) -> Result<()> {
        limits.check_size(size)?;
        let samples = size.area() + 2 * chroma.plane_size(size).area();
        let samples = samples as usize;
        if self.data.capacity() < samples {
            self.data.empty(samples);
        }
        self.data.resize(samples, 0);
        (self.size, self.chroma) = (size, chroma);
        Ok(())
    }

    /// Zeroes the samples, and gives their memory back.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// The picture's size in pixels.
    #[must_use]
    pub fn size(&self) -> Size {
        self.size
    }

    /// How finely U and V are sampled.
    #[must_use]
    pub fn chroma(&self) -> Chroma {
        self.chroma
    }

    /// The size of plane `plane`: 0 is Y, 1 is U, 2 is V.
    #[must_use]
    pub fn plane_size(&self, plane: usize) -> Size {
        if plane == 0 { self.size } else { self.chroma.plane_size(self.size) }
    }

    /// All samples: Y, then U, then V.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// All samples: Y, then U, then V.
    pub fn data_mut(&mut self) -> &mut [u8] {
        &mut self.data
    }

    fn range(&self, plane: usize) -> std::ops::Range<usize> {
        assert!(plane < 3, "no plane {plane}");
        let (luma, chroma) = (self.size.area() as usize, self.plane_size(1).area() as usize);
        match plane {
            0 => 0..luma,
            _ => luma + (plane - 1) * chroma..luma + plane * chroma,
        }
    }

    /// Plane `plane`.
    ///
    /// # Panics
    /// If `plane` is over 2.
    #[must_use]
    pub fn plane(&self, plane: usize) -> &[u8] {
        &self.data[self.range(plane)]
    }

    /// Plane `plane`.
    ///
    /// # Panics
    /// If `plane` is over 2.
    pub fn plane_mut(&mut self, plane: usize) -> &mut [u8] {
        let range = self.range(plane);
        &mut self.data[range]
    }

    /// Y, U and V, to be written side by side.
    pub(crate) fn split_mut(&mut self) -> (&mut [u8], &mut [u8], &mut [u8]) {
        let (luma, chroma) = (self.size.area() as usize, self.plane_size(1).area() as usize);
        let (y, rest) = self.data.split_at_mut(luma);
        let (u, v) = rest.split_at_mut(chroma);
        (y, u, v)
    }

    /// Row `y` of plane `plane`.
    pub(crate) fn row(&self, plane: usize, y: usize) -> &[u8] {
        let width = self.plane_size(plane).width as usize;
        &self.plane(plane)[y * width..][..width]
    }
}

impl std::fmt::Debug for Planes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Planes({}, {:?})", self.size, self.chroma)
    }
}
