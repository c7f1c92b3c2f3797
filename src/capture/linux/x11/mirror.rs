//! The server's copy of the picture, in a pixmap of ours.
//!
//! The server copies what changed from the screen into the mirror, in one go. Nobody else draws into it, so it can
//! be read afterwards, in as many requests as it takes, and is still the picture of that one moment.

use super::connection::{Connection, lost, new_id, refused};
use super::place::Place;
use crate::capture::linux::shared_memory::SharedMemory;
use crate::error::{Error, Result};
use crate::frame::{BYTES_PER_PIXEL, FrameBuf, FrameView, PixelFormat, Rect, Region, Size};
use x11rb::connection::{Connection as _, RequestConnection as _};
use x11rb::errors::ReplyError;
use x11rb::protocol::shm::{self, ConnectionExt as _};
use x11rb::protocol::xfixes::ConnectionExt as _;
use x11rb::protocol::xproto::{
    ConnectionExt as _, CreateGCAux, Drawable, Gcontext, ImageFormat, Pixmap, Rectangle, SubwindowMode,
};

/// Most bytes that are asked for over the socket at once, so that a slow line is not taken for a stalled server.
const STRIP_BYTES: usize = 1 << 20;

/// How the picture comes from the X server, fastest first; the next one is used where one is not to be had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    /// The server copies into memory that it shares with us: one round trip a picture.
    #[default]
    SharedPixmap,
    /// We ask for the changed rectangles, which the server puts into shared memory: two round trips.
    SharedImage,
    /// The changed rectangles come over the socket, also from another machine: two round trips.
    Socket,
}

/// The mirror and how to read it.
pub(super) struct Mirror {
    size: Size,
    pixmap: Pixmap,
    gc: Gcontext,
    clipped: bool,
    memory: Memory,
}

enum Memory {
    /// The pixmap's own pixels.
    Pixmap(SharedMemory, shm::Seg),
    /// Where the server puts what is asked for.
    Image(SharedMemory, shm::Seg),
    Socket,
}

impl Mirror {
    /// A mirror for the picture at `place`, read by `best` or what comes next to it.
    pub(super) fn new(c: &Connection, place: &Place, best: Transport) -> Result<Self> {
        let (pixmap, gc) = (new_id(c)?, new_id(c)?);
        let (width, height) = sides(place.size)?;
        let memory = attach(c, place.size, best)?;
        if let Memory::Pixmap(_, segment) = &memory {
            let made = c.x.shm_create_pixmap(pixmap, place.window, width, height, place.depth, *segment, 0);
            made.map_err(lost)?.check().map_err(|e| refused("a shared pixmap", e))?;
        } else {
            let made = c.x.create_pixmap(place.depth, pixmap, place.window, width, height);
            made.map_err(lost)?.check().map_err(|e| refused("a pixmap", e))?;
        }
        let options =
            CreateGCAux::new().graphics_exposures(0).subwindow_mode(SubwindowMode::INCLUDE_INFERIORS);
        c.x.create_gc(gc, pixmap, &options).map_err(lost)?.check().map_err(|e| refused("a context", e))?;
        Ok(Self { size: place.size, pixmap, gc, clipped: false, memory })
    }

    pub(super) fn size(&self) -> Size {
        self.size
    }

    /// Asks the server to copy the picture at `origin` of `source` here: all of it, or what lies in the server's
    /// region `only`, which is in the coordinates of `at`'s window.
    pub(super) fn update(
        &mut self,
        c: &Connection,
        source: Drawable,
        origin: (i16, i16),
        only: Option<(u32, &Place)>,
    ) -> Result<()> {
        match only {
            Some((region, place)) => {
                let (x, y) = (place.origin.0.saturating_neg(), place.origin.1.saturating_neg());
                c.x.xfixes_set_gc_clip_region(self.gc, region, x, y).map_err(lost)?;
                self.clipped = true;
            }
            None if self.clipped => {
                c.x.xfixes_set_gc_clip_region(self.gc, 0u32, 0, 0).map_err(lost)?;
                self.clipped = false;
            }
            None => {}
        }
        let (width, height) = sides(self.size)?;
        c.x.copy_area(source, self.pixmap, self.gc, origin.0, origin.1, 0, 0, width, height).map_err(lost)?;
        Ok(())
    }

