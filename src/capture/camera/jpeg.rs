//! Pictures that a camera has compressed, each a JPEG: to planes, without the way over red, green and blue.

use crate::error::{Error, Result};
use crate::frame::{Chroma, FilmColour, Planes, Size};
use crate::limits::Limits;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// Makes planes of a JPEG; their colours are JPEG's, BT.601 in full range. `buffer` is kept from one to the next.
///
/// # Errors
/// - [`crate::ErrorKind::InvalidData`] if it is none with colours, or of another size than `size`.
/// - [`crate::ErrorKind::LimitExceeded`], [`crate::ErrorKind::InvalidInput`] as [`Limits::check_size`] says.
pub fn unpack_jpeg(
    size: Size,
    bytes: &[u8],
    buffer: &mut Vec<u8>,
    planes: &mut Planes,
) -> Result<FilmColour> {
    let limits = Limits::default();
    limits.check_size(size)?;
    let broken = |e: &dyn std::fmt::Debug| Error::data(format!("a camera's JPEG that is none: {e:?}"));
    let options = DecoderOptions::new_fast()
        .set_strict_mode(false)
        .set_max_width(size.width as usize)
        .set_max_height(size.height as usize)
        .jpeg_set_out_colorspace(ColorSpace::YCbCr);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(|e| broken(&e))?;
    let (width, height) = (size.width as usize, size.height as usize);
    if decoder.dimensions() != Some((width, height)) {
        return Err(broken(&format!("{:?} where {size} was agreed on", decoder.dimensions())));
    }
    if decoder.output_buffer_size() != Some(width * height * 3) {
        return Err(broken(&"it has no colours"));
    }
    buffer.resize(width * height * 3, 0);
    decoder.decode_into(buffer).map_err(|e| broken(&e))?;
    planes.reset(size, Chroma::Half, &limits)?;
    let (y, u, v) = planes.split_mut();
    let rows = |row: usize| buffer[row * width * 3..][..width * 3].as_chunks::<3>().0;
    for (row, y) in y.chunks_exact_mut(width).enumerate() {
        for (y, sample) in y.iter_mut().zip(rows(row)) {
            *y = sample[0];
        }
    }
    let half = width.div_ceil(2);
    for (row, (u, v)) in u.chunks_exact_mut(half).zip(v.chunks_exact_mut(half)).enumerate() {
        let (upper, lower) = (rows(2 * row), rows((2 * row + 1).min(height - 1)));
        for (i, (u, v)) in u.iter_mut().zip(v).enumerate() {
            let (left, right) = (2 * i, (2 * i + 1).min(width - 1));
            let mean = |c: usize| {
                let sum = [upper[left][c], upper[right][c], lower[left][c], lower[right][c]];
                (sum.iter().map(|v| u16::from(*v)).sum::<u16>() + 2) / 4
            };
            (*u, *v) = (mean(1) as u8, mean(2) as u8);
        }
    }
    Ok(FilmColour { bt709: false, full_range: true })
}
