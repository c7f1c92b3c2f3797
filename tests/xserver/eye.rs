//! A source of pictures with one buffer that is kept up to date, and questions about the buffer.

use super::LONG;
use panecast::capture::{Captured, Capturer};
use panecast::frame::{FrameBuf, Rect, Region};
use panecast::limits::Limits;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

pub(crate) struct Eye<C> {
    pub(crate) source: C,
    pub(crate) frame: FrameBuf,
    stale: Region,
}

impl<C: Capturer> Eye<C> {
    pub(crate) fn new(source: C) -> Self {
        let size = source.info().size;
        let frame = FrameBuf::new(size, &Limits::default()).unwrap();
        Self { source, frame, stale: Region::full(size) }
    }

    /// Captures once; true if there was a picture.
    pub(crate) fn look(&mut self, wait: Duration) -> bool {
        match self.source.next(&mut self.frame, &self.stale, wait).unwrap() {
            Captured::Frame { .. } => {
                self.stale.clear();
                true
            }
            Captured::Unchanged => false,
            Captured::Resized(size) => {
                self.frame = FrameBuf::new(size, &Limits::default()).unwrap();
                self.stale = Region::full(size);
                false
            }
            Captured::Ended => panic!("a display has no natural end"),
        }
    }

    /// Captures until `accept` takes the picture.
    pub(crate) fn until(&mut self, what: &str, accept: impl Fn(&FrameBuf) -> bool) {
        let start = Instant::now();
        loop {
            self.look(Duration::from_millis(50));
            if self.stale.is_empty() && accept(&self.frame) {
                return;
            }
            assert!(start.elapsed() < LONG, "waited in vain for {what}");
        }
    }
}

pub(crate) fn at(frame: &FrameBuf, x: u32, y: u32) -> u32 {
    let px = frame.row_of(&Rect::new(x, y, 1, 1), y);
    u32::from_le_bytes([px[0], px[1], px[2], 0])
}

pub(crate) fn shows(frame: &FrameBuf, color: u32) -> bool {
    frame.pixels().as_chunks::<4>().0.iter().any(|px| u32::from_le_bytes([px[0], px[1], px[2], 0]) == color)
}

/// Tells a thread to stop where the test ends, also where it fails: its scope would wait for ever.
pub(crate) struct Stops<'a>(pub(crate) &'a AtomicBool);

impl Drop for Stops<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}
