//! The decoder as WebAssembly, for the agent page's worker.
//!
//! The page and a native viewer run the same `panecast::codec::Decoder`; this crate adds what a canvas needs: the
//! picture as R, G, B, A, kept up to date in the dirty rectangles only, the marks over what is not exact, and the
//! cursor with straight alpha. AV1 is decoded by the page, which hands the planes back.
//! A seat in a session is here too, so that what is opened goes to the decoder without a copy through JavaScript.
//! `viewer` and `seat` are plain safe Rust and hold the logic; `exports` and `seat_exports` are the raw C ABI that
//! JavaScript calls, documented function by function and wrapped in `bindings/web/src/worker/decoder.ts` and `seat.ts`.

pub mod exports;
mod seat;
pub mod seat_exports;
mod viewer;

pub use seat::{Knocked, Seat, Told};
pub use viewer::{CHUNK_BYTES, Step, Viewer, limits};
