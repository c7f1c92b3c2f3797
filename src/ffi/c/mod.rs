//! The C ABI, of which `cargo xtask header` writes `include/panecast.h`.
//!
//! Each function guards its pointers, converts, calls safe Rust and answers with a status; there is no logic here. Types
//! carry their C names. The texts on them are the header's.
#![allow(unsafe_code, non_camel_case_types)]

pub mod boundary;
pub mod codes;
pub mod consent;
pub mod decoder;
pub mod encoder;
pub mod error;
pub mod events;
pub mod frame;
pub mod handle;
pub mod host;
pub mod joiner;
pub mod link;
pub mod log;
pub mod masks;
pub mod packet;
pub mod pump;
pub mod settings;
pub mod share;
pub mod sized;
pub mod sources;
pub mod stats;
pub mod version;

#[cfg(test)]
mod session_tests;
