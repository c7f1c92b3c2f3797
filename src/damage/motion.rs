//! What merely moved: scrolled panes and dragged windows, found as copies within the picture the viewers hold.
//!
//! 1. *Anchors*: places that a hash of their own pixels picks out, so that content has the same anchors wherever
//!    it stands. Old and new anchors that agree vote for a vector.
//! 2. For the vectors of the last picture and those with the most votes, every row segment of the picture is
//!    judged: repaired by the copy, broken by it, or neither. The rectangle with the best balance is kept.
//! 3. Its edges move to the pixel at which the copy ceases to pay.
//!
//! A copy need not be right everywhere: what it leaves wrong is dirty afterwards and coded as pixels.

use super::anchor::Anchors;
use super::{DirtyRows, compare};
use crate::capture::Damage;
use crate::error::Result;
use crate::frame::{BYTES_PER_PIXEL, FrameBuf, Rect, Region, Size, TILE_PX};

/// Most copies found in one picture. Windows move one at a time; a page with fixed side bars scrolls in two or
/// three panes.
const MOST_COPIES: usize = 8;

/// Vectors with votes that are judged.
const MOST_CANDIDATES: usize = 8;

/// Vectors that are remembered for the next picture.
const MOST_LAST: usize = 3;

/// A dirty area smaller than this is cheaper to code than to search (a word being typed).
const SMALLEST_SEARCH_PX: u64 = 2048;

/// A copy must repair this many more row segments than it breaks, or it does not pay for its bytes.
const LEAST_GAIN: i32 = 24;

/// From this dirty area on, vectors are judged on every [`SAMPLED_STEP`]th row.
const SAMPLED_PX: u64 = 100_000;
const SAMPLED_STEP: u32 = 8;

/// Rows, and columns, on which an edge is judged.
const FIT_SAMPLE: usize = 32;

/// Rows that are judged together.
const CELL_ROWS: u32 = 8;

/// Moves the pixels at `from` to `to`: first all are read, then written, so the two may overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copy {
    /// Top left corner of the source.
    pub from: (u32, u32),
    /// Where they go.
    pub to: Rect,
}

impl Copy {
    /// Where the pixels come from.
    #[must_use]
    pub fn source(&self) -> Rect {
        Rect::new(self.from.0, self.from.1, self.to.width, self.to.height)
    }

    /// Whether source and destination lie within a picture of `size`.
    #[must_use]
    pub fn fits(&self, size: Size) -> bool {
        self.source().fits(size) && self.to.fits(size)
    }

    /// Carries it out.
    ///
    /// # Panics
    /// If it does not fit the picture.
    pub fn apply(&self, picture: &mut FrameBuf) {
        let stride = picture.stride_bytes();
        let len = self.to.width as usize * BYTES_PER_PIXEL;
        let at = |x: u32, y: u32| y as usize * stride + x as usize * BYTES_PER_PIXEL;
        let mut row = |i: u32| {
            let from = at(self.from.0, self.from.1 + i);
            picture.pixels_mut().copy_within(from..from + len, at(self.to.x, self.to.y + i));
        };
        // Downwards, the last row goes first, or it would be overwritten before it is read.
        if self.to.y > self.from.1 {
            (0..self.to.height).rev().for_each(&mut row);
        } else {
            (0..self.to.height).for_each(&mut row);
        }
    }
}

/// A displacement in pixels: content at (x, y) now stood at (x − dx, y − dy) before.
pub(super) type Vector = (i32, i32);

/// What a vector would do.
#[derive(Clone, Copy)]
struct Candidate {
    vector: Vector,
    rect: Rect,
    /// Row segments repaired less those broken.
    gain: i32,
}

/// Finds copies; keeps its tables and the last vectors from picture to picture.
#[derive(Debug, Default)]
pub struct Motion {
    anchors: Anchors,
    last: Vec<Vector>,
    gains: Vec<i32>,
    rest: DirtyRows,
}

