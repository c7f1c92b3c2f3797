//! Recorded files as a source: raw B, G, R, A frames, and YUV4MPEG2 (`.y4m`).

use super::{Captured, Capturer, Damage, SourceInfo, SourceKind};
use crate::error::{Error, ErrorKind, Result};
use crate::frame::{BYTES_PER_PIXEL, FrameBuf, FrameView, PixelFormat, Plane, Region, Size, Timestamp};
use crate::limits::Limits;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::time::{Duration, Instant};

/// Longest header line that is read. FFmpeg writes about 80 bytes; tags of other programs fit in this, too.
const LONGEST_LINE: usize = 4096;
/// What is read from the file at once while a header is looked for.
const READ_BYTES: usize = 256 << 10;

/// Frames from a file or any other reader, one on each call and as fast as it is called; in real time with
/// [`FileSource::paced`].
///
/// Hints are [`Damage::Unknown`]: a file does not say what changed. At the end it gives [`Captured::Ended`].
pub struct FileSource {
    reader: BufReader<Box<dyn Read + Send>>,
    name: String,
    size: Size,
    rate: Rate,
    layout: Layout,
    /// Frames read.
    count: u64,
    /// When the first frame was given, if frames are to come in real time.
    start: Option<Instant>,
    paced: bool,
}

/// Frames a second as a fraction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rate {
    frames: u32,
    seconds: u32,
}

impl Rate {
    fn time_of(self, index: u64) -> Timestamp {
        let micros = u128::from(index) * 1_000_000 * u128::from(self.seconds) / u128::from(self.frames);
        Timestamp(u64::try_from(micros).unwrap_or(u64::MAX))
    }
}

/// How the frames lie in the file.
enum Layout {
    /// B, G, R, anything; rows without padding.
    Raw,
    /// YUV4MPEG2: a line, then the planes, which are read into `planes`; `luma` of its bytes are luma. Without
    /// colour (`mono`), the chroma planes stay grey.
    Y4m { planes: Vec<u8>, luma: usize, mono: bool },
}

impl FileSource {
    /// Raw frames of `size`, B, G, R and a fourth byte that is ignored, without headers or padding.
    ///
    /// # Errors
    /// - [`ErrorKind::InvalidInput`] if a side or `fps` is zero.
    /// - [`ErrorKind::LimitExceeded`] if `size` is over the default [`Limits`].
    pub fn raw(reader: impl Read + Send + 'static, size: Size, fps: u32) -> Result<Self> {
        Limits::default().check_size(size)?;
        if fps == 0 {
            return Err(Error::input("a file cannot have 0 frames a second"));
        }
        Ok(Self {
            reader: BufReader::with_capacity(READ_BYTES, Box::new(reader)),
            name: "raw frames".into(),
            size,
            rate: Rate { frames: fps, seconds: 1 },
            layout: Layout::Raw,
            count: 0,
            start: None,
            paced: false,
        })
    }

    /// A YUV4MPEG2 stream with 8 bits a sample, 4:2:0 or grey; reads its header.
    ///
    /// # Errors
    /// - [`ErrorKind::InvalidData`] if it does not begin with a sound header.
    /// - [`ErrorKind::Unsupported`] for other samplings, depths and colour ranges.
    /// - [`ErrorKind::LimitExceeded`] if its size is over the default [`Limits`].
    /// - [`ErrorKind::Io`] if reading fails.
    pub fn y4m(reader: impl Read + Send + 'static) -> Result<Self> {
        let mut reader: BufReader<Box<dyn Read + Send>> =
            BufReader::with_capacity(READ_BYTES, Box::new(reader));
        let line = read_line(&mut reader, "the header")?
            .ok_or_else(|| Error::data("the file is empty; a y4m file begins with YUV4MPEG2"))?;
        let header = Y4mHeader::parse(&line)?;
        let pixels = header.size.area() as usize;
        let chroma = header.size.width.div_ceil(2) as usize * header.size.height.div_ceil(2) as usize;
        // 128 is grey: what the chroma planes hold where there is no colour.
        let layout = Layout::Y4m { planes: vec![128; pixels + 2 * chroma], luma: pixels, mono: header.mono };
        Ok(Self {
            reader,
            name: "y4m".into(),
            size: header.size,
            rate: header.rate,
            layout,
            count: 0,
            start: None,
            paced: false,
        })
    }

