//! The damage stage against plain references: the comparison, and copies for what moved.

mod scene;

use panecast::capture::Damage;
use panecast::damage::{DirtyRows, Motion, compare, compare_scalar};
use panecast::frame::{FrameBuf, Rect, Region, Size, TILE_PX};
use proptest::prelude::*;
use scene::{Random, black, change, fill};

/// The dirty rows as a loop over pixels finds them.
fn by_pixel(old: &FrameBuf, new: &FrameBuf) -> DirtyRows {
    let size = new.size();
    let mut dirty = DirtyRows::new(size);
    for y in 0..size.height {
        for x in 0..size.width {
            let at = Rect::new(x, y, 1, 1);
            if old.row_of(&at, y) != new.row_of(&at, y) {
                dirty.mark(&at);
            }
        }
    }
    dirty
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn the_comparison_finds_what_a_loop_over_pixels_finds(
        width in 1_u32..300,
        height in 1_u32..150,
        seed in any::<u64>(),
    ) {
        let size = Size::new(width, height);
        let mut random = Random(seed);
        let mut old = black(size);
        change(&mut old, &mut random);
        let mut new = old.clone();
        let touched = change(&mut new, &mut random);
        let expected = by_pixel(&old, &new);
        let hint: Region = touched.into_iter().collect();
        for damage in [Damage::Unknown, Damage::Within(hint)] {
            let (mut fast, mut plain) = (DirtyRows::default(), DirtyRows::default());
            compare(&old, &new, &damage, &mut fast).unwrap();
            compare_scalar(&old, &new, &damage, &mut plain).unwrap();
            prop_assert_eq!(&fast, &expected);
            prop_assert_eq!(&plain, &expected);
        }
        // The region is a superset, the segments are exact.
        let region = expected.region();
        let mut segment_px = 0;
        for y in 0..height {
            expected.segments(y, |left, right| {
                segment_px += u64::from(right - left);
                for x in left..right {
                    assert!(region.contains_point(x, y) && expected.contains(x / TILE_PX, y));
                }
            });
        }
        prop_assert_eq!(segment_px, expected.area());
    }

    #[test]
    fn what_the_copies_leave_is_dirty(seed in any::<u64>()) {
        let size = Size::new(400, 300);
        let mut random = Random(seed);
        let mut old = black(size);
        let mut motion = Motion::default();
        for _ in 0..6 {
            let mut new = old.clone();
            change(&mut new, &mut random);
            let before = old.clone();
            let mut dirty = DirtyRows::default();
            compare(&old, &new, &Damage::Unknown, &mut dirty).unwrap();
            let mut copies = Vec::new();
            motion.find(&mut old, &new, &mut dirty, &mut copies, |_, _| ()).unwrap();
            // Each copy fits and does to a picture what it did to `old`.
            let mut replayed = before;
            for copy in &copies {
                prop_assert!(copy.fits(size));
                copy.apply(&mut replayed);
            }
            prop_assert!(replayed == old);
            prop_assert_eq!(&dirty, &by_pixel(&old, &new));
            old = new;
        }
    }
}

#[test]
fn hints_outside_of_the_picture_and_different_sizes_are_harmless() {
    let (old, mut new) = (black(Size::new(100, 100)), black(Size::new(100, 100)));
    fill(&mut new, &Rect::new(99, 99, 1, 1), |_, _| [1, 2, 3]);
    let hint: Region = [Rect::new(90, 90, 4000, 4000), Rect::new(500, 500, 5, 5)].into_iter().collect();
    let mut dirty = DirtyRows::default();
    compare(&old, &new, &Damage::Within(hint), &mut dirty).expect("a comparison");
    assert!(dirty.contains(1, 99));
    assert_eq!(dirty.area(), 36);
    assert!(compare(&black(Size::new(5, 5)), &new, &Damage::Unknown, &mut dirty).is_err());
}

/// Text that is nowhere the same, as on a page.
fn page(size: Size, rect: &Rect, scroll: u32, picture: &mut FrameBuf) {
    assert!(rect.fits(size));
    fill(picture, rect, |x, y| {
        let row = y - rect.y + scroll;
        let glyph = Random(u64::from((x - rect.x) / 7) << 32 | u64::from(row / 15)).next();
        let ink = Random(((glyph % 60) << 8) ^ (u64::from((x - rect.x) % 7) << 4) ^ u64::from(row % 15))
            .next()
            .is_multiple_of(4);
        if ink && row % 15 < 11 { [30, 30, 30] } else { [255, 255, 255] }
    });
}

fn moved(old: &FrameBuf, new: &FrameBuf) -> (Vec<panecast::damage::Copy>, u64) {
    let (mut old, mut dirty, mut copies) = (old.clone(), DirtyRows::default(), Vec::new());
    compare(&old, new, &Damage::Unknown, &mut dirty).expect("a comparison");
    Motion::default().find(&mut old, new, &mut dirty, &mut copies, |_, _| ()).expect("a search");
    (copies, dirty.area())
}

#[test]
fn a_scrolled_pane_is_one_copy_and_the_rows_it_uncovers() {
    let size = Size::new(800, 600);
    let pane = Rect::new(133, 57, 600, 500);
    for by in [1, 3, 17, 120] {
        let (mut old, mut new) = (black(size), black(size));
        page(size, &pane, 200, &mut old);
        page(size, &pane, 200 + by, &mut new);
        for (old, new, up) in [(&old, &new, true), (&new, &old, false)] {
            let (copies, left) = moved(old, new);
            assert_eq!(copies.len(), 1, "by {by}, up {up}: {copies:?}");
            let copy = copies[0];
            assert_eq!(copy.from.0, copy.to.x);
            let (dy, expected) = (i64::from(copy.to.y) - i64::from(copy.from.1), i64::from(by));
            assert_eq!(dy, if up { -expected } else { expected });
            let uncovered = u64::from(by) * 640;
            assert!(left <= uncovered, "by {by}, up {up}: {left} px are left, {uncovered} were uncovered");
        }
    }
}

#[test]
fn a_dragged_window_is_one_copy_in_any_direction() {
    let size = Size::new(900, 700);
    for (dx, dy) in [(5, 0), (-5, 0), (0, 9), (3, -8), (-61, 40), (70, 70)] {
        let draw = |x: i64, y: i64| {
            let mut picture = black(size);
            fill(&mut picture, &size.rect(), |x, y| [(x / 4) as u8, (y / 4) as u8, 90]);
            let window = Rect::new((300 + x) as u32, (200 + y) as u32, 333, 217);
            page(size, &window, 0, &mut picture);
            picture
        };
        let (copies, left) = moved(&draw(0, 0), &draw(dx, dy));
        assert_eq!(copies.len(), 1, "({dx}, {dy}): {copies:?}");
        let copy = copies[0];
        let found =
            (i64::from(copy.to.x) - i64::from(copy.from.0), i64::from(copy.to.y) - i64::from(copy.from.1));
        assert_eq!(found, (dx, dy));
        // What is left is where the window was: at most its edges in whole tiles.
        let edges = (dx.unsigned_abs() + 128) * 300 + (dy.unsigned_abs() + 2) * 400;
        assert!(left <= edges, "({dx}, {dy}): {left} px are left");
    }
}

#[test]
fn noise_is_no_motion() {
    let size = Size::new(600, 400);
    let (mut old, mut new) = (black(size), black(size));
    for (picture, seed) in [(&mut old, 1), (&mut new, 2)] {
        let mut random = Random(seed);
        fill(picture, &size.rect(), |_, _| [random.next() as u8, random.next() as u8, 0]);
    }
    assert_eq!(moved(&old, &new).0, []);
}
