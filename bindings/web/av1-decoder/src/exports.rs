//! The raw ABI for JavaScript: integers in, integers out, no pointer that Rust would follow.
//!
//! A surface is a positive handle. Addresses point into this module's linear memory and are good until the next call
//! with the same handle; the caller makes its typed arrays anew when the memory grew. An unknown handle reads as a
//! surface that has nothing.
#![allow(unsafe_code)] // `no_mangle` alone: each name starts with `panecast_av1_`, so none can collide.

use crate::surface::{Shape, Surface};
use std::cell::RefCell;

/// A surface with what JavaScript writes before a call and reads after it.
struct Slot {
    surface: Surface,
    input: Vec<u8>,
    error: String,
}

/// Most surfaces at once, as in the library.
const MOST_SURFACES: usize = 64;

/// Most bytes of one temporal unit.
const MOST_UNIT_BYTES: usize = 64 << 20;

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

/// Makes a surface. Returns its handle, 0 if there are too many or no memory.
// SAFETY: the name is this crate's own.
#[unsafe(no_mangle)]
pub extern "C" fn panecast_av1_new() -> u32 {
    SLOTS.with_borrow_mut(|slots| {
        let index = match slots.iter().position(Option::is_none) {
            Some(index) => index,
            None if slots.len() == MOST_SURFACES => return 0,
            None => {
                slots.push(None);
                slots.len() - 1
            }
        };
        let Ok(surface) = Surface::new() else { return 0 };
        slots[index] = Some(Box::new(Slot { surface, input: Vec::new(), error: String::new() }));
        index as u32 + 1
    })
}

/// Frees a surface; an unknown handle is harmless.
// SAFETY: the name is this crate's own.
#[unsafe(no_mangle)]
pub extern "C" fn panecast_av1_free(handle: u32) {
    SLOTS.with_borrow_mut(|slots| {
        if let Some(slot) = slots.get_mut((handle as usize).wrapping_sub(1)) {
            *slot = None;
        }
    });
}

/// Where a temporal unit of `len` bytes is to be written; null if it is too long or there is no memory.
// SAFETY: the name is this crate's own.
#[unsafe(no_mangle)]
pub extern "C" fn panecast_av1_input(handle: u32, len: usize) -> *mut u8 {
    with(handle, std::ptr::null_mut(), |s| {
        s.input.clear();
        if len > MOST_UNIT_BYTES || s.input.try_reserve_exact(len).is_err() {
            return std::ptr::null_mut();
        }
        s.input.resize(len, 0);
        s.input.as_mut_ptr()
    })
}

/// Decodes the input. Returns 0 if it gave one picture of `width` × `height` with chroma halved (`full_chroma` 0) or
/// not (1); else a negative number, and [`panecast_av1_error`] says what happened.
// SAFETY: the name is this crate's own.
#[unsafe(no_mangle)]
pub extern "C" fn panecast_av1_decode(handle: u32, width: u32, height: u32, full_chroma: u32) -> i32 {
    with(handle, -1, |s| {
        let unit = std::mem::take(&mut s.input);
        match s.surface.decode(unit, Shape { width, height, full_chroma: full_chroma != 0 }) {
            Ok(()) => 0,
            Err(error) => {
                s.error = error;
                -1
            }
        }
    })
}

/// The planes Y, U, V of the last picture, rows without padding.
// SAFETY: the name is this crate's own.
#[unsafe(no_mangle)]
pub extern "C" fn panecast_av1_planes(handle: u32) -> *const u8 {
    with(handle, std::ptr::null(), |s| s.surface.planes.as_ptr())
}

/// Bytes of [`panecast_av1_planes`]; 0 after an error.
// SAFETY: the name is this crate's own.
#[unsafe(no_mangle)]
pub extern "C" fn panecast_av1_planes_len(handle: u32) -> usize {
    with(handle, 0, |s| s.surface.planes.len())
}

/// The last error's sentence, UTF-8.
// SAFETY: the name is this crate's own.
#[unsafe(no_mangle)]
pub extern "C" fn panecast_av1_error(handle: u32) -> *const u8 {
    with(handle, std::ptr::null(), |s| s.error.as_ptr())
}

/// Bytes of [`panecast_av1_error`].
// SAFETY: the name is this crate's own.
#[unsafe(no_mangle)]
pub extern "C" fn panecast_av1_error_len(handle: u32) -> usize {
    with(handle, 0, |s| s.error.len())
}
