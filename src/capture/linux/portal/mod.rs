//! The desktop's portal: screens of Wayland compositors that let nobody else capture, as PipeWire's streams. The desktop asks
//! the visitor a question of its own, beside the library's, and remembers the answer by a [`RestoreToken`].

mod conversation;

use crate::capture::camera::Layout;
use crate::capture::linux::pipewire::{PipeFormat, PipeFrame, PipePixels, PipeStream, Wanted};
use crate::capture::{
    Captured, Capturer, CursorShape, CursorUpdate, Damage, RestoreToken, SourceInfo, SourceKind,
};
use crate::consent::{CaptureGrant, Purpose, Revoke};
use crate::error::{Error, ErrorKind, Result};
use crate::frame::{FrameBuf, FrameView, PixelFormat, Rect, Region};
use conversation::Conversation;
use std::time::{Duration, Instant};

/// The longest wait for what a stream must give at its start.
const FIRST: Duration = Duration::from_secs(5);

/// How to ask.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The address of the bus; `None` for the session's own.
    pub bus: Option<String>,
    /// What was kept of the visitor's choice; it is replaced by what to keep now.
    pub restore: RestoreToken,
}

/// A monitor that the visitor chose at the desktop's own question.
pub struct PortalCapturer {
    // Dropped before the session that it is of.
    stream: PipeStream,
    conversation: Conversation,
    latest: PipeFrame,
    /// Where `latest` differs from what was given; `None` if it does not.
    news: Option<Damage>,
    given: bool,
    cursor: Option<CursorUpdate>,
    shape: Option<CursorShape>,
    info: SourceInfo,
    ended: Option<Error>,
    revoke: Revoke,
}

impl PortalCapturer {
    /// Asks the desktop, and waits as long as the visitor takes to answer. `grant` must be for `screen`.
    ///
    /// # Errors
    /// - [`ErrorKind::Denied`] if the visitor says no, or `grant` is for something else; [`ErrorKind::Revoked`] if it was
    ///   taken back.
    /// - [`ErrorKind::Unsupported`] if there is no portal that shares screens, or no PipeWire.
    /// - [`ErrorKind::Stalled`] if portal or PipeWire do not answer.
    pub fn open(options: &Options, grant: &CaptureGrant) -> Result<Self> {
        grant.covers(Purpose::Screen, "screen")?;
        let (conversation, remote) = Conversation::begin(options.bus.as_deref(), &options.restore)?;
        let pixels = vec![PipePixels::Raw(Layout::Bgrx), PipePixels::Raw(Layout::Rgbx)];
        let wanted = Wanted { pixels, size: None, fps: None, cursor: true };
        let stream = PipeStream::connect(Some(remote), conversation.node, wanted)?;
        let size = stream.wait_format(FIRST)?.size;
        let info = SourceInfo::new("screen", "Shared screen", SourceKind::Screen, size);
        Ok(Self {
            stream,
            conversation,
            latest: PipeFrame::default(),
            news: None,
            given: false,
            cursor: None,
            shape: None,
            info,
            ended: None,
            revoke: grant.revoke_handle(),
        })
    }

    fn check(&mut self) -> Result<()> {
        self.revoke.check()?;
        if self.ended.is_none() && self.conversation.is_closed() {
            self.ended = Some(Error::new(ErrorKind::Closed, "the desktop or the visitor ended the sharing"));
        }
        self.ended.clone().map_or(Ok(()), Err)
    }

    fn noted<T>(&mut self, result: Result<T>) -> Result<T> {
        if let Err(e) = &result
            && e.kind() != ErrorKind::Stalled
        {
            self.ended = Some(e.clone());
        }
        result
    }

