//! panecast is the visitor's half of a support session: it captures a screen or a window, finds what
//! changed, encodes it without loss, asks the visitor for consent and hands bytes to a transport. The same
//! crate turns the bytes back into pixels, natively and, compiled to WebAssembly, in a browser page.
//!
//! ```text
//! capture → damage → codec → bitstream → session → ffi
//! (source   (what     (pixels to (payloads  (who may see  (the same for C,
//!  to Frame) changed)  payloads)  to bytes)  what, when)   Kotlin, Swift)
//! ```
//!
//! The modules below stand in that order; [`frame`] holds the nouns they share and [`pipeline`] is the only
//! module that knows all stages. `ffi` (features `capi`, `uniffi`) is the doors for other languages.

pub mod consent;
pub mod error;
pub mod frame;
pub mod limits;

pub mod capture;

pub mod damage;

pub mod codec;

pub mod bitstream;

pub mod session;

pub mod pipeline;

#[cfg(any(feature = "capi", feature = "uniffi"))]
pub mod ffi;
/// What UniFFI's macros look for at the root.
#[cfg(feature = "uniffi")]
#[doc(hidden)]
pub use ffi::uniffi::UniFfiTag;

pub use error::{Error, ErrorKind, Result};
pub use limits::Limits;

#[cfg(all(doctest, not(target_family = "wasm")))]
#[doc = include_str!("../README.md")]
mod readme {}
