//! The zstd contexts: one long-lived stream for an epoch, primed with the picture at its first use.

use crate::error::{Error, Result};
use crate::frame::{BYTES_PER_PIXEL, FrameBuf};
use zstd_safe::zstd_sys::ZSTD_EndDirective;
use zstd_safe::{CCtx, CParameter, DCtx, DParameter, InBuffer, OutBuffer};

/// Base-2 logarithm of the history: 8 MiB, a full HD picture and what came after it.
const WINDOW_LOG: u32 = 23;

/// Bytes of a coded pixel: B, G, R.
pub(in crate::codec) const CODED_BYTES: usize = 3;

/// The bytes that prime a stream: a zero byte, so that no picture is taken for a zstd dictionary, then all
/// pixels as B, G, R, row by row. zstd keeps a copy of its own; this one is not worth keeping.
fn history(picture: &FrameBuf) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(1 + picture.size().area() as usize * CODED_BYTES);
    bytes.push(0);
    let (pixels, _) = picture.pixels().as_chunks::<BYTES_PER_PIXEL>();
    bytes.extend(pixels.iter().flat_map(|[b, g, r, _]| [*b, *g, *r]));
    bytes
}

fn zstd_error(code: usize) -> Error {
    Error::data(format!("zstd: {}", zstd_safe::get_error_name(code)))
}

fn no_memory() -> Error {
    Error::limit("there is no memory for a zstd context")
}

/// The encoder's side of an epoch's stream, from its first use.
pub(in crate::codec) struct StreamEncoder {
    context: CCtx<'static>,
}

impl StreamEncoder {
    /// A stream primed with `picture`.
    pub(in crate::codec) fn over(picture: &FrameBuf) -> Result<Self> {
        let mut context = CCtx::try_create().ok_or_else(no_memory)?;
        // Figures for each: benches/lossless.rs.
        for parameter in [
            CParameter::CompressionLevel(4),
            CParameter::WindowLog(WINDOW_LOG),
            CParameter::ContentSizeFlag(false),
            CParameter::ChecksumFlag(false),
        ] {
            context.set_parameter(parameter).map_err(zstd_error)?;
        }
        context.load_dictionary(&history(picture)).map_err(zstd_error)?;
        Ok(Self { context })
    }

    /// Appends `plain`, compressed and flushed, to `out`.
    pub(in crate::codec) fn compress(&mut self, plain: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let mut input = InBuffer::around(plain);
        loop {
            // What is flushed at once fits the bound; the loop is for what does not.
            out.reserve(zstd_safe::compress_bound(plain.len() - input.pos()).max(1024));
            let at = out.len();
            let mut output = OutBuffer::around_pos(out, at);
            let left = self
                .context
                .compress_stream2(&mut output, &mut input, ZSTD_EndDirective::ZSTD_e_flush)
                .map_err(zstd_error)?;
            if left == 0 {
                return Ok(());
            }
        }
    }
}

impl std::fmt::Debug for StreamEncoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StreamEncoder")
    }
}

/// The decoder's side of an epoch's stream.
pub(in crate::codec) struct StreamDecoder {
    context: DCtx<'static>,
}

impl StreamDecoder {
    /// A stream primed with `picture`.
    pub(in crate::codec) fn over(picture: &FrameBuf) -> Result<Self> {
        let mut context = DCtx::try_create().ok_or_else(no_memory)?;
        context.set_parameter(DParameter::WindowLogMax(WINDOW_LOG)).map_err(zstd_error)?;
        context.load_dictionary(&history(picture)).map_err(zstd_error)?;
        Ok(Self { context })
    }

    /// Decompresses all of `data`, which must give exactly `plain_bytes`, into `plain`. The caller has charged
    /// `plain_bytes` against its limits.
    pub(in crate::codec) fn decompress(
        &mut self,
        data: &[u8],
        plain_bytes: usize,
        plain: &mut Vec<u8>,
    ) -> Result<()> {
        plain.clear();
        plain.resize(plain_bytes, 0);
        let mut input = InBuffer::around(data);
        let mut produced = 0;
        // One byte more than announced shows a payload that is too long.
        let mut over = [0_u8; 1];
        while produced < plain_bytes || input.pos() < data.len() {
            let (consumed, before) = (input.pos(), produced);
            let left = if produced < plain_bytes {
                let mut output = OutBuffer::around_pos(&mut plain[..], produced);
                let left = self.context.decompress_stream(&mut output, &mut input).map_err(zstd_error)?;
                produced = output.pos();
                left
            } else {
                let mut output = OutBuffer::around(&mut over[..]);
                let left = self.context.decompress_stream(&mut output, &mut input).map_err(zstd_error)?;
                if output.pos() > 0 {
                    return Err(Error::data("the payload is longer than it says"));
                }
                left
            };
            if left == 0 {
                return Err(Error::data("the payload ends the epoch's zstd stream"));
            }
            if input.pos() == consumed && produced == before {
                return Err(Error::data("the payload is shorter than it says"));
            }
        }
        Ok(())
    }
}

impl std::fmt::Debug for StreamDecoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StreamDecoder")
    }
}

/// Appends `plain` as one zstd frame to `out`.
pub(in crate::codec) fn compress_once(plain: &[u8], out: &mut Vec<u8>) -> Result<()> {
    let mut context = CCtx::try_create().ok_or_else(no_memory)?;
    for parameter in [CParameter::CompressionLevel(4), CParameter::WindowLog(WINDOW_LOG)] {
        context.set_parameter(parameter).map_err(zstd_error)?;
    }
    let start = out.len();
    out.resize(start + zstd_safe::compress_bound(plain.len()), 0);
    let written = context.compress2(&mut out[start..], plain).map_err(zstd_error)?;
    out.truncate(start + written);
    Ok(())
}

/// Decompresses one zstd frame that must give exactly `plain_bytes`, which the caller has charged.
pub(in crate::codec) fn decompress_once(data: &[u8], plain_bytes: usize, plain: &mut Vec<u8>) -> Result<()> {
    let mut context = DCtx::try_create().ok_or_else(no_memory)?;
    plain.clear();
    plain.resize(plain_bytes, 0);
    let written = context.decompress(&mut plain[..], data).map_err(zstd_error)?;
    if written != plain_bytes {
        return Err(Error::data("the payload is shorter than it says"));
    }
    Ok(())
}
