//! Video regions: places that keep changing like a film, each with an AV1 encoder that lives as long as it.

use super::av1::{self, Av1Choice, Av1Encoder, Chroma, Planes};
use super::classify::{is_photo, is_soft};
use super::lossless::Activity;
use super::shown::Shown;
use crate::bitstream::Patch;
use crate::damage::{Copy, DirtyRows, has_scrolled};
use crate::error::Result;
use crate::frame::{FrameBuf, Rect, Size, TILE_PX, TileGrid, Timestamp};
use crate::limits::Limits;
use std::time::Duration;

/// Most regions at once: each costs an encoder and, in a browser, a decoder.
const MOST_REGIONS: usize = 4;

/// Shortest side of a region. What is smaller is cheaper as pixels.
const LEAST_SIDE_PX: u32 = 64;

/// A region that stands still for this long ends.
const IDLE_AFTER: Duration = Duration::from_millis(1000);

/// Pictures a second of a film, as far as an encoder needs to know.
const FPS: u32 = 30;
const FRAME: Duration = Duration::from_micros(1_000_000 / FPS as u64);

/// Share of a bitrate, in percent, that films may take: text and photographs come first.
pub(super) const FILM_PERCENT: u64 = 75;

/// Updates after which it is looked at again whether a region is still a film.
const LOOK_EVERY: u32 = 8;

/// One region.
#[derive(Debug)]
struct Region {
    surface: u32,
    rect: Rect,
    encoder: Box<dyn Av1Encoder>,
    /// The next picture needs a keyframe: there has been none in this epoch.
    keyframe: bool,
    /// Its pixels changed in this update.
    changed: bool,
    /// What is in it scrolled, which copies tell: in this update it has no picture.
    rests: bool,
    changed_at: Timestamp,
    updates: u32,
    quantizer: u8,
}

/// A coded picture of a surface.
#[derive(Debug)]
pub(super) struct CodedPicture {
    pub(super) surface: u32,
    pub(super) keyframe: bool,
    pub(super) chroma: Chroma,
    pub(super) size: Size,
    pub(super) patches: Vec<Patch>,
    pub(super) data: Vec<u8>,
}

/// All regions of a picture.
#[derive(Debug)]
pub(super) struct Regions {
    choice: Av1Choice,
    quantizer: u8,
    bitrate: Option<u64>,
    coded_at: Option<Timestamp>,
    regions: Vec<Region>,
    next_surface: u32,
    ended: Vec<u32>,
    planes: Planes,
}

impl Regions {
    pub(super) fn new(choice: Av1Choice, quality: u8) -> Self {
        Self {
            choice,
            quantizer: video_quantizer(quality),
            bitrate: None,
            coded_at: None,
            regions: Vec::new(),
            next_surface: 1,
            ended: Vec::new(),
            planes: Planes::default(),
        }
    }

    /// An epoch begins: every surface has ended, and a region that goes on needs a keyframe.
    pub(super) fn begin_epoch(&mut self) {
        self.ended.clear();
        for region in &mut self.regions {
            region.keyframe = true;
        }
    }

    /// Forgets all regions; nobody needs to be told.
    pub(super) fn clear(&mut self) {
        self.regions.clear();
        self.ended.clear();
    }

    /// What [`Regions::set_bitrate`] was told.
    pub(super) fn bitrate(&self) -> Option<u64> {
        self.bitrate
    }

    /// Bits a second for everything; films may take most of them.
    pub(super) fn set_bitrate(&mut self, bits_a_second: Option<u64>) {
        self.bitrate = bits_a_second;
    }

    /// Bytes that each of `regions` may take in the picture of `now`.
    fn budget(&mut self, regions: u64, now: Timestamp) -> Option<u64> {
        let since =
            self.coded_at.replace(now).map_or(FRAME, |last| now.since(last)).clamp(FRAME / 2, FRAME * 4);
        let bits = self.bitrate? * FILM_PERCENT / 100;
        Some(bits * since.as_micros() as u64 / 1_000_000 / 8 / regions)
    }

    /// Bytes of memory that the regions take.
    pub(super) fn memory_bytes(&self) -> u64 {
        self.regions.iter().map(|r| self.choice.video_bytes(r.rect.size())).sum()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.regions.is_empty()
    }

    /// Whether `rect` has pixels of a region.
    pub(super) fn touches(&self, rect: &Rect) -> bool {
        self.regions.iter().any(|r| r.rect.intersection(rect).is_some())
    }

