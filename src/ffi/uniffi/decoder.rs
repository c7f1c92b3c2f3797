//! Bytes to pictures.

use super::held::{Held, guarded};
use super::picture::{CursorShape, PictureSize, Point, copy_to, no_picture};
use super::{PanecastError, Rect};
use crate::codec;
use crate::error::{Error, ErrorKind};
use crate::limits::Limits;
use std::sync::Arc;

/// What one packet did.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum Decoded {
    /// A stream begins.
    Header,
    /// There is a newer picture.
    Picture {
        /// The number to acknowledge.
        sequence: u64,
        /// When the picture was taken.
        timestamp_us: u64,
        /// Whether it was a whole picture.
        keyframe: bool,
        /// Whether the picture's size changed.
        resized: bool,
        /// Where it differs from the one before; a superset.
        dirty: Vec<Rect>,
    },
    /// A new epoch over the same picture.
    Epoch {
        /// The number to acknowledge.
        sequence: u64,
    },
    /// The cursor moved or changed its shape.
    Cursor,
    /// The recording ends here.
    End {
        /// Pictures in all, unchanged ones included.
        frames: u64,
        /// Pictures a second.
        fps: u32,
    },
}

/// Turns the bytes of a stream back into pictures. Calls from several threads take turns.
///
/// After an error it holds no picture and refuses everything until `reset`.
#[derive(Debug, uniffi::Object)]
pub struct Decoder(Held<codec::Decoder>);

#[uniffi::export]
impl Decoder {
    /// A decoder at the start of a stream. `side_px`: the longest side that pictures may have; nothing for the library's
    /// own limit.
    ///
    /// # Errors
    /// Only `Panicked`.
    #[uniffi::constructor]
    pub fn new(side_px: Option<u32>) -> Result<Arc<Self>, PanecastError> {
        guarded(|| {
            let own = Limits::default();
            let limits = Limits { side_px: side_px.unwrap_or(own.side_px), ..own };
            Ok(Arc::new(Self(Held::new(codec::Decoder::new(limits)))))
        })
    }

    /// Takes bytes of the stream, in chunks of any length. The bytes are not kept.
    ///
    /// # Errors
    /// - `LimitExceeded` if more is pending than one packet may have: call `next` until it gives nothing.
    /// - the error of an earlier call, until `reset`.
    pub fn feed(&self, bytes: &[u8]) -> Result<(), PanecastError> {
        self.0.with(|decoder| decoder.feed(bytes))
    }

    /// Decodes the next whole packet; nothing until more bytes are fed.
    ///
    /// # Errors
    /// - `InvalidData` if the bytes break the format.
    /// - `Unsupported` for a newer version.
    /// - `LimitExceeded` if the stream asks for more than the limits.
    /// - `Desync` if a packet is missing, repeated or out of order, or the picture's hash differs.
    pub fn next(&self) -> Result<Option<Decoded>, PanecastError> {
        self.0.with(|decoder| decoder.next()?.map(decoded).transpose())
    }

    /// The newest picture's size; nothing before the first and after an error.
    ///
    /// # Errors
    /// Only `Panicked`.
    pub fn picture_size(&self) -> Result<Option<PictureSize>, PanecastError> {
        self.0.with(|decoder| Ok(decoder.frame().map(PictureSize::from)))
    }

    /// Copies the newest picture (blue, green, red, 255) to memory of the caller's, and returns its size.
    ///
    /// `address` is of `length` writable bytes that nobody else touches until the call returns: a direct `ByteBuffer`'s,
    /// an `UnsafeMutableRawBufferPointer`'s. Nothing beyond `length` is written.
    ///
    /// # Errors
    /// - `NotFound` if there is no picture.
    /// - `InvalidInput` if the address is null, a row is longer than `stride_bytes` or the rows than `length`.
    pub fn copy_picture(
        &self,
        address: u64,
        length: u64,
        stride_bytes: u32,
    ) -> Result<PictureSize, PanecastError> {
        self.0.with(|decoder| {
            let frame = decoder.frame().ok_or_else(no_picture)?;
            // SAFETY: what this method asks of its caller, the layers over the generated code.
            unsafe { copy_to(frame, address, length, stride_bytes) }
        })
    }

    /// Where the cursor's hotspot is; nothing where it is hidden.
    ///
    /// # Errors
    /// Only `Panicked`.
    pub fn cursor_place(&self) -> Result<Option<Point>, PanecastError> {
        self.0.with(|decoder| Ok(decoder.cursor_position().map(Point::from)))
    }

    /// The cursor's shape, once one has been sent.
    ///
    /// # Errors
    /// Only `Panicked`.
    pub fn cursor_shape(&self) -> Result<Option<CursorShape>, PanecastError> {
        self.0.with(|decoder| Ok(decoder.cursor_shape().map(CursorShape::from)))
    }

    /// Pixels of the newest picture that are not exact yet.
    ///
    /// # Errors
    /// Only `Panicked`.
    pub fn lossy_px(&self) -> Result<u64, PanecastError> {
        self.0.with(|decoder| Ok(decoder.exactness().lossy_px()))
    }

    /// Bytes of a packet that is not whole yet.
    ///
    /// # Errors
    /// Only `Panicked`.
    pub fn pending_bytes(&self) -> Result<u64, PanecastError> {
        self.0.with(|decoder| Ok(decoder.pending_bytes() as u64))
    }

    /// Forgets everything; the next bytes must begin a stream.
    ///
    /// # Errors
    /// Only `Panicked`.
    pub fn reset(&self) -> Result<(), PanecastError> {
        self.0.with(|decoder| {
            decoder.reset();
            Ok(())
        })
    }
}

fn decoded(what: codec::Decoded) -> crate::Result<Decoded> {
    Ok(match what {
        codec::Decoded::Header => Decoded::Header,
        codec::Decoded::Picture { sequence, timestamp, keyframe, resized, dirty, .. } => Decoded::Picture {
            sequence,
            timestamp_us: timestamp.micros(),
            keyframe,
            resized,
            dirty: dirty.rects().iter().map(|r| Rect::from(*r)).collect(),
        },
        codec::Decoded::Epoch { sequence } => Decoded::Epoch { sequence },
        codec::Decoded::Cursor => Decoded::Cursor,
        codec::Decoded::End { frames, fps } => Decoded::End { frames, fps },
        codec::Decoded::NeedsPlanes => {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "this stream's films need a decoder of the app's",
            ));
        }
    })
}
