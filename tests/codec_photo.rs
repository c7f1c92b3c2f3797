//! The photo coder: exact pixels come back exactly, near ones within their bound, and hostile bytes do no harm.

mod scene;

use panecast::codec::photo::{MOST_NEAR, decode, decode_change, encode, encode_change};
use panecast::frame::{BYTES_PER_PIXEL, FrameBuf, Rect, Size};
use panecast::{ErrorKind, Limits};
use proptest::prelude::*;
use scene::Random;
use xxhash_rust::xxh3::xxh3_64;

/// The steps that docs/bitstream.md gives for each `near`.
const STEPS: [f64; 16] = [0., 2., 3., 4., 5., 6., 7., 8., 10., 12., 14., 16., 20., 24., 32., 40.];

fn black(size: Size) -> FrameBuf {
    FrameBuf::new(size, &Limits::default()).expect("a picture")
}

/// Kinds of content, from what the coder is made for to what it is not.
fn painted(size: Size, kind: u32, seed: u64) -> FrameBuf {
    let mut picture = black(size);
    let mut random = Random(seed);
    let width = size.width as usize;
    for (i, px) in picture.pixels_mut().chunks_exact_mut(BYTES_PER_PIXEL).enumerate() {
        let (x, y) = (i % width, i / width);
        let noise = random.next().to_le_bytes();
        let [b, g, r] = match kind {
            // A lit surface with a grain, as cameras see it.
            0 => {
                let base = (x * 2 + y * 3 + (x * y) / 40) as u8 / 2;
                [0, 40, 70].map(|more| base.wrapping_add(more).wrapping_add(noise[usize::from(more) % 7] & 3))
            }
            1 => [noise[0], noise[1], noise[2]],
            // Edges between the farthest colours.
            2 => [0, 255, 0, 255, 255, 0].get(x / 3 % 2 * 3..).map_or([0; 3], |c| [c[0], c[1], c[y % 3]]),
            _ => [200, 30, 90],
        };
        px[..3].copy_from_slice(&[b, g, r]);
    }
    picture
}

/// Rectangles that do not share a pixel: one within each cell of a coarse grid.
fn rects(size: Size, seed: u64) -> Vec<Rect> {
    let mut random = Random(seed);
    let (columns, rows) = (1 + random.below(3.min(size.width)), 1 + random.below(3.min(size.height)));
    let mut all = Vec::new();
    for row in 0..rows {
        for column in 0..columns {
            let cell = Rect::from_edges(
                size.width * column / columns,
                size.height * row / rows,
                size.width * (column + 1) / columns,
                size.height * (row + 1) / rows,
            );
            let inner = random.rect(cell.size());
            all.push(Rect { x: inner.x + cell.x, y: inner.y + cell.y, ..inner });
        }
    }
    all
}

/// Encodes and decodes; checks that both sides hold the same and touched nothing else.
fn round_trip(picture: &FrameBuf, rects: &[Rect], near: u8) -> (FrameBuf, Vec<u8>) {
    let mut shown = painted(picture.size(), 1, 99);
    let mut decoded = shown.clone();
    let mut bytes = vec![7];
    let mut expected = shown.clone();
    encode(picture, rects, near, &mut shown, &mut bytes);
    assert_eq!(bytes.remove(0), 7, "what stood in the buffer stays");
    decode(&bytes, &mut decoded, rects, near).expect("a sound layer");
    assert!(decoded == shown, "the decoder holds something else than the encoder thinks");
    for rect in rects {
        for y in rect.y..rect.bottom() {
            expected.row_of_mut(rect, y).copy_from_slice(shown.row_of(rect, y));
        }
    }
    assert!(expected == shown, "pixels outside of the rectangles were touched");
    (decoded, bytes)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn exact_pixels_come_back_exactly(w in 1..90_u32, h in 1..70_u32, kind in 0..4_u32, seed: u64) {
        let picture = painted(Size::new(w, h), kind, seed);
        let rects = rects(picture.size(), seed);
        let (decoded, _) = round_trip(&picture, &rects, 0);
        for rect in &rects {
            for y in rect.y..rect.bottom() {
                prop_assert_eq!(decoded.row_of(rect, y), picture.row_of(rect, y));
            }
        }
    }

    #[test]
    fn near_pixels_keep_their_bound(
        w in 1..90_u32, h in 1..70_u32, kind in 0..4_u32, seed: u64, near in 1..=MOST_NEAR,
    ) {
        let picture = painted(Size::new(w, h), kind, seed);
        let rects = rects(picture.size(), seed);
        let (decoded, _) = round_trip(&picture, &rects, near);
        let step = STEPS[usize::from(near)];
        for rect in &rects {
            // Whole blocks: those at an edge share their error with pixels that do not exist.
            let columns = || (rect.x..rect.right()).step_by(8);
            for (by, bx) in (rect.y..rect.bottom()).step_by(8).flat_map(|y| columns().map(move |x| (y, x))) {
                let block = Rect::new(bx, by, (rect.right() - bx).min(8), (rect.bottom() - by).min(8));
                let mut sum = 0.0;
                for y in block.y..block.bottom() {
                    for (a, b) in decoded.row_of(&block, y).iter().zip(picture.row_of(&block, y)) {
                        let off = f64::from(a.abs_diff(*b));
                        prop_assert!(off <= 21.0 * step + 2.0, "off by {off} with a step of {step}");
                        sum += off * off;
                    }
                }
                if (block.width, block.height) == (8, 8) {
                    let root = (sum / (3.0 * 64.0)).sqrt();
                    prop_assert!(root <= 1.6 * step + 1.0, "{root} over a block with a step of {step}");
                }
            }
        }
    }

    #[test]
    fn hostile_bytes_are_an_error_or_pixels(
        w in 1..50_u32, h in 1..50_u32, near in 0..=MOST_NEAR, seed: u64,
        mut bytes in proptest::collection::vec(any::<u8>(), 0..400), flags in 0..8_u8,
    ) {
        let mut picture = black(Size::new(w, h));
        let rects = rects(picture.size(), seed);
        // Past the check of the flags more often than chance would have it.
        if let Some(first) = bytes.first_mut() { *first = flags; }
        if let Err(e) = decode(&bytes, &mut picture, &rects, near) {
            prop_assert_eq!(e.kind(), ErrorKind::InvalidData);
        }
        prop_assert!(picture.pixels().iter().skip(3).step_by(4).all(|x| *x == 255));
    }
}

