//! Bytes of a stream to pictures.

use super::boundary::{free, give, on, plain, slice, wants};
use super::codes::panecast_decoded_kind;
use super::frame::{c_rect, panecast_rect};
use super::handle::handled;
use super::settings::panecast_limits;
use super::sized::{self, Sized32};
use crate::capture::CursorShape;
use crate::codec::{Decoded, Decoder};
use crate::error::{Error, ErrorKind, Result};
use crate::ffi::Status;
use crate::frame::FrameBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Turns bytes of a stream back into pictures. Calls on one decoder from several threads wait for each other.
#[derive(Debug)]
pub struct panecast_decoder {
    _opaque: [u8; 0],
}

/// What its handle stands for.
#[derive(Debug)]
pub struct DecoderObject(Mutex<Decoder>);

handled!(DecoderObject, 3, "decoder");

impl DecoderObject {
    fn lock(&self) -> MutexGuard<'_, Decoder> {
        // After a panic the handle is retired, so that nobody comes here.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one packet did.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct panecast_decoded {
    /// sizeof(panecast_decoded).
    pub struct_size: u32,
    /// A panecast_decoded_kind.
    pub kind: u32,
    /// PICTURE and EPOCH: the number to acknowledge.
    pub sequence: u64,
    /// PICTURE: when it was taken.
    pub timestamp_us: u64,
    /// PICTURE: 1 if it was a whole picture.
    pub keyframe: u32,
    /// PICTURE: 1 if its size changed.
    pub resized: u32,
    /// PICTURE: holds all that differs from the one before.
    pub dirty: panecast_rect,
    /// END: pictures in all, unchanged ones included.
    pub frames: u64,
    /// END: pictures a second.
    pub fps: u32,
    /// 0.
    pub reserved: u32,
}

// SAFETY: numbers, the first of them the size.
unsafe impl Sized32 for panecast_decoded {}

/// A decoder's picture.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct panecast_picture {
    /// sizeof(panecast_picture).
    pub struct_size: u32,
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// 0.
    pub reserved: u32,
    /// Blue, green, red, 255; rows from top to bottom.
    pub pixels: *const u8,
    /// Bytes in all.
    pub length: usize,
    /// Bytes from one row to the next.
    pub stride_bytes: usize,
    /// Pixels that are not exact yet.
    pub lossy_px: u64,
}

// SAFETY: numbers and a pointer, the first of them the size.
unsafe impl Sized32 for panecast_picture {}

/// Where the cursor is and what it looks like.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct panecast_cursor {
    /// sizeof(panecast_cursor).
    pub struct_size: u32,
    /// 1 if it is to be seen.
    pub visible: u32,
    /// Its hotspot's column in the picture.
    pub x: i32,
    /// Its hotspot's row in the picture.
    pub y: i32,
    /// Columns of its shape; 0 if none was sent.
    pub width: u32,
    /// Rows of its shape.
    pub height: u32,
    /// The hotspot's column in the shape.
    pub hotspot_x: u32,
    /// The hotspot's row in the shape.
    pub hotspot_y: u32,
    /// Blue, green, red, alpha, premultiplied; rows of 4 × width bytes. NULL without a shape.
    pub pixels: *const u8,
    /// Bytes in all.
    pub length: usize,
}

// SAFETY: numbers and a pointer, the first of them the size.
unsafe impl Sized32 for panecast_cursor {}

/// Makes a decoder at the start of a stream. `limits` may be NULL.
///
/// # Safety
/// `limits` is NULL or a struct as its text says; `decoder` is good for writing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn panecast_decoder_new(
    limits: *const panecast_limits,
    decoder: *mut *mut panecast_decoder,
) -> Status {
    plain(|| {
        wants(decoder, "decoder")?;
        // SAFETY: as this function's contract says.
        let limits = unsafe { sized::read(limits, "the limits")? }.limits();
        // SAFETY: as this function's contract says.
        unsafe { give(DecoderObject(Mutex::new(Decoder::new(limits))), decoder)? };
        Ok(Status::Ok)
    })
}

/// Frees a decoder; NULL is fine. Its copies of pictures are zeroed.
#[unsafe(no_mangle)]
pub extern "C" fn panecast_decoder_free(decoder: *mut panecast_decoder) -> Status {
    free(decoder, |_: &DecoderObject| Ok(()))
}

