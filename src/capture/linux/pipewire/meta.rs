//! What stands beside the pixels of a buffer: read from copies, with every length checked.

use crate::capture::CursorShape;
use crate::frame::{Rect, Size};
use crate::limits::Limits;

/// Longest of them that is read: a cursor of 1024 × 1024.
pub(super) const MOST_BYTES: u32 = 48 + 1024 * 1024 * 4;

const CURSOR_BYTES: usize = 28;
const BGRA: [u32; 2] = [8, 12];
const RGBA: [u32; 2] = [7, 11];

/// A cursor beside a picture.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PipeCursor {
    /// Where its hotspot is, in pixels of the picture; `None` where it is hidden.
    pub position: Option<(i32, i32)>,
    /// Its new shape, if it changed.
    pub shape: Option<CursorShape>,
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(*bytes.get(at..)?.first_chunk::<4>()?))
}

/// Flags and time of a header.
pub(super) fn header(bytes: &[u8]) -> Option<(u32, i64)> {
    Some((word(bytes, 0)?, i64::from_ne_bytes(*bytes.get(8..)?.first_chunk::<8>()?)))
}

fn rect(bytes: &[u8], at: usize, size: Size) -> Option<Rect> {
    let (x, y) = (word(bytes, at)? as i32, word(bytes, at + 4)? as i32);
    let (width, height) = (word(bytes, at + 8)?, word(bytes, at + 12)?);
    Some(Rect::clipped(x.into(), y.into(), width.into(), height.into(), size))
}

/// The part of a picture that counts; `None` for all.
pub(super) fn crop(bytes: &[u8], size: Size) -> Option<Rect> {
    rect(bytes, 0, size).filter(|rect| !rect.is_empty() && *rect != size.rect())
}

/// Damaged rectangles; an empty one ends the list. `None` if it has none, which is anywhere.
pub(super) fn damage(bytes: &[u8], size: Size) -> Option<Vec<Rect>> {
    let all = (0..bytes.len() / 16).map_while(|i| rect(bytes, i * 16, size).filter(|r| !r.is_empty()));
    Some(all.collect::<Vec<_>>()).filter(|all| !all.is_empty())
}

/// A cursor; `None` if this is none, or nothing is new.
pub(super) fn cursor(bytes: &[u8]) -> Option<PipeCursor> {
    // A number of 0 says that nothing is told.
    if word(bytes, 0)? == 0 {
        return None;
    }
    let (x, y) = (word(bytes, 8)? as i32, word(bytes, 12)? as i32);
    let hotspot = (word(bytes, 16)?, word(bytes, 20)?);
    let at = word(bytes, 24)? as usize;
    let bitmap = if at >= CURSOR_BYTES { bytes.get(at..) } else { None };
    let shape = bitmap.and_then(|bitmap| shape(bitmap, hotspot));
    // One without pixels is hidden.
    let hidden = bitmap.is_some_and(|b| word(b, 4) == Some(0) || word(b, 8) == Some(0));
    Some(PipeCursor { position: (!hidden).then_some((x, y)), shape })
}

fn shape(bitmap: &[u8], hotspot: (u32, u32)) -> Option<CursorShape> {
    let format = word(bitmap, 0)?;
    let size = Size::new(word(bitmap, 4)?, word(bitmap, 8)?);
    let (stride, offset) = (word(bitmap, 12)? as usize, word(bitmap, 16)? as usize);
    let limits = Limits::default();
    if size.width.max(size.height) > limits.cursor_side_px || size.area() == 0 {
        return None;
    }
    let red_first = if RGBA.contains(&format) {
        true
    } else if BGRA.contains(&format) {
        false
    } else {
        return None;
    };
    let (row, pixels) = (size.width as usize * 4, bitmap.get(offset..)?);
    if stride < row {
        return None;
    }
    let mut out = Vec::with_capacity(row * size.height as usize);
    for y in 0..size.height as usize {
        let from = pixels.get(y.checked_mul(stride)?..)?.get(..row)?;
        for p in from.as_chunks::<4>().0 {
            out.extend_from_slice(&if red_first { [p[2], p[1], p[0], p[3]] } else { *p });
        }
    }
    Some(CursorShape { size, hotspot, pixels: out })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|w| w.to_ne_bytes()).collect()
    }

    #[test]
    fn a_cursor_is_read() {
        // Number, flags, position, hotspot, where the bitmap is; format, size, stride, where its pixels are; pixels.
        let words = [1, 0, 40, 50, 1, 0, 28, 11, 2, 1, 8, 20, 0x8003_0201, 0x8006_0504];
        let cursor = cursor(&bytes(&words)).expect("a cursor");
        let shape = cursor.shape.expect("a shape");
        assert_eq!((cursor.position, shape.size, shape.hotspot), (Some((40, 50)), Size::new(2, 1), (1, 0)));
        assert_eq!(shape.pixels, [3, 2, 1, 0x80, 6, 5, 4, 0x80]);
        let unchanged = super::cursor(&bytes(&[1, 0, 41, 50, 1, 0, 0])).expect("a cursor");
        assert_eq!((unchanged.position, unchanged.shape), (Some((41, 50)), None));
        let hidden = super::cursor(&bytes(&[1, 0, 1, 1, 0, 0, 28, 11, 0, 0, 0, 20])).expect("a cursor");
        assert_eq!((hidden.position, hidden.shape), (None, None));
        assert_eq!(super::cursor(&bytes(&[0; 7])), None);
    }

    #[test]
    fn damage_ends_with_an_empty_rectangle_and_stays_in_the_picture() {
        let size = Size::new(100, 50);
        let words = [90, 40, 20, 20, 0, 0, 5, 5, 0, 0, 0, 0, 7, 7, 7, 7];
        assert_eq!(
            damage(&bytes(&words), size),
            Some(vec![Rect::new(90, 40, 10, 10), Rect::new(0, 0, 5, 5)])
        );
        assert_eq!(damage(&bytes(&[0; 4]), size), None);
        assert_eq!(crop(&bytes(&[0, 0, 100, 50]), size), None);
        assert_eq!(crop(&bytes(&[0, 0, 90, 50]), size), Some(Rect::new(0, 0, 90, 50)));
    }

    #[test]
    fn whatever_stands_there_nothing_panics() {
        let mut state = 3_u64;
        for _ in 0..20_000 {
            let mut words = [0_u32; 14];
            for word in &mut words {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                // Small numbers, and some that are not.
                *word = (state >> 40) as u32 >> [0, 16, 18, 20][(state >> 38) as usize & 3];
            }
            let (words, cut) = (bytes(&words), (state >> 20) as usize % 57);
            let found = cursor(&words[..cut]).and_then(|c| c.shape);
            assert!(found.is_none_or(|shape| shape.pixels.len() <= words.len()));
            let _ = (
                header(&words[..cut]),
                crop(&words[..cut], Size::new(9, 9)),
                damage(&words[..cut], Size::new(9, 9)),
            );
        }
    }
}
