//! What tiles held before: the wallpaper under a window, the page under a menu, the other tab. Both sides keep the
//! same, by rule, so that an update can call it back for a few bits.

use super::exactness::Exactness;
use crate::damage::{Copy, DirtyRows};
use crate::frame::{
    BYTES_PER_PIXEL, FrameBuf, Rect, Size, TILE_PX, TileGrid, Timestamp, Wiped, is_plain, xxh3,
};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// What has stood still for so long is worth keeping; what a film or a scrolled page shows on its way is not.
const STILL: Duration = Duration::from_millis(300);

/// Base-2 logarithm of the contents that a tile keeps.
pub(super) const SLOTS_LOG: u32 = 2;
pub(super) const MOST_SLOTS: usize = 1 << SLOTS_LOG;

/// Pixels that are kept of pictures of `size` where memory is no concern: two of a small screen, 60 % of full HD, half
/// of a larger one. Half as much again would break the promise of 25 MB at full HD, as what is set aside counts, too.
pub(super) fn usual_px(size: Size) -> u64 {
    match size.area() {
        area @ ..=0x10_0000 => 2 * area,
        area => (5 << 18).max(area / 2),
    }
}

/// What is called back has at least so many pixels that differ from the one to their left: plain background is as
/// cheap without.
const LEAST_EDGES: usize = 48;

/// After so many parts that never were there before, the largest first, the others are not looked for: new text.
const MOST_MISSES: u32 = 32;

/// Rows of a tile by whose hashes a writer sees whether a slot may hold what is to be shown.
const PROBES: usize = 8;

/// Content that was kept, and its place in the order of keeping.
#[derive(Debug)]
struct Slot {
    stamp: u64,
    pixels: Wiped,
    probes: [u32; PROBES],
}

#[derive(Debug, Default)]
struct Tile {
    touched_at: Timestamp,
    /// Some of its pixels were not exact when the packet began.
    lossy: bool,
    /// The packet writes to it.
    touched: bool,
    /// What it held, if that is worth keeping.
    staged: Option<Wiped>,
    /// The newest first.
    slots: VecDeque<Slot>,
    /// The slot from which the packet takes it.
    chosen: Option<u8>,
}

/// The contents, and when each tile was last written to.
#[derive(Debug, Default)]
pub(super) struct Recall {
    grid: TileGrid,
    most_px: u64,
    tiles: Vec<Tile>,
    px: u64,
    stamp: u64,
    /// Which tile has the slot of a stamp.
    kept: BTreeMap<u64, usize>,
    touched: Vec<usize>,
    /// Pixels that are set aside, or would be.
    staged_px: u64,
    now: Timestamp,
    spare: Vec<Wiped>,
}

impl Recall {
    /// Nothing is kept of a picture of `size`, all of which was written at `now`; at most `most_px` pixels will be.
    pub(super) fn reset(&mut self, size: Size, most_px: u64, now: Timestamp) {
        *self = Self { grid: TileGrid::new(size), most_px, now, ..Self::default() };
        self.tiles.resize_with(self.grid.len(), || Tile { touched_at: now, ..Tile::default() });
    }

    /// Nothing is kept any more, and all was written at `now`.
    pub(super) fn forget(&mut self, now: Timestamp) {
        self.reset(self.grid.size(), self.most_px, now);
    }

    /// A packet of `now` begins, over a picture as exact as `exactness` says.
    pub(super) fn begin(&mut self, exactness: &Exactness, now: Timestamp) {
        self.now = now;
        self.staged_px = 0;
        for i in 0..self.tiles.len() {
            let lossy = !exactness.is_exact() && exactness.lossy_px_in(&self.at(i)) > 0;
            (self.tiles[i].chosen, self.tiles[i].lossy) = (None, lossy);
        }
    }

    fn at(&self, tile: usize) -> Rect {
        let columns = self.grid.columns() as usize;
        self.grid.tile((tile % columns) as u32, (tile / columns) as u32)
    }

    /// The parts of `rect` in the tiles that it touches, row by row.
    pub(super) fn parts(&self, rect: &Rect) -> impl Iterator<Item = (usize, Rect)> + use<> {
        let (grid, rect) = (self.grid, *rect);
        let (columns, rows) = grid.touched(&rect);
        rows.flat_map(move |row| {
            columns.clone().filter_map(move |column| {
                let part = grid.tile(column, row).intersection(&rect)?;
                Some(((row * grid.columns() + column) as usize, part))
            })
        })
    }

