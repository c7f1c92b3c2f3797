//! What the page shows: the decoder's picture and cursor in the canvas' own layout.

use panecast::codec::av1::Planes;
use panecast::codec::{Decoded, Decoder, Exactness, HeldTiles, PlaneRequest};
use panecast::frame::{BYTES_PER_PIXEL, FrameBuf, Rect, Size};
use panecast::{Error, ErrorKind, Limits, Result};

/// Most bytes of one [`Viewer::feed`]; a longer message is fed in pieces. Small, so that the input buffer never
/// shows in the page's memory.
pub const CHUNK_BYTES: usize = 1 << 20;

/// What a stream may cost a browser tab. A packet that codes an 8K picture without any gain still fits; the rest are
/// the library's own limits, which WebAssembly's 4 GiB can hold.
#[must_use]
pub fn limits() -> Limits {
    Limits { packet_bytes: 160 << 20, ..Limits::default() }
}

/// What one [`Viewer::step`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The next packet is not there as a whole: feed more.
    NeedsBytes,
    /// A stream header.
    Header,
    /// The picture changed within [`Viewer::dirty`].
    Picture {
        /// The packet's sequence number, to be acknowledged.
        sequence: u64,
        /// The picture's time in the stream, in microseconds.
        timestamp_us: u64,
    },
    /// An epoch began; the picture is as it was.
    Epoch {
        /// The packet's sequence number, to be acknowledged.
        sequence: u64,
    },
    /// The cursor changed.
    Cursor,
    /// A recording ends here.
    End,
    /// The packet needs planes: fill [`Viewer::planes_mut`] as [`Viewer::request`] says, [`Viewer::supply`] them and
    /// step on.
    NeedsPlanes,
}

/// A cursor's picture for a canvas.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CursorImage {
    /// Width and height in pixels.
    pub size: Size,
    /// The pixel that points, from the top left corner.
    pub hotspot: (u32, u32),
    /// R, G, B, A with straight alpha, rows without padding.
    pub pixels: Vec<u8>,
}

/// A decoder and the canvas' view of what it decoded.
pub struct Viewer {
    decoder: Decoder,
    size: Size,
    rgba: Vec<u8>,
    dirty: Vec<Rect>,
    cursor: CursorImage,
    cursor_version: u32,
    planes: Planes,
    marks: Vec<u8>,
    marks_current: bool,
    limits: Limits,
}

