//! What can be captured, as a person would choose it.

use crate::frame::Size;

/// What kind of thing a source shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
    /// Frames that the app hands over.
    Push,
}

impl SourceKind {
    /// Its stable name, as `--json` shows it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Screen => "screen",
            Self::Window => "window",
            Self::Camera => "camera",
            Self::Pattern => "pattern",
            Self::File => "file",
            Self::Push => "push",
        }
    }
}

/// How far a monitor or a camera is turned, clockwise. Pictures come as a person sees them: upright.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Rotation {
    /// Not at all.
    #[default]
    None,
    /// By 90 degrees.
    Quarter,
    /// By 180 degrees.
    Half,
    /// By 270 degrees.
    ThreeQuarters,
}

impl Rotation {
    /// In degrees: 0, 90, 180 or 270.
    #[must_use]
    pub fn degrees(self) -> u32 {
        match self {
            Self::None => 0,
            Self::Quarter => 90,
            Self::Half => 180,
            Self::ThreeQuarters => 270,
        }
    }
}

/// Where a camera looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Facing {
    /// At the person who holds the device.
    Front,
    /// Away from them.
    Back,
    /// Wherever it was put.
    External,
}

impl Facing {
    /// Its stable name, as `--json` shows it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Front => "front",
            Self::Back => "back",
            Self::External => "external",
        }
    }
}

/// A source as a person would choose it. What other programs say of themselves (names, titles, classes, process ids) may be
/// wrong, and is for the visitor's own eyes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceInfo {
    /// How to name it to [`super::SourceSpec`]: `screen:0`, `window:0x1200003`, `pattern:1280x720@30`.
    pub id: String,
    /// What a person calls it: a monitor's name, a window's title.
    pub name: String,
    /// What kind of thing it is.
    pub kind: SourceKind,
    /// Its size in physical pixels, turned as a person sees it.
    pub size: Size,
    /// Where its first pixel is on the desktop, in the desktop's own units (physical pixels of X11 and Windows); `None` where
    /// nobody says.
    pub origin: Option<(i32, i32)>,
    /// How large the desktop draws on it, in percent: 100 is one physical pixel for one of the desktop's.
    pub scale_percent: u32,
    /// How far a monitor or a camera is turned; its pictures are upright.
    pub rotation: Rotation,
    /// What program a window is of, by the name that programs have for desktops: X11's class, Wayland's app id.
    pub class: Option<String>,
    /// The process that a window is of.
    pub pid: Option<u32>,
    /// Where a camera looks.
    pub facing: Option<Facing>,
}

impl SourceInfo {
    /// A source of which nothing more is known: drawn at 100 %, upright.
    pub fn new(id: impl Into<String>, name: impl Into<String>, kind: SourceKind, size: Size) -> Self {
        Self {
            id: id.into(),
            name: name.into(),
            kind,
            size,
            origin: None,
            scale_percent: 100,
            rotation: Rotation::None,
            class: None,
            pid: None,
            facing: None,
        }
    }
}
