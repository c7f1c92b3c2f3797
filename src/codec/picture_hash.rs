//! A hash of the whole picture that costs only what was written; what moved takes its hashes along.

use crate::damage::{Copy, DirtyRows};
use crate::frame::{BYTES_PER_PIXEL, FrameBuf, Rect, Size, TILE_PX, TileGrid, xxh3};

/// The wrapping sum of one hash for each row of each tile; `docs/bitstream.md` §7.
#[derive(Debug, Default)]
pub(super) struct PictureHash {
    columns: usize,
    /// Of each segment's pixels, wherever it stands.
    segments: Vec<u64>,
    /// Segments that were written to since they were hashed.
    stale: DirtyRows,
    sum: u32,
}

impl PictureHash {
    /// A picture of `size` begins; [`PictureHash::reset`] hashes it.
    pub(super) fn begin(&mut self, size: Size) {
        self.columns = TileGrid::new(size).columns() as usize;
        self.segments.clear();
        self.segments.resize(self.columns * size.height as usize, 0);
        self.stale.reset(size);
        self.sum = 0;
    }

    /// Hashes all of `picture`.
    pub(super) fn reset(&mut self, picture: &FrameBuf) {
        self.begin(picture.size());
        for y in 0..picture.size().height {
            for column in 0..self.columns as u32 {
                let hash = segment_hash(picture, column, y);
                self.segments[y as usize * self.columns + column as usize] = hash;
                self.sum = self.sum.wrapping_add(place(hash, column, y));
            }
        }
    }

    /// A copy was carried out in the picture.
    pub(super) fn copied(&mut self, copy: &Copy) {
        if copy.from.0 != copy.to.x {
            return self.wrote(&copy.to);
        }
        let (columns, _) = self.stale.grid().touched(&copy.to);
        let whole = self.stale.grid().columns_within(&copy.to);
        let mut row = |i: u32| {
            let (from, to) = (copy.from.1 + i, copy.to.y + i);
            for column in columns.clone() {
                if whole.contains(&column) && !self.stale.contains(column, from) {
                    let hash = self.segments[from as usize * self.columns + column as usize];
                    self.put(column, to, hash);
                    self.stale.set(column, to, false);
                } else {
                    self.stale.set(column, to, true);
                }
            }
        };
        // As the copy itself: no row is overwritten before it is read.
        if copy.to.y > copy.from.1 {
            (0..copy.to.height).rev().for_each(&mut row);
        } else {
            (0..copy.to.height).for_each(&mut row);
        }
    }

    /// Pixels of `rect` were written.
    pub(super) fn wrote(&mut self, rect: &Rect) {
        self.stale.mark(rect);
    }

    /// Hashes what was written.
    pub(super) fn update(&mut self, picture: &FrameBuf) {
        let mut stale = std::mem::take(&mut self.stale);
        for y in 0..picture.size().height {
            stale.tiles_of(y, |column| self.put(column, y, segment_hash(picture, column, y)));
        }
        stale.reset(picture.size());
        self.stale = stale;
    }

    fn put(&mut self, column: u32, y: u32, hash: u64) {
        let old = &mut self.segments[y as usize * self.columns + column as usize];
        self.sum = self.sum.wrapping_sub(place(*old, column, y)).wrapping_add(place(hash, column, y));
        *old = hash;
    }

    pub(super) fn sum(&self, size: Size) -> u32 {
        debug_assert_eq!(self.columns, TileGrid::new(size).columns() as usize);
        debug_assert!(self.stale.is_clean(), "something was written and not hashed");
        self.sum
    }
}

fn segment_hash(picture: &FrameBuf, column: u32, y: u32) -> u64 {
    let row = picture.row(y);
    let start = (column * TILE_PX) as usize * BYTES_PER_PIXEL;
    let end = (start + TILE_PX as usize * BYTES_PER_PIXEL).min(row.len());
    xxh3(&row[start..end])
}

/// Binds a segment's hash to its place, so that segments cannot be exchanged.
fn place(hash: u64, column: u32, y: u32) -> u32 {
    let at = u64::from(y) << 32 | u64::from(column);
    ((hash ^ at.wrapping_mul(0x9E37_79B9_7F4A_7C15)).wrapping_mul(0xD6E8_FEB8_6659_FD93) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_moved_and_what_was_written_is_hashed_as_the_whole_picture_is(
            steps in prop::collection::vec((any::<bool>(), 0u32..150, 0u32..90, 0u32..150, 0u32..90, 1u32..150, 1u32..90), 1..12)
        ) {
            let size = Size::new(150, 90);
            let mut picture = FrameBuf::new(size, &Limits::default()).unwrap();
            for (i, byte) in picture.pixels_mut().iter_mut().enumerate() {
                *byte = (i * i / 7) as u8;
            }
            let mut hash = PictureHash::default();
            hash.reset(&picture);
            for (upright, x, y, from_x, from_y, width, height) in steps {
                let (width, height) = (width.min(150 - x), height.min(90 - y));
                let to = Rect::new(x, y, width, height);
                let from_x = if upright { x } else { from_x.min(150 - width) };
                if upright || from_y % 2 == 0 {
                    let copy = Copy { from: (from_x, from_y.min(90 - height)), to };
                    copy.apply(&mut picture);
                    hash.copied(&copy);
                } else {
                    picture.blacken(&to);
                    hash.wrote(&to);
                }
            }
            hash.update(&picture);
            let mut whole = PictureHash::default();
            whole.reset(&picture);
            prop_assert_eq!(hash.sum(size), whole.sum(size));
        }
    }
}
