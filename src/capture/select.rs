//! Which sources this build has: the only place that asks for the platform.

use super::{Capturer, Excluded, FileSource, Pattern, Permission, RestoreToken, SourceInfo, SourceKind};
use crate::consent::{CaptureGrant, Purpose};
use crate::error::{Error, Result};
use crate::frame::Size;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// The pattern's size and speed where none are given.
const PATTERN: (Size, u32) = (Size::new(1280, 720), 30);

/// A source by name: `screen`, `screen:N`, `window:ID`, `pattern[:WxH@FPS]`, `file:PATH`.
///
/// # Examples
/// ```
/// use panecast::capture::SourceSpec;
/// let spec: SourceSpec = "pattern:640x360@15".parse()?;
/// assert_eq!(spec.to_string(), "pattern:640x360@15");
/// # Ok::<(), panecast::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceSpec {
    /// All monitors, or the one with this index.
    Screen(Option<usize>),
    /// The window with this id.
    Window(u64),
    /// The built-in desktop, so many frames a second.
    Pattern(Size, u32),
    /// A recorded `.y4m` file; `-` is the standard input.
    File(PathBuf),
}

impl SourceSpec {
    /// What a person is asked for before it is opened.
    #[must_use]
    pub fn purpose(&self) -> Purpose {
        match self {
            Self::Screen(_) => Purpose::Screen,
            Self::Window(_) => Purpose::Window,
            Self::Pattern(..) | Self::File(_) => Purpose::Prepared,
        }
    }
}

impl FromStr for SourceSpec {
    type Err = Error;

    fn from_str(s: &str) -> Result<Self> {
        let (kind, rest) = match s.split_once(':') {
            Some((kind, rest)) => (kind, Some(rest)),
            None => (s, None),
        };
        match (kind, rest) {
            ("screen", None) => Ok(Self::Screen(None)),
            ("screen", Some(n)) => n.parse().map(|n| Self::Screen(Some(n))).map_err(|_| {
                Error::input(format!("`{n}` is not a monitor's number; write screen:0, or screen for all"))
            }),
            ("window", Some(id)) => parse_id(id).map(Self::Window).ok_or_else(|| {
                Error::input(format!(
                    "`{id}` is not a window's id; write window:0x1200003 or window:18874371"
                ))
            }),
            ("window", None) => {
                Err(Error::input("which window? write window:ID with an id of the sources list"))
            }
            ("pattern", None) => Ok(Self::Pattern(PATTERN.0, PATTERN.1)),
            ("pattern", Some(shape)) => {
                let (size, fps) = match shape.split_once('@') {
                    Some((size, fps)) => {
                        let bad = |_| Error::input(format!("`{fps}` is not a number of frames a second"));
                        (size, fps.parse().map_err(bad)?)
                    }
                    None => (shape, PATTERN.1),
                };
                Ok(Self::Pattern(size.parse()?, fps))
            }
            ("file", Some(path)) if !path.is_empty() => Ok(Self::File(path.into())),
            ("file", _) => Err(Error::input("which file? write file:PATH")),
            _ => Err(Error::input(format!(
                "`{s}` is not a source; write screen, screen:N, window:ID, pattern[:WxH@FPS] or file:PATH"
            ))),
        }
    }
}

/// A window's id, decimal or hexadecimal after `0x`.
pub(super) fn parse_id(s: &str) -> Option<u64> {
    match s.strip_prefix("0x").or_else(|| s.strip_prefix("0X")) {
        Some(hex) if hex.starts_with(|c: char| c.is_ascii_hexdigit()) => u64::from_str_radix(hex, 16).ok(),
        Some(_) => None,
        None if s.starts_with(|c: char| c.is_ascii_digit()) => s.parse().ok(),
        None => None,
    }
}

impl fmt::Display for SourceSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Screen(None) => f.write_str("screen"),
            Self::Screen(Some(n)) => write!(f, "screen:{n}"),
            Self::Window(id) => write!(f, "window:{id:#x}"),
            Self::Pattern(size, fps) => write!(f, "pattern:{size}@{fps}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
        }
    }
}

