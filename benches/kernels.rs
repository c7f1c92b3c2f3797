//! Time of the codec's kernels, one thread: `cargo bench --bench kernels [-- NAME]`.
//!
//! `damage`, `encode_*` and `decode_*` are the work that `cargo xtask counts` counts in instructions. The others take
//! one kernel alone, over one picture; their rates are of its pixels, four bytes each.
#![allow(missing_docs, unreachable_pub)]

mod work;

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use panecast::Limits;
use panecast::capture::mask::{MaskSet, Masked};
use panecast::capture::{Captured, Capturer, Damage, SourceInfo, SourceKind};
use panecast::codec::av1::{Chroma, Planes, to_picture, to_planes};
use panecast::codec::photo;
use panecast::damage::{Copy, DirtyRows, Motion, compare, compare_scalar};
use panecast::frame::{BYTES_PER_PIXEL, FrameBuf, Rect, Region, Size, TILE_PX};
use panecast::session::seal::{StreamOpener, StreamSealer};
use twox_hash::XxHash3_64;
use work::{DamagePass, Decoding, Encoding};

fn main() {
    // One thread, as in the counts.
    rayon::ThreadPoolBuilder::new().num_threads(1).build_global().expect("a pool");
    divan::main();
}

#[divan::bench]
fn damage(bencher: Bencher) {
    bencher.with_inputs(DamagePass::new).bench_local_refs(DamagePass::count_damage);
}

#[divan::bench]
fn encode_first(bencher: Bencher) {
    bencher.with_inputs(Encoding::of_first).bench_local_refs(Encoding::count_encode);
}

#[divan::bench]
fn encode_updates(bencher: Bencher) {
    bencher.with_inputs(Encoding::of_updates).bench_local_refs(Encoding::count_encode);
}

#[divan::bench]
fn decode_first(bencher: Bencher) {
    bencher.with_inputs(Decoding::of_first).bench_local_refs(Decoding::count_decode);
}

#[divan::bench]
fn decode_updates(bencher: Bencher) {
    bencher.with_inputs(Decoding::of_updates).bench_local_refs(Decoding::count_decode);
}

const HD: Size = Size::new(1920, 1080);
/// As large as photographs and films in pages are.
const PART: Size = Size::new(640, 360);

fn bytes_of(size: Size) -> BytesCount {
    BytesCount::new(size.area() * BYTES_PER_PIXEL as u64)
}

fn blank(size: Size) -> FrameBuf {
    FrameBuf::new(size, &Limits::default()).expect("a picture")
}

/// Soft shapes with grain, as a camera gives them.
fn photograph(size: Size) -> FrameBuf {
    let mut picture = blank(size);
    let mut seed = 1_u32;
    for y in 0..size.height {
        for (x, px) in picture.row_of_mut(&size.rect(), y).chunks_exact_mut(BYTES_PER_PIXEL).enumerate() {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let (x, y) = (x as f32, y as f32);
            let shape = 60.0 * ((x + 0.4 * y) / 37.0).sin() + 30.0 * ((y - 0.7 * x) / 11.0).sin();
            let grain = (seed >> 24) as f32 / 32.0;
            let channel = |shift: f32| (120.0 + shift + shape + grain) as u8;
            px.copy_from_slice(&[channel(-10.0), channel(0.0), channel(15.0), 255]);
        }
    }
    picture
}

fn compare_equal(bencher: Bencher, compare: impl Fn(&FrameBuf, &FrameBuf, &mut DirtyRows)) {
    let (old, mut dirty) = (photograph(HD), DirtyRows::default());
    let new = old.clone();
    bencher.counter(bytes_of(HD)).bench_local(|| compare(black_box(&old), &new, &mut dirty));
}

/// The worst case: nothing differs, so that all is read.
#[divan::bench]
fn damage_compare(bencher: Bencher) {
    compare_equal(bencher, |old, new, dirty| compare(old, new, &Damage::Unknown, dirty).expect("one size"));
}

/// The plain reference of `damage_compare`.
#[divan::bench]
fn damage_compare_scalar(bencher: Bencher) {
    compare_equal(bencher, |old, new, dirty| {
        compare_scalar(old, new, &Damage::Unknown, dirty).expect("one size")
    });
}

/// Most of a desktop scrolls by 37 rows, the copy carried out included; `known` is what the picture before told.
#[divan::bench(args = [false, true])]
fn motion_search(bencher: Bencher, known: bool) {
    let old = work::pictures().swap_remove(0);
    let (Size { width, height }, rows) = (old.size(), 37);
    let mut new = old.clone();
    Copy { from: (0, rows), to: Rect::new(0, 0, width, height - rows) }.apply(&mut new);
    let start = || {
        let mut dirty = DirtyRows::default();
        compare(&old, &new, &Damage::Unknown, &mut dirty).expect("one size");
        (old.clone(), dirty)
    };
    let mut warm = Motion::default();
    let mut found = Vec::new();
    let (mut shown, mut dirty) = start();
    warm.find(&mut shown, &new, &mut dirty, &mut found, |_, _| ()).expect("one size");
    assert!(!found.is_empty(), "the scroll is found");
    bencher.counter(bytes_of(old.size())).with_inputs(start).bench_local_refs(|(old, dirty)| {
        found.clear();
        let mut cold = Motion::default();
        let motion = if known { &mut warm } else { &mut cold };
        motion.find(old, &new, dirty, &mut found, |_, _| ()).expect("one size");
    });
}

