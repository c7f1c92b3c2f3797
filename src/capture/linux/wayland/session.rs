//! One connection's capture: the pictures of one or more outputs, or of a window, as one picture.

use super::connection::{ANSWER, Connection, PROBE, stalled};
use super::feed::Feed;
use super::registry::{Logical, Output, Window, arranged};
use super::{Options, Protocol, Target};
use crate::capture::{Captured, CursorUpdate, Damage};
use crate::error::{Error, ErrorKind, Result};
use crate::frame::{FrameBuf, Rect, Region, Size};
use crate::limits::Limits;
use std::time::Instant;

/// A capture over one connection.
pub(super) struct Session {
    c: Connection,
    target: Target,
    protocol: Protocol,
    name: String,
    parts: Vec<Part>,
    size: Size,
    scratch: Vec<u8>,
    /// An answer is overdue.
    silent: bool,
    /// Where the cursor was told to be.
    pointed: Option<usize>,
}

/// A feed and where its picture is.
struct Part {
    /// The output's number; `None` for a window.
    output: Option<u32>,
    feed: Feed,
    place: Rect,
    /// Where it is in the compositor's own units.
    logical: Logical,
}

impl Session {
    /// Connects and finds the target.
    pub(super) fn open(target: Target, options: &Options) -> Result<Self> {
        let mut c = Connection::open(options.display.as_deref())?;
        c.state.changed = false;
        let protocol = protocol(&c, target, options.protocol)?;
        let (name, parts) = match target {
            Target::Window(id) => {
                let window = window(&c, id)?;
                let (name, proxy) = (window.title.clone(), window.proxy.clone());
                let sources = c.state.window_sources.as_ref().ok_or_else(no_windows)?;
                let source = sources.create_source(&proxy, &c.handle(), ());
                let feed = Feed::image_copy(source, 0);
                let part = Part { output: None, feed, place: Rect::default(), logical: Default::default() };
                (name, vec![part])
            }
            Target::Monitor(number) => {
                let output = monitor(&c, number)?;
                (output.title(), vec![Part::of(&c, output, protocol)?])
            }
            Target::Screen => {
                let parts = c.state.outputs.iter().map(|output| Part::of(&c, output, protocol));
                let parts = parts.collect::<Result<Vec<_>>>()?;
                if parts.is_empty() {
                    return Err(Error::new(ErrorKind::NotFound, "the compositor has no monitor"));
                }
                ("Whole screen".to_owned(), parts)
            }
        };
        let size = Size::default();
        let (scratch, silent, pointed) = (Vec::new(), false, None);
        let mut session = Self { c, target, protocol, name, parts, size, scratch, silent, pointed };
        for part in &mut session.parts {
            part.feed.prepare(&mut session.c)?;
        }
        session.arrange()?;
        Limits::default().check_size(session.size)?;
        Ok(session)
    }

