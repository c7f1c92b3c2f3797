//! Units of every encoder against every decoder there is.

use crate::scene::{picture, psnr};
use panecast::Limits;
use panecast::codec::av1::{self, Av1Choice, Av1Encoder, Chroma, Planes, to_picture, to_planes};
use panecast::frame::Size;

const CHROMAS: [Chroma; 2] = [Chroma::Half, Chroma::Full];

/// The encoders that are built in.
fn choices() -> impl Iterator<Item = Av1Choice> {
    Av1Choice::ALL.into_iter().filter(|choice| *choice != Av1Choice::Off && choice.available())
}

fn planes_of(size: Size, chroma: Chroma, time: u32) -> Planes {
    let mut planes = Planes::default();
    to_planes(&picture(size, time), &size.rect(), &mut planes, chroma, &Limits::default()).unwrap();
    planes
}

/// A stream with a change of quantizer and a keyframe in the middle: its units and what they show.
struct Coded {
    units: Vec<Vec<u8>>,
    shown: Vec<Planes>,
}

fn code(encoder: &mut dyn Av1Encoder, size: Size, chroma: Chroma) -> Coded {
    let mut coded = Coded { units: Vec::new(), shown: Vec::new() };
    for (time, (quantizer, keyframe)) in [
        (120, false),
        (120, false),
        (30, false),
        (200, false),
        (90, true),
        (90, false),
        (0, false),
        (255, false),
    ]
    .into_iter()
    .enumerate()
    {
        let mut unit = b"kept".to_vec();
        encoder.encode(&planes_of(size, chroma, time as u32), quantizer, keyframe, &mut unit).unwrap();
        assert_eq!(&unit[..4], b"kept");
        coded.units.push(unit.split_off(4));
        let mut shown = Planes::default();
        encoder.reconstruction(&mut shown).unwrap();
        coded.shown.push(shown);
    }
    coded
}

fn decodes_to_what_the_encoder_shows(size: Size) {
    for choice in choices() {
        for chroma in CHROMAS {
            for still in [true, false] {
                let mut encoder =
                    if still { choice.still(size, chroma) } else { choice.video(size, chroma, 30) }.unwrap();
                let coded = code(&mut *encoder, size, chroma);
                let mut decoder = av1::decoder(&Limits::default()).unwrap();
                let mut planes = Planes::default();
                for (i, (unit, shown)) in coded.units.iter().zip(&coded.shown).enumerate() {
                    decoder.decode(unit, &mut planes).unwrap();
                    assert!(planes == *shown, "{choice} {size} {chroma:?} still {still}: unit {i} differs");
                    let begins = still || i == 0 || i == 4;
                    if begins {
                        let mut fresh = av1::decoder(&Limits::default()).unwrap();
                        fresh.decode(unit, &mut planes).unwrap();
                        assert!(
                            planes == *shown,
                            "{choice} {size} {chroma:?}: unit {i} does not stand alone"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn tiny_and_odd_pictures() {
    for (width, height) in [(1, 1), (2, 1), (1, 2), (3, 5), (15, 16), (17, 7), (33, 64), (67, 35)] {
        decodes_to_what_the_encoder_shows(Size::new(width, height));
    }
}

#[test]
fn a_picture_of_several_superblocks() {
    decodes_to_what_the_encoder_shows(Size::new(322, 181));
}

#[test]
fn a_better_quantizer_gives_a_better_picture() {
    let size = Size::new(160, 96);
    for choice in choices() {
        for chroma in CHROMAS {
            let mut encoder = choice.still(size, chroma).unwrap();
            let mut last = 0.0;
            for quantizer in [240, 160, 80, 20] {
                let (mut unit, mut shown) = (Vec::new(), Planes::default());
                encoder.encode(&planes_of(size, chroma, 3), quantizer, true, &mut unit).unwrap();
                encoder.reconstruction(&mut shown).unwrap();
                let source = picture(size, 3);
                let mut seen = source.clone();
                to_picture(&shown, &size.rect(), &mut seen, (0, 0)).unwrap();
                let found = psnr(&source, &seen);
                assert!(found > last, "{choice} {chroma:?} {quantizer}: {found} dB after {last}");
                last = found;
            }
            // Sharp coloured edges bound what halved colour differences can show.
            let least = if chroma == Chroma::Full { 42.0 } else { 28.0 };
            assert!(last > least, "{choice} {chroma:?}: {last} dB at the best");
        }
    }
}

#[test]
fn the_same_pictures_give_the_same_bytes() {
    let size = Size::new(130, 70);
    for choice in choices() {
        let run = || code(&mut *choice.video(size, Chroma::Half, 30).unwrap(), size, Chroma::Half).units;
        assert_eq!(run(), run(), "{choice}");
    }
}