    /// Whether films go on as before, and hardly anything happens beside them: then nothing needs to be searched for
    /// what moved. Now and then it is searched all the same: a page may scroll under a film. And always where a film
    /// seems to have scrolled: a page that faded in is scrolled next.
    pub(super) fn go_on(&self, old: &FrameBuf, new: &FrameBuf, dirty: &DirtyRows, now: Timestamp) -> bool {
        let steady = |r: &Region| {
            now.since(r.changed_at) <= FRAME * 4
                && !r.updates.is_multiple_of(LOOK_EVERY)
                && !has_scrolled(old, new, &r.rect)
        };
        !self.regions.is_empty()
            && self.dirty_outside(dirty) * 16 < dirty.grid().size().area()
            && self.regions.iter().all(steady)
    }

    /// Dirty pixels outside of all regions, roughly: row segments that lie in a region do not count.
    fn dirty_outside(&self, dirty: &DirtyRows) -> u64 {
        let inside = |r: &Region| {
            let (columns, _) = dirty.grid().touched(&r.rect);
            let rows = r.rect.y..r.rect.bottom();
            let count = rows.map(|y| columns.clone().filter(|c| dirty.contains(*c, y)).count() as u64);
            count.sum::<u64>() * u64::from(TILE_PX)
        };
        dirty.area().saturating_sub(self.regions.iter().map(inside).sum())
    }

    /// Takes the regions' pixels out of what is left to be coded: in `old` they become those of `new`.
    pub(super) fn take(&mut self, old: &mut FrameBuf, new: &FrameBuf, dirty: &mut DirtyRows) {
        for region in &mut self.regions {
            if std::mem::take(&mut region.rests) {
                continue;
            }
            let rect = region.rect;
            let mut differs = false;
            for y in rect.y..rect.bottom() {
                let (to, from) = (old.row_of_mut(&rect, y), new.row_of(&rect, y));
                if to != from {
                    to.copy_from_slice(from);
                    differs = true;
                }
            }
            region.changed |= differs;
            dirty.clear_within(&rect);
        }
    }

    /// Pixels of the regions that changed in this update.
    pub(super) fn changed_px(&self) -> u64 {
        self.regions.iter().filter(|r| r.changed).map(|r| r.rect.area()).sum()
    }

    /// Moves the regions that `copies` moved as a whole; those in which most was scrolled rest for this update; those
    /// that something else was copied into end.
    pub(super) fn follow(&mut self, copies: &[Copy], size: Size) {
        for copy in copies {
            let (dx, dy) = (
                i64::from(copy.to.x) - i64::from(copy.from.0),
                i64::from(copy.to.y) - i64::from(copy.from.1),
            );
            let mut i = 0;
            while i < self.regions.len() {
                let region = &mut self.regions[i];
                let rect = region.rect;
                let share =
                    |r: &Rect, of: &Rect| of.intersection(r).map_or(0, |both| both.area() * 100 / of.area());
                let moved = Rect::clipped(
                    i64::from(rect.x) + dx,
                    i64::from(rect.y) + dy,
                    rect.width.into(),
                    rect.height.into(),
                    size,
                );
                let around = rect.grown(TILE_PX);
                if share(&copy.to, &rect) >= 50
                    && around.contains(&copy.to)
                    && around.contains(&copy.source())
                {
                    region.rests = true;
                } else if share(&copy.source(), &rect) >= 50 && moved.size() == rect.size() {
                    region.rect = moved;
                    region.changed = true;
                } else if share(&copy.to, &rect) > 5 || share(&copy.source(), &rect) >= 50 {
                    self.end(i);
                    continue;
                } else if share(&copy.to, &rect) > 0 {
                    region.changed = true;
                }
                i += 1;
            }
        }
    }

    /// Ends regions that stand still, and those that are no film any more.
    pub(super) fn review(&mut self, picture: &FrameBuf, now: Timestamp) {
        let mut i = 0;
        while i < self.regions.len() {
            let region = &mut self.regions[i];
            let idle = !region.changed && now.since(region.changed_at) >= IDLE_AFTER;
            let drawn = region.changed
                && region.updates % LOOK_EVERY == LOOK_EVERY - 1
                && !is_photo(picture, &region.rect);
            if idle || drawn {
                self.end(i);
            } else {
                i += 1;
            }
        }
    }

