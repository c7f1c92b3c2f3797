//! The conversion against the real-valued formulas of ITU-R BT.601, and against the written integers.

use crate::scene::{picture, psnr};
use panecast::Limits;
use panecast::codec::av1::{Chroma, Planes, to_picture, to_planes};
use panecast::frame::{FrameBuf, Rect, Size};
use proptest::prelude::*;

/// docs/av1.md §2, one pixel at a time.
mod written {
    use super::*;

    fn difference(planes: &Planes, plane: usize, x: i64, y: i64) -> i64 {
        let size = planes.plane_size(plane);
        let at = |x: i64, y: i64| {
            let x = x.clamp(0, i64::from(size.width) - 1);
            let y = y.clamp(0, i64::from(size.height) - 1);
            i64::from(planes.plane(plane)[(y * i64::from(size.width) + x) as usize])
        };
        match planes.chroma() {
            Chroma::Full => at(x, y),
            Chroma::Half => {
                let (far_x, far_y) = (x / 2 + 2 * (x % 2) - 1, y / 2 + 2 * (y % 2) - 1);
                let (x, y) = (x / 2, y / 2);
                (9 * at(x, y) + 3 * at(far_x, y) + 3 * at(x, far_y) + at(far_x, far_y) + 8).div_euclid(16)
            }
        }
    }

    pub(super) fn pixel(planes: &Planes, x: u32, y: u32) -> [u8; 4] {
        let luma = i64::from(planes.plane(0)[(y * planes.size().width + x) as usize]);
        let u = difference(planes, 1, x.into(), y.into()) - 128;
        let v = difference(planes, 2, x.into(), y.into()) - 128;
        let (b, g, r) = match planes.chroma() {
            Chroma::Half => {
                let luma = 9539 * (luma - 16);
                (luma + 16525 * u, luma - 3209 * u - 6660 * v, luma + 13075 * v)
            }
            Chroma::Full => {
                let luma = 8192 * luma;
                (luma + 14516 * u, luma - 2819 * u - 5850 * v, luma + 11485 * v)
            }
        };
        let round = |c: i64| (c + 4096).div_euclid(8192).clamp(0, 255) as u8;
        [round(b), round(g), round(r), 255]
    }
}

fn chroma() -> impl Strategy<Value = Chroma> {
    prop_oneof![Just(Chroma::Half), Just(Chroma::Full)]
}

