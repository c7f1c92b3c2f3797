//! How near shown pictures are to their source: PSNR over B, G, R, PSNR of the luma, SSIM of the luma.
//!
//! Errors are added up tile by tile, so that a part of the picture can be judged alone. SSIM takes 8×8 windows at
//! every fourth pixel both ways, all pixels of a window alike, as video tools do.

use panecast::frame::{FrameBuf, Size, TILE_PX, TileGrid};
use serde::{Deserialize, Serialize};

/// Side of the blocks that SSIM windows are put together from.
const BLOCK_PX: usize = 4;

/// Errors over some pixels of some pictures; adding two gives that of both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Errors {
    /// Pixels judged.
    pub(crate) px: u64,
    /// Squared errors of B, G and R.
    rgb: u64,
    /// Squared errors of the luma.
    luma: u64,
    /// Sum over SSIM windows, and how many.
    ssim: f64,
    windows: u64,
}

impl Errors {
    /// Adds the errors of other pixels.
    pub(crate) fn add(&mut self, other: &Self) {
        self.px += other.px;
        self.rgb += other.rgb;
        self.luma += other.luma;
        self.ssim += other.ssim;
        self.windows += other.windows;
    }

    /// PSNR over B, G and R in dB; `None` where nothing differs.
    pub(crate) fn psnr_rgb(&self) -> Option<f64> {
        psnr(self.rgb, self.px * 3)
    }

    /// PSNR of the luma in dB; `None` where nothing differs.
    pub(crate) fn psnr_luma(&self) -> Option<f64> {
        psnr(self.luma, self.px)
    }

    /// Mean SSIM of the luma; 1 where nothing differs or everything is smaller than a window.
    pub(crate) fn ssim(&self) -> f64 {
        if self.windows == 0 { 1.0 } else { self.ssim / self.windows as f64 }
    }

    /// Whether every pixel is the source's.
    pub(crate) fn is_exact(&self) -> bool {
        self.rgb == 0
    }
}

fn psnr(squares: u64, samples: u64) -> Option<f64> {
    (squares > 0).then(|| 10.0 * (255.0 * 255.0 * samples as f64 / squares as f64).log10())
}

/// Compares pictures of one size.
#[derive(Debug, Default)]
pub(crate) struct Judge {
    tiles: Vec<Errors>,
    luma: [Vec<u8>; 2],
    blocks: Vec<Block>,
}

/// Sums over a block of 4×4 pixels of two pictures.
#[derive(Clone, Copy, Debug, Default)]
struct Block {
    a: u32,
    b: u32,
    squares: u32,
    product: u32,
}

impl Judge {
    /// Errors of each tile of the grid, row by row.
    ///
    /// Both pictures have the same size; of different ones only what both have is judged.
    pub(crate) fn compare(&mut self, source: &FrameBuf, shown: &FrameBuf) -> &[Errors] {
        let size = source.size();
        let grid = TileGrid::new(size);
        let columns = grid.columns() as usize;
        self.tiles.clear();
        self.tiles.resize(grid.len(), Errors::default());
        self.count_windows(&grid, size);
        if source.pixels() != shown.pixels() {
            for y in 0..size.height {
                let tiles = &mut self.tiles[(y / TILE_PX) as usize * columns..][..columns];
                let side = TILE_PX as usize * 4;
                let rows = source.row(y).chunks(side).zip(shown.row(y).chunks(side));
                for (tile, (a, b)) in tiles.iter_mut().zip(rows) {
                    if a != b {
                        let (rgb, luma) = squares(a, b);
                        tile.rgb += rgb;
                        tile.luma += luma;
                    }
                }
            }
            self.compare_windows(source, shown, columns);
        } else {
            self.tiles.iter_mut().for_each(|tile| tile.ssim = tile.windows as f64);
        }
        &self.tiles
    }

    /// Notes how many pixels and windows each tile has; a window belongs to the tile of its first pixel.
    fn count_windows(&mut self, grid: &TileGrid, size: Size) {
        let starts = |from: u32, to: u32, side: u32| -> u64 {
            let last = (side / BLOCK_PX as u32).saturating_sub(1) * BLOCK_PX as u32;
            u64::from(to.min(last).div_ceil(BLOCK_PX as u32))
                .saturating_sub(u64::from(from.div_ceil(BLOCK_PX as u32)))
        };
        for row in 0..grid.rows() {
            for column in 0..grid.columns() {
                let rect = grid.tile(column, row);
                let tile = &mut self.tiles[(row * grid.columns() + column) as usize];
                tile.px = rect.area();
                tile.windows =
                    starts(rect.x, rect.right(), size.width) * starts(rect.y, rect.bottom(), size.height);
            }
        }
    }

