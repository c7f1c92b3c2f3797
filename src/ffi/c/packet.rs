//! Bytes of a stream that a caller owns.

use super::boundary::{free, on, put, wants};
use super::handle::handled;
use crate::ffi::Status;

/// Bytes that are the caller's, of a stream or of an event.
#[derive(Debug)]
pub struct panecast_packet {
    _opaque: [u8; 0],
}

/// A point in pixels of a picture; it may lie outside.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct panecast_point {
    /// Column.
    pub x: i32,
    /// Row.
    pub y: i32,
}

/// What its handle stands for: bytes, and points where an event has some.
#[derive(Debug)]
pub struct Packet(pub(super) Vec<u8>, pub(super) Vec<panecast_point>);

handled!(Packet, 1, "packet");

impl Packet {
    /// A text with a NUL at its end.
    pub(super) fn of_text(text: &str) -> Self {
        Self(text.bytes().chain([0]).collect(), Vec::new())
    }
}

/// Where its bytes are, and how many; good until it is freed.
///
/// # Safety
/// `bytes` and `length` are good for writing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn panecast_packet_bytes(
    packet: *const panecast_packet,
    bytes: *mut *const u8,
    length: *mut usize,
) -> Status {
    on(packet, |packet: &Packet| {
        wants(bytes, "bytes")?;
        // SAFETY: as this function's contract says.
        unsafe {
            put(length, packet.0.len())?;
            put(bytes, packet.0.as_ptr())?;
        }
        Ok(Status::Ok)
    })
}

/// Frees a packet; NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn panecast_packet_free(packet: *mut panecast_packet) -> Status {
    free(packet, |_: &Packet| Ok(()))
}
