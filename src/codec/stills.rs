//! Photographs: at once, with a loss; exact later.

use super::classify;
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

    /// Codes `rects` of `new`, into the shown picture too, which is `old` where it is exact.
    pub(super) fn encode(
        &self,
        old: &FrameBuf,
        new: &FrameBuf,
        rects: &[Rect],
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
            50..85 => NEAR_OF_MUCH,
            _ => NEAR_OF_ALL,
        };
        let near = (self.near + coarser).min(photo::MOST_NEAR);
        let mut data = Vec::new();
        photo::encode(new, rects, near, shown.differ(old, limits)?, &mut data);
        rects.iter().for_each(|r| shown.lost(r));
        coded.push(CodedPhoto { near, rects: rects.to_vec(), data });
        Ok(())
    }

    /// Codes `rects` of `picture` exactly; the shown picture differs from it in them.
    pub(super) fn exact(
        &self,
        picture: &FrameBuf,
        rects: Vec<Rect>,
        shown: &mut Shown,
        limits: &Limits,
        coded: &mut Vec<CodedPhoto>,
    ) -> Result<()> {
        if !rects.is_empty() {
            let mut data = Vec::new();
            photo::encode(picture, &rects, 0, shown.differ(picture, limits)?, &mut data);
            coded.push(CodedPhoto { near: 0, rects, data });
        }
        Ok(())
    }
}

/// How coarse photographs are at a quality of 1 to 100.
fn near(quality: u8) -> u8 {
    ((100 - u32::from(quality)) / 10 + 1).clamp(1, u32::from(photo::MOST_NEAR)) as u8
}
