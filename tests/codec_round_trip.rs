//! Every picture comes back exactly: random desktops, recorded ones, late joiners, any chunking, any hints.

mod scene;
mod stranger;

use panecast::Limits;
use panecast::bitstream::{FEATURE_FADES, Packet, Piece, Splitter};
use panecast::capture::{CursorShape, CursorUpdate, Damage};
use panecast::codec::av1::Av1Choice;
use panecast::codec::{Decoded, Decoder, Encoder, EncoderConfig, Mode, UpdateKind};
use panecast::frame::{FrameBuf, Rect, Region, Size, Timestamp};
use scene::{Random, black, change};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use stranger::Stranger;

fn encoder() -> Encoder {
    Encoder::new(EncoderConfig::default()).expect("an encoder")
}

/// Encodes a copy of `picture`.
fn encode(
    encoder: &mut Encoder,
    picture: &FrameBuf,
    damage: &Damage,
    index: u64,
    out: &mut Vec<u8>,
) -> UpdateKind {
    let mut frame = picture.clone();
    encoder.encode(&mut frame, damage, Timestamp::of_frame(index, 30), out).expect("an update").kind
}

fn decode_all(decoder: &mut Decoder, bytes: &[u8]) -> Vec<Decoded> {
    decoder.feed(bytes).expect("room for a packet");
    let mut all = Vec::new();
    while let Some(decoded) = decoder.next().expect("a sound stream") {
        all.push(decoded);
    }
    all
}

fn assert_holds(decoder: &Decoder, picture: &FrameBuf, what: &str) {
    let held = decoder.frame().unwrap_or_else(|| panic!("{what}: there is no picture"));
    assert_eq!(held.size(), picture.size(), "{what}");
    assert!(held.pixels() == picture.pixels(), "{what}: the pixels differ");
}

const SIZES: [(u32, u32); 8] =
    [(1, 1), (1, 200), (200, 1), (7, 5), (64, 64), (65, 63), (333, 217), (640, 400)];

#[test]
fn random_desktops_come_back_exactly() {
    for (w, h) in SIZES {
        for seed in 0..4 {
            let mut random = Random(seed << 32 | u64::from(w));
            let mut picture = black(Size::new(w, h));
            let (mut encoder, mut decoder) = (encoder(), Decoder::new(Limits::default()));
            for i in 0..12 {
                let mut bytes = Vec::new();
                encode(&mut encoder, &picture, &Damage::Unknown, i, &mut bytes);
                decode_all(&mut decoder, &bytes);
                assert_holds(&decoder, &picture, &format!("{w}x{h}, seed {seed}, picture {i}"));
                change(&mut picture, &mut random);
            }
        }
    }
}

#[test]
fn a_film_comes_back_exactly_and_in_half_its_bytes() {
    let size = Size::new(400, 300);
    let film = Rect::new(37, 41, 256, 192);
    let mut picture = black(size);
    let (mut encoder, mut decoder) = (encoder(), Decoder::new(Limits::default()));
    let mut lengths = Vec::new();
    for i in 0..12 {
        // Smooth with a little noise, as cameras see; never the same twice.
        let mut random = Random(i);
        scene::fill(&mut picture, &film, |x, y| {
            let noise = random.next().to_le_bytes();
            let base = ((x + 3 * i as u32) / 2 + y / 3) as u8;
            [base ^ noise[0] & 3, base.wrapping_add(40) ^ noise[1] & 3, base.wrapping_add(90) ^ noise[2] & 3]
        });
        let mut bytes = Vec::new();
        encode(&mut encoder, &picture, &Damage::Unknown, i, &mut bytes);
        decode_all(&mut decoder, &bytes);
        assert_holds(&decoder, &picture, &format!("picture {i}"));
        lengths.push(bytes.len());
    }
    // The noise alone is two bits a colour, a quarter.
    let plain = film.area() as usize * 3;
    assert!(lengths[1..].iter().all(|len| len * 2 < plain && len * 4 > plain), "{lengths:?} of {plain}");
}

