//! Which sources this build has: the only place that asks for the platform.

use super::{Capturer, SourceInfo};
use crate::error::{Error, Result};
use crate::frame::Size;
use std::path::PathBuf;

/// A source by name: `screen`, `screen:N`, `window:ID`, `pattern[:WxH@FPS]`, `file:PATH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceSpec {
    /// All monitors, or the one with this index.
    Screen(Option<usize>),
    /// The window with this id.
    Window(u64),
    /// The built-in desktop.
    Pattern(Size, u32),
    /// A recorded file.
    File(PathBuf),
}

/// Opens the source that `spec` names.
///
/// # Errors
/// - [`crate::ErrorKind::NotFound`] if there is no such display, monitor, window or file.
pub fn open(spec: &SourceSpec) -> Result<Box<dyn Capturer>> {
    Err(Error::new(crate::ErrorKind::Unsupported, format!("{spec:?} is not available in this build")))
}

/// The sources that are there now.
///
/// # Errors
/// - [`crate::ErrorKind::Stalled`] if the display does not answer.
pub fn sources() -> Result<Vec<SourceInfo>> {
    Ok(Vec::new())
}
