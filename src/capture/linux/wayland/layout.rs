//! How the pixels of shared memory are laid out, by the numbers of `wl_shm`.

use super::turn::Turn;
use crate::capture::linux::shared_memory::SharedMemory;
use crate::frame::{BYTES_PER_PIXEL, FrameBuf, Rect, Region, Size};

/// Where blue, green and red of a pixel are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// B, G, R, anything: as pictures have it.
    Bgrx,
    /// Bytes at these places, of pixels of so many bytes.
    Bytes { pixel: usize, blue: usize, green: usize, red: usize },
    /// Ten bits each in a 32-bit value, of which the upper eight are taken; `red_low` if red is in the low bits.
    Deep { red_low: bool },
}

/// A drm format's number: four letters.
const fn fourcc(letters: [u8; 4]) -> u32 {
    u32::from_le_bytes(letters)
}

/// `wl_shm` has numbers of its own for the two formats that every compositor knows.
const ARGB8888: u32 = 0;
/// As [`ARGB8888`], without alpha.
pub(super) const XRGB8888: u32 = 1;

impl Layout {
    /// The layout with this number; `None` for those that are not read.
    pub(super) fn of(format: u32) -> Option<Self> {
        let bytes = |pixel, blue, green, red| Some(Self::Bytes { pixel, blue, green, red });
        // Named from the highest bits of a little-endian value down.
        match format {
            ARGB8888 | XRGB8888 => Some(Self::Bgrx),
            f if f == fourcc(*b"XB24") || f == fourcc(*b"AB24") => bytes(4, 2, 1, 0),
            f if f == fourcc(*b"RX24") || f == fourcc(*b"RA24") => bytes(4, 1, 2, 3),
            f if f == fourcc(*b"BX24") || f == fourcc(*b"BA24") => bytes(4, 3, 2, 1),
            f if f == fourcc(*b"RG24") => bytes(3, 0, 1, 2),
            f if f == fourcc(*b"BG24") => bytes(3, 2, 1, 0),
            f if f == fourcc(*b"XR30") || f == fourcc(*b"AR30") => Some(Self::Deep { red_low: false }),
            f if f == fourcc(*b"XB30") || f == fourcc(*b"AB30") => Some(Self::Deep { red_low: true }),
            _ => None,
        }
    }

    /// Bytes of a pixel.
    pub(super) fn pixel(self) -> usize {
        match self {
            Self::Bytes { pixel, .. } => pixel,
            Self::Bgrx | Self::Deep { .. } => BYTES_PER_PIXEL,
        }
    }

    fn read(self, px: &[u8]) -> [u8; 4] {
        match self {
            Self::Bgrx => [px[0], px[1], px[2], 255],
            Self::Bytes { blue, green, red, .. } => [px[blue], px[green], px[red], 255],
            Self::Deep { red_low } => {
                let value = u32::from_le_bytes([px[0], px[1], px[2], px[3]]);
                let [low, green, high] = [2, 12, 22].map(|shift| (value >> shift) as u8);
                if red_low { [high, green, low, 255] } else { [low, green, high, 255] }
            }
        }
    }
}

/// A picture in shared memory.
pub(super) struct Sheet<'a> {
    pub(super) memory: &'a SharedMemory,
    pub(super) layout: Layout,
    /// Of the buffer, before it is turned.
    pub(super) size: Size,
    pub(super) stride: usize,
    pub(super) turn: Turn,
}

