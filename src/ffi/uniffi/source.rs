//! What can be captured.

use super::PanecastError;
use super::held::guarded;
use crate::capture;

/// What kind of thing a source shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum SourceKind {
    /// A monitor, or all of them.
    Screen,
    /// One window.
    Window,
    /// The built-in animated desktop.
    Pattern,
    /// A recorded file.
    File,
    /// Frames that the app pushes.
    Push,
}

/// A source as a person would choose it.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct SourceInfo {
    /// How it is named to `Consent` and `Share`.
    pub id: String,
    /// What a person calls it: a monitor's name, a window's title.
    pub name: String,
    /// What kind of thing it is.
    pub kind: SourceKind,
    /// Columns, in physical pixels.
    pub width: u32,
    /// Rows, in physical pixels.
    pub height: u32,
}

/// The sources that are there now. Names and titles are for the visitor's own choice.
///
/// # Errors
/// - `Stalled` if the display does not answer.
#[uniffi::export]
pub fn sources() -> Result<Vec<SourceInfo>, PanecastError> {
    guarded(|| {
        let all = capture::sources()?;
        Ok(all
            .into_iter()
            .map(|source| SourceInfo {
                id: source.id,
                name: source.name,
                kind: match source.kind {
                    capture::SourceKind::Screen => SourceKind::Screen,
                    capture::SourceKind::Window => SourceKind::Window,
                    capture::SourceKind::Pattern => SourceKind::Pattern,
                    capture::SourceKind::File => SourceKind::File,
                    capture::SourceKind::Push => SourceKind::Push,
                },
                width: source.size.width,
                height: source.size.height,
            })
            .collect())
    })
}
