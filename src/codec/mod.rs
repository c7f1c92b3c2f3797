//! Stage 3 of 6. In: pictures and where they changed. Out: packets; and back to pictures, exactly.
//!
//! Copies first (scrolled panes, dragged windows), then rectangles of pixels through one long-lived zstd stream.
//! The decoder proves by a hash that it holds the encoder's picture.

pub mod av1;
mod decoder;
mod encoder;
mod lossless;
pub mod photo;
mod picture_hash;

pub use decoder::{Decoded, Decoder, UpdateFacts};
pub use encoder::{Encoder, EncoderConfig, Update, UpdateKind};
