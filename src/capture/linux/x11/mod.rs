//! X11: screens, monitors and windows by MIT-SHM, XDamage, XFixes, RandR and COMPOSITE, on one long-lived
//! connection.
//!
//! The server keeps a mirror of the picture in a pixmap of ours, whose memory we share. When it tells of damage,
//! one batch of requests fetches the damage, copies just that from the screen to the mirror under a grab, so that
//! all is of one moment, and asks for the pointer. After this single round trip the changed rectangles are copied
//! from the mirror; what is stale in the caller's buffer is copied from there, too, without the server.

mod connection;
mod cursor;
mod mirror;
mod own;
mod place;
mod session;
mod tree;
mod windows;

pub use mirror::Transport;
pub use place::Target;

use crate::capture::mask::MaskSource;
use crate::capture::{Captured, Capturer, CursorUpdate, Excluded, SourceInfo, SourceKind};
use crate::consent::{CaptureGrant, Purpose, Revoke};
use crate::error::{Error, ErrorKind, Result};
use crate::frame::{FrameBuf, Region};
use connection::Connection;
use session::Session;
use std::time::{Duration, Instant};
use windows::Windows;

/// How to capture.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The display, as `DISPLAY` would name it; `None` for the one that it does name.
    pub display: Option<String>,
    /// The fastest way that may be used.
    pub transport: Transport,
    /// Windows that are no part of a screen's picture.
    pub excluded: Excluded,
}

/// A screen, monitor or window of an X server.
///
/// After a stall it goes on by itself: the first call that finds the server awake gives a whole picture. After
/// [`ErrorKind::Closed`] every call gives that error again.
pub struct X11Capturer {
    target: Target,
    options: Options,
    /// `None` while the connection is lost because a stalled server cut off a request.
    session: Option<Session>,
    info: SourceInfo,
    /// Which monitor it is, if it is one.
    monitor: Option<u32>,
    ended: Option<Error>,
    revoke: Revoke,
}

impl X11Capturer {
    /// Connects and finds `target`, which `grant` must be for: a screen or a window, by its id.
    ///
    /// # Errors
    /// - [`ErrorKind::Denied`] if `grant` is for something else, [`ErrorKind::Revoked`] if it was taken back.
    /// - [`ErrorKind::NotFound`] if there is no display, monitor or window.
    /// - [`ErrorKind::Denied`] if the server does not let us in.
    /// - [`ErrorKind::Unsupported`] if its pixels are not 24 or 32 bits, blue, green, red; for a window, if the
    ///   server has no COMPOSITE.
    /// - [`ErrorKind::Stalled`] if the server does not answer.
    /// - [`ErrorKind::LimitExceeded`] if the picture is over the default [`crate::Limits`].
    pub fn open(target: Target, options: Options, grant: &CaptureGrant) -> Result<Self> {
        let purpose = match target {
            Target::Window(_) => Purpose::Window,
            Target::Screen | Target::Monitor(_) => Purpose::Screen,
        };
        let id = target.id();
        grant.covers(purpose, &id)?;
        let session = Session::open(target, &options, None)?;
        let kind = if matches!(target, Target::Window(_)) { SourceKind::Window } else { SourceKind::Screen };
        let info = SourceInfo::new(id, session.name(), kind, session.place().size);
        let monitor = session.place().monitor;
        let revoke = grant.revoke_handle();
        Ok(Self { target, options, session: Some(session), info, monitor, ended: None, revoke })
    }

    /// The session, opened again if it was lost.
    fn session(&mut self) -> Result<&mut Session> {
        if let Some(e) = &self.ended {
            return Err(e.clone());
        }
        match &mut self.session {
            Some(session) => Ok(session),
            lost => match Session::open(self.target, &self.options, self.monitor) {
                Ok(session) => Ok(lost.insert(session)),
                Err(e) if e.kind() == ErrorKind::NotFound => Err(Error::new(ErrorKind::Closed, e.message())),
                Err(e) => Err(e),
            },
        }
    }

