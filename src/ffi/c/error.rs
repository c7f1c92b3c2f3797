//! What went wrong, in words.

use super::boundary::put_text;
use super::handle::Handled;
use super::{consent, decoder, encoder, host, joiner, packet, share, sources};
use crate::ffi::Status;
use std::cell::RefCell;
use std::ffi::{c_char, c_void};
use std::sync::PoisonError;

thread_local! {
    static LAST: RefCell<String> = const { RefCell::new(String::new()) };
}

pub(super) fn note_on_thread(message: &str) {
    LAST.with_borrow_mut(|last| message.clone_into(last));
}

/// A sentence about a status, for people; never NULL, never freed. An unknown number has one, too.
#[unsafe(no_mangle)]
pub extern "C" fn panecast_strerror(status: u32) -> *const c_char {
    let text = match Status::of_code(status) {
        Some(Status::Ok) => c"no error",
        Some(Status::InvalidInput) => c"a documented rule was broken by the caller",
        Some(Status::InvalidData) => c"bytes from outside break the format",
        Some(Status::Unsupported) => c"a newer version or a feature that is not built in is needed",
        Some(Status::LimitExceeded) => c"a limit would be exceeded",
        Some(Status::NotFound) => c"there is no such thing",
        Some(Status::Denied) => c"the visitor or the operating system said no",
        Some(Status::Revoked) => c"the visitor took the consent back",
        Some(Status::Closed) => c"it has ended",
        Some(Status::Stalled) => c"it did not answer in time",
        Some(Status::Desync) => c"decoder and encoder do not hold the same picture; a snapshot is needed",
        Some(Status::Io) => c"reading or writing failed",
        Some(Status::Untrusted) => c"who wants to come in did not prove that it may",
        Some(Status::Expired) => c"the key, link or pass is no longer good",
        Some(Status::Tampered) => c"sealed bytes were changed on their way",
        Some(Status::Panicked) => c"a bug of the library was caught; the object can only be freed",
        Some(Status::NothingNow) => c"nothing has happened within the time",
        None => c"unknown status",
    };
    text.as_ptr()
}

/// A status's stable name for logs and tests, such as "invalid-input"; never NULL, never freed.
#[unsafe(no_mangle)]
pub extern "C" fn panecast_status_name(status: u32) -> *const c_char {
    let name = match Status::of_code(status) {
        Some(Status::Ok) => c"ok",
        Some(Status::InvalidInput) => c"invalid-input",
        Some(Status::InvalidData) => c"invalid-data",
        Some(Status::Unsupported) => c"unsupported",
        Some(Status::LimitExceeded) => c"limit-exceeded",
        Some(Status::NotFound) => c"not-found",
        Some(Status::Denied) => c"denied",
        Some(Status::Revoked) => c"revoked",
        Some(Status::Closed) => c"closed",
        Some(Status::Stalled) => c"stalled",
        Some(Status::Desync) => c"desync",
        Some(Status::Io) => c"io",
        Some(Status::Untrusted) => c"untrusted",
        Some(Status::Expired) => c"expired",
        Some(Status::Tampered) => c"tampered",
        Some(Status::Panicked) => c"panicked",
        Some(Status::NothingNow) => c"nothing-now",
        None => c"unknown",
    };
    name.as_ptr()
}

/// What the last failed call on `handle` said, in a sentence; for NULL and for what is no handle, what the last failed call
/// without a handle said on this thread (one that makes an object, frees one, or was given a handle that is none).
///
/// Writes at most `capacity` bytes to `text`, a NUL always among them, and returns how many the whole sentence has without
/// it, as snprintf does. With a capacity of 0 `text` may be NULL.
///
/// # Safety
/// `text` is good for writing `capacity` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn panecast_last_error(
    handle: *const c_void,
    text: *mut c_char,
    capacity: usize,
) -> usize {
    let message = of_handle(handle.addr()).unwrap_or_else(|| LAST.with_borrow(Clone::clone));
    // SAFETY: as this function's contract says.
    unsafe { put_text(&message, text, capacity) };
    message.len()
}

/// How many objects there are that were not freed: 0 at the end of a program without a leak.
#[unsafe(no_mangle)]
pub extern "C" fn panecast_handles_alive() -> usize {
    fn alive<T: Handled>() -> usize {
        T::register().len()
    }
    alive::<encoder::EncoderObject>()
        + alive::<decoder::DecoderObject>()
        + alive::<packet::Packet>()
        + alive::<consent::Question>()
        + alive::<crate::ffi::Grant>()
        + alive::<sources::List>()
        + alive::<share::ShareObject>()
        + alive::<host::HostObject>()
        + alive::<joiner::JoinerObject>()
}

fn of_handle(handle: usize) -> Option<String> {
    fn of<T: Handled>(handle: usize) -> Option<String> {
        let slot = T::register().find(handle)?;
        let message = slot.error.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Some(message)
    }
    of::<encoder::EncoderObject>(handle)
        .or_else(|| of::<decoder::DecoderObject>(handle))
        .or_else(|| of::<packet::Packet>(handle))
        .or_else(|| of::<consent::Question>(handle))
        .or_else(|| of::<crate::ffi::Grant>(handle))
        .or_else(|| of::<sources::List>(handle))
        .or_else(|| of::<share::ShareObject>(handle))
        .or_else(|| of::<host::HostObject>(handle))
        .or_else(|| of::<joiner::JoinerObject>(handle))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CStr;

    #[test]
    fn names_are_the_librarys() {
        for status in Status::ALL {
            // SAFETY: texts of this file, which last for ever.
            let name = unsafe { CStr::from_ptr(panecast_status_name(status.code())) };
            assert_eq!(name.to_str(), Ok(status.name()));
        }
    }
}
