//! Where pixels keep changing and keep being costly: charts and animations, told from text.

use super::layout::{CodedRect, Coding};
use crate::frame::{Rect, Size, Timestamp};
use std::ops::Range;
use std::time::Duration;

/// Side of the cells: a line of text beside a chart is in cells of its own.
const CELL_PX: u32 = 16;

/// The heat that a cell can reach, and what an update adds to a cell in which it was costly.
const MOST_HEAT: u8 = 48;
const WARMS_BY: u8 = 4;

/// From this heat on a cell is costly: six updates in a row were, a fifth of a second. What fades in is there by then.
const COSTLY_HEAT: u8 = 24;

/// A rectangle was costly where more than one in so many of its pixels was not foreseen. Of moving charts and spinners it is
/// one in three to eight; at one in 32 a page that scrolls fast, and has letters never seen, would be among them.
const PIXELS_PER_SURPRISE: u32 = 12;

/// Fewer surprises than this are no cost.
const LEAST_SURPRISES: u32 = 12;

/// So many of a rectangle's cells, in percent, must be costly for it to be nearly exact, there alone.
const LEAST_COSTLY_PERCENT: usize = 60;

/// What is costly in less than one in so many of the picture's pixels, as a spinner, can be had exactly.
const LITTLE: u64 = 200;

/// With more rectangles than this, none is looked at.
const MOST_RECTS: usize = 1024;

/// After this long without an update everything is cold: what comes then may be something else.
const REST: Duration = Duration::from_millis(400);

/// One heat for each cell.
#[derive(Debug, Default)]
pub(super) struct Costly {
    size: Size,
    columns: usize,
    heat: Vec<u8>,
    warm: Vec<bool>,
    /// Of each column of cells, for the rectangle that is coded.
    surprises: Vec<u32>,
    /// What moved in this update: what a scrolled page uncovers changes with every update, but is text as a rule.
    moved: Vec<Rect>,
    updated_at: Timestamp,
}

impl Costly {
    /// All cold, unless it has been for pictures of `size` already.
    pub(super) fn fit(&mut self, size: Size) {
        if self.size == size {
            return;
        }
        self.size = size;
        self.columns = size.width.div_ceil(CELL_PX) as usize;
        let cells = self.columns * size.height.div_ceil(CELL_PX) as usize;
        self.heat.clear();
        self.heat.resize(cells, 0);
        self.warm.clear();
        self.warm.resize(cells, false);
        self.surprises.clear();
        self.surprises.resize(self.columns, 0);
    }

    /// An update begins, in which the pixels of `moved` moved away or arrived.
    pub(super) fn begin(&mut self, moved: impl Iterator<Item = Rect>, now: Timestamp) {
        self.moved.clear();
        self.moved.extend(moved);
        if now.since(self.updated_at) > REST {
            self.heat.fill(0);
        }
        self.updated_at = now;
    }

    fn is_moved(&self, rect: &Rect) -> bool {
        self.moved.iter().any(|moved| moved.intersection(rect).is_some())
    }

    /// The pixel in column `x` of the rectangle that is coded was not foreseen, or only nearly.
    #[inline]
    pub(super) fn surprise(&mut self, x: u32) {
        if let Some(count) = self.surprises.get_mut((x / CELL_PX) as usize) {
            *count += 1;
        }
    }

    /// `rect` is coded: where it was costly, its cells warm, columns of cells apart.
    pub(super) fn note(&mut self, rect: &Rect) {
        let (columns, rows) = cells(rect);
        let moved = self.is_moved(rect);
        let Some(surprises) = self.surprises.get_mut(columns.clone()) else { return };
        let costly = !moved && surprises.iter().sum::<u32>() >= LEAST_SURPRISES;
        for (surprises, column) in surprises.iter_mut().zip(columns) {
            let edge = |column: usize| (column as u32 * CELL_PX).clamp(rect.x, rect.right());
            let px = (edge(column + 1) - edge(column)) * rect.height;
            if costly && *surprises * PIXELS_PER_SURPRISE >= px {
                rows.clone().for_each(|row| self.warm[row * self.columns + column] = true);
            }
            *surprises = 0;
        }
    }

    /// The update is over.
    pub(super) fn settle(&mut self) {
        for (heat, warm) in self.heat.iter_mut().zip(&mut self.warm) {
            *heat = if std::mem::take(warm) {
                (*heat + WARMS_BY).min(MOST_HEAT)
            } else {
                *heat - heat.div_ceil(16)
            };
        }
    }

    /// Lets drawn rectangles be nearly exact where they hold what is costly; what is beside it is cut off and stays
    /// exact. Whether there are any.
    pub(super) fn loosen(&self, rects: &mut Vec<CodedRect>) -> bool {
        if rects.len() > MOST_RECTS {
            return false;
        }
        let drawn = rects.iter().filter(|r| r.coding == Coding::Modelled && !self.is_moved(&r.rect));
        let px: u64 = drawn.filter_map(|r| self.costly_part(&r.rect)).map(|part| part.area()).sum();
        if px * LITTLE < self.size.area() {
            return false;
        }
        let mut any = false;
        let mut i = 0;
        while i < rects.len() {
            let CodedRect { rect, coding } = rects[i];
            i += 1;
            let drawn = coding == Coding::Modelled && !self.is_moved(&rect);
            let Some(part) = self.costly_part(&rect).filter(|_| drawn) else { continue };
            rects[i - 1] = CodedRect { rect: part, coding: Coding::Nearly };
            any = true;
            for (left, right) in [(rect.x, part.x), (part.right(), rect.right())] {
                if left < right {
                    let rect = Rect { x: left, width: right - left, ..rect };
                    rects.insert(i, CodedRect { rect, coding });
                    i += 1;
                }
            }
        }
        any
    }

