//! Finds the dirty rows: one pass over both pictures, row by row, as memory is read fastest.

use super::DirtyRows;
use super::simd::{self, RowComparer};
use crate::capture::Damage;
use crate::error::{Error, Result};
use crate::frame::{BYTES_PER_PIXEL, FrameBuf, Rect, TILE_PX};

/// Bytes of one row of a tile.
pub(super) const SEGMENT_BYTES: usize = TILE_PX as usize * BYTES_PER_PIXEL;

/// From this many pixels on a rectangle is split over threads; below it, waking a thread costs more than it
/// saves (benches/damage.rs).
#[cfg(not(target_family = "wasm"))]
const PARALLEL_PX: u64 = 1 << 20;

/// Rows that one task compares when the work is split.
#[cfg(not(target_family = "wasm"))]
const ROWS_PER_TASK: usize = 64;

/// Marks in `dirty` every row segment within `damage` in which the pictures differ.
///
/// # Shapes and units
/// - `old`, `new`: of one size. `dirty` is reset to that size.
/// - Parts of `damage` outside the picture are ignored; a hint is widened to whole tile columns.
///
/// # Errors
/// - [`crate::ErrorKind::InvalidInput`] if the sizes differ.
///
/// # Threads and cost
/// Large areas use rayon's current pool; the result does not depend on it. One read of both pictures, no
/// allocation once warm.
pub fn compare(old: &FrameBuf, new: &FrameBuf, damage: &Damage, dirty: &mut DirtyRows) -> Result<()> {
    compare_with(old, new, damage, dirty, simd::row_comparer(), true)
}

/// The plain reference of [`compare`]: one thread, no SIMD.
///
/// # Errors
/// As [`compare`].
pub fn compare_scalar(old: &FrameBuf, new: &FrameBuf, damage: &Damage, dirty: &mut DirtyRows) -> Result<()> {
    compare_with(old, new, damage, dirty, simd::compare_row_scalar, false)
}

fn compare_with(
    old: &FrameBuf,
    new: &FrameBuf,
    damage: &Damage,
    dirty: &mut DirtyRows,
    row: RowComparer,
    split: bool,
) -> Result<()> {
    let size = new.size();
    if old.size() != size {
        return Err(Error::input(format!("a {size} picture cannot be compared with a {} one", old.size())));
    }
    dirty.reset(size);
    match damage {
        Damage::Unknown => compare_rect(old, new, &size.rect(), dirty, row, split),
        Damage::Within(region) => {
            for rect in region.rects() {
                if let Some(rect) = rect.intersection(&size.rect()) {
                    compare_rect(old, new, &rect, dirty, row, split);
                }
            }
        }
    }
    Ok(())
}

fn compare_rect(
    old: &FrameBuf,
    new: &FrameBuf,
    rect: &Rect,
    dirty: &mut DirtyRows,
    row: RowComparer,
    split: bool,
) {
    let (columns, _) = dirty.grid().touched(rect);
    let first = columns.start as usize;
    let bytes = first * SEGMENT_BYTES..(columns.end as usize * SEGMENT_BYTES).min(new.stride_bytes());
    let stride = new.stride_bytes();
    let rows = rect.y as usize..rect.bottom() as usize;
    let words = dirty.words_per_row();
    let bits = &mut dirty.bits_mut()[rows.start * words..rows.end * words];
    let (old, new) = (&old.pixels()[rows.start * stride..], &new.pixels()[rows.start * stride..]);
    let compare_rows = |first_row: usize, bits: &mut [u64]| {
        for (i, bits) in bits.chunks_exact_mut(words).enumerate() {
            let at = (first_row + i) * stride;
            let (from, to) = (at + bytes.start, at + bytes.end);
            row(&old[from..to], &new[from..to], first, bits);
        }
    };
    #[cfg(not(target_family = "wasm"))]
    if split && rect.area() >= PARALLEL_PX && rayon::current_num_threads() > 1 {
        use rayon::prelude::*;
        bits.par_chunks_mut(ROWS_PER_TASK * words)
            .enumerate()
            .for_each(|(task, bits)| compare_rows(task * ROWS_PER_TASK, bits));
        return;
    }
    let _ = split;
    compare_rows(0, bits);
}
