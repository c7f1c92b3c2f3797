//! Photographs: at once, with a loss; exact later.

use super::av1::{self, Av1Choice, Chroma, Planes};
use super::classify::is_photo_tile;
use super::photo;
use super::regions::CodedPicture;
use super::shown::Shown;
use super::surfaces::STILLS;
use crate::bitstream::Patch;
use crate::error::Result;
use crate::frame::{BYTES_PER_PIXEL, FrameBuf, Rect, Size, TileGrid};
use crate::limits::Limits;

/// From this many pixels on, a photograph is worth an AV1 still: below, its headers and the start of its statistics
/// cost more than they save.
const LEAST_STILL_PX: u64 = 128 * 128;

/// Width of a still that gathers several rectangles.
const SHEET_PX: u32 = 512;

/// A photograph without AV1.
#[derive(Debug)]
pub(super) struct CodedPhoto {
    pub(super) near: u8,
    pub(super) rects: Vec<Rect>,
    pub(super) data: Vec<u8>,
}

/// What photographs became.
#[derive(Debug, Default)]
pub(super) struct CodedStills {
    pub(super) pictures: Vec<CodedPicture>,
    pub(super) photos: Vec<CodedPhoto>,
}

/// Codes photographs.
#[derive(Debug)]
pub(super) struct Stills {
    choice: Av1Choice,
    quantizer: u8,
    near: u8,
}

impl Stills {
    pub(super) fn new(choice: Av1Choice, quality: u8) -> Self {
        Self { choice, quantizer: still_quantizer(quality), near: near(quality) }
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
            let large = group.iter().map(Rect::area).sum::<u64>() >= LEAST_STILL_PX;
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
        coded: &mut CodedStills,
    ) -> Result<()> {
        let area: u64 = rects.iter().map(Rect::area).sum();
        if area == 0 {
            return Ok(());
        }
        if area >= LEAST_STILL_PX && self.choice != Av1Choice::Off {
            let picture = self.still(old, new, rects, shown, limits)?;
            coded.pictures.push(picture);
            return Ok(());
        }
        let mut data = Vec::new();
        photo::encode(new, rects, self.near, shown.differ(old, limits)?, &mut data);
        rects.iter().for_each(|r| shown.lost(r));
        coded.photos.push(CodedPhoto { near: self.near, rects: rects.to_vec(), data });
        Ok(())
    }

    /// Codes `rects` of `picture` exactly; the shown picture differs from it in them.
    pub(super) fn exact(
        &self,
        picture: &FrameBuf,
        rects: Vec<Rect>,
        shown: &mut Shown,
        limits: &Limits,
        coded: &mut CodedStills,
    ) -> Result<()> {
        if !rects.is_empty() {
            let mut data = Vec::new();
            photo::encode(picture, &rects, 0, shown.differ(picture, limits)?, &mut data);
            coded.photos.push(CodedPhoto { near: 0, rects, data });
        }
        Ok(())
    }

    fn still(
        &self,
        old: &FrameBuf,
        new: &FrameBuf,
        rects: &[Rect],
        shown: &mut Shown,
        limits: &Limits,
    ) -> Result<CodedPicture> {
        let (size, patches) = arrange(rects);
        let mut sheet = FrameBuf::new(size, limits)?;
        lay_out(new, &patches, &mut sheet);
        let mut planes = Planes::default();
        av1::to_planes(&sheet, &size.rect(), &mut planes, Chroma::Full, limits)?;
        let mut data = Vec::new();
        let mut encoder = self.choice.still(size, Chroma::Full)?;
        encoder.encode(&planes, self.quantizer, true, &mut data)?;
        encoder.reconstruction(&mut planes)?;
        let picture = shown.differ(old, limits)?;
        for patch in &patches {
            av1::to_picture(&planes, &patch.source(), picture, (patch.to.x, patch.to.y));
        }
        patches.iter().for_each(|p| shown.lost(&p.to));
        Ok(CodedPicture { surface: STILLS, keyframe: true, chroma: Chroma::Full, size, patches, data })
    }
}

