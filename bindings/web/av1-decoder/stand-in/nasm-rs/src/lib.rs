//! Empty: the AV1 decoder's build names this crate and does not call it without assembly.
#![no_std]
