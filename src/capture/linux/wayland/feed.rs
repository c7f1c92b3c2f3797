//! One output's or window's pictures: asked for one at a time, into one buffer that always holds the newest.
//!
//! A capture is asked for when somebody wants a picture, and waits at the compositor until there is damage. Between its end
//! and the next one the compositor does not touch the buffer, and only then it is read.

use super::buffer::Buffer;
use super::connection::{ANSWER, Connection};
use super::cursor::Cursor;
use super::layout::{Layout, Sheet};
use super::shot::{Constraints, End, Shared, Terms, Word, locked};
use super::turn::Turn;
use crate::capture::Damage;
use crate::error::{Error, ErrorKind, Result};
use crate::frame::{FrameBuf, Rect, Region, Size};
use crate::limits::Limits;
use std::sync::Arc;
use std::time::{Duration, Instant};
use wayland_client::Proxy as _;
use wayland_client::protocol::wl_output::WlOutput;
use wayland_protocols::ext::image_capture_source::v1::client::ext_image_capture_source_v1::ExtImageCaptureSourceV1;
use wayland_protocols::ext::image_copy_capture::v1::client::{
    ext_image_copy_capture_frame_v1::ExtImageCopyCaptureFrameV1,
    ext_image_copy_capture_manager_v1::Options as SessionOptions,
    ext_image_copy_capture_session_v1::ExtImageCopyCaptureSessionV1,
};
use wayland_protocols_wlr::screencopy::v1::client::zwlr_screencopy_frame_v1::ZwlrScreencopyFrameV1;

/// After a capture failed, the next one waits so long.
const RETRY: Duration = Duration::from_millis(40);

/// The pictures of one output or window.
pub(super) struct Feed {
    way: Way,
    /// As the last frame said, or the output where none did.
    transform: u32,
    buffer: Option<Buffer>,
    /// What the buffer holds is a picture, and how it is turned.
    shown: Option<Turn>,
    /// Where the buffer differs from what was handed out.
    news: Option<Damage>,
    /// The next capture must not wait for damage.
    whole: bool,
    failing: Option<Failing>,
    pub(super) cursor: Option<Cursor>,
}

/// Captures fail since when, and when to try again.
struct Failing {
    since: Instant,
    next: Instant,
}

enum Way {
    /// The output and its mode.
    Screencopy {
        output: (WlOutput, Size),
        shot: Option<Screenshot>,
    },
    ImageCopy {
        source: Source,
        session: Option<Session>,
        shot: Option<ImageShot>,
    },
}

/// A capture by screencopy; its terms come before the buffer.
struct Screenshot {
    frame: ZwlrScreencopyFrameV1,
    word: Shared<Word>,
    copying: bool,
}

struct Source(ExtImageCaptureSourceV1);

struct Session {
    proxy: ExtImageCopyCaptureSessionV1,
    constraints: Shared<Constraints>,
    /// It has given a picture: the next one waits for damage.
    used: bool,
}

struct ImageShot {
    frame: ExtImageCopyCaptureFrameV1,
    word: Shared<Word>,
}

impl Drop for Screenshot {
    fn drop(&mut self) {
        self.frame.destroy();
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.0.destroy();
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.proxy.destroy();
    }
}

impl Drop for ImageShot {
    fn drop(&mut self) {
        self.frame.destroy();
    }
}

impl Feed {
    /// By wlr-screencopy, which knows outputs alone.
    pub(super) fn screencopy(output: WlOutput, (transform, mode): (u32, Size)) -> Self {
        Self::new(Way::Screencopy { output: (output, mode), shot: None }, transform)
    }

    /// By ext-image-copy-capture, with the cursor where there is a pointer. `transform`: as its pictures have it until
    /// one says otherwise.
    pub(super) fn image_copy(source: ExtImageCaptureSourceV1, transform: u32) -> Self {
        Self::new(Way::ImageCopy { source: Source(source), session: None, shot: None }, transform)
    }

    fn new(way: Way, transform: u32) -> Self {
        let (buffer, shown, news, failing, cursor) = (None, None, None, None, None);
        Self { way, transform, buffer, shown, news, whole: true, failing, cursor }
    }

