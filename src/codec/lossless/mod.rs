//! Exact pixels: which rectangles to code, in which order, through which zstd stream.

mod activity;
mod layout;
mod orientation;
mod predict;
mod residual;
mod stream;
mod whole;

pub(super) use activity::Activity;
pub(super) use layout::{CodedRect, Coding, most_plain_bytes, read_rects, write_rects};
pub(super) use orientation::Orientation;
pub(super) use residual::Residual;
pub(super) use stream::{StreamDecoder, StreamEncoder, compress_once, decompress_once};
pub(super) use whole::{has_colours, whole};
