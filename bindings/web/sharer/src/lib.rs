//! The sharing end of a session as WebAssembly, for the worker of a page that shows a screen or a camera.
//!
//! It is a module of its own, beside the decoder's: who only watches does not load an encoder.
//! `host` is plain safe Rust and holds the logic: doors, watchers, consent, and the pipeline that is driven turn by turn;
//! `exports` is the raw C ABI that JavaScript calls, wrapped in `bindings/web/src/sharer/host.ts`.

pub mod exports;
mod host;

pub use host::{Host, MOST_MESSAGE_BYTES, Told, limits};
