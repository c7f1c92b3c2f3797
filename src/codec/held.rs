//! What a viewer says it still holds: one hash for each tile of its picture.

use crate::error::{Error, Result};
use crate::frame::{FrameBuf, Rect, Size, TileGrid, xxh3};

/// The hashes of a picture's tiles, by which a viewer that comes back is told only what it lacks.
///
/// It is hostile: a wrong hash makes the viewer's picture wrong, which it finds by the picture's own hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldTiles {
    size: Size,
    hashes: Vec<u32>,
}

impl HeldTiles {
    /// Most tiles that are told about: a 5K picture. A larger one takes a snapshot.
    pub const MOST: usize = 4096;

    /// What somebody says that a viewer with a picture of `size` holds.
    ///
    /// # Errors
    /// - [`crate::ErrorKind::InvalidInput`] if these are not as many as the picture has tiles, or over
    ///   [`HeldTiles::MOST`].
    pub fn new(size: Size, hashes: Vec<u32>) -> Result<Self> {
        // Before the grid is made: a side of zero or 2^32 - 1 has none.
        let tiles = u64::from(size.width.div_ceil(64)) * u64::from(size.height.div_ceil(64));
        if hashes.is_empty() || hashes.len() > Self::MOST || hashes.len() as u64 != tiles {
            return Err(Error::input(format!("{} hashes for a {size} picture", hashes.len())));
        }
        Ok(Self { size, hashes })
    }

    /// The tiles of `picture`; `None` if they are over [`HeldTiles::MOST`].
    ///
    /// # Threads and cost
    /// The caller's thread; reads the picture once: about a millisecond at 1080p.
    #[must_use]
    pub fn of(picture: &FrameBuf) -> Option<Self> {
        let size = picture.size();
        if TileGrid::new(size).len() > Self::MOST {
            return None;
        }
        let mut bytes = Vec::new();
        let hashes = tiles(size).map(|tile| hash(picture, &tile, &mut bytes)).collect();
        Some(Self { size, hashes })
    }

    /// The picture's size.
    #[must_use]
    pub fn size(&self) -> Size {
        self.size
    }

    /// A hash for each tile, row by row.
    #[must_use]
    pub fn hashes(&self) -> &[u32] {
        &self.hashes
    }

    /// Where `picture` is another: runs of tiles. `None` if its size is.
    pub(super) fn differing(&self, picture: &FrameBuf) -> Option<Vec<Rect>> {
        if picture.size() != self.size {
            return None;
        }
        let mut runs: Vec<Rect> = Vec::new();
        let mut bytes = Vec::new();
        for (tile, told) in tiles(self.size).zip(&self.hashes) {
            if hash(picture, &tile, &mut bytes) == *told {
                continue;
            }
            match runs.last_mut() {
                Some(run) if run.right() == tile.x && run.y == tile.y => *run = run.bounds_with(&tile),
                _ => runs.push(tile),
            }
        }
        Some(runs)
    }
}

fn tiles(size: Size) -> impl Iterator<Item = Rect> {
    let grid = TileGrid::new(size);
    (0..grid.rows()).flat_map(move |row| (0..grid.columns()).map(move |column| grid.tile(column, row)))
}

/// The upper half of XXH3_64 over the tile's rows as B, G, R, 255.
fn hash(picture: &FrameBuf, tile: &Rect, bytes: &mut Vec<u8>) -> u32 {
    bytes.clear();
    picture.append_rect(tile, bytes);
    (xxh3(bytes) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;

    #[test]
    fn one_pixel_is_one_tile_and_neighbours_are_one_run() {
        let size = Size::new(200, 130);
        let mut picture = FrameBuf::new(size, &Limits::default()).expect("room");
        let held = HeldTiles::of(&picture).expect("few tiles");
        assert_eq!((held.hashes().len(), held.differing(&picture)), (12, Some(vec![])));
        picture.pixels_mut()[4 * (129 * 200 + 199)] = 1;
        assert_eq!(held.differing(&picture), Some(vec![Rect::new(192, 128, 8, 2)]));
        picture.pixels_mut()[0] = 1;
        picture.pixels_mut()[4 * 64] = 1;
        assert_eq!(held.differing(&picture), Some(vec![Rect::new(0, 0, 128, 64), Rect::new(192, 128, 8, 2)]));
        let other = FrameBuf::new(Size::new(130, 200), &Limits::default()).expect("room");
        assert_eq!(held.differing(&other), None);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let size = Size::new(200, 130);
        assert!(HeldTiles::new(size, vec![0; 12]).is_ok());
        for (size, count) in [
            (size, 11),
            (size, 13),
            (Size::new(0, 130), 0),
            (Size::new(u32::MAX, u32::MAX), 12),
            (Size::new(64 * 4097, 64), 4097),
        ] {
            assert!(HeldTiles::new(size, vec![0; count]).is_err(), "{count} of {size}");
        }
    }
}
