//! Told apart: what was photographed or filmed, and what was drawn.

use crate::frame::{BYTES_PER_PIXEL, FrameBuf, Rect};

/// Side of the blocks that are judged one by one.
const BLOCK_PX: u32 = 16;

/// In a photograph at least this share of the pixels, in percent, differs from the pixels to the left and above…
const RESTLESS_PERCENT: u32 = 30;

/// …and of these, this share is close to one of the two. At the edges of glyphs hardly any is.
const SOFT_PERCENT: u32 = 70;

/// Two colours are close if none of their channels is farther apart than this.
const CLOSE: u8 = 24;

/// A photograph has at least this many colours in a block.
const LEAST_COLOURS: u32 = 24;

/// A photograph is at least this many blocks wide and high; a shaded title bar is not.
const LEAST_BLOCKS: usize = 3;

/// What a block is, by itself.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Photo,
    /// Without hard edges: part of a photograph if it is within one.
    Soft,
    Drawn,
}

/// What the pixels of a rectangle are like.
#[derive(Default)]
struct Look {
    restless: u32,
    soft: u32,
    colours: u32,
    area: u32,
}

impl Look {
    fn at(picture: &FrameBuf, rect: &Rect) -> Self {
        let mut look = Self { area: rect.area() as u32, ..Self::default() };
        // Colours are counted roughly: two that share a bit of the set count once.
        let mut seen = [0_u64; 16];
        let mut above: Option<&[[u8; BYTES_PER_PIXEL]]> = None;
        for y in rect.y..rect.bottom() {
            let (row, _) = picture.row_of(rect, y).as_chunks::<BYTES_PER_PIXEL>();
            let mut left: Option<&[u8; BYTES_PER_PIXEL]> = None;
            for (x, px) in row.iter().enumerate() {
                let up = above.map(|above| &above[x]);
                if left != Some(px) && up != Some(px) && (left.is_some() || up.is_some()) {
                    look.restless += 1;
                    look.soft += u32::from([left, up].into_iter().flatten().any(|other| close(px, other)));
                    let hash = u32::from_le_bytes(*px).wrapping_mul(0x9E37_79B1) >> 22;
                    let (word, bit) = (hash as usize / 64, 1 << (hash % 64));
                    look.colours += u32::from(seen[word] & bit == 0);
                    seen[word] |= bit;
                }
                left = Some(px);
            }
            above = Some(row);
        }
        look
    }

    fn kind(&self) -> Kind {
        let soft = self.soft * 100 >= self.restless * SOFT_PERCENT;
        if !soft {
            return Kind::Drawn;
        }
        match self.restless * 100 >= self.area * RESTLESS_PERCENT
            && self.colours >= LEAST_COLOURS.min(self.area / 8).max(6)
        {
            true => Kind::Photo,
            false => Kind::Soft,
        }
    }
}

fn close(a: &[u8; BYTES_PER_PIXEL], b: &[u8; BYTES_PER_PIXEL]) -> bool {
    a.iter().zip(b).all(|(a, b)| a.abs_diff(*b) <= CLOSE)
}

/// Whether the pixels of `rect` look like a photograph: a loss would not hurt, exact coding would cost much. Large
/// rectangles are judged by some of their blocks.
pub(super) fn is_photo(picture: &FrameBuf, rect: &Rect) -> bool {
    if rect.width.min(rect.height) < BLOCK_PX {
        return Look::at(picture, rect).kind() == Kind::Photo;
    }
    let (columns, rows) = (rect.width / BLOCK_PX, rect.height / BLOCK_PX);
    // Every fourth block of each row, shifted from row to row, is enough for what has many.
    let step = if columns * rows > 32 { 4 } else { 1 };
    let (mut photo, mut all) = (0, 0);
    for row in 0..rows {
        for column in ((row % step)..columns).step_by(step as usize) {
            let block = Rect::new(rect.x + column * BLOCK_PX, rect.y + row * BLOCK_PX, BLOCK_PX, BLOCK_PX);
            all += 1;
            photo += u32::from(Look::at(picture, &block).kind() == Kind::Photo);
        }
    }
    photo * 2 > all
}

/// Whether nothing in `rect` has the hard edges of what was drawn.
pub(super) fn is_soft(picture: &FrameBuf, rect: &Rect) -> bool {
    let blocks = (rect.y..rect.bottom())
        .step_by(BLOCK_PX as usize)
        .flat_map(|y| (rect.x..rect.right()).step_by(BLOCK_PX as usize).map(move |x| (x, y)));
    blocks
        .map(|(x, y)| Rect::from_edges(x, y, rect.right().min(x + BLOCK_PX), rect.bottom().min(y + BLOCK_PX)))
        .all(|block| Look::at(picture, &block).kind() != Kind::Drawn)
}

/// Cuts `rect` into rectangles of what was drawn and of what was photographed: `(drawn, photographed)`, each sorted by
/// row. Together they hold every pixel of `rect` once.
pub(super) fn split(picture: &FrameBuf, rect: &Rect) -> (Vec<Rect>, Vec<Rect>) {
    let (columns, rows) = (rect.width.div_ceil(BLOCK_PX) as usize, rect.height.div_ceil(BLOCK_PX) as usize);
    let block = |column: usize, row: usize| {
        let (x, y) = (rect.x + column as u32 * BLOCK_PX, rect.y + row as u32 * BLOCK_PX);
        Rect::from_edges(x, y, (x + BLOCK_PX).min(rect.right()), (y + BLOCK_PX).min(rect.bottom()))
    };
    let kinds: Vec<Kind> = (0..rows)
        .flat_map(|row| (0..columns).map(move |column| (column, row)))
        .map(|(column, row)| Look::at(picture, &block(column, row)).kind())
        .collect();
    let photo = photographed(&kinds, columns, rows);
    (runs(&photo, columns, false, &block), runs(&photo, columns, true, &block))
}

