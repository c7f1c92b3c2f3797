//! Rectangles in the Tight encoding, without JPEG: no viewer here asks for it.

use super::pixels::{Wire, broken, unpack};
use super::zlib::Inflater;
use crate::failure::Failure;
use panecast::frame::{FrameBuf, Rect};
use std::io::Read;

/// Shorter data are not compressed.
const SMALLEST_PACKED: usize = 12;

/// The streams of a connection.
#[derive(Debug, Default)]
pub(super) struct Tight {
    streams: [Inflater; 4],
}

impl Tight {
    /// Reads a rectangle, which is inside of `picture`.
    pub(super) fn read<S: Read>(
        &mut self,
        wire: &mut Wire<S>,
        picture: &mut FrameBuf,
        rect: &Rect,
    ) -> Result<(), Failure> {
        let control = wire.u8()?;
        for (i, stream) in self.streams.iter_mut().enumerate() {
            if control >> i & 1 == 1 {
                *stream = Inflater::default();
            }
        }
        let kind = control >> 4;
        if kind == 8 {
            let colour = rgb(&wire.bytes(3)?);
            for y in rect.y..rect.bottom() {
                picture.row_of_mut(rect, y).chunks_exact_mut(4).for_each(|px| px.copy_from_slice(&colour));
            }
            return Ok(());
        }
        if kind > 7 {
            return Err(broken(format!("it used Tight's kind {kind}, which was not asked for")));
        }
        let stream = &mut self.streams[usize::from(kind & 3)];
        let filter = if kind & 4 == 0 { 0 } else { wire.u8()? };
        let (width, height) = (rect.width as usize, rect.height as usize);
        match filter {
            0 | 2 => {
                let data = data(wire, stream, width * 3 * height)?;
                let rows = data.chunks_exact(width.max(1) * 3).zip(rect.y..);
                if filter == 2 {
                    let mut above = vec![[0; 3]; width + 1];
                    for (row, y) in rows {
                        gradient(row, &mut above, picture.row_of_mut(rect, y));
                    }
                } else {
                    for (row, y) in rows {
                        let pixels = picture.row_of_mut(rect, y).chunks_exact_mut(4);
                        pixels.zip(row.chunks_exact(3)).for_each(|(px, from)| px.copy_from_slice(&rgb(from)));
                    }
                }
            }
            1 => {
                let count = usize::from(wire.u8()?) + 1;
                let palette: Vec<[u8; 4]> = wire.bytes(count * 3)?.chunks_exact(3).map(rgb).collect();
                let bits = if count <= 2 { 1 } else { 8 };
                let row_bytes = (width * bits as usize).div_ceil(8);
                let data = data(wire, stream, row_bytes * height)?;
                for (row, y) in data.chunks_exact(row_bytes.max(1)).zip(rect.y..) {
                    let pixels = picture.row_of_mut(rect, y).chunks_exact_mut(4);
                    for (px, index) in pixels.zip(unpack(row, bits, width)) {
                        let colour =
                            palette.get(index).ok_or_else(|| broken("a colour is not in its palette"))?;
                        px.copy_from_slice(colour);
                    }
                }
            }
            other => return Err(broken(format!("it used Tight's filter {other}"))),
        }
        Ok(())
    }
}

/// Exactly `length` bytes.
fn data<S: Read>(wire: &mut Wire<S>, stream: &mut Inflater, length: usize) -> Result<Vec<u8>, Failure> {
    if length < SMALLEST_PACKED {
        return wire.bytes(length);
    }
    let mut packed = 0_usize;
    for shift in [0, 7, 14] {
        let byte = wire.u8()?;
        let part = if shift == 14 { byte } else { byte & 0x7f };
        packed |= usize::from(part) << shift;
        if byte & 0x80 == 0 {
            break;
        }
    }
    let data = stream.inflate(&wire.bytes(packed)?, length)?;
    if data.len() == length { Ok(data) } else { Err(broken("a rectangle has too few pixels")) }
}

