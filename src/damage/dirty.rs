//! Which rows of which tiles differ.

use crate::frame::{Rect, Region, Size, TILE_PX, TileGrid};

/// One bit per tile column for each pixel row: set where the row differs within that tile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DirtyRows {
    grid: TileGrid,
    words: usize,
    bits: Vec<u64>,
}

impl DirtyRows {
    /// Nothing dirty in a picture of `size`.
    #[must_use]
    pub fn new(size: Size) -> Self {
        let grid = TileGrid::new(size);
        let words = (grid.columns() as usize).div_ceil(64);
        Self { grid, words, bits: vec![0; words * size.height as usize] }
    }

    /// Forgets all, for a picture of `size`; keeps the memory where it suffices.
    pub fn reset(&mut self, size: Size) {
        self.grid = TileGrid::new(size);
        self.words = (self.grid.columns() as usize).div_ceil(64);
        self.bits.clear();
        self.bits.resize(self.words * size.height as usize, 0);
    }

    /// The tiles that the columns count.
    #[must_use]
    pub fn grid(&self) -> &TileGrid {
        &self.grid
    }

    /// Words of 64 tile columns in a row.
    #[must_use]
    pub fn words_per_row(&self) -> usize {
        self.words
    }

    /// Row `y`: bit c % 64 of word c / 64 stands for tile column c.
    ///
    /// # Panics
    /// If there is no such row.
    #[must_use]
    pub fn row(&self, y: u32) -> &[u64] {
        &self.bits[y as usize * self.words..][..self.words]
    }

    pub(super) fn bits_mut(&mut self) -> &mut [u64] {
        &mut self.bits
    }

