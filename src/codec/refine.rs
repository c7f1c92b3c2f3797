//! Build to lossless: what lossy places become exact, and when.

use super::exactness::Exactness;
use crate::frame::{Rect, Size, TileGrid, Timestamp};
use std::time::Duration;

/// A tile whose lossy pixels have not changed for this long is quiet. What else happens in the tile (a caret that
/// blinks, exact text that is typed over a photograph) does not count.
const TILE_QUIET: Duration = Duration::from_millis(400);

/// While much changes anywhere, the link is for that: exactness waits until it has been over for this long.
const SCREEN_QUIET: Duration = Duration::from_millis(1500);

/// A tile that has waited for this long beside something that never rests is quiet all the same.
const PATIENCE: Duration = Duration::from_secs(15);

/// An update that changes one in this many pixels of the picture is much.
const MUCH: u64 = 200;

/// Bytes that a lossy pixel takes to become exact, in 1/256, before anything has been measured.
const FIRST_COST: u64 = 256;

/// When lossy tiles changed, and what their pixels cost.
#[derive(Debug, Default)]
pub(super) struct Quiet {
    grid: TileGrid,
    changed_at: Vec<Timestamp>,
    busy_at: Timestamp,
    cost: Option<u64>,
}

impl Quiet {
    /// A whole picture of `size` was sent.
    pub(super) fn reset(&mut self, size: Size, now: Timestamp) {
        self.grid = TileGrid::new(size);
        self.changed_at.clear();
        self.changed_at.resize(self.grid.len(), now);
        self.busy_at = now;
    }

    /// Lossy pixels of `rect` changed.
    pub(super) fn touch(&mut self, rect: &Rect, now: Timestamp) {
        let (columns, rows) = self.grid.touched(rect);
        for row in rows {
            for column in columns.clone() {
                self.changed_at[(row * self.grid.columns() + column) as usize] = now;
            }
        }
    }

    /// An update changed so many pixels.
    pub(super) fn note(&mut self, changed_px: u64, now: Timestamp) {
        if changed_px * MUCH >= self.grid.size().area() {
            self.busy_at = now;
        }
    }

    /// When the next tile that is not exact may become so.
    pub(super) fn due(&self, exactness: &Exactness) -> Option<Timestamp> {
        if exactness.is_exact() {
            return None;
        }
        let lossy = |i: &usize| exactness.lossy_px_in(&self.tile(*i)) > 0;
        (0..self.changed_at.len()).filter(lossy).map(|i| self.ready(i)).min()
    }

    fn ready(&self, tile: usize) -> Timestamp {
        let changed = self.changed_at[tile];
        let quiet = (self.busy_at + SCREEN_QUIET).min(changed + PATIENCE);
        quiet.max(changed + TILE_QUIET)
    }

    fn tile(&self, i: usize) -> Rect {
        let columns = self.grid.columns() as usize;
        self.grid.tile((i % columns) as u32, (i / columns) as u32)
    }

    /// The rectangles that become exact now, for about `bytes`: what the agent looks at first, then from top to
    /// bottom. At least one if any is due.
    pub(super) fn choose(
        &self,
        exactness: &Exactness,
        now: Timestamp,
        bytes: usize,
        focus: Option<&Rect>,
    ) -> Vec<Rect> {
        let mut due: Vec<(bool, Rect)> = (0..self.changed_at.len())
            .filter(|i| self.ready(*i) <= now)
            .map(|i| (self.tile(i), exactness.lossy_bounds(&self.tile(i))))
            .filter(|(_, lossy)| !lossy.is_empty())
            .map(|(tile, lossy)| (focus.is_none_or(|f| f.intersection(&tile).is_none()), lossy))
            .collect();
        // A stable sort: within each kind the order of the tiles stays.
        due.sort_by_key(|(outside, _)| *outside);
        let mut left_px = (bytes as u64 * 256 / self.cost.unwrap_or(FIRST_COST).max(1)) as i64;
        let mut chosen: Vec<Rect> = Vec::new();
        for (_, rect) in due {
            if left_px <= 0 && !chosen.is_empty() {
                break;
            }
            left_px -= rect.area() as i64;
            match chosen.last_mut() {
                Some(last) if last.right() == rect.x && (last.y, last.height) == (rect.y, rect.height) => {
                    *last = last.bounds_with(&rect);
                }
                _ => chosen.push(rect),
            }
        }
        chosen
    }

    /// What `px` pixels took.
    pub(super) fn cost(&mut self, px: u64, bytes: usize) {
        let sample = bytes as u64 * 256 / px.max(1);
        self.cost = Some(self.cost.map_or(sample, |old| (old * 3 + sample) / 4).max(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: Size = Size { width: 640, height: 384 };

    fn at(ms: u64) -> Timestamp {
        Timestamp(ms * 1000)
    }

    fn lossy() -> (Quiet, Exactness) {
        let mut quiet = Quiet::default();
        quiet.reset(SIZE, at(0));
        let mut exactness = Exactness::new(SIZE);
        exactness.set(&Rect::new(0, 0, 256, 128), false);
        (quiet, exactness)
    }

    #[test]
    fn a_quiet_screen_is_refined_and_a_busy_one_waits() {
        let (mut quiet, exactness) = lossy();
        assert_eq!(quiet.due(&exactness), Some(at(1500)));
        quiet.note(SIZE.area() / 10, at(1000));
        assert_eq!(quiet.due(&exactness), Some(at(2500)));
        assert_eq!(quiet.choose(&exactness, at(2499), 1 << 20, None), []);
        assert_eq!(quiet.choose(&exactness, at(2500), 1 << 20, None).len(), 2);
    }

    #[test]
    fn a_blinking_caret_holds_nothing_up() {
        let (mut quiet, exactness) = lossy();
        for ms in (0..5000).step_by(500) {
            quiet.note(30, at(ms));
        }
        assert_eq!(quiet.due(&exactness), Some(at(1500)));
    }

    #[test]
    fn beside_a_film_photographs_become_exact_at_last() {
        let (mut quiet, exactness) = lossy();
        for ms in (0..30_000).step_by(40) {
            quiet.note(SIZE.area() / 4, at(ms));
        }
        assert_eq!(quiet.due(&exactness), Some(at(15_000)));
    }

    #[test]
    fn the_focus_comes_first_and_the_budget_holds() {
        let (mut quiet, exactness) = lossy();
        quiet.cost(1000, 1000);
        let focus = Rect::new(130, 70, 10, 10);
        let chosen = quiet.choose(&exactness, at(5000), 4096, Some(&focus));
        assert_eq!(chosen, [Rect::new(128, 64, 64, 64)]);
        assert_eq!(quiet.choose(&exactness, at(5000), 0, None).len(), 1, "at least one");
    }
}
