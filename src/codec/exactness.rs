//! Which pixels of the shown picture are exact, to the pixel.

use crate::damage::Copy;
use crate::frame::{Rect, Size};

/// Pixels that one word stands for: a row segment of one tile.
const WORD_PX: u32 = u64::BITS;

/// One bit for each pixel, set where the picture that viewers see is not exactly the source's.
///
/// Encoder and decoder keep it alike: layers that lose something set bits, exact pixels clear them, copies carry
/// them along.
#[derive(Clone, Debug, Default)]
pub struct Exactness {
    size: Size,
    words: usize,
    lossy: Vec<u64>,
    lossy_px: u64,
    /// One row, for copies that overlap themselves.
    row: Vec<u64>,
}

impl PartialEq for Exactness {
    fn eq(&self, other: &Self) -> bool {
        (self.size, &self.lossy) == (other.size, &other.lossy)
    }
}

impl Eq for Exactness {}

impl Exactness {
    /// All exact, for a picture of `size`.
    #[must_use]
    pub fn new(size: Size) -> Self {
        let mut map = Self::default();
        map.reset(size);
        map
    }

    /// All exact, for a picture of `size`; keeps the memory where it suffices.
    pub(super) fn reset(&mut self, size: Size) {
        self.size = size;
        self.words = size.width.div_ceil(WORD_PX) as usize;
        self.lossy.clear();
        self.lossy.resize(self.words * size.height as usize, 0);
        self.lossy_px = 0;
    }

    /// The picture's size.
    #[must_use]
    pub fn size(&self) -> Size {
        self.size
    }

