//! Structs that begin with their size, so that they may grow in later versions.

use crate::error::{Error, ErrorKind, Result};
use std::mem::MaybeUninit;

/// Most bytes that a struct of a later version may have.
const MOST_BYTES: usize = 4096;

/// A struct that begins with `uint32_t struct_size`.
///
/// # Safety
/// `#[repr(C)]`, its first field is that size, and all of it may hold any bits, zeros among them.
pub unsafe trait Sized32: Copy {}

/// Reads a caller's struct; NULL, where it may be, is one of zeros. What an older caller does not know is zero.
///
/// # Errors
/// - [`ErrorKind::InvalidInput`] for a size that no version of the struct has.
/// - [`ErrorKind::Unsupported`] if a newer caller set something that this version does not know.
///
/// # Safety
/// `from` is NULL or aligned and good for reading as many bytes as its first field says.
pub(super) unsafe fn read<T: Sized32>(from: *const T, what: &str) -> Result<T> {
    let mut value = MaybeUninit::<T>::zeroed();
    if !from.is_null() {
        // SAFETY: not NULL, so what the caller vouches for.
        let size = unsafe { size_of_struct(from, what)? };
        let known = size.min(size_of::<T>());
        // SAFETY: `known` bytes are within both; the value is ours, so that they do not overlap.
        unsafe { value.as_mut_ptr().cast::<u8>().copy_from_nonoverlapping(from.cast(), known) };
        // SAFETY: what is behind `known` is within the size that the caller vouches for.
        let more = unsafe { std::slice::from_raw_parts(from.cast::<u8>().add(known), size - known) };
        if more.iter().any(|byte| *byte != 0) {
            let text = format!("{what} has fields that this version does not know; they must be 0");
            return Err(Error::new(ErrorKind::Unsupported, text));
        }
    }
    // SAFETY: any bits are a `T` by the trait's contract.
    Ok(unsafe { value.assume_init() })
}

/// Accepts a struct that a result is to be written to, before anything has happened.
///
/// # Errors
/// - [`ErrorKind::InvalidInput`] for NULL and for a size that no version of the struct has.
///
/// # Safety
/// `to` is NULL or aligned and good for reading its first field.
pub(super) unsafe fn accept<T: Sized32>(to: *const T, what: &str) -> Result<()> {
    super::boundary::wants(to, what)?;
    // SAFETY: not NULL, so what the caller vouches for.
    unsafe { size_of_struct(to, what) }.map(drop)
}

/// Writes a result, as much of it as the caller's version has; its size stays.
///
/// # Errors
/// As [`accept`].
///
/// # Safety
/// `to` is NULL or aligned and good for writing as many bytes as its first field says.
pub(super) unsafe fn write<T: Sized32>(to: *mut T, value: &T, what: &str) -> Result<()> {
    // SAFETY: as this function's contract says.
    unsafe { accept(to, what)? };
    // SAFETY: accepted, so that its first field is a sound size.
    let known = unsafe { to.cast::<u32>().read() as usize }.min(size_of::<T>());
    // SAFETY: from behind the size field up to the smaller of both sizes; `value` is ours.
    unsafe {
        let from = std::ptr::from_ref(value).cast::<u8>();
        to.cast::<u8>().add(4).copy_from_nonoverlapping(from.add(4), known - 4);
    }
    Ok(())
}

/// # Safety
/// `at` is not NULL and, where aligned, good for reading its first field.
unsafe fn size_of_struct<T: Sized32>(at: *const T, what: &str) -> Result<usize> {
    if !at.is_aligned() {
        return Err(Error::input(format!("{what} is not aligned")));
    }
    // SAFETY: aligned, and good for reading its first field, a `u32` by the trait's contract.
    let size = unsafe { at.cast::<u32>().read() } as usize;
    // So far there is one version: the first has all fields.
    if size < size_of::<T>() || size > MOST_BYTES {
        let text = format!("{what} has struct_size {size}; set it to its sizeof, {} here", size_of::<T>());
        return Err(Error::input(text));
    }
    Ok(size)
}