    /// The packet writes to `rect`: sets aside what its tiles hold in `picture`, if that stood still, is exact, and
    /// has more than one colour.
    pub(super) fn stage(&mut self, picture: &FrameBuf, rect: &Rect) {
        for (i, _) in self.parts(rect) {
            self.stage_tile(picture, i);
        }
    }

    /// As [`Recall::stage`], for a copy that is going to be carried out. Tiles that move with it as a whole are not lost.
    pub(super) fn stage_copy(&mut self, picture: &FrameBuf, copy: &Copy) {
        let source = copy.source();
        for (i, _) in self.parts(&copy.to) {
            if !self.tiles[i].touched && source.contains(&self.at(i)) {
                self.tiles[i].touched = true;
                self.touched.push(i);
            } else {
                self.stage_tile(picture, i);
            }
        }
    }

    /// As [`Recall::stage`], for the tiles with dirty rows.
    pub(super) fn stage_dirty(&mut self, picture: &FrameBuf, dirty: &DirtyRows) {
        let columns = self.grid.columns();
        dirty.tiles(|column, row| self.stage_tile(picture, (row * columns + column) as usize));
    }

    fn dirty_rows<'a>(&self, tile: usize, dirty: &'a DirtyRows) -> impl Iterator<Item = u32> + use<'a> {
        let (at, column) = (self.at(tile), tile as u32 % self.grid.columns());
        (at.y..at.bottom()).filter(move |y| dirty.contains(column, *y))
    }

    fn stage_tile(&mut self, picture: &FrameBuf, i: usize) {
        let at = self.at(i);
        let tile = &mut self.tiles[i];
        if tile.touched {
            return;
        }
        tile.touched = true;
        self.touched.push(i);
        if tile.lossy || self.now.since(tile.touched_at) < STILL || self.staged_px > self.most_px {
            return;
        }
        let mut pixels = self.spare.pop().unwrap_or_default();
        picture.append_rect(&at, pixels.empty(at.area() as usize * BYTES_PER_PIXEL));
        match is_plain(&pixels) {
            true => self.spare.push(pixels),
            false => {
                tile.staged = Some(pixels);
                self.staged_px += at.area();
                if self.staged_px > self.most_px {
                    // All or nothing: which tiles came first depends on the side.
                    self.touched.iter().for_each(|i| self.tiles[*i].staged = None);
                }
            }
        }
    }

    /// The packet is carried out: what was set aside is kept where `picture` now differs.
    pub(super) fn commit(&mut self, picture: &FrameBuf) {
        let mut touched = std::mem::take(&mut self.touched);
        touched.sort_unstable();
        for i in touched.drain(..) {
            let at = self.at(i);
            let tile = &mut self.tiles[i];
            tile.touched = false;
            tile.touched_at = self.now;
            let Some(staged) = tile.staged.take() else { continue };
            let row_bytes = at.width as usize * BYTES_PER_PIXEL;
            let mut rows = staged.chunks_exact(row_bytes).zip(at.y..);
            match rows.all(|(row, y)| row == picture.row_of(&at, y)) {
                true => self.spare.push(staged),
                false => self.keep(i, staged),
            }
        }
        self.touched = touched;
        self.spare.truncate(16);
    }

    fn keep(&mut self, tile: usize, pixels: Wiped) {
        self.stamp += 1;
        self.kept.insert(self.stamp, tile);
        let row_bytes = self.at(tile).width as usize * BYTES_PER_PIXEL;
        let slots = &mut self.tiles[tile].slots;
        let probes = probes(pixels.chunks_exact(row_bytes));
        if let Some(i) = slots.iter().position(|slot| slot.probes == probes && slot.pixels == pixels) {
            if let Some(mut slot) = slots.remove(i) {
                self.kept.remove(&slot.stamp);
                slot.stamp = self.stamp;
                slots.push_front(slot);
            }
            self.spare.push(pixels);
            return;
        }
        slots.push_front(Slot { stamp: self.stamp, pixels, probes });
        self.px += self.at(tile).area();
        if self.tiles[tile].slots.len() > MOST_SLOTS {
            self.drop_oldest_of(tile);
        }
        while self.px > self.most_px {
            let Some((_, oldest)) = self.kept.first_key_value() else { break };
            self.drop_oldest_of(*oldest);
        }
    }

    fn drop_oldest_of(&mut self, tile: usize) {
        let Some(slot) = self.tiles[tile].slots.pop_back() else { return };
        self.kept.remove(&slot.stamp);
        self.px -= self.at(tile).area();
        self.spare.push(slot.pixels);
    }

    /// Row `y` of `part` in a slot of its tile; `None` if there is no such slot.
    pub(super) fn row(&self, tile: usize, slot: usize, part: &Rect, y: u32) -> Option<&[u8]> {
        let at = self.at(tile);
        let pixels = &self.tiles[tile].slots.get(slot)?.pixels;
        let from = ((y - at.y) * at.width + part.x - at.x) as usize * BYTES_PER_PIXEL;
        pixels.get(from..from + part.width as usize * BYTES_PER_PIXEL)
    }

    /// The slot from which a tile was taken for this packet.
    pub(super) fn chosen(&self, tile: usize) -> u8 {
        self.tiles[tile].chosen.unwrap_or(0)
    }

    /// The longest run of rows of `part` that a slot of its tile has, and the slot. Only those are looked at that
    /// are `likely`.
    fn find(
        &self,
        tile: usize,
        part: &Rect,
        source: &FrameBuf,
        likely: impl Fn(usize) -> bool,
    ) -> Option<(u8, Rect)> {
        let known = &self.tiles[tile];
        let mut best: Option<(u8, Rect)> = None;
        for slot in 0..known.slots.len() {
            if known.chosen.is_some_and(|chosen| usize::from(chosen) != slot) || !likely(slot) {
                continue;
            }
            let same = |y: &u32| self.row(tile, slot, part, *y) == Some(source.row_of(part, *y));
            let mut y = part.y;
            while y < part.bottom() {
                let Some(first) = (y..part.bottom()).find(same) else { break };
                let end = (first..part.bottom()).find(|y| !same(y)).unwrap_or(part.bottom());
                if best.is_none_or(|(_, run)| run.height < end - first) {
                    best = Some((slot as u8, Rect::new(part.x, first, part.width, end - first)));
                }
                y = end + 1;
            }
        }
        best.filter(|(_, run)| has_edges(source, run))
    }

    /// As [`Recall::find`], for a whole tile.
    fn find_tile(&self, tile: usize, source: &FrameBuf) -> Option<(u8, Rect)> {
        let at = self.at(tile);
        let wanted = probes((at.y..at.bottom()).map(|y| source.row_of(&at, y)));
        let likely = |slot: usize| {
            let held = &self.tiles[tile].slots[slot].probes;
            held.iter().zip(&wanted).any(|(held, wanted)| held == wanted && *held != 0)
        };
        self.find(tile, &at, source, likely)
    }

    /// As [`Recall::find`], for what is left to code.
    fn find_part(&self, tile: usize, part: &Rect, source: &FrameBuf) -> Option<(u8, Rect)> {
        if self.tiles[tile].slots.is_empty() {
            return None;
        }
        let plain = |y: &u32| is_plain(source.row_of(part, *y));
        let quarters = (1..4).map(|i| part.y + part.height * i / 4);
        let rows: Vec<u32> = quarters.filter_map(|y| (y..part.bottom()).find(|y| !plain(y))).collect();
        let likely = |slot: usize| {
            rows.iter().any(|y| self.row(tile, slot, part, *y) == Some(source.row_of(part, *y)))
        };
        self.find(tile, part, source, likely)
    }

    /// Where the picture is mostly what was there before (another tab, the page before a menu or a window), takes that
    /// out of what is left to code. Returns where; nothing if most of it is new.
    pub(super) fn take(&mut self, new: &FrameBuf, dirty: &mut DirtyRows) -> Vec<Rect> {
        if self.kept.is_empty() {
            return Vec::new();
        }
        let mut found = Vec::new();
        let mut rows = 0;
        let mut dirty_tiles = Vec::new();
        let columns = self.grid.columns();
        dirty.tiles(|column, row| dirty_tiles.push((row * columns + column) as usize));
        for i in dirty_tiles {
            if self.tiles[i].slots.is_empty() {
                continue;
            }
            if let Some((slot, run)) = self.find_tile(i, new) {
                let inside = |y: &u32| (run.y..run.bottom()).contains(y);
                rows += self.dirty_rows(i, dirty).filter(inside).count() as u64 * u64::from(run.width);
                found.push((i, slot, run));
            }
        }
        if rows * 2 < dirty.area() {
            return Vec::new();
        }
        let mut taken = Vec::with_capacity(found.len());
        for (i, slot, run) in found {
            if !self.dirty_rows(i, dirty).any(|y| (run.y..run.bottom()).contains(&y)) {
                continue;
            }
            self.tiles[i].chosen = Some(slot);
            dirty.clear_within(&run);
            taken.push(run);
        }
        join(&mut taken);
        taken
    }

    /// Cuts out of `rects` what was there before, and adds it to `taken`.
    pub(super) fn cut(&mut self, new: &FrameBuf, rects: &mut Vec<Rect>, taken: &mut Vec<Rect>) {
        if self.kept.is_empty() {
            return;
        }
        let mut left = Vec::with_capacity(rects.len());
        let (mut found, mut rest) = (Vec::new(), Vec::new());
        let mut misses = 0;
        rects.sort_unstable_by_key(|r| (std::cmp::Reverse(r.area()), r.y, r.x));
        for rect in rects.drain(..) {
            if misses >= MOST_MISSES {
                left.push(rect);
                continue;
            }
            rest.clear();
            let before = found.len();
            for (i, part) in self.parts(&rect) {
                match self.find_part(i, &part, new) {
                    Some((slot, run)) => {
                        self.tiles[i].chosen = Some(slot);
                        found.push(run);
                        let above = Rect::from_edges(part.x, part.y, part.right(), run.y);
                        let below = Rect::from_edges(part.x, run.bottom(), part.right(), part.bottom());
                        rest.extend([above, below].into_iter().filter(|r| !r.is_empty()));
                    }
                    None => {
                        misses += 1;
                        rest.push(part);
                    }
                }
            }
            if found.len() == before {
                left.push(rect);
            } else {
                join(&mut rest);
                left.append(&mut rest);
            }
        }
        left.sort_unstable_by_key(|r| (r.y, r.x));
        *rects = left;
        join(&mut found);
        taken.append(&mut found);
    }
}

