//! An AV1 decoder as WebAssembly: one handle a surface, one temporal unit in, the planes of one picture out.
//!
//! The agent page loads it only where the browser has no AV1 decoder of its own, or none that is exact. `surface`
//! is plain safe Rust; `exports` is the raw C ABI that `bindings/web/src/worker/av1/module.ts` calls.

pub mod exports;
mod surface;