#[test]
fn hints_exact_enlarged_and_absent_give_the_same_bytes() {
    let size = Size::new(333, 217);
    let mut random = Random(7);
    let mut picture = black(size);
    let mut encoders = [encoder(), encoder(), encoder()];
    let mut streams: [Vec<u8>; 3] = Default::default();
    let mut touched = vec![size.rect()];
    for i in 0..40 {
        let exact: Region = touched.iter().copied().collect();
        let more = random.rect(size);
        let enlarged: Region = touched
            .iter()
            .map(|r| {
                let by = i64::from(random.below(90));
                Rect::clipped(
                    i64::from(r.x) - by,
                    i64::from(r.y) - by,
                    i64::from(r.width) + 2 * by,
                    i64::from(r.height) + 2 * by,
                    size,
                )
            })
            .chain([more])
            .collect();
        let hints = [Damage::Within(exact), Damage::Within(enlarged), Damage::Unknown];
        for ((encoder, stream), hint) in encoders.iter_mut().zip(&mut streams).zip(&hints) {
            encode(encoder, &picture, hint, i, stream);
        }
        touched = change(&mut picture, &mut random);
    }
    assert!(streams[0] == streams[2], "exact hints");
    assert!(streams[1] == streams[2], "enlarged hints");
}

#[test]
fn the_swapped_buffer_and_its_stale_region_make_the_next_picture() {
    let size = Size::new(200, 150);
    let mut random = Random(3);
    let mut picture = black(size);
    let (mut encoder, mut decoder) = (encoder(), Decoder::new(Limits::default()));
    let mut frame = picture.clone();
    let mut touched = vec![size.rect()];
    let mut stale = Region::full(size);
    for i in 0..60 {
        // A source writes only what changed and what is stale, as a screen capturer does.
        let damage: Region = touched.iter().copied().collect();
        for rect in damage.rects().iter().chain(stale.rects()) {
            for y in rect.y..rect.bottom() {
                let row = picture.row_of(rect, y).to_vec();
                frame.row_of_mut(rect, y).copy_from_slice(&row);
            }
        }
        assert!(frame == picture, "the buffer of picture {i} is whole");
        let mut bytes = Vec::new();
        let update = encoder
            .encode(&mut frame, &Damage::Within(damage), Timestamp::of_frame(i, 30), &mut bytes)
            .expect("an update");
        stale = update.stale;
        decode_all(&mut decoder, &bytes);
        assert_holds(&decoder, &picture, &format!("picture {i}"));
        touched = change(&mut picture, &mut random);
    }
}

/// The picture that primes an epoch is larger than the zstd window here.
#[test]
fn pictures_larger_than_the_history_come_back_exactly() {
    let size = Size::new(3840, 2160);
    let mut random = Random(4);
    let mut picture = black(size);
    scene::fill(&mut picture, &size.rect(), |x, y| {
        [(x / 5) as u8, (y / 3) as u8, (x / 64 * 7 + y / 64) as u8]
    });
    let (mut encoder, mut decoder) = (encoder(), Decoder::new(Limits::default()));
    for i in 0..4 {
        let mut bytes = Vec::new();
        encode(&mut encoder, &picture, &Damage::Unknown, i, &mut bytes);
        decode_all(&mut decoder, &bytes);
        assert_holds(&decoder, &picture, &format!("picture {i}"));
        change(&mut picture, &mut random);
    }
}

#[test]
fn an_unchanged_picture_writes_nothing() {
    let picture = black(Size::new(100, 100));
    let mut encoder = encoder();
    let mut out = Vec::new();
    assert_eq!(encode(&mut encoder, &picture, &Damage::Unknown, 0, &mut out), UpdateKind::Keyframe);
    let len = out.len();
    for i in 1..10 {
        assert_eq!(encode(&mut encoder, &picture, &Damage::Unknown, i, &mut out), UpdateKind::Unchanged);
    }
    assert_eq!(out.len(), len);
}

#[test]
fn a_new_size_is_a_keyframe() {
    let (mut encoder, mut decoder) = (encoder(), Decoder::new(Limits::default()));
    for (i, (w, h)) in SIZES.into_iter().enumerate() {
        let mut picture = black(Size::new(w, h));
        change(&mut picture, &mut Random(i as u64));
        let mut bytes = Vec::new();
        assert_eq!(
            encode(&mut encoder, &picture, &Damage::Unknown, i as u64, &mut bytes),
            UpdateKind::Keyframe
        );
        let decoded = decode_all(&mut decoder, &bytes);
        let resized =
            decoded.iter().any(|d| matches!(d, Decoded::Picture { keyframe: true, resized: true, .. }));
        assert!(resized, "{w}x{h}");
        assert_holds(&decoder, &picture, &format!("{w}x{h}"));
    }
}

