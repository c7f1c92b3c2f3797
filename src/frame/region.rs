//! An area as a short list of rectangles.

use super::{Rect, Size};

/// Most rectangles a region keeps apart; past that it collapses to fewer, larger ones. A region is a superset
/// of what was added, never less.
const MOST_RECTS: usize = 64;

/// An area of a picture: the union of a few rectangles, which may overlap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Region {
    rects: Vec<Rect>,
}

impl Region {
    /// Nothing.
    #[must_use]
    pub const fn empty() -> Self {
        Self { rects: Vec::new() }
    }

    /// The whole of a picture of `size`.
    #[must_use]
    pub fn full(size: Size) -> Self {
        let mut region = Self::empty();
        region.add(size.rect());
        region
    }

    /// Adds `rect`. An empty one adds nothing; one that is already covered by a single rectangle is dropped.
    pub fn add(&mut self, rect: Rect) {
        if rect.is_empty() || self.rects.iter().any(|r| r.contains(&rect)) {
            return;
        }
        self.rects.retain(|r| !rect.contains(r));
        if self.rects.len() < MOST_RECTS {
            self.rects.push(rect);
            return;
        }
        // Grow the neighbour that grows least: the hint stays a superset and the list stays short.
        let cheapest = self
            .rects
            .iter()
            .enumerate()
            .min_by_key(|(_, r)| r.bounds_with(&rect).area() - r.area())
            .map(|(i, _)| i);
        if let Some(i) = cheapest {
            let grown = self.rects.swap_remove(i).bounds_with(&rect);
            self.rects.retain(|r| !grown.contains(r));
            self.rects.push(grown);
        }
    }

    /// Adds all of `other`.
    pub fn add_region(&mut self, other: &Self) {
        for r in &other.rects {
            self.add(*r);
        }
    }

    /// Forgets everything, keeps the memory.
    pub fn clear(&mut self) {
        self.rects.clear();
    }

    /// Its rectangles; they may overlap.
    #[must_use]
    pub fn rects(&self) -> &[Rect] {
        &self.rects
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rects.is_empty()
    }

    /// The smallest rectangle that holds all of it.
    #[must_use]
    pub fn bounds(&self) -> Rect {
        self.rects.iter().fold(Rect::default(), |b, r| b.bounds_with(r))
    }

    /// Whether the pixel at (`x`, `y`) lies in it.
    #[must_use]
    pub fn contains_point(&self, x: u32, y: u32) -> bool {
        self.rects.iter().any(|r| r.contains(&Rect::new(x, y, 1, 1)))
    }

    /// What lies within a picture of `size`; parts outside are cut off.
    pub fn clip(&mut self, size: Size) {
        let all = size.rect();
        self.rects = self.rects.iter().filter_map(|r| r.intersection(&all)).collect();
    }
}

impl FromIterator<Rect> for Region {
    fn from_iter<T: IntoIterator<Item = Rect>>(rects: T) -> Self {
        let mut region = Self::empty();
        for r in rects {
            region.add(r);
        }
        region
    }
}
