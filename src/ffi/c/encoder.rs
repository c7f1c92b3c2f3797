//! Frames to packets, at the caller's own pace.

use super::boundary::{free, give, on, plain, put, wants};
use super::codes::panecast_update_kind;
use super::frame::{self, panecast_frame, panecast_rect};
use super::handle::handled;
use super::packet::{Packet, panecast_packet};
use super::settings::panecast_encoder_config;
use super::sized::{self, Sized32};
use crate::codec::{Update, UpdateKind};
use crate::error::Result;
use crate::ffi::{FrameEncoder, Status};
use crate::frame::Timestamp;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Turns frames into packets of a stream. Calls on one encoder from several threads wait for each other.
#[derive(Debug)]
pub struct panecast_encoder {
    _opaque: [u8; 0],
}

/// What its handle stands for.
#[derive(Debug)]
pub struct EncoderObject(Mutex<FrameEncoder>);

handled!(EncoderObject, 2, "encoder");

impl EncoderObject {
    fn lock(&self) -> MutexGuard<'_, FrameEncoder> {
        // After a panic the handle is retired, so that nobody comes here.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What an encoder did with a frame.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct panecast_update {
    /// sizeof(panecast_update).
    pub struct_size: u32,
    /// A panecast_update_kind.
    pub kind: u32,
    /// The number by which viewers acknowledge the packet; the last one's if there is none.
    pub sequence: u64,
    /// Pixels that changed.
    pub dirty_px: u64,
    /// Pixels of the shown picture that are not exact.
    pub lossy_px: u64,
}

// SAFETY: numbers, the first of them the size.
unsafe impl Sized32 for panecast_update {}

fn c_update(update: &Update) -> panecast_update {
    let kind = match update.kind {
        UpdateKind::Unchanged => panecast_update_kind::Unchanged,
        UpdateKind::Delta => panecast_update_kind::Delta,
        UpdateKind::Refinement => panecast_update_kind::Refinement,
        UpdateKind::Keyframe => panecast_update_kind::Keyframe,
    };
    panecast_update {
        struct_size: 0,
        kind: kind as u32,
        sequence: update.sequence,
        dirty_px: update.dirty_px,
        lossy_px: update.lossy_px,
    }
}

/// Writes a packet's handle, or NULL if there are no bytes.
///
/// # Safety
/// `out` is good for writing.
unsafe fn give_bytes(bytes: Vec<u8>, out: *mut *mut panecast_packet) -> Result<()> {
    // SAFETY: as this function's contract says.
    unsafe {
        if bytes.is_empty() { put(out, std::ptr::null_mut()) } else { give(Packet(bytes, Vec::new()), out) }
    }
}

/// Makes an encoder. `config` may be NULL.
///
/// Fails with INVALID_INPUT for a field that makes no sense, UNSUPPORTED for what is not built in.
///
/// # Safety
/// `config` is NULL or a struct as its text says; `encoder` is good for writing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn panecast_encoder_new(
    config: *const panecast_encoder_config,
    encoder: *mut *mut panecast_encoder,
) -> Status {
    plain(|| {
        wants(encoder, "encoder")?;
        // SAFETY: as this function's contract says.
        let config = unsafe { sized::read(config, "the configuration")? }.checked()?;
        let object = EncoderObject(Mutex::new(FrameEncoder::new(config)?));
        // SAFETY: as this function's contract says.
        unsafe { give(object, encoder)? };
        Ok(Status::Ok)
    })
}

/// Frees an encoder; NULL is fine. Its copies of pictures are zeroed.
#[unsafe(no_mangle)]
pub extern "C" fn panecast_encoder_free(encoder: *mut panecast_encoder) -> Status {
    free(encoder, |_: &EncoderObject| Ok(()))
}

