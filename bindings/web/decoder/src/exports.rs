//! The raw ABI for JavaScript: integers in, integers out, no pointer that Rust would follow.
//!
//! A decoder is a positive handle. Results that are addresses point into this module's linear memory and are good
//! until the next call with the same handle; the caller makes its typed arrays anew when the memory grew. An
//! unknown handle reads as a decoder that has nothing. A negative result of [`panecast_feed`] or [`panecast_step`]
//! means that [`panecast_error_kind`] and [`panecast_error_message`] say what happened.
#![allow(unsafe_code)] // `no_mangle` alone, in WebAssembly alone: elsewhere the C library has such names.

use crate::seat::Seat;
use crate::viewer::{CHUNK_BYTES, Step, Viewer, limits};
use panecast::bitstream::FilmColour;
use panecast::codec::av1::Chroma;
use panecast::{Error, ErrorKind};
use std::cell::RefCell;

/// A decoder with what JavaScript reads after a call.
pub(crate) struct Slot {
    pub(crate) viewer: Viewer,
    pub(crate) input: Vec<u8>,
    pub(crate) seat: Option<Seat>,
    pub(crate) message: Vec<u8>,
    pub(crate) told: Vec<u8>,
    held: Vec<u32>,
    sequence: u64,
    timestamp_us: u64,
    error_kind: &'static str,
    error_message: String,
}

impl Slot {
    pub(crate) fn failed(&mut self, error: &Error) -> i32 {
        self.error_kind = error.kind().name();
        self.error_message = error.message().to_owned();
        FAILED
    }
}

/// The result of a call that failed.
pub(crate) const FAILED: i32 = -1;

/// Most decoders at once; a page needs one.
const MOST_DECODERS: usize = 16;

thread_local! {
    static SLOTS: RefCell<Vec<Option<Box<Slot>>>> = const { RefCell::new(Vec::new()) };
}

pub(crate) fn with<T>(handle: u32, absent: T, f: impl FnOnce(&mut Slot) -> T) -> T {
    SLOTS.with_borrow_mut(|slots| {
        let index = (handle as usize).wrapping_sub(1);
        match slots.get_mut(index) {
            Some(Some(slot)) => f(slot),
            _ => absent,
        }
    })
}

/// Makes a decoder. Returns its handle, 0 if there are too many.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_new() -> u32 {
    SLOTS.with_borrow_mut(|slots| {
        let slot = Box::new(Slot {
            viewer: Viewer::new(limits()),
            input: vec![0; CHUNK_BYTES],
            seat: None,
            message: Vec::new(),
            told: Vec::new(),
            held: Vec::new(),
            sequence: 0,
            timestamp_us: 0,
            error_kind: "",
            error_message: String::new(),
        });
        if let Some(i) = slots.iter().position(Option::is_none) {
            slots[i] = Some(slot);
            return i as u32 + 1;
        }
        if slots.len() == MOST_DECODERS {
            return 0;
        }
        slots.push(Some(slot));
        slots.len() as u32
    })
}

/// Frees a decoder; an unknown handle is harmless.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_free(handle: u32) {
    SLOTS.with_borrow_mut(|slots| {
        if let Some(slot) = slots.get_mut((handle as usize).wrapping_sub(1)) {
            *slot = None;
        }
    });
}

/// Forgets the stream: the next bytes must start with a stream header.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_reset(handle: u32) {
    with(handle, (), |s| s.viewer.reset());
}

/// Expects a stream header next; the stream may go on from the picture that is held.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_restart(handle: u32) {
    with(handle, (), |s| s.viewer.restart());
}

/// Hashes what is held, for a stream to go on from. Returns how many tiles that are; 0 if nothing is held, or too much.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_hold(handle: u32) -> usize {
    with(handle, 0, |s| {
        s.held = s.viewer.held().map_or(Vec::new(), |held| held.hashes().to_vec());
        s.held.len()
    })
}

/// The hashes of the last [`panecast_hold`], 32 bits each, row by row.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_held(handle: u32) -> *const u32 {
    with(handle, std::ptr::null(), |s| s.held.as_ptr())
}

/// Where the next bytes of the stream are to be written: [`panecast_input_len`] bytes.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_input(handle: u32) -> *mut u8 {
    with(handle, std::ptr::null_mut(), |s| s.input.as_mut_ptr())
}

/// Most bytes of one [`panecast_feed`].
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_input_len() -> usize {
    CHUNK_BYTES
}

