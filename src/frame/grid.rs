//! The tiles of a picture.

use super::{Rect, Size};

/// Side of a tile in pixels. 64 px = 256 bytes a row: four cache lines, and a glyph or a button in one tile.
pub const TILE_PX: u32 = 64;

/// The grid of [`TILE_PX`] tiles over a picture, row by row; the last column and row may be smaller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TileGrid {
    size: Size,
    columns: u32,
    rows: u32,
}

impl TileGrid {
    /// The grid over a picture of `size`.
    #[must_use]
    pub fn new(size: Size) -> Self {
        Self { size, columns: size.width.div_ceil(TILE_PX), rows: size.height.div_ceil(TILE_PX) }
    }

    /// The picture's size.
    #[must_use]
    pub fn size(&self) -> Size {
        self.size
    }

    /// Tiles in a row.
    #[must_use]
    pub fn columns(&self) -> u32 {
        self.columns
    }

    /// Rows of tiles.
    #[must_use]
    pub fn rows(&self) -> u32 {
        self.rows
    }

    /// Tiles in all.
    #[must_use]
    pub fn len(&self) -> usize {
        self.columns as usize * self.rows as usize
    }

    /// Whether there is no tile, as in a picture without pixels.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The pixels of the tile at `column`, `row`; empty if there is no such tile.
    #[must_use]
    pub fn tile(&self, column: u32, row: u32) -> Rect {
        let (x, y) = (column.saturating_mul(TILE_PX), row.saturating_mul(TILE_PX));
        Rect::from_edges(
            x,
            y,
            x.saturating_add(TILE_PX).min(self.size.width),
            y.saturating_add(TILE_PX).min(self.size.height),
        )
    }

    /// The columns and rows of tiles that `rect` touches, as half-open ranges.
    #[must_use]
    pub fn touched(&self, rect: &Rect) -> (std::ops::Range<u32>, std::ops::Range<u32>) {
        if rect.is_empty() {
            return (0..0, 0..0);
        }
        (
            rect.x / TILE_PX..rect.right().div_ceil(TILE_PX).min(self.columns),
            rect.y / TILE_PX..rect.bottom().div_ceil(TILE_PX).min(self.rows),
        )
    }

    /// The columns of tiles whose pixels all lie between the left and the right edge of `rect`.
    pub(crate) fn columns_within(&self, rect: &Rect) -> std::ops::Range<u32> {
        // The last tile of a row may be narrower.
        let end = if rect.right() == self.size.width { self.columns } else { rect.right() / TILE_PX };
        rect.x.div_ceil(TILE_PX)..end
    }
}