#[test]
fn changes_are_added_to_what_is_there() {
    let size = Size::new(171, 93);
    let all = [Rect::new(0, 0, 100, 93), Rect::new(101, 3, 70, 52)];
    for (near, kind) in [(1, 0), (6, 0), (12, 0), (4, 1), (15, 1), (9, 2)] {
        let (picture, mut shown) = (painted(size, kind, 5), painted(size, 0, 6));
        let (mut decoded, before) = (shown.clone(), shown.clone());
        let mut bytes = Vec::new();
        encode_change(&picture, &all, near, &mut shown, &mut bytes);
        decode_change(&bytes, &mut decoded, &all, near).expect("a sound layer");
        assert!(decoded == shown, "the decoder holds something else than the encoder thinks");
        assert_eq!(shown.row(60)[110 * 4..], before.row(60)[110 * 4..], "beside the rectangles");
        let most = 21.0 * STEPS[usize::from(near)] + 2.0;
        for rect in &all {
            for y in rect.y..rect.bottom() {
                for (a, b) in picture.row_of(rect, y).iter().zip(shown.row_of(rect, y)) {
                    assert!(f64::from(a.abs_diff(*b)) <= most, "near {near} is {} off", a.abs_diff(*b));
                }
            }
        }
    }
}

#[test]
fn a_small_change_takes_less_than_the_picture() {
    let size = Size::new(256, 256);
    let (mut shown, mut picture) = (painted(size, 0, 1), painted(size, 0, 1));
    let lit = Rect::new(60, 70, 90, 80);
    for y in lit.y..lit.bottom() {
        picture.row_of_mut(&lit, y).iter_mut().for_each(|v| *v = v.saturating_add(30));
    }
    let (mut whole, mut change) = (Vec::new(), Vec::new());
    encode(&picture, &[size.rect()], 6, &mut shown.clone(), &mut whole);
    encode_change(&picture, &[size.rect()], 6, &mut shown, &mut change);
    assert!(change.len() * 3 < whole.len(), "{} of {} bytes", change.len(), whole.len());
    let error = decode_change(&change, &mut shown, &[size.rect()], 0).expect_err("changes are never exact");
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    let error = decode_change(&change[..20], &mut shown, &[size.rect()], 6).expect_err("cut off");
    assert_eq!(error.kind(), ErrorKind::InvalidData);
}

