//! The fuzz targets over their corpus and over some thousand changed copies of it: the short run that needs no more
//! than the stable toolchain. Longer ones: `cargo +nightly fuzz run NAME`.

#[path = "../fuzz/targets.rs"]
mod targets;

mod scene;

use panecast::Limits;
use panecast::bitstream::{FEATURE_FILM, FilmBody, FilmCodec, FilmColour, Packet, write_header};
use panecast::capture::{CursorShape, CursorUpdate, Damage};
use panecast::codec::av1::{Av1Choice, Chroma, Planes, to_planes};
use panecast::codec::{Encoder, EncoderConfig, HeldTiles, Mode, photo};
use panecast::frame::{Rect, Size, Timestamp};
use scene::{Random, black, change, fill, photographed};
use std::path::{Path, PathBuf};

fn corpus(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target)
}

/// The kept inputs of `target`, in the order of their names.
fn kept(target: &str) -> Vec<Vec<u8>> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(corpus(target))
        .expect("a corpus")
        .map(|entry| entry.expect("a file").path())
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "{target} has no corpus");
    paths.iter().map(|path| std::fs::read(path).expect("a file")).collect()
}

/// Changes `bytes` as a fuzzer does: bits, bytes, numbers at the ends of their ranges, cuts, repetitions, splices.
fn mutate(bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    for _ in 0..1 + random.below(4) {
        let at = random.below(bytes.len() as u32) as usize;
        let end = (at + 1 + random.below(16) as usize).min(bytes.len());
        match random.below(8) {
            _ if bytes.is_empty() => bytes.push(random.next() as u8),
            0 | 1 => bytes[at] ^= 1 << random.below(8),
            2 => bytes[at] = random.next() as u8,
            3 => bytes[at] = [0, 1, 0x7F, 0x80, 0xFE, 0xFF][random.below(6) as usize],
            4 => drop(bytes.drain(at..end)),
            5 => {
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece);
            }
            6 => bytes.truncate(at),
            _ => {
                let from = random.below(other.len() as u32) as usize;
                bytes.splice(at..end, other[from..].iter().take(end - at + 8).copied());
            }
        }
    }
}

fn replay(target: &str, run: fn(&[u8]), rounds: u32) {
    let inputs = kept(target);
    for input in &inputs {
        run(input);
    }
    run(&[]);
    let mut random = Random(u64::from(rounds));
    for _ in 0..rounds {
        let [input, other] = [0, 1].map(|_| &inputs[random.below(inputs.len() as u32) as usize]);
        let mut bytes = input.clone();
        mutate(&mut bytes, other, &mut random);
        run(&bytes);
    }
}

#[test]
fn streams() {
    replay("stream", targets::stream, 3000);
}

#[test]
fn packets() {
    replay("packets", targets::packets, 20_000);
}

#[test]
fn photographs() {
    replay("photo", targets::photo, 4000);
}

#[test]
fn av1_units() {
    replay("av1", targets::av1, 600);
}

/// A film of another encoder: AV1 that decodes, then a keyframe of a codec that it does not have.
fn film() -> Vec<u8> {
    let size = Size::new(64, 48);
    let mut encoder = Av1Choice::best().video(size, Chroma::Half, 24).expect("an encoder");
    let (mut planes, mut stream) = (Planes::default(), Vec::new());
    write_header(FEATURE_FILM, &mut stream);
    for i in 0..5_u32 {
        let mut picture = black(size);
        fill(&mut picture, &size.rect(), |x, y| photographed(x, y, i));
        to_planes(&picture, &size.rect(), &mut planes, Chroma::Half, &Limits::default()).expect("planes");
        let (mut data, keyframe) = (Vec::new(), i % 3 == 0);
        encoder.encode(&planes, 120, keyframe, &mut data).expect("a unit");
        let codec = if i == 4 { FilmCodec::H264 } else { FilmCodec::Av1 };
        Packet::Film(FilmBody {
            epoch: u64::from(1 + i / 3 + i / 4),
            sequence: u64::from(i) + 1,
            timestamp: Timestamp::of_frame(i.into(), 24),
            size,
            codec,
            keyframe: keyframe || i == 4,
            colour: FilmColour { bt709: i > 2, full_range: i == 4 },
            data: &data,
        })
        .write(&mut stream);
    }
    stream
}