#[test]
fn a_late_joiner_and_the_others_go_on_together() {
    let mut random = Random(11);
    let mut picture = black(Size::new(320, 240));
    let mut encoder = encoder();
    let mut viewers = vec![Decoder::new(Limits::default())];
    let shape = CursorShape { size: Size::new(2, 1), hotspot: (1, 0), pixels: vec![1, 2, 3, 4, 5, 6, 7, 8] };
    for i in 0..30 {
        change(&mut picture, &mut random);
        let mut bytes = Vec::new();
        encode(&mut encoder, &picture, &Damage::Unknown, i, &mut bytes);
        if i == 4 {
            let update = CursorUpdate { position: Some((-3, 70)), shape: Some(shape.clone()) };
            encoder.cursor(&update, Timestamp::of_frame(i, 30), &mut bytes).expect("a cursor");
        }
        for viewer in &mut viewers {
            decode_all(viewer, &bytes);
        }
        if i % 7 == 5 {
            let (mut joiner, mut others) = (Vec::new(), Vec::new());
            let sequence =
                encoder.late_join(Timestamp::of_frame(i, 30), &mut joiner, &mut others).expect("a snapshot");
            for viewer in &mut viewers {
                let decoded = decode_all(viewer, &others);
                assert_eq!(decoded, [Decoded::Epoch { sequence: sequence.expect("a picture") }]);
            }
            let mut viewer = Decoder::new(Limits::default());
            decode_all(&mut viewer, &joiner);
            assert_eq!(viewer.cursor_shape(), Some(&shape));
            assert_eq!(viewer.cursor_position(), Some((-3, 70)));
            viewers.push(viewer);
        }
        for (n, viewer) in viewers.iter().enumerate() {
            assert_holds(viewer, &picture, &format!("viewer {n}, picture {i}"));
        }
    }
    assert_eq!(viewers.len(), 5);
}

/// A stream of everything there is: header, keyframe, updates, cursor, a change of size, the end.
fn whole_stream() -> (Vec<u8>, FrameBuf) {
    let mut random = Random(99);
    let mut picture = black(Size::new(150, 120));
    let mut encoder = encoder();
    let mut bytes = Vec::new();
    for i in 0..24 {
        if i == 16 {
            picture = black(Size::new(90, 140));
        }
        encode(&mut encoder, &picture, &Damage::Unknown, i, &mut bytes);
        let update = CursorUpdate { position: Some((i as i32, 5)), shape: None };
        encoder.cursor(&update, Timestamp::of_frame(i, 30), &mut bytes).expect("a cursor");
        if i != 23 {
            change(&mut picture, &mut random);
        }
    }
    encoder.finish(24, 30, &mut bytes);
    (bytes, picture)
}

#[test]
fn one_byte_at_a_time_equals_the_whole() {
    let (bytes, picture) = whole_stream();
    let mut whole = Decoder::new(Limits::default());
    let expected = decode_all(&mut whole, &bytes);
    assert_eq!(expected.last(), Some(&Decoded::End { frames: 24, fps: 30 }));
    for chunk in [1, 2, 3, 7, 64, 1000] {
        let mut decoder = Decoder::new(Limits::default());
        let mut decoded = Vec::new();
        for part in bytes.chunks(chunk) {
            decoded.extend(decode_all(&mut decoder, part));
        }
        assert_eq!(decoded, expected, "chunks of {chunk}");
        assert_holds(&decoder, &picture, &format!("chunks of {chunk}"));
        assert_eq!(decoder.pending_bytes(), 0);
    }
}

#[test]
fn the_bytes_do_not_depend_on_threads() {
    // Large enough for the comparison to be split.
    let size = Size::new(1920, 1080);
    let streams: Vec<Vec<u8>> = [1, 2, 3, 8]
        .into_iter()
        .map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
            pool.install(|| {
                let mut random = Random(5);
                let mut picture = black(size);
                let mut encoder = encoder();
                let mut bytes = Vec::new();
                for i in 0..5 {
                    encode(&mut encoder, &picture, &Damage::Unknown, i, &mut bytes);
                    change(&mut picture, &mut random);
                }
                bytes
            })
        })
        .collect();
    for stream in &streams[1..] {
        assert!(*stream == streams[0]);
    }
}

