//! The built-in desktop: text windows that scroll and type, a window that moves, a clock, a small film.
//!
//! The picture is a function of its size and the time alone, the same on every machine: for demonstrations
//! where there is no screen, for tests, and for figures that repeat.

mod canvas;
mod desktop;
mod font;
mod text;
mod window;

use super::{Captured, Capturer, Damage, SourceInfo, SourceKind};
use crate::error::{Error, Result};
use crate::frame::{FrameBuf, Region, Size, Timestamp};
use desktop::Desktop;
use std::time::{Duration, Instant};

/// Most frames a second that are accepted.
const MOST_FPS: u32 = 1000;

/// The built-in animated desktop.
///
/// Frame `n` shows the desktop at `n / fps` seconds. Paced (the default), frames come in real time and a slow
/// caller misses some; [`Pattern::unpaced`], each call gives the next frame at once.
#[derive(Debug)]
pub struct Pattern {
    desktop: Desktop,
    size: Size,
    fps: u32,
    /// The last frame handed out.
    last: Option<u64>,
    /// The next frame is given whole.
    whole: bool,
    /// When frame 0 was handed out.
    start: Option<Instant>,
    paced: bool,
}

impl Pattern {
    /// The desktop in `size`, `fps` frames a second.
    ///
    /// # Errors
    /// - [`crate::ErrorKind::InvalidInput`] if a side is zero, or `fps` is not in 1 ..= 1000.
    /// - [`crate::ErrorKind::LimitExceeded`] if `size` is over the default [`crate::Limits`].
    pub fn new(size: Size, fps: u32) -> Result<Self> {
        if fps == 0 || fps > MOST_FPS {
            return Err(Error::input(format!("{fps} frames a second; the pattern runs at 1 to {MOST_FPS}")));
        }
        Ok(Self {
            desktop: Desktop::new(size)?,
            size,
            fps,
            last: None,
            whole: true,
            start: None,
            paced: true,
        })
    }

    /// Gives one frame on each call, as fast as it is called. Frames in which nothing changed are given, too,
    /// with an empty damage.
    #[must_use]
    pub fn unpaced(mut self) -> Self {
        self.paced = false;
        self
    }

    /// Paints all of frame `index` into `frame`, which is reset to the pattern's size.
    ///
    /// # Errors
    /// None that [`Pattern::new`] would not have given.
    pub fn paint(&self, index: u64, frame: &mut FrameBuf) -> Result<()> {
        if frame.size() != self.size {
            frame.reset(self.size, &crate::Limits::default())?;
        }
        self.desktop.paint(self.millis(index), self.size.rect(), frame);
        Ok(())
    }

    fn millis(&self, index: u64) -> u64 {
        Timestamp::of_frame(index, self.fps).micros() / 1000
    }

    /// The next frame to show, waiting for it until `deadline`; `None` if it is not due by then.
    fn due(&mut self, deadline: Instant) -> Option<u64> {
        let Some(last) = self.last else {
            self.start = Some(Instant::now());
            return Some(0);
        };
        if !self.paced {
            return Some(last + 1);
        }
        let start = *self.start.get_or_insert_with(Instant::now);
        let next = start + Duration::from_micros(Timestamp::of_frame(last + 1, self.fps).micros());
        let now = Instant::now();
        if next > deadline && next > now {
            std::thread::sleep(deadline.saturating_duration_since(now));
            return None;
        }
        std::thread::sleep(next.saturating_duration_since(now));
        let index = start.elapsed().as_micros() * u128::from(self.fps) / 1_000_000;
        Some(u64::try_from(index).unwrap_or(u64::MAX).max(last + 1))
    }
}

impl Capturer for Pattern {
    fn info(&self) -> SourceInfo {
        let id = format!("pattern:{}@{}", self.size, self.fps);
        SourceInfo::new(id, "Built-in desktop", SourceKind::Pattern, self.size)
    }

    fn next(&mut self, frame: &mut FrameBuf, stale: &Region, timeout: Duration) -> Result<Captured> {
        if frame.size() != self.size {
            return Ok(Captured::Resized(self.size));
        }
        let deadline = Instant::now().checked_add(timeout).unwrap_or_else(|| Instant::now() + FAR);
        loop {
            let Some(index) = self.due(deadline) else { return Ok(Captured::Unchanged) };
            let ms = self.millis(index);
            let damage = match self.last {
                Some(last) if !self.whole => self.desktop.damage(self.millis(last), ms),
                _ => Region::full(self.size),
            };
            self.last = Some(index);
            self.whole = false;
            if self.paced && damage.is_empty() {
                continue;
            }
            let mut write = damage.clone();
            write.add_region(stale);
            write.clip(self.size);
            for rect in write.rects() {
                self.desktop.paint(ms, *rect, frame);
            }
            let timestamp = Some(Timestamp::of_frame(index, self.fps));
            return Ok(Captured::Frame { timestamp, damage: Damage::Within(damage) });
        }
    }

    fn forget(&mut self) {
        self.whole = true;
    }
}

/// A timeout too long to add to the clock is as good as this one.
const FAR: Duration = Duration::from_secs(365 * 24 * 3600);
