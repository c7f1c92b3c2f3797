//! The frames of the scenarios, as tests/vectors/scenarios/README.md describes them.

use panecast::frame::{FrameView, PixelFormat, Plane, Size};

pub(crate) struct Frame {
    pub(crate) format: PixelFormat,
    pub(crate) size: Size,
    /// Bytes and stride of each plane.
    pub(crate) planes: Vec<(Vec<u8>, usize)>,
}

impl Frame {
    pub(crate) fn new(size: Size, index: u32, format: PixelFormat, pad: usize) -> Self {
        let (w, h) = (size.width, size.height);
        let (cw, ch) = (w.div_ceil(2), h.div_ceil(2));
        let at = |x, y| pixel(x, y, index);
        let planes = match format {
            PixelFormat::I420 => vec![
                plane(w, h, pad, |x, y| [at(x, y)[1]]),
                plane(cw, ch, pad, |x, y| [at(2 * x, 2 * y)[0]]),
                plane(cw, ch, pad, |x, y| [at(2 * x, 2 * y)[2]]),
            ],
            PixelFormat::Nv12 => vec![
                plane(w, h, pad, |x, y| [at(x, y)[1]]),
                plane(cw, ch, pad, |x, y| {
                    let [b, _, r] = at(2 * x, 2 * y);
                    [b, r]
                }),
            ],
            PixelFormat::Rgba8 => vec![plane(w, h, pad, |x, y| {
                let [b, g, r] = at(x, y);
                [r, g, b, 255]
            })],
            PixelFormat::Bgra8 | PixelFormat::Bgrx8 => vec![plane(w, h, pad, |x, y| {
                let [b, g, r] = at(x, y);
                [b, g, r, 255]
            })],
        };
        Self { format, size, planes }
    }

    /// Its view; `stride_bytes` and `length` in place of the first plane's own.
    pub(crate) fn view(
        &self,
        size: Size,
        stride_bytes: Option<usize>,
        length: Option<usize>,
    ) -> panecast::Result<FrameView<'_>> {
        let mut planes: Vec<Plane<'_>> =
            self.planes.iter().map(|(bytes, stride)| Plane { bytes, stride_bytes: *stride }).collect();
        planes[0].stride_bytes = stride_bytes.unwrap_or(planes[0].stride_bytes);
        planes[0].bytes = &planes[0].bytes[..length.unwrap_or(planes[0].bytes.len())];
        FrameView::new(self.format, size, &planes)
    }
}

/// Rows of pixels of `N` bytes, `pad` bytes of 0xAA between them.
fn plane<const N: usize>(
    width: u32,
    rows: u32,
    pad: usize,
    pixel: impl Fn(u32, u32) -> [u8; N],
) -> (Vec<u8>, usize) {
    let mut bytes = Vec::new();
    for y in 0..rows {
        if y > 0 {
            bytes.extend(std::iter::repeat_n(0xAA, pad));
        }
        bytes.extend((0..width).flat_map(|x| pixel(x, y)));
    }
    (bytes, width as usize * N + pad)
}

/// What the block in column `bx` and row `by` of frame `index` is made of.
pub(crate) fn block(bx: u32, by: u32, index: u32) -> u32 {
    let lively = (bx * 3 + by * 5).is_multiple_of(7);
    let seed = 1 + bx * 7919 + by * 104_729 + if lively { index * 31 } else { 0 };
    let mut h = seed | 1;
    h ^= h << 13;
    h ^= h >> 17;
    h ^= h << 5;
    h
}

/// Blue, green, red.
fn pixel(x: u32, y: u32, index: u32) -> [u8; 3] {
    let h = block(x / 16, y / 16, index);
    let (dx, dy) = if h & 0x300 == 0 { (0, 0) } else { (x % 16, y % 16) };
    [h + dx * 3, (h >> 8) + dy * 2, (h >> 16) + dx + dy].map(|v| (v & 255) as u8)
}

/// FNV-1a with 64 bits, as 16 hexadecimal digits.
pub(crate) fn fnv(bytes: &[u8]) -> String {
    let hash = bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3));
    format!("{hash:016x}")
}
