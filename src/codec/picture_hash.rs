//! A hash of the whole picture that costs only what changed.

use crate::damage::DirtyRows;
use crate::frame::{BYTES_PER_PIXEL, FrameBuf, Size, TILE_PX, TileGrid, xxh3};

/// The wrapping sum of one hash for each row of each tile; `docs/bitstream.md` §7.
#[derive(Debug, Default)]
pub(super) struct PictureHash {
    columns: usize,
    segments: Vec<u32>,
    sum: u32,
}

impl PictureHash {
    /// Hashes all of `picture`.
    pub(super) fn reset(&mut self, picture: &FrameBuf) {
        let size = picture.size();
        self.columns = TileGrid::new(size).columns() as usize;
        self.segments.clear();
        self.segments.resize(self.columns * size.height as usize, 0);
        self.sum = 0;
        for y in 0..size.height {
            for column in 0..self.columns as u32 {
                self.rehash(picture, column, y);
            }
        }
    }

    /// Hashes what `dirty` marks.
    pub(super) fn update(&mut self, picture: &FrameBuf, dirty: &DirtyRows) {
        for y in 0..picture.size().height {
            for (i, &word) in dirty.row(y).iter().enumerate() {
                let mut word = word;
                while word != 0 {
                    self.rehash(picture, i as u32 * 64 + word.trailing_zeros(), y);
                    word &= word - 1;
                }
            }
        }
    }

    fn rehash(&mut self, picture: &FrameBuf, column: u32, y: u32) {
        let row = picture.row(y);
        let start = (column * TILE_PX) as usize * BYTES_PER_PIXEL;
        let end = (start + TILE_PX as usize * BYTES_PER_PIXEL).min(row.len());
        let hash = place(xxh3(&row[start..end]), column, y);
        let old = &mut self.segments[y as usize * self.columns + column as usize];
        self.sum = self.sum.wrapping_sub(*old).wrapping_add(hash);
        *old = hash;
    }

    pub(super) fn sum(&self, size: Size) -> u32 {
        debug_assert_eq!(self.columns, TileGrid::new(size).columns() as usize);
        self.sum
    }
}

/// Binds a segment's hash to its place, so that segments cannot be exchanged.
fn place(hash: u64, column: u32, y: u32) -> u32 {
    let at = u64::from(y) << 32 | u64::from(column);
    ((hash ^ at.wrapping_mul(0x9E37_79B9_7F4A_7C15)).wrapping_mul(0xD6E8_FEB8_6659_FD93) >> 32) as u32
}
