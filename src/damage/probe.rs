//! A quick look at whether something has scrolled, where a search is too much for every picture.

use crate::frame::{BYTES_PER_PIXEL, FrameBuf, Rect};

/// Places that are looked at: so many columns and rows of them.
const COLUMNS: u32 = 7;
const ROWS: u32 = 5;

/// Pixels beside one another that are looked for.
const RUN_PX: usize = 8;

/// Places that must have come from equally far away: so many, and half of those that changed.
const LEAST_VOTES: usize = 4;

/// Whether most of the pixels in `rect` that changed seem to have moved up or down, or most of them to the left or to
/// the right.
///
/// # Shapes and units
/// - `old`, `new`: of one size; `rect` is within it.
/// - A film says no, but for chance; a page that scrolled by less than two thirds of the rectangle's height, or width,
///   says yes as a rule. It is a reason to search ([`super::Motion`]), no more.
///
/// # Threads and cost
/// One thread; reads some dozens of columns and rows of `old`.
#[must_use]
pub fn has_scrolled(old: &FrameBuf, new: &FrameBuf, rect: &Rect) -> bool {
    if rect.width < COLUMNS * RUN_PX as u32 || rect.height < ROWS * RUN_PX as u32 {
        return false;
    }
    let (mut down, mut across, mut changed) = (Vec::new(), Vec::new(), 0);
    for row in 0..ROWS {
        for column in 0..COLUMNS {
            // Each row of places is set off, so that they are not under one another.
            let x = rect.x
                + (rect.width - RUN_PX as u32) * (2 * column * ROWS + 2 * row + 1) / (2 * COLUMNS * ROWS);
            let y = rect.y + (rect.height - 1) * (2 * row + 1) / (2 * ROWS);
            let run = run(new, x, y);
            if run == self::run(old, x, y) || run.iter().all(|px| *px == run[0]) {
                continue;
            }
            changed += 1;
            down.extend(
                only((rect.y..rect.bottom()).filter(|at| self::run(old, x, *at) == run)).map(|at| (y, at)),
            );
            let most = rect.right() - RUN_PX as u32;
            across.extend(only((rect.x..=most).filter(|at| self::run(old, *at, y) == run)).map(|at| (x, at)));
        }
    }
    let agree = |votes: &[(u32, u32)]| {
        let by = |vote: &(u32, u32)| i64::from(vote.0) - i64::from(vote.1);
        votes.iter().map(|vote| votes.iter().filter(|other| by(other) == by(vote)).count()).max().unwrap_or(0)
    };
    agree(&down).max(agree(&across)) >= LEAST_VOTES.max(changed / 2)
}

fn run(picture: &FrameBuf, x: u32, y: u32) -> &[[u8; BYTES_PER_PIXEL]] {
    &picture.row(y).as_chunks::<BYTES_PER_PIXEL>().0[x as usize..x as usize + RUN_PX]
}

/// The only item there is.
fn only(mut places: impl Iterator<Item = u32>) -> Option<u32> {
    let first = places.next()?;
    places.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Size;
    use crate::limits::Limits;

    const SIZE: Size = Size { width: 300, height: 200 };
    const PANE: Rect = Rect { x: 20, y: 10, width: 256, height: 180 };

    /// Grain that stands still but in [`PANE`], which shows it displaced.
    fn picture(dx: u32, dy: u32, seed: u32) -> FrameBuf {
        let mut picture = FrameBuf::new(SIZE, &Limits::default()).expect("a picture");
        for y in 0..SIZE.height {
            for (x, px) in picture.row_of_mut(&SIZE.rect(), y).chunks_exact_mut(4).enumerate() {
                let x = x as u32;
                let inside = PANE.contains(&Rect::new(x, y, 1, 1));
                let (x, y) = if inside { (x + dx, y + dy) } else { (x, y) };
                let grain = (x.wrapping_mul(0x9E37_79B1) ^ y.wrapping_mul(0x85EB_CA6B)).wrapping_add(seed);
                px[..3].copy_from_slice(&(grain ^ grain >> 13).wrapping_mul(0xC2B2_AE35).to_le_bytes()[1..]);
            }
        }
        picture
    }

    #[test]
    fn a_pane_that_scrolls_is_told_from_one_that_stands_or_is_another() {
        let old = picture(500, 500, 0);
        for (dx, dy) in [(500, 501), (500, 590), (500, 433), (481, 500), (600, 500)] {
            assert!(has_scrolled(&old, &picture(dx, dy, 0), &PANE), "to {dx}, {dy}");
        }
        assert!(!has_scrolled(&old, &old, &PANE));
        assert!(!has_scrolled(&old, &picture(500, 500, 12_345), &PANE));
        assert!(!has_scrolled(&old, &picture(500, 501, 0), &Rect::new(20, 10, 30, 20)), "too small to tell");
    }
}
