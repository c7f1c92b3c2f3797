//! Photographs: each pixel as its difference from what its neighbours foretell.
//!
//! Green stands for brightness, blue and red are coded as differences from it; each of the three planes is
//! predicted by the median of left, upper and left + upper − upper-left (the predictor of LOCO-I, ISO 14495-1).
//! A wallpaper takes two thirds of the bytes that it takes as plain pixels (benches/lossless.rs).

use super::stream::CODED_BYTES;
use crate::frame::{BYTES_PER_PIXEL, FrameBuf, Rect};

/// The three planes of a pixel: green, blue − green, red − green.
fn planes(px: &[u8]) -> [u8; CODED_BYTES] {
    [px[1], px[0].wrapping_sub(px[1]), px[2].wrapping_sub(px[1])]
}

/// What the neighbours foretell, of values as they stand: green from 0 up, differences around 0.
fn median(left: i16, up: i16, corner: i16) -> i16 {
    let (low, high) = (left.min(up), left.max(up));
    (left + up - corner).clamp(low, high)
}

/// The value of a plane's byte: green as it is, the differences as signed numbers.
fn value(plane: usize, byte: u8) -> i16 {
    if plane == 0 { i16::from(byte) } else { i16::from(byte as i8) }
}

/// Predicts `plane` of column `x` from the row so far and the row above; what is outside of the rectangle counts as
/// its neighbour, and as 0 in the corner.
fn foretell(plane: usize, x: usize, row: &[[u8; CODED_BYTES]], above: Option<&[[u8; CODED_BYTES]]>) -> u8 {
    let at = |row: &[[u8; CODED_BYTES]], x: usize| value(plane, row[x][plane]);
    (match (x, above) {
        (0, None) => 0,
        (_, None) => at(row, x - 1),
        (0, Some(above)) => at(above, 0),
        (_, Some(above)) => median(at(row, x - 1), at(above, x), at(above, x - 1)),
    }) as u8
}

/// Appends the differences of `rect`, plane by plane, row by row.
pub(super) fn write(picture: &FrameBuf, rect: &Rect, plain: &mut Vec<u8>) {
    let (width, area) = (rect.width as usize, rect.area() as usize);
    let start = plain.len();
    plain.resize(start + area * CODED_BYTES, 0);
    let into = &mut plain[start..];
    let mut above: Option<Vec<[u8; CODED_BYTES]>> = None;
    let mut row = Vec::with_capacity(width);
    for (i, y) in (rect.y..rect.bottom()).enumerate() {
        row.clear();
        row.extend(picture.row_of(rect, y).chunks_exact(BYTES_PER_PIXEL).map(planes));
        for plane in 0..CODED_BYTES {
            let out = &mut into[plane * area + i * width..][..width];
            for (x, out) in out.iter_mut().enumerate() {
                *out = row[x][plane].wrapping_sub(foretell(plane, x, &row, above.as_deref()));
            }
        }
        above = Some(std::mem::replace(&mut row, above.unwrap_or_else(|| Vec::with_capacity(width))));
    }
}

/// Writes the pixels of `rect` from its differences, as many bytes as it has pixels times three.
pub(super) fn read(differences: &[u8], picture: &mut FrameBuf, rect: &Rect) {
    let (width, area) = (rect.width as usize, rect.area() as usize);
    let mut above: Option<Vec<[u8; CODED_BYTES]>> = None;
    let mut row = vec![[0; CODED_BYTES]; width];
    for (i, y) in (rect.y..rect.bottom()).enumerate() {
        for plane in 0..CODED_BYTES {
            let from = &differences[plane * area + i * width..][..width];
            for (x, difference) in from.iter().enumerate() {
                row[x][plane] = difference.wrapping_add(foretell(plane, x, &row, above.as_deref()));
            }
        }
        let (into, _) = picture.row_of_mut(rect, y).as_chunks_mut::<BYTES_PER_PIXEL>();
        for (into, [green, blue, red]) in into.iter_mut().zip(&row) {
            *into = [blue.wrapping_add(*green), *green, red.wrapping_add(*green), 255];
        }
        above = Some(std::mem::replace(&mut row, above.unwrap_or_else(|| vec![[0; CODED_BYTES]; width])));
    }
}
