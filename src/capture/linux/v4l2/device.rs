//! `/dev/video*`: the calls of V4L2 that are needed, by the structures of linux/videodev2.h.
#![allow(unsafe_code)]

use crate::error::{Error, ErrorKind, Result};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::ioctl::{Opcode, Setter, Updater};
use rustix::mm::{MapFlags, ProtFlags};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::ptr::NonNull;

/// Single-planar capture, by memory that is mapped.
const CAPTURE: u32 = 1;
const MAPPED: u32 = 1;
/// The driver stamps with the monotonic clock, or could not fill the buffer.
const BUFFER_ERROR: u32 = 0x40;

const CAPABLE_OF_CAPTURE: u32 = 1;
const CAPABLE_OF_STREAMING: u32 = 0x0400_0000;
const HAS_DEVICE_CAPABILITIES: u32 = 0x8000_0000;

#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct Capability {
    driver: [u8; 16],
    pub(super) card: [u8; 32],
    bus: [u8; 32],
    version: u32,
    capabilities: u32,
    device: u32,
    reserved: [u32; 3],
}

#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct FormatDescription {
    index: u32,
    kind: u32,
    flags: u32,
    description: [u8; 32],
    pub(super) fourcc: u32,
    bus_code: u32,
    reserved: [u32; 3],
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(super) struct FrameSize {
    index: u32,
    fourcc: u32,
    /// 1: one size; otherwise a range.
    pub(super) kind: u32,
    /// Width and height; or least, most, step of the width, then of the height.
    pub(super) sizes: [u32; 6],
    reserved: [u32; 2],
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(super) struct FrameInterval {
    index: u32,
    fourcc: u32,
    width: u32,
    height: u32,
    kind: u32,
    /// Seconds as a fraction: one; or least, most, step.
    pub(super) fractions: [u32; 6],
    reserved: [u32; 2],
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(super) struct Format {
    kind: u32,
    gap: u32,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) fourcc: u32,
    field: u32,
    pub(super) bytes_per_line: u32,
    pub(super) bytes: u32,
    pub(super) colour_space: u32,
    private: u32,
    flags: u32,
    pub(super) encoding: u32,
    pub(super) quantization: u32,
    transfer: u32,
    rest: [u64; 19],
}

#[repr(C)]
#[derive(Clone, Copy)]
struct StreamParameters {
    kind: u32,
    /// Capability, mode, seconds a frame as a fraction, and more.
    words: [u32; 50],
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct RequestBuffers {
    count: u32,
    kind: u32,
    memory: u32,
    capabilities: u32,
    flags: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct BufferInfo {
    index: u32,
    kind: u32,
    bytes_used: u32,
    flags: u32,
    field: u32,
    gap: u32,
    seconds: u64,
    micros: u64,
    timecode: [u32; 4],
    sequence: u32,
    memory: u32,
    /// A union with pointers: 8 bytes, of which the offset takes 4.
    offset: u32,
    offset_gap: u32,
    length: u32,
    reserved: u32,
    request: u32,
    end_gap: u32,
}

// The sizes are part of the calls' numbers: a structure of another size would be another call.
const _: () = assert!(size_of::<Capability>() == 104 && size_of::<FormatDescription>() == 64);
const _: () = assert!(size_of::<FrameSize>() == 44 && size_of::<FrameInterval>() == 52);
const _: () = assert!(size_of::<Format>() == 208 && size_of::<StreamParameters>() == 204);
const _: () = assert!(size_of::<RequestBuffers>() == 20 && size_of::<BufferInfo>() == 88);

const QUERY_CAPABILITY: Opcode = 0x8068_5600;
const ENUM_FORMATS: Opcode = 0xC040_5602;
const ENUM_SIZES: Opcode = 0xC02C_564A;
const ENUM_INTERVALS: Opcode = 0xC034_564B;
const SET_FORMAT: Opcode = 0xC0D0_5605;
const SET_PARAMETERS: Opcode = 0xC0CC_5616;
const REQUEST_BUFFERS: Opcode = 0xC014_5608;
const QUERY_BUFFER: Opcode = 0xC058_5609;
const QUEUE_BUFFER: Opcode = 0xC058_560F;
const DEQUEUE_BUFFER: Opcode = 0xC058_5611;
const STREAM_ON: Opcode = 0x4004_5612;
const STREAM_OFF: Opcode = 0x4004_5613;

/// An open device.
pub(super) struct Device(OwnedFd);

impl Device {
    /// # Errors
    /// - [`ErrorKind::NotFound`] if it is not there, or no camera.
    /// - [`ErrorKind::Denied`] if the system does not let it be opened, [`ErrorKind::Io`] if it cannot be.
    pub(super) fn open(path: &Path) -> Result<(Self, Capability)> {
        let shown = path.display();
        let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = rustix::fs::open(path, flags, Mode::empty()).map_err(|e| match e {
            Errno::NOENT | Errno::NODEV | Errno::NXIO => {
                Error::new(ErrorKind::NotFound, format!("there is no camera {shown}"))
            }
            Errno::ACCESS | Errno::PERM => Error::new(
                ErrorKind::Denied,
                format!("the system does not let {shown} be opened: the user must be in the group video"),
            ),
            e => Error::new(ErrorKind::Io, format!("{shown}: {e}")),
        })?;
        let device = Self(file);
        // SAFETY: all fields are integers.
        let mut found: Capability = unsafe { std::mem::zeroed() };
        let told = device.update::<QUERY_CAPABILITY, _>(&mut found);
        let all = found.capabilities;
        let capable = if all & HAS_DEVICE_CAPABILITIES != 0 { found.device } else { all };
        let wanted = CAPABLE_OF_CAPTURE | CAPABLE_OF_STREAMING;
        if told.is_err() || capable & wanted != wanted {
            return Err(Error::new(ErrorKind::NotFound, format!("{shown} is no camera")));
        }
        Ok((device, found))
    }

    fn update<const CALL: Opcode, T>(&self, value: &mut T) -> rustix::io::Result<()> {
        // SAFETY: each call's number says that it reads and writes one structure of the size of `T`, all of integers; the
        // constants above are used with the structure they name alone.
        unsafe { rustix::ioctl::ioctl(&self.0, Updater::<CALL, T>::new(value)) }
    }

    pub(super) fn format(&self, index: u32) -> Option<FormatDescription> {
        // SAFETY: all fields are integers.
        let mut found: FormatDescription = unsafe { std::mem::zeroed() };
        (found.index, found.kind) = (index, CAPTURE);
        self.update::<ENUM_FORMATS, _>(&mut found).ok().map(|()| found)
    }

    pub(super) fn size(&self, fourcc: u32, index: u32) -> Option<FrameSize> {
        let mut found = FrameSize { index, fourcc, ..FrameSize::default() };
        self.update::<ENUM_SIZES, _>(&mut found).ok().map(|()| found)
    }

    pub(super) fn interval(&self, fourcc: u32, size: (u32, u32), index: u32) -> Option<FrameInterval> {
        let (width, height) = size;
        let mut found = FrameInterval { index, fourcc, width, height, ..FrameInterval::default() };
        self.update::<ENUM_INTERVALS, _>(&mut found).ok().map(|()| found)
    }

    /// Sets a format; the driver may choose another size, which comes back.
    pub(super) fn set_format(&self, fourcc: u32, size: (u32, u32)) -> rustix::io::Result<Format> {
        let mut format = Format { kind: CAPTURE, fourcc, field: 1, ..Format::default() };
        (format.width, format.height) = size;
        self.update::<SET_FORMAT, _>(&mut format).map(|()| format)
    }

    /// Asks for so many pictures a second; a driver that has but one speed does not mind.
    pub(super) fn set_fps(&self, fps: u32) {
        let mut parameters = StreamParameters { kind: CAPTURE, words: [0; 50] };
        (parameters.words[2], parameters.words[3]) = (1, fps);
        // One that cannot keeps its own.
        let _ = self.update::<SET_PARAMETERS, _>(&mut parameters);
    }

    /// Begins to stream into `count` buffers, or as many as the driver gives.
    pub(super) fn start(&self, count: u32) -> Result<Vec<Mapped>> {
        let failed = |e: Errno| Error::new(ErrorKind::Io, format!("the camera does not stream: {e}"));
        let mut request =
            RequestBuffers { count, kind: CAPTURE, memory: MAPPED, ..RequestBuffers::default() };
        self.update::<REQUEST_BUFFERS, _>(&mut request).map_err(|e| match e {
            Errno::BUSY => Error::new(ErrorKind::Denied, "the camera is used by another program"),
            e => failed(e),
        })?;
        let mut mapped = Vec::new();
        for index in 0..request.count.min(32) {
            let mut info = BufferInfo { index, kind: CAPTURE, memory: MAPPED, ..BufferInfo::default() };
            self.update::<QUERY_BUFFER, _>(&mut info).map_err(failed)?;
            mapped.push(Mapped::new(&self.0, info.offset, info.length as usize).map_err(failed)?);
            self.give_back(index).map_err(failed)?;
        }
        // SAFETY: the call reads one integer.
        let begun = unsafe { rustix::ioctl::ioctl(&self.0, Setter::<STREAM_ON, u32>::new(CAPTURE)) };
        begun.map_err(failed)?;
        Ok(mapped)
    }

    /// The oldest buffer that is filled: its number, its bytes, whether they count. `None` if there is none.
    pub(super) fn filled(&self) -> rustix::io::Result<Option<(u32, usize, bool)>> {
        let mut info = BufferInfo { kind: CAPTURE, memory: MAPPED, ..BufferInfo::default() };
        match self.update::<DEQUEUE_BUFFER, _>(&mut info) {
            Ok(()) => Ok(Some((info.index, info.bytes_used as usize, info.flags & BUFFER_ERROR == 0))),
            Err(Errno::AGAIN | Errno::INTR) => Ok(None),
            Err(e) => Err(e),
        }
    }

    pub(super) fn give_back(&self, index: u32) -> rustix::io::Result<()> {
        let mut info = BufferInfo { index, kind: CAPTURE, memory: MAPPED, ..BufferInfo::default() };
        self.update::<QUEUE_BUFFER, _>(&mut info)
    }

    pub(super) fn stop(&self) {
        // SAFETY: the call reads one integer. A device that is gone has stopped.
        let _ = unsafe { rustix::ioctl::ioctl(&self.0, Setter::<STREAM_OFF, u32>::new(CAPTURE)) };
    }

    pub(super) fn file(&self) -> &OwnedFd {
        &self.0
    }
}

/// A buffer of the driver's. It may write at any time, so it is never a Rust slice.
pub(super) struct Mapped {
    /// *Safety invariant*: the start of a mapping of `len` bytes, readable until drop. A device's memory does not shrink.
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: the mapping belongs to this value alone and has no tie to a thread.
unsafe impl Send for Mapped {}

impl Mapped {
    fn new(file: &OwnedFd, offset: u32, len: usize) -> rustix::io::Result<Self> {
        // SAFETY: a new mapping at an address of the kernel's choice overlaps nothing of ours.
        let start = unsafe {
            let protection = ProtFlags::READ | ProtFlags::WRITE;
            rustix::mm::mmap(std::ptr::null_mut(), len, protection, MapFlags::SHARED, file, offset.into())?
        };
        NonNull::new(start.cast()).map(|start| Self { start, len }).ok_or(Errno::NOMEM)
    }

    /// Copies the first `count` bytes, or as many as there are.
    pub(super) fn copy_into(&self, count: usize, into: &mut Vec<u8>) {
        let count = count.min(self.len);
        into.clear();
        into.reserve(count);
        // SAFETY: the invariant of `start`; there is room for `count` bytes, which the copy fills.
        unsafe {
            std::ptr::copy_nonoverlapping(self.start.as_ptr(), into.as_mut_ptr(), count);
            into.set_len(count);
        }
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        // SAFETY: the invariant of `start`; nothing of it is used afterwards.
        let _ = unsafe { rustix::mm::munmap(self.start.as_ptr().cast(), self.len) };
    }
}
