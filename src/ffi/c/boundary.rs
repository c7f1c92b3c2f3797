//! Where C ends and Rust begins: pointers are checked, panics stop here, errors become statuses.

use super::handle::{Handled, find, none};
use super::{error, log};
use crate::error::{Error, Result};
use crate::ffi::Status;
use std::ffi::{CStr, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;

/// Longest text that is taken from a caller.
const MOST_TEXT: usize = 1 << 20;

/// Runs what belongs to no handle yet; what goes wrong is this thread's last error.
pub(super) fn plain(body: impl FnOnce() -> Result<Status>) -> Status {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(status)) => status,
        Ok(Err(e)) => {
            error::note_on_thread(e.message());
            log::failed(&e);
            e.kind().into()
        }
        Err(_) => {
            error::note_on_thread(PANICKED);
            log::panicked("a call");
            Status::Panicked
        }
    }
}

/// Runs a call on the object behind `handle`. A panic retires it: then, and from then on, the answer is
/// [`Status::Panicked`].
pub(super) fn on<T: Handled, O>(handle: *const O, body: impl FnOnce(&T) -> Result<Status>) -> Status {
    let slot = match find::<T>(handle.addr()) {
        Ok(slot) => slot,
        Err(e) => return plain(|| Err(e)),
    };
    if slot.retired.load(Ordering::Acquire) {
        return Status::Panicked;
    }
    match catch_unwind(AssertUnwindSafe(|| body(&slot.object))) {
        Ok(Ok(status)) => status,
        Ok(Err(e)) => {
            slot.note(e.message());
            log::failed(&e);
            e.kind().into()
        }
        Err(_) => {
            slot.retired.store(true, Ordering::Release);
            slot.note(PANICKED);
            log::panicked(T::NAME);
            Status::Panicked
        }
    }
}

/// Frees an object after `before`, which may refuse; NULL is fine, a handle that is none is an error.
pub(super) fn free<T: Handled, O>(handle: *mut O, before: impl FnOnce(&T) -> Result<()>) -> Status {
    if handle.is_null() {
        return Status::Ok;
    }
    plain(|| {
        let register = T::register();
        let slot = register.find(handle.addr()).ok_or_else(|| none::<T>(handle.addr()))?;
        before(&slot.object)?;
        // Of two who free it at once, one comes too late.
        register.remove(handle.addr()).ok_or_else(|| none::<T>(handle.addr()))?;
        Ok(Status::Ok)
    })
}

/// Takes an object in and writes its handle.
///
/// # Safety
/// `out` is NULL or good for writing a pointer.
pub(super) unsafe fn give<T: Handled, O>(object: T, out: *mut *mut O) -> Result<()> {
    if out.is_null() {
        return Err(Error::input(format!("where to write the {}? NULL was given", T::NAME)));
    }
    let handle = T::register().add(object);
    // SAFETY: not NULL, so good for a write by this function's contract.
    unsafe { out.write(std::ptr::without_provenance_mut(handle)) };
    Ok(())
}

/// Writes a result.
///
/// # Safety
/// `out` is NULL or good for writing a `T`.
pub(super) unsafe fn put<T>(out: *mut T, value: T) -> Result<()> {
    if out.is_null() {
        return Err(Error::input("where to write the result? NULL was given"));
    }
    // SAFETY: not NULL, so good for a write by this function's contract.
    unsafe { out.write(value) };
    Ok(())
}

/// Refuses NULL before anything has happened.
pub(super) fn wants<T>(pointer: *const T, what: &str) -> Result<()> {
    if pointer.is_null() { Err(Error::input(format!("{what} is NULL"))) } else { Ok(()) }
}

/// Borrows a caller's text.
///
/// # Safety
/// `text` is NULL or a text with a NUL at its end that nobody changes meanwhile.
pub(super) unsafe fn text<'a>(text: *const c_char, what: &str) -> Result<&'a str> {
    wants(text, what)?;
    // SAFETY: not NULL, so a text with an end by this function's contract.
    let text = unsafe { CStr::from_ptr(text) };
    if text.count_bytes() > MOST_TEXT {
        return Err(Error::limit(format!(
            "{what} has {} bytes; {MOST_TEXT} are allowed",
            text.count_bytes()
        )));
    }
    text.to_str().map_err(|_| Error::input(format!("{what} is not UTF-8")))
}

