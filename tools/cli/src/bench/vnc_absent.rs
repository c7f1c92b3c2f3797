//! Where no VNC server can be driven.

use super::peers::VncEncoding;
use super::step::{Encoded, Shown};
use super::trace::RawTrace;
use crate::failure::Failure;

/// How to have it.
pub(crate) const INSTALL: &str = "driven on Linux alone";

/// None is used here.
pub(crate) fn version() -> Option<String> {
    None
}

/// Fails.
pub(crate) fn replay(_: &RawTrace, _: VncEncoding) -> Result<(Encoded, Shown), Failure> {
    Err(Failure::new("no VNC server", INSTALL))
}
