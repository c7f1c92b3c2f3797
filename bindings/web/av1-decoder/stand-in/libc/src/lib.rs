//! The names that the AV1 decoder takes from libc. The numbers are only compared with each other.
#![no_std]
#![allow(non_camel_case_types, missing_docs)] // C's own names.

pub type ptrdiff_t = isize;
pub type intptr_t = isize;
pub type uintptr_t = usize;
pub type off_t = i64;

pub const ENOENT: i32 = 2;
pub const EIO: i32 = 5;
pub const EAGAIN: i32 = 11;
pub const ENOMEM: i32 = 12;
pub const EINVAL: i32 = 22;
pub const ERANGE: i32 = 34;
pub const ENOPROTOOPT: i32 = 92;