    /// Asks for what a buffer must be like, and waits for it.
    pub(super) fn prepare(&mut self, c: &mut Connection) -> Result<()> {
        self.begin(c)?;
        let begun = Instant::now();
        let mut refused = false;
        c.until(|_| {
            refused = self.has_failed();
            Ok(refused || self.terms()?.is_some() || begun.elapsed() > ANSWER)
        })?;
        if refused || self.terms()?.is_none() {
            return Err(self.refusal());
        }
        Ok(())
    }

    /// The size of its picture, once it is known.
    pub(super) fn size(&self) -> Option<Size> {
        let buffer = match (&self.buffer, &self.news) {
            // What is there and was not handed out yet comes first.
            (Some(buffer), Some(_)) => Some(buffer.terms.size),
            _ => self.terms().ok().flatten().map(|terms| terms.size),
        };
        let size = buffer.or(self.buffer.as_ref().map(|buffer| buffer.terms.size))?;
        Some(Turn::of(self.transform).size(size))
    }

    /// Whether its buffer holds a picture.
    pub(super) fn is_shown(&self) -> bool {
        self.shown.is_some()
    }

    /// Where it differs from what was handed out, in its own pixels.
    pub(super) fn news(&self) -> Option<&Damage> {
        self.news.as_ref()
    }

    /// What is news now was handed out.
    pub(super) fn handed_out(&mut self) {
        self.news = None;
    }

    /// When a capture that failed is tried again.
    pub(super) fn retry_at(&self) -> Option<Instant> {
        self.failing.as_ref().map(|failing| failing.next)
    }

    /// The output may be another: it was turned, or has another mode.
    pub(super) fn output_changed(&mut self, transform: u32, mode: Size) {
        let Way::Screencopy { output: (_, was), shot } = &mut self.way else {
            // Image-copy-capture tells by its own events.
            return;
        };
        if (self.transform, *was) != (transform, mode) {
            (*shot, *was, self.transform) = (None, mode, transform);
            (self.news, self.shown, self.whole) = (None, None, true);
        }
    }

    /// Where it is in the whole picture has changed.
    pub(super) fn hand_out_anew(&mut self) {
        if self.is_shown()
            && let Some(size) = self.size()
        {
            self.news = Some(Damage::Within(Region::full(size)));
        }
    }

    /// Forgets its picture, and gives the memory back.
    pub(super) fn forget(&mut self) {
        match &mut self.way {
            Way::Screencopy { shot, .. } => *shot = None,
            // The first capture of a session waits for nothing.
            Way::ImageCopy { shot, session, .. } => (*shot, *session) = (None, None),
        }
        (self.buffer, self.shown, self.news, self.whole) = (None, None, None, true);
        if let Some(cursor) = &mut self.cursor {
            cursor.forget();
        }
    }

    /// Takes what came, and asks for the next picture if none is waited for and none waits to be handed out.
    pub(super) fn advance(&mut self, c: &Connection) -> Result<()> {
        match (&mut self.cursor, &self.way) {
            (Some(cursor), _) => cursor.advance(c)?,
            // A pointer may be plugged in at any time.
            (None, Way::ImageCopy { source, .. }) => self.cursor = Cursor::watch(c, &source.0),
            (None, Way::Screencopy { .. }) => {}
        }
        if let Way::ImageCopy { session: Some(session), .. } = &self.way
            && locked(&session.constraints).stopped
        {
            return Err(Error::new(
                ErrorKind::Closed,
                "the compositor ended the capture: its source is gone",
            ));
        }
        self.collect()?;
        if self.news.is_some() || self.failing.as_ref().is_some_and(|failing| Instant::now() < failing.next) {
            return Ok(());
        }
        self.begin(c)?;
        let Some(terms) = self.terms()? else { return Ok(()) };
        let other = self.buffer.as_ref().is_none_or(|buffer| buffer.terms != terms);
        if other && self.start_over() {
            return self.begin(c);
        }
        if self.is_copying() {
            return Ok(());
        }
        if other {
            let shm = c.state.shm.as_ref().ok_or_else(no_shm)?;
            // The old one first: two pictures are never kept.
            self.buffer = None;
            self.buffer = Some(Buffer::new(shm, terms, &Limits::default(), &c.handle())?);
            (self.shown, self.whole) = (None, true);
        }
        self.shoot(c);
        Ok(())
    }

