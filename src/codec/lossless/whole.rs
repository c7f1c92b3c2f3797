//! A whole picture, cut into what is drawn and what was photographed.

use super::layout::{CodedRect, Coding};
use crate::frame::{BYTES_PER_PIXEL, FrameBuf, Rect, TileGrid};

/// A tile is a photograph if more than one in this many of its pixels has a colour of its own.
const PIXELS_PER_COLOUR: u32 = 8;

/// Bits of the set in which a tile's colours are counted, and its base-2 logarithm.
const COLOUR_BITS_LOG: u32 = 12;

/// Cuts `picture` into rectangles, drawn ones first: runs of tiles of one kind within a row of tiles. Photographs
/// stand together at the end, so that the entropy coder sees one kind of number at a time.
pub(in crate::codec) fn whole(picture: &FrameBuf) -> Vec<CodedRect> {
    let grid = TileGrid::new(picture.size());
    let (mut drawn, mut photographed) = (Vec::new(), Vec::new());
    for row in 0..grid.rows() {
        let mut run: Option<(bool, Rect)> = None;
        for column in 0..=grid.columns() {
            let tile = grid.tile(column, row);
            let next = (!tile.is_empty()).then(|| (has_colours(picture, &tile, PIXELS_PER_COLOUR), tile));
            run = match (run, next) {
                (Some((kind, rect)), Some((next_kind, tile))) if kind == next_kind => {
                    Some((kind, rect.bounds_with(&tile)))
                }
                (Some((true, rect)), next) => {
                    photographed.push(CodedRect { rect, coding: Coding::Predicted });
                    next
                }
                (Some((false, rect)), next) => {
                    drawn.push(CodedRect { rect, coding: Coding::Modelled });
                    next
                }
                (None, next) => next,
            };
        }
    }
    drawn.append(&mut photographed);
    drawn
}

/// Whether more than one in `pixels_per_colour` pixels of `tile`, of at most [`crate::frame::TILE_PX`] a side, has a
/// colour of its own. Colours are counted roughly: two that share a bit of the set count once.
pub(in crate::codec) fn has_colours(picture: &FrameBuf, tile: &Rect, pixels_per_colour: u32) -> bool {
    let mut seen = [0_u64; 1 << (COLOUR_BITS_LOG - 6)];
    let mut colours = 0;
    for y in tile.y..tile.bottom() {
        let (pixels, _) = picture.row_of(tile, y).as_chunks::<BYTES_PER_PIXEL>();
        for px in pixels {
            let hash = u32::from_le_bytes(*px).wrapping_mul(0x9E37_79B1) >> (32 - COLOUR_BITS_LOG);
            let (word, bit) = (hash as usize / 64, 1 << (hash % 64));
            colours += u32::from(seen[word] & bit == 0);
            seen[word] |= bit;
        }
    }
    u64::from(colours * pixels_per_colour) > tile.area()
}
