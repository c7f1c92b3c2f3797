//! Units that are broken, and units that are too large.

use crate::scene::picture;
use panecast::codec::av1::{self, Av1Choice, Chroma, Planes, to_planes};
use panecast::frame::Size;
use panecast::{ErrorKind, Limits};

fn units(size: Size, count: u32) -> Vec<Vec<u8>> {
    let mut encoder = Av1Choice::Aom.video(size, Chroma::Half, 30).unwrap();
    let mut planes = Planes::default();
    let code = |time| {
        to_planes(&picture(size, time), &size.rect(), &mut planes, Chroma::Half, &Limits::default()).unwrap();
        let mut unit = Vec::new();
        encoder.encode(&planes, 80, false, &mut unit).unwrap();
        unit
    };
    (0..count).map(code).collect()
}

#[test]
fn a_picture_over_the_limits_is_refused() {
    let unit = &units(Size::new(96, 64), 1)[0];
    let mut planes = Planes::default();
    let pixels = Limits { pixels: 96 * 64 - 1, ..Limits::default() };
    let side = Limits { side_px: 95, ..Limits::default() };
    for limits in [pixels, side] {
        let error = av1::decoder(&limits).unwrap().decode(unit, &mut planes).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::LimitExceeded, "{error}");
    }
    let exact = Limits { pixels: 96 * 64, side_px: 96, ..Limits::default() };
    av1::decoder(&exact).unwrap().decode(unit, &mut planes).unwrap();
}

#[test]
fn a_unit_cut_short_is_refused() {
    let unit = &units(Size::new(64, 48), 1)[0];
    let mut planes = Planes::default();
    for length in 0..unit.len() {
        let error = av1::decoder(&Limits::default()).unwrap().decode(&unit[..length], &mut planes);
        assert_eq!(error.unwrap_err().kind(), ErrorKind::InvalidData, "{length} bytes");
    }
}

#[test]
fn two_pictures_in_one_unit_are_refused() {
    let units = units(Size::new(64, 48), 2);
    let both = units.concat();
    let error = av1::decoder(&Limits::default()).unwrap().decode(&both, &mut Planes::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData, "{error}");
}

#[test]
fn a_decoder_goes_on_with_the_next_keyframe() {
    let unit = &units(Size::new(64, 48), 1)[0];
    let mut decoder = av1::decoder(&Limits::default()).unwrap();
    let mut planes = Planes::default();
    assert!(decoder.decode(&unit[..unit.len() / 2], &mut planes).is_err());
    decoder.decode(unit, &mut planes).unwrap();
    assert_eq!(planes.size(), Size::new(64, 48));
}

#[test]
fn random_damage_never_panics() {
    let units = units(Size::new(72, 40), 3);
    let mut state = 7_u64;
    let mut random = move |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let mut refused = 0;
    for _ in 0..60 {
        let mut decoder = av1::decoder(&Limits::default()).unwrap();
        for unit in &units {
            let mut unit = unit.clone();
            for _ in 0..random(4) {
                let at = random(unit.len());
                unit[at] ^= 1 << random(8);
            }
            let mut planes = Planes::default();
            match decoder.decode(&unit, &mut planes) {
                Ok(()) => assert!(!planes.data().is_empty()),
                Err(_) => refused += 1,
            }
        }
    }
    assert!(refused > 0);
}