/// Encodes what changed since the last call. `*packet` becomes the caller's, or NULL if nothing changed. `update` may be
/// NULL. Costs one copy of the damaged pixels and the coding of those that changed.
///
/// Fails with INVALID_INPUT for a frame that makes no sense, LIMIT_EXCEEDED for one that is too large; the encoder goes on.
///
/// # Safety
/// `frame` is a struct as its text says; `packet` is good for writing, `update` is NULL or a struct as its text says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn panecast_encoder_encode(
    encoder: *mut panecast_encoder,
    frame: *const panecast_frame,
    packet: *mut *mut panecast_packet,
    update: *mut panecast_update,
) -> Status {
    on(encoder, |encoder: &EncoderObject| {
        wants(packet, "packet")?;
        if !update.is_null() {
            // SAFETY: as this function's contract says.
            unsafe { sized::accept(update, "the update")? };
        }
        // SAFETY: as this function's contract says; it is not used after this call.
        let frame = unsafe { frame::read(frame)? };
        let mut bytes = Vec::new();
        let done = encoder.lock().encode(&frame.view, &frame.damage, frame.timestamp, &mut bytes)?;
        // SAFETY: as this function's contract says.
        unsafe {
            if !update.is_null() {
                sized::write(update, &c_update(&done), "the update")?;
            }
            give_bytes(bytes, packet)?;
        }
        Ok(Status::Ok)
    })
}

/// Makes lossy places exact that are quiet, in about `bytes` bytes; `focus` (NULL: none) comes first. `*packet` becomes the
/// caller's, or NULL if nothing is due.
///
/// # Safety
/// `focus` is NULL or a rectangle; `packet` is good for writing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn panecast_encoder_refine(
    encoder: *mut panecast_encoder,
    timestamp_us: u64,
    bytes: usize,
    focus: *const panecast_rect,
    packet: *mut *mut panecast_packet,
) -> Status {
    on(encoder, |encoder: &EncoderObject| {
        wants(packet, "packet")?;
        // SAFETY: as this function's contract says.
        let focus = unsafe { super::boundary::slice(focus, usize::from(!focus.is_null()), "focus")? };
        let mut out = Vec::new();
        let focus = focus.first().map(frame::rect);
        encoder.lock().refine(Timestamp(timestamp_us), bytes, focus, &mut out)?;
        // SAFETY: as this function's contract says.
        unsafe { give_bytes(out, packet)? };
        Ok(Status::Ok)
    })
}

/// Brings a late joiner in: `*joiner` is for it, `*others` for all who already hold the picture; both become the caller's.
/// NOTHING_NOW before the first picture.
///
/// # Safety
/// `joiner` and `others` are good for writing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn panecast_encoder_late_join(
    encoder: *mut panecast_encoder,
    timestamp_us: u64,
    joiner: *mut *mut panecast_packet,
    others: *mut *mut panecast_packet,
) -> Status {
    on(encoder, |encoder: &EncoderObject| {
        wants(joiner, "joiner")?;
        wants(others, "others")?;
        let (mut for_joiner, mut for_others) = (Vec::new(), Vec::new());
        let joined = encoder.lock().late_join(Timestamp(timestamp_us), &mut for_joiner, &mut for_others)?;
        if joined.is_none() {
            return Ok(Status::NothingNow);
        }
        // SAFETY: as this function's contract says.
        unsafe {
            give_bytes(for_joiner, joiner)?;
            give_bytes(for_others, others)?;
        }
        Ok(Status::Ok)
    })
}

/// How many bits a second films may take; 0 for as many as the quality asks for.
#[unsafe(no_mangle)]
pub extern "C" fn panecast_encoder_set_bitrate(encoder: *mut panecast_encoder, bits_a_second: u64) -> Status {
    on(encoder, |encoder: &EncoderObject| {
        encoder.lock().set_bitrate((bits_a_second != 0).then_some(bits_a_second));
        Ok(Status::Ok)
    })
}

/// Forgets all pictures and what was learnt of them; the next one is a keyframe after a stream header.
#[unsafe(no_mangle)]
pub extern "C" fn panecast_encoder_forget(encoder: *mut panecast_encoder) -> Status {
    on(encoder, |encoder: &EncoderObject| {
        encoder.lock().forget();
        Ok(Status::Ok)
    })
}

/// Ends a recording of `frames` pictures, unchanged ones included, `fps` a second. `*packet` becomes the caller's.
///
/// # Safety
/// `packet` is good for writing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn panecast_encoder_finish(
    encoder: *mut panecast_encoder,
    frames: u64,
    fps: u32,
    packet: *mut *mut panecast_packet,
) -> Status {
    on(encoder, |encoder: &EncoderObject| {
        wants(packet, "packet")?;
        let mut bytes = Vec::new();
        encoder.lock().finish(frames, fps, &mut bytes);
        // SAFETY: as this function's contract says.
        unsafe { give_bytes(bytes, packet)? };
        Ok(Status::Ok)
    })
}