/// Opens the source that `spec` names, which `grant` must be for. The built-in desktop and files show nothing of a
/// person's, so any grant that stands opens them.
///
/// # Errors
/// - [`crate::ErrorKind::Denied`] if `grant` is for something else.
/// - [`crate::ErrorKind::Revoked`] if it was taken back.
/// - [`crate::ErrorKind::NotFound`] if there is no such display, monitor, window or file.
/// - [`crate::ErrorKind::Unsupported`] if this build or this display has no way to capture it.
/// - [`crate::ErrorKind::Stalled`] if the display does not answer within 1 s.
/// - as [`Pattern::new`] and [`FileSource::open`].
pub fn open(spec: &SourceSpec, grant: &CaptureGrant) -> Result<Box<dyn Capturer>> {
    open_with(spec, grant, &OpenOptions::default())
}

/// What [`open_with`] leaves out of a picture, and what it need not ask again.
#[derive(Clone, Debug, Default)]
pub struct OpenOptions {
    /// The app's own windows.
    pub excluded: Excluded,
    /// What the desktop keeps of the visitor's choice, where its portal is asked.
    pub restore: RestoreToken,
}

/// As [`open`], with options.
///
/// # Errors
/// As [`open`].
pub fn open_with(
    spec: &SourceSpec,
    grant: &CaptureGrant,
    options: &OpenOptions,
) -> Result<Box<dyn Capturer>> {
    grant.revoke_handle().check()?;
    match spec {
        SourceSpec::Pattern(size, fps) => Ok(Box::new(Pattern::new(*size, *fps)?)),
        SourceSpec::File(path) => Ok(Box::new(FileSource::open(path)?)),
        SourceSpec::Screen(_) | SourceSpec::Window(_) => platform::open(spec, grant, options),
    }
}

/// The sources that are there now: monitors, windows, and the built-in desktop. Without a display there is only
/// the last. Names and titles are for the visitor's own choice; nothing of this list leaves the machine.
///
/// # Errors
/// - [`crate::ErrorKind::Stalled`] if the display does not answer.
pub fn sources() -> Result<Vec<SourceInfo>> {
    let mut all = platform::sources()?;
    let pattern = SourceSpec::Pattern(PATTERN.0, PATTERN.1).to_string();
    all.push(SourceInfo::new(pattern, "Built-in desktop", SourceKind::Pattern, PATTERN.0));
    Ok(all)
}

/// What the system says about capturing the screen, a window or a camera.
pub(super) fn system_permission(purpose: Purpose) -> Permission {
    platform::permission(purpose)
}

/// This platform's own sources, by the API they speak.
#[cfg(target_os = "linux")]
#[path = "linux/mod.rs"]
pub mod linux;

#[cfg(target_os = "linux")]
mod platform {
    #[cfg(feature = "portal")]
    use super::linux::portal::{self, PortalCapturer};
    use super::linux::wayland::{self, WaylandCapturer};
    use super::linux::x11::{self, X11Capturer};
    use super::{
        CaptureGrant, Capturer, Error, OpenOptions, Permission, Purpose, Result, SourceInfo, SourceSpec,
    };
    use crate::capture::PermissionState;
    use crate::error::ErrorKind;

    /// A Wayland desktop's own windows are not on its X server. So that is asked only where no compositor answers.
    pub(super) fn open(
        spec: &SourceSpec,
        grant: &CaptureGrant,
        with: &OpenOptions,
    ) -> Result<Box<dyn Capturer>> {
        if wayland::is_named() {
            let target = match spec {
                SourceSpec::Screen(Some(number)) => wayland::Target::Monitor(*number),
                SourceSpec::Window(id) => wayland::Target::Window(*id),
                _ => wayland::Target::Screen,
            };
            match WaylandCapturer::open(target, &wayland::Options::default(), grant) {
                Err(e) if e.kind() == ErrorKind::NotFound && !wayland::is_there() => {}
                // The desktop lets nobody capture but through its portal, which asks what to show itself.
                #[cfg(feature = "portal")]
                Err(e) if e.kind() == ErrorKind::Unsupported && target == wayland::Target::Screen => {
                    let options =
                        portal::Options { restore: with.restore.clone(), ..portal::Options::default() };
                    return Ok(Box::new(PortalCapturer::open(&options, grant)?));
                }
                other => return Ok(Box::new(other?)),
            }
        }
        let target = match spec {
            SourceSpec::Screen(Some(number)) => x11::Target::Monitor(*number),
            SourceSpec::Window(id) => x11::Target::Window(u32::try_from(*id).map_err(|_| {
                Error::new(ErrorKind::NotFound, format!("there is no window {id:#x}: X11's ids have 32 bits"))
            })?),
            _ => x11::Target::Screen,
        };
        let options = x11::Options { excluded: with.excluded.clone(), ..x11::Options::default() };
        Ok(Box::new(X11Capturer::open(target, options, grant)?))
    }