/// Takes bytes of the stream, in chunks of any length; then call panecast_decoder_next until it says NOTHING_NOW.
///
/// Fails with LIMIT_EXCEEDED if more is pending than one packet may have, and with an earlier call's error until
/// panecast_decoder_reset.
///
/// # Safety
/// `bytes` is good for reading `length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn panecast_decoder_feed(
    decoder: *mut panecast_decoder,
    bytes: *const u8,
    length: usize,
) -> Status {
    on(decoder, |decoder: &DecoderObject| {
        // SAFETY: as this function's contract says.
        let bytes = unsafe { slice(bytes, length, "bytes")? };
        decoder.lock().feed(bytes)?;
        Ok(Status::Ok)
    })
}

/// Decodes the next whole packet; NOTHING_NOW until more bytes are fed. `decoded` may be NULL.
///
/// Fails with INVALID_DATA if the bytes break the format, UNSUPPORTED for a newer version, LIMIT_EXCEEDED if the stream
/// asks for more than the limits, DESYNC if a packet is missing or repeated. Each retires the decoder until
/// panecast_decoder_reset.
///
/// # Safety
/// `decoded` is NULL or a struct as its text says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn panecast_decoder_next(
    decoder: *mut panecast_decoder,
    decoded: *mut panecast_decoded,
) -> Status {
    on(decoder, |decoder: &DecoderObject| {
        if !decoded.is_null() {
            // SAFETY: as this function's contract says.
            unsafe { sized::accept(decoded, "decoded")? };
        }
        let Some(next) = decoder.lock().next()? else { return Ok(Status::NothingNow) };
        if !decoded.is_null() {
            let next = c_decoded(&next)?;
            // SAFETY: as this function's contract says.
            unsafe { sized::write(decoded, &next, "decoded")? };
        }
        Ok(Status::Ok)
    })
}

fn c_decoded(next: &Decoded) -> Result<panecast_decoded> {
    let nothing = panecast_rect { x: 0, y: 0, width: 0, height: 0 };
    let mut out = panecast_decoded {
        struct_size: 0,
        kind: 0,
        sequence: next.sequence().unwrap_or(0),
        timestamp_us: 0,
        keyframe: 0,
        resized: 0,
        dirty: nothing,
        frames: 0,
        fps: 0,
        reserved: 0,
    };
    let kind = match next {
        Decoded::Header => panecast_decoded_kind::Header,
        Decoded::Picture { timestamp, keyframe, resized, dirty, .. } => {
            out.timestamp_us = timestamp.micros();
            out.keyframe = u32::from(*keyframe);
            out.resized = u32::from(*resized);
            out.dirty = c_rect(dirty.bounds());
            panecast_decoded_kind::Picture
        }
        Decoded::Epoch { .. } => panecast_decoded_kind::Epoch,
        Decoded::Cursor => panecast_decoded_kind::Cursor,
        Decoded::End { frames, fps } => {
            (out.frames, out.fps) = (*frames, *fps);
            panecast_decoded_kind::End
        }
        Decoded::NeedsPlanes => {
            let text = "this stream wants an AV1 decoder that the library was built without";
            return Err(Error::new(ErrorKind::Unsupported, text));
        }
    };
    out.kind = kind as u32;
    Ok(out)
}

pub(super) fn c_picture(frame: &FrameBuf, lossy_px: u64) -> panecast_picture {
    panecast_picture {
        struct_size: 0,
        width: frame.size().width,
        height: frame.size().height,
        reserved: 0,
        pixels: frame.pixels().as_ptr(),
        length: frame.pixels().len(),
        stride_bytes: frame.stride_bytes(),
        lossy_px,
    }
}

/// The newest picture, without a copy: its pixels are good until the next call on this decoder that feeds, decodes, resets
/// or frees. NOTHING_NOW before the first picture and after an error.
///
/// # Safety
/// `picture` is a struct as its text says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn panecast_decoder_picture(
    decoder: *const panecast_decoder,
    picture: *mut panecast_picture,
) -> Status {
    on(decoder, |decoder: &DecoderObject| {
        // SAFETY: as this function's contract says.
        unsafe { sized::accept(picture, "the picture")? };
        let decoder = decoder.lock();
        let Some(frame) = decoder.frame() else { return Ok(Status::NothingNow) };
        let out = c_picture(frame, decoder.exactness().lossy_px());
        // SAFETY: as this function's contract says.
        unsafe { sized::write(picture, &out, "the picture")? };
        Ok(Status::Ok)
    })
}