/// Writes the corpus anew, after a change of the format.
#[test]
#[ignore = "writes fuzz/corpus"]
fn write_the_corpus() {
    let write = |target: &str, name: &str, bytes: &[u8]| {
        std::fs::create_dir_all(corpus(target)).expect("a folder");
        std::fs::write(corpus(target).join(name), bytes).expect("a file");
    };
    for (name, mode) in [("lossless", Mode::Lossless), ("auto", Mode::Auto)] {
        let config = EncoderConfig { mode, av1: Av1Choice::best(), ..EncoderConfig::default() };
        let mut encoder = Encoder::new(config).expect("an encoder");
        let mut picture = black(Size::new(200, 150));
        let mut random = Random(3);
        let mut stream = Vec::new();
        let mut held = None;
        fill(&mut picture, &Rect::new(10, 5, 180, 128), |x, y| photographed(x, y, 1));
        for i in 0..14 {
            let mut frame = picture.clone();
            let time = Timestamp::of_frame(i, 30);
            encoder.encode(&mut frame, &Damage::Unknown, time, &mut stream).expect("an update");
            if i == 11 {
                let shown = encoder.shown().expect("a picture");
                held = Some((HeldTiles::of(shown).expect("few tiles"), stream.clone()));
            }
            if i < 10 && (mode == Mode::Auto || i == 5) {
                fill(&mut picture, &Rect::new(20, 10, 160, 100), |x, y| photographed(x, y, i as u32));
            } else {
                // Small, as the corpus is kept.
                let mut part = black(Size::new(60, 40));
                change(&mut part, &mut random);
                fill(&mut picture, &Rect::new(2 * i as u32, 3 * i as u32, 60, 40), |x, y| {
                    let at = 4 * ((y - 3 * i as u32) * 60 + x - 2 * i as u32) as usize;
                    [part.pixels()[at], part.pixels()[at + 1], part.pixels()[at + 2]]
                });
            }
        }
        let shape = CursorShape { size: Size::new(3, 2), hotspot: (1, 1), pixels: vec![200; 24] };
        let cursor = CursorUpdate { position: Some((5, -7)), shape: Some(shape) };
        encoder.cursor(&cursor, Timestamp::of_frame(14, 30), &mut stream).expect("a cursor");
        encoder.finish(14, 30, &mut stream);
        write("stream", name, &stream);
        let (held, mut cut) = held.expect("it was cut");
        encoder.resume(&held, Timestamp::of_frame(15, 30), &mut cut, &mut Vec::new()).expect("a resumption");
        write("stream", &format!("{name}-resumed"), &cut);
        if mode == Mode::Auto {
            write("packets", name, &stream);
        }
    }
    let film = film();
    write("stream", "film", &film);
    write("packets", "film", &film);
    let mut picture = black(Size::new(40, 30));
    fill(&mut picture, &Rect::new(0, 0, 40, 30), |x, y| photographed(x, y, 9));
    for near in [0_u8, 2, 9] {
        let rects = [Rect::from_edges(0, 0, 40, 12), Rect::from_edges(7, 12, 40, 30)];
        let mut bytes = vec![near, 39, 29, 7, 12];
        photo::encode(&picture, &rects, near, &mut picture.clone(), &mut bytes);
        write("photo", &format!("near-{near}"), &bytes);
    }
    for (name, chroma) in [("half", Chroma::Half), ("full", Chroma::Full)] {
        let mut encoder = Av1Choice::best().video(Size::new(40, 30), chroma, 30).expect("an encoder");
        let (mut planes, mut bytes) = (Planes::default(), Vec::new());
        for i in 0..3_u32 {
            fill(&mut picture, &Rect::new(0, 0, 40, 30), |x, y| photographed(x, y, i));
            to_planes(&picture, &picture.size().rect(), &mut planes, chroma, &Limits::default())
                .expect("planes");
            let mut unit = Vec::new();
            encoder.encode(&planes, 120, false, &mut unit).expect("a unit");
            bytes.extend((unit.len() as u16).to_le_bytes());
            bytes.extend(unit);
        }
        write("av1", name, &bytes);
    }
}