    pub(super) fn sources() -> Result<Vec<SourceInfo>> {
        if wayland::is_named() {
            match wayland::sources(None) {
                Err(e) if e.kind() == ErrorKind::NotFound => {}
                other => return other,
            }
        }
        match x11::sources(None) {
            // No display is no error here: the built-in desktop is there anyway.
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(Vec::new()),
            other => other,
        }
    }

    pub(super) fn permission(purpose: Purpose) -> Permission {
        if purpose == Purpose::Camera {
            let text = "cameras cannot be captured here yet";
            return Permission::new(PermissionState::Restricted, text);
        }
        let compositor = wayland::is_named().then(|| wayland::captures(None));
        let there = match compositor {
            Some(Ok(false)) if cfg!(feature = "portal") && purpose != Purpose::Window => {
                let text = "the desktop asks what to show when the share begins";
                return Permission::new(PermissionState::Ask, text);
            }
            Some(Ok(false)) => {
                let text = "this desktop lets no program capture by itself, and this build has no portal";
                return Permission::new(PermissionState::Restricted, text);
            }
            Some(Err(e)) if e.kind() == ErrorKind::NotFound => x11::reachable(None),
            Some(other) => other.map(drop),
            None => x11::reachable(None),
        };
        match there {
            Ok(()) => Permission::granted(),
            Err(e) if e.kind() == ErrorKind::Denied => {
                let next = format!("{}; run it as the user who is logged in, or set XAUTHORITY", e.message());
                Permission::new(PermissionState::Denied, next)
            }
            Err(e) => Permission::new(PermissionState::Restricted, e.message()),
        }
    }
}

/// The portable source.
#[cfg(all(feature = "xcap", not(target_family = "wasm")))]
#[path = "xcap.rs"]
pub mod xcap;

#[cfg(all(feature = "xcap", not(any(target_os = "linux", target_family = "wasm"))))]
mod platform {
    use super::xcap::XcapCapturer;
    pub(super) use super::xcap::sources;
    use super::{CaptureGrant, Capturer, OpenOptions, Permission, Purpose, Result, SourceSpec};
    use crate::capture::PermissionState;

    pub(super) fn open(
        spec: &SourceSpec,
        grant: &CaptureGrant,
        _: &OpenOptions,
    ) -> Result<Box<dyn Capturer>> {
        Ok(Box::new(XcapCapturer::open(spec, grant)?))
    }

    pub(super) fn permission(purpose: Purpose) -> Permission {
        match purpose {
            Purpose::Camera => Permission::new(
                PermissionState::Restricted,
                "cameras are not captured here: the app pushes their frames",
            ),
            // The portable source cannot know before it tries.
            _ if cfg!(target_os = "macos") => Permission::new(
                PermissionState::Ask,
                "allow this app in System Settings, Privacy & Security, Screen & System Audio Recording",
            ),
            _ => Permission::granted(),
        }
    }
}

#[cfg(not(any(target_os = "linux", all(feature = "xcap", not(target_family = "wasm")))))]
mod platform {
    use super::{
        CaptureGrant, Capturer, Error, OpenOptions, Permission, Purpose, Result, SourceInfo, SourceSpec,
    };
    use crate::capture::PermissionState;
    use crate::error::ErrorKind;

    pub(super) fn open(spec: &SourceSpec, _: &CaptureGrant, _: &OpenOptions) -> Result<Box<dyn Capturer>> {
        let text =
            format!("`{spec}` needs the feature `xcap` on this system; the source `pattern` works without");
        Err(Error::new(ErrorKind::Unsupported, text))
    }

    pub(super) fn sources() -> Result<Vec<SourceInfo>> {
        Ok(Vec::new())
    }

    pub(super) fn permission(_: Purpose) -> Permission {
        let text = "this build captures nothing of this system: the app pushes its own frames";
        Permission::new(PermissionState::Restricted, text)
    }
}
