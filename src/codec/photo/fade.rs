//! Fades: where all colours became lighter or darker alike, as under a veil that is drawn over a page.

use crate::error::{Error, Result};
use crate::frame::{BYTES_PER_PIXEL, FrameBuf, Rect};

/// Fraction bits of factors and offsets.
pub const FADE_BITS: u32 = 12;

/// The largest factor, and the largest offset to either side: more turns everything black or white.
pub const MOST_FACTOR: u32 = 16 << FADE_BITS;
const MOST_OFFSET: i32 = 4096 << FADE_BITS;

/// What a fade makes of every value of B, G and R.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fade([[u8; 256]; 3]);

impl Fade {
    /// Values times `factor` plus `offsets` for B, G, R, all in 4096ths, rounded and kept within 0 to 255.
    ///
    /// # Errors
    /// - [`crate::ErrorKind::InvalidData`] if `factor` is over [`MOST_FACTOR`] or an offset farther from 0 than
    ///   2²⁴.
    pub fn new(factor: u32, offsets: [i32; 3]) -> Result<Self> {
        if factor > MOST_FACTOR || offsets.iter().any(|offset| offset.unsigned_abs() > MOST_OFFSET as u32) {
            return Err(Error::data(format!("a fade by {factor} and {offsets:?} is out of bounds")));
        }
        Ok(Self(offsets.map(|offset| {
            std::array::from_fn(|value| {
                let faded = value as i32 * factor as i32 + offset + (1 << (FADE_BITS - 1));
                (faded >> FADE_BITS).clamp(0, 255) as u8
            })
        })))
    }

    /// What becomes of a pixel.
    #[inline]
    pub(in crate::codec) fn of(&self, [b, g, r, _]: [u8; BYTES_PER_PIXEL]) -> [u8; 3] {
        let [blue, green, red] = &self.0;
        [blue[usize::from(b)], green[usize::from(g)], red[usize::from(r)]]
    }

    /// Fades the pixels of `rect`, which is within the picture.
    pub fn apply(&self, picture: &mut FrameBuf, rect: &Rect) {
        for y in rect.y..rect.bottom() {
            for pixel in picture.row_of_mut(rect, y).as_chunks_mut::<BYTES_PER_PIXEL>().0 {
                let faded = self.of(*pixel);
                pixel[..3].copy_from_slice(&faded);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fade_is_a_line_that_ends_at_black_and_white() {
        let fade = Fade::new(2 << FADE_BITS, [-(10 << FADE_BITS), 0, 2047]).expect("within bounds");
        assert_eq!(fade.of([0, 0, 0, 255]), [0, 0, 0]);
        assert_eq!(fade.of([5, 100, 7, 255]), [0, 200, 14]);
        assert_eq!(fade.of([133, 128, 255, 255]), [255, 255, 255]);
        assert!(Fade::new(MOST_FACTOR, [MOST_OFFSET, -MOST_OFFSET, 0]).is_ok());
        assert!(Fade::new(MOST_FACTOR + 1, [0; 3]).is_err());
        assert!(Fade::new(0, [0, i32::MIN, 0]).is_err());
    }
}