    fn compare_windows(&mut self, source: &FrameBuf, shown: &FrameBuf, columns: usize) {
        let (width, height) = (source.size().width as usize, source.size().height as usize);
        for (plane, picture) in self.luma.iter_mut().zip([source, shown]) {
            plane.clear();
            plane.extend(picture.pixels().chunks_exact(4).map(luma));
        }
        let (wide, high) = (width / BLOCK_PX, height / BLOCK_PX);
        self.blocks.clear();
        self.blocks.resize(wide * high, Block::default());
        let [a, b] = &self.luma;
        for y in 0..high * BLOCK_PX {
            let line = &mut self.blocks[y / BLOCK_PX * wide..][..wide];
            let rows = a[y * width..][..wide * BLOCK_PX].chunks_exact(BLOCK_PX);
            let rows = rows.zip(b[y * width..][..wide * BLOCK_PX].chunks_exact(BLOCK_PX));
            for (block, (a, b)) in line.iter_mut().zip(rows) {
                for (a, b) in a.iter().zip(b) {
                    let (a, b) = (u32::from(*a), u32::from(*b));
                    block.a += a;
                    block.b += b;
                    block.squares += a * a + b * b;
                    block.product += a * b;
                }
            }
        }
        let side = TILE_PX as usize / BLOCK_PX;
        for y in 0..high.saturating_sub(1) {
            for x in 0..wide.saturating_sub(1) {
                let at = y * wide + x;
                let window = [at, at + 1, at + wide, at + wide + 1].map(|i| self.blocks[i]);
                self.tiles[y / side * columns + x / side].ssim += ssim(&window);
            }
        }
    }
}

/// Squared errors of B, G, R, and of the luma, of two runs of BGRA.
fn squares(a: &[u8], b: &[u8]) -> (u64, u64) {
    let square = |a: u8, b: u8| u32::from(a.abs_diff(b)) * u32::from(a.abs_diff(b));
    let mut sums = (0, 0);
    for (a, b) in a.chunks_exact(4).zip(b.chunks_exact(4)) {
        sums.0 += square(a[0], b[0]) + square(a[1], b[1]) + square(a[2], b[2]);
        sums.1 += square(luma(a), luma(b));
    }
    (u64::from(sums.0), u64::from(sums.1))
}

/// BT.601 luma of a BGRA pixel, full range.
fn luma(px: &[u8]) -> u8 {
    ((29 * u32::from(px[0]) + 150 * u32::from(px[1]) + 77 * u32::from(px[2]) + 128) >> 8) as u8
}

/// SSIM of an 8×8 window, K1 = 0.01 and K2 = 0.03.
fn ssim(window: &[Block; 4]) -> f64 {
    let sum = |f: fn(&Block) -> u32| window.iter().map(|block| f64::from(f(block))).sum::<f64>();
    let (a, b) = (sum(|w| w.a), sum(|w| w.b));
    let (squares, product) = (sum(|w| w.squares), sum(|w| w.product));
    let n = 64.0;
    let (c1, c2) = ((0.01 * 255.0 * n) * (0.01 * 255.0 * n), (0.03 * 255.0) * (0.03 * 255.0) * n * (n - 1.0));
    let variances = n * squares - a * a - b * b;
    let covariance = n * product - a * b;
    (2.0 * a * b + c1) * (2.0 * covariance + c2) / ((a * a + b * b + c1) * (variances + c2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use panecast::Limits;

    fn picture(size: Size, mut value: impl FnMut(usize) -> u8) -> FrameBuf {
        let mut picture = FrameBuf::new(size, &Limits::default()).unwrap();
        for (i, byte) in picture.pixels_mut().iter_mut().enumerate() {
            *byte = if i % 4 == 3 { 255 } else { value(i) };
        }
        picture
    }

    fn total(tiles: &[Errors]) -> Errors {
        let mut all = Errors::default();
        tiles.iter().for_each(|tile| all.add(tile));
        all
    }

    #[test]
    fn equal_pictures_are_exact_in_every_size() {
        for (w, h) in [(1, 1), (7, 5), (8, 8), (64, 64), (130, 67)] {
            let size = Size::new(w, h);
            let a = picture(size, |i| (i * 7) as u8);
            let all = total(Judge::default().compare(&a, &a));
            assert!(all.is_exact() && all.psnr_rgb().is_none() && all.ssim() == 1.0, "{size}");
            assert_eq!(all.px, u64::from(w * h));
            let windows = |side: u32| u64::from((side / 4).saturating_sub(1));
            assert_eq!(all.windows, windows(w) * windows(h), "{size}");
        }
    }

    #[test]
    fn one_wrong_pixel_counts_in_its_own_tile_alone() {
        let size = Size::new(200, 100);
        let a = picture(size, |i| (i % 251) as u8);
        let mut b = a.clone();
        // Row 70, column 130: the third column of the second row of tiles; 10 off in green.
        let at = (70 * 200 + 130) * 4 + 1;
        b.pixels_mut()[at] ^= 0xff;
        let off = u64::from(a.pixels()[at].abs_diff(b.pixels()[at]));
        let mut judge = Judge::default();
        let tiles = judge.compare(&a, &b);
        for (i, tile) in tiles.iter().enumerate() {
            assert_eq!(tile.rgb, if i == 4 + 2 { off * off } else { 0 }, "tile {i}");
        }
        let expected = 10.0 * (255.0_f64 * 255.0 * 3.0 * 20_000.0 / (off * off) as f64).log10();
        assert!((total(tiles).psnr_rgb().unwrap() - expected).abs() < 1e-9);
        assert!(total(tiles).ssim() < 1.0);
    }

    #[test]
    fn unlike_pictures_score_low() {
        let size = Size::new(64, 64);
        let a = picture(size, |i| if (i / 4) % 2 == 0 { 0 } else { 255 });
        let b = picture(size, |i| if (i / 4) % 2 == 0 { 255 } else { 0 });
        let all = total(Judge::default().compare(&a, &b));
        assert!(all.psnr_rgb().unwrap().abs() < 1e-9, "the largest error there is");
        assert!(all.ssim() < -0.9);
    }
}
