//! A Wayland source with one buffer that is kept up to date, and questions about the buffer.

use super::{LONG, Sway};
use panecast::Error;
use panecast::capture::linux::wayland::{Options, Protocol, Target, WaylandCapturer};
use panecast::capture::{Captured, Capturer as _};
use panecast::frame::{FrameBuf, Rect, Region, Size};
use panecast::limits::Limits;
use panecast::session::{CaptureGrant, Consent, Decision, Purpose};
use std::time::{Duration, Instant};

pub(crate) fn granted(target: Target) -> CaptureGrant {
    let purpose = if matches!(target, Target::Window(_)) { Purpose::Window } else { Purpose::Screen };
    Consent::ask(purpose, target.id()).answer(Decision::Allow).unwrap()
}

pub(crate) fn open(server: &Sway, target: Target, protocol: Protocol) -> panecast::Result<WaylandCapturer> {
    let options = Options { display: Some(server.display.clone()), protocol };
    WaylandCapturer::open(target, &options, &granted(target))
}

pub(crate) fn blank(size: Size) -> FrameBuf {
    FrameBuf::new(size, &Limits::default()).unwrap()
}

/// A capturer with one buffer that is kept up to date.
pub(crate) struct Viewer {
    pub(crate) source: WaylandCapturer,
    pub(crate) frame: FrameBuf,
    pub(crate) stale: Region,
}

impl Viewer {
    pub(crate) fn new(source: WaylandCapturer) -> Self {
        let size = source.info().size;
        Self { source, frame: blank(size), stale: Region::full(size) }
    }

    pub(crate) fn next(&mut self, timeout: Duration) -> panecast::Result<Captured> {
        let captured = self.source.next(&mut self.frame, &self.stale, timeout)?;
        match &captured {
            Captured::Frame { .. } => self.stale.clear(),
            Captured::Resized(size) => {
                assert_eq!(*size, self.source.info().size);
                self.frame = blank(*size);
                self.stale = Region::full(*size);
            }
            Captured::Unchanged | Captured::Ended => {}
        }
        Ok(captured)
    }

    /// Captures until `accept` takes what was captured.
    pub(crate) fn until(
        &mut self,
        what: &str,
        mut accept: impl FnMut(&Captured, &FrameBuf) -> bool,
    ) -> Captured {
        let start = Instant::now();
        loop {
            let captured = self.next(Duration::from_millis(50)).unwrap();
            if accept(&captured, &self.frame) {
                return captured;
            }
            assert!(start.elapsed() < LONG, "waited in vain for {what}");
        }
    }

    /// Captures until it shows `canvas`.
    pub(crate) fn shows(&mut self, canvas: &FrameBuf) {
        let start = Instant::now();
        while !self.stale.is_empty() || self.frame != *canvas {
            self.next(Duration::from_millis(50)).unwrap();
            assert!(
                start.elapsed() < LONG,
                "never shows what was painted: {}",
                difference(&self.frame, canvas)
            );
        }
    }
}

pub(crate) fn difference(a: &FrameBuf, b: &FrameBuf) -> String {
    if a.size() != b.size() {
        return format!("{} for {}", a.size(), b.size());
    }
    let at = a.pixels().chunks(4).zip(b.pixels().chunks(4)).position(|(a, b)| a != b).unwrap_or(0) as u32;
    let (x, y) = (at % a.size().width, at / a.size().width);
    let px = |f: &FrameBuf| f.row_of(&Rect::new(x, y, 1, 1), y).to_vec();
    format!("first at ({x}, {y}): {:?} for {:?}", px(a), px(b))
}

/// Waits for the error that `source` ends with. The deadline stands for "never a hang".
pub(crate) fn error_of(source: &mut WaylandCapturer) -> Error {
    let size = source.info().size;
    let (mut frame, start) = (blank(size), Instant::now());
    loop {
        match source.next(&mut frame, &Region::full(size), LONG) {
            Err(e) => return e,
            Ok(_) => assert!(start.elapsed() < LONG, "no error came"),
        }
    }
}