#[test]
fn a_cut_layer_is_an_error_and_a_changed_one_does_no_harm() {
    let picture = painted(Size::new(64, 48), 0, 5);
    let whole = [picture.size().rect()];
    for near in [0, 1, 4, MOST_NEAR] {
        let (sound, bytes) = round_trip(&picture, &whole, near);
        let mut into = black(picture.size());
        for len in 0..bytes.len() {
            let e = decode(&bytes[..len], &mut into, &whole, near).expect_err("a cut layer");
            assert_eq!(e.kind(), ErrorKind::InvalidData, "cut at {len}");
        }
        let longer = [&bytes[..], &[0, 0]].concat();
        assert!(decode(&longer, &mut into, &whole, near).is_err(), "bytes left over");
        let mut random = Random(u64::from(near));
        let mut unnoticed = 0;
        for _ in 0..400 {
            let mut changed = bytes.clone();
            let at = random.below(bytes.len() as u32) as usize;
            changed[at] ^= 1 << random.below(8);
            unnoticed += u32::from(decode(&changed, &mut into, &whole, near).is_ok() && into == sound);
        }
        // Some numbers of an exact layer's head are of contexts that nothing uses.
        assert!(unnoticed < 8, "near {near}: {unnoticed} of 400 changes went unnoticed");
    }
}

#[test]
fn wrong_rectangles_are_refused() {
    let picture = painted(Size::new(20, 10), 0, 1);
    let (_, bytes) = round_trip(&picture, &[Rect::new(0, 0, 20, 10)], 0);
    let mut into = black(picture.size());
    for rects in [
        &[Rect::new(0, 0, 21, 10)][..],
        &[Rect::new(20, 0, 1, 1)],
        &[Rect::new(0, 0, 0, 10)],
        &[Rect::new(u32::MAX, 0, 2, 1)],
        &[Rect::new(0, 0, 20, 10), Rect::new(0, 0, 1, 1)],
    ] {
        for near in [0, 3] {
            let e = decode(&bytes, &mut into, rects, near).expect_err("no such rectangle");
            assert_eq!(e.kind(), ErrorKind::InvalidData, "{rects:?}");
        }
    }
    let e = decode(&bytes, &mut into, &[Rect::new(0, 0, 20, 10)], MOST_NEAR + 1).expect_err("too near");
    assert_eq!(e.kind(), ErrorKind::InvalidData);
}

#[test]
fn coarser_steps_take_fewer_bytes_and_a_grain_does_not_fool_the_exact_coder() {
    let size = Size::new(160, 120);
    let picture = painted(size, 0, 3);
    let mut last = usize::MAX;
    for near in 0..=MOST_NEAR {
        let (_, bytes) = round_trip(&picture, &[size.rect()], near);
        assert!(bytes.len() < last, "near {near}: {} bytes after {last}", bytes.len());
        last = bytes.len();
        // Two random bits of grain a colour are 3/4 of a byte a pixel; the rest is foretold but for its steps.
        if near == 0 {
            let per_pixel = bytes.len() as f64 / size.area() as f64;
            assert!((0.75..1.35).contains(&per_pixel), "{per_pixel} bytes a pixel");
        }
    }
    // A flat area costs next to nothing, a single pixel little.
    let flat = painted(size, 3, 0);
    for near in [0, 4] {
        assert!(round_trip(&flat, &[size.rect()], near).1.len() < 200, "near {near}");
        assert!(round_trip(&flat, &[Rect::new(7, 9, 1, 1)], near).1.len() < 48, "near {near}");
    }
}

/// Layers of this version, kept: whoever changes the format without a new version breaks this.
#[test]
fn the_kept_layers_are_still_read() {
    let size = Size::new(61, 43);
    let rects = [Rect::new(0, 0, 61, 20), Rect::new(3, 20, 11, 23), Rect::new(30, 21, 4, 3)];
    for (near, bytes, xxh3) in [
        (0, &include_bytes!("vectors/photo-exact-v2.bin")[..], EXACT_XXH3),
        (4, &include_bytes!("vectors/photo-near4-v2.bin")[..], NEAR_XXH3),
    ] {
        let mut picture = black(size);
        decode(bytes, &mut picture, &rects, near).expect("a sound layer");
        assert_eq!(xxh3_64(picture.pixels()), xxh3, "near {near}");
    }
}

const EXACT_XXH3: u64 = 11_952_730_467_732_538_751;
const NEAR_XXH3: u64 = 1_221_476_424_096_756_255;

/// Writes the kept layers anew, after a change of the format that took a new version.
#[test]
#[ignore = "writes tests/vectors"]
fn write_the_kept_layers() {
    let size = Size::new(61, 43);
    let rects = [Rect::new(0, 0, 61, 20), Rect::new(3, 20, 11, 23), Rect::new(30, 21, 4, 3)];
    let picture = painted(size, 0, 8);
    for (near, name) in [(0, "photo-exact-v2.bin"), (4, "photo-near4-v2.bin")] {
        let (mut shown, mut bytes) = (black(size), Vec::new());
        encode(&picture, &rects, near, &mut shown, &mut bytes);
        std::fs::write(format!("{}/tests/vectors/{name}", env!("CARGO_MANIFEST_DIR")), &bytes)
            .expect("a file");
        println!("{name}: {}", xxh3_64(shown.pixels()));
    }
}
