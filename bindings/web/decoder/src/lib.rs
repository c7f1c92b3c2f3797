//! The decoder as WebAssembly, for the agent page's worker.
//!
//! The page and a native viewer run the same `panecast::codec::Decoder`; this crate adds what a canvas needs: the
//! picture as R, G, B, A, kept up to date in the dirty rectangles only, the marks over what is not exact, and the
//! cursor with straight alpha. AV1 is decoded by the page, which hands the planes back.
//! `viewer` is plain safe Rust and holds the logic; `exports` is the raw C ABI that JavaScript calls, documented
//! function by function and wrapped in `bindings/web/src/worker/decoder.ts`.

pub mod exports;
mod viewer;

pub use viewer::{CHUNK_BYTES, Step, Viewer, limits};
