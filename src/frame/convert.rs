//! Any [`PixelFormat`] to the stages' own layout.

use super::{BYTES_PER_PIXEL, FrameBuf, FrameView, PixelFormat, Rect};
use crate::error::{Error, Result};
use yuv::{YuvBiPlanarImage, YuvConversionMode, YuvPlanarImage, YuvRange, YuvStandardMatrix};

/// Alpha of a little-endian B, G, R, A pixel.
const OPAQUE: u32 = 0xFF00_0000;

/// Copies `rect` of `view` into the same place of `to`, as B, G, R, 255.
///
/// Formats with shared colour samples are converted two by two pixels, so up to one more row and column around
/// `rect` may be written; they get the view's pixels too.
pub(super) fn copy_rect(view: &FrameView<'_>, to: &mut FrameBuf, rect: &Rect) -> Result<()> {
    if rect.is_empty() {
        return Ok(());
    }
    match view.format() {
        PixelFormat::Bgrx8 | PixelFormat::Bgra8 => copy_packed(view, to, rect, |px| px | OPAQUE),
        PixelFormat::Rgba8 => copy_packed(view, to, rect, |px| {
            (px & 0x0000_FF00) | (px & 0xFF) << 16 | (px >> 16) & 0xFF | OPAQUE
        }),
        PixelFormat::I420 | PixelFormat::Nv12 => return convert_yuv(view, to, rect),
    }
    Ok(())
}

fn copy_packed(view: &FrameView<'_>, to: &mut FrameBuf, rect: &Rect, pixel: impl Fn(u32) -> u32) {
    let plane = view.plane(0);
    for y in rect.y..rect.bottom() {
        let start = y as usize * plane.stride_bytes + rect.x as usize * BYTES_PER_PIXEL;
        let from = &plane.bytes[start..][..rect.width as usize * BYTES_PER_PIXEL];
        let (from, _) = from.as_chunks::<BYTES_PER_PIXEL>();
        let (into, _) = to.row_of_mut(rect, y).as_chunks_mut::<BYTES_PER_PIXEL>();
        for (o, i) in into.iter_mut().zip(from) {
            *o = pixel(u32::from_le_bytes(*i)).to_le_bytes();
        }
    }
}

fn convert_yuv(view: &FrameView<'_>, to: &mut FrameBuf, rect: &Rect) -> Result<()> {
    let size = view.size();
    // Colour samples are shared by 2 × 2 pixels: start at an even corner.
    let even = Rect::from_edges(
        rect.x & !1,
        rect.y & !1,
        ((rect.right() + 1) & !1).min(size.width),
        ((rect.bottom() + 1) & !1).min(size.height),
    );
    if view.format() == PixelFormat::Nv12 {
        return convert_nv12(view, to, &even);
    }
    let (x, y) = (even.x as usize, even.y as usize);
    let stride = to.stride_bytes();
    let out = &mut to.pixels_mut()[y * stride + x * BYTES_PER_PIXEL..];
    let (luma, blue, red) = (view.plane(0), view.plane(1), view.plane(2));
    let converted = yuv::yuv420_to_bgra(
        &YuvPlanarImage {
            y_plane: &luma.bytes[y * luma.stride_bytes + x..],
            y_stride: stride_u32(luma.stride_bytes)?,
            u_plane: &blue.bytes[y / 2 * blue.stride_bytes + x / 2..],
            u_stride: stride_u32(blue.stride_bytes)?,
            v_plane: &red.bytes[y / 2 * red.stride_bytes + x / 2..],
            v_stride: stride_u32(red.stride_bytes)?,
            width: even.width,
            height: even.height,
        },
        out,
        stride_u32(stride)?,
        YuvRange::Limited,
        YuvStandardMatrix::Bt601,
    );
    converted.map_err(|e| Error::input(format!("the picture cannot be converted: {e}")))
}

/// The library takes whole strides only, and all of the planes that it is given, whatever the height. So it gets the rows
/// that have others after them, no more; then the last two or the last one, each for itself.
fn convert_nv12(view: &FrameView<'_>, to: &mut FrameBuf, even: &Rect) -> Result<()> {
    let (luma, chroma) = (view.plane(0), view.plane(1));
    let stride = to.stride_bytes();
    let left = even.x as usize;
    let rows = even.height as usize;
    let ends = even.bottom() == view.size().height;
    let body = if ends { (rows - 1) & !1 } else { rows };
    let row_bytes = even.width as usize * BYTES_PER_PIXEL;
    let chroma_bytes = even.width.div_ceil(2) as usize * 2;
    if body > 0 {
        let y = even.y as usize;
        nv12(
            (&luma.bytes[y * luma.stride_bytes + left..][..body * luma.stride_bytes], luma.stride_bytes),
            (
                &chroma.bytes[y / 2 * chroma.stride_bytes + left..][..body / 2 * chroma.stride_bytes],
                chroma.stride_bytes,
            ),
            (even.width, body as u32),
            &mut to.pixels_mut()[y * stride + left * BYTES_PER_PIXEL..][..body * stride],
            stride,
        )?;
    }
    for y in even.y as usize + body..even.bottom() as usize {
        nv12(
            (&luma.bytes[y * luma.stride_bytes + left..][..even.width as usize], even.width as usize),
            (&chroma.bytes[y / 2 * chroma.stride_bytes + left..][..chroma_bytes], chroma_bytes),
            (even.width, 1),
            &mut to.pixels_mut()[y * stride + left * BYTES_PER_PIXEL..][..row_bytes],
            row_bytes,
        )?;
    }
    Ok(())
}

