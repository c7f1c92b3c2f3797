//! Stage 3 of 6. In: pictures and where they changed. Out: packets; and back to pictures.
//!
//! Copies first (scrolled panes, dragged windows), then films and photographs with a loss where the mode allows it,
//! then exact pixels by a model of what is drawn. Both sides know for every pixel whether it is exact, and
//! the decoder proves by a hash that it holds the encoder's picture.

pub mod av1;
mod camera;
mod classify;
mod config;
mod decoder;
mod encoder;
mod exactness;
mod fades;
mod film;
mod held;
mod lossless;
mod marks;
mod memory;
pub mod photo;
mod picture_hash;
mod recall;
mod refine;
mod regions;
mod shown;
mod stills;
mod surfaces;
mod tools;

pub use camera::CameraEncoder;
pub use config::{DEFAULT_QUALITY, EncoderConfig, Mode, Refine};
pub use decoder::{Decoded, Decoder, PlaneRequest};
pub use encoder::{Encoder, Update, UpdateKind};
pub use exactness::Exactness;
pub use held::HeldTiles;
pub use marks::UpdateFacts;
pub use tools::{Tool, ToolUse};
