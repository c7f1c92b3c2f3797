//! The portable source, by the crate `xcap`: for Windows and macOS, and a cross-check on Linux.
//!
//! xcap takes one picture at a time and may take as long as the system likes. So it runs on a thread of its own,
//! which takes a picture only when one is wanted and puts it into a slot for one picture. The capturer waits for
//! the slot, never for xcap: a call that hangs is reported as a stall and costs one thread, not the pipeline.
//! There are no hints and no cursor.

use crate::capture::{Captured, Capturer, Damage, Rotation, SourceInfo, SourceKind, SourceSpec};
use crate::consent::{CaptureGrant, Revoke};
use crate::error::{Error, ErrorKind, Result};
use crate::frame::{FrameBuf, FrameView, PixelFormat, Region, Size, wipe};
use crate::limits::Limits;
use ::xcap::{Monitor, Window, XCapError};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A picture that is not there this long after it was wanted means that the system has stalled.
const STALL: Duration = Duration::from_millis(900);
/// How long opening may take: systems ask the visitor for a permission while it runs.
const OPENING: Duration = Duration::from_secs(10);

/// A picture as xcap hands it out.
struct Picture {
    size: Size,
    rgba: Vec<u8>,
}

impl Drop for Picture {
    fn drop(&mut self) {
        wipe(&mut self.rgba);
    }
}

/// What an attempt to take a picture gave.
enum Taken {
    Picture(Picture),
    /// There is nothing to see now: the window is minimised.
    Hidden,
    /// The end, or a failure.
    Failed(Error),
}

/// What the capturer and its thread share.
#[derive(Default)]
struct Slot {
    /// Since when a picture is wanted.
    wanted: Option<Instant>,
    taken: Option<Taken>,
    capturer_gone: bool,
    thread_gone: bool,
}

#[derive(Default)]
struct Shared {
    slot: Mutex<Slot>,
    changed: Condvar,
}

