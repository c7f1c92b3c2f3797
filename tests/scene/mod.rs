//! Random desktops for tests: rectangles, noise, glyphs, scrolls and moves, from a seed.
#![allow(dead_code)]

use panecast::Limits;
use panecast::frame::{FrameBuf, Rect, Size};

/// A small deterministic generator (SplitMix64).
#[derive(Clone, Debug)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `n`; 0 for n = 0.
    pub(crate) fn below(&mut self, n: u32) -> u32 {
        if n == 0 { 0 } else { (self.next() % u64::from(n)) as u32 }
    }

    pub(crate) fn rect(&mut self, size: Size) -> Rect {
        let (x, y) = (self.below(size.width), self.below(size.height));
        Rect::new(x, y, 1 + self.below(size.width - x), 1 + self.below(size.height - y))
    }
}

pub(crate) fn black(size: Size) -> FrameBuf {
    FrameBuf::new(size, &Limits::default()).expect("a picture within the limits")
}

pub(crate) fn fill(picture: &mut FrameBuf, rect: &Rect, mut pixel: impl FnMut(u32, u32) -> [u8; 3]) {
    for y in rect.y..rect.bottom() {
        for (i, px) in picture.row_of_mut(rect, y).chunks_exact_mut(4).enumerate() {
            px[..3].copy_from_slice(&pixel(rect.x + i as u32, y));
        }
    }
}

/// Changes the picture as programs do, and returns the rectangles that it touched.
pub(crate) fn change(picture: &mut FrameBuf, random: &mut Random) -> Vec<Rect> {
    let size = picture.size();
    let mut touched = Vec::new();
    for _ in 0..1 + random.below(3) {
        let rect = random.rect(size);
        match random.below(6) {
            0 => {
                let colour = random.next().to_le_bytes();
                fill(picture, &rect, |_, _| [colour[0], colour[1], colour[2]]);
            }
            1 => {
                let mut noise = Random(random.next());
                fill(picture, &rect, |_, _| {
                    let v = noise.next().to_le_bytes();
                    [v[0], v[1], v[2]]
                });
            }
            2 | 3 => {
                // Text: glyphs of 8 × 13 out of a small alphabet on a grid.
                let seed = random.next();
                fill(picture, &rect, |x, y| {
                    let glyph = Random(seed ^ u64::from(x / 8) << 20 ^ u64::from(y / 13)).next() % 12;
                    let dot = Random(glyph << 16 ^ u64::from(x % 8) << 8 ^ u64::from(y % 13))
                        .next()
                        .is_multiple_of(3);
                    if dot { [230, 230, 220] } else { [20, 24, 30] }
                });
            }
            4 => {
                // A vertical scroll within the rectangle.
                let by = random.below(rect.height) as usize;
                let rows: Vec<Vec<u8>> =
                    (rect.y..rect.bottom()).map(|y| picture.row_of(&rect, y).to_vec()).collect();
                for (i, y) in (rect.y..rect.bottom()).enumerate() {
                    picture.row_of_mut(&rect, y).copy_from_slice(&rows[(i + by) % rows.len()]);
                }
            }
            _ => {
                // A move of the rectangle's content to another place.
                let to = Rect::new(
                    random.below(size.width - rect.width + 1),
                    random.below(size.height - rect.height + 1),
                    rect.width,
                    rect.height,
                );
                let rows: Vec<Vec<u8>> =
                    (rect.y..rect.bottom()).map(|y| picture.row_of(&rect, y).to_vec()).collect();
                for (i, y) in (to.y..to.bottom()).enumerate() {
                    picture.row_of_mut(&to, y).copy_from_slice(&rows[i]);
                }
                touched.push(to);
            }
        }
        touched.push(rect);
    }
    touched
}

/// A pixel of something photographed: smooth shapes of many colours and some grain. Another `moment` is the same
/// scene a little later: shapes swell, and the grain is another.
pub(crate) fn photographed(x: u32, y: u32, moment: u32) -> [u8; 3] {
    let grain = (Random(u64::from(moment) << 40 ^ u64::from(x) << 20 ^ u64::from(y)).next() % 7) as i32 - 3;
    let (x, y, t) = (f64::from(x), f64::from(y), f64::from(moment) * 0.1);
    let wave = |a: f64, b: f64, c: f64| {
        ((x / a + y / b + c + t).sin() * 60.0 + (y / a - x / (b * 2.0) + t).cos() * 40.0 + 128.0) as i32
    };
    [wave(31.0, 57.0, 0.0), wave(43.0, 29.0, 1.0), wave(71.0, 37.0, 2.0)]
        .map(|v| (v + grain).clamp(0, 255) as u8)
}

/// A chart with smoothed lines through values that move on from moment to moment, on a plain ground.
pub(crate) fn chart(picture: &mut FrameBuf, rect: &Rect, moment: u32) {
    const LINES: [[f64; 3]; 3] = [[80.0, 176.0, 255.0], [120.0, 224.0, 126.0], [255.0, 180.0, 84.0]];
    let height = f64::from(rect.height);
    fill(picture, rect, |x, y| {
        let mut pixel = [29.0, 33.0, 24.0];
        for (i, line) in LINES.iter().enumerate() {
            // A value about every five pixels; no two moments show them at the same places between the pixels.
            let place = f64::from(x) * 0.1973 + f64::from(moment) * 1.2718;
            let value =
                |at: f64| (Random((at as u64) << 2 | i as u64).next() >> 40) as f64 / (1_u64 << 24) as f64;
            let value = value(place) + (value(place + 1.0) - value(place)) * place.fract();
            let middle = f64::from(rect.y) + height * (0.2 + 0.25 * i as f64 + 0.2 * value);
            let share = (1.6 - (f64::from(y) - middle).abs()).clamp(0.0, 1.0);
            for (own, line) in pixel.iter_mut().zip(line) {
                *own += (line - *own) * share;
            }
        }
        pixel.map(|v| v as u8)
    });
}