    /// Whether every pixel is exact.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.lossy_px == 0
    }

    /// How many pixels are not exact.
    #[must_use]
    pub fn lossy_px(&self) -> u64 {
        self.lossy_px
    }

    /// Row `y`: bit x % 64 of word x / 64 is set where pixel x is not exact.
    ///
    /// # Panics
    /// If there is no such row.
    #[must_use]
    pub fn row(&self, y: u32) -> &[u64] {
        &self.lossy[y as usize * self.words..][..self.words]
    }

    /// Whether a pixel is exact.
    ///
    /// # Panics
    /// If it is outside of the picture.
    #[must_use]
    pub fn is_exact_at(&self, x: u32, y: u32) -> bool {
        assert!(x < self.size.width);
        self.row(y)[(x / WORD_PX) as usize] >> (x % WORD_PX) & 1 == 0
    }

    /// How many pixels of `rect` are not exact.
    #[must_use]
    pub fn lossy_px_in(&self, rect: &Rect) -> u64 {
        let mut count = 0;
        for y in rect.y..rect.bottom() {
            let row = self.row(y);
            each_word(rect, |i, mask| count += u64::from((row[i] & mask).count_ones()));
        }
        count
    }

    /// The smallest rectangle that holds all pixels of `rect` that are not exact; empty if there are none.
    #[must_use]
    pub fn lossy_bounds(&self, rect: &Rect) -> Rect {
        let mut bounds = Rect::default();
        for y in rect.y..rect.bottom() {
            let row = self.row(y);
            let (mut first, mut end) = (u32::MAX, 0);
            each_word(rect, |i, mask| {
                let word = row[i] & mask;
                if word != 0 {
                    let base = i as u32 * WORD_PX;
                    first = first.min(base + word.trailing_zeros());
                    end = end.max(base + WORD_PX - word.leading_zeros());
                }
            });
            if first < end {
                let run = Rect::from_edges(first, y, end, y + 1);
                bounds = if bounds.is_empty() { run } else { bounds.bounds_with(&run) };
            }
        }
        bounds
    }

    /// Appends rectangles that hold all pixels of `within` which are exact, or all which are not, and no others.
    pub(super) fn rects(&self, within: &Rect, exact: bool, into: &mut Vec<Rect>) {
        // Runs of a row that go on from the row above grow downwards.
        let (mut open, mut next): (Vec<Rect>, Vec<Rect>) = (Vec::new(), Vec::new());
        for y in within.y..within.bottom() {
            let mut above = open.drain(..).peekable();
            let mut x = within.x;
            while x < within.right() {
                let end = self.run_end(x, y, within.right());
                if self.is_exact_at(x, y) == exact {
                    let run = Rect::new(x, y, end - x, 1);
                    while let Some(passed) =
                        above.next_if(|r| (r.x, r.width) != (run.x, run.width) && r.x <= run.x)
                    {
                        into.push(passed);
                    }
                    match above.next_if(|r| (r.x, r.width) == (run.x, run.width)) {
                        Some(rect) => next.push(Rect { height: rect.height + 1, ..rect }),
                        None => next.push(run),
                    }
                }
                x = end;
            }
            into.extend(above);
            std::mem::swap(&mut open, &mut next);
        }
        into.append(&mut open);
    }

    /// Where the pixels that are like the one at `x`, `y` end, at `most`.
    fn run_end(&self, x: u32, y: u32, most: u32) -> u32 {
        let row = self.row(y);
        let exact = self.is_exact_at(x, y);
        let mut x = x;
        while x < most {
            // Bits that differ, from x on.
            let word = row[(x / WORD_PX) as usize] ^ if exact { 0 } else { u64::MAX };
            let differing = word >> (x % WORD_PX);
            if differing != 0 {
                return (x + differing.trailing_zeros()).min(most);
            }
            x = (x / WORD_PX + 1) * WORD_PX;
        }
        most
    }

    /// Notes that the pixels of `rect` are exact, or are not.
    pub(super) fn set(&mut self, rect: &Rect, exact: bool) {
        if exact && self.lossy_px == 0 {
            return;
        }
        for y in rect.y..rect.bottom() {
            let row = &mut self.lossy[y as usize * self.words..][..self.words];
            let total = &mut self.lossy_px;
            each_word(rect, |i, mask| {
                let before = row[i];
                row[i] = if exact { before & !mask } else { before | mask };
                *total = *total + u64::from(row[i].count_ones()) - u64::from(before.count_ones());
            });
        }
    }

    /// Carries the bits of a copy along. The copy fits the picture.
    pub(super) fn copy(&mut self, copy: &Copy) {
        if self.lossy_px == 0 {
            return;
        }
        let mut row = std::mem::take(&mut self.row);
        let down = copy.to.y > copy.from.1;
        for i in 0..copy.to.height {
            // Downwards, the last row goes first, or it would be overwritten before it is read.
            let i = if down { copy.to.height - 1 - i } else { i };
            row.clear();
            row.extend_from_slice(self.row(copy.from.1 + i));
            let at = (copy.to.y + i) as usize * self.words;
            let to = &mut self.lossy[at..at + self.words];
            let total = &mut self.lossy_px;
            each_word(&copy.to, |word, mask| {
                // The 64 bits of the source that come to lie in this word.
                let first = i64::from(copy.from.0) - i64::from(copy.to.x) + word as i64 * i64::from(WORD_PX);
                let before = to[word];
                to[word] = before & !mask | bits(&row, first) & mask;
                *total = *total + u64::from(to[word].count_ones()) - u64::from(before.count_ones());
            });
        }
        self.row = row;
    }
}

/// Calls `each` with every word that `rect` touches in a row, and the bits of it that are within.
fn each_word(rect: &Rect, mut each: impl FnMut(usize, u64)) {
    if rect.width == 0 {
        return;
    }
    let (first, last) = (rect.x / WORD_PX, (rect.right() - 1) / WORD_PX);
    for word in first..=last {
        let mut mask = u64::MAX;
        if word == first {
            mask &= u64::MAX << (rect.x % WORD_PX);
        }
        if word == last {
            mask &= u64::MAX >> (WORD_PX - 1 - (rect.right() - 1) % WORD_PX);
        }
        each(word as usize, mask);
    }
}