impl Viewer {
    /// A viewer that has seen nothing.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            decoder: Decoder::with_external_av1(limits),
            size: Size::default(),
            rgba: Vec::new(),
            dirty: Vec::new(),
            cursor: CursorImage::default(),
            cursor_version: 0,
            planes: Planes::default(),
            marks: Vec::new(),
            marks_current: false,
            limits,
        }
    }

    /// Takes the next bytes of the stream; call [`Viewer::step`] until it needs bytes before feeding more.
    ///
    /// # Errors
    /// As `Decoder::feed`; [`Viewer::reset`] is due then.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<()> {
        self.decoder.feed(bytes)
    }

    /// Decodes the next whole packet and brings the canvas' view up to date.
    ///
    /// # Errors
    /// As `Decoder::next`, and [`ErrorKind::LimitExceeded`] if there is no memory for the picture;
    /// [`Viewer::reset`] is due then.
    pub fn step(&mut self) -> Result<Step> {
        Ok(match self.decoder.next()? {
            None => Step::NeedsBytes,
            Some(Decoded::Header) => Step::Header,
            Some(Decoded::NeedsPlanes) => {
                let request = self.decoder.plane_request().ok_or_else(|| {
                    Error::new(ErrorKind::InvalidData, "the stream announced AV1 that it did not carry")
                })?;
                self.planes.reset(request.size, request.chroma, &self.limits)?;
                Step::NeedsPlanes
            }
            Some(Decoded::Epoch { sequence }) => Step::Epoch { sequence },
            Some(Decoded::End { .. }) => Step::End,
            Some(Decoded::Cursor) => {
                self.take_cursor();
                Step::Cursor
            }
            Some(Decoded::Picture { sequence, timestamp, keyframe, dirty, .. }) => {
                let frame = self.decoder.frame().ok_or_else(|| {
                    Error::new(ErrorKind::InvalidData, "the stream announced a picture that it did not carry")
                })?;
                self.dirty.clear();
                if frame.size() == self.size && !keyframe {
                    self.dirty.extend(dirty.rects().iter().filter(|r| r.fits(frame.size())));
                } else {
                    resize(&mut self.rgba, frame.size())?;
                    // Made anew when somebody asks: most never do.
                    self.marks = Vec::new();
                    self.size = frame.size();
                    self.dirty.push(frame.size().rect());
                }
                for rect in &self.dirty {
                    copy_as_rgba(frame, rect, &mut self.rgba);
                }
                self.marks_current = false;
                Step::Picture { sequence, timestamp_us: timestamp.micros() }
            }
        })
    }

    /// Forgets the stream; the next bytes must start with a stream header. The last picture stays to be shown.
    pub fn reset(&mut self) {
        self.decoder.reset();
        self.dirty.clear();
        self.marks_current = false;
    }

    /// Expects a stream header next; the stream may go on from the picture that is held. After an error it is
    /// [`Viewer::reset`].
    pub fn restart(&mut self) {
        self.decoder.restart();
        self.dirty.clear();
    }

    /// What is held, as `Decoder::held` tells it.
    #[must_use]
    pub fn held(&self) -> Option<HeldTiles> {
        self.decoder.held()
    }

    /// What is to be decoded after [`Step::NeedsPlanes`].
    #[must_use]
    pub fn request(&self) -> Option<PlaneRequest<'_>> {
        self.decoder.plane_request()
    }

    /// Where the planes Y, U, V of [`Viewer::request`] are to be written, rows without padding; empty if there is none.
    pub fn planes_mut(&mut self) -> &mut [u8] {
        if self.decoder.plane_request().is_some() { self.planes.data_mut() } else { &mut [] }
    }

    /// Goes on with the planes.
    ///
    /// # Errors
    /// As `Decoder::supply`.
    pub fn supply(&mut self) -> Result<()> {
        self.decoder.supply(&self.planes)
    }

    /// AV1 surface number `index` among those that live on.
    #[must_use]
    pub fn surface(&self, index: usize) -> Option<u32> {
        self.decoder.surfaces().nth(index)
    }

    /// Pixels of the picture that are not exactly the source's; 0 before the first picture.
    #[must_use]
    pub fn lossy_px(&self) -> u64 {
        self.decoder.exactness().lossy_px()
    }

    /// What covers the picture where it is not exact: R, G, B, A with straight alpha, as large as the picture. Empty
    /// before the first, or if there is no memory for it.
    pub fn marks(&mut self) -> &[u8] {
        if !self.marks_current {
            let exactness = self.decoder.exactness();
            // After an error the decoder knows no picture while the last one stays to be shown.
            let known = exactness.size() == self.size;
            if resize(&mut self.marks, self.size).is_err() {
                return &[];
            }
            if known {
                hatch(exactness, &mut self.marks);
            } else {
                self.marks.fill(0);
            }
            self.marks_current = true;
        }
        &self.marks
    }

    /// The picture's size; zero before the first.
    #[must_use]
    pub fn size(&self) -> Size {
        self.size
    }

    /// The picture: R, G, B, 255, rows of 4 × width bytes.
    #[must_use]
    pub fn rgba(&self) -> &[u8] {
        &self.rgba
    }

    /// Where the last [`Step::Picture`] changed the picture; the rectangles may overlap.
    #[must_use]
    pub fn dirty(&self) -> &[Rect] {
        &self.dirty
    }

    /// Where the cursor's hotspot is; `None` where it is hidden or outside.
    #[must_use]
    pub fn cursor_position(&self) -> Option<(i32, i32)> {
        self.decoder.cursor_position()
    }

    /// The cursor's picture; empty before the first.
    #[must_use]
    pub fn cursor(&self) -> &CursorImage {
        &self.cursor
    }

    /// Counts the changes of [`Viewer::cursor`].
    #[must_use]
    pub fn cursor_version(&self) -> u32 {
        self.cursor_version
    }

    fn take_cursor(&mut self) {
        let Some(shape) = self.decoder.cursor_shape() else { return };
        let image =
            CursorImage { size: shape.size, hotspot: shape.hotspot, pixels: straight_rgba(&shape.pixels) };
        if image != self.cursor {
            self.cursor = image;
            self.cursor_version = self.cursor_version.wrapping_add(1);
        }
    }
}

fn resize(rgba: &mut Vec<u8>, size: Size) -> Result<()> {
    let bytes = size.area() as usize * BYTES_PER_PIXEL;
    if bytes > rgba.capacity() {
        // Freed first: WebAssembly memory never shrinks, so two pictures at once would stay its size for good.
        *rgba = Vec::new();
        rgba.try_reserve_exact(bytes).map_err(|_| {
            Error::new(ErrorKind::LimitExceeded, format!("the browser has no memory for a picture of {size}"))
        })?;
    }
    rgba.resize(bytes, 255);
    Ok(())
}