/// Feeds the first `len` bytes of the input. Returns 0, or a negative number on an error.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_feed(handle: u32, len: usize) -> i32 {
    with(handle, FAILED, |s| {
        let fed = match s.input.get(..len) {
            Some(bytes) => s.viewer.feed(bytes),
            None => Err(Error::new(ErrorKind::InvalidInput, format!("{len} bytes do not fit the input"))),
        };
        match fed {
            Ok(()) => 0,
            Err(e) => s.failed(&e),
        }
    })
}

/// Decodes the next packet. Returns 0 if more bytes are needed, 1 after a stream header, 2 after a picture, 3 after
/// an epoch, 4 after a cursor, 5 at a recording's end, 6 where planes are needed, a negative number on an error.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_step(handle: u32) -> i32 {
    with(handle, FAILED, |s| match s.viewer.step() {
        Ok(Step::NeedsBytes) => 0,
        Ok(Step::Header) => 1,
        Ok(Step::Picture { sequence, timestamp_us }) => {
            (s.sequence, s.timestamp_us) = (sequence, timestamp_us);
            2
        }
        Ok(Step::Epoch { sequence }) => {
            s.sequence = sequence;
            3
        }
        Ok(Step::Cursor) => 4,
        Ok(Step::End) => 5,
        Ok(Step::NeedsPlanes) => 6,
        Err(e) => s.failed(&e),
    })
}

/// The AV1 surface that planes are needed of.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_av1_surface(handle: u32) -> u32 {
    with(handle, 0, |s| s.viewer.request().map_or(0, |r| r.surface))
}

/// What the unit is coded with: 1 AV1, 2 H.264, 3 VP9, 4 VP8; 0 where no planes are needed.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_av1_codec(handle: u32) -> u32 {
    with(handle, 0, |s| s.viewer.request().map_or(0, |r| r.codec.code().into()))
}

/// The colours of a film's planes: 1 is added for BT.709, 2 for luma from 0 to 255; -1 where it is no film's.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_film_colour(handle: u32) -> i32 {
    let bits = |c: FilmColour| i32::from(c.bt709) + 2 * i32::from(c.full_range);
    with(handle, -1, |s| s.viewer.request().and_then(|r| r.colour).map_or(-1, bits))
}

/// Whether the unit needs nothing from before: 1 or 0.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_av1_keyframe(handle: u32) -> u32 {
    with(handle, 0, |s| s.viewer.request().is_some_and(|r| r.keyframe).into())
}

/// Whether its colour has full resolution: 1 or 0.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_av1_full_chroma(handle: u32) -> u32 {
    with(handle, 0, |s| s.viewer.request().is_some_and(|r| r.chroma == Chroma::Full).into())
}

/// Columns of its picture; 0 where no planes are needed.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_av1_width(handle: u32) -> u32 {
    with(handle, 0, |s| s.viewer.request().map_or(0, |r| r.size.width))
}

/// Rows of its picture; 0 where no planes are needed.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_av1_height(handle: u32) -> u32 {
    with(handle, 0, |s| s.viewer.request().map_or(0, |r| r.size.height))
}

/// The temporal unit.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_av1_data(handle: u32) -> *const u8 {
    with(handle, std::ptr::null(), |s| s.viewer.request().map_or(std::ptr::null(), |r| r.data.as_ptr()))
}

/// Bytes of [`panecast_av1_data`].
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_av1_data_len(handle: u32) -> usize {
    with(handle, 0, |s| s.viewer.request().map_or(0, |r| r.data.len()))
}

/// AV1 surface number `index` among those that live on; -1 past the last.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_av1_alive(handle: u32, index: usize) -> i64 {
    with(handle, -1, |s| s.viewer.surface(index).map_or(-1, i64::from))
}

/// Where the planes Y, U, V are to be written, rows without padding.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_planes(handle: u32) -> *mut u8 {
    with(handle, std::ptr::null_mut(), |s| s.viewer.planes_mut().as_mut_ptr())
}

/// Bytes of [`panecast_planes`]; 0 where none are needed.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_planes_len(handle: u32) -> usize {
    with(handle, 0, |s| s.viewer.planes_mut().len())
}

/// Hands the planes over; [`panecast_step`] goes on. Returns 0, or a negative number on an error.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_supply(handle: u32) -> i32 {
    with(handle, FAILED, |s| match s.viewer.supply() {
        Ok(()) => 0,
        Err(e) => s.failed(&e),
    })
}

