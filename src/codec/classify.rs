//! Told apart: what was photographed or filmed, and what was drawn.

use crate::frame::{BYTES_PER_PIXEL, FrameBuf, Rect, TILE_PX};

/// A photograph has at least this many colours in a whole tile. Smoothed text has some two hundred at most, and
/// far fewer pixels that differ from their neighbours.
const PHOTO_COLOURS: u32 = 160;

/// In a photograph, more than this share of the pixels, in percent, differ from the pixels to the left and above.
const RESTLESS_PERCENT: u64 = 45;

/// Bits of the set in which colours are counted, and its base-2 logarithm.
const COLOUR_BITS_LOG: u32 = 12;

/// Whether the pixels of `rect` look like a photograph: lossy coding would not hurt, exact coding would cost much.
/// Large rectangles are judged by tiles on a diagonal grid; most of them decide.
pub(super) fn is_photo(picture: &FrameBuf, rect: &Rect) -> bool {
    let (columns, rows) = (rect.width.div_ceil(TILE_PX), rect.height.div_ceil(TILE_PX));
    let (mut photo, mut all) = (0, 0);
    // Every third tile of each row, shifted from row to row, is enough for what has many.
    let step = if columns * rows > 8 { 3 } else { 1 };
    for row in 0..rows {
        for column in ((row % step)..columns).step_by(step as usize) {
            let tile = Rect::new(rect.x + column * TILE_PX, rect.y + row * TILE_PX, TILE_PX, TILE_PX);
            if let Some(tile) = tile.intersection(rect) {
                all += tile.area();
                photo += if is_photo_tile(picture, &tile) { tile.area() } else { 0 };
            }
        }
    }
    photo * 2 > all
}

/// Whether one tile, or less, looks like a photograph.
pub(super) fn is_photo_tile(picture: &FrameBuf, tile: &Rect) -> bool {
    let mut seen = [0_u64; 1 << (COLOUR_BITS_LOG - 6)];
    let mut colours = 0;
    let mut restless = 0_u64;
    let mut above: Option<&[[u8; BYTES_PER_PIXEL]]> = None;
    for y in tile.y..tile.bottom() {
        let (row, _) = picture.row_of(tile, y).as_chunks::<BYTES_PER_PIXEL>();
        let mut left = None;
        for (x, px) in row.iter().enumerate() {
            let new = left != Some(px) && above.is_none_or(|above| above[x] != *px);
            left = Some(px);
            if !new {
                continue;
            }
            restless += 1;
            let hash = u32::from_le_bytes(*px).wrapping_mul(0x9E37_79B1) >> (32 - COLOUR_BITS_LOG);
            let (word, bit) = (hash as usize / 64, 1 << (hash % 64));
            colours += u32::from(seen[word] & bit == 0);
            seen[word] |= bit;
        }
        above = Some(row);
    }
    let area = tile.area();
    // A part of a tile has fewer colours, but not in proportion.
    let enough = (u64::from(PHOTO_COLOURS) * area / u64::from(TILE_PX * TILE_PX)).max(area.min(48));
    u64::from(colours) >= enough && restless * 100 > area * RESTLESS_PERCENT
}