/// The hashes that a picture's hash is the sum of: one for each row of each tile.
#[divan::bench]
fn hash(bencher: Bencher) {
    let picture = photograph(HD);
    let side = TILE_PX as usize * BYTES_PER_PIXEL;
    bencher.counter(bytes_of(HD)).bench_local(|| {
        let rows = (0..HD.height).flat_map(|y| picture.row(y).chunks(side));
        rows.fold(0_u64, |sum, row| sum.wrapping_add(XxHash3_64::oneshot(row)))
    });
}

/// The photo coder, from exact (0) to what a photograph gets at first.
#[divan::bench(args = [0, 4, 8])]
fn photo_encode(bencher: Bencher, near: u8) {
    let (picture, mut shown, mut out) = (photograph(PART), blank(PART), Vec::new());
    bencher.counter(bytes_of(PART)).bench_local(|| {
        out.clear();
        photo::encode(&picture, &[PART.rect()], near, &mut shown, &mut out);
    });
}

#[divan::bench(args = [0, 4, 8])]
fn photo_decode(bencher: Bencher, near: u8) {
    let (picture, mut shown, mut out) = (photograph(PART), blank(PART), Vec::new());
    photo::encode(&picture, &[PART.rect()], near, &mut shown, &mut out);
    let mut decoded = blank(PART);
    bencher
        .counter(bytes_of(PART))
        .bench_local(|| photo::decode(&out, &mut decoded, &[PART.rect()], near).expect("what was encoded"));
    assert!(decoded.pixels() == shown.pixels(), "the decoder has what the encoder showed");
}

fn planes_of(picture: &FrameBuf, full: bool, planes: &mut Planes) {
    let rect = picture.size().rect();
    to_planes(picture, &rect, planes, Chroma::of(full), &Limits::default()).expect("planes");
}

/// To 4:2:0, or in full colour to 4:4:4.
#[divan::bench(args = [false, true])]
fn to_yuv(bencher: Bencher, full: bool) {
    let picture = photograph(PART);
    let mut planes = Planes::new(PART, Chroma::of(full), &Limits::default()).expect("planes");
    bencher.counter(bytes_of(PART)).bench_local(|| planes_of(&picture, full, &mut planes));
}

#[divan::bench(args = [false, true])]
fn from_yuv(bencher: Bencher, full: bool) {
    let mut picture = photograph(PART);
    let mut planes = Planes::new(PART, Chroma::of(full), &Limits::default()).expect("planes");
    planes_of(&picture, full, &mut planes);
    bencher
        .counter(bytes_of(PART))
        .bench_local(|| to_picture(&planes, &PART.rect(), &mut picture, (0, 0)).expect("a picture"));
}

/// Seals and opens one record: a small update, a large one, a snapshot.
#[divan::bench(args = [1000, 65_536, 1_000_000])]
fn seal(bencher: Bencher, bytes: usize) {
    let limits = Limits::default();
    let mut sealer = StreamSealer::new(&limits).expect("randomness");
    let mut opener = StreamOpener::new(&limits);
    opener.follow(&sealer.key()).expect("its key");
    let (plain, mut record) = (vec![0x5a; bytes], Vec::new());
    bencher.counter(BytesCount::new(bytes)).bench_local(|| {
        record.clear();
        sealer.seal(1, black_box(&plain), &mut record).expect("a record");
        opener.open(&mut record).expect("the next record").expect("a key").1.len()
    });
}

/// A screen on which something small changes, and which costs nothing itself.
struct Screen;

impl Capturer for Screen {
    fn info(&self) -> SourceInfo {
        SourceInfo::new("screen", "screen", SourceKind::Screen, HD)
    }

    fn next(&mut self, _: &mut FrameBuf, _: &Region, _: std::time::Duration) -> panecast::Result<Captured> {
        let damage =
            Damage::Within([Rect::new(5, 5, 8, 12), Rect::new(1500, 900, 99, 80)].into_iter().collect());
        Ok(Captured::Frame { timestamp: None, damage })
    }

    fn forget(&mut self) {}
}

/// 64 masks of 120 × 80 pixels on a full HD picture: 0.2 ms at most.
#[divan::bench]
fn mask_64(bencher: Bencher) {
    let rects = (0..64).map(|i| Rect::new(i % 8 * 240, i / 8 * 130, 120, 80));
    let masks = rects.fold(MaskSet::new(), |masks, rect| masks.with_rect(rect));
    let mut source = Masked::new(Box::new(Screen), masks);
    let (mut frame, none) = (blank(HD), Region::empty());
    bencher.bench_local(|| source.next(&mut frame, &none, std::time::Duration::ZERO).expect("a picture"));
    assert_eq!(source.hidden_px(), 64 * 120 * 80);
}
