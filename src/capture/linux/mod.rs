//! The sources of Linux, by the API they speak.

pub mod x11;