/// The quantizer of stills at a quality of 1 to 100.
fn still_quantizer(quality: u8) -> u8 {
    (255 - u32::from(quality) * 240 / 100) as u8
}

/// The bound on a photograph's loss without AV1.
fn near(quality: u8) -> u8 {
    ((100 - u32::from(quality)) / 20).clamp(1, 5) as u8
}

/// Where rectangles lie within a still: as they lie in the picture where they fill their bounds, else one after
/// the other on shelves.
fn arrange(rects: &[Rect]) -> (Size, Vec<Patch>) {
    let bounds = rects.iter().fold(Rect::default(), |all, r| all.bounds_with(r));
    let area: u64 = rects.iter().map(Rect::area).sum();
    if area * 5 >= bounds.area() * 2 {
        let patch = |r: &Rect| Patch { from: (r.x - bounds.x, r.y - bounds.y), to: *r };
        return (bounds.size(), rects.iter().map(patch).collect());
    }
    let width = rects.iter().map(|r| r.width).max().unwrap_or(1).max(SHEET_PX);
    let (mut x, mut y, mut shelf, mut right) = (0, 0, 0, 0);
    let mut patches = Vec::with_capacity(rects.len());
    for r in rects {
        if x + r.width > width {
            (x, y, shelf) = (0, y + shelf, 0);
        }
        patches.push(Patch { from: (x, y), to: *r });
        x += r.width;
        right = right.max(x);
        shelf = shelf.max(r.height);
    }
    (Size::new(right, y + shelf), patches)
}

/// Lays patches of `picture` out on `sheet`. What stays bare gets the colour to its left: it is cheap to code and
/// nobody sees it.
fn lay_out(picture: &FrameBuf, patches: &[Patch], sheet: &mut FrameBuf) {
    // A fresh buffer is opaque black; bare pixels are marked by alpha until the end.
    for px in sheet.pixels_mut().as_chunks_mut::<BYTES_PER_PIXEL>().0 {
        *px = [0; BYTES_PER_PIXEL];
    }
    for patch in patches {
        let source = patch.source();
        for i in 0..patch.to.height {
            let row = picture.row_of(&patch.to, patch.to.y + i);
            sheet.row_of_mut(&source, source.y + i).copy_from_slice(row);
        }
    }
    let width = sheet.size().width as usize;
    let mut above = vec![[128, 128, 128, 255]; width];
    for row in sheet.pixels_mut().chunks_exact_mut(width * BYTES_PER_PIXEL) {
        let (row, _) = row.as_chunks_mut::<BYTES_PER_PIXEL>();
        let mut left = row.iter().find(|px| px[3] != 0).copied();
        for (px, above) in row.iter_mut().zip(&mut above) {
            if px[3] == 0 {
                *px = left.unwrap_or(*above);
            }
            left = left.map(|_| *px);
            *above = *px;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rectangles_that_fill_their_bounds_keep_their_places() {
        let rects = [Rect::new(64, 64, 128, 64), Rect::new(64, 128, 64, 64)];
        let (size, patches) = arrange(&rects);
        assert_eq!(size, Size::new(128, 128));
        assert_eq!(patches[1].from, (0, 64));
    }

    #[test]
    fn scattered_rectangles_are_shelved_without_overlap() {
        let rects: Vec<Rect> =
            (0..40_u32).map(|i| Rect::new(i * 30, (i % 7) * 100, 10 + i % 5, 20 + i % 9)).collect();
        let (size, patches) = arrange(&rects);
        for (i, a) in patches.iter().enumerate() {
            assert!(a.source().fits(size));
            for b in &patches[..i] {
                assert_eq!(a.source().intersection(&b.source()), None);
            }
        }
    }
}
