//! Wayland: outputs and windows by ext-image-copy-capture, outputs by wlr-screencopy where a compositor has only that, on
//! one long-lived connection and without libwayland.
//!
//! The compositor copies each picture into memory that it shares with us, and says where it changed. A capture is asked for
//! when a picture is wanted and waits at the compositor for damage; what changed, and what is stale in the caller's buffer,
//! is copied once more, out of the shared memory.

mod buffer;
mod connection;
mod cursor;
mod feed;
mod layout;
mod registry;
mod session;
mod shot;
mod turn;

use crate::capture::{Captured, Capturer, CursorUpdate, SourceInfo, SourceKind};
use crate::consent::{CaptureGrant, Purpose, Revoke};
use crate::error::{Error, ErrorKind, Result};
use crate::frame::{FrameBuf, Rect, Region, Size};
use connection::Connection;
use session::Session;
use std::time::{Duration, Instant};

/// What is to be captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// All monitors as they are arranged; side by side where they differ in scale.
    Screen,
    /// The monitor with this number, from 0.
    Monitor(usize),
    /// The window with this id, also where others cover it.
    Window(u64),
}

impl Target {
    /// Its id as [`SourceInfo::id`] has it.
    #[must_use]
    pub fn id(self) -> String {
        match self {
            Self::Screen => "screen".into(),
            Self::Monitor(number) => format!("screen:{number}"),
            Self::Window(id) => format!("window:{id:#x}"),
        }
    }
}

/// How pictures come from the compositor, the best first; the next one is used where one is not to be had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// ext-image-copy-capture: outputs and windows, the cursor apart, and only what changed is copied.
    #[default]
    ImageCopy,
    /// wlr-screencopy: outputs. The cursor is not told; where the compositor draws it by software, it is in the picture.
    Screencopy,
}

/// How to capture.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The compositor, as `WAYLAND_DISPLAY` would name it; `None` for the one that it does name.
    pub display: Option<String>,
    /// The best way that may be used.
    pub protocol: Protocol,
}

/// Monitors or a window of a Wayland compositor.
///
/// After a stall it goes on by itself. After [`ErrorKind::Closed`] every call gives that error again.
pub struct WaylandCapturer {
    session: Session,
    info: SourceInfo,
    ended: Option<Error>,
    revoke: Revoke,
}

impl WaylandCapturer {
    /// Connects and finds `target`, which `grant` must be for: a screen or a window, by its id.
    ///
    /// # Errors
    /// - [`ErrorKind::Denied`] if `grant` is for something else, [`ErrorKind::Revoked`] if it was taken back.
    /// - [`ErrorKind::NotFound`] if there is no compositor, monitor or window.
    /// - [`ErrorKind::Unsupported`] if the compositor has no protocol for it, or no format that is read.
    /// - [`ErrorKind::Stalled`] if the compositor does not answer, or gives no picture.
    /// - [`ErrorKind::LimitExceeded`] if the picture is over the default [`crate::Limits`].
    pub fn open(target: Target, options: &Options, grant: &CaptureGrant) -> Result<Self> {
        let (purpose, kind) = match target {
            Target::Window(_) => (Purpose::Window, SourceKind::Window),
            Target::Screen | Target::Monitor(_) => (Purpose::Screen, SourceKind::Screen),
        };
        let id = target.id();
        grant.covers(purpose, &id)?;
        let session = Session::open(target, options)?;
        let info = SourceInfo::new(id, session.name(), kind, session.size());
        Ok(Self { session, info, ended: None, revoke: grant.revoke_handle() })
    }

    fn check(&self) -> Result<()> {
        self.revoke.check()?;
        self.ended.clone().map_or(Ok(()), Err)
    }

    /// Notes what `result` says about the session's life.
    fn noted<T>(&mut self, result: Result<T>) -> Result<T> {
        self.info.size = self.session.size();
        if let Err(e) = &result
            && e.kind() != ErrorKind::Stalled
        {
            self.ended = Some(e.clone());
        }
        result
    }
}

