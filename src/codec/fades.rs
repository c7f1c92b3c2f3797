//! Fades: a page that becomes darker or lighter as a whole, as when a picture or a question is laid over it step by step.
//!
//! Under a veil each colour becomes a line of what it was, the same line everywhere. Where that is so a fade layer says
//! it for all pixels at once; where something else comes to light as well, what is left goes as differences.

use super::classify::is_photo;
use super::photo::{self, FADE_BITS, Fade, MOST_FACTOR};
use super::shown::Shown;
use super::stills::CodedPhoto;
use crate::bitstream::FadeLayer;
use crate::error::Result;
use crate::frame::{BYTES_PER_PIXEL, FrameBuf, Rect, TILE_PX, TileGrid, Timestamp};
use crate::limits::Limits;
use std::time::Duration;

/// What changes must be this part of the picture, at least, to be looked at.
const LEAST_PART: u64 = 8;

/// Cells are sampled at so many columns and rows.
const SAMPLED: u32 = 8;

/// Cells whose samples a line explains are a fade if there are so many, and one in these: to begin, to go on.
const LEAST_CELLS: usize = 6;
const BEGINS_WITH: usize = 10;
const GOES_ON_WITH: usize = 16;

/// A fade begins with a factor between a quarter and four: what differs more is another page.
const SLOW: std::ops::RangeInclusive<u32> = 1 << (FADE_BITS - 2)..=4 << FADE_BITS;

/// A fade that begins makes black or white differ by so much: what hardly changes is the still part of a film.
const LEAST_STEP: i32 = 4 << FADE_BITS;

/// A cell whose samples vary less than this (in the mean of the squares) says nothing about a line.
const LEAST_VARIANCE: i64 = 4;

/// Most that a line may leave of a cell's samples, in the mean of the squares: rounding, twice.
const MOST_LEFT: i128 = 1;

/// What a cell's own line leaves of it, in the mean of the squares, if it is nearly plain.
const PLAIN: i128 = 16;

/// Most lines that are tried.
const MOST_TRIED: usize = 32;

/// A channel may be off by so many steps of rounding, of old and of new.
const MOST_OFF: u32 = 2;

/// Most that a fade may leave in the mean of the squares of each channel: what was lossy stays so.
const MOST_ERROR: u64 = 12;

/// How much coarser than photographs the steps of a fade are: none is seen for long.
const COARSER: u8 = 6;

/// Soon after a fade nothing begins as a film.
const STILL_FADING: Duration = Duration::from_millis(250);

/// Sums over samples of one cell or more.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    count: i64,
    old: [i64; 3],
    new: [i64; 3],
    old_old: [i64; 3],
    old_new: [i64; 3],
    new_new: [i64; 3],
    changed: bool,
}

/// What all colours are multiplied by, and what is added to B, G, R.
type Line = (u32, [i32; 3]);

impl Sums {
    fn of(old: &FrameBuf, new: &FrameBuf, rect: &Rect) -> Self {
        let mut sums = Self::default();
        let at = |from: u32, side: u32, i: u32| from + (2 * i + 1) * side / (2 * SAMPLED);
        for i in 0..SAMPLED {
            let y = at(rect.y, rect.height, i);
            let (a, b) = (old.row(y).as_chunks::<BYTES_PER_PIXEL>().0, new.row(y).as_chunks().0);
            for j in 0..SAMPLED {
                let x = at(rect.x, rect.width, j) as usize;
                sums.add(&a[x], &b[x]);
            }
        }
        sums
    }

    fn add(&mut self, old: &[u8; BYTES_PER_PIXEL], new: &[u8; BYTES_PER_PIXEL]) {
        self.count += 1;
        self.changed |= old != new;
        for c in 0..3 {
            let (a, b) = (i64::from(old[c]), i64::from(new[c]));
            self.old[c] += a;
            self.new[c] += b;
            self.old_old[c] += a * a;
            self.old_new[c] += a * b;
            self.new_new[c] += b * b;
        }
    }

    fn join(mut self, other: &Self) -> Self {
        self.count += other.count;
        self.changed |= other.changed;
        for c in 0..3 {
            self.old[c] += other.old[c];
            self.new[c] += other.new[c];
            self.old_old[c] += other.old_old[c];
            self.old_new[c] += other.old_new[c];
            self.new_new[c] += other.new_new[c];
        }
        self
    }

    /// Variances of old and new, and what they have in common, all times the square of the count.
    fn moments(&self) -> (i64, i64, i64) {
        let sum = |both: &[i64; 3], a: &[i64; 3], b: &[i64; 3]| {
            (0..3).map(|c| self.count * both[c] - a[c] * b[c]).sum::<i64>()
        };
        (
            sum(&self.old_old, &self.old, &self.old),
            sum(&self.new_new, &self.new, &self.new),
            sum(&self.old_new, &self.old, &self.new),
        )
    }