    /// Opens a `.y4m` file; `-` is the standard input, read as YUV4MPEG2.
    ///
    /// # Errors
    /// - [`ErrorKind::NotFound`], [`ErrorKind::Denied`], [`ErrorKind::Io`] if it cannot be opened.
    /// - [`ErrorKind::Unsupported`] if its name does not end in `.y4m`: raw frames do not say their size.
    /// - as [`FileSource::y4m`].
    pub fn open(path: &Path) -> Result<Self> {
        let mut source = if path.as_os_str() == "-" {
            Self::y4m(std::io::stdin())?
        } else if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("y4m")) {
            Self::y4m(open_file(path)?).map_err(|e| named(path, &e))?
        } else {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!(
                    "{}: only .y4m files say their own size; give raw frames with a size",
                    path.display()
                ),
            ));
        };
        source.name = path.display().to_string();
        Ok(source)
    }

    /// Opens a file of raw frames, as [`FileSource::raw`] reads them.
    ///
    /// # Errors
    /// - [`ErrorKind::NotFound`], [`ErrorKind::Denied`], [`ErrorKind::Io`] if it cannot be opened.
    /// - as [`FileSource::raw`].
    pub fn open_raw(path: &Path, size: Size, fps: u32) -> Result<Self> {
        let mut source = Self::raw(open_file(path)?, size, fps)?;
        source.name = path.display().to_string();
        Ok(source)
    }

    /// Gives the frames in real time instead of as fast as it is called. None is left out.
    #[must_use]
    pub fn paced(mut self) -> Self {
        self.paced = true;
        self
    }

    /// Reads the next frame into `frame`; false at the end of the file.
    fn read(&mut self, frame: &mut FrameBuf) -> Result<bool> {
        let number = self.count + 1;
        match &mut self.layout {
            Layout::Raw => {
                // Read in place, a part at a time, so that the fourth byte is set while it is in the cache.
                let pixels = frame.pixels_mut();
                let total = pixels.len();
                let mut done = 0;
                while done < total {
                    let part = &mut pixels[done..total.min(done + READ_BYTES)];
                    let wanted = part.len();
                    let have = read_full(&mut self.reader, part)?;
                    for px in part.chunks_exact_mut(BYTES_PER_PIXEL) {
                        px[3] = 255;
                    }
                    done += have;
                    if have < wanted {
                        break;
                    }
                }
                match done {
                    0 => Ok(false),
                    n if n == total => Ok(true),
                    n => Err(truncated(number, n, total)),
                }
            }
            Layout::Y4m { planes, luma, mono } => {
                let Some(line) = read_line(&mut self.reader, &format!("frame {number}"))? else {
                    return Ok(false);
                };
                if line != b"FRAME" && !line.starts_with(b"FRAME ") {
                    return Err(Error::data(format!(
                        "frame {number}: expected FRAME, found {}",
                        quoted(&line)
                    )));
                }
                let coded = if *mono { *luma } else { planes.len() };
                let have = read_full(&mut self.reader, &mut planes[..coded])?;
                if have < coded {
                    return Err(truncated(number, have, coded));
                }
                let (w, h) = (self.size.width as usize, self.size.height.div_ceil(2) as usize);
                let (y, rest) = planes.split_at(*luma);
                let (u, v) = rest.split_at(w.div_ceil(2) * h);
                let half = w.div_ceil(2);
                let planes = [
                    Plane { bytes: y, stride_bytes: w },
                    Plane { bytes: u, stride_bytes: half },
                    Plane { bytes: v, stride_bytes: half },
                ];
                let view = FrameView::new(PixelFormat::I420, self.size, &planes)?;
                frame.copy_from(&view, &self.size.rect())?;
                Ok(true)
            }
        }
    }
}

impl Capturer for FileSource {
    fn info(&self) -> SourceInfo {
        SourceInfo::new(format!("file:{}", self.name), self.name.clone(), SourceKind::File, self.size)
    }

    /// As the trait says; after an error, `frame` may hold a part of the broken frame.
    fn next(&mut self, frame: &mut FrameBuf, _stale: &Region, timeout: Duration) -> Result<Captured> {
        if frame.size() != self.size {
            return Ok(Captured::Resized(self.size));
        }
        let timestamp = self.rate.time_of(self.count);
        if self.paced {
            let start = *self.start.get_or_insert_with(Instant::now);
            let wait = Duration::from_micros(timestamp.micros()).saturating_sub(start.elapsed());
            std::thread::sleep(wait.min(timeout));
            if wait > timeout {
                return Ok(Captured::Unchanged);
            }
        }
        if !self.read(frame)? {
            return Ok(Captured::Ended);
        }
        self.count += 1;
        // A whole frame was written, so whatever was stale is not any more.
        Ok(Captured::Frame { timestamp: Some(timestamp), damage: Damage::Unknown })
    }