impl Sheet<'_> {
    /// Copies what of `region` lies in the picture at `place` of `frame`. False if the memory is too small.
    pub(super) fn read(
        &self,
        region: &Region,
        place: &Rect,
        frame: &mut FrameBuf,
        scratch: &mut Vec<u8>,
    ) -> bool {
        let area: u64 = region.rects().iter().map(Rect::area).sum();
        // Rectangles may overlap; together they never need more than the whole.
        let whole = [*place];
        let rects = if area < place.area() { region.rects() } else { &whole[..] };
        rects.iter().filter_map(|r| r.intersection(place)).all(|r| self.read_rect(&r, place, frame, scratch))
    }

    fn read_rect(&self, rect: &Rect, place: &Rect, frame: &mut FrameBuf, scratch: &mut Vec<u8>) -> bool {
        let own = Rect { x: rect.x - place.x, y: rect.y - place.y, ..*rect };
        let from = self.turn.in_buffer(&own, self.size);
        if !from.fits(self.size) {
            return false;
        }
        let pixel = self.layout.pixel();
        let offset = from.y as usize * self.stride + from.x as usize * pixel;
        if self.layout == Layout::Bgrx && self.turn.is_none() {
            return self.memory.copy_rect(offset, self.stride, rect, frame);
        }
        if !rect.fits(frame.size()) {
            return false;
        }
        let rows = (from.width as usize * pixel, from.height as usize);
        if !self.memory.copy_out(offset, self.stride, rows, scratch) {
            return false;
        }
        if self.turn.is_none() {
            for (y, row) in (rect.y..rect.bottom()).zip(scratch.chunks_exact(rows.0)) {
                let into = frame.row_of_mut(rect, y).as_chunks_mut::<BYTES_PER_PIXEL>().0;
                into.iter_mut().zip(row.chunks_exact(pixel)).for_each(|(to, px)| *to = self.layout.read(px));
            }
            return true;
        }
        self.turn.each_row(rect.size(), |y, indices| {
            let into = frame.row_of_mut(rect, rect.y + y).as_chunks_mut::<BYTES_PER_PIXEL>().0;
            for (to, i) in into.iter_mut().zip(indices) {
                *to = self.layout.read(&scratch[i * pixel..][..pixel]);
            }
        });
        true
    }

    /// Copies all of it with its fourth byte as it is, for a cursor: B, G, R, A.
    pub(super) fn read_with_alpha(&self) -> Option<Vec<u8>> {
        let mut pixels = Vec::new();
        let rows = (self.size.width as usize * BYTES_PER_PIXEL, self.size.height as usize);
        (self.layout == Layout::Bgrx && self.memory.copy_out(0, self.stride, rows, &mut pixels))
            .then_some(pixels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;
    use std::os::unix::fs::FileExt as _;

    /// Red 0x11, green 0x22, blue 0x33 as the header of drm formats writes them down, in memory order.
    #[test]
    fn colours_are_where_their_format_says() {
        let held: [(&[u8; 4], &[u8]); 12] = [
            (b"XB24", &[0x11, 0x22, 0x33, 0xEE]),
            (b"AB24", &[0x11, 0x22, 0x33, 0xEE]),
            (b"RX24", &[0xEE, 0x33, 0x22, 0x11]),
            (b"RA24", &[0xEE, 0x33, 0x22, 0x11]),
            (b"BX24", &[0xEE, 0x11, 0x22, 0x33]),
            (b"BA24", &[0xEE, 0x11, 0x22, 0x33]),
            (b"RG24", &[0x33, 0x22, 0x11]),
            (b"BG24", &[0x11, 0x22, 0x33]),
            (b"XR30", &(0x11u32 << 22 | 0x22 << 12 | 0x33 << 2).to_le_bytes()),
            (b"AR30", &(3 << 30 | 0x11u32 << 22 | 0x22 << 12 | 0x33 << 2).to_le_bytes()),
            (b"XB30", &(0x33u32 << 22 | 0x22 << 12 | 0x11 << 2).to_le_bytes()),
            (b"AB30", &(3 << 30 | 0x33u32 << 22 | 0x22 << 12 | 0x11 << 2).to_le_bytes()),
        ];
        for (letters, px) in held {
            let layout = Layout::of(fourcc(*letters)).unwrap();
            assert_eq!((layout.pixel(), layout.read(px)), (px.len(), [0x33, 0x22, 0x11, 255]), "{letters:?}");
        }
        for format in [ARGB8888, XRGB8888] {
            assert_eq!(Layout::of(format).unwrap().read(&[0x33, 0x22, 0x11, 0xEE]), [0x33, 0x22, 0x11, 255]);
        }
        for unknown in [2, fourcc(*b"NV12"), fourcc(*b"R8  "), u32::MAX] {
            assert_eq!(Layout::of(unknown), None);
        }
    }

    /// A turned picture at a place of a larger frame, read whole and in parts, with padded rows.
    #[test]
    fn a_part_equals_the_part_of_the_whole() {
        let (buffer, stride) = (Size::new(6, 4), 6 * 3 + 5);
        let (memory, file) = SharedMemory::new(stride * 4).unwrap();
        let held: Vec<u8> =
            (0..stride as u32 * 4).map(|i| (i.wrapping_mul(2_654_435_761) >> 11) as u8).collect();
        std::fs::File::from(file).write_all_at(&held, 0).unwrap();
        for transform in 0..8 {
            let turn = Turn::of(transform);
            let layout = Layout::of(fourcc(*b"BG24")).unwrap();
            let sheet = Sheet { memory: &memory, layout, size: buffer, stride, turn };
            let inner = turn.size(buffer);
            let place = Rect::new(2, 1, inner.width, inner.height);
            let blank = || FrameBuf::new(Size::new(10, 9), &Limits::default()).unwrap();
            let (mut whole, mut parts, mut scratch) = (blank(), blank(), Vec::new());
            assert!(sheet.read(&Region::full(whole.size()), &place, &mut whole, &mut scratch));
            assert!(whole != blank());
            for y in 0..9 {
                for x in (0..10).step_by(3) {
                    let one: Region = [Rect::new(x, y, 3.min(10 - x), 1)].into_iter().collect();
                    assert!(sheet.read(&one, &place, &mut parts, &mut scratch));
                }
            }
            assert!(whole == parts, "transform {transform}");
        }
        let short = Sheet {
            memory: &memory,
            layout: Layout::Bgrx,
            size: Size::new(6, 5),
            stride,
            turn: Turn::default(),
        };
        let mut frame = FrameBuf::new(Size::new(6, 5), &Limits::default()).unwrap();
        assert!(!short.read(&Region::full(frame.size()), &frame.size().rect(), &mut frame, &mut Vec::new()));
    }
}