/// Pixels of the picture that are not exactly the source's.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_lossy_px(handle: u32) -> u64 {
    with(handle, 0, |s| s.viewer.lossy_px())
}

/// What covers the picture where it is not exact, as it is now: R, G, B, A with straight alpha, rows of 4 × width
/// bytes; null if there is no picture or no memory.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_marks(handle: u32) -> *const u8 {
    with(handle, std::ptr::null(), |s| match s.viewer.marks() {
        [] => std::ptr::null(),
        marks => marks.as_ptr(),
    })
}

/// The sequence number of the last picture or epoch.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_sequence(handle: u32) -> u64 {
    with(handle, 0, |s| s.sequence)
}

/// The last picture's time in the stream, in microseconds.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_timestamp_us(handle: u32) -> u64 {
    with(handle, 0, |s| s.timestamp_us)
}

/// The last error's kind, a short ASCII name.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_error_kind(handle: u32) -> *const u8 {
    with(handle, std::ptr::null(), |s| s.error_kind.as_ptr())
}

/// Bytes of [`panecast_error_kind`].
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_error_kind_len(handle: u32) -> usize {
    with(handle, 0, |s| s.error_kind.len())
}

/// The last error's sentence, UTF-8.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_error_message(handle: u32) -> *const u8 {
    with(handle, std::ptr::null(), |s| s.error_message.as_ptr())
}

/// Bytes of [`panecast_error_message`].
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_error_message_len(handle: u32) -> usize {
    with(handle, 0, |s| s.error_message.len())
}

/// The picture's width in pixels, 0 before the first.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_width(handle: u32) -> u32 {
    with(handle, 0, |s| s.viewer.size().width)
}

/// The picture's height in pixels, 0 before the first.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_height(handle: u32) -> u32 {
    with(handle, 0, |s| s.viewer.size().height)
}

/// The picture: R, G, B, 255, rows of 4 × width bytes.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_pixels(handle: u32) -> *const u8 {
    with(handle, std::ptr::null(), |s| s.viewer.rgba().as_ptr())
}

/// How many rectangles the last picture changed.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_dirty_len(handle: u32) -> usize {
    with(handle, 0, |s| s.viewer.dirty().len())
}

/// Side `side` (0 x, 1 y, 2 width, 3 height) of changed rectangle `index`; 0 if there is none.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_dirty(handle: u32, index: usize, side: u32) -> u32 {
    with(handle, 0, |s| {
        s.viewer.dirty().get(index).map_or(0, |r| match side {
            0 => r.x,
            1 => r.y,
            2 => r.width,
            3 => r.height,
            _ => 0,
        })
    })
}

/// Whether the cursor is to be shown: 1 or 0.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_cursor_visible(handle: u32) -> u32 {
    with(handle, 0, |s| s.viewer.cursor_position().is_some().into())
}

/// Column of the cursor's hotspot in the picture.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_cursor_x(handle: u32) -> i32 {
    with(handle, 0, |s| s.viewer.cursor_position().map_or(0, |(x, _)| x))
}

/// Row of the cursor's hotspot in the picture.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_cursor_y(handle: u32) -> i32 {
    with(handle, 0, |s| s.viewer.cursor_position().map_or(0, |(_, y)| y))
}

/// Counts the changes of the cursor's picture; 0 before the first.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_cursor_version(handle: u32) -> u32 {
    with(handle, 0, |s| s.viewer.cursor_version())
}

/// Columns of the cursor's picture.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_cursor_width(handle: u32) -> u32 {
    with(handle, 0, |s| s.viewer.cursor().size.width)
}

/// Rows of the cursor's picture.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_cursor_height(handle: u32) -> u32 {
    with(handle, 0, |s| s.viewer.cursor().size.height)
}

/// Column of the hotspot in the cursor's picture.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_cursor_hotspot_x(handle: u32) -> u32 {
    with(handle, 0, |s| s.viewer.cursor().hotspot.0)
}

/// Row of the hotspot in the cursor's picture.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_cursor_hotspot_y(handle: u32) -> u32 {
    with(handle, 0, |s| s.viewer.cursor().hotspot.1)
}

/// The cursor's picture: R, G, B, A, straight alpha.
// SAFETY: the name is this crate's own.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub extern "C" fn panecast_cursor_pixels(handle: u32) -> *const u8 {
    with(handle, std::ptr::null(), |s| s.viewer.cursor().pixels.as_ptr())
}
