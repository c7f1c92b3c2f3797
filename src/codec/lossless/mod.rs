//! Exact pixels: which rectangles to code, and how.

mod activity;
mod choice;
mod costly;
mod guess;
mod layout;
mod literal;
mod model;
mod number;
mod payload;
mod predict;
mod range;
mod residual;
mod stream;
mod whole;

pub(super) use activity::Activity;
pub(super) use choice::choose;
pub(super) use layout::{CodedRect, Coding};
pub(super) use payload::{Canvas, PixelReader, PixelWriter};
pub(super) use residual::Residual;
pub(super) use stream::{compress_once, decompress_once};
pub(super) use whole::whole;
