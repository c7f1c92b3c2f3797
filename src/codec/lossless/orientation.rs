//! Whether text is coded by rows or by columns.
//!
//! A terminal's glyphs repeat exactly, so a strip coded column by column repeats in runs as long as a glyph: half
//! the bytes of the row order (benches/lossless.rs). Photographs, and text that is placed at fractions of a
//! pixel, have no two columns alike and keep the row order, in which whole scrolled-back rows repeat.

use crate::frame::{BYTES_PER_PIXEL, FrameBuf, Rect, xxh3};

/// Strips whose columns are judged: a line of text is at least this tall.
const LEAST_ROWS: u32 = 6;

/// Rows of a strip that are hashed.
const MOST_ROWS: u32 = 32;

/// Columns that are hashed; more would only cost time.
const SAMPLE: u32 = 1024;

/// With fewer columns than this the last answer stands.
const LEAST_SAMPLE: u32 = 96;

/// Slots of the set of hashes.
const SLOTS: usize = 1 << 12;

/// The last answer, and the set that finds the next.
#[derive(Debug, Default)]
pub(in crate::codec) struct Orientation {
    columns: bool,
    seen: Vec<u32>,
}

impl Orientation {
    /// Forgets the last answer, as an epoch begins.
    pub(in crate::codec) fn reset(&mut self) {
        self.columns = false;
    }

    /// Whether `rects` of `picture` are better coded by columns.
    pub(in crate::codec) fn by_columns(&mut self, picture: &FrameBuf, rects: &[Rect]) -> bool {
        self.seen.clear();
        self.seen.resize(SLOTS, 0);
        let (mut judged, mut repeated) = (0, 0);
        let mut pair = [0; 2 * MOST_ROWS as usize * BYTES_PER_PIXEL];
        let tall = || rects.iter().filter(|r| r.height >= LEAST_ROWS && r.width > 1);
        let columns: u64 = tall().map(|r| u64::from(r.width)).sum();
        // Whole strips are skipped, never single columns: glyphs repeat at any distance.
        let every = (columns / (2 * u64::from(SAMPLE))).max(1) as usize;
        for r in tall().step_by(every) {
            let rows = r.height.min(MOST_ROWS);
            let half = rows as usize * BYTES_PER_PIXEL;
            for x in r.x..r.right() - 1 {
                if judged == SAMPLE {
                    break;
                }
                for i in 0..rows {
                    let at = picture.row_of(&Rect::new(x, 0, 2, 1), r.y + i);
                    let i = i as usize * BYTES_PER_PIXEL;
                    pair[i..i + BYTES_PER_PIXEL].copy_from_slice(&at[..BYTES_PER_PIXEL]);
                    pair[half + i..half + i + BYTES_PER_PIXEL].copy_from_slice(&at[BYTES_PER_PIXEL..]);
                }
                // Background says nothing.
                if pair[..half] == pair[half..2 * half] {
                    continue;
                }
                judged += 1;
                let hash = xxh3(&pair[..2 * half]);
                let slot = &mut self.seen[hash as usize % SLOTS];
                let tag = (hash >> 32) as u32 | 1;
                repeated += u32::from(*slot == tag);
                *slot = tag;
            }
        }
        if judged >= LEAST_SAMPLE {
            self.columns = repeated * 2 > judged;
        }
        self.columns
    }
}
