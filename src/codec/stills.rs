//! Photographs: at once, with a loss; exact later.

use super::classify::is_photo_tile;
use super::photo;
use super::shown::Shown;
use crate::error::Result;
use crate::frame::{FrameBuf, Rect, TileGrid};
use crate::limits::Limits;

/// Fewer photographed pixels side by side are cheap as they are.
const LEAST_PHOTO_PX: u64 = 64 * 64 * 2;

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

    /// Cuts a whole picture into what is coded exactly, as runs of tiles, and photographs, as groups of runs.
    pub(super) fn split(picture: &FrameBuf) -> (Vec<Rect>, Vec<Vec<Rect>>) {
        let grid = TileGrid::new(picture.size());
        let mut drawn = Vec::new();
        let mut groups: Vec<Vec<Rect>> = Vec::new();
        for row in 0..grid.rows() {
            let mut runs: Vec<(bool, Rect)> = Vec::new();
            for column in 0..grid.columns() {
                let tile = grid.tile(column, row);
                let kind = is_photo_tile(picture, &tile);
                match runs.last_mut() {
                    Some((last, rect)) if *last == kind => *rect = rect.bounds_with(&tile),
                    _ => runs.push((kind, tile)),
                }
            }
            for (kind, run) in runs {
                if !kind {
                    drawn.push(run);
                    continue;
                }
                // It joins all groups that it touches.
                let touches = |group: &Vec<Rect>| {
                    group.iter().any(|r| r.bottom() == run.y && r.x < run.right() && run.x < r.right())
                };
                let mut joined = vec![run];
                while let Some(i) = groups.iter().position(touches) {
                    joined.append(&mut groups.swap_remove(i));
                }
                groups.push(joined);
            }
        }
        // Single tiles and thin runs of them are cheap as they are.
        groups.retain_mut(|group| {
            let large = group.iter().map(Rect::area).sum::<u64>() >= LEAST_PHOTO_PX;
            if !large {
                drawn.append(group);
            }
            group.sort_unstable_by_key(|r| (r.y, r.x));
            large
        });
        drawn.sort_unstable_by_key(|r| (r.y, r.x));
        (drawn, groups)
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
        let mut data = Vec::new();
        photo::encode(new, rects, self.near, shown.differ(old, limits)?, &mut data);
        rects.iter().for_each(|r| shown.lost(r));
        coded.push(CodedPhoto { near: self.near, rects: rects.to_vec(), data });
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
    ((100 - u32::from(quality)) / 7 + 1).clamp(1, u32::from(photo::MOST_NEAR)) as u8
}
