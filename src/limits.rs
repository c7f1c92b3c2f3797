//! Every cap of the library in one value.

use crate::error::{Error, Result};
use crate::frame::Size;

/// What a stream may cost the side that receives it, and an encoder the side that sends it. Charged **before** each
/// allocation.
///
/// # Shapes and units
/// Sides are physical pixels, sizes are bytes. The defaults hold an 8K picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest side of a picture.
    pub side_px: u32,
    /// Most pixels of a picture.
    pub pixels: u64,
    /// Most bytes of one packet, as it stands on the wire.
    pub packet_bytes: usize,
    /// Most bytes of one sealed record, which may hold several packets.
    pub record_bytes: usize,
    /// Most copies in one packet.
    pub copies: usize,
    /// Most coded rectangles in one packet.
    pub rects: usize,
    /// Most layers in one packet.
    pub layers: usize,
    /// Most AV1 surfaces at once.
    pub surfaces: usize,
    /// Most pixels that are kept of what tiles held before.
    pub recall_px: u64,
    /// Longest side of a cursor's shape.
    pub cursor_side_px: u32,
    /// Most bytes that an encoder keeps, with the picture that goes to and fro between it and its caller; the program
    /// itself is not in it. Where it is not enough, fewer films have an AV1 encoder, then nothing is lossy; a picture that
    /// does not fit twice is refused.
    pub memory_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            side_px: 16_384,
            pixels: 8192 * 4352,
            packet_bytes: 256 << 20,
            record_bytes: 257 << 20,
            copies: 4096,
            rects: 1 << 18,
            layers: 64,
            surfaces: 16,
            recall_px: 1 << 24,
            cursor_side_px: 1024,
            memory_bytes: 512 << 20,
        }
    }
}

impl Limits {
    /// Accepts a picture size or says which cap it breaks.
    ///
    /// # Errors
    /// - [`crate::ErrorKind::InvalidInput`] if a side is zero.
    /// - [`crate::ErrorKind::LimitExceeded`] if a side or the area is over its cap.
    pub fn check_size(&self, size: Size) -> Result<()> {
        if size.width == 0 || size.height == 0 {
            return Err(Error::input(format!("a picture of {size} has no pixels")));
        }
        if size.width > self.side_px || size.height > self.side_px {
            return Err(Error::limit(format!(
                "a picture of {size} is wider or taller than {} px",
                self.side_px
            )));
        }
        if size.area() > self.pixels {
            return Err(Error::limit(format!("a picture of {size} has more than {} pixels", self.pixels)));
        }
        Ok(())
    }
}