    /// Each frame is a new one, and is given whole.
    fn forget(&mut self) {}
}

impl std::fmt::Debug for FileSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FileSource({}, {}, frame {})", self.name, self.size, self.count)
    }
}

/// What the first line of a YUV4MPEG2 stream says.
struct Y4mHeader {
    size: Size,
    rate: Rate,
    mono: bool,
}

impl Y4mHeader {
    fn parse(line: &[u8]) -> Result<Self> {
        let text = std::str::from_utf8(line).ok();
        let tags = text
            .and_then(|t| t.strip_prefix("YUV4MPEG2"))
            .filter(|t| t.is_empty() || t.starts_with(' '))
            .ok_or_else(|| {
                Error::data(format!("not a y4m file: it begins with {}, not with YUV4MPEG2", quoted(line)))
            })?;
        let (mut width, mut height, mut mono) = (0, 0, false);
        // The format's own default is unknown; FFmpeg's is 25.
        let mut rate = Rate { frames: 25, seconds: 1 };
        for tag in tags.split_ascii_whitespace() {
            let bad = || Error::data(format!("the y4m header's `{}` makes no sense", quoted(tag.as_bytes())));
            let Some((kind, value)) = tag.split_at_checked(1) else { continue };
            match kind {
                "W" => width = value.parse().map_err(|_| bad())?,
                "H" => height = value.parse().map_err(|_| bad())?,
                "F" => {
                    let (frames, seconds) = value.split_once(':').ok_or_else(bad)?;
                    rate.frames = frames.parse().map_err(|_| bad())?;
                    rate.seconds = seconds.parse().map_err(|_| bad())?;
                    if rate.frames == 0 || rate.seconds == 0 {
                        return Err(bad());
                    }
                }
                "C" => match value {
                    "420" | "420jpeg" | "420mpeg2" | "420paldv" => {}
                    "mono" => mono = true,
                    _ => return Err(unsupported(&format!("the sampling {}", quoted(value.as_bytes())))),
                },
                "I" if !matches!(value, "p" | "?") => return Err(unsupported("interlaced video")),
                "X" if value == "COLORRANGE=FULL" => return Err(unsupported("the full colour range")),
                _ => {}
            }
        }
        let size = Size::new(width, height);
        if size.area() == 0 {
            return Err(Error::data(format!("the y4m header says {size}: no pixels")));
        }
        Limits::default().check_size(size)?;
        Ok(Self { size, rate, mono })
    }
}

fn unsupported(what: &str) -> Error {
    Error::new(
        ErrorKind::Unsupported,
        format!("y4m with {what} cannot be read; convert it: ffmpeg -i IN -pix_fmt yuv420p OUT.y4m"),
    )
}

fn truncated(number: u64, have: usize, whole: usize) -> Error {
    Error::data(format!("frame {number} is cut off: {have} of {whole} bytes"))
}

fn open_file(path: &Path) -> Result<std::fs::File> {
    std::fs::File::open(path).map_err(|e| named(path, &e.into()))
}

fn named(path: &Path, e: &Error) -> Error {
    Error::new(e.kind(), format!("{}: {e}", path.display()))
}

/// Fills `into`, or as much of it as there is.
fn read_full(reader: &mut impl Read, into: &mut [u8]) -> Result<usize> {
    let mut done = 0;
    while done < into.len() {
        match reader.read(&mut into[done..]) {
            Ok(0) => break,
            Ok(n) => done += n,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e.into()),
        }
    }
    Ok(done)
}

/// The next line without its end; `None` at the end of the file.
fn read_line(reader: &mut impl BufRead, what: &str) -> Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    reader.by_ref().take(LONGEST_LINE as u64).read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Ok(None);
    }
    if line.pop() != Some(b'\n') {
        let shown = quoted(&line);
        return Err(Error::data(format!("{what}: a line without an end begins with {shown}")));
    }
    Ok(Some(line))
}

/// The beginning of foreign bytes, safe to show.
fn quoted(bytes: &[u8]) -> String {
    format!("\"{}\"", bytes[..bytes.len().min(24)].escape_ascii())
}