impl Shared {
    /// The slot; it is whole after every statement, so a panic elsewhere does not spoil it.
    fn lock(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A monitor or a window by `xcap`.
pub struct XcapCapturer {
    shared: Arc<Shared>,
    info: SourceInfo,
    ended: Option<Error>,
    /// `None` in tests, which capture nothing.
    revoke: Option<Revoke>,
}

impl XcapCapturer {
    /// Opens the monitor or window that `spec` names. `screen` is the primary monitor: xcap has no picture of all.
    ///
    /// # Errors
    /// - [`ErrorKind::InvalidInput`] if `spec` is no screen or window.
    /// - [`ErrorKind::Denied`] if `grant` is for something else, [`ErrorKind::Revoked`] if it was taken back.
    /// - [`ErrorKind::NotFound`] if there is no such monitor or window.
    /// - [`ErrorKind::Stalled`] if the system does not give a first picture within 10 s.
    /// - [`ErrorKind::Io`] if it refuses.
    pub fn open(spec: &SourceSpec, grant: &CaptureGrant) -> Result<Self> {
        let kind = match spec {
            SourceSpec::Screen(_) => SourceKind::Screen,
            SourceSpec::Window(_) => SourceKind::Window,
            other => return Err(Error::input(format!("`{other}` is neither a screen nor a window"))),
        };
        grant.covers(spec.purpose(), &spec.to_string())?;
        let (report, opened) = std::sync::mpsc::sync_channel(1);
        let shared = Arc::new(Shared::default());
        let (thread_shared, thread_spec) = (Arc::clone(&shared), spec.clone());
        // xcap's handles belong to the thread that made them, so they are made there.
        spawn(move || {
            let first = Source::find(&thread_spec).and_then(|mut source| match source.take() {
                Taken::Picture(picture) => Ok((source, picture)),
                Taken::Hidden => Err(Error::new(ErrorKind::NotFound, "the window is minimised")),
                Taken::Failed(e) => Err(e),
            });
            match first {
                Ok((mut source, picture)) => {
                    let size = picture.size;
                    thread_shared.lock().taken = Some(Taken::Picture(picture));
                    // Nobody waits any more if opening took too long; `serve` ends at once then.
                    let _ = report.send(Ok((source.name.clone(), size)));
                    serve(&thread_shared, || source.take());
                }
                Err(e) => {
                    let _ = report.send(Err(e));
                }
            }
        })?;
        let opened = opened.recv_timeout(OPENING).unwrap_or_else(|_| Err(stalled(OPENING)));
        match opened {
            Ok((name, size)) => {
                let info = SourceInfo::new(spec.to_string(), name, kind, size);
                Ok(Self { shared, info, ended: None, revoke: Some(grant.revoke_handle()) })
            }
            Err(e) => {
                shared.lock().capturer_gone = true;
                Err(e)
            }
        }
    }

    fn wait(&mut self, frame: &mut FrameBuf, timeout: Duration) -> Result<Captured> {
        let start = Instant::now();
        let mut slot = self.shared.lock();
        loop {
            if let Some(taken) = slot.taken.take() {
                let picture = match taken {
                    Taken::Picture(picture) => picture,
                    Taken::Failed(e) => return Err(e),
                    Taken::Hidden => return Ok(Captured::Unchanged),
                };
                if picture.size != frame.size() {
                    let size = picture.size;
                    slot.taken = Some(Taken::Picture(picture));
                    self.info.size = size;
                    return Ok(Captured::Resized(size));
                }
                drop(slot);
                let row_bytes = picture.size.width as usize * 4;
                let view = FrameView::packed(PixelFormat::Rgba8, picture.size, &picture.rgba, row_bytes)?;
                frame.copy_from(&view, &picture.size.rect())?;
                return Ok(Captured::Frame { timestamp: None, damage: Damage::Unknown });
            }
            if slot.thread_gone {
                return Err(Error::new(ErrorKind::Closed, "the capture has ended"));
            }
            let now = Instant::now();
            let wanted = *slot.wanted.get_or_insert(now);
            self.shared.changed.notify_all();
            let overdue = STALL.saturating_sub(now - wanted);
            if overdue.is_zero() {
                return Err(stalled(STALL));
            }
            let left = timeout.saturating_sub(now - start);
            if left.is_zero() {
                return Ok(Captured::Unchanged);
            }
            let woken = self.shared.changed.wait_timeout(slot, left.min(overdue));
            slot = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Capturer for XcapCapturer {
    fn info(&self) -> SourceInfo {
        self.info.clone()
    }

    fn next(&mut self, frame: &mut FrameBuf, _stale: &Region, timeout: Duration) -> Result<Captured> {
        self.revoke.as_ref().map_or(Ok(()), Revoke::check)?;
        if let Some(e) = &self.ended {
            return Err(e.clone());
        }
        let result = self.wait(frame, timeout);
        if let Err(e) = &result
            && e.kind() != ErrorKind::Stalled
        {
            self.ended = Some(e.clone());
        }
        result
    }

    fn forget(&mut self) {
        // Each picture is a new one, and is given whole. A failure stays to be told.
        let mut slot = self.shared.lock();
        if matches!(slot.taken, Some(Taken::Picture(_))) {
            slot.taken = None;
        }
    }
}

impl Drop for XcapCapturer {
    fn drop(&mut self) {
        // The thread is not waited for: it may be in a call that never returns.
        self.shared.lock().capturer_gone = true;
        self.shared.changed.notify_all();
    }
}

impl std::fmt::Debug for XcapCapturer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "XcapCapturer({}, {})", self.info.id, self.info.size)
    }
}

/// Says that the thread has ended, however it did.
struct Farewell<'a>(&'a Shared);

impl Drop for Farewell<'_> {
    fn drop(&mut self) {
        self.0.lock().thread_gone = true;
        self.0.changed.notify_all();
    }
}

/// Takes a picture each time one is wanted, until nobody is there to want one or the source has ended.
fn serve(shared: &Shared, mut take: impl FnMut() -> Taken) {
    let _farewell = Farewell(shared);
    loop {
        let mut slot = shared.lock();
        while slot.wanted.is_none() && !slot.capturer_gone {
            slot = shared.changed.wait(slot).unwrap_or_else(PoisonError::into_inner);
        }
        if slot.capturer_gone {
            return;
        }
        drop(slot);
        let taken = take();
        let failed = matches!(taken, Taken::Failed(_));
        let mut slot = shared.lock();
        slot.wanted = None;
        slot.taken = Some(taken);
        drop(slot);
        shared.changed.notify_all();
        if failed {
            return;
        }
    }
}

fn spawn(run: impl FnOnce() + Send + 'static) -> Result<()> {
    std::thread::Builder::new().name("panecast-xcap".into()).spawn(run)?;
    Ok(())
}

fn stalled(after: Duration) -> Error {
    Error::new(ErrorKind::Stalled, format!("the system has given no picture for {} ms", after.as_millis()))
}

