//! What the visitor hides, as callers hand it in.

use super::boundary::{slice, text};
use super::codes;
use super::frame::{self, panecast_rect};
use crate::capture::mask::MaskSet;
use crate::error::{Error, Result};
use std::ffi::c_char;

/// Most masks at once.
const MOST_MASKS: usize = 4096;

/// What is hidden of a source.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct panecast_mask {
    /// A panecast_mask_kind.
    pub kind: u32,
    /// RECT: which; without pixels it is refused.
    pub rect: panecast_rect,
    /// WINDOW and ALL_BUT: "0x1200003", "title:TEXT" or "class:TEXT".
    pub window: *const c_char,
}

/// Copies a caller's masks.
///
/// # Safety
/// `masks` is good for reading `count` masks, whose texts have a NUL at their end.
pub(super) unsafe fn read(masks: *const panecast_mask, count: usize) -> Result<MaskSet> {
    if count > MOST_MASKS {
        return Err(Error::limit(format!("{count} masks; {MOST_MASKS} are allowed")));
    }
    let mut set = MaskSet::new();
    // SAFETY: as this function's contract says.
    for mask in unsafe { slice(masks, count, "masks")? } {
        set = match mask.kind {
            0 if frame::rect(&mask.rect).is_empty() => {
                return Err(Error::input("a mask without pixels hides nothing"));
            }
            0 => set.with_rect(frame::rect(&mask.rect)),
            // SAFETY: as this function's contract says.
            1 => set.with_window(unsafe { text(mask.window, "a mask's window")? }.parse()?),
            // SAFETY: as this function's contract says.
            2 => set.with_only(unsafe { text(mask.window, "a mask's window")? }.parse()?),
            kind => return Err(codes::unknown("mask kind", kind)),
        };
    }
    Ok(set)
}
