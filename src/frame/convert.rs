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
    let (x, y) = (even.x as usize, even.y as usize);
    let stride = to.stride_bytes();
    let out = &mut to.pixels_mut()[y * stride + x * BYTES_PER_PIXEL..];
    let luma = view.plane(0);
    let chroma = view.plane(1);
    let converted = if view.format() == PixelFormat::Nv12 {
        yuv::yuv_nv12_to_bgra(
            &YuvBiPlanarImage {
                y_plane: &luma.bytes[y * luma.stride_bytes + x..],
                y_stride: stride_u32(luma.stride_bytes)?,
                uv_plane: &chroma.bytes[y / 2 * chroma.stride_bytes + x..],
                uv_stride: stride_u32(chroma.stride_bytes)?,
                width: even.width,
                height: even.height,
            },
            out,
            stride_u32(stride)?,
            YuvRange::Limited,
            YuvStandardMatrix::Bt601,
            YuvConversionMode::Balanced,
        )
    } else {
        let red = view.plane(2);
        yuv::yuv420_to_bgra(
            &YuvPlanarImage {
                y_plane: &luma.bytes[y * luma.stride_bytes + x..],
                y_stride: stride_u32(luma.stride_bytes)?,
                u_plane: &chroma.bytes[y / 2 * chroma.stride_bytes + x / 2..],
                u_stride: stride_u32(chroma.stride_bytes)?,
                v_plane: &red.bytes[y / 2 * red.stride_bytes + x / 2..],
                v_stride: stride_u32(red.stride_bytes)?,
                width: even.width,
                height: even.height,
            },
            out,
            stride_u32(stride)?,
            YuvRange::Limited,
            YuvStandardMatrix::Bt601,
        )
    };
    converted.map_err(|e| Error::input(format!("the picture cannot be converted: {e}")))
}

fn stride_u32(bytes: usize) -> Result<u32> {
    u32::try_from(bytes).map_err(|_| Error::input(format!("a stride of {bytes} bytes is too large")))
}
