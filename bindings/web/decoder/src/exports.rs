//! The raw ABI for JavaScript: integers in, integers out, no pointer that Rust would follow.
//!
//! A decoder is a positive handle. Results that are addresses point into this module's linear memory and are good
//! until the next call with the same handle; the caller makes its typed arrays anew when the memory grew. An
//! unknown handle reads as a decoder that has nothing. A negative result of [`panecast_feed`] or [`panecast_step`]
//! means that [`panecast_error_kind`] and [`panecast_error_message`] say what happened.
#![allow(unsafe_code)] // `no_mangle` alone: each name starts with `panecast_`, so none can collide.

use crate::viewer::{CHUNK_BYTES, Step, Viewer, limits};
use panecast::{Error, ErrorKind};
use std::cell::RefCell;

/// A decoder with what JavaScript reads after a call.
struct Slot {
    viewer: Viewer,
    input: Vec<u8>,
    sequence: u64,
    timestamp_us: u64,
    error_kind: &'static str,
    error_message: String,
}

impl Slot {
    fn failed(&mut self, error: &Error) -> i32 {
        self.error_kind = error.kind().name();
        self.error_message = error.message().to_owned();
        FAILED
    }
}

/// The result of a call that failed.
const FAILED: i32 = -1;

/// Most decoders at once; a page needs one.
const MOST_DECODERS: usize = 16;

thread_local! {
    static SLOTS: RefCell<Vec<Option<Box<Slot>>>> = const { RefCell::new(Vec::new()) };
}

