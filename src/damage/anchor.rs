//! Places that their own pixels pick out, and the vectors for which they vote.

use super::DirtyRows;
use super::motion::Vector;
use super::simd;
use crate::frame::{BYTES_PER_PIXEL, FrameBuf, xxh3};
use std::collections::HashMap;

/// Pixels of the run that picks an anchor.
const RUN_PX: usize = 8;

/// Pixels and rows that identify an anchor once it is picked.
const CONTEXT_PX: usize = 16;
const CONTEXT_ROWS: [u32; 3] = [0, 4, 9];

/// New anchors are looked up on every fourth row: a pane that moved has rows to spare.
const NEW_ROW_STEP: u32 = 4;

/// From this dirty area on, only one in [`SPARSE_SHARE`] blocks of [`SPARSE_BLOCK_PX`] of the old picture is indexed.
const SPARSE_PX: u64 = 100_000;
const SPARSE_BLOCK_PX: u32 = 128;
const SPARSE_SHARE: u32 = 4;

/// Slots of the table of old anchors; at most half are used.
const SLOTS: usize = 1 << 15;

/// Vectors with fewer votes are chance.
const LEAST_VOTES: u32 = 3;

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    round: u32,
    /// Upper half of the hash; the lower half chose the slot.
    tag: u32,
    x: u16,
    y: u16,
    /// Seen at more than one place: says nothing about where it came from.
    ambiguous: bool,
}

/// The table of anchors, kept from picture to picture.
#[derive(Debug, Default)]
pub(super) struct Anchors {
    slots: Vec<Slot>,
    round: u32,
    votes: HashMap<Vector, u32, std::hash::BuildHasherDefault<VectorHasher>>,
    row: Vec<u32>,
    picks: Vec<u32>,
}

/// Vectors are small and few; the order of the map is never used.
#[derive(Default)]
pub(super) struct VectorHasher(u64);

impl std::hash::Hasher for VectorHasher {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for b in bytes {
            self.write_i32(i32::from(*b));
        }
    }
    fn write_i32(&mut self, v: i32) {
        self.0 = (self.0.rotate_left(23) ^ u64::from(v as u32)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
}

impl Anchors {
    /// Writes the vectors with the most votes, best first, into `best` and returns how many there are.
    pub(super) fn vote(
        &mut self,
        old: &FrameBuf,
        new: &FrameBuf,
        dirty: &DirtyRows,
        best: &mut [Vector],
    ) -> usize {
        self.slots.resize(SLOTS, Slot::default());
        self.round = self.round.wrapping_add(1);
        if self.round == 0 {
            self.slots.fill(Slot::default());
            self.round = 1;
        }
        self.votes.clear();
        let round = self.round;
        let mut slots = std::mem::take(&mut self.slots);
        let mut used = 0;
        let sparse = dirty.area() >= SPARSE_PX;
        self.each_anchor(old, dirty, 1, sparse, |x, y, hash| {
            if used == SLOTS / 2 {
                return;
            }
            let tag = (hash >> 32) as u32;
            let mut at = hash as usize % SLOTS;
            while slots[at].round == round && slots[at].tag != tag {
                at = (at + 1) % SLOTS;
            }
            if slots[at].round == round {
                slots[at].ambiguous = true;
            } else {
                slots[at] = Slot { round, tag, x, y, ambiguous: false };
                used += 1;
            }
        });
        let mut votes = std::mem::take(&mut self.votes);
        self.each_anchor(new, dirty, NEW_ROW_STEP, false, |x, y, hash| {
            let tag = (hash >> 32) as u32;
            let mut at = hash as usize % SLOTS;
            while slots[at].round == round {
                let slot = &slots[at];
                if slot.tag == tag {
                    let vector = (i32::from(x) - i32::from(slot.x), i32::from(y) - i32::from(slot.y));
                    if !slot.ambiguous && vector != (0, 0) {
                        *votes.entry(vector).or_default() += 1;
                    }
                    break;
                }
                at = (at + 1) % SLOTS;
            }
        });
        self.slots = slots;
        let mut n = 0;
        let mut counts = vec![0; best.len()];
        for (&vector, &count) in &votes {
            if count < LEAST_VOTES {
                continue;
            }
            // Ties go to the smaller vector, so that the order of the map never shows.
            let at = (0..n).find(|&i| (count, best[i]) > (counts[i], vector)).unwrap_or(n);
            if at == best.len() {
                continue;
            }
            n = (n + 1).min(best.len());
            best[at..n].rotate_right(1);
            counts[at..n].rotate_right(1);
            (best[at], counts[at]) = (vector, count);
        }
        self.votes = votes;
        n
    }

    fn each_anchor(
        &mut self,
        picture: &FrameBuf,
        dirty: &DirtyRows,
        row_step: u32,
        sparse: bool,
        mut each: impl FnMut(u16, u16, u64),
    ) {
        let size = picture.size();
        let below = CONTEXT_ROWS[CONTEXT_ROWS.len() - 1];
        if size.width > u32::from(u16::MAX) || size.height > u32::from(u16::MAX) {
            return;
        }
        for y in (0..size.height.saturating_sub(below)).step_by(row_step as usize) {
            let mut row = std::mem::take(&mut self.row);
            let mut picks = std::mem::take(&mut self.picks);
            dirty.segments(y, |left, right| {
                let right = right.min(size.width.saturating_sub(CONTEXT_PX as u32));
                let mut from = left;
                while from < right {
                    let block_end = (from / SPARSE_BLOCK_PX + 1) * SPARSE_BLOCK_PX;
                    let to = if sparse { right.min(block_end) } else { right };
                    // A share of the columns, another share in the next band of rows.
                    if !sparse || (from / SPARSE_BLOCK_PX + y / SPARSE_BLOCK_PX).is_multiple_of(SPARSE_SHARE)
                    {
                        picks.clear();
                        // A run may reach past the segment: its pixels are there, whoever changed them.
                        let end = (to + RUN_PX as u32 - 1).min(size.width);
                        let (pixels, _) = picture.row(y)[from as usize * 4..end as usize * 4].as_chunks();
                        simd::pick_runs(pixels, &mut row, &mut picks);
                        for x in picks.iter().map(|i| from + i) {
                            each(x as u16, y as u16, context_hash(picture, x, y));
                        }
                    }
                    from = to;
                }
            });
            self.row = row;
            self.picks = picks;
        }
    }
}

/// Hash of the pixels around an anchor.
fn context_hash(picture: &FrameBuf, x: u32, y: u32) -> u64 {
    const BYTES: usize = CONTEXT_PX * BYTES_PER_PIXEL;
    let mut context = [0; BYTES * CONTEXT_ROWS.len()];
    for (i, down) in CONTEXT_ROWS.iter().enumerate() {
        let row = picture.row(y + down);
        context[i * BYTES..][..BYTES].copy_from_slice(&row[x as usize * BYTES_PER_PIXEL..][..BYTES]);
    }
    xxh3(&context)
}
