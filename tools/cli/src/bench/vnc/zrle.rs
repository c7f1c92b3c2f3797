//! Rectangles in the ZRLE encoding.

use super::pixels::{Cursor, Wire, broken, unpack};
use super::zlib::Inflater;
use crate::failure::Failure;
use panecast::frame::{FrameBuf, Rect};
use std::io::Read;

const SIDE_PX: u32 = 64;

/// Bytes that a pixel takes at most: a colour and its run.
const MOST_PIXEL_BYTES: usize = 4;

/// The stream of a connection.
#[derive(Debug, Default)]
pub(super) struct Zrle {
    stream: Inflater,
}

impl Zrle {
    /// Reads a rectangle, which is inside of `picture`.
    pub(super) fn read<S: Read>(
        &mut self,
        wire: &mut Wire<S>,
        picture: &mut FrameBuf,
        rect: &Rect,
    ) -> Result<(), Failure> {
        let length = wire.u32()? as usize;
        let packed = wire.bytes(length)?;
        let tiles = rect.width.div_ceil(SIDE_PX) as usize * rect.height.div_ceil(SIDE_PX) as usize;
        // Each tile may begin with a palette of 127 colours.
        let most = rect.area() as usize * MOST_PIXEL_BYTES + tiles * 512;
        let data = self.stream.inflate(&packed, most)?;
        let mut data = Cursor(&data);
        for y in (rect.y..rect.bottom()).step_by(SIDE_PX as usize) {
            for x in (rect.x..rect.right()).step_by(SIDE_PX as usize) {
                let (width, height) = (SIDE_PX.min(rect.right() - x), SIDE_PX.min(rect.bottom() - y));
                tile(&mut data, picture, &Rect::new(x, y, width, height))?;
            }
        }
        if data.0.is_empty() { Ok(()) } else { Err(broken("a rectangle has too many pixels")) }
    }
}

fn tile(data: &mut Cursor<'_>, picture: &mut FrameBuf, rect: &Rect) -> Result<(), Failure> {
    let kind = usize::from(data.u8()?);
    let colours = match kind {
        0 | 128 => 0,
        1..=16 => kind,
        130..=255 => kind - 128,
        _ => return Err(broken(format!("it used ZRLE's kind {kind}"))),
    };
    let palette = (0..colours).map(|_| data.bgr()).collect::<Result<Vec<_>, Failure>>()?;
    let colour =
        |index: usize| palette.get(index).copied().ok_or_else(|| broken("a colour is not in its palette"));
    match kind {
        0..=16 => {
            let bits = match colours {
                0 | 1 => 0,
                2 => 1,
                3..=4 => 2,
                _ => 4,
            };
            for y in rect.y..rect.bottom() {
                let row = picture.row_of_mut(rect, y).chunks_exact_mut(4);
                if bits == 0 {
                    for px in row {
                        px.copy_from_slice(&if kind == 0 { data.bgr()? } else { palette[0] });
                    }
                    continue;
                }
                let width = rect.width as usize;
                let packed = data.take((width * bits as usize).div_ceil(8))?;
                for (px, index) in row.zip(unpack(packed, bits, width)) {
                    px.copy_from_slice(&colour(index)?);
                }
            }
        }
        _ => {
            let (mut run, mut current) = (0_usize, [0; 4]);
            for y in rect.y..rect.bottom() {
                for px in picture.row_of_mut(rect, y).chunks_exact_mut(4) {
                    if run == 0 {
                        (current, run) = next_run(data, kind, colour)?;
                    }
                    px.copy_from_slice(&current);
                    run -= 1;
                }
            }
            if run > 0 {
                return Err(broken("a run goes on after its tile"));
            }
        }
    }
    Ok(())
}

/// A colour and how many pixels it has.
fn next_run(
    data: &mut Cursor<'_>,
    kind: usize,
    colour: impl Fn(usize) -> Result<[u8; 4], Failure>,
) -> Result<([u8; 4], usize), Failure> {
    let (px, long) = if kind == 128 {
        (data.bgr()?, true)
    } else {
        let index = data.u8()?;
        (colour(usize::from(index & 0x7f))?, index & 0x80 != 0)
    };
    let mut run = 1;
    if long {
        // Parts of 255 go on.
        loop {
            let part = data.u8()?;
            run += usize::from(part);
            if part != 255 {
                break;
            }
        }
    }
    Ok((px, run))
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compress, Compression, FlushCompress};
    use panecast::Limits;
    use panecast::frame::Size;

    /// What a rectangle of 3 × 2 shows, as B of each pixel, if its tile is `tile`.
    fn shown(tile: &[u8]) -> Result<Vec<u8>, Failure> {
        let mut packed = Vec::with_capacity(1000);
        Compress::new(Compression::default(), true)
            .compress_vec(tile, &mut packed, FlushCompress::Sync)
            .unwrap();
        let mut sent = (packed.len() as u32).to_be_bytes().to_vec();
        sent.extend(packed);
        let mut picture = FrameBuf::new(Size::new(3, 2), &Limits::default()).unwrap();
        let rect = Rect::new(0, 0, 3, 2);
        Zrle::default().read(&mut Wire::of(std::io::Cursor::new(sent)), &mut picture, &rect)?;
        assert!(picture.pixels().chunks_exact(4).all(|px| (px[1], px[2], px[3]) == (0, 1, 255)));
        Ok(picture.pixels().chunks_exact(4).map(|px| px[0]).collect())
    }

    #[test]
    fn every_kind_of_tile_is_read() {
        let px = |b: u8| [b, 0, 1];
        let with = |kind: u8, colours: &[u8], rest: &[u8]| -> Vec<u8> {
            let colours = colours.iter().flat_map(|b| px(*b));
            [kind].into_iter().chain(colours).chain(rest.iter().copied()).collect()
        };
        assert_eq!(shown(&with(0, &[1, 2, 3, 4, 5, 6], &[])).unwrap(), [1, 2, 3, 4, 5, 6]);
        assert_eq!(shown(&with(1, &[9], &[])).unwrap(), [9; 6]);
        assert_eq!(shown(&with(2, &[7, 8], &[0b1010_0000, 0b0110_0000])).unwrap(), [8, 7, 8, 7, 8, 8]);
        assert_eq!(shown(&with(3, &[5, 6, 7], &[0b1001_0000, 0])).unwrap(), [7, 6, 5, 5, 5, 5]);
        assert_eq!(shown(&with(5, &[1, 2, 3, 4, 5], &[0x43, 0x20, 0x01, 0])).unwrap(), [5, 4, 3, 1, 2, 1]);
        let runs = [vec![128], px(3).to_vec(), vec![3], px(4).to_vec(), vec![1]].concat();
        assert_eq!(shown(&runs).unwrap(), [3, 3, 3, 3, 4, 4]);
        assert_eq!(shown(&with(130, &[1, 2], &[0x81, 2, 0, 0x80, 1])).unwrap(), [2, 2, 2, 1, 1, 1]);
    }

    #[test]
    fn wrong_tiles_are_errors() {
        assert!(shown(&[77]).is_err(), "no such kind");
        assert!(shown(&[0, 1, 0, 1]).is_err(), "too few pixels");
        assert!(shown(&[1, 1, 0, 1, 5]).is_err(), "too many");
        assert!(shown(&[128, 1, 0, 1, 6]).is_err(), "too long a run");
        assert!(shown(&[3, 1, 0, 1, 2, 0, 1, 3, 0, 1, 0xff, 0xff]).is_err(), "a colour beyond the palette");
        assert!(shown(&[2, 1, 0, 1, 2, 0, 1, 0]).is_err(), "half of the rows");
    }
}
