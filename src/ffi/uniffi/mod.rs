//! The door of Kotlin and Swift: types that mirror the library's, exported by UniFFI.
//!
//! Pixels come in as borrowed `&[u8]` (a direct `ByteBuffer`, a `Data`) and go out into memory of the caller's; packets
//! are small enough to be copied. Every export returns a result: a panic becomes [`PanecastError::Panicked`] and retires
//! its object, it never ends the app.
// The macros write `extern "C"` functions.
#![allow(unsafe_code)]

mod decoder;
mod encoder;
mod error;
mod frame;
mod grant;
mod held;
mod host;
mod joiner;
mod link;
mod picture;
mod relay;
mod share;
mod source;

pub use decoder::{Decoded, Decoder};
pub use encoder::{Encoded, Encoder, EncoderConfig, LateJoin, Mode, Refine, UpdateKind, encoder_config};
pub use error::PanecastError;
pub use frame::{FrameLayout, PixelFormat, Rect};
pub use grant::{Consent, Grant, Purpose};
pub use host::{Host, HostConfig, HostEvent, host_config};
pub use joiner::{Joiner, JoinerEvent, Way};
pub use link::{Link, LinkGoal, RelayAddress, read_link, read_relay, write_link};
pub use picture::{CursorShape, PictureSize, Point};
pub use relay::{EndReason, LinkKind, Mark, MarkTool, Presence, RefusalKind, draw_link};
pub use share::{Masks, Share, ShareConfig, ShareOutput, ShareState, ShareStats, share_config};
pub use source::{Facing, Permission, PermissionState, Place, SourceInfo, SourceKind, permission, sources};

uniffi::setup_scaffolding!("panecast");

/// The library's version, as `0.1.0`.
///
/// # Errors
/// Only [`PanecastError::Panicked`].
#[uniffi::export]
pub fn version() -> Result<String, PanecastError> {
    held::guarded(|| Ok(env!("CARGO_PKG_VERSION").to_owned()))
}
