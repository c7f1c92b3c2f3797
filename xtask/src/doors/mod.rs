//! The doors from outside Rust: the shared library and what is generated and tested around it.

pub(crate) mod bindings;
pub(crate) mod kotlin;
pub(crate) mod library;