/// Copies a picture's rows to memory that a caller hands in.
///
/// # Safety
/// `pixels` is good for writing `length` bytes.
pub(super) unsafe fn copy_rows(
    frame: &FrameBuf,
    width: u32,
    height: u32,
    pixels: *mut u8,
    length: usize,
    stride_bytes: usize,
) -> Result<()> {
    let size = frame.size();
    if (size.width, size.height) != (width, height) {
        return Err(Error::input(format!("the picture has {size}, not {width}x{height}")));
    }
    let row = frame.stride_bytes();
    let needed = stride_bytes.checked_mul(height as usize - 1).and_then(|n| n.checked_add(row));
    if stride_bytes < row || needed.is_none_or(|needed| needed > length) {
        return Err(Error::input(format!("{length} bytes, {stride_bytes} a row, do not hold {size}")));
    }
    for y in 0..height {
        let from = frame.row(y);
        // SAFETY: rows end before `length`, which the caller vouches for; the decoder's memory is its own.
        unsafe {
            pixels.add(y as usize * stride_bytes).copy_from_nonoverlapping(from.as_ptr(), from.len());
        }
    }
    Ok(())
}

/// Copies the newest picture's rows to `pixels`, `stride_bytes` apart; what is behind a row's pixels stays. It must have
/// `width` × `height` pixels. NOTHING_NOW before the first picture and after an error.
///
/// Fails with INVALID_INPUT for another size, a stride shorter than a row, or too few bytes.
///
/// # Safety
/// `pixels` is good for writing `length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn panecast_decoder_copy_picture(
    decoder: *const panecast_decoder,
    width: u32,
    height: u32,
    pixels: *mut u8,
    length: usize,
    stride_bytes: usize,
) -> Status {
    on(decoder, |decoder: &DecoderObject| {
        wants(pixels, "pixels")?;
        let decoder = decoder.lock();
        let Some(frame) = decoder.frame() else { return Ok(Status::NothingNow) };
        // SAFETY: as this function's contract says.
        unsafe { copy_rows(frame, width, height, pixels, length, stride_bytes)? };
        Ok(Status::Ok)
    })
}

pub(super) fn c_cursor(position: Option<(i32, i32)>, shape: Option<&CursorShape>) -> panecast_cursor {
    let (x, y) = position.unwrap_or_default();
    let mut out = panecast_cursor {
        struct_size: 0,
        visible: u32::from(position.is_some()),
        x,
        y,
        width: 0,
        height: 0,
        hotspot_x: 0,
        hotspot_y: 0,
        pixels: std::ptr::null(),
        length: 0,
    };
    if let Some(shape) = shape {
        (out.width, out.height) = (shape.size.width, shape.size.height);
        (out.hotspot_x, out.hotspot_y) = shape.hotspot;
        (out.pixels, out.length) = (shape.pixels.as_ptr(), shape.pixels.len());
    }
    out
}

/// Where the cursor is; its pixels are good as long as a picture's.
///
/// # Safety
/// `cursor` is a struct as its text says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn panecast_decoder_cursor(
    decoder: *const panecast_decoder,
    cursor: *mut panecast_cursor,
) -> Status {
    on(decoder, |decoder: &DecoderObject| {
        // SAFETY: as this function's contract says.
        unsafe { sized::accept(cursor, "the cursor")? };
        let decoder = decoder.lock();
        let out = c_cursor(decoder.cursor_position(), decoder.cursor_shape());
        // SAFETY: as this function's contract says.
        unsafe { sized::write(cursor, &out, "the cursor")? };
        Ok(Status::Ok)
    })
}

/// How many pixels of `rect` in the newest picture are not exact yet; 0 without a picture.
///
/// # Safety
/// `rect` is a rectangle; `lossy_px` is good for writing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn panecast_decoder_lossy_px(
    decoder: *const panecast_decoder,
    rect: *const panecast_rect,
    lossy_px: *mut u64,
) -> Status {
    on(decoder, |decoder: &DecoderObject| {
        wants(rect, "rect")?;
        // SAFETY: as this function's contract says.
        let rect = unsafe { slice(rect, 1, "rect")? };
        let decoder = decoder.lock();
        let inside =
            decoder.frame().and_then(|frame| super::frame::rect(&rect[0]).intersection(&frame.size().rect()));
        let lossy = inside.map_or(0, |inside| decoder.exactness().lossy_px_in(&inside));
        // SAFETY: as this function's contract says.
        unsafe { super::boundary::put(lossy_px, lossy)? };
        Ok(Status::Ok)
    })
}

/// Forgets everything, an error included; the next bytes must begin a stream.
#[unsafe(no_mangle)]
pub extern "C" fn panecast_decoder_reset(decoder: *mut panecast_decoder) -> Status {
    on(decoder, |decoder: &DecoderObject| {
        decoder.lock().reset();
        Ok(Status::Ok)
    })
}