    /// Notes what `result` says about the session's life.
    fn noted<T>(&mut self, result: Result<T>) -> Result<T> {
        match &result {
            Ok(_) => {
                if let Some(session) = &self.session {
                    self.info.size = session.place().size;
                }
            }
            Err(e) if e.kind() == ErrorKind::Stalled => {
                self.session.take_if(|session| session.is_broken());
            }
            Err(e) => {
                self.session = None;
                self.ended = Some(e.clone());
            }
        }
        result
    }
}

impl Capturer for X11Capturer {
    fn info(&self) -> SourceInfo {
        self.info.clone()
    }

    fn next(&mut self, frame: &mut FrameBuf, stale: &Region, timeout: Duration) -> Result<Captured> {
        self.revoke.check()?;
        let now = Instant::now();
        let deadline = now.checked_add(timeout).unwrap_or(now + FAR);
        let result = self.session().and_then(|session| session.next(frame, stale, deadline));
        self.noted(result)
    }

    fn cursor(&mut self) -> Result<Option<CursorUpdate>> {
        if self.session.is_none() && self.ended.is_none() {
            // Opened again by `next` alone, so that a stall costs the caller one wait, not two.
            return Ok(None);
        }
        self.revoke.check()?;
        let result = self.session().and_then(Session::cursor);
        self.noted(result)
    }

    fn forget(&mut self) {
        let result = self.session.as_mut().map_or(Ok(()), Session::forget);
        // A server that does not answer tells so at the next call.
        let _ = self.noted(result);
    }

    /// For screens and monitors. A window's own pixels hold no other window.
    fn windows(&self) -> Option<Box<dyn MaskSource>> {
        match self.target {
            Target::Window(_) => None,
            target => Some(Box::new(Windows::new(target, &self.options))),
        }
    }

    fn frozen(&self) -> Region {
        self.session.as_ref().map_or_else(Region::empty, Session::frozen)
    }
}

impl std::fmt::Debug for X11Capturer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "X11Capturer({}, {})", self.info.id, self.info.size)
    }
}

/// A timeout too long to add to the clock is as good as this one.
const FAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// The screen, monitors and windows of `display`, or of the one that `DISPLAY` names.
///
/// # Errors
/// - [`ErrorKind::NotFound`] if there is no such display.
/// - [`ErrorKind::Denied`], [`ErrorKind::Stalled`] if it does not let us in or does not answer.
pub fn sources(display: Option<&str>) -> Result<Vec<SourceInfo>> {
    let c = Connection::open(display)?;
    c.begin();
    let monitors = place::monitors(&c)?;
    let root = place::Place::find(&c, Target::Screen, None)?;
    let scale_percent = place::scale_percent(&c)?;
    let mut all = vec![SourceInfo {
        origin: Some((0, 0)),
        scale_percent,
        ..SourceInfo::new(Target::Screen.id(), "Whole screen", SourceKind::Screen, root.size)
    }];
    all.extend(monitors.iter().enumerate().map(|(number, m)| m.info(number, scale_percent)));
    all.extend(place::windows(&c)?.into_iter().map(|w| w.info(scale_percent)));
    Ok(all)
}

/// Whether a display is there and lets us in.
///
/// # Errors
/// As [`sources`].
pub fn reachable(display: Option<&str>) -> Result<()> {
    Connection::open(display).map(drop)
}

/// Where the first pixel of `target` is on the screen of `display`, or of the one that `DISPLAY` names.
///
/// # Errors
/// As [`sources`], and [`ErrorKind::NotFound`] if there is no such monitor or window.
pub fn corner(target: Target, display: Option<&str>) -> Result<(i32, i32)> {
    let c = Connection::open(display)?;
    c.begin();
    let place = place::Place::find(&c, target, None)?;
    place.corner(&c)
}
