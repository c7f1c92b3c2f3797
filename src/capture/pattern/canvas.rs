//! Painting into a part of a picture.

use super::font::Font;
use crate::frame::{BYTES_PER_PIXEL, FrameBuf, Rect};

/// A colour as 0xRRGGBB.
pub(super) type Color = u32;

/// A rectangle that may reach outside the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Area {
    pub(super) x: i32,
    pub(super) y: i32,
    pub(super) width: i32,
    pub(super) height: i32,
}

impl Area {
    pub(super) const fn new(x: i32, y: i32, width: i32, height: i32) -> Self {
        Self { x, y, width, height }
    }

    /// It without `by` pixels at each side.
    pub(super) const fn inset(self, by: i32) -> Self {
        Self::new(self.x + by, self.y + by, self.width - 2 * by, self.height - 2 * by)
    }

    /// What of it lies in a picture of `size`.
    pub(super) fn rect(self, size: crate::frame::Size) -> Rect {
        Rect::clipped(self.x.into(), self.y.into(), self.width.into(), self.height.into(), size)
    }
}

/// A picture and the part of it that may be painted.
pub(super) struct Canvas<'a> {
    frame: &'a mut FrameBuf,
    clip: Rect,
}

impl<'a> Canvas<'a> {
    /// A canvas over `clip`, which lies within `frame`.
    pub(super) fn new(frame: &'a mut FrameBuf, clip: Rect) -> Self {
        Self { frame, clip }
    }

    /// Paints within `area` only, until the returned canvas is dropped.
    pub(super) fn within(&mut self, area: Area) -> Canvas<'_> {
        let clip = self.visible(area);
        Canvas { frame: self.frame, clip }
    }

    /// What of `area` may be painted.
    pub(super) fn visible(&self, area: Area) -> Rect {
        area.rect(self.frame.size()).intersection(&self.clip).unwrap_or_default()
    }

    pub(super) fn fill(&mut self, area: Area, color: Color) {
        let rect = self.visible(area);
        let px = bytes(color);
        for y in rect.y..rect.bottom() {
            self.frame.row_of_mut(&rect, y).as_chunks_mut::<BYTES_PER_PIXEL>().0.fill(px);
        }
    }

    /// Copies what may be painted from `from`, a picture of the same size.
    pub(super) fn copy(&mut self, from: &FrameBuf) {
        self.frame.copy_rect(from, &self.clip);
    }

    /// Sets each pixel of `area` that may be painted to `shade(x, y)`, from the area's corner.
    pub(super) fn shade(&mut self, area: Area, shade: impl Fn(i32, i32) -> Color) {
        let rect = self.visible(area);
        for y in rect.y..rect.bottom() {
            let row = self.frame.row_of_mut(&rect, y).as_chunks_mut::<BYTES_PER_PIXEL>().0;
            for (i, px) in row.iter_mut().enumerate() {
                *px = bytes(shade(rect.x as i32 + i as i32 - area.x, y as i32 - area.y));
            }
        }
    }

    /// Mixes `color` over each pixel of `area` that may be painted, `alpha(x, y)` of 255 parts of it, from the
    /// area's corner.
    pub(super) fn blend(&mut self, area: Area, color: Color, alpha: impl Fn(i32, i32) -> u8) {
        let rect = self.visible(area);
        for y in rect.y..rect.bottom() {
            let row = self.frame.row_of_mut(&rect, y).as_chunks_mut::<BYTES_PER_PIXEL>().0;
            for (i, px) in row.iter_mut().enumerate() {
                mix(px, color, alpha(rect.x as i32 + i as i32 - area.x, y as i32 - area.y));
            }
        }
    }

    /// Writes `text` with its top left corner at (`x`, `y`).
    pub(super) fn text(&mut self, font: &Font, x: i32, y: i32, text: &str, color: Color) {
        for (i, c) in text.bytes().enumerate() {
            let cell = Area::new(x + i as i32 * font.advance, y, font.advance, font.line);
            if c == b' ' || self.visible(cell).is_empty() {
                continue;
            }
            let mask = font.mask(c);
            self.blend(cell, color, |x, y| mask[(y * font.advance + x) as usize]);
        }
    }

    /// Fills a disc.
    pub(super) fn disc(&mut self, center: (i32, i32), radius: i32, color: Color) {
        let area = Area::new(center.0 - radius - 1, center.1 - radius - 1, 2 * radius + 3, 2 * radius + 3);
        self.blend(area, color, |x, y| {
            let (dx, dy) = (i64::from(x - radius - 1), i64::from(y - radius - 1));
            // (r + ½)² − d² over 2 r is about how far inside the edge the pixel lies.
            let edge = (i64::from(radius) * i64::from(radius) + i64::from(radius) - dx * dx - dy * dy) * 255;
            (edge / i64::from(2 * radius.max(1))).clamp(0, 255) as u8
        });
    }
}

fn bytes(color: Color) -> [u8; 4] {
    (color | 0xFF00_0000).to_le_bytes()
}

fn mix(px: &mut [u8; 4], color: Color, alpha: u8) {
    match alpha {
        0 => {}
        255 => *px = bytes(color),
        _ => {
            let (over, under) = (u32::from(alpha), 255 - u32::from(alpha));
            for (have, new) in px.iter_mut().zip(color.to_le_bytes()).take(3) {
                *have = ((u32::from(*have) * under + u32::from(new) * over + 127) / 255) as u8;
            }
        }
    }
}

/// The colour `part` of `whole` on the way from `from` to `to`.
pub(super) fn between(from: Color, to: Color, part: i64, whole: i64) -> Color {
    let whole = whole.max(1);
    let part = part.clamp(0, whole);
    let channel = |shift: u32| {
        let (a, b) = (i64::from(from >> shift & 0xFF), i64::from(to >> shift & 0xFF));
        ((a * (whole - part) + b * part + whole / 2) / whole) as u32
    };
    channel(16) << 16 | channel(8) << 8 | channel(0)
}

/// A smooth wave of period 4096 between −1000 and 1000, made of parabolas: the same on every machine.
pub(super) fn wave(at: i64) -> i64 {
    let t = at.rem_euclid(4096);
    let (t, sign) = if t < 2048 { (t, 1) } else { (t - 2048, -1) };
    sign * t * (2048 - t) * 1000 / (1024 * 1024)
}