    /// The line that is nearest to all samples.
    fn line(&self) -> Option<Line> {
        let (old, _, both) = self.moments();
        if old <= 0 {
            return None;
        }
        let factor = ((i128::from(both.max(0)) << FADE_BITS) + i128::from(old / 2)) / i128::from(old);
        let factor = u32::try_from(factor).ok().filter(|factor| *factor <= MOST_FACTOR)?;
        let offset = |c: usize| ((self.new[c] << FADE_BITS) - self.old[c] * i64::from(factor)) / self.count;
        Some((factor, std::array::from_fn(|c| offset(c) as i32)))
    }

    /// Whether the samples say something about a line's factor.
    fn varies(&self) -> bool {
        let (old, new, _) = self.moments();
        old.min(new) >= LEAST_VARIANCE * 3 * self.count * self.count
    }

    /// The line, if the samples vary and it explains them.
    fn clear_line(&self) -> Option<Line> {
        if !self.changed || !self.varies() {
            return None;
        }
        self.line().filter(|line| self.is_near(line))
    }

    /// Whether most of what the samples have now was there before, lighter or darker, or they hardly vary.
    fn goes_on(&self) -> bool {
        let (old, new, both) = self.moments();
        let left = i128::from(new) - i128::from(both) * i128::from(both) / i128::from(old.max(1));
        left * 4 <= i128::from(new) || left <= PLAIN * i128::from(3 * self.count * self.count)
    }

    /// Whether `line` explains the samples.
    fn is_near(&self, (factor, offsets): &Line) -> bool {
        // The sum of the squares of what the line leaves, in the squares of 4096ths of a value.
        let one = 1_i128 << FADE_BITS;
        let mut sum = 0_i128;
        for (c, offset) in offsets.iter().enumerate() {
            let of = |v: i64| i128::from(v);
            let (k, o) = (i128::from(*factor), i128::from(*offset));
            sum += k * k * of(self.old_old[c])
                + o * o * of(self.count)
                + one * one * of(self.new_new[c])
                + 2 * (k * o * of(self.old[c]) - k * one * of(self.old_new[c]) - o * one * of(self.new[c]));
        }
        sum <= (one * one * i128::from(3 * self.count)) * MOST_LEFT
    }
}

/// One update's fades.
#[derive(Debug, Default)]
pub(super) struct Fades {
    pub(super) layers: Vec<FadeLayer>,
    pub(super) change: Option<CodedPhoto>,
    last: Option<Timestamp>,
}

impl Fades {
    /// Whether there has been a fade at `now` or shortly before it.
    pub(super) fn fading(&self, now: Timestamp) -> bool {
        self.last.is_some_and(|last| now.since(last) < STILL_FADING)
    }

    /// Where this update's fades and changes are.
    pub(super) fn rects(&self) -> impl Iterator<Item = &Rect> {
        self.layers.iter().flat_map(|layer| &layer.rects)
    }

    pub(super) fn clear(&mut self) {
        self.layers.clear();
        self.change = None;
    }

    /// Takes what a fade explains out of `rects`, and photographs that come to light in it; into the shown picture, too,
    /// which is `old` where it is exact. `near` is that of photographs.
    #[allow(clippy::too_many_arguments)] // The pictures of one update.
    pub(super) fn take(
        &mut self,
        old: &FrameBuf,
        new: &FrameBuf,
        rects: &mut Vec<Rect>,
        near: u8,
        shown: &mut Shown,
        now: Timestamp,
        limits: &Limits,
    ) -> Result<()> {
        let area: u64 = rects.iter().map(Rect::area).sum();
        if area * LEAST_PART < old.size().area() {
            return Ok(());
        }
        let (cells, mut left) = cells(rects, &TileGrid::new(old.size()));
        let sums: Vec<Sums> = cells.iter().map(|cell| Sums::of(old, new, cell)).collect();
        let Some((factor, offsets)) = veil(&sums, self.fading(now)) else { return Ok(()) };
        let fade = Fade::new(factor, offsets)?;
        let (mut faded, mut lit, mut lit_sums) = (Vec::new(), Vec::new(), Sums::default());
        let most_off = MOST_OFF + (factor >> FADE_BITS);
        for (cell, sums) in cells.iter().zip(&sums) {
            if explains(&fade, old, new, shown.picture(old), cell, most_off) {
                faded.push(*cell);
            } else if sums.goes_on() || is_photo(new, &middle(cell)) {
                lit.push(*cell);
                lit_sums = lit_sums.join(sums);
            } else {
                left.push(*cell);
            }
        }
        if faded.len() < LEAST_CELLS {
            return Ok(());
        }
        self.last = Some(now);
        left.sort_unstable_by_key(|r| (r.y, r.x));
        *rects = merged(left);
        self.lay(old, (factor, offsets), merged(faded), shown, limits)?;
        if lit.is_empty() {
            return Ok(());
        }
        let lit = merged(lit);
        if let Some(line) = lit_sums.line() {
            self.lay(old, line, lit.clone(), shown, limits)?;
        }
        let near = (near + COARSER).min(photo::MOST_NEAR);
        let mut data = Vec::new();
        photo::encode_change(new, &lit, near, shown.differ(old, limits)?, &mut data);
        lit.iter().for_each(|r| shown.lost(r));
        self.change = Some(CodedPhoto { near, rects: lit, data });
        Ok(())
    }