fn nv12(
    (y_plane, y_stride): (&[u8], usize),
    (uv_plane, uv_stride): (&[u8], usize),
    (width, height): (u32, u32),
    out: &mut [u8],
    stride: usize,
) -> Result<()> {
    let (y_stride, uv_stride) = (stride_u32(y_stride)?, stride_u32(uv_stride)?);
    yuv::yuv_nv12_to_bgra(
        &YuvBiPlanarImage { y_plane, y_stride, uv_plane, uv_stride, width, height },
        out,
        stride_u32(stride)?,
        YuvRange::Limited,
        YuvStandardMatrix::Bt601,
        YuvConversionMode::Balanced,
    )
    .map_err(|e| Error::input(format!("the picture cannot be converted: {e}")))
}

fn stride_u32(bytes: usize) -> Result<u32> {
    u32::try_from(bytes).map_err(|_| Error::input(format!("a stride of {bytes} bytes is too large")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Plane, Size};
    use crate::limits::Limits;

    /// Samples in rows of `stride` bytes, the last one without what lies behind it.
    fn plane(columns: usize, rows: usize, stride: usize, sample: impl Fn(usize, usize) -> u8) -> Vec<u8> {
        let mut bytes = vec![0xEE; stride * (rows - 1) + columns];
        (0..rows).for_each(|y| (0..columns).for_each(|x| bytes[y * stride + x] = sample(x, y)));
        bytes
    }

    /// Both video formats of the same samples give the same pixels, wherever the rectangle lies, and no others.
    #[test]
    fn both_video_formats_are_the_same_picture() {
        let even = |n: u32| n & !1;
        let (blue, red) =
            (|x: usize, y: usize| (x * 7 + y * 3) as u8, |x: usize, y: usize| (x + y * 11) as u8);
        for (width, height) in [(62, 46), (61, 45), (2, 2), (1, 1), (130, 7)] {
            let size = Size::new(width, height);
            let (w, h) = (width as usize, height as usize);
            let (cw, ch) = (w.div_ceil(2), h.div_ceil(2));
            for pad in [0, 34] {
                let luma = plane(w, h, w + pad, |x, y| (16 + (x * 5 + y * 9) % 200) as u8);
                let u = plane(cw, ch, cw + pad, blue);
                let v = plane(cw, ch, cw + pad, red);
                let both =
                    |x: usize, y: usize| if x.is_multiple_of(2) { blue(x / 2, y) } else { red(x / 2, y) };
                let uv = plane(cw * 2, ch, cw * 2 + pad, both);
                let at = |bytes, stride_bytes| Plane { bytes, stride_bytes };
                let three = [at(&luma[..], w + pad), at(&u, cw + pad), at(&v, cw + pad)];
                let two = [at(&luma[..], w + pad), at(&uv, cw * 2 + pad)];
                let three = FrameView::new(PixelFormat::I420, size, &three).expect("a frame");
                let two = FrameView::new(PixelFormat::Nv12, size, &two).expect("a frame");
                let mut expected = FrameBuf::new(size, &Limits::default()).expect("a picture");
                copy_rect(&three, &mut expected, &size.rect()).expect("converted");
                for rect in [
                    size.rect(),
                    Rect::from_edges(even(width / 2), 0, width, height),
                    Rect::from_edges(0, even(height / 2), even(width / 2), height),
                    Rect::from_edges(0, 0, width, even(height / 2)),
                    Rect::from_edges(even(width / 4), even(height / 4), even(width / 2), even(height / 2)),
                ] {
                    if rect.is_empty() {
                        continue;
                    }
                    let mut picture = FrameBuf::new(size, &Limits::default()).expect("a picture");
                    copy_rect(&two, &mut picture, &rect).expect("converted");
                    for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
                        let inside = rect.contains(&Rect::new(x, y, 1, 1));
                        let px = |buf: &FrameBuf| buf.row(y)[x as usize * 4..][..4].to_vec();
                        let wanted = if inside { px(&expected) } else { vec![0, 0, 0, 255] };
                        assert_eq!(px(&picture), wanted, "{size} padded by {pad}, {rect}, at ({x}, {y})");
                    }
                }
            }
        }
    }

    #[test]
    fn rows_behind_the_picture_are_no_part_of_it() {
        let size = Size::new(5, 3);
        let luma = plane(5, 3, 8, |x, y| (40 + x * 9 + y * 31) as u8);
        let chroma = [
            plane(3, 2, 8, |x, y| (90 + x * 5 + y * 20) as u8),
            plane(3, 2, 8, |x, y| (150 - x - y * 30) as u8),
        ];
        let [exact, longer] = [0, 64].map(|behind| {
            let [luma, blue, red] = [&luma, &chroma[0], &chroma[1]].map(|rows| {
                let mut rows = rows.clone();
                rows.resize(rows.len() + behind, 0xEE);
                rows
            });
            let planes = [&luma, &blue, &red].map(|bytes| Plane { bytes, stride_bytes: 8 });
            let view = FrameView::new(PixelFormat::I420, size, &planes).expect("a frame");
            let mut picture = FrameBuf::new(size, &Limits::default()).expect("a picture");
            copy_rect(&view, &mut picture, &size.rect()).expect("converted");
            picture
        });
        assert_eq!(exact.pixels(), longer.pixels());
    }
}
