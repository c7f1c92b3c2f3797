//! The sources of Linux, by the API they speak.

pub mod pipewire;
#[cfg(feature = "portal")]
pub mod portal;
mod shared_memory;
pub mod v4l2;
pub mod wayland;
pub mod x11;