    fn lay(
        &mut self,
        old: &FrameBuf,
        (factor, offsets): Line,
        rects: Vec<Rect>,
        shown: &mut Shown,
        limits: &Limits,
    ) -> Result<()> {
        let fade = Fade::new(factor, offsets)?;
        let picture = shown.differ(old, limits)?;
        rects.iter().for_each(|rect| fade.apply(picture, rect));
        rects.iter().for_each(|rect| shown.lost(rect));
        self.layers.push(FadeLayer { factor, offsets, rects });
        Ok(())
    }
}

/// Cuts `rects` at the edges of tiles; what is too small to be sampled is left.
fn cells(rects: &[Rect], grid: &TileGrid) -> (Vec<Rect>, Vec<Rect>) {
    let (mut cells, mut left) = (Vec::new(), Vec::new());
    for rect in rects {
        if rect.width.min(rect.height) < SAMPLED {
            left.push(*rect);
            continue;
        }
        let (columns, rows) = grid.touched(rect);
        for (column, row) in rows.flat_map(|row| columns.clone().map(move |column| (column, row))) {
            let Some(cell) = grid.tile(column, row).intersection(rect) else { continue };
            let list = if cell.width.min(cell.height) < SAMPLED { &mut left } else { &mut cells };
            list.push(cell);
        }
    }
    (cells, left)
}

/// The middle quarter of a cell, by which it is judged.
fn middle(cell: &Rect) -> Rect {
    let part = |side: u32| if side == TILE_PX { (side / 4, side / 2) } else { (0, side) };
    let ((x, width), (y, height)) = (part(cell.width), part(cell.height));
    Rect::new(cell.x + x, cell.y + y, width, height)
}

/// The line that explains the most cells, if these are enough.
fn veil(sums: &[Sums], fading: bool) -> Option<Line> {
    let clear: Vec<Line> = sums.iter().filter_map(Sums::clear_line).collect();
    if clear.len() < LEAST_CELLS {
        return None;
    }
    let explained = |line: &Line| sums.iter().filter(|cell| cell.changed && cell.is_near(line)).count();
    let step = clear.len().div_ceil(MOST_TRIED);
    let best = clear.iter().step_by(step).max_by_key(|line| explained(line))?;
    // What it explains says more than the one cell that it is from.
    let explained = || sums.iter().filter(|cell| cell.changed && cell.is_near(best));
    let varied = explained().filter(|cell| cell.varies()).count();
    let share = if fading { GOES_ON_WITH } else { BEGINS_WITH };
    if varied < LEAST_CELLS.max(sums.len() / share) {
        return None;
    }
    let line = explained().fold(Sums::default(), |all, cell| all.join(cell)).line();
    line.filter(|line| fading || (SLOW.contains(&line.0) && reach(line) >= LEAST_STEP))
}

/// How far black or white is moved, in 4096ths.
fn reach((factor, offsets): &Line) -> i32 {
    let at_white = 255 * (*factor as i32 - (1 << FADE_BITS));
    offsets.iter().map(|offset| offset.abs().max((offset + at_white).abs())).max().unwrap_or(0)
}

/// Whether `fade` makes `new` of `old` in all of `cell`, but for rounding, and of what is shown well enough.
fn explains(
    fade: &Fade,
    old: &FrameBuf,
    new: &FrameBuf,
    shown: &FrameBuf,
    cell: &Rect,
    most_off: u32,
) -> bool {
    let mut error = 0_u64;
    for y in cell.y..cell.bottom() {
        let old = old.row_of(cell, y).as_chunks::<BYTES_PER_PIXEL>().0;
        let new = new.row_of(cell, y).as_chunks::<BYTES_PER_PIXEL>().0;
        let shown = shown.row_of(cell, y).as_chunks::<BYTES_PER_PIXEL>().0;
        let (mut most, mut sum) = (0, 0);
        for ((old, new), shown) in old.iter().zip(new).zip(shown) {
            let (from_old, from_shown) = (fade.of(*old), fade.of(*shown));
            for c in 0..3 {
                most = most.max(from_old[c].abs_diff(new[c]));
                let off = u32::from(from_shown[c].abs_diff(new[c]));
                sum += off * off;
            }
        }
        if u32::from(most) > most_off {
            return false;
        }
        error += u64::from(sum);
    }
    error <= 3 * cell.area() * MOST_ERROR
}

/// Joins rectangles that are beside one another, then those that are under one another. They are sorted by row.
fn merged(rects: Vec<Rect>) -> Vec<Rect> {
    let mut wide: Vec<Rect> = Vec::with_capacity(rects.len());
    for rect in rects {
        match wide.last_mut() {
            Some(last) if (last.y, last.height, last.right()) == (rect.y, rect.height, rect.x) => {
                last.width += rect.width;
            }
            _ => wide.push(rect),
        }
    }
    let mut all: Vec<Rect> = Vec::with_capacity(wide.len());
    for rect in wide {
        let above = |r: &&mut Rect| (r.x, r.width, r.bottom()) == (rect.x, rect.width, rect.y);
        match all.iter_mut().find(above) {
            Some(above) => above.height += rect.height,
            None => all.push(rect),
        }
    }
    all
}
