//! The sources of Linux, by the API they speak.

pub mod pipewire;
pub mod x11;