    /// Copies what of `region` lies in its picture, which is at `place` of `frame`.
    pub(super) fn read(
        &self,
        region: &Region,
        place: &Rect,
        frame: &mut FrameBuf,
        scratch: &mut Vec<u8>,
    ) -> Result<()> {
        let (Some(buffer), Some(turn)) = (&self.buffer, self.shown) else { return Ok(()) };
        let Terms { size, stride, .. } = buffer.terms;
        let sheet = Sheet { memory: &buffer.memory, layout: buffer.layout, size, stride, turn };
        if sheet.read(region, place, frame, scratch) {
            return Ok(());
        }
        Err(Error::data("the compositor's picture does not fit its memory"))
    }

    /// What to say where it gives no picture.
    pub(super) fn refusal(&self) -> Error {
        let text = "the compositor lives, but gives no picture: the monitor may be switched off, or capture forbidden";
        Error::new(ErrorKind::Stalled, text)
    }

    /// Ends a session whose next picture would wait for damage, though all of it is wanted. False if there was none.
    fn start_over(&mut self) -> bool {
        let Way::ImageCopy { session, shot, .. } = &mut self.way else { return false };
        if !session.as_ref().is_some_and(|session| session.used) && shot.is_none() {
            return false;
        }
        (*shot, *session) = (None, None);
        (self.shown, self.whole) = (None, true);
        true
    }

    /// Begins a capture, as far as it goes without a buffer.
    fn begin(&mut self, c: &Connection) -> Result<()> {
        let q = c.handle();
        match &mut self.way {
            Way::Screencopy { output, shot } if shot.is_none() => {
                let screencopy = c.state.screencopy.as_ref().ok_or_else(no_protocol)?;
                let word = Shared::<Word>::default();
                // 0: without the cursor.
                let frame = screencopy.capture_output(0, &output.0, &q, Arc::clone(&word));
                *shot = Some(Screenshot { frame, word, copying: false });
            }
            Way::ImageCopy { source, session, .. } if session.is_none() => {
                let image_copy = c.state.image_copy.as_ref().ok_or_else(no_protocol)?;
                let constraints = Shared::<Constraints>::default();
                let options = SessionOptions::empty();
                let proxy = image_copy.create_session(&source.0, options, &q, Arc::clone(&constraints));
                *session = Some(Session { proxy, constraints, used: false });
            }
            _ => {}
        }
        Ok(())
    }

    /// What a buffer must be like, as far as it is known.
    fn terms(&self) -> Result<Option<Terms>> {
        match &self.way {
            Way::Screencopy { shot: None, .. } | Way::ImageCopy { session: None, .. } => Ok(None),
            Way::Screencopy { shot: Some(shot), .. } => {
                let word = locked(&shot.word);
                // Before its third version there is one kind of buffer, and no word that it was the last.
                Ok(word.terms.filter(|_| word.told || shot.frame.version() < 3))
            }
            Way::ImageCopy { session: Some(session), .. } => {
                let constraints = locked(&session.constraints);
                let Some((size, formats)) = &constraints.terms else { return Ok(None) };
                image_terms(*size, formats).map(Some)
            }
        }
    }

    fn is_copying(&self) -> bool {
        match &self.way {
            Way::Screencopy { shot, .. } => shot.as_ref().is_some_and(|shot| shot.copying),
            Way::ImageCopy { shot, .. } => shot.is_some(),
        }
    }

    fn has_failed(&self) -> bool {
        let ended = |word: &Shared<Word>| locked(word).end.is_some_and(|end| end != End::Ready);
        match &self.way {
            Way::Screencopy { shot, .. } => shot.as_ref().is_some_and(|shot| ended(&shot.word)),
            Way::ImageCopy { session, .. } => {
                session.as_ref().is_some_and(|session| locked(&session.constraints).stopped)
            }
        }
    }