/// The 64 bits of `row` from bit `first` on; bits outside of it are 0.
fn bits(row: &[u64], first: i64) -> u64 {
    let word = first.div_euclid(i64::from(WORD_PX));
    let shift = first.rem_euclid(i64::from(WORD_PX)) as u32;
    let at = |i: i64| usize::try_from(i).ok().and_then(|i| row.get(i)).copied().unwrap_or(0);
    match shift {
        0 => at(word),
        _ => at(word) >> shift | at(word + 1) << (WORD_PX - shift),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SIZE: Size = Size { width: 150, height: 20 };

    fn rects() -> impl Strategy<Value = Rect> {
        (0..SIZE.width, 0..SIZE.height).prop_flat_map(|(x, y)| {
            (1..=SIZE.width - x, 1..=SIZE.height - y).prop_map(move |(w, h)| Rect::new(x, y, w, h))
        })
    }

    /// The same with one flag a pixel.
    fn plain(steps: &[(Rect, u8, (u32, u32))]) -> (Exactness, Vec<bool>) {
        let mut map = Exactness::new(SIZE);
        let mut lossy = vec![false; SIZE.area() as usize];
        let at = |x: u32, y: u32| (y * SIZE.width + x) as usize;
        for (rect, what, from) in steps {
            if *what < 2 {
                map.set(rect, *what == 0);
                for y in rect.y..rect.bottom() {
                    lossy[at(rect.x, y)..at(rect.x, y) + rect.width as usize].fill(*what == 1);
                }
            } else {
                let from = (from.0.min(SIZE.width - rect.width), from.1.min(SIZE.height - rect.height));
                map.copy(&Copy { from, to: *rect });
                let old = lossy.clone();
                for y in 0..rect.height {
                    for x in 0..rect.width {
                        lossy[at(rect.x + x, rect.y + y)] = old[at(from.0 + x, from.1 + y)];
                    }
                }
            }
        }
        (map, lossy)
    }

    proptest! {
        #[test]
        fn bits_equal_one_flag_a_pixel(
            steps in proptest::collection::vec((rects(), 0..3_u8, (0..SIZE.width, 0..SIZE.height)), 1..12),
            looked_at in rects(),
        ) {
            let (map, lossy) = plain(&steps);
            let is_lossy = |x: u32, y: u32| lossy[(y * SIZE.width + x) as usize];
            for y in 0..SIZE.height {
                for x in 0..SIZE.width {
                    prop_assert_eq!(map.is_exact_at(x, y), !is_lossy(x, y), "{} {}", x, y);
                }
            }
            prop_assert_eq!(map.lossy_px(), lossy.iter().filter(|l| **l).count() as u64);
            let inside: Vec<(u32, u32)> = (looked_at.y..looked_at.bottom())
                .flat_map(|y| (looked_at.x..looked_at.right()).map(move |x| (x, y)))
                .filter(|(x, y)| is_lossy(*x, *y))
                .collect();
            prop_assert_eq!(map.lossy_px_in(&looked_at), inside.len() as u64);
            let bounds = map.lossy_bounds(&looked_at);
            prop_assert_eq!(bounds.is_empty(), inside.is_empty());
            let (mut lossy_rects, mut exact_rects) = (Vec::new(), Vec::new());
            map.rects(&looked_at, false, &mut lossy_rects);
            map.rects(&looked_at, true, &mut exact_rects);
            let mut seen = vec![0; SIZE.area() as usize];
            for (rects, lossy_ones) in [(&lossy_rects, true), (&exact_rects, false)] {
                for r in rects {
                    for (x, y) in (r.y..r.bottom()).flat_map(|y| (r.x..r.right()).map(move |x| (x, y))) {
                        prop_assert_eq!(is_lossy(x, y), lossy_ones);
                        seen[(y * SIZE.width + x) as usize] += 1;
                    }
                }
            }
            for (i, seen) in seen.iter().enumerate() {
                let (x, y) = (i as u32 % SIZE.width, i as u32 / SIZE.width);
                let within = looked_at.contains(&Rect::new(x, y, 1, 1));
                prop_assert_eq!(*seen, u32::from(within), "{} {}", x, y);
            }
            for (x, y) in &inside {
                prop_assert!(bounds.x <= *x && *x < bounds.right() && bounds.y <= *y && *y < bounds.bottom());
            }
            if !inside.is_empty() {
                prop_assert_eq!(bounds.x, inside.iter().map(|p| p.0).min().unwrap());
                prop_assert_eq!(bounds.right(), inside.iter().map(|p| p.0).max().unwrap() + 1);
            }
        }
    }
}