    /// Has the server paint it black: in shared memory the picture would stay until the next one.
    pub(super) fn blacken(&mut self, c: &Connection) -> Result<()> {
        if self.clipped {
            c.x.xfixes_set_gc_clip_region(self.gc, 0u32, 0, 0).map_err(lost)?;
            self.clipped = false;
        }
        let (width, height) = sides(self.size)?;
        let all = Rectangle { x: 0, y: 0, width, height };
        c.x.poly_fill_rectangle(self.pixmap, self.gc, &[all]).map_err(lost)?;
        c.x.flush().map_err(lost)
    }

    /// Has the server paint the region `part` black, which is in the coordinates of `place`'s window.
    pub(super) fn blot(&mut self, c: &Connection, part: u32, place: &Place) -> Result<()> {
        let (x, y) = (place.origin.0.saturating_neg(), place.origin.1.saturating_neg());
        c.x.xfixes_set_gc_clip_region(self.gc, part, x, y).map_err(lost)?;
        self.clipped = true;
        let (width, height) = sides(self.size)?;
        c.x.poly_fill_rectangle(self.pixmap, self.gc, &[Rectangle { x: 0, y: 0, width, height }])
            .map_err(lost)
            .map(drop)
    }

    /// Copies `region`, which lies within the picture, into `frame`. What was asked for by [`Mirror::update`]
    /// must have been answered by then.
    pub(super) fn read(&self, c: &Connection, region: &Region, frame: &mut FrameBuf) -> Result<()> {
        let whole = [self.size.rect()];
        let area: u64 = region.rects().iter().map(Rect::area).sum();
        // Rectangles may overlap; together they never need more room than the whole.
        let rects = if area < self.size.area() { region.rects() } else { &whole[..] };
        let stride = self.size.width as usize * BYTES_PER_PIXEL;
        match &self.memory {
            Memory::Pixmap(memory, _) => {
                for rect in rects {
                    let offset = rect.y as usize * stride + rect.x as usize * BYTES_PER_PIXEL;
                    copied(memory.copy_rect(offset, stride, rect, frame))?;
                }
            }
            Memory::Image(memory, segment) => {
                let mut offset = 0;
                let mut asked = Vec::with_capacity(rects.len());
                for rect in rects {
                    let ((x, y), (width, height)) = (corner(rect)?, sides(rect.size())?);
                    let format = ImageFormat::Z_PIXMAP.into();
                    let at = u32::try_from(offset).map_err(|_| too_large())?;
                    let cookie =
                        c.x.shm_get_image(self.pixmap, x, y, width, height, !0, format, *segment, at)
                            .map_err(lost)?;
                    asked.push((cookie, offset, rect));
                    offset += rect.area() as usize * BYTES_PER_PIXEL;
                }
                for (cookie, offset, rect) in asked {
                    cookie.reply().map_err(|e| refused("a part of the picture", e))?;
                    copied(memory.copy_rect(offset, rect.width as usize * BYTES_PER_PIXEL, rect, frame))?;
                }
            }
            Memory::Socket => {
                for rect in rects {
                    self.read_socket(c, rect, frame)?;
                }
            }
        }
        Ok(())
    }