    fn advance(&mut self, frame: &mut FrameBuf, stale: &Region, timeout: Duration) -> Result<Captured> {
        let begun = Instant::now();
        let end = if self.given { timeout } else { timeout.max(FIRST) };
        loop {
            self.check()?;
            if let (Some(damage), Some(format)) = (&self.news, self.latest.format) {
                let part = self.latest.crop.unwrap_or(format.size.rect());
                self.info.size = part.size();
                if frame.size() != part.size() {
                    return Ok(Captured::Resized(part.size()));
                }
                let damage = damage.clone();
                let mut write = stale.clone();
                match &damage {
                    Damage::Within(region) => write.add_region(region),
                    Damage::Unknown => write.add(part.size().rect()),
                }
                write.clip(part.size());
                copy(&self.latest, format, &part, &write, frame)?;
                (self.news, self.given) = (None, true);
                return Ok(Captured::Frame { timestamp: None, damage });
            }
            let left = end.saturating_sub(begun.elapsed()).min(Duration::from_millis(100));
            let before = self.latest.format.map(|format| (format, self.latest.crop));
            if self.stream.next(&mut self.latest, left)? {
                self.take(before);
            } else if begun.elapsed() >= end {
                if self.given {
                    return Ok(Captured::Unchanged);
                }
                return Err(Error::new(
                    ErrorKind::Stalled,
                    "the desktop shares a screen, but gives no picture",
                ));
            }
        }
    }

    /// Takes what came with the newest frame. `before`: what the one before was like.
    fn take(&mut self, before: Option<(PipeFormat, Option<Rect>)>) {
        let corner = self.latest.crop.map_or((0, 0), |crop| (crop.x, crop.y));
        if let Some(told) = self.latest.cursor.take() {
            let moved = |(x, y): (i32, i32)| {
                (x.saturating_sub_unsigned(corner.0), y.saturating_sub_unsigned(corner.1))
            };
            let update = self.cursor.get_or_insert_default();
            update.position = told.position.map(moved);
            if told.shape.is_some() {
                (update.shape, self.shape) = (told.shape.clone(), told.shape);
            }
        }
        let Some(format) = self.latest.format.filter(|_| self.latest.fresh) else { return };
        let size = self.latest.crop.map_or(format.size, |crop| crop.size());
        let whole = Damage::Within(Region::full(size));
        let first = !self.given || self.news.is_some() || before != Some((format, self.latest.crop));
        self.news = Some(match &self.latest.damage {
            _ if first => whole,
            None => Damage::Unknown,
            Some(rects) => {
                let (left, top) = (i64::from(corner.0), i64::from(corner.1));
                let seen = |r: &Rect| {
                    Rect::clipped(
                        i64::from(r.x) - left,
                        i64::from(r.y) - top,
                        r.width.into(),
                        r.height.into(),
                        size,
                    )
                };
                Damage::Within(rects.iter().map(seen).collect())
            }
        });
    }
}

/// Copies `write` of the part that counts.
fn copy(
    from: &PipeFrame,
    format: PipeFormat,
    part: &Rect,
    write: &Region,
    frame: &mut FrameBuf,
) -> Result<()> {
    let pixels = match format.pixels {
        PipePixels::Raw(Layout::Bgrx) => PixelFormat::Bgrx8,
        PipePixels::Raw(Layout::Rgbx) => PixelFormat::Rgba8,
        _ => return Err(Error::data("the desktop's stream has pixels that were not asked for")),
    };
    let start = part.y as usize * from.stride + part.x as usize * 4;
    let bytes = from.bytes.get(start..).unwrap_or_default();
    let view = FrameView::packed(pixels, part.size(), bytes, from.stride)
        .map_err(|e| Error::data(format!("the desktop's stream sent a broken picture: {e}")))?;
    write.rects().iter().try_for_each(|r| frame.copy_from(&view, r))
}

impl Capturer for PortalCapturer {
    fn info(&self) -> SourceInfo {
        self.info.clone()
    }

    fn next(&mut self, frame: &mut FrameBuf, stale: &Region, timeout: Duration) -> Result<Captured> {
        let result = self.advance(frame, stale, timeout);
        self.noted(result)
    }

    fn cursor(&mut self) -> Result<Option<CursorUpdate>> {
        self.check()?;
        Ok(self.cursor.take())
    }

    fn forget(&mut self) {
        self.stream.forget();
        self.latest.bytes.fill(0);
        (self.latest, self.news, self.given) = (PipeFrame::default(), None, false);
        self.cursor = Some(CursorUpdate { position: None, shape: self.shape.clone() });
        // A desktop that nothing changes on gives no picture: begun anew, it gives one.
        self.stream.set_active(false);
        self.stream.set_active(true);
    }
}

impl std::fmt::Debug for PortalCapturer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PortalCapturer({})", self.info.size)
    }
}