    pub(super) fn size(&self) -> Size {
        self.size
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// As [`crate::capture::Capturer::next`].
    pub(super) fn next(
        &mut self,
        frame: &mut FrameBuf,
        stale: &Region,
        deadline: Instant,
    ) -> Result<Captured> {
        let result = self.advance(frame, stale, deadline);
        self.silent = result.as_ref().is_err_and(|e| e.kind() == ErrorKind::Stalled);
        result
    }

    /// As [`crate::capture::Capturer::cursor`].
    pub(super) fn cursor(&mut self) -> Result<Option<CursorUpdate>> {
        if self.silent {
            return Ok(None);
        }
        self.c.dispatch()?;
        let mut told = None;
        for (at, part) in self.parts.iter_mut().enumerate() {
            let Some(cursor) = &mut part.feed.cursor else { continue };
            cursor.advance(&self.c)?;
            let Some(mut update) = cursor.update() else { continue };
            if let Some((x, y)) = &mut update.position {
                *x = x.saturating_add_unsigned(part.place.x);
                *y = y.saturating_add_unsigned(part.place.y);
                self.pointed = Some(at);
            } else if self.pointed.is_some_and(|pointed| pointed != at) {
                // It left this monitor for another one, which tells where it is.
                continue;
            }
            told = Some(update);
        }
        Ok(told)
    }

    /// As [`crate::capture::Capturer::forget`].
    pub(super) fn forget(&mut self) -> Result<()> {
        self.parts.iter_mut().for_each(|part| part.feed.forget());
        self.scratch = Vec::new();
        // Sent now: the next picture may be asked for much later.
        self.c.dispatch()
    }

    fn advance(&mut self, frame: &mut FrameBuf, stale: &Region, deadline: Instant) -> Result<Captured> {
        if self.silent {
            self.hear(deadline)?;
        }
        let begun = Instant::now();
        loop {
            self.c.dispatch()?;
            if std::mem::take(&mut self.c.state.changed) {
                self.settle()?;
            }
            for part in &mut self.parts {
                part.feed.advance(&self.c)?;
            }
            self.arrange()?;
            if frame.size() != self.size {
                return Ok(Captured::Resized(self.size));
            }
            let complete = self.parts.iter().all(|part| part.feed.is_shown());
            if complete && self.parts.iter().any(|part| part.feed.news().is_some()) {
                return self.hand_out(frame, stale);
            }
            let now = Instant::now();
            let end = if complete { deadline } else { deadline.max(begun + ANSWER) };
            if now >= end {
                if complete {
                    return Ok(Captured::Unchanged);
                }
                // It is alive, or the probe had told.
                return Err(self
                    .parts
                    .iter()
                    .find(|part| !part.feed.is_shown())
                    .map_or_else(stalled, |part| part.feed.refusal()));
            }
            let probe = self.c.heard() + PROBE;
            let retry = self.parts.iter().filter_map(|part| part.feed.retry_at()).min();
            let until = end.min(probe).min(retry.filter(|at| *at > now).unwrap_or(end));
            if !self.c.wait(until)? && Instant::now() >= probe {
                self.c.roundtrip()?;
            }
        }
    }

    /// Waits for the compositor's first word after it was silent.
    fn hear(&mut self, deadline: Instant) -> Result<()> {
        let until = deadline.min(Instant::now() + ANSWER);
        // A word may be there already, of before: only what comes now is a sign of life.
        if !self.c.wait(until)? {
            return Err(stalled());
        }
        self.silent = false;
        Ok(())
    }

    /// Writes what changed and what `frame` lacks.
    fn hand_out(&mut self, frame: &mut FrameBuf, stale: &Region) -> Result<Captured> {
        let mut damage = Damage::Within(Region::empty());
        for part in &self.parts {
            match (part.feed.news(), &mut damage) {
                (Some(Damage::Within(region)), Damage::Within(all)) => {
                    let moved = |r: &Rect| Rect { x: r.x + part.place.x, y: r.y + part.place.y, ..*r };
                    region.rects().iter().map(moved).for_each(|r| all.add(r));
                }
                (Some(Damage::Unknown), _) => damage = Damage::Unknown,
                _ => {}
            }
        }
        let mut write = stale.clone();
        match &damage {
            Damage::Within(region) => write.add_region(region),
            Damage::Unknown => write.add(self.size.rect()),
        }
        write.clip(self.size);
        if self.parts.len() > 1 {
            // What is between monitors is black.
            stale
                .rects()
                .iter()
                .filter_map(|r| r.intersection(&self.size.rect()))
                .for_each(|r| frame.blacken(&r));
        }
        for part in &mut self.parts {
            part.feed.read(&write, &part.place, frame, &mut self.scratch)?;
            part.feed.handed_out();
        }
        Ok(Captured::Frame { timestamp: None, damage })
    }

    /// Follows the outputs: one came, went, was turned or has another mode.
    fn settle(&mut self) -> Result<()> {
        self.c.state.describe_outputs(&self.c.handle());
        // All that belongs to one change is told at once.
        self.c.roundtrip()?;
        self.c.state.changed = false;
        if self.target == Target::Screen {
            let known = |number: u32| move |part: &Part| part.output == Some(number);
            for output in &self.c.state.outputs {
                if output.mode.area() > 0 && !self.parts.iter().any(known(output.number)) {
                    self.parts.push(Part::of(&self.c, output, self.protocol)?);
                }
            }
            self.parts.retain(|part| part.output.is_none_or(|number| self.c.state.output(number).is_some()));
            self.pointed = None;
        }
        for part in &mut self.parts {
            let Some(number) = part.output else { continue };
            let Some(output) = self.c.state.output(number) else {
                return Err(Error::new(ErrorKind::Closed, format!("the monitor {} is gone", self.name)));
            };
            part.logical = output.logical();
            part.feed.output_changed(output.transform, output.mode);
        }
        if self.parts.is_empty() {
            return Err(Error::new(ErrorKind::Closed, "the last monitor is gone"));
        }
        Ok(())
    }

    /// Places the parts by their sizes.
    fn arrange(&mut self) -> Result<()> {
        let mut sizes = Vec::with_capacity(self.parts.len());
        for part in &self.parts {
            // One that was just plugged in: the picture is as it was until more is known.
            let Some(size) = part.feed.size() else { return Ok(()) };
            sizes.push((part.logical, size));
        }
        let places = match self.parts.len() {
            1 => vec![sizes[0].1.rect()],
            _ => arranged(&sizes),
        };
        let (right, bottom) = (places.iter().map(Rect::right).max(), places.iter().map(Rect::bottom).max());
        let size = Size::new(right.unwrap_or(0), bottom.unwrap_or(0));
        if size == self.size && self.parts.iter().map(|part| part.place).eq(places.iter().copied()) {
            return Ok(());
        }
        Limits::default().check_size(size)?;
        self.size = size;
        self.parts.iter_mut().zip(places).for_each(|(part, place)| {
            part.place = place;
            part.feed.hand_out_anew();
        });
        Ok(())
    }
}

impl Part {
    fn of(c: &Connection, output: &Output, protocol: Protocol) -> Result<Self> {
        let feed = match protocol {
            Protocol::ImageCopy => {
                let sources = c.state.output_sources.as_ref().ok_or_else(none)?;
                let source = sources.create_source(&output.proxy, &c.handle(), ());
                Feed::image_copy(source, output.transform)
            }
            Protocol::Screencopy => Feed::screencopy(output.proxy.clone(), (output.transform, output.mode)),
        };
        Ok(Self { output: Some(output.number), feed, place: Rect::default(), logical: output.logical() })
    }
}

/// The best protocol that the compositor has for `target`, at most `best`.
fn protocol(c: &Connection, target: Target, best: Protocol) -> Result<Protocol> {
    let state = &c.state;
    if matches!(target, Target::Window(_)) {
        let able =
            best == Protocol::ImageCopy && state.image_copy.is_some() && state.window_sources.is_some();
        return if able { Ok(Protocol::ImageCopy) } else { Err(no_windows()) };
    }
    if best == Protocol::ImageCopy && state.image_copy.is_some() && state.output_sources.is_some() {
        Ok(Protocol::ImageCopy)
    } else if state.screencopy.is_some() {
        Ok(Protocol::Screencopy)
    } else {
        Err(none())
    }
}

fn none() -> Error {
    let text = "this compositor has neither ext-image-copy-capture nor wlr-screencopy; `screen` asks its portal, in a \
                build with the feature `portal`";
    Error::new(ErrorKind::Unsupported, text)
}

fn no_windows() -> Error {
    let text = "this compositor does not let windows be captured; capture the screen";
    Error::new(ErrorKind::Unsupported, text)
}

fn monitor(c: &Connection, number: usize) -> Result<&Output> {
    let there = c.state.outputs.len();
    c.state.outputs.get(number).ok_or_else(|| {
        Error::new(ErrorKind::NotFound, format!("there is no monitor {number}: there are {there}, from 0"))
    })
}

fn window(c: &Connection, id: u64) -> Result<&Window> {
    let found = c.state.windows.iter().find(|window| window.id() == id);
    found.ok_or_else(|| Error::new(ErrorKind::NotFound, format!("there is no window {id:#x}")))
}
