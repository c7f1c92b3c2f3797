//! A camera that streams, and those that are there.

use super::device::{Device, Mapped};
use super::shape::{FORMATS, Shape, choose};
use crate::capture::camera::{Pixels, unpack_jpeg};
use crate::capture::{Camera, Shot, SourceInfo};
use crate::consent::{CaptureGrant, Purpose, Revoke};
use crate::error::{Error, ErrorKind, Result};
use crate::frame::{FilmColour, Planes, Size};
use crate::limits::Limits;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// One that has given nothing for so long is stalled.
const STALLED_AFTER: Duration = Duration::from_secs(1);
/// Buffers that go round: one is filled, one waits, one is copied.
const BUFFERS: u32 = 4;
/// Most entries of one of a driver's lists that are read.
const MOST_LISTED: u32 = 64;
/// Most device files that are looked at.
const MOST_DEVICES: usize = 64;

/// V4L2's numbers of what is not BT.601 in limited range.
const SPACE_REC709: u32 = 3;
const ENCODING_709: u32 = 2;
const FULL_RANGE: u32 = 1;

/// A camera that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct V4l2Device {
    /// Its device file.
    pub path: PathBuf,
    /// What its driver calls it.
    pub name: String,
    /// What it can give.
    pub shapes: Vec<Shape>,
}

/// The cameras that can be opened. One that another program uses is among them; what is no camera is not.
#[must_use]
pub fn devices() -> Vec<V4l2Device> {
    let known = |path: PathBuf| {
        let (device, capability) = Device::open(&path).ok()?;
        let end = capability.card.iter().position(|b| *b == 0).unwrap_or(capability.card.len());
        let name = String::from_utf8_lossy(&capability.card[..end]).into_owned();
        let shapes = shapes(&device);
        (!shapes.is_empty()).then_some(V4l2Device { path, name, shapes })
    };
    files().into_iter().filter_map(known).collect()
}

/// The device files, by their numbers.
fn files() -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir("/dev") else { return Vec::new() };
    let numbered =
        |path: &PathBuf| -> Option<u32> { path.to_str()?.strip_prefix("/dev/video")?.parse().ok() };
    let paths = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
    let mut paths: Vec<PathBuf> = paths.filter(|path| numbered(path).is_some()).take(MOST_DEVICES).collect();
    paths.sort_by_key(numbered);
    paths
}

/// # Errors
/// - [`ErrorKind::Denied`] if there is a device that the system does not let be opened.
pub fn refused() -> Result<()> {
    let mut refusals = files().into_iter().filter_map(|path| Device::open(&path).err());
    refusals.find(|e| e.kind() == ErrorKind::Denied).map_or(Ok(()), Err)
}

fn shapes(device: &Device) -> Vec<Shape> {
    let mut found = Vec::new();
    for format in (0..MOST_LISTED).map_while(|i| device.format(i)) {
        let fourcc = format.fourcc;
        let Some((_, pixels)) = FORMATS.iter().find(|(code, _)| u32::from_le_bytes(**code) == fourcc) else {
            continue;
        };
        for listed in (0..MOST_LISTED).map_while(|i| device.size(fourcc, i)) {
            let s = listed.sizes;
            let sizes = if listed.kind == 1 { vec![(s[0], s[1])] } else { within(s) };
            for (width, height) in sizes {
                let size = Size::new(width, height);
                if Limits::default().check_size(size).is_err() {
                    continue;
                }
                let rate = |f: [u32; 2]| f[1].checked_div(f[0]).unwrap_or(0);
                let intervals = (0..MOST_LISTED).map_while(|i| device.interval(fourcc, (width, height), i));
                // Of a range, the first is the shortest.
                let fps = intervals.map(|i| rate([i.fractions[0], i.fractions[1]])).max().unwrap_or(0);
                found.push(Shape { fourcc, pixels: *pixels, size, fps });
            }
            if listed.kind != 1 {
                break;
            }
        }
    }
    found
}

/// Usual sizes of a range.
fn within([least_w, most_w, step_w, least_h, most_h, step_h]: [u32; 6]) -> Vec<(u32, u32)> {
    let usual = [(320, 240), (640, 360), (640, 480), (1280, 720), (1920, 1080), (most_w, most_h)];
    let fits = |v: u32, least: u32, most: u32, step: u32| {
        (least..=most).contains(&v) && (v - least).is_multiple_of(step.max(1))
    };
    let fits = |(w, h): &(u32, u32)| fits(*w, least_w, most_w, step_w) && fits(*h, least_h, most_h, step_h);
    usual.into_iter().filter(fits).collect()
}

/// A camera that streams. It is off once this is dropped.
pub struct V4l2Camera {
    device: Device,
    buffers: Vec<Mapped>,
    path: PathBuf,
    info: SourceInfo,
    shape: Shape,
    stride: usize,
    colour: FilmColour,
    revoke: Revoke,
    /// A copy of the newest picture's bytes, and what a JPEG is decoded into.
    bytes: Vec<u8>,
    decoded: Vec<u8>,
    gave: Instant,
}