    /// Has the compositor fill the buffer.
    fn shoot(&mut self, c: &Connection) {
        let Some(buffer) = &self.buffer else { return };
        match &mut self.way {
            Way::Screencopy { shot: Some(shot), .. } => {
                if self.whole || shot.frame.version() < 2 {
                    shot.frame.copy(&buffer.proxy);
                } else {
                    shot.frame.copy_with_damage(&buffer.proxy);
                }
                shot.copying = true;
            }
            Way::ImageCopy { session: Some(session), shot, .. } => {
                let word = Shared::<Word>::default();
                let frame = session.proxy.create_frame(&c.handle(), Arc::clone(&word));
                frame.attach_buffer(&buffer.proxy);
                if self.shown.is_none() {
                    // It holds nothing yet. From then on it holds the last picture, and lacks what the compositor knows of.
                    let (w, h) = (buffer.terms.size.width as i32, buffer.terms.size.height as i32);
                    frame.damage_buffer(0, 0, w, h);
                }
                frame.capture();
                *shot = Some(ImageShot { frame, word });
            }
            _ => {}
        }
    }

    /// Takes a capture that has ended.
    fn collect(&mut self) -> Result<()> {
        let ended = match &mut self.way {
            Way::Screencopy { shot, .. } => {
                let ended = shot.take_if(|shot| locked(&shot.word).end.is_some());
                ended.map(|shot| Arc::clone(&shot.word))
            }
            Way::ImageCopy { shot, .. } => {
                let ended = shot.take_if(|shot| locked(&shot.word).end.is_some());
                ended.map(|shot| Arc::clone(&shot.word))
            }
        };
        let Some(word) = ended else { return Ok(()) };
        let word = std::mem::take(&mut *locked(&word));
        if word.end == Some(End::Stopped) {
            return Err(Error::new(
                ErrorKind::Closed,
                "the compositor ended the capture: its source is gone",
            ));
        }
        let Some(buffer) = self.buffer.as_ref().filter(|_| word.end == Some(End::Ready)) else {
            let now = Instant::now();
            let since = self.failing.as_ref().map_or(now, |failing| failing.since);
            (self.failing, self.whole) = (Some(Failing { since, next: now + RETRY }), true);
            self.start_over();
            return if now.duration_since(since) > ANSWER { Err(self.refusal()) } else { Ok(()) };
        };
        if let Some(transform) = word.transform {
            self.transform = transform;
        }
        if let Way::ImageCopy { session: Some(session), .. } = &mut self.way {
            session.used = true;
        }
        let turn = Turn::of(self.transform).upside_down(word.inverted);
        let size = buffer.terms.size;
        let whole = self.whole || self.shown != Some(turn);
        let damage = match word.damage {
            _ if whole => Damage::Within(Region::full(turn.size(size))),
            None => Damage::Unknown,
            Some(mut region) => {
                region.clip(size);
                let mut seen: Region = region.rects().iter().map(|r| turn.in_picture(r, size)).collect();
                if word.inverted {
                    // Whether its coordinates are upside down as well is said nowhere: both.
                    let upright = Turn::of(self.transform);
                    region.rects().iter().for_each(|r| seen.add(upright.in_picture(r, size)));
                }
                Damage::Within(seen)
            }
        };
        (self.shown, self.whole, self.failing) = (Some(turn), false, None);
        let nothing = matches!(&damage, Damage::Within(region) if region.is_empty());
        self.news = (!nothing).then_some(damage);
        Ok(())
    }
}

/// The best of the formats that a session offers: the one that pictures have, or any that can be read.
fn image_terms(size: Size, formats: &[u32]) -> Result<Terms> {
    let read = |format: &u32| Layout::of(*format).map(|layout| (*format, layout));
    let best = formats.iter().filter_map(read).min_by_key(|(_, layout)| *layout != Layout::Bgrx);
    let (format, layout) = best.ok_or_else(|| {
        Error::new(ErrorKind::Unsupported, "the compositor offers no format of shared memory that is read")
    })?;
    Ok(Terms { format, size, stride: size.width as usize * layout.pixel() })
}

fn no_shm() -> Error {
    Error::new(ErrorKind::Unsupported, "the compositor has no shared memory")
}

fn no_protocol() -> Error {
    Error::new(ErrorKind::Unsupported, "the compositor takes its capture protocol back")
}