/// Hashes of some of a tile's rows; 0 for rows of one colour and where there is no row.
fn probes<'a>(rows: impl Iterator<Item = &'a [u8]>) -> [u32; PROBES] {
    let mut probes = [0; PROBES];
    let step = TILE_PX as usize / PROBES;
    for (probe, row) in probes.iter_mut().zip(rows.skip(step / 2).step_by(step)) {
        if !is_plain(row) {
            *probe = xxh3(row) as u32;
        }
    }
    probes
}

/// Whether enough pixels of `rect` differ from the one to their left.
fn has_edges(picture: &FrameBuf, rect: &Rect) -> bool {
    let mut edges = 0;
    for y in rect.y..rect.bottom() {
        let (row, _) = picture.row_of(rect, y).as_chunks::<BYTES_PER_PIXEL>();
        edges += row.windows(2).filter(|pair| pair[0] != pair[1]).count();
        if edges >= LEAST_EDGES {
            return true;
        }
    }
    false
}

/// Joins rectangles that lie side by side, then those on top of one another.
fn join(rects: &mut Vec<Rect>) {
    rects.sort_unstable_by_key(|r| (r.y, r.height, r.x));
    rects.dedup_by(|next, last| {
        let beside = (last.y, last.height, last.right()) == (next.y, next.height, next.x);
        if beside {
            last.width += next.width;
        }
        beside
    });
    rects.sort_unstable_by_key(|r| (r.x, r.width, r.y));
    rects.dedup_by(|next, last| {
        let below = (last.x, last.width, last.bottom()) == (next.x, next.width, next.y);
        if below {
            last.height += next.height;
        }
        below
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;

    const SIZE: Size = Size { width: 150, height: 100 };

    fn page(seed: u32) -> FrameBuf {
        let mut picture = FrameBuf::new(SIZE, &Limits::default()).expect("a picture");
        for (i, px) in picture.pixels_mut().chunks_exact_mut(4).enumerate() {
            px[..3].fill(((i as u32 * seed).wrapping_mul(0x9E37_79B1) >> 24) as u8);
        }
        picture
    }

    /// Turns `pages` over, one a second, and tells what could be called back of the last.
    fn turn(most_px: u64, pages: &[u32]) -> (Recall, Vec<Rect>) {
        let mut recall = Recall::default();
        recall.reset(SIZE, most_px, Timestamp(0));
        let exactness = Exactness::new(SIZE);
        let mut taken = Vec::new();
        for (i, pair) in pages.windows(2).enumerate() {
            let mut dirty = DirtyRows::new(SIZE);
            dirty.mark(&SIZE.rect());
            recall.begin(&exactness, Timestamp(1_000_000 * (i as u64 + 1)));
            recall.stage_dirty(&page(pair[0]), &dirty);
            taken = recall.take(&page(pair[1]), &mut dirty);
            assert_eq!(dirty.is_clean(), taken == [SIZE.rect()]);
            recall.commit(&page(pair[1]));
        }
        (recall, taken)
    }

    #[test]
    fn what_was_there_comes_back_as_one_rectangle() {
        assert_eq!(turn(1 << 20, &[3, 5, 3]).1, [SIZE.rect()]);
        assert_eq!(turn(1 << 20, &[3, 5, 7]).1, []);
        assert_eq!(turn(1 << 20, &[3, 5, 7, 9, 11, 3]).1, [SIZE.rect()], "the fourth before");
        assert_eq!(turn(1 << 20, &[3, 5, 7, 9, 11, 13, 3]).1, [], "the fifth before");
        assert_eq!(turn(0, &[3, 5, 3]).1, []);
    }

    #[test]
    fn no_more_is_kept_than_allowed_and_the_oldest_goes() {
        let two = 2 * SIZE.area();
        assert_eq!(turn(two, &[3, 5, 7, 5]).1, [SIZE.rect()]);
        assert_eq!(turn(two, &[3, 5, 7, 9, 3]).1, []);
        let (recall, _) = turn(two, &[3, 5, 7, 9, 11, 13, 15]);
        assert_eq!((recall.px, recall.kept.len()), (two, 12));
        let (recall, _) = turn(two, &[3, 5, 3, 5, 3, 5]);
        assert_eq!((recall.px, recall.kept.len()), (two, 12), "the same content is kept once");
    }

    #[test]
    fn what_is_left_of_a_rectangle_is_coded() {
        let (mut recall, _) = turn(1 << 20, &[3, 5]);
        let mut new = page(3);
        new.row_of_mut(&Rect::new(0, 40, 20, 1), 40).fill(9);
        let mut rects = vec![Rect::new(5, 10, 50, 40), Rect::new(70, 0, 80, 100)];
        let mut taken = Vec::new();
        recall.begin(&Exactness::new(SIZE), Timestamp(9_000_000));
        recall.cut(&new, &mut rects, &mut taken);
        assert_eq!(rects, [Rect::new(5, 40, 50, 10)]);
        taken.sort_unstable_by_key(|r| r.x);
        assert_eq!(taken, [Rect::new(5, 10, 50, 30), Rect::new(70, 0, 80, 100)]);
    }

    #[test]
    fn what_moved_lost_something_or_is_plain_is_not_kept() {
        let keep = |now: u64, lossy: bool, old: &FrameBuf| {
            let mut recall = Recall::default();
            recall.reset(SIZE, 1 << 20, Timestamp(0));
            let mut exactness = Exactness::new(SIZE);
            exactness.set(&Rect::new(0, 0, 1, 1), !lossy);
            recall.begin(&exactness, Timestamp(now));
            recall.stage(old, &SIZE.rect());
            recall.commit(&page(77));
            recall.kept.len()
        };
        assert_eq!(keep(300_000, false, &page(3)), 6);
        assert_eq!(keep(299_999, false, &page(3)), 0);
        assert_eq!(keep(300_000, true, &page(3)), 5);
        assert_eq!(keep(300_000, false, &page(0)), 0);
        assert_eq!(keep(300_000, false, &page(77)), 0, "nothing changed");
    }
}