proptest! {
    #[test]
    fn any_part_of_any_planes_becomes_the_written_pixels(
        width in 1..300_u32, height in 1..12_u32, chroma in chroma(), seed in any::<u64>(),
        part in [0.0..1.0_f64, 0.0..1.0, 0.0..1.0, 0.0..1.0],
    ) {
        let size = Size::new(width, height);
        let mut planes = Planes::new(size, chroma, &Limits::default()).unwrap();
        let mut state = seed | 1;
        for sample in planes.data_mut() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *sample = (state >> 56) as u8;
        }
        let x = (part[0] * f64::from(width)) as u32;
        let y = (part[1] * f64::from(height)) as u32;
        let from = Rect::new(
            x, y, 1 + (part[2] * f64::from(width - x - 1)) as u32, 1 + (part[3] * f64::from(height - y - 1)) as u32,
        );
        let mut frame = FrameBuf::new(Size::new(from.width + 3, from.height + 2), &Limits::default()).unwrap();
        let black = frame.clone();
        to_picture(&planes, &from, &mut frame, (2, 1)).unwrap();
        for y in 0..frame.size().height {
            for x in 0..frame.size().width {
                let found = &frame.row(y)[x as usize * 4..][..4];
                let place = Rect::new(2, 1, from.width, from.height);
                if place.contains(&Rect::new(x, y, 1, 1)) {
                    prop_assert_eq!(found, &written::pixel(&planes, from.x + x - 2, from.y + y - 1));
                } else {
                    prop_assert_eq!(found, &black.row(y)[x as usize * 4..][..4]);
                }
            }
        }
    }

    #[test]
    fn planes_are_the_standards_within_rounding(
        width in 1..40_u32, height in 1..8_u32, chroma in chroma(), seed in any::<u32>(),
    ) {
        let size = Size::new(width + 2, height + 1);
        let frame = picture(size, seed % 1000);
        let rect = Rect::new(1, 1, width, height);
        let mut planes = Planes::default();
        to_planes(&frame, &rect, &mut planes, chroma, &Limits::default()).unwrap();
        prop_assert_eq!((planes.size(), planes.chroma()), (rect.size(), chroma));
        let (low, luma_range, chroma_range) = match chroma {
            Chroma::Half => (16.0, 219.0, 224.0),
            Chroma::Full => (0.0, 255.0, 255.0),
        };
        let block = if chroma == Chroma::Half { 2 } else { 1 };
        let colour = |x: u32, y: u32| {
            let p = &frame.row(1 + y.min(height - 1))[(1 + x.min(width - 1)) as usize * 4..];
            [f64::from(p[0]) / 255.0, f64::from(p[1]) / 255.0, f64::from(p[2]) / 255.0]
        };
        let luma = |c: [f64; 3]| 0.114 * c[0] + 0.587 * c[1] + 0.299 * c[2];
        for y in 0..height {
            for x in 0..width {
                let found = f64::from(planes.plane(0)[(y * width + x) as usize]);
                prop_assert!((found - low - luma_range * luma(colour(x, y))).abs() < 0.52);
            }
        }
        let plane = planes.plane_size(1);
        for y in 0..plane.height {
            for x in 0..plane.width {
                let mut mean = [0.0; 3];
                for (dx, dy) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
                    let c = colour(block * x + dx % block, block * y + dy % block);
                    (0..3).for_each(|i| mean[i] += c[i] / 4.0);
                }
                let u = (128.0 + chroma_range * (mean[0] - luma(mean)) / 1.772).min(255.0);
                let v = (128.0 + chroma_range * (mean[2] - luma(mean)) / 1.402).min(255.0);
                let at = (y * plane.width + x) as usize;
                prop_assert!((f64::from(planes.plane(1)[at]) - u).abs() < 0.52);
                prop_assert!((f64::from(planes.plane(2)[at]) - v).abs() < 0.52);
            }
        }
    }
}

#[test]
fn greys_survive_full_range_and_colours_nearly() {
    let limits = Limits::default();
    let mut frame = FrameBuf::new(Size::new(256, 1), &limits).unwrap();
    for (i, p) in frame.pixels_mut().as_chunks_mut::<4>().0.iter_mut().enumerate() {
        *p = [i as u8, i as u8, i as u8, 255];
    }
    let (mut planes, mut back) = (Planes::default(), frame.clone());
    to_planes(&frame, &frame.size().rect(), &mut planes, Chroma::Full, &limits).unwrap();
    to_picture(&planes, &planes.size().rect(), &mut back, (0, 0)).unwrap();
    assert_eq!(frame.pixels(), back.pixels());

    let frame = picture(Size::new(321, 123), 5);
    let mut back = frame.clone();
    for (chroma, least) in [(Chroma::Full, 50.0), (Chroma::Half, 28.0)] {
        to_planes(&frame, &frame.size().rect(), &mut planes, chroma, &limits).unwrap();
        to_picture(&planes, &planes.size().rect(), &mut back, (0, 0)).unwrap();
        let found = psnr(&frame, &back);
        assert!(found > least, "{chroma:?}: {found} dB");
    }
}

#[test]
fn parts_that_do_not_fit_are_refused() {
    let limits = Limits::default();
    let frame = picture(Size::new(20, 10), 0);
    let mut planes = Planes::default();
    for rect in [Rect::new(0, 0, 21, 1), Rect::new(0, 0, 0, 1), Rect::new(u32::MAX, 0, 2, 1)] {
        assert!(to_planes(&frame, &rect, &mut planes, Chroma::Half, &limits).is_err(), "{rect}");
    }
    to_planes(&frame, &Rect::new(0, 0, 9, 9), &mut planes, Chroma::Half, &limits).unwrap();
    let mut out = frame.clone();
    assert!(to_picture(&planes, &Rect::new(0, 0, 10, 9), &mut out, (0, 0)).is_err());
    assert!(to_picture(&planes, &Rect::new(0, 0, 9, 9), &mut out, (12, 0)).is_err());
    assert_eq!(out.pixels(), frame.pixels());
}