fn with<T>(handle: u32, absent: T, f: impl FnOnce(&mut Slot) -> T) -> T {
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
#[unsafe(no_mangle)]
pub extern "C" fn panecast_new() -> u32 {
    SLOTS.with_borrow_mut(|slots| {
        let slot = Box::new(Slot {
            viewer: Viewer::new(limits()),
            input: vec![0; CHUNK_BYTES],
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
#[unsafe(no_mangle)]
pub extern "C" fn panecast_free(handle: u32) {
    SLOTS.with_borrow_mut(|slots| {
        if let Some(slot) = slots.get_mut((handle as usize).wrapping_sub(1)) {
            *slot = None;
        }
    });
}

/// Forgets the stream: the next bytes must start with a stream header.
// SAFETY: the name is this crate's own.
#[unsafe(no_mangle)]
pub extern "C" fn panecast_reset(handle: u32) {
    with(handle, (), |s| s.viewer.reset());
}

/// Where the next bytes of the stream are to be written: [`panecast_input_len`] bytes.
// SAFETY: the name is this crate's own.
#[unsafe(no_mangle)]
pub extern "C" fn panecast_input(handle: u32) -> *mut u8 {
    with(handle, std::ptr::null_mut(), |s| s.input.as_mut_ptr())
}

/// Most bytes of one [`panecast_feed`].
// SAFETY: the name is this crate's own.
#[unsafe(no_mangle)]
pub extern "C" fn panecast_input_len() -> usize {
    CHUNK_BYTES
}

/// Feeds the first `len` bytes of the input. Returns 0, or a negative number on an error.
// SAFETY: the name is this crate's own.
#[unsafe(no_mangle)]
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
/// an epoch, 4 after a cursor, 5 at a recording's end, a negative number on an error.
// SAFETY: the name is this crate's own.
#[unsafe(no_mangle)]
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
        Err(e) => s.failed(&e),
    })
}

/// The sequence number of the last picture or epoch.
// SAFETY: the name is this crate's own.
#[unsafe(no_mangle)]
pub extern "C" fn panecast_sequence(handle: u32) -> u64 {
    with(handle, 0, |s| s.sequence)
}

/// The last picture's time in the stream, in microseconds.
// SAFETY: the name is this crate's own.
#[unsafe(no_mangle)]
pub extern "C" fn panecast_timestamp_us(handle: u32) -> u64 {
    with(handle, 0, |s| s.timestamp_us)
}

/// The last error's kind, a short ASCII name.
// SAFETY: the name is this crate's own.
#[unsafe(no_mangle)]
pub extern "C" fn panecast_error_kind(handle: u32) -> *const u8 {
    with(handle, std::ptr::null(), |s| s.error_kind.as_ptr())
}

/// Bytes of [`panecast_error_kind`].
// SAFETY: the name is this crate's own.
#[unsafe(no_mangle)]
pub extern "C" fn panecast_error_kind_len(handle: u32) -> usize {
    with(handle, 0, |s| s.error_kind.len())
}

/// The last error's sentence, UTF-8.
// SAFETY: the name is this crate's own.
#[unsafe(no_mangle)]
pub extern "C" fn panecast_error_message(handle: u32) -> *const u8 {
    with(handle, std::ptr::null(), |s| s.error_message.as_ptr())
}

/// Bytes of [`panecast_error_message`].
// SAFETY: the name is this crate's own.
#[unsafe(no_mangle)]
pub extern "C" fn panecast_error_message_len(handle: u32) -> usize {
    with(handle, 0, |s| s.error_message.len())
}

/// The picture's width in pixels, 0 before the first.
// SAFETY: the name is this crate's own.
#[unsafe(no_mangle)]
pub extern "C" fn panecast_width(handle: u32) -> u32 {
    with(handle, 0, |s| s.viewer.size().width)
}

/// The picture's height in pixels, 0 before the first.
// SAFETY: the name is this crate's own.
#[unsafe(no_mangle)]
pub extern "C" fn panecast_height(handle: u32) -> u32 {
    with(handle, 0, |s| s.viewer.size().height)
}

/// The picture: R, G, B, 255, rows of 4 × width bytes.
// SAFETY: the name is this crate's own.
#[unsafe(no_mangle)]
pub extern "C" fn panecast_pixels(handle: u32) -> *const u8 {
    with(handle, std::ptr::null(), |s| s.viewer.rgba().as_ptr())
}

/// How many rectangles the last picture changed.
// SAFETY: the name is this crate's own.
#[unsafe(no_mangle)]
pub extern "C" fn panecast_dirty_len(handle: u32) -> usize {
    with(handle, 0, |s| s.viewer.dirty().len())
}

/// Side `side` (0 x, 1 y, 2 width, 3 height) of changed rectangle `index`; 0 if there is none.
// SAFETY: the name is this crate's own.
#[unsafe(no_mangle)]
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
#[unsafe(no_mangle)]
pub extern "C" fn panecast_cursor_visible(handle: u32) -> u32 {
    with(handle, 0, |s| s.viewer.cursor_position().is_some().into())
}

/// Column of the cursor's hotspot in the picture.
// SAFETY: the name is this crate's own.
#[unsafe(no_mangle)]
pub extern "C" fn panecast_cursor_x(handle: u32) -> i32 {
    with(handle, 0, |s| s.viewer.cursor_position().map_or(0, |(x, _)| x))
}

/// Row of the cursor's hotspot in the picture.
// SAFETY: the name is this crate's own.
#[unsafe(no_mangle)]
pub extern "C" fn panecast_cursor_y(handle: u32) -> i32 {
    with(handle, 0, |s| s.viewer.cursor_position().map_or(0, |(_, y)| y))
}

/// Counts the changes of the cursor's picture; 0 before the first.
// SAFETY: the name is this crate's own.
#[unsafe(no_mangle)]
pub extern "C" fn panecast_cursor_version(handle: u32) -> u32 {
    with(handle, 0, |s| s.viewer.cursor_version())
}

/// Columns of the cursor's picture.
// SAFETY: the name is this crate's own.
#[unsafe(no_mangle)]
pub extern "C" fn panecast_cursor_width(handle: u32) -> u32 {
    with(handle, 0, |s| s.viewer.cursor().size.width)
}

/// Rows of the cursor's picture.
// SAFETY: the name is this crate's own.
#[unsafe(no_mangle)]
pub extern "C" fn panecast_cursor_height(handle: u32) -> u32 {
    with(handle, 0, |s| s.viewer.cursor().size.height)
}

/// Column of the hotspot in the cursor's picture.
// SAFETY: the name is this crate's own.
#[unsafe(no_mangle)]
pub extern "C" fn panecast_cursor_hotspot_x(handle: u32) -> u32 {
    with(handle, 0, |s| s.viewer.cursor().hotspot.0)
}

/// Row of the hotspot in the cursor's picture.
// SAFETY: the name is this crate's own.
#[unsafe(no_mangle)]
pub extern "C" fn panecast_cursor_hotspot_y(handle: u32) -> u32 {
    with(handle, 0, |s| s.viewer.cursor().hotspot.1)
}

/// The cursor's picture: R, G, B, A, straight alpha.
// SAFETY: the name is this crate's own.
#[unsafe(no_mangle)]
pub extern "C" fn panecast_cursor_pixels(handle: u32) -> *const u8 {
    with(handle, std::ptr::null(), |s| s.viewer.cursor().pixels.as_ptr())
}
