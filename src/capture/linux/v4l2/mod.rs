//! Cameras by V4L2: `/dev/video*`, for systems where no PipeWire daemon has them. Buffers are mapped and copied once.

#[cfg(target_pointer_width = "64")]
mod device;
mod shape;

pub use shape::{Shape, choose};

#[cfg(target_pointer_width = "64")]
pub use streaming::{V4l2Camera, V4l2Device, devices, refused};

#[cfg(target_pointer_width = "64")]
mod streaming;
