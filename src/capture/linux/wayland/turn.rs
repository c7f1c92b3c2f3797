//! From the pixels as the compositor keeps them to the picture as a person sees it.

use crate::frame::{Rect, Size};

/// A transposition and two mirrorings: how a picture's pixel (x, y) is found in a buffer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Turn {
    /// Its column is the buffer's row.
    swap: bool,
    /// Counted from the buffer's right edge.
    from_right: bool,
    /// Counted from the buffer's last row.
    from_bottom: bool,
}

impl Turn {
    /// By the number of `wl_output`'s transforms: quarter turns, and from 4 on mirrored before. Unknown ones turn nothing.
    pub(super) fn of(transform: u32) -> Self {
        let (swap, from_right, from_bottom) = match transform {
            1 => (true, false, true),
            2 => (false, true, true),
            3 => (true, true, false),
            4 => (false, true, false),
            5 => (true, false, false),
            6 => (false, false, true),
            7 => (true, true, true),
            _ => (false, false, false),
        };
        Self { swap, from_right, from_bottom }
    }

    /// The same for a buffer whose last row comes first.
    pub(super) fn upside_down(self, inverted: bool) -> Self {
        Self { from_bottom: self.from_bottom ^ inverted, ..self }
    }

    pub(super) fn is_none(self) -> bool {
        self == Self::default()
    }

    /// The picture's size for a buffer's, and the other way round.
    pub(super) fn size(self, size: Size) -> Size {
        if self.swap { Size::new(size.height, size.width) } else { size }
    }

    /// Where `rect` of the picture is in a buffer of `size`.
    pub(super) fn in_buffer(self, rect: &Rect, size: Size) -> Rect {
        let r = if self.swap { transposed(rect) } else { *rect };
        self.mirrored(&r, size)
    }

    /// Where `rect` of a buffer of `size` is in the picture.
    pub(super) fn in_picture(self, rect: &Rect, size: Size) -> Rect {
        let r = self.mirrored(rect, size);
        if self.swap { transposed(&r) } else { r }
    }

    fn mirrored(self, r: &Rect, size: Size) -> Rect {
        let x = if self.from_right { size.width.saturating_sub(r.right()) } else { r.x };
        let y = if self.from_bottom { size.height.saturating_sub(r.bottom()) } else { r.y };
        Rect { x, y, ..*r }
    }

    /// Calls `put` with the index of each pixel of a picture's rectangle of `size` pixels, row by row, and its index
    /// among the pixels of the same rectangle of the buffer.
    pub(super) fn each_row(self, size: Size, mut put: impl FnMut(u32, &mut dyn Iterator<Item = usize>)) {
        let (w, h) = (size.width as usize, size.height as usize);
        let (across, down) = if self.swap { (h, w) } else { (w, h) };
        for y in 0..h {
            let index = |x: usize| {
                let (column, row) = if self.swap { (y, x) } else { (x, y) };
                let column = if self.from_right { across - 1 - column } else { column };
                let row = if self.from_bottom { down - 1 - row } else { row };
                row * across + column
            };
            put(y as u32, &mut (0..w).map(index));
        }
    }
}

fn transposed(r: &Rect) -> Rect {
    Rect::new(r.y, r.x, r.height, r.width)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The protocol's own words: a flip about the vertical axis, then so many quarter turns counter-clockwise, make the
    /// buffer of the picture.
    fn buffer_of(picture: &[Vec<u8>], transform: u32) -> Vec<Vec<u8>> {
        let mut rows = picture.to_vec();
        if transform >= 4 {
            rows.iter_mut().for_each(|row| row.reverse());
        }
        for _ in 0..transform % 4 {
            let width = rows[0].len();
            rows = (0..width).map(|x| rows.iter().map(|row| row[width - 1 - x]).collect()).collect();
        }
        rows
    }

    #[test]
    fn every_transform_is_undone() {
        let picture: Vec<Vec<u8>> = (0..3).map(|y| (0..5).map(|x| y * 5 + x).collect()).collect();
        for transform in 0..8 {
            for inverted in [false, true] {
                let mut rows = buffer_of(&picture, transform);
                if inverted {
                    rows.reverse();
                }
                let (turn, size) = (
                    Turn::of(transform).upside_down(inverted),
                    Size::new(rows[0].len() as u32, rows.len() as u32),
                );
                assert_eq!(turn.size(size), Size::new(5, 3));
                assert_eq!(turn.size(turn.size(size)), size);
                let flat: Vec<u8> = rows.concat();
                turn.each_row(Size::new(5, 3), |y, indices| {
                    let row: Vec<u8> = indices.map(|i| flat[i]).collect();
                    assert_eq!(row, picture[y as usize], "transform {transform}, {inverted}");
                });
                // A rectangle goes there and back, and holds the same pixels.
                let rect = Rect::new(1, 0, 3, 2);
                let there = turn.in_buffer(&rect, size);
                assert_eq!(turn.in_picture(&there, size), rect);
                let mut inside: Vec<u8> = (there.y..there.bottom())
                    .flat_map(|y| rows[y as usize][there.x as usize..there.right() as usize].to_vec())
                    .collect();
                inside.sort_unstable();
                assert_eq!(inside, [1, 2, 3, 6, 7, 8], "transform {transform}, {inverted}");
            }
        }
    }
}