/// One of xcap's own.
enum Handle {
    Monitor(Monitor),
    Window(Window),
}

struct Source {
    handle: Handle,
    id: u32,
    name: String,
}

impl Source {
    fn find(spec: &SourceSpec) -> Result<Self> {
        match spec {
            SourceSpec::Window(id) => {
                let missing = || Error::new(ErrorKind::NotFound, format!("there is no window {id:#x}"));
                let wanted = u32::try_from(*id).map_err(|_| missing())?;
                let all = Window::all().map_err(refused)?;
                let found = all.into_iter().find(|w| w.id().is_ok_and(|id| id == wanted));
                let window = found.ok_or_else(missing)?;
                let name = window.title().unwrap_or_default();
                Ok(Self { handle: Handle::Window(window), id: wanted, name })
            }
            other => {
                let all = Monitor::all().map_err(refused)?;
                let number = match other {
                    SourceSpec::Screen(Some(number)) => *number,
                    _ => all.iter().position(|m| m.is_primary().unwrap_or(false)).unwrap_or(0),
                };
                let count = all.len();
                let monitor = all.into_iter().nth(number).ok_or_else(|| {
                    let text = format!("there is no monitor {number}; this system has {count}");
                    Error::new(ErrorKind::NotFound, text)
                })?;
                let (id, name) = (monitor.id().map_err(refused)?, monitor.name().unwrap_or_default());
                Ok(Self { handle: Handle::Monitor(monitor), id, name })
            }
        }
    }

    fn take(&mut self) -> Taken {
        let image = match &self.handle {
            Handle::Monitor(monitor) => monitor.capture_image(),
            Handle::Window(window) if window.is_minimized().unwrap_or(false) => return Taken::Hidden,
            Handle::Window(window) => window.capture_image(),
        };
        let image = match image {
            Ok(image) => image,
            Err(e) => return Taken::Failed(self.failure(e)),
        };
        let size = Size::new(image.width(), image.height());
        match Limits::default().check_size(size) {
            Ok(()) => Taken::Picture(Picture { size, rgba: image.into_raw() }),
            Err(e) => Taken::Failed(e),
        }
    }

    /// Whether it failed because the source is gone.
    fn failure(&self, e: XCapError) -> Error {
        let there = match &self.handle {
            Handle::Monitor(_) => {
                Monitor::all().map(|all| all.iter().any(|m| m.id().is_ok_and(|id| id == self.id)))
            }
            Handle::Window(_) => {
                Window::all().map(|all| all.iter().any(|w| w.id().is_ok_and(|id| id == self.id)))
            }
        };
        match there {
            Ok(true) => refused(e),
            Ok(false) => Error::new(ErrorKind::Closed, format!("`{}` is gone", self.name)),
            Err(_) => Error::new(ErrorKind::Closed, format!("the display is gone ({e})")),
        }
    }
}

fn refused(e: XCapError) -> Error {
    Error::new(ErrorKind::Io, format!("the system gave no picture: {e}"))
}

/// The monitors and windows that xcap finds.
///
/// # Errors
/// - [`ErrorKind::Stalled`] if the system does not answer within 10 s.
/// - [`ErrorKind::Io`] if it refuses.
pub fn sources() -> Result<Vec<SourceInfo>> {
    let (report, listed) = std::sync::mpsc::sync_channel(1);
    spawn(move || {
        // Nobody waits any more if it took too long.
        let _ = report.send(list());
    })?;
    listed.recv_timeout(OPENING).unwrap_or_else(|_| Err(stalled(OPENING)))
}

fn list() -> Result<Vec<SourceInfo>> {
    let mut all = Vec::new();
    for (number, monitor) in Monitor::all().map_err(refused)?.iter().enumerate() {
        let size = Size::new(monitor.width().unwrap_or(0), monitor.height().unwrap_or(0));
        let id = SourceSpec::Screen(Some(number)).to_string();
        all.push(SourceInfo {
            origin: monitor.x().ok().zip(monitor.y().ok()),
            scale_percent: percent(monitor.scale_factor().unwrap_or(1.0)),
            rotation: rotation(monitor.rotation().unwrap_or(0.0)),
            ..SourceInfo::new(id, monitor.name().unwrap_or_default(), SourceKind::Screen, size)
        });
    }
    // A desktop without a list of windows (on X11: without a window manager) still has its monitors.
    for window in Window::all().unwrap_or_default() {
        // A window that goes away meanwhile is no source.
        let (Ok(id), Ok(title)) = (window.id(), window.title()) else { continue };
        let (Ok(width), Ok(height)) = (window.width(), window.height()) else { continue };
        if window.is_minimized().unwrap_or(false) || title.is_empty() {
            continue;
        }
        let name: String = title.chars().filter(|c| !c.is_control()).collect();
        let id = SourceSpec::Window(id.into()).to_string();
        all.push(SourceInfo {
            origin: window.x().ok().zip(window.y().ok()),
            class: window.app_name().ok().filter(|name| !name.is_empty()),
            pid: window.pid().ok(),
            ..SourceInfo::new(id, name, SourceKind::Window, Size::new(width, height))
        });
    }
    Ok(all)
}