/// Copies `rect` of `frame` to the same place of `rgba`, red and blue exchanged. Plain arithmetic on whole pixels:
/// with `simd128` the compiler makes it four pixels a step.
fn copy_as_rgba(frame: &FrameBuf, rect: &Rect, rgba: &mut [u8]) {
    let stride = frame.stride_bytes();
    for y in rect.y..rect.bottom() {
        let (from, _) = frame.row_of(rect, y).as_chunks::<BYTES_PER_PIXEL>();
        let start = y as usize * stride + rect.x as usize * BYTES_PER_PIXEL;
        let (into, _) =
            rgba[start..][..rect.width as usize * BYTES_PER_PIXEL].as_chunks_mut::<BYTES_PER_PIXEL>();
        for (o, i) in into.iter_mut().zip(from) {
            let px = u32::from_le_bytes(*i);
            *o = (px & 0xFF00_FF00 | px.rotate_left(16) & 0x00FF_00FF).to_le_bytes();
        }
    }
}

/// Stripes over what is not exact, light beside dark so that they stand out from any picture; nothing over the rest.
fn hatch(exactness: &Exactness, marks: &mut [u8]) {
    const LIGHT: [u8; 4] = [255, 184, 46, 215];
    const DARK: [u8; 4] = [40, 20, 0, 150];
    const GAP: [u8; 4] = [255, 150, 20, 56];
    const PATTERN: [[u8; 4]; 8] = [LIGHT, LIGHT, DARK, GAP, GAP, GAP, GAP, GAP];
    let width = exactness.size().width as usize;
    for (y, row) in marks.as_chunks_mut::<BYTES_PER_PIXEL>().0.chunks_mut(width).enumerate() {
        let lossy = exactness.row(y as u32);
        for (x, px) in row.iter_mut().enumerate() {
            let is_lossy = lossy[x / 64] >> (x % 64) & 1 != 0;
            *px = if is_lossy { PATTERN[(x + y) % PATTERN.len()] } else { [0; 4] };
        }
    }
}

/// A canvas takes straight alpha, cursors come premultiplied.
fn straight_rgba(premultiplied_bgra: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(premultiplied_bgra.len());
    for &[b, g, r, a] in premultiplied_bgra.as_chunks::<BYTES_PER_PIXEL>().0 {
        let straight = |c: u8| match a {
            0 => 0,
            _ => ((u32::from(c) * 255 + u32::from(a) / 2) / u32::from(a)).min(255) as u8,
        };
        out.extend([straight(r), straight(g), straight(b), a]);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn swizzle_moves_only_the_rectangle() {
        let size = Size::new(37, 5);
        let mut frame = FrameBuf::new(size, &Limits::default()).expect("a small picture");
        for (i, px) in frame.pixels_mut().as_chunks_mut::<4>().0.iter_mut().enumerate() {
            *px = [i as u8, (i * 3) as u8, (i * 7 + 1) as u8, 255];
        }
        let rect = Rect::new(3, 1, 21, 3);
        let mut rgba = vec![9; size.area() as usize * 4];
        copy_as_rgba(&frame, &rect, &mut rgba);
        for y in 0..size.height {
            for x in 0..size.width {
                let at = (y * size.width + x) as usize * 4;
                let inside = rect.contains(&Rect::new(x, y, 1, 1));
                let [b, g, r, a] = frame.pixels()[at..at + 4] else { unreachable!() };
                let expected = if inside { [r, g, b, a] } else { [9; 4] };
                assert_eq!(rgba[at..at + 4], expected, "pixel {x},{y}");
            }
        }
    }

    #[test]
    fn premultiplied_alpha_is_divided_out() {
        assert_eq!(straight_rgba(&[64, 32, 128, 128]), [255, 64, 128, 128]);
        assert_eq!(straight_rgba(&[0, 0, 0, 0, 1, 2, 3, 255]), [0, 0, 0, 0, 3, 2, 1, 255]);
        assert_eq!(
            straight_rgba(&[200, 200, 200, 1]),
            [255, 255, 255, 1],
            "a sample above its alpha is cut off"
        );
    }

    #[test]
    fn garbage_is_an_error_and_a_reset_starts_over() {
        let mut viewer = Viewer::new(limits());
        let garbage = viewer.feed(&[0x5A; 4096]).and_then(|()| viewer.step());
        assert_eq!(garbage.expect_err("garbage is no stream").kind(), ErrorKind::InvalidData);
        viewer.reset();
        assert_eq!(viewer.step(), Ok(Step::NeedsBytes));
    }
}
