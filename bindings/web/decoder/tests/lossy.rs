//! A picture with lossy parts, whose AV1 somebody else decodes, is the native decoder's, pixel for pixel.

use panecast::Limits;
use panecast::capture::Damage;
use panecast::codec::av1::{self, Av1Choice, Av1Decoder, Planes};
use panecast::codec::{Decoded, Decoder, Encoder, EncoderConfig, Mode};
use panecast::frame::{FrameBuf, Size, Timestamp};
use panecast_web_decoder::{Step, Viewer, limits};
use std::collections::BTreeMap;

const SIZE: Size = Size { width: 331, height: 203 };

/// A film on the right of something drawn.
fn picture(step: u32) -> FrameBuf {
    let mut frame = FrameBuf::new(SIZE, &Limits::default()).unwrap();
    for y in 0..SIZE.height {
        for x in 0..SIZE.width {
            let at = (y * SIZE.width + x) as usize * 4;
            let value = if x > 130 && y > 20 {
                let (u, v) = ((x + 3 * step) as f32, (y + step) as f32);
                // New in every picture: what only moved would be copied.
                let seed =
                    (x + step * 77).wrapping_mul(2_654_435_761) ^ (y + step * 31).wrapping_mul(40_503_001);
                let (grain, phase) = (seed.wrapping_mul(1_274_126_177) >> 29, step as f32 / 5.0);
                let wave = |a: f32, b: f32| {
                    (120.0 + 60.0 * (u / a).sin() + 40.0 * (v / b + phase).sin()) as u32 + grain
                };
                [wave(17.0, 29.0) as u8, wave(31.0, 13.0) as u8, wave(11.0, 41.0) as u8]
            } else {
                [if x / 7 % 3 == 0 && y % 9 < 6 { 20 } else { 250 }; 3]
            };
            frame.pixels_mut()[at..at + 3].copy_from_slice(&value);
        }
    }
    frame
}

fn next_of(viewer: &mut Viewer, decoders: &mut BTreeMap<u32, Box<dyn Av1Decoder>>) -> (Step, usize) {
    let mut units = 0;
    loop {
        match viewer.step().unwrap() {
            Step::NeedsPlanes => {
                let request = viewer.request().unwrap();
                if request.keyframe {
                    decoders.insert(request.surface, av1::decoder(&Limits::default()).unwrap());
                }
                let mut planes = Planes::default();
                let decoder = decoders.get_mut(&request.surface).unwrap();
                decoder.decode(request.data, &mut planes).unwrap();
                assert_eq!((planes.size(), planes.chroma()), (request.size, request.chroma));
                viewer.planes_mut().copy_from_slice(planes.data());
                viewer.supply().unwrap();
                units += 1;
            }
            step => return (step, units),
        }
    }
}

#[test]
fn planes_from_elsewhere_give_the_native_picture() {
    let config = EncoderConfig { mode: Mode::Auto, av1: Av1Choice::best(), ..EncoderConfig::default() };
    assert_ne!(config.av1, Av1Choice::Off, "this test needs an AV1 encoder");
    let mut encoder = Encoder::new(config).unwrap();
    let mut native = Decoder::new(limits());
    let mut viewer = Viewer::new(limits());
    let mut decoders = BTreeMap::new();
    let (mut av1_units, mut lossy_pictures) = (0, 0);
    for step in 0..60 {
        let mut bytes = Vec::new();
        let timestamp = Timestamp(u64::from(step) * 100_000);
        encoder.encode(&mut picture(step.min(40)), &Damage::Unknown, timestamp, &mut bytes).unwrap();
        native.feed(&bytes).unwrap();
        while let Some(decoded) = native.next().unwrap() {
            assert!(!matches!(decoded, Decoded::NeedsPlanes));
        }
        viewer.feed(&bytes).unwrap();
        loop {
            let (found, units) = next_of(&mut viewer, &mut decoders);
            av1_units += units;
            if found == Step::NeedsBytes {
                break;
            }
        }
        let frame = native.frame().unwrap();
        let expected = frame.pixels().as_chunks::<4>().0.iter().flat_map(|&[b, g, r, a]| [r, g, b, a]);
        assert!(expected.eq(viewer.rgba().iter().copied()), "step {step}");
        assert_eq!(viewer.lossy_px(), native.exactness().lossy_px());
        lossy_pictures += u32::from(viewer.lossy_px() > 0);
        let marks = viewer.marks().to_vec();
        for (i, mark) in marks.as_chunks::<4>().0.iter().enumerate() {
            let (x, y) = (i as u32 % SIZE.width, i as u32 / SIZE.width);
            assert_eq!(mark[3] == 0, native.exactness().is_exact_at(x, y), "step {step}, pixel {x},{y}");
        }
    }
    assert!(av1_units > 10, "only {av1_units} AV1 units");
    assert!(lossy_pictures > 10, "only {lossy_pictures} pictures had lossy pixels");
}