/// The bits of a lossless payload that has no zstd part.
fn bits(payload: &[u8]) -> &[u8] {
    assert_eq!(payload[0], 0, "no zstd");
    &payload[1..]
}

/// Shows a stranger one packet of drawn pixels.
fn show(stranger: &mut Stranger, splitter: &mut Splitter, bytes: &[u8]) {
    splitter.feed(bytes);
    loop {
        match splitter.next(&Limits::default()).expect("a sound stream") {
            // What the stream may have. Layers, fades among them, would be found in the packet.
            Some(Piece::Header(features)) => assert_eq!(features & !FEATURE_FADES, 0),
            Some(Piece::Packet(kind, body)) => {
                match Packet::read(kind, body, &Limits::default()).expect("a packet") {
                    Packet::Snapshot(snapshot) => {
                        assert_eq!(snapshot.data[0], 1, "alone");
                        stranger.read(bits(&snapshot.data[1..]));
                    }
                    Packet::Update(update) => {
                        assert_eq!(update.copies, [], "a stranger cannot copy");
                        assert_eq!(update.layers, [], "a stranger knows no layers");
                        stranger.read(bits(update.data));
                    }
                    other => panic!("{other:?}"),
                }
                return;
            }
            other => panic!("{other:?}"),
        }
    }
}

/// The same of pixels that are nearly exact.
#[test]
fn a_stranger_decodes_nearly_exact_pixels() {
    let size = Size::new(320, 192);
    let config = EncoderConfig { mode: Mode::Auto, av1: Av1Choice::Off, ..EncoderConfig::default() };
    let mut encoder = Encoder::new(config).expect("an encoder");
    let mut picture = black(size);
    let mut splitter = Splitter::new();
    let mut stranger = Stranger::new(size.width.into(), size.height.into());
    for moment in 0..24 {
        scene::chart(&mut picture, &Rect::new(33, 30, 200, 60), moment);
        let mut bytes = Vec::new();
        encode(&mut encoder, &picture, &Damage::Unknown, moment.into(), &mut bytes);
        show(&mut stranger, &mut splitter, &bytes);
        let shown = encoder.shown().expect("a picture");
        let expected = shown.pixels().chunks_exact(4).map(|p| u32::from_le_bytes([p[0], p[1], p[2], 0]));
        assert!(stranger.pixels.iter().copied().eq(expected), "picture {moment}");
    }
    assert!(!encoder.exactness().is_exact(), "the chart is nearly exact");
}

/// A drawn snapshot and an update after it, by a decoder written from docs/bitstream.md.
#[test]
fn a_stranger_decodes_modelled_pixels() {
    let size = Size::new(323, 177);
    let mut picture = black(size);
    let mut random = Random(6);
    scene::fill(&mut picture, &Rect::new(10, 9, 280, 140), |x, y| match (x * x / 9 + y * 3) % 11 {
        0 => [90, 90, 90],
        1..3 => [20, (x / 7) as u8, 200],
        _ => [250, 250, 250],
    });
    let mut encoder = encoder();
    let mut splitter = Splitter::new();
    let mut stranger = Stranger::new(size.width.into(), size.height.into());
    for index in 0..12 {
        let mut bytes = Vec::new();
        encode(&mut encoder, &picture, &Damage::Unknown, index, &mut bytes);
        show(&mut stranger, &mut splitter, &bytes);
        let expected = picture.pixels().chunks_exact(4).map(|p| u32::from_le_bytes([p[0], p[1], p[2], 0]));
        assert!(stranger.pixels.iter().copied().eq(expected), "picture {index}");
        // Small things change, one of them to colours never seen.
        for _ in 0..3 {
            let (x, y) = (random.below(size.width - 30), random.below(size.height - 20));
            let base = random.next() as u8;
            scene::fill(&mut picture, &Rect::new(x, y, 29, 15), |x, y| {
                [base, base ^ (x * y % 5) as u8, base.wrapping_add((y % 3) as u8)]
            });
        }
    }
}