    /// Whether nothing is dirty.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.bits.iter().all(|w| *w == 0)
    }

    /// Whether row `y` differs within tile column `column`.
    #[must_use]
    pub fn contains(&self, column: u32, y: u32) -> bool {
        self.row(y)[column as usize / 64] >> (column % 64) & 1 == 1
    }

    /// Says whether row `y` differs within tile column `column`.
    pub(crate) fn set(&mut self, column: u32, y: u32, dirty: bool) {
        let word = &mut self.bits[y as usize * self.words + column as usize / 64];
        let bit = 1 << (column % 64);
        *word = if dirty { *word | bit } else { *word & !bit };
    }

    /// Calls `each` for every dirty tile column of row `y`.
    pub(crate) fn tiles_of(&self, y: u32, mut each: impl FnMut(u32)) {
        for (i, word) in self.row(y).iter().enumerate() {
            let mut rest = *word;
            while rest != 0 {
                each(i as u32 * 64 + rest.trailing_zeros());
                rest &= rest - 1;
            }
        }
    }

    /// Takes over the bits of the rows and columns that `rect` touches from `other`, of the same size.
    pub(super) fn replace(&mut self, rect: &Rect, other: &Self) {
        let (columns, _) = self.grid.touched(rect);
        for y in rect.y..rect.bottom() {
            let at = y as usize * self.words;
            for c in columns.clone() {
                let (word, bit) = (at + c as usize / 64, 1 << (c % 64));
                self.bits[word] = self.bits[word] & !bit | other.bits[word] & bit;
            }
        }
    }

    /// Clears the row segments that lie wholly within `rect`.
    pub(crate) fn clear_within(&mut self, rect: &Rect) {
        for y in rect.y..rect.bottom() {
            for column in self.grid.columns_within(rect) {
                self.set(column, y, false);
            }
        }
    }

    /// Marks the rows and columns that `rect` touches.
    pub fn mark(&mut self, rect: &Rect) {
        let (columns, _) = self.grid.touched(rect);
        for y in rect.y..rect.bottom().min(self.grid.size().height) {
            let words = self.words;
            let row = &mut self.bits[y as usize * words..][..words];
            for c in columns.clone() {
                row[c as usize / 64] |= 1 << (c % 64);
            }
        }
    }

    /// The dirty tiles' rows as rectangles, one for each run of dirty tiles of a row of tiles; a superset.
    #[must_use]
    pub fn region(&self) -> Region {
        let mut region = Region::empty();
        let size = self.grid.size();
        let mut band = vec![0; self.words];
        for tile_row in 0..self.grid.rows() {
            let rows = tile_row * TILE_PX..((tile_row + 1) * TILE_PX).min(size.height);
            band.fill(0);
            let (mut first, mut last) = (rows.end, rows.start);
            for y in rows {
                let row = self.row(y);
                if row.iter().any(|w| *w != 0) {
                    first = first.min(y);
                    last = y + 1;
                    band.iter_mut().zip(row).for_each(|(all, one)| *all |= one);
                }
            }
            each_run(&band, size.width, |left, right| region.add(Rect::from_edges(left, first, right, last)));
        }
        region
    }

    /// Calls `each` for every tile with dirty rows, row by row: its column and its row.
    pub(crate) fn tiles(&self, mut each: impl FnMut(u32, u32)) {
        let mut band = vec![0; self.words];
        let rows = self.bits.chunks(self.words.max(1) * TILE_PX as usize);
        for (tile_row, bits) in rows.enumerate() {
            band.fill(0);
            for row in bits.chunks_exact(self.words) {
                band.iter_mut().zip(row).for_each(|(all, one)| *all |= one);
            }
            for (i, word) in band.iter().enumerate() {
                let mut rest = *word;
                while rest != 0 {
                    each(i as u32 * 64 + rest.trailing_zeros(), tile_row as u32);
                    rest &= rest - 1;
                }
            }
        }
    }

    /// The smallest rectangle of whole tile columns that holds all dirty rows.
    #[must_use]
    pub fn bounds(&self) -> Rect {
        let size = self.grid.size();
        let mut rows = (0..size.height).filter(|y| self.row(*y).iter().any(|w| *w != 0));
        let Some(top) = rows.next() else { return Rect::default() };
        let bottom = rows.next_back().unwrap_or(top) + 1;
        let any = |c: u32| (top..bottom).any(|y| self.contains(c, y));
        let first = (0..self.grid.columns()).find(|c| any(*c)).unwrap_or(0);
        let last = (0..self.grid.columns()).rfind(|c| any(*c)).unwrap_or(0);
        Rect::from_edges(first * TILE_PX, top, ((last + 1) * TILE_PX).min(size.width), bottom)
    }

    /// Pixels in the dirty row segments.
    #[must_use]
    pub fn area(&self) -> u64 {
        let width = self.grid.size().width;
        let last = self.grid.columns().saturating_sub(1);
        let short = u64::from(TILE_PX - (self.grid.tile(last, 0).width));
        let (word, bit) = (last as usize / 64, last % 64);
        let mut total = 0;
        if width == 0 {
            return 0;
        }
        for row in self.bits.chunks_exact(self.words) {
            let ones: u64 = row.iter().map(|w| u64::from(w.count_ones())).sum();
            total += ones * u64::from(TILE_PX) - (row[word] >> bit & 1) * short;
        }
        total
    }

    /// Calls `each` for every dirty segment of row `y`: runs of adjoining dirty tiles, as columns of pixels from
    /// its first up to, not including, its last argument.
    pub fn segments(&self, y: u32, each: impl FnMut(u32, u32)) {
        each_run(self.row(y), self.grid.size().width, each);
    }
}

/// Calls `each` for every run of set bits: the columns of pixels that they stand for.
fn each_run(words: &[u64], width: u32, mut each: impl FnMut(u32, u32)) {
    let mut start = None;
    for (i, &word) in words.iter().enumerate() {
        let base = i as u32 * 64;
        let mut at = 0;
        while at < 64 {
            let rest = word >> at;
            match start {
                None if rest == 0 => break,
                None => {
                    at += rest.trailing_zeros();
                    start = Some(base + at);
                }
                Some(from) => {
                    at += (!rest).trailing_zeros().min(64 - at);
                    if at < 64 {
                        each(from * TILE_PX, ((base + at) * TILE_PX).min(width));
                        start = None;
                    }
                }
            }
        }
    }
    if let Some(from) = start {
        each(from * TILE_PX, width);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_with_dirty_rows_are_told_once_each() {
        let size = Size::new(70 * TILE_PX + 5, 3 * TILE_PX - 9);
        let mut dirty = DirtyRows::new(size);
        let tiles = |dirty: &DirtyRows| {
            let mut all = Vec::new();
            dirty.tiles(|column, row| all.push((column, row)));
            all
        };
        assert_eq!(tiles(&dirty), []);
        dirty.mark(&Rect::new(63, 10, 2, 60));
        dirty.mark(&Rect::new(70 * TILE_PX, 3 * TILE_PX - 10, 5, 1));
        assert_eq!(tiles(&dirty), [(0, 0), (1, 0), (0, 1), (1, 1), (70, 2)]);
        assert_eq!(tiles(&DirtyRows::default()), []);
    }
}