impl V4l2Camera {
    /// Opens the camera at `path`, nearest to `size` and `fps`, as the source that `info` says. Its light
    /// goes on.
    ///
    /// # Errors
    /// - [`ErrorKind::Denied`] if `grant` is for something else, [`ErrorKind::Revoked`] if it was taken back.
    /// - [`ErrorKind::NotFound`] if there is none, [`ErrorKind::Denied`] if the system does not let it be used or another
    ///   program does, [`ErrorKind::Unsupported`] if it has no format that is known here, [`ErrorKind::Io`] if it fails.
    pub fn open(
        path: &Path,
        info: SourceInfo,
        size: Option<Size>,
        fps: Option<u32>,
        grant: &CaptureGrant,
    ) -> Result<Self> {
        grant.covers(Purpose::Camera, &info.id)?;
        let revoke = grant.revoke_handle();
        let (device, _) = Device::open(path)?;
        let unknown = || Error::new(ErrorKind::Unsupported, "the camera has no format that is known here");
        let shape = choose(&shapes(&device), size, fps).ok_or_else(unknown)?;
        let set = device.set_format(shape.fourcc, (shape.size.width, shape.size.height));
        let set = set.map_err(|e| match e {
            Errno::BUSY => Error::new(ErrorKind::Denied, "the camera is used by another program"),
            e => Error::new(ErrorKind::Io, format!("the camera takes no format: {e}")),
        })?;
        if set.fourcc != shape.fourcc {
            return Err(unknown());
        }
        let shape = Shape { size: Size::new(set.width, set.height), ..shape };
        Limits::default().check_size(shape.size)?;
        device.set_fps(fps.unwrap_or(30).clamp(1, 240));
        let stride = match shape.pixels {
            Pixels::Jpeg => 0,
            Pixels::Raw(layout) => (set.bytes_per_line as usize).max(layout.row_bytes(shape.size)),
        };
        let colour = FilmColour {
            bt709: set.encoding == ENCODING_709 || (set.encoding == 0 && set.colour_space == SPACE_REC709),
            full_range: set.quantization == FULL_RANGE,
        };
        let buffers = device.start(BUFFERS)?;
        Ok(Self {
            device,
            buffers,
            path: path.into(),
            info: SourceInfo { size: shape.size, ..info },
            shape,
            stride,
            colour,
            revoke,
            bytes: Vec::new(),
            decoded: Vec::new(),
            gave: Instant::now(),
        })
    }

    /// Copies the newest filled buffer, and gives all back. False if there is none that counts.
    fn take(&mut self) -> Result<bool> {
        let mut taken = false;
        // At most one round: a driver faster than this loop must not hold it.
        for _ in 0..2 * self.buffers.len() {
            let Some((index, count, sound)) = self.device.filled().map_err(|e| self.gone(e))? else { break };
            if let (Some(buffer), true) = (self.buffers.get(index as usize), sound && count > 0) {
                buffer.copy_into(count, &mut self.bytes);
                taken = true;
            }
            self.device.give_back(index).map_err(|e| self.gone(e))?;
        }
        Ok(taken)
    }

    fn gone(&self, e: Errno) -> Error {
        Error::new(ErrorKind::Closed, format!("the camera {} is gone: {e}", self.path.display()))
    }
}

impl Camera for V4l2Camera {
    fn info(&self) -> SourceInfo {
        self.info.clone()
    }

    fn next(&mut self, planes: &mut Planes, timeout: Duration) -> Result<Shot> {
        self.revoke.check()?;
        if !self.take()? {
            let left = Timespec::try_from(timeout).ok();
            let mut files = [PollFd::new(self.device.file(), PollFlags::IN)];
            match poll(&mut files, left.as_ref()) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(e) => return Err(self.gone(e)),
            }
            let events = files[0].revents();
            if !self.take()? {
                if events.intersects(PollFlags::HUP | PollFlags::NVAL) {
                    return Err(self.gone(Errno::NODEV));
                }
                if events.contains(PollFlags::ERR) && !self.path.exists() {
                    return Err(self.gone(Errno::NODEV));
                }
                if self.gave.elapsed() >= STALLED_AFTER {
                    return Err(Error::new(ErrorKind::Stalled, "the camera gives no pictures"));
                }
                return Ok(Shot::None);
            }
        }
        self.gave = Instant::now();
        let size = self.shape.size;
        let colour = match self.shape.pixels {
            Pixels::Raw(layout) => layout.unpack(size, self.stride, &self.bytes, self.colour, planes)?,
            // A cable that is moved breaks a picture now and then.
            Pixels::Jpeg => match unpack_jpeg(size, &self.bytes, &mut self.decoded, planes) {
                Err(e) if e.kind() == ErrorKind::InvalidData => return Ok(Shot::None),
                colour => colour?,
            },
        };
        Ok(Shot::Taken { timestamp: None, colour })
    }

    fn forget(&mut self) {
        self.bytes.fill(0);
        self.decoded.fill(0);
        // What waits in the driver is from before.
        let _ = self.take();
        self.bytes.fill(0);
    }
}

impl Drop for V4l2Camera {
    fn drop(&mut self) {
        self.bytes.fill(0);
        self.decoded.fill(0);
        self.device.stop();
    }
}

impl std::fmt::Debug for V4l2Camera {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "V4l2Camera({}, {:?})", self.path.display(), self.shape)
    }
}