#[test]
fn a_stranger_calls_back_what_tiles_held_before() {
    let size = Size::new(323, 177);
    let mut random = Random(9);
    let mut page = || {
        let mut picture = black(size);
        for y in 0..177 {
            for x in 0..323 {
                let ink = [random.next() as u8 & 192; 3];
                scene::fill(&mut picture, &Rect::new(x, y, 1, 1), |_, _| ink);
            }
        }
        picture
    };
    let pages: Vec<FrameBuf> = (0..6).map(|_| page()).collect();
    let mut encoder = encoder();
    let mut splitter = Splitter::new();
    let mut stranger = Stranger::new(size.width.into(), size.height.into());
    let (mut recalled, mut pages_px) = (0, 0);
    // The pages of a reader who goes back and forth; the fifth time something small is different, then it hurries.
    let visits = [0, 1, 0, 2, 1, 0, 3, 4, 5, 0, 1, 2, 1, 5, 5, 3];
    for (visit, page) in visits.into_iter().enumerate() {
        let mut picture = pages[page].clone();
        if visit == 4 {
            scene::fill(&mut picture, &Rect::new(70, 70, 9, 9), |_, _| [1, 2, 3]);
        }
        let index = if visit < 12 { visit * 10 } else { 110 + visit };
        let mut bytes = Vec::new();
        encode(&mut encoder, &picture, &Damage::Unknown, index as u64, &mut bytes);
        splitter.feed(&bytes);
        while let Some(piece) = splitter.next(&Limits::default()).expect("a sound stream") {
            match piece {
                Piece::Header(_) => {}
                Piece::Packet(kind, body) => {
                    match Packet::read(kind, body, &Limits::default()).expect("a packet") {
                        Packet::Snapshot(snapshot) => {
                            stranger.keep(snapshot.recall_px);
                            stranger.read(bits(&snapshot.data[1..]));
                        }
                        Packet::Update(update) => {
                            assert_eq!((&update.copies[..], update.layers.len()), (&[][..], 0));
                            let table = stranger.update(bits(update.data), update.timestamp.micros());
                            let px = |entry: &stranger::Entry| entry.1 * entry.3;
                            recalled += table.iter().filter(|entry| entry.4 == 4).map(px).sum::<i64>();
                            pages_px += 323 * 177;
                        }
                        other => panic!("{other:?}"),
                    }
                }
            }
        }
        let expected = picture.pixels().chunks_exact(4).map(|p| u32::from_le_bytes([p[0], p[1], p[2], 0]));
        assert!(stranger.pixels.iter().copied().eq(expected), "visit {visit}");
    }
    assert!(recalled * 4 > pages_px, "{recalled} of {pages_px} pixels were called back");
}

fn traces() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/traces");
    folder.is_dir().then_some(folder)
}

/// Recorded desktops, where they are: some 60 pictures out of each, or all with `PANECAST_WHOLE_TRACES=1`.
#[test]
fn recorded_desktops_come_back_exactly() {
    let Some(folder) = traces() else {
        eprintln!("no recorded desktops beside this checkout; benches/lossless.rs tells how to get figures");
        return;
    };
    let whole = std::env::var_os("PANECAST_WHOLE_TRACES").is_some();
    for name in ["t01_docscroll", "t03_terminal", "t06_windows", "t08_idle"] {
        let mut zstd = Command::new("zstd")
            .args(["-dcq", "--long=27"])
            .arg(folder.join(format!("{name}.bgr.zst")))
            .stdout(Stdio::piped())
            .spawn()
            .expect("`zstd` is not there; run `cargo xtask setup`");
        let mut pipe = zstd.stdout.take().expect("a pipe");
        let size = Size::new(1280, 720);
        let mut picture = black(size);
        let mut raw = vec![0; size.area() as usize * 3];
        let (mut encoder, mut decoder) = (encoder(), Decoder::new(Limits::default()));
        let mut done = 0;
        for i in 0_u64.. {
            if pipe.read_exact(&mut raw).is_err() || (!whole && i >= 200) {
                break;
            }
            // Thirty pictures in a row, then every sixth.
            if !whole && i >= 30 && i % 6 != 0 {
                continue;
            }
            for (px, bgr) in picture.pixels_mut().chunks_exact_mut(4).zip(raw.chunks_exact(3)) {
                px[..3].copy_from_slice(bgr);
            }
            let mut bytes = Vec::new();
            encode(&mut encoder, &picture, &Damage::Unknown, i, &mut bytes);
            decode_all(&mut decoder, &bytes);
            assert_holds(&decoder, &picture, &format!("{name}, picture {i}"));
            done += 1;
        }
        drop(pipe);
        let _ = zstd.wait();
        assert!(done >= 50, "{name}: only {done} pictures could be read");
    }
}
