//! The rectangles that still differ after the copies, tight to the pixel.

use crate::damage::DirtyRows;
use crate::frame::{BYTES_PER_PIXEL, FrameBuf, Rect};

/// Unchanged pixels between two changed ones of a row that are coded along: words of a line stay together, which
/// halves a terminal's rectangles (benches/lossless.rs).
const GAP_PX: u32 = 48;

/// Unchanged pixels that a row may add to a rectangle before a new one is cheaper.
const WASTE_PX: u64 = 64;

/// Pixels compared at a time when a row's changed runs are looked for.
const STEP_PX: usize = 8;

/// A run of pixels of one row.
#[derive(Clone, Copy, Debug)]
struct Run {
    first: u32,
    end: u32,
    taken: bool,
}

/// A rectangle that the next row may still continue.
#[derive(Clone, Copy, Debug)]
struct Open {
    rect: Rect,
    changed_px: u64,
    grown: bool,
}

/// Finds rectangles; keeps its lists from picture to picture.
#[derive(Debug, Default)]
pub(in crate::codec) struct Residual {
    runs: Vec<Run>,
    open: Vec<Open>,
    rects: Vec<Rect>,
}

impl Residual {
    /// Rectangles that hold every pixel in which `old` and `new` differ, sorted by row, then column; at most
    /// `most`, and no more pixels in all than the picture has.
    pub(in crate::codec) fn find(
        &mut self,
        old: &FrameBuf,
        new: &FrameBuf,
        dirty: &DirtyRows,
        most: usize,
    ) -> &[Rect] {
        self.rects.clear();
        self.open.clear();
        for y in 0..new.size().height {
            if self.open.is_empty() && dirty.row(y).iter().all(|w| *w == 0) {
                continue;
            }
            self.find_runs(old, new, dirty, y);
            self.join(y);
        }
        self.rects.extend(self.open.drain(..).map(|o| o.rect));
        // Rectangles that grew past each other can overlap; noise can leave very many. The whole is cheaper then.
        let area: u64 = self.rects.iter().map(Rect::area).sum();
        if self.rects.len() > most || area > new.size().area() {
            self.rects.clear();
            self.rects.push(new.size().rect());
        }
        self.rects.sort_unstable_by_key(|r| (r.y, r.x, r.height, r.width));
        &self.rects
    }

    fn find_runs(&mut self, old: &FrameBuf, new: &FrameBuf, dirty: &DirtyRows, y: u32) {
        self.runs.clear();
        let (old, _) = old.row(y).as_chunks::<BYTES_PER_PIXEL>();
        let (new, _) = new.row(y).as_chunks::<BYTES_PER_PIXEL>();
        dirty.segments(y, |left, right| {
            let (old, new) = (&old[left as usize..right as usize], &new[left as usize..right as usize]);
            let steps = old.chunks(STEP_PX).zip(new.chunks(STEP_PX));
            for (x, (old, new)) in (left..).step_by(STEP_PX).zip(steps) {
                // Whole steps of one length are compared as one value.
                let equal = match (old.first_chunk::<STEP_PX>(), new.first_chunk::<STEP_PX>()) {
                    (Some(old), Some(new)) => old == new,
                    _ => old == new,
                };
                if equal {
                    continue;
                }
                let differs = |(old, new): (&[u8; 4], &[u8; 4])| old != new;
                let first = old.iter().zip(new).position(differs).unwrap_or(0);
                let last = old.iter().zip(new).rposition(differs).unwrap_or(0);
                let (first, end) = (x + first as u32, x + last as u32 + 1);
                match self.runs.last_mut() {
                    Some(run) if first - run.end <= GAP_PX => run.end = end,
                    _ => self.runs.push(Run { first, end, taken: false }),
                }
            }
        });
    }

    /// Adds the runs of row `y` to the rectangles that they touch, or begins new ones.
    fn join(&mut self, y: u32) {
        for open in &mut self.open {
            open.grown = false;
            let (mut left, mut right, mut changed_px) = (open.rect.x, open.rect.right(), open.changed_px);
            let mut touched = false;
            for run in self.runs.iter().filter(|run| !run.taken) {
                if run.first < right + GAP_PX && run.end + GAP_PX > left {
                    (left, right) = (left.min(run.first), right.max(run.end));
                    changed_px += u64::from(run.end - run.first);
                    touched = true;
                }
            }
            let grown = Rect::from_edges(left, open.rect.y, right, y + 1);
            let waste = grown.area().saturating_sub(changed_px);
            let before = open.rect.area().saturating_sub(open.changed_px);
            if touched && (waste <= before + WASTE_PX || waste * 8 <= grown.area()) {
                for run in &mut self.runs {
                    run.taken |= run.first >= left && run.end <= right;
                }
                *open = Open { rect: grown, changed_px, grown: true };
            }
        }
        let mut i = 0;
        while i < self.open.len() {
            if self.open[i].grown {
                i += 1;
            } else {
                self.rects.push(self.open.swap_remove(i).rect);
            }
        }
        for run in self.runs.iter().filter(|run| !run.taken) {
            let rect = Rect::from_edges(run.first, y, run.end, y + 1);
            self.open.push(Open { rect, changed_px: u64::from(run.end - run.first), grown: true });
        }
    }
}
