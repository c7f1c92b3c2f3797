//! What can be captured.

use super::PanecastError;
use super::grant::Purpose;
use super::held::guarded;
use crate::capture;

/// What kind of thing a source shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum SourceKind {
    /// A monitor, or all of them.
    Screen,
    /// One window.
    Window,
    /// A camera.
    Camera,
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
    /// Where its first pixel is on the desktop; nothing where nobody says.
    pub origin: Option<Place>,
    /// How large the desktop draws on it: 100 is one physical pixel for one of the desktop's.
    pub scale_percent: u32,
    /// How far a monitor or a camera is turned, clockwise: 0, 90, 180 or 270. Pictures are upright.
    pub rotation_degrees: u32,
    /// What program a window is of, where that is known.
    pub class_name: Option<String>,
    /// The process that a window is of, as it says itself.
    pub pid: Option<u32>,
    /// Where a camera looks.
    pub facing: Option<Facing>,
}

/// A place on the desktop, in the desktop's own units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Place {
    /// Columns from the desktop's own corner.
    pub x: i32,
    /// Rows from there.
    pub y: i32,
}

/// Where a camera looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum Facing {
    /// At the person who holds the device.
    Front,
    /// Away from them.
    Back,
    /// Wherever it was put.
    External,
}

/// What the operating system says about capturing; not the visitor's consent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum PermissionState {
    /// Capture opens without a question.
    Granted,
    /// Somebody said no, and nobody is asked again: settings have to be changed.
    Denied,
    /// Opening a source makes the system ask.
    Ask,
    /// It cannot be had here, whatever this person says.
    Restricted,
}

/// The system's word, and the way on.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Permission {
    /// What the system says.
    pub state: PermissionState,
    /// What the person at the machine can do next, as a sentence to show; empty where nothing is to be done.
    pub next: String,
}

/// What the operating system says about capturing for `purpose`, as it is now; nothing is opened and nobody is asked.
///
/// # Errors
/// - `Internal` if the library failed.
#[uniffi::export]
pub fn permission(purpose: Purpose) -> Result<Permission, PanecastError> {
    guarded(|| {
        let found = capture::permission(purpose.into());
        let state = match found.state {
            capture::PermissionState::Granted => PermissionState::Granted,
            capture::PermissionState::Denied => PermissionState::Denied,
            capture::PermissionState::Ask => PermissionState::Ask,
            capture::PermissionState::Restricted => PermissionState::Restricted,
        };
        Ok(Permission { state, next: found.next })
    })
}

/// The sources that are there now. Names and titles are for the visitor's own choice.
///
/// # Errors
/// - `Stalled` if the display does not answer.
#[uniffi::export]
pub fn sources() -> Result<Vec<SourceInfo>, PanecastError> {
    guarded(|| Ok(capture::sources()?.into_iter().map(SourceInfo::from).collect()))
}

impl From<capture::SourceInfo> for SourceInfo {
    fn from(source: capture::SourceInfo) -> Self {
        Self {
            id: source.id,
            name: source.name,
            kind: match source.kind {
                capture::SourceKind::Screen => SourceKind::Screen,
                capture::SourceKind::Window => SourceKind::Window,
                capture::SourceKind::Camera => SourceKind::Camera,
                capture::SourceKind::Pattern => SourceKind::Pattern,
                capture::SourceKind::File => SourceKind::File,
                capture::SourceKind::Push => SourceKind::Push,
            },
            width: source.size.width,
            height: source.size.height,
            origin: source.origin.map(|(x, y)| Place { x, y }),
            scale_percent: source.scale_percent,
            rotation_degrees: source.rotation.degrees(),
            class_name: source.class,
            pid: source.pid,
            facing: source.facing.map(|facing| match facing {
                capture::Facing::Front => Facing::Front,
                capture::Facing::Back => Facing::Back,
                capture::Facing::External => Facing::External,
            }),
        }
    }
}