/// Which blocks belong to photographs: those that fill a square of [`LEAST_BLOCKS`] with others, and soft ones that are
/// nearly surrounded.
fn photographed(kinds: &[Kind], columns: usize, rows: usize) -> Vec<bool> {
    let mut photo = vec![false; kinds.len()];
    // At the edges of what is looked at, less is enough.
    let (wide, high) = (LEAST_BLOCKS.min(columns), LEAST_BLOCKS.min(rows));
    for row in 0..=rows - high {
        for column in 0..=columns - wide {
            let square =
                || (row..row + high).flat_map(|r| (column..column + wide).map(move |c| r * columns + c));
            let is_photo = square().filter(|i| kinds[*i] == Kind::Photo).count();
            if is_photo * 3 >= wide * high * 2 && square().all(|i| kinds[i] != Kind::Drawn) {
                square().for_each(|i| photo[i] = true);
            }
        }
    }
    // What a shape's hard edge crosses is part of the photograph if nearly all around it is.
    for _ in 0..2 {
        let before = photo.clone();
        for row in 0..rows {
            for column in 0..columns {
                if before[row * columns + column] {
                    continue;
                }
                let near = (row.saturating_sub(1)..(row + 2).min(rows)).flat_map(|r| {
                    (column.saturating_sub(1)..(column + 2).min(columns)).map(move |c| r * columns + c)
                });
                let (mut around, mut is_photo) = (0, 0);
                for i in near {
                    around += 1;
                    is_photo += usize::from(before[i]);
                }
                let needed = if kinds[row * columns + column] == Kind::Drawn { 7 } else { 4 };
                photo[row * columns + column] = is_photo * 9 >= needed * around;
            }
        }
    }
    photo
}

/// The blocks of one kind as rectangles: runs of a row, joined with the same run of the row above.
fn runs(photo: &[bool], columns: usize, kind: bool, block: &impl Fn(usize, usize) -> Rect) -> Vec<Rect> {
    let mut done: Vec<Rect> = Vec::new();
    let mut open: Vec<Rect> = Vec::new();
    for (row, kinds) in photo.chunks_exact(columns).enumerate() {
        let mut next = Vec::new();
        let mut column = 0;
        while column < columns {
            let Some(first) = (column..columns).find(|c| kinds[*c] == kind) else { break };
            let end = (first..columns).find(|c| kinds[*c] != kind).unwrap_or(columns);
            let run = block(first, row).bounds_with(&block(end - 1, row));
            match open.iter().position(|r| (r.x, r.width) == (run.x, run.width)) {
                Some(i) => next.push(open.swap_remove(i).bounds_with(&run)),
                None => next.push(run),
            }
            column = end;
        }
        done.append(&mut open);
        open = next;
    }
    done.append(&mut open);
    done.sort_unstable_by_key(|r| (r.y, r.x));
    done
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Size;
    use crate::limits::Limits;

    const SIZE: Size = Size { width: 300, height: 200 };

    fn noise(x: u32, y: u32) -> u32 {
        let v = x.wrapping_mul(0x9E37_79B1) ^ y.wrapping_mul(0x85EB_CA6B);
        (v ^ v >> 13).wrapping_mul(0xC2B2_AE35) >> 24
    }

    /// A gradient with grain at the right, dark text on white at the left.
    fn picture() -> FrameBuf {
        let mut picture = FrameBuf::new(SIZE, &Limits::default()).expect("a picture");
        for y in 0..SIZE.height {
            for (x, px) in picture.row_of_mut(&SIZE.rect(), y).chunks_exact_mut(4).enumerate() {
                let x = x as u32;
                let v = if x >= 128 {
                    [(x / 2) as u8, y as u8, 90].map(|v| v.saturating_add((noise(x, y) % 9) as u8))
                } else if noise(x / 2, y / 2).is_multiple_of(4) {
                    [10; 3]
                } else {
                    [255; 3]
                };
                px[..3].copy_from_slice(&v);
            }
        }
        picture
    }

    #[test]
    fn text_is_drawn_and_gradients_with_grain_are_photographs() {
        let (drawn, photo) = split(&picture(), &SIZE.rect());
        assert_eq!(drawn, [Rect::new(0, 0, 128, 200)]);
        assert_eq!(photo, [Rect::new(128, 0, 172, 200)]);
        assert!(is_photo(&picture(), &Rect::new(140, 3, 150, 100)));
        assert!(!is_photo(&picture(), &Rect::new(3, 3, 120, 100)));
        assert!(is_photo(&picture(), &Rect::new(200, 10, 3, 150)), "a strip that a window uncovers");
    }

    #[test]
    fn every_pixel_is_in_one_rectangle() {
        for rect in
            [SIZE.rect(), Rect::new(99, 51, 77, 90), Rect::new(0, 0, 1, 1), Rect::new(120, 0, 20, 200)]
        {
            let (drawn, photo) = split(&picture(), &rect);
            let all: Vec<Rect> = drawn.into_iter().chain(photo).collect();
            assert_eq!(all.iter().map(Rect::area).sum::<u64>(), rect.area());
            for (i, a) in all.iter().enumerate() {
                assert!(rect.contains(a));
                assert!(all[..i].iter().all(|b| a.intersection(b).is_none()));
            }
        }
    }
}
