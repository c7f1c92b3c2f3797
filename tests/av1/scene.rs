//! Pictures to code: smooth shading, an edge that moves, and some noise, so that every tool has work.

use panecast::Limits;
use panecast::frame::{FrameBuf, Size};

/// Picture `time` of a scene.
pub(crate) fn picture(size: Size, time: u32) -> FrameBuf {
    let mut frame = FrameBuf::new(size, &Limits::default()).unwrap();
    let width = size.width as usize;
    let mut noise = 0x9E37_79B9_u32 ^ time;
    for (i, p) in frame.pixels_mut().as_chunks_mut::<4>().0.iter_mut().enumerate() {
        let (x, y) = ((i % width) as u32, (i / width) as u32);
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let grain = (noise >> 29) as u8;
        let inside = (x.wrapping_sub(3 * time)) % 64 < 20 && y % 48 < 24;
        *p = if inside {
            [200, 40 + grain, 60, 255]
        } else {
            [(x * 2 + y) as u8 / 2, (y * 3 + 2 * time) as u8 / 2 + grain, (x + time) as u8 / 2 + 64, 255]
        };
    }
    frame
}

/// Signal to noise of two pictures' colours, in decibels.
pub(crate) fn psnr(a: &FrameBuf, b: &FrameBuf) -> f64 {
    assert_eq!(a.size(), b.size());
    let squares: u64 = a.pixels().iter().zip(b.pixels()).map(|(a, b)| u64::from(a.abs_diff(*b)).pow(2)).sum();
    let mean = squares as f64 / (a.size().area() * 3) as f64;
    if mean == 0.0 { 99.0 } else { 10.0 * (255.0_f64.powi(2) / mean).log10() }
}