/// A scale factor in percent.
fn percent(factor: f32) -> u32 {
    (factor * 100.0).round().clamp(25.0, 1000.0) as u32
}

/// The nearest of the four that there are.
fn rotation(degrees: f32) -> Rotation {
    match (degrees / 90.0).round() as i32 & 3 {
        1 => Rotation::Quarter,
        2 => Rotation::Half,
        3 => Rotation::ThreeQuarters,
        _ => Rotation::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: Size = Size::new(2, 1);

    fn capturer(take: impl FnMut() -> Taken + Send + 'static) -> XcapCapturer {
        let shared = Arc::new(Shared::default());
        let thread = Arc::clone(&shared);
        spawn(move || serve(&thread, take)).unwrap();
        let info = SourceInfo::new("screen:0", "test", SourceKind::Screen, SIZE);
        XcapCapturer { shared, info, ended: None, revoke: None }
    }

    fn picture(size: Size, value: u8) -> Taken {
        Taken::Picture(Picture { size, rgba: vec![value; size.area() as usize * 4] })
    }

    fn frame(size: Size) -> FrameBuf {
        FrameBuf::new(size, &Limits::default()).unwrap()
    }

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn a_call_that_hangs_is_a_stall_and_recovers() {
        let (go, gate) = std::sync::mpsc::channel::<()>();
        let mut source = capturer(move || {
            gate.recv().unwrap();
            picture(SIZE, 7)
        });
        let (mut frame, stale) = (frame(SIZE), Region::full(SIZE));
        assert_eq!(source.next(&mut frame, &stale, Duration::ZERO).unwrap(), Captured::Unchanged);
        assert_eq!(source.next(&mut frame, &stale, LONG).unwrap_err().kind(), ErrorKind::Stalled);
        assert_eq!(source.next(&mut frame, &stale, LONG).unwrap_err().kind(), ErrorKind::Stalled);
        go.send(()).unwrap();
        let start = Instant::now();
        loop {
            match source.next(&mut frame, &stale, LONG) {
                Ok(captured) => {
                    assert!(matches!(captured, Captured::Frame { .. }));
                    break;
                }
                Err(e) => assert_eq!(e.kind(), ErrorKind::Stalled),
            }
            assert!(start.elapsed() < LONG, "it does not recover");
        }
        assert_eq!(frame.pixels(), [7, 7, 7, 255, 7, 7, 7, 255]);
    }

    #[test]
    fn failure_resize_and_panic_are_told() {
        let other = Size::new(1, 3);
        let mut turn = 0;
        let mut source = capturer(move || {
            turn += 1;
            match turn {
                1 => picture(other, 9),
                2 => Taken::Hidden,
                _ => Taken::Failed(Error::new(ErrorKind::Closed, "gone")),
            }
        });
        let (mut small, stale) = (frame(SIZE), Region::empty());
        assert_eq!(source.next(&mut small, &stale, LONG).unwrap(), Captured::Resized(other));
        let mut tall = frame(other);
        assert!(matches!(source.next(&mut tall, &stale, LONG).unwrap(), Captured::Frame { .. }));
        assert_eq!(tall.row(2), [9, 9, 9, 255]);
        assert_eq!(source.next(&mut tall, &stale, LONG).unwrap(), Captured::Unchanged);
        assert_eq!(source.next(&mut tall, &stale, LONG).unwrap_err().message(), "gone");
        assert_eq!(source.next(&mut tall, &stale, LONG).unwrap_err().message(), "gone");

        let mut source = capturer(|| panic!("on purpose: the thread of a test ends like this"));
        assert_eq!(source.next(&mut tall, &stale, LONG).unwrap_err().kind(), ErrorKind::Closed);
    }
}