impl Motion {
    /// Finds copies, applies them to `old` and appends them to `copies`; `dirty` is brought up to date.
    ///
    /// # Shapes and units
    /// - `old`, `new`, `dirty`: of one size; `dirty` from [`compare`].
    /// - `before`: is told of each copy, with `old` as it is before that copy is applied.
    /// - returns the area that the copies wrote, which is no longer what `old` was.
    ///
    /// # Errors
    /// - [`crate::ErrorKind::InvalidInput`] if the sizes differ.
    ///
    /// # Threads and cost
    /// One thread. Up to two reads of the dirty area; no allocation once warm.
    pub fn find(
        &mut self,
        old: &mut FrameBuf,
        new: &FrameBuf,
        dirty: &mut DirtyRows,
        copies: &mut Vec<Copy>,
        mut before: impl FnMut(&FrameBuf, &Copy),
    ) -> Result<Region> {
        let mut written = Region::empty();
        let mut area = dirty.area();
        if area < SMALLEST_SEARCH_PX {
            return Ok(written);
        }
        let earlier = copies.len();
        let last = std::mem::take(&mut self.last);
        let mut candidates = [(0, 0); MOST_CANDIDATES];
        candidates[..last.len()].copy_from_slice(&last);
        let mut known = last.len();
        let mut voted = false;
        let mut found: Vec<Vector> = Vec::with_capacity(MOST_LAST);
        while copies.len() - earlier < MOST_COPIES && area >= SMALLEST_SEARCH_PX {
            let mut best = self.best_of(&candidates[..known], old, new, dirty);
            // Where a vector of the last picture explains most of the change, nothing needs to be searched.
            let explained = best.map_or(0, |b| b.gain as u64 * u64::from(TILE_PX));
            if !voted && explained * 4 < area * 3 {
                let mut fresh = [(0, 0); MOST_CANDIDATES - MOST_LAST];
                let n = self.anchors.vote(old, new, dirty, &mut fresh);
                for vector in &fresh[..n] {
                    if !candidates[..known].contains(vector) {
                        candidates[known] = *vector;
                        known += 1;
                    }
                }
                let better = self.best_of(&candidates[last.len()..known], old, new, dirty);
                if better.map_or(0, |b| b.gain) > best.map_or(0, |b| b.gain) {
                    best = better;
                }
                voted = true;
            }
            let Some(best) = best else { break };
            let Some(rect) = fit(best.rect, best.vector, old, new, &mut self.gains) else { break };
            let (dx, dy) = best.vector;
            let copy = Copy {
                from: (
                    (i64::from(rect.x) - i64::from(dx)) as u32,
                    (i64::from(rect.y) - i64::from(dy)) as u32,
                ),
                to: rect,
            };
            before(old, &copy);
            copy.apply(old);
            copies.push(copy);
            written.add(rect);
            if found.len() < MOST_LAST && !found.contains(&best.vector) {
                found.push(best.vector);
            }
            let hint = Region::from_iter([rect]);
            compare(old, new, &Damage::Within(hint), &mut self.rest)?;
            dirty.replace(&rect, &self.rest);
            let rest = dirty.area();
            if rest * 16 > area * 15 {
                break;
            }
            area = rest;
        }
        self.last = if found.is_empty() { last } else { found };
        Ok(written)
    }

    /// The best rectangle of the best vector.
    fn best_of(
        &mut self,
        vectors: &[Vector],
        old: &FrameBuf,
        new: &FrameBuf,
        dirty: &DirtyRows,
    ) -> Option<Candidate> {
        let bounds = dirty.bounds();
        let area = dirty.area();
        // Large panes are judged on a sample of their rows.
        let step = if area >= SAMPLED_PX { SAMPLED_STEP } else { 1 };
        let enough = area * 7 / 8;
        let mut best: Option<Candidate> = None;
        for &vector in vectors {
            let beaten = best.map_or(LEAST_GAIN - 1, |b| b.gain);
            let Some(found) = self.best_rect(vector, old, new, dirty, &bounds, step, beaten) else {
                continue;
            };
            best = Some(found);
            if found.gain as u64 * u64::from(TILE_PX) >= enough {
                break;
            }
        }
        best
    }