impl Capturer for WaylandCapturer {
    fn info(&self) -> SourceInfo {
        self.info.clone()
    }

    fn next(&mut self, frame: &mut FrameBuf, stale: &Region, timeout: Duration) -> Result<Captured> {
        self.check()?;
        let now = Instant::now();
        let deadline = now.checked_add(timeout).unwrap_or(now + FAR);
        let result = self.session.next(frame, stale, deadline);
        self.noted(result)
    }

    fn cursor(&mut self) -> Result<Option<CursorUpdate>> {
        self.check()?;
        let result = self.session.cursor();
        self.noted(result)
    }

    fn forget(&mut self) {
        if self.ended.is_none() {
            let result = self.session.forget();
            // A compositor that is gone tells so at the next call.
            let _ = self.noted(result);
        }
    }
}

impl std::fmt::Debug for WaylandCapturer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "WaylandCapturer({}, {})", self.info.id, self.info.size)
    }
}

/// A timeout too long to add to the clock is as good as this one.
const FAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// Whether a compositor is named at all: `WAYLAND_DISPLAY` is set.
#[must_use]
pub fn is_named() -> bool {
    std::env::var_os("WAYLAND_DISPLAY").is_some_and(|name| !name.is_empty())
}

/// Whether the compositor that `WAYLAND_DISPLAY` names takes connections.
#[must_use]
pub fn is_there() -> bool {
    !matches!(connection::try_connect(), Err(e) if e.kind() == ErrorKind::NotFound)
}

/// Whether the compositor of `display`, or the one that `WAYLAND_DISPLAY` names, lets programs capture its monitors.
///
/// # Errors
/// As [`sources`].
pub fn captures(display: Option<&str>) -> Result<bool> {
    let c = Connection::open(display)?;
    let copies = c.state.image_copy.is_some() && c.state.output_sources.is_some();
    Ok(copies || c.state.screencopy.is_some())
}

/// The monitors and, where they can be captured, windows of `display`, or of the compositor that `WAYLAND_DISPLAY` names.
///
/// # Errors
/// - [`ErrorKind::NotFound`] if there is no such compositor.
/// - [`ErrorKind::Denied`], [`ErrorKind::Stalled`] if it does not let us in or does not answer.
pub fn sources(display: Option<&str>) -> Result<Vec<SourceInfo>> {
    let c = Connection::open(display)?;
    let state = &c.state;
    let arranged = registry::arranged(
        &state.outputs.iter().map(|output| (output.logical(), output.size())).collect::<Vec<_>>(),
    );
    let right = arranged.iter().map(Rect::right).max().unwrap_or(0);
    let bottom = arranged.iter().map(Rect::bottom).max().unwrap_or(0);
    let (kind, size) = (SourceKind::Screen, Size::new(right, bottom));
    let mut all = Vec::new();
    if !state.outputs.is_empty() {
        all.push(SourceInfo::new(Target::Screen.id(), "Whole screen", kind, size));
    }
    for (number, output) in state.outputs.iter().enumerate() {
        let id = Target::Monitor(number).id();
        all.push(SourceInfo {
            origin: Some(output.logical().0),
            scale_percent: output.scale_percent(),
            rotation: output.rotation(),
            ..SourceInfo::new(id, output.title(), kind, output.size())
        });
    }
    if state.image_copy.is_some() && state.window_sources.is_some() {
        for window in &state.windows {
            let name = if window.title.is_empty() { window.class.clone() } else { window.title.clone() };
            // Only a capture tells how large it is.
            let (id, kind) = (Target::Window(window.id()).id(), SourceKind::Window);
            let class = Some(window.class.clone()).filter(|class| !class.is_empty());
            all.push(SourceInfo { class, ..SourceInfo::new(id, name, kind, Size::default()) });
        }
    }
    Ok(all)
}
