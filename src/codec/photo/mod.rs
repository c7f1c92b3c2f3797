//! Photographs and film pictures, coded without knowledge of any other picture: exactly, or nearly so at once.
//!
//! Two coders share one entropy coder over fixed distributions, so that neither needs tables of its own and a strip of
//! a few pixels is coded as well as a wallpaper:
//! - near = 0, `exact.rs`: a predictor with contexts. 79 % of the bytes of the median predictor with zstd.
//! - near > 0, `blocks.rs`: cosine coefficients in steps. At 43 dB half of the bytes of a predictor with steps, and up to
//!   a sixth more than an AV1 still of libaom at a tenth of its CPU (benches/photo.rs).

mod adaptive;
mod blocks;
mod coefficients;
mod exact;
mod fade;
mod family;
mod rans;
mod transform;

pub use fade::{FADE_BITS, Fade, MOST_FACTOR};

use crate::error::{Error, Result};
use crate::frame::{FrameBuf, Rect};

/// The coarsest `near`.
pub const MOST_NEAR: u8 = 15;

/// Appends the pixels of `rects` of `picture`, exactly or nearly so.
///
/// # Shapes and units
/// - `rects`: not empty, within the picture. They share statistics; calls share nothing. Wide and tall ones are the
///   cheapest; a block of 8 × 8 is foretold from its neighbours in the same rectangle.
/// - `near`: 0 is exact. Otherwise coefficients are cut to steps of 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 32 or
///   40 values of brightness (for 1 to 15). With a step s no colour of a pixel is off by more than 21 s + 2, and over
///   every block of 8 × 8 the root of the mean square over B, G and R is at most 1.6 s + 1; on photographs it is near
///   0.4 s, which makes 43 dB with near = 3 or 4.
/// - `shown`: a picture of the same size; gets the pixels of `rects` as the decoder will have them.
/// - `out`: bytes are appended, 13 at least.
///
/// # Panics
/// If a rectangle is empty or outside, the sizes differ or `near` is over [`MOST_NEAR`].
///
/// # Threads and cost
/// The caller's thread; O(pixels): about 35 ns a pixel exactly, 20 to 45 ns nearly. Some eight bytes of memory a
/// pixel, given back at the end.
pub fn encode(picture: &FrameBuf, rects: &[Rect], near: u8, shown: &mut FrameBuf, out: &mut Vec<u8>) {
    check(picture, rects, near, shown);
    if near > 0 {
        blocks::encode(picture, rects, near, blocks::Over::Nothing, shown, out);
        return;
    }
    exact::encode(picture, rects, out);
    for rect in rects {
        shown.copy_rect(picture, rect);
    }
}

/// As [`encode`], but what is coded is how `picture` differs from `shown`: for pictures that came from one another.
///
/// # Panics
/// As [`encode`], and if `near` is 0.
pub fn encode_change(picture: &FrameBuf, rects: &[Rect], near: u8, shown: &mut FrameBuf, out: &mut Vec<u8>) {
    check(picture, rects, near, shown);
    assert!(near > 0, "changes are not exact");
    blocks::encode(picture, rects, near, blocks::Over::Picture, shown, out);
}

fn check(picture: &FrameBuf, rects: &[Rect], near: u8, shown: &FrameBuf) {
    assert!(near <= MOST_NEAR, "near is {near}; {MOST_NEAR} is the most");
    assert_eq!(picture.size(), shown.size(), "the shown picture has another size");
    for rect in rects {
        assert!(!rect.is_empty() && rect.fits(picture.size()), "{rect} in a picture of {}", picture.size());
    }
}

/// Writes the pixels that [`encode`] coded, all of `data`, into the `rects` of `picture`.
///
/// # Errors
/// - [`crate::ErrorKind::InvalidData`] if `near` is over [`MOST_NEAR`], a rectangle is empty or outside, they hold more
///   pixels in all than the picture, or the data do not end where the pixels do; `rects` may hold any pixels then.
///
/// # Threads and cost
/// The caller's thread; O(pixels), less than [`encode`]. Memory for a few rows.
pub fn decode(data: &[u8], picture: &mut FrameBuf, rects: &[Rect], near: u8) -> Result<()> {
    check_data(picture, rects, near)?;
    match near {
        0 => exact::decode(data, picture, rects),
        _ => blocks::decode(data, picture, rects, near, blocks::Over::Nothing),
    }
}

/// Adds what [`encode_change`] coded, all of `data`, to the `rects` of `picture`.
///
/// # Errors
/// As [`decode`], and if `near` is 0.
pub fn decode_change(data: &[u8], picture: &mut FrameBuf, rects: &[Rect], near: u8) -> Result<()> {
    check_data(picture, rects, near)?;
    if near == 0 {
        return Err(Error::data("a change layer with near 0"));
    }
    blocks::decode(data, picture, rects, near, blocks::Over::Picture)
}

fn check_data(picture: &FrameBuf, rects: &[Rect], near: u8) -> Result<()> {
    if near > MOST_NEAR {
        return Err(Error::data(format!("a photo layer with near {near}; {MOST_NEAR} is the most")));
    }
    let size = picture.size();
    let mut area = 0_u64;
    for rect in rects {
        if rect.is_empty() || !rect.fits(size) {
            return Err(Error::data(format!("a rectangle {rect} outside of the {size} picture")));
        }
        area += rect.area();
    }
    if area > size.area() {
        return Err(Error::data("the rectangles of a photo layer hold more pixels than the picture"));
    }
    Ok(())
}
