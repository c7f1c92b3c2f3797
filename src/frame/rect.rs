//! Sizes and rectangles in physical pixels.

use std::fmt;

/// Width and height in physical pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Size {
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

impl Size {
    /// A size of `width` × `height` pixels.
    #[must_use]
    pub const fn new(width: u32, height: u32) -> Self {
        Self { width, height }
    }

    /// Pixels in all.
    #[must_use]
    pub const fn area(self) -> u64 {
        self.width as u64 * self.height as u64
    }

    /// The rectangle from the origin that has this size.
    #[must_use]
    pub const fn rect(self) -> Rect {
        Rect { x: 0, y: 0, width: self.width, height: self.height }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

impl std::str::FromStr for Size {
    type Err = crate::Error;

    /// Reads `1280x720`.
    fn from_str(s: &str) -> crate::Result<Self> {
        let bad = || crate::Error::input(format!("`{s}` is not a size; write it as 1280x720"));
        let (w, h) = s.split_once(['x', 'X']).ok_or_else(bad)?;
        Ok(Self::new(w.parse().map_err(|_| bad())?, h.parse().map_err(|_| bad())?))
    }
}

/// A rectangle within a picture: origin top left, in physical pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Rect {
    /// Left column.
    pub x: u32,
    /// Top row.
    pub y: u32,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

impl Rect {
    /// The rectangle of `width` × `height` pixels whose top left corner is at (`x`, `y`).
    #[must_use]
    pub const fn new(x: u32, y: u32, width: u32, height: u32) -> Self {
        Self { x, y, width, height }
    }

    /// The rectangle from (`left`, `top`) up to, not including, (`right`, `bottom`); empty if they cross.
    #[must_use]
    pub fn from_edges(left: u32, top: u32, right: u32, bottom: u32) -> Self {
        Self { x: left, y: top, width: right.saturating_sub(left), height: bottom.saturating_sub(top) }
    }

    /// The part of a rectangle with signed corners (as windows have) that lies within `size`.
    #[must_use]
    pub fn clipped(x: i64, y: i64, width: i64, height: i64, size: Size) -> Self {
        let clamp = |v: i64, max: u32| v.clamp(0, i64::from(max)) as u32;
        let (right, bottom) = (x.saturating_add(width.max(0)), y.saturating_add(height.max(0)));
        Self::from_edges(
            clamp(x, size.width),
            clamp(y, size.height),
            clamp(right, size.width),
            clamp(bottom, size.height),
        )
    }

    /// First column to the right of the rectangle; saturates.
    #[must_use]
    pub const fn right(&self) -> u32 {
        self.x.saturating_add(self.width)
    }

    /// First row below the rectangle; saturates.
    #[must_use]
    pub const fn bottom(&self) -> u32 {
        self.y.saturating_add(self.height)
    }

    /// Pixels in all.
    #[must_use]
    pub const fn area(&self) -> u64 {
        self.width as u64 * self.height as u64
    }

    /// Whether there is no pixel in it.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.width == 0 || self.height == 0
    }

    /// Its width and height.
    #[must_use]
    pub const fn size(&self) -> Size {
        Size { width: self.width, height: self.height }
    }

    /// What it shares with `other`, if anything.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Option<Self> {
        let r = Self::from_edges(
            self.x.max(other.x),
            self.y.max(other.y),
            self.right().min(other.right()),
            self.bottom().min(other.bottom()),
        );
        (!r.is_empty()).then_some(r)
    }

    /// The smallest rectangle that holds both; an empty one adds nothing.
    #[must_use]
    pub fn bounds_with(&self, other: &Self) -> Self {
        if self.is_empty() {
            return *other;
        }
        if other.is_empty() {
            return *self;
        }
        Self::from_edges(
            self.x.min(other.x),
            self.y.min(other.y),
            self.right().max(other.right()),
            self.bottom().max(other.bottom()),
        )
    }

    /// It and all pixels up to `by` away; its edges saturate.
    #[must_use]
    pub fn grown(&self, by: u32) -> Self {
        Self::from_edges(
            self.x.saturating_sub(by),
            self.y.saturating_sub(by),
            self.right().saturating_add(by),
            self.bottom().saturating_add(by),
        )
    }

    /// It, grown to whole blocks of two by two pixels; its edges saturate.
    #[must_use]
    pub(crate) fn even(&self) -> Self {
        let out = |edge: u32| edge.saturating_add(1) & !1;
        Self::from_edges(self.x & !1, self.y & !1, out(self.right()), out(self.bottom()))
    }

    /// Whether `other` lies wholly within it.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        other.is_empty()
            || (self.x <= other.x
                && self.y <= other.y
                && other.right() <= self.right()
                && other.bottom() <= self.bottom())
    }

    /// Whether it lies within a picture of `size`; false where its edges overflow.
    #[must_use]
    pub fn fits(&self, size: Size) -> bool {
        let ends = |at: u32, len: u32, max: u32| at.checked_add(len).is_some_and(|end| end <= max);
        ends(self.x, self.width, size.width) && ends(self.y, self.height, size.height)
    }
}

impl fmt::Display for Rect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}+{}+{}", self.width, self.height, self.x, self.y)
    }
}