    /// The rectangle of whole tile columns and [`CELL_ROWS`] that a copy by `vector` improves most, if it gains more
    /// than `beaten`.
    #[allow(clippy::too_many_arguments)] // Two pictures and what is known of them.
    fn best_rect(
        &mut self,
        vector: Vector,
        old: &FrameBuf,
        new: &FrameBuf,
        dirty: &DirtyRows,
        bounds: &Rect,
        step: u32,
        beaten: i32,
    ) -> Option<Candidate> {
        let size = new.size();
        let target = target(vector, size);
        // Outside of the dirty rows and columns there is nothing to repair.
        let judged = target.intersection(bounds)?;
        let columns = dirty.grid().columns();
        let cell_rows = size.height.div_ceil(CELL_ROWS);
        self.gains.clear();
        self.gains.resize((columns * cell_rows) as usize, 0);
        let matches = |y: u32, left: u32, right: u32| {
            let to = &new.row(y)[left as usize * BYTES_PER_PIXEL..right as usize * BYTES_PER_PIXEL];
            let from_x = (i64::from(left) - i64::from(vector.0)) as usize * BYTES_PER_PIXEL;
            *to == old.row((i64::from(y) - i64::from(vector.1)) as u32)[from_x..][..to.len()]
        };
        let rows = |rect: &Rect| (rect.y.next_multiple_of(step)..rect.bottom()).step_by(step as usize);
        // What is repaired comes first: most vectors repair next to nothing, and need not be asked what they break.
        let mut repaired = 0;
        let mut around: Option<Rect> = None;
        for y in rows(&judged) {
            let gains = &mut self.gains[(y / CELL_ROWS * columns) as usize..][..columns as usize];
            dirty.tiles_of(y, |c| {
                let (left, right) = ((c * TILE_PX).max(target.x), ((c + 1) * TILE_PX).min(target.right()));
                if left < right && matches(y, left, right) {
                    gains[c as usize] += 1;
                    repaired += 1;
                    let segment = Rect::from_edges(left, y, right, y + 1);
                    around = Some(around.map_or(segment, |around| around.bounds_with(&segment)));
                }
            });
        }
        if repaired * step as i32 <= beaten {
            return None;
        }
        let around = around?;
        let (tiles, _) = dirty.grid().touched(&around);
        for y in rows(&around) {
            let gains = &mut self.gains[(y / CELL_ROWS * columns) as usize..][..columns as usize];
            for c in tiles.clone().filter(|c| !dirty.contains(*c, y)) {
                let (left, right) = ((c * TILE_PX).max(target.x), ((c + 1) * TILE_PX).min(target.right()));
                if left < right && !matches(y, left, right) {
                    gains[c as usize] -= 1;
                }
            }
        }
        let (columns, cell_rows) = (columns as usize, cell_rows as usize);
        // Best columns over all rows, then the best rows within them, then the columns again: two rounds settle
        // on one pane, where an exact search would cost a power more.
        let mut rows = (0, cell_rows, 0);
        let mut cols;
        let mut round = 0;
        loop {
            cols = best_run(columns, |c| (rows.0..rows.1).map(|r| self.gains[r * columns + c]).sum());
            rows =
                best_run(cell_rows, |r| self.gains[r * columns + cols.0..r * columns + cols.1].iter().sum());
            round += 1;
            if round == 2 {
                break;
            }
        }
        let gain = rows.2 * step as i32;
        if gain <= beaten {
            return None;
        }
        let rect = Rect::from_edges(
            cols.0 as u32 * TILE_PX,
            rows.0 as u32 * CELL_ROWS,
            (cols.1 as u32 * TILE_PX).min(size.width),
            (rows.1 as u32 * CELL_ROWS).min(size.height),
        )
        .intersection(&target)?;
        Some(Candidate { vector, rect, gain })
    }
}

/// What a copy by `vector` can write at all: the picture, where its source lies within the picture.
fn target(vector: Vector, size: Size) -> Rect {
    let (dx, dy) = (i64::from(vector.0), i64::from(vector.1));
    Rect::clipped(dx, dy, i64::from(size.width), i64::from(size.height), size)
}