    /// Begins regions where `rects` keep changing like a film, as long as all together take no more than
    /// `memory_bytes`. Gives back what is left of them.
    pub(super) fn begin(
        &mut self,
        picture: &FrameBuf,
        rects: &[Rect],
        activity: &Activity,
        now: Timestamp,
        memory_bytes: u64,
        left: &mut Vec<Rect>,
    ) {
        left.clear();
        left.extend_from_slice(rects);
        if self.choice == Av1Choice::Off {
            return;
        }
        let grid = TileGrid::new(picture.size());
        let mut candidates = films(picture, &grid, rects, activity);
        if self.fill_the_screen(picture, &grid, &candidates) {
            candidates = vec![picture.size().rect()];
        }
        for candidate in candidates {
            // A film that outgrows its region takes it over.
            let mut rect = candidate;
            let mut i = 0;
            while i < self.regions.len() {
                if near(&self.regions[i].rect, &rect) {
                    rect = rect.bounds_with(&self.regions[i].rect);
                    self.end(i);
                } else {
                    i += 1;
                }
            }
            if rect.width < LEAST_SIDE_PX || rect.height < LEAST_SIDE_PX || self.regions.len() >= MOST_REGIONS
            {
                continue;
            }
            if self.memory_bytes() + self.choice.video_bytes(rect.size()) > memory_bytes {
                continue;
            }
            let Ok(encoder) = self.choice.video(rect.size(), Chroma::Half, FPS) else { continue };
            self.regions.push(Region {
                surface: self.next_surface,
                rect,
                encoder,
                keyframe: true,
                changed: true,
                rests: false,
                changed_at: now,
                updates: 0,
                quantizer: self.quantizer,
            });
            self.next_surface += 1;
            left.retain(|r| !rect.contains(r));
        }
    }

    /// Whether films, with the regions that there are, are to have the whole screen. Such a film often begins with parts
    /// of it, and each larger region would begin with a keyframe. What is beside them must be photographed: neither text
    /// nor a blank page on which text may come to stand.
    fn fill_the_screen(&self, picture: &FrameBuf, grid: &TileGrid, films: &[Rect]) -> bool {
        let all = || self.regions.iter().map(|r| &r.rect).chain(films);
        let area: u64 = all().map(Rect::area).sum();
        if films.is_empty() || area * 2 < picture.size().area() {
            return false;
        }
        let tiles = (0..grid.rows()).flat_map(|row| (0..grid.columns()).map(move |column| (column, row)));
        let beside: Vec<Rect> = tiles
            .map(|(column, row)| grid.tile(column, row))
            .filter(|tile| !all().any(|film| film.contains(tile)))
            .collect();
        let photographed = beside.iter().filter(|tile| is_photo(picture, tile)).count();
        photographed * 4 >= beside.len() * 3 && beside.iter().all(|tile| is_soft(picture, tile))
    }

    /// Codes the regions that changed, into the shown picture too.
    pub(super) fn encode(
        &mut self,
        old: &FrameBuf,
        new: &FrameBuf,
        shown: &mut Shown,
        now: Timestamp,
        limits: &Limits,
        coded: &mut Vec<CodedPicture>,
    ) -> Result<()> {
        let changed = self.regions.iter().filter(|r| r.changed).count() as u64;
        if changed == 0 {
            return Ok(());
        }
        let budget = self.budget(changed, now);
        for region in self.regions.iter_mut().filter(|r| r.changed) {
            let rect = region.rect;
            av1::to_planes(new, &rect, &mut self.planes, Chroma::Half, limits)?;
            let mut data = Vec::new();
            region.encoder.encode(&self.planes, region.quantizer, region.keyframe, &mut data)?;
            region.encoder.reconstruction(&mut self.planes)?;
            let whole = rect.size().rect();
            av1::to_picture(&self.planes, &whole, shown.differ(old, limits)?, (rect.x, rect.y))?;
            shown.lost(&rect);
            if !region.keyframe {
                region.quantizer = steer(region.quantizer, self.quantizer, data.len() as u64, budget);
            }
            coded.push(CodedPicture {
                surface: region.surface,
                keyframe: region.keyframe,
                chroma: Chroma::Half,
                size: rect.size(),
                patches: vec![Patch { from: (0, 0), to: rect }],
                data,
            });
            (region.keyframe, region.changed, region.changed_at) = (false, false, now);
            region.updates += 1;
        }
        Ok(())
    }

    fn end(&mut self, i: usize) {
        let region = self.regions.remove(i);
        // A surface that has had no keyframe in this epoch is unknown to viewers.
        if !region.keyframe {
            self.ended.push(region.surface);
        }
    }

    /// The surfaces that have ended since the last call.
    pub(super) fn take_ended(&mut self) -> std::vec::Drain<'_, u32> {
        self.ended.drain(..)
    }
}

/// The quantizer of films at a quality of 1 to 100.
pub(super) fn video_quantizer(quality: u8) -> u8 {
    (255 - u32::from(quality) * 240 / 100) as u8
}

/// The next picture's quantizer: towards the wanted one, but away from it while pictures are over the budget.
pub(super) fn steer(now: u8, wanted: u8, bytes: u64, budget: Option<u64>) -> u8 {
    match budget {
        Some(budget) if bytes > budget => {
            // A step of 24 halves the bytes, roughly.
            let over = (bytes * 4 / budget.max(1)).clamp(5, 16) as u8;
            now.saturating_add(over * 3 / 2)
        }
        Some(budget) if bytes * 5 > budget * 4 => now,
        _ if now > wanted => now.saturating_sub(4).max(wanted),
        _ => wanted,
    }
}