/// Writes as much of a text of ours as there is room for, and a NUL; nothing where there is no room.
///
/// # Safety
/// `out` is NULL or good for writing `capacity` bytes.
pub(super) unsafe fn put_text(text: &str, out: *mut c_char, capacity: usize) {
    if capacity > 0 && !out.is_null() {
        let room = text.len().min(capacity - 1);
        let count = (0..=room).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        // SAFETY: `count` and the NUL fit the capacity that the caller vouches for; a text of ours overlaps nobody's.
        unsafe {
            out.copy_from_nonoverlapping(text.as_ptr().cast(), count);
            out.add(count).write(0);
        }
    }
}

/// Borrows what a caller may leave out.
///
/// # Safety
/// `at` is NULL or good for reading a `T` that nobody changes meanwhile.
pub(super) unsafe fn optional<'a, T>(at: *const T, what: &str) -> Result<Option<&'a T>> {
    // SAFETY: as this function's contract says.
    Ok(unsafe { slice(at, usize::from(!at.is_null()), what)? }.first())
}

/// Borrows a caller's text that may be left out.
///
/// # Safety
/// As [`text`].
pub(super) unsafe fn optional_text<'a>(at: *const c_char, what: &str) -> Result<Option<&'a str>> {
    // SAFETY: as this function's contract says.
    if at.is_null() { Ok(None) } else { unsafe { text(at, what) }.map(Some) }
}

/// Borrows a caller's text message, which needs no NUL.
///
/// # Safety
/// `bytes` is NULL or good for reading `length` bytes that nobody changes meanwhile.
pub(super) unsafe fn message<'a>(bytes: *const c_char, length: usize) -> Result<&'a str> {
    // SAFETY: as this function's contract says.
    let bytes = unsafe { slice(bytes.cast::<u8>(), length, "the message")? };
    std::str::from_utf8(bytes).map_err(|_| Error::input("the message is not UTF-8"))
}

/// Borrows a caller's array; without elements its pointer may be anything.
///
/// # Safety
/// `first` is NULL or good for reading `count` elements that nobody changes meanwhile.
pub(super) unsafe fn slice<'a, T>(first: *const T, count: usize, what: &str) -> Result<&'a [T]> {
    if count == 0 {
        return Ok(&[]);
    }
    wants(first, what)?;
    if !first.is_aligned() || count > isize::MAX as usize / size_of::<T>().max(1) {
        return Err(Error::input(format!("{what} cannot hold {count} elements")));
    }
    // SAFETY: not NULL and aligned, its length does not overflow; good for reading by this function's contract.
    Ok(unsafe { std::slice::from_raw_parts(first, count) })
}

const PANICKED: &str = "a bug of the library was caught; this object can only be freed";

#[cfg(test)]
mod tests {
    use super::super::handle::handled;
    use super::*;

    #[derive(Debug)]
    struct Fuse;
    handled!(Fuse, 13, "fuse");

    #[test]
    fn a_panic_becomes_a_status_and_retires_its_object() {
        let mut handle: *mut u8 = std::ptr::null_mut();
        // SAFETY: a pointer of this test's own.
        unsafe { give(Fuse, &raw mut handle) }.expect("given");
        assert_eq!(on(handle, |_: &Fuse| Ok(Status::NothingNow)), Status::NothingNow);
        assert_eq!(on(handle, |_: &Fuse| panic!("a bug")), Status::Panicked);
        assert_eq!(on(handle, |_: &Fuse| Ok(Status::Ok)), Status::Panicked, "it stays so");
        assert_eq!(free(handle, |_: &Fuse| Ok(())), Status::Ok);
        assert_eq!(on(handle, |_: &Fuse| Ok(Status::Ok)), Status::InvalidInput);
        assert_eq!(plain(|| panic!("another")), Status::Panicked);
    }
}