/// The run of adjoining values with the largest sum (Kadane): first, one past the last, sum.
fn best_run(len: usize, value: impl Fn(usize) -> i32) -> (usize, usize, i32) {
    let mut best = (0, 0, 0);
    let (mut start, mut sum) = (0, 0);
    for i in 0..len {
        if sum <= 0 {
            start = i;
            sum = 0;
        }
        sum += value(i);
        if sum > best.2 {
            best = (start, i + 1, sum);
        }
    }
    best
}

/// Moves the edges of `rect`, found in whole cells, to the pixels where the copy ceases to pay.
fn fit(rect: Rect, vector: Vector, old: &FrameBuf, new: &FrameBuf, gains: &mut Vec<i32>) -> Option<Rect> {
    let size = new.size();
    let target = target(vector, size);
    let stride = new.stride_bytes();
    let shift = i64::from(vector.1) * stride as i64 + i64::from(vector.0) * BYTES_PER_PIXEL as i64;
    // +1 where the copy repairs a pixel, −1 where it breaks one, 0 where old, new and moved agree.
    let gain = |x: u32, y: u32| {
        let at = y as usize * stride + x as usize * BYTES_PER_PIXEL;
        let from = (at as i64 - shift) as usize;
        let new = &new.pixels()[at..at + BYTES_PER_PIXEL];
        i32::from(old.pixels()[at..at + BYTES_PER_PIXEL] != *new)
            - i32::from(old.pixels()[from..from + BYTES_PER_PIXEL] != *new)
    };
    // An edge lies up to one cell outside the rectangle, or inside it.
    let reach = |at: u32, by: u32, low: u32| at.saturating_sub(by).max(low);
    let left_from = reach(rect.x, TILE_PX, target.x);
    let right_to = (rect.right() + TILE_PX).min(target.right());
    let inner = |from: u32, to: u32| (from + (to - from) / 4, to - (to - from) / 4);
    let (inner_left, inner_right) = inner(rect.x, rect.right());
    let (inner_top, inner_bottom) = inner(rect.y, rect.bottom());
    // Rows near the upper and the lower edge first, judged on a sample of the rectangle's middle columns; the middle
    // counts as won.
    let step = ((inner_right - inner_left) as usize / FIT_SAMPLE).max(1);
    let top_from = reach(rect.y, 2 * CELL_ROWS, target.y);
    let bottom_to = (rect.bottom() + 2 * CELL_ROWS).min(target.bottom());
    let won =
        inner_top.min(rect.y + 2 * CELL_ROWS)..inner_bottom.max(rect.bottom().saturating_sub(2 * CELL_ROWS));
    gains.clear();
    gains.extend((top_from..bottom_to).map(|y| match won.contains(&y) {
        true => 1,
        false => (inner_left..inner_right).step_by(step).map(|x| gain(x, y)).sum::<i32>(),
    }));
    let (first, last, _) = best_run(gains.len(), |i| gains[i]);
    let (top, bottom) = (top_from + first as u32, top_from + last as u32);
    if top >= bottom {
        return None;
    }
    // Then the columns near the left and right edge, judged on a sample of the rows; the middle counts as won.
    let step = ((bottom - top) as usize / FIT_SAMPLE).max(1);
    gains.clear();
    gains.resize((right_to - left_from) as usize, 0);
    for y in (top..bottom).step_by(step) {
        for x in (left_from..inner_left.min(rect.x + TILE_PX))
            .chain(inner_right.max(rect.right().saturating_sub(TILE_PX))..right_to)
        {
            gains[(x - left_from) as usize] += gain(x, y);
        }
    }
    for x in inner_left.min(rect.x + TILE_PX)..inner_right.max(rect.right().saturating_sub(TILE_PX)) {
        gains[(x - left_from) as usize] += 1;
    }
    let (first, last, sum) = best_run(gains.len(), |i| gains[i]);
    if sum <= 0 {
        return None;
    }
    Some(Rect::from_edges(left_from + first as u32, top, left_from + last as u32, bottom))
}