/// Whether two rectangles touch or nearly do.
fn near(a: &Rect, b: &Rect) -> bool {
    a.grown(TILE_PX / 2).intersection(b).is_some()
}

/// The bounds of each film among `rects`: tiles that keep changing and look photographed, and what changed around
/// them.
fn films(picture: &FrameBuf, grid: &TileGrid, rects: &[Rect], activity: &Activity) -> Vec<Rect> {
    let columns = grid.columns();
    let mut film = vec![false; grid.len()];
    for rect in rects.iter().filter(|r| r.width.min(r.height) >= 8) {
        let (cs, rs) = grid.touched(rect);
        for (c, r) in rs.flat_map(|r| cs.clone().map(move |c| (c, r))) {
            let i = (r * columns + c) as usize;
            if !film[i] && activity.keeps_changing(c, r) {
                film[i] = is_photo(picture, &grid.tile(c, r));
            }
        }
    }
    let mut found = Vec::new();
    let mut stack = Vec::new();
    for first in 0..film.len() {
        if !std::mem::take(&mut film[first]) {
            continue;
        }
        let mut bounds = Rect::default();
        let mut tiles = 0;
        stack.push(first as u32);
        while let Some(i) = stack.pop() {
            let (c, r) = (i % columns, i / columns);
            bounds = bounds.bounds_with(&grid.tile(c, r));
            tiles += 1;
            for r in r.saturating_sub(1)..=(r + 1).min(grid.rows() - 1) {
                for c in c.saturating_sub(1)..=(c + 1).min(columns - 1) {
                    let i = r * columns + c;
                    if std::mem::take(&mut film[i as usize]) {
                        stack.push(i);
                    }
                }
            }
        }
        if tiles < 2 {
            continue;
        }
        let around = bounds.grown(TILE_PX);
        let changed = rects
            .iter()
            .filter(|r| r.intersection(&bounds).is_some())
            .filter_map(|r| r.intersection(&around))
            .fold(Rect::default(), |all, r| all.bounds_with(&r));
        found.push(changed);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quality_maps_to_the_whole_range_of_quantizers() {
        assert!(video_quantizer(1) > 250 && video_quantizer(100) < 20);
        assert!((1..100).all(|q| video_quantizer(q) >= video_quantizer(q + 1)));
    }

    #[test]
    fn pictures_over_the_budget_get_a_coarser_quantizer_and_come_back() {
        let mut q = 100;
        for _ in 0..20 {
            q = steer(q, 100, 20_000, Some(5_000));
        }
        assert_eq!(q, 255);
        for _ in 0..60 {
            q = steer(q, 100, 1_000, Some(5_000));
        }
        assert_eq!(q, 100);
        assert_eq!(steer(100, 100, 1_000_000, None), 100);
    }

    #[test]
    fn films_have_the_screen_if_they_are_most_of_it_and_nothing_drawn_is_beside_them() {
        let size = Size::new(640, 320);
        let mut photo = FrameBuf::new(size, &Limits::default()).expect("a picture");
        for y in 0..size.height {
            for (x, px) in photo.row_of_mut(&size.rect(), y).chunks_exact_mut(4).enumerate() {
                let grain = (x as u32).wrapping_mul(0x9E37_79B1) ^ y.wrapping_mul(0x85EB_CA6B);
                px[..3].copy_from_slice(&[(x / 4) as u8, y as u8 / 2, 90].map(|v| v + (grain >> 29) as u8));
            }
        }
        let regions = Regions::new(Av1Choice::Off, 60);
        let fill = |picture: &FrameBuf, films: &[Rect]| {
            regions.fill_the_screen(picture, &TileGrid::new(size), films)
        };
        let (left, right) = (Rect::new(0, 0, 320, 256), Rect::new(384, 0, 128, 320));
        assert!(fill(&photo, &[left, right]));
        assert!(!fill(&photo, &[left]), "less than half");
        assert!(!fill(&photo, &[]));
        let mut bar = photo.clone();
        for y in 288..320 {
            for (x, px) in bar.row_of_mut(&size.rect(), y).chunks_exact_mut(4).enumerate().skip(512) {
                let glyph = (300..308).contains(&y)
                    && (600..620).contains(&x)
                    && (x / 2 + y as usize).is_multiple_of(3);
                px[..3].fill(if glyph { 0 } else { 230 });
            }
        }
        assert!(!fill(&bar, &[left, right]), "a bar with a clock");
        let mut blank = photo.clone();
        for y in 0..size.height {
            blank.row_of_mut(&Rect::new(512, 0, 128, 320), y).fill(255);
        }
        assert!(!fill(&blank, &[left, right]), "a blank pane");
    }
}
