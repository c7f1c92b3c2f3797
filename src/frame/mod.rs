//! The nouns that all stages share: sizes, rectangles, regions, tiles, pixel formats, views and buffers.
//!
//! In: pixels as a source has them, in any [`PixelFormat`]. Out: [`FrameBuf`], the one layout the stages work
//! on: 32-bit pixels in the byte order B, G, R, 255, rows without padding.

mod buf;
pub mod colour;
mod convert;
mod grid;
mod hash;
mod planes;
mod rect;
mod region;
mod time;
mod view;
mod wiped;

pub(crate) use buf::is_plain;
pub use buf::{BYTES_PER_PIXEL, FrameBuf};
pub use grid::{TILE_PX, TileGrid};
pub(crate) use hash::xxh3;
pub use planes::{Chroma, FilmColour, Planes};
pub use rect::{Rect, Size};
pub use region::Region;
pub use time::Timestamp;
pub use view::{FrameView, PixelFormat, Plane};
pub(crate) use wiped::{Wiped, wipe};