/// Adds each pixel's difference to what its neighbours foretell. `above` is the row above with one pixel before it.
fn gradient(row: &[u8], above: &mut [[u8; 3]], pixels: &mut [u8]) {
    let (mut left, mut corner) = ([0_u8; 3], [0_u8; 3]);
    for (i, (px, difference)) in pixels.chunks_exact_mut(4).zip(row.chunks_exact(3)).enumerate() {
        let up = above[i + 1];
        let mut colour = [0; 3];
        for c in 0..3 {
            let foretold = i16::from(left[c]) + i16::from(up[c]) - i16::from(corner[c]);
            colour[c] = (foretold.clamp(0, 255) as u8).wrapping_add(difference[c]);
        }
        px.copy_from_slice(&rgb(&colour));
        corner = up;
        left = colour;
        above[i + 1] = colour;
    }
}

fn rgb(px: &[u8]) -> [u8; 4] {
    [px[2], px[1], px[0], 255]
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compress, Compression, FlushCompress};
    use panecast::Limits;
    use panecast::frame::Size;

    /// The pixels of a rectangle of `width` × 2, as R, G, B.
    fn shown(width: u32, sent: &[u8]) -> Result<Vec<[u8; 3]>, Failure> {
        let mut picture = FrameBuf::new(Size::new(width, 2), &Limits::default()).unwrap();
        let rect = Rect::new(0, 0, width, 2);
        Tight::default().read(&mut Wire::of(std::io::Cursor::new(sent)), &mut picture, &rect)?;
        Ok(picture.pixels().chunks_exact(4).map(|px| [px[2], px[1], px[0]]).collect())
    }

    /// After the control byte and what the filter wants, with the length before them.
    fn packed(data: &[u8]) -> Vec<u8> {
        let mut packed = Vec::with_capacity(1000);
        Compress::new(Compression::default(), true)
            .compress_vec(data, &mut packed, FlushCompress::Sync)
            .unwrap();
        assert!(packed.len() < 128, "a length of one byte");
        [vec![packed.len() as u8], packed].concat()
    }

    #[test]
    fn every_filter_is_read() {
        assert_eq!(shown(2, &[0x80, 1, 2, 3]).unwrap(), [[1, 2, 3]; 4]);
        let few = [0x00, 1, 2, 3, 4, 5, 6];
        assert_eq!(shown(1, &few).unwrap(), [[1, 2, 3], [4, 5, 6]], "so few are not packed");
        let bytes: Vec<u8> = (0..18).collect();
        let plain: Vec<[u8; 3]> = bytes.chunks_exact(3).map(|px| [px[0], px[1], px[2]]).collect();
        assert_eq!(shown(3, &[vec![0x20], packed(&bytes)].concat()).unwrap(), plain);
        let two = [0x50, 1, 1, 9, 9, 9, 8, 8, 8, 0b1010_0000, 0b0100_0000];
        let colours = |all: [u8; 6]| all.map(|c| [c; 3]).to_vec();
        assert_eq!(shown(3, &two).unwrap(), colours([8, 9, 8, 9, 8, 9]));
        let three = [0x40, 1, 2, 1, 1, 1, 2, 2, 2, 3, 3, 3, 2, 1, 0, 0, 1, 2];
        assert_eq!(shown(3, &three).unwrap(), colours([3, 2, 1, 1, 2, 3]));
        // Left and above minus the corner, kept within 0 and 255, plus what is sent.
        let gradient = [vec![0x40, 2], packed(&[[250, 10, 5], [0, 5, 5]].as_flattened().repeat(2))].concat();
        let rows = [[250, 10, 5], [250, 15, 10], [244, 20, 10], [244, 30, 20]];
        assert_eq!(shown(2, &gradient).unwrap(), rows);
    }

    #[test]
    fn wrong_rectangles_are_errors() {
        assert!(shown(2, &[0x90, 1, 2, 3]).is_err(), "JPEG");
        assert!(shown(2, &[0x40, 3]).is_err(), "no such filter");
        assert!(shown(1, &[0x40, 1, 2, 1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 0]).is_err(), "no such colour");
        assert!(shown(3, &[vec![0x00], packed(&[1; 17])].concat()).is_err(), "too few pixels");
        assert!(shown(3, &[vec![0x00], packed(&[1; 19])].concat()).is_err(), "too many pixels");
        assert!(shown(3, &[0x00, 100, 1]).is_err(), "cut off");
    }
}
