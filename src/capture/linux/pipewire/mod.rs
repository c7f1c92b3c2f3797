//! PipeWire: cameras, and the streams of a screen that a portal gives. The library is loaded when it is needed; without it
//! there is [`crate::ErrorKind::Unsupported`], and everything else works.
//!
//! [`PipeStream::connect`] takes the portal's file descriptor or none, the node's number, and what formats are
//! [`Wanted`]. [`PipeStream::next`] then gives the newest [`PipeFrame`]: its own copy of the bytes, laid out as its
//! [`PipeFormat`] says (a [`crate::frame::FrameView::packed`] for pixels, [`crate::capture::camera::Layout::unpack`] for
//! planes), with damage, crop and cursor where the source tells them. The damage of frames in between adds up. A frame of
//! the first kind after [`PipeStream::forget`], and the first of all, is to be treated as damaged everywhere.

mod camera;
mod connection;
mod format;
mod library;
mod meta;
mod pod;
mod stream;

pub use crate::capture::camera::Pixels as PipePixels;
pub use camera::PipeCamera;
pub use connection::{PipeNode, nodes};
pub use format::{PipeFormat, Wanted};
pub use meta::PipeCursor;
pub use stream::{ANY_NODE, PipeFrame, PipeStream};