    /// The part of `rect` between its first and last costly columns, if most of its cells are costly.
    fn costly_part(&self, rect: &Rect) -> Option<Rect> {
        let (columns, rows) = cells(rect);
        let is_costly = |row: usize, column: usize| {
            self.heat.get(row * self.columns + column).is_some_and(|heat| *heat >= COSTLY_HEAT)
        };
        let in_column = |column: usize| rows.clone().filter(|row| is_costly(*row, column)).count();
        let first = columns.clone().find(|column| in_column(*column) > 0)?;
        let end = 1 + columns.clone().rfind(|column| in_column(*column) > 0)?;
        let costly: usize = (first..end).map(in_column).sum();
        let edge = |column: usize| (column as u32 * CELL_PX).clamp(rect.x, rect.right());
        (costly * 100 >= (end - first) * rows.len() * LEAST_COSTLY_PERCENT).then(|| Rect {
            x: edge(first),
            width: edge(end) - edge(first),
            ..*rect
        })
    }

    /// How much may be lost of each pixel of `rect` in row `y`: `slack` in costly cells, else nothing.
    pub(super) fn row(&self, rect: &Rect, y: u32, slack: u8, into: &mut Vec<u8>) {
        into.clear();
        let row = (y / CELL_PX) as usize * self.columns;
        into.extend((rect.x..rect.right()).map(|x| {
            let heat = self.heat.get(row + (x / CELL_PX) as usize);
            if heat.is_some_and(|heat| *heat >= COSTLY_HEAT) { slack } else { 0 }
        }));
    }
}

/// The columns and rows of cells that `rect` touches.
fn cells(rect: &Rect) -> (Range<usize>, Range<usize>) {
    let cells = |from: u32, to: u32| (from / CELL_PX) as usize..to.div_ceil(CELL_PX) as usize;
    (cells(rect.x, rect.right()), cells(rect.y, rect.bottom()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: Size = Size { width: 320, height: 200 };
    const CHART: Rect = Rect { x: 40, y: 40, width: 100, height: 60 };

    fn cold() -> Costly {
        let mut costly = Costly::default();
        costly.fit(SIZE);
        costly
    }

    /// One update with one surprise in `step` pixels of `rect`; whether it may be nearly exact the next time.
    fn after(costly: &mut Costly, rect: Rect, step: usize) -> bool {
        (0..rect.area() as u32).step_by(step).for_each(|i| costly.surprise(rect.x + i % rect.width));
        costly.note(&rect);
        costly.settle();
        let mut rects = vec![CodedRect { rect, coding: Coding::Modelled }];
        let any = costly.loosen(&mut rects);
        assert_eq!(any, rects[0].coding == Coding::Nearly);
        any
    }

    #[test]
    fn what_keeps_changing_at_great_cost_is_costly_until_it_rests() {
        let mut costly = cold();
        let turns = (0..20).filter(|_| after(&mut costly, CHART, 7)).count();
        assert_eq!(turns, 15, "from the sixth time on");
        let beside = Rect::new(200, 40, 60, 13);
        assert!((0..20).all(|_| !after(&mut costly, beside, 50)));
        assert_eq!(costly.costly_part(&CHART), None);
    }

    #[test]
    fn what_changes_cheaply_or_once_is_not() {
        let mut costly = cold();
        assert!((0..40).all(|_| !after(&mut costly, CHART, 27)), "a counter whose digits are known");
        for line in 0..11 {
            // New lines of text, each where there was none.
            assert!(!after(&mut costly, Rect::new(8, line * 16, 200, 13), 3));
        }
    }

    #[test]
    fn only_costly_cells_lose_anything() {
        let mut costly = cold();
        (0..16).for_each(|_| _ = after(&mut costly, CHART, 7));
        let wide = Rect { x: 10, width: 260, ..CHART };
        let mut rects = vec![CodedRect { rect: wide, coding: Coding::Modelled }];
        assert!(costly.loosen(&mut rects));
        let coded = |x, width, coding| CodedRect { rect: Rect { x, width, ..CHART }, coding };
        assert_eq!(
            rects,
            [
                coded(32, 112, Coding::Nearly),
                coded(10, 22, Coding::Modelled),
                coded(144, 126, Coding::Modelled)
            ]
        );
        let mut row = Vec::new();
        costly.row(&wide, 50, 9, &mut row);
        assert!(
            row[22..134].iter().all(|slack| *slack == 9)
                && row[..22].iter().chain(&row[134..]).all(|slack| *slack == 0)
        );
    }
}