    fn read_socket(&self, c: &Connection, rect: &Rect, frame: &mut FrameBuf) -> Result<()> {
        let row_bytes = rect.width as usize * BYTES_PER_PIXEL;
        let rows = u32::try_from((STRIP_BYTES / row_bytes).max(1)).unwrap_or(u32::MAX);
        let mut top = rect.y;
        while top < rect.bottom() {
            let strip =
                Rect::from_edges(rect.x, top, rect.right(), rect.bottom().min(top.saturating_add(rows)));
            top = strip.bottom();
            let ((x, y), (width, height)) = (corner(&strip)?, sides(strip.size())?);
            c.begin();
            let reply = c.x.get_image(ImageFormat::Z_PIXMAP, self.pixmap, x, y, width, height, !0);
            let data = reply.map_err(lost)?.reply().map_err(|e| refused("a part of the picture", e))?.data;
            // The view checks that the server sent as many bytes as the strip has.
            let view = FrameView::packed(PixelFormat::Bgrx8, strip.size(), &data, row_bytes)
                .map_err(|e| Error::data(format!("the X server sent a broken picture: {e}")))?;
            let bytes = view.plane(0).bytes;
            for row in 0..strip.height {
                let from = &bytes[row as usize * row_bytes..][..row_bytes];
                let into = frame.row_of_mut(&strip, strip.y + row);
                for (to, px) in into.as_chunks_mut::<4>().0.iter_mut().zip(from.as_chunks::<4>().0) {
                    *to = [px[0], px[1], px[2], 255];
                }
            }
        }
        Ok(())
    }

    /// Gives everything back to the server.
    pub(super) fn free(self, c: &Connection) -> Result<()> {
        c.x.free_gc(self.gc).map_err(lost)?;
        c.x.free_pixmap(self.pixmap).map_err(lost)?;
        if let Memory::Pixmap(_, segment) | Memory::Image(_, segment) = self.memory {
            c.x.shm_detach(segment).map_err(lost)?;
        }
        Ok(())
    }
}

/// Shares memory with the server, by file descriptor; where that fails, the socket is left.
fn attach(c: &Connection, size: Size, best: Transport) -> Result<Memory> {
    if best == Transport::Socket || !c.is_local() {
        return Ok(Memory::Socket);
    }
    if c.x.extension_information(shm::X11_EXTENSION_NAME).map_err(lost)?.is_none() {
        return Ok(Memory::Socket);
    }
    let version = c.x.shm_query_version().map_err(lost)?.reply().map_err(|e| refused("shared memory", e))?;
    // Segments by file descriptor came with 1.2, in 2013.
    if (version.major_version, version.minor_version) < (1, 2) {
        return Ok(Memory::Socket);
    }
    let (memory, file) = SharedMemory::new(size.area() as usize * BYTES_PER_PIXEL)?;
    let segment = new_id(c)?;
    match c.x.shm_attach_fd(segment, file, false).map_err(lost)?.check() {
        Ok(()) => {}
        Err(ReplyError::X11Error(_)) => return Ok(Memory::Socket),
        Err(ReplyError::ConnectionError(e)) => return Err(lost(e)),
    }
    let pixmaps = version.shared_pixmaps && version.pixmap_format == u8::from(ImageFormat::Z_PIXMAP);
    if best == Transport::SharedPixmap && pixmaps {
        Ok(Memory::Pixmap(memory, segment))
    } else {
        Ok(Memory::Image(memory, segment))
    }
}

/// A size as the protocol has it.
fn sides(size: Size) -> Result<(u16, u16)> {
    let side = |v: u32| u16::try_from(v).map_err(|_| too_large());
    Ok((side(size.width)?, side(size.height)?))
}

/// A corner as the protocol has it.
fn corner(rect: &Rect) -> Result<(i16, i16)> {
    let side = |v: u32| i16::try_from(v).map_err(|_| too_large());
    Ok((side(rect.x)?, side(rect.y)?))
}

fn too_large() -> Error {
    Error::limit("the picture is larger than the X protocol can say")
}

fn copied(fits: bool) -> Result<()> {
    if fits { Ok(()) } else { Err(Error::input("a rectangle outside of the picture was asked for")) }
}
