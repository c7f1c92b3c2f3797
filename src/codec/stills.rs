//! Photographs: at once, with a loss; exact later.

use super::classify;
use super::lossless::{CodedRect, Coding};
use super::photo;
use super::shown::Shown;
use crate::error::Result;
use crate::frame::{FrameBuf, Rect};
use crate::limits::Limits;

/// What is smaller is not looked at.
const LEAST_PHOTO_PX: u64 = 256;

/// How much coarser photographs are that take most of the screen, or all of it.
const NEAR_OF_MUCH: u8 = 1;
const NEAR_OF_ALL: u8 = 4;

/// Exact photographs of a whole screen are cut into so many layers, roughly, of no fewer pixels than this.
const MOST_EXACT_LAYERS: u64 = 16;
const LEAST_EXACT_PX: u64 = 1 << 18;

/// Most that a channel of drawn pixels is off.
const MOST_SLACK: u8 = 16;

/// From this side on, a rectangle may be photographed in parts.
const LEAST_SPLIT_PX: u32 = 48;

/// A coded photograph.
#[derive(Debug)]
pub(super) struct CodedPhoto {
    pub(super) near: u8,
    pub(super) rects: Vec<Rect>,
    pub(super) data: Vec<u8>,
}

/// Codes photographs.
#[derive(Debug)]
pub(super) struct Stills {
    near: u8,
}

impl Stills {
    pub(super) fn new(quality: u8) -> Self {
        Self { near: near(quality) }
    }

    /// How coarse photographs are.
    pub(super) fn near(&self) -> u8 {
        self.near
    }

    /// How much each channel of what is drawn, but keeps changing at great cost, may be off: less than photographs are,
    /// and never seen while it moves.
    pub(super) fn slack(&self) -> u8 {
        (2 * self.near).min(MOST_SLACK)
    }

    /// Cuts `rects` of `picture` into what is coded exactly, which stays in `rects`, and photographs, which it returns.
    pub(super) fn take(picture: &FrameBuf, rects: &mut Vec<Rect>) -> Vec<Rect> {
        let mut photos = Vec::new();
        let mut drawn = Vec::with_capacity(rects.len());
        for rect in rects.drain(..) {
            if rect.area() < LEAST_PHOTO_PX {
                drawn.push(rect);
            } else if rect.width.min(rect.height) < LEAST_SPLIT_PX {
                let kind = if classify::is_photo(picture, &rect) { &mut photos } else { &mut drawn };
                kind.push(rect);
            } else {
                let (mut exact, mut lossy) = classify::split(picture, &rect);
                drawn.append(&mut exact);
                photos.append(&mut lossy);
            }
        }
        drawn.sort_unstable_by_key(|r| (r.y, r.x));
        *rects = drawn;
        photos
    }

    /// Codes `rects` of `new`, which may be `fading`, into the shown picture too, which is `old` where it is exact.
    #[allow(clippy::too_many_arguments)] // The pictures of one update.
    pub(super) fn encode(
        &self,
        old: &FrameBuf,
        new: &FrameBuf,
        rects: &[Rect],
        fading: bool,
        shown: &mut Shown,
        limits: &Limits,
        coded: &mut Vec<CodedPhoto>,
    ) -> Result<()> {
        let area: u64 = rects.iter().map(Rect::area).sum();
        if area == 0 {
            return Ok(());
        }
        // What fills the screen may be a film's first picture, and is much at once in any case.
        let coarser = match area * 100 / new.size().area() {
            0..50 => 0,
            50..85 if !fading => NEAR_OF_MUCH,
            _ => NEAR_OF_ALL,
        };
        let near = (self.near + coarser).min(photo::MOST_NEAR);
        let mut data = Vec::new();
        photo::encode(new, rects, near, shown.differ(old, limits)?, &mut data);
        rects.iter().for_each(|r| shown.lost(r));
        coded.push(CodedPhoto { near, rects: rects.to_vec(), data });
        Ok(())
    }

    /// Codes `rects` of `picture` exactly, into `shown` too.
    pub(super) fn exact(
        picture: &FrameBuf,
        rects: &[Rect],
        shown: &mut FrameBuf,
        coded: &mut Vec<CodedPhoto>,
    ) {
        // The coder's memory goes with the pixels of one call; layers are few.
        let most_px = (picture.size().area() / MOST_EXACT_LAYERS).max(LEAST_EXACT_PX);
        let mut layer = Vec::new();
        let mut layer_px = 0;
        let mut close = |layer: &mut Vec<Rect>| {
            let rects = std::mem::take(layer);
            let mut data = Vec::new();
            photo::encode(picture, &rects, 0, shown, &mut data);
            coded.push(CodedPhoto { near: 0, rects, data });
        };
        for rect in rects {
            let rows = u32::try_from(most_px / u64::from(rect.width)).unwrap_or(u32::MAX).max(1);
            for y in (rect.y..rect.bottom()).step_by(rows as usize) {
                let band = Rect { y, height: rows.min(rect.bottom() - y), ..*rect };
                if layer_px + band.area() > most_px && !layer.is_empty() {
                    close(&mut layer);
                    layer_px = 0;
                }
                layer_px += band.area();
                layer.push(band);
            }
        }
        if !layer.is_empty() {
            close(&mut layer);
        }
    }

    /// Takes the photographs out of `rects` and codes them exactly: in fewer bytes than through zstd, in as much time and
    /// without its 25 MB (docs/lossless.md).
    pub(super) fn take_exact(
        picture: &FrameBuf,
        rects: &mut Vec<CodedRect>,
        shown: &mut FrameBuf,
        coded: &mut Vec<CodedPhoto>,
    ) {
        let mut photos = Vec::new();
        rects.retain(|r| {
            let photo = matches!(r.coding, Coding::Rows | Coding::Predicted);
            if photo {
                photos.push(r.rect);
            }
            !photo
        });
        Self::exact(picture, &photos, shown, coded);
    }
}

/// How coarse photographs are at a quality of 1 to 100.
fn near(quality: u8) -> u8 {
    ((100 - u32::from(quality)) / 10 + 1).clamp(1, u32::from(photo::MOST_NEAR)) as u8
}
