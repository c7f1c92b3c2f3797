//! Memory that a display server writes and we read.
#![allow(unsafe_code)]

use crate::error::{Error, ErrorKind, Result};
use crate::frame::{BYTES_PER_PIXEL, FrameBuf, Rect};
use rustix::fs::{MemfdFlags, SealFlags};
use rustix::mm::{MapFlags, ProtFlags};
use std::cell::Cell;
use std::os::fd::OwnedFd;
use std::ptr::NonNull;

/// From this size on, a copy goes past the caches. Half of them would be gone anyway when it is done; without
/// reading what is overwritten it takes 30 % less, and the comparison that follows included, 10 % less (measured
/// in a loop of its own on an EPYC with a 32 MiB cache).
const STREAM_BYTES: usize = 1 << 20;

/// A memory segment shared with a display server.
///
/// The server may write it at any time, so it is never a Rust slice: pixels are copied out by raw pointer, once,
/// and the stages work on the copy.
pub(in crate::capture) struct SharedMemory {
    /// *Safety invariant*: the start of a mapping of `len` bytes, readable until drop. Its file is sealed
    /// against shrinking, so no access to the mapping can fault.
    start: NonNull<u8>,
    len: usize,
    /// The last rectangle was most of it.
    resident: Cell<bool>,
}

// SAFETY: the mapping belongs to this value alone and has no tie to a thread; its bytes are only read through
// `&self` by raw pointer, and no reference to them is ever made.
unsafe impl Send for SharedMemory {}

impl SharedMemory {
    /// A segment of `len` bytes and the file to hand to the server.
    pub(in crate::capture) fn new(len: usize) -> Result<(Self, OwnedFd)> {
        let failed = |e: rustix::io::Errno| Error::new(ErrorKind::Io, format!("no shared memory: {e}"));
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let file = rustix::fs::memfd_create("panecast", flags).map_err(failed)?;
        rustix::fs::ftruncate(&file, len as u64).map_err(failed)?;
        let seals = SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL;
        rustix::fs::fcntl_add_seals(&file, seals).map_err(failed)?;
        // SAFETY: a new mapping at an address of the kernel's choice overlaps nothing of ours.
        let start = unsafe {
            rustix::mm::mmap(std::ptr::null_mut(), len, ProtFlags::READ, MapFlags::SHARED, &file, 0)
        };
        let start = NonNull::new(start.map_err(failed)?.cast::<u8>())
            .ok_or_else(|| Error::new(ErrorKind::Io, "no shared memory: mapped at zero"))?;
        Ok((Self { start, len, resident: Cell::new(false) }, file))
    }

    /// Copies `rect` of `frame` from the rows that begin at `offset`, `stride` bytes from one to the next, and
    /// makes it opaque. Does nothing where rows would leave the segment or the frame.
    pub(in crate::capture) fn copy_rect(
        &self,
        offset: usize,
        stride: usize,
        rect: &Rect,
        frame: &mut FrameBuf,
    ) -> bool {
        let (row_bytes, rows) = (rect.width as usize * BYTES_PER_PIXEL, rect.height as usize);
        if !rect.fits(frame.size()) || self.extent(offset, stride, row_bytes, rows).is_none() {
            return false;
        }
        self.copy_rows(offset, stride, rect, frame);
        self.was_read(rows * row_bytes);
        true
    }

    /// Replaces `into` by `rows` rows of `row_bytes` as they are, from `offset` on, `stride` bytes from one to the next.
    /// Does nothing where rows would leave the segment.
    pub(in crate::capture) fn copy_out(
        &self,
        offset: usize,
        stride: usize,
        (row_bytes, rows): (usize, usize),
        into: &mut Vec<u8>,
    ) -> bool {
        let Some(bytes) = self.extent(offset, stride, row_bytes, rows).and(rows.checked_mul(row_bytes))
        else {
            return false;
        };
        into.clear();
        into.reserve(bytes);
        for row in 0..rows {
            let from = self.start.as_ptr().cast_const().wrapping_add(offset + row * stride);
            let to = into.spare_capacity_mut()[row * row_bytes..][..row_bytes].as_mut_ptr();
            // SAFETY: the row ends within the segment, as `extent` says (invariant of `start`); `to` is `row_bytes` long.
            unsafe { std::ptr::copy_nonoverlapping(from, to.cast::<u8>(), row_bytes) };
        }
        // SAFETY: all of its `rows × row_bytes` bytes were written above, and reserved before.
        unsafe { into.set_len(bytes) };
        self.was_read(bytes);
        true
    }

    /// Where such rows end, if that is within the segment.
    fn extent(&self, offset: usize, stride: usize, row_bytes: usize, rows: usize) -> Option<usize> {
        let last = rows.checked_sub(1)?.checked_mul(stride)?;
        last.checked_add(row_bytes)?.checked_add(offset).filter(|end| *end <= self.len)
    }

    fn was_read(&self, bytes: usize) {
        let most = bytes >= self.len / 2;
        if self.resident.replace(most) && !most {
            self.forget();
        }
    }

    /// Lets go of the pages that were read: they are the server's, and mapped again when they are read the next time. So
    /// a whole picture does not stay in this process's resident memory once small changes follow it.
    fn forget(&self) {
        // SAFETY: our own mapping of `len` bytes (invariant of `start`). It is shared: its contents stay in the file.
        let _ = unsafe {
            rustix::mm::madvise(self.start.as_ptr().cast(), self.len, rustix::mm::Advice::LinuxDontNeed)
        };
    }

    /// As [`SharedMemory::copy_rect`], for what was checked there.
    fn copy_rows(&self, offset: usize, stride: usize, rect: &Rect, frame: &mut FrameBuf) {
        let (row_bytes, rows) = (rect.width as usize * BYTES_PER_PIXEL, rect.height as usize);
        let stream = rows * row_bytes >= STREAM_BYTES;
        if row_bytes == frame.stride_bytes() && stride == row_bytes {
            // Whole rows lie without gaps on both sides: one run.
            let start = rect.y as usize * row_bytes;
            let into = &mut frame.pixels_mut()[start..][..rows * row_bytes];
            // SAFETY: `offset + rows × row_bytes` was checked against `len` (invariant of `start`).
            unsafe { copy_opaque(self.start.as_ptr().add(offset), into, stream) };
            return;
        }
        for row in 0..rect.height {
            let into = frame.row_of_mut(rect, rect.y + row);
            // SAFETY: this row ends at or before `end`, which was checked against `len` (invariant of `start`).
            unsafe { copy_opaque(self.start.as_ptr().add(offset + row as usize * stride), into, stream) };
        }
    }
}

impl Drop for SharedMemory {
    fn drop(&mut self) {
        // SAFETY: the invariant of `start`: our own mapping of `len` bytes, and nobody refers to it after this.
        // An error could only mean that it is not mapped, and then there is nothing to do.
        let _ = unsafe { rustix::mm::munmap(self.start.as_ptr().cast(), self.len) };
    }
}

/// Copies `into.len()` bytes of B, G, R, X pixels from `from` and sets each fourth byte to 255; with `stream`, past
/// the caches where the processor can.
///
/// # Safety
/// `from` must be readable for `into.len()` bytes. Another process may write there meanwhile; then the copy holds
/// old or new bytes.
unsafe fn copy_opaque(from: *const u8, into: &mut [u8], stream: bool) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: AVX2 is there, and `from` is readable as this function's caller promised.
        unsafe { if stream { copy_opaque_stream(from, into) } else { copy_opaque_avx2(from, into) } };
        return;
    }
    let _ = stream;
    // SAFETY: the caller's promise, passed on.
    unsafe { copy_opaque_plain(from, into) };
}

/// The plain reference of [`copy_opaque`].
///
/// # Safety
/// As [`copy_opaque`].
unsafe fn copy_opaque_plain(from: *const u8, into: &mut [u8]) {
    let opaque = u32::from_ne_bytes([0, 0, 0, 255]);
    for (i, px) in into.as_chunks_mut::<BYTES_PER_PIXEL>().0.iter_mut().enumerate() {
        // SAFETY: pixel `i` lies within the `into.len()` readable bytes.
        let value = unsafe { from.add(i * BYTES_PER_PIXEL).cast::<u32>().read_unaligned() };
        *px = (value | opaque).to_ne_bytes();
    }
}

/// Bytes that the wide loops copy in one turn: two cache lines.
#[cfg(target_arch = "x86_64")]
const WIDE: usize = 128;

/// # Safety
/// As [`copy_opaque`], and the processor must have AVX2.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn copy_opaque_avx2(from: *const u8, into: &mut [u8]) {
    use std::arch::x86_64::{
        __m256i, _mm256_loadu_si256, _mm256_or_si256, _mm256_set1_epi32, _mm256_storeu_si256,
    };
    let opaque = _mm256_set1_epi32(i32::from_le_bytes([0, 0, 0, 255]));
    let whole = into.len() / WIDE * WIDE;
    let to = into.as_mut_ptr();
    for at in (0..whole).step_by(WIDE) {
        // SAFETY: `at + WIDE ≤ whole ≤ into.len()`, which both sides are long; the accesses need no alignment.
        unsafe {
            let (from, to) = (from.add(at).cast::<__m256i>(), to.add(at).cast::<__m256i>());
            let a = _mm256_loadu_si256(from);
            let b = _mm256_loadu_si256(from.add(1));
            let c = _mm256_loadu_si256(from.add(2));
            let d = _mm256_loadu_si256(from.add(3));
            _mm256_storeu_si256(to, _mm256_or_si256(a, opaque));
            _mm256_storeu_si256(to.add(1), _mm256_or_si256(b, opaque));
            _mm256_storeu_si256(to.add(2), _mm256_or_si256(c, opaque));
            _mm256_storeu_si256(to.add(3), _mm256_or_si256(d, opaque));
        }
    }
    // SAFETY: the rest of both sides, after `whole` bytes.
    unsafe { copy_opaque_plain(from.add(whole), &mut into[whole..]) };
}

/// # Safety
/// As [`copy_opaque`], and the processor must have AVX2.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn copy_opaque_stream(from: *const u8, into: &mut [u8]) {
    use std::arch::x86_64::{
        __m256i, _mm_sfence, _mm256_loadu_si256, _mm256_or_si256, _mm256_set1_epi32, _mm256_stream_si256,
    };
    let opaque = _mm256_set1_epi32(i32::from_le_bytes([0, 0, 0, 255]));
    // Streaming stores want whole 32 bytes.
    let head = into.as_ptr().align_offset(align_of::<__m256i>());
    if !head.is_multiple_of(BYTES_PER_PIXEL) || head > into.len() {
        // SAFETY: the caller's promise, passed on.
        return unsafe { copy_opaque_avx2(from, into) };
    }
    let (start, rest) = into.split_at_mut(head);
    // SAFETY: the first `head` bytes of both sides.
    unsafe { copy_opaque_plain(from, start) };
    let whole = rest.len() / WIDE * WIDE;
    let to = rest.as_mut_ptr();
    for at in (0..whole).step_by(WIDE) {
        // SAFETY: `at + WIDE ≤ whole ≤ rest.len()`, and `from` is readable for `head` bytes more than that; `to` is
        // aligned by the choice of `head`, and `at` is a multiple of the alignment.
        unsafe {
            let (from, to) = (from.add(head + at).cast::<__m256i>(), to.add(at).cast::<__m256i>());
            let a = _mm256_loadu_si256(from);
            let b = _mm256_loadu_si256(from.add(1));
            let c = _mm256_loadu_si256(from.add(2));
            let d = _mm256_loadu_si256(from.add(3));
            _mm256_stream_si256(to, _mm256_or_si256(a, opaque));
            _mm256_stream_si256(to.add(1), _mm256_or_si256(b, opaque));
            _mm256_stream_si256(to.add(2), _mm256_or_si256(c, opaque));
            _mm256_stream_si256(to.add(3), _mm256_or_si256(d, opaque));
        }
    }
    // Streaming stores are weakly ordered: they must be seen before anything that this thread says afterwards.
    _mm_sfence();
    // SAFETY: what is left of both sides after `head + whole` bytes.
    unsafe { copy_opaque_plain(from.add(head + whole), &mut rest[whole..]) };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Size;
    use crate::limits::Limits;

    #[test]
    fn the_fast_copy_equals_the_plain_one() {
        let source: Vec<u8> = (0..4096u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        for pixels in (0..70).chain([255, 256, 1000]) {
            for skip in [0, 1, 4, 7] {
                let mut plain = vec![2; pixels * 4];
                // SAFETY: 7 + 4 × 1000 bytes are fewer than the source has.
                unsafe { copy_opaque_plain(source[skip..].as_ptr(), &mut plain) };
                for (stream, place) in [(false, 0), (true, 0), (true, 4), (true, 20), (true, 3)] {
                    let mut fast = vec![1; pixels * 4 + place];
                    // SAFETY: as above.
                    unsafe { copy_opaque(source[skip..].as_ptr(), &mut fast[place..], stream) };
                    assert!(fast[place..] == plain, "{pixels} pixels from {skip} to {place}, {stream}");
                }
                assert!(plain.as_chunks::<4>().0.iter().all(|px| px[3] == 255));
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_not_copied() {
        let (memory, file) = SharedMemory::new(16 * 16 * 4).unwrap();
        assert!(rustix::fs::ftruncate(&file, 1).is_err(), "the server must not be able to shrink it");
        let mut frame = FrameBuf::new(Size::new(16, 16), &Limits::default()).unwrap();
        let rect = Rect::new(0, 0, 16, 16);
        assert!(memory.copy_rect(0, 64, &rect, &mut frame));
        assert!(memory.copy_rect(0, 64, &Rect::new(3, 3, 2, 2), &mut frame), "its pages come back");
        assert!(!memory.copy_rect(4, 64, &rect, &mut frame));
        assert!(!memory.copy_rect(0, 65, &rect, &mut frame));
        assert!(!memory.copy_rect(usize::MAX, 64, &rect, &mut frame));
        assert!(!memory.copy_rect(0, usize::MAX, &rect, &mut frame));
        assert!(!memory.copy_rect(0, 64, &Rect::new(1, 0, 16, 1), &mut frame));
        assert!(!memory.copy_rect(0, 64, &Rect::new(0, 0, 16, 0), &mut frame));
        let mut rows = vec![7; 3];
        assert!(!memory.copy_out(4, 64, (64, 16), &mut rows) && rows == [7; 3]);
        assert!(!memory.copy_out(0, 65, (64, 16), &mut rows));
        assert!(!memory.copy_out(usize::MAX, 64, (64, 16), &mut rows));
        assert!(!memory.copy_out(0, usize::MAX, (64, 16), &mut rows));
        assert!(!memory.copy_out(0, 64, (64, 0), &mut rows));
    }

    #[test]
    fn rows_come_out_as_they_are() {
        use std::os::unix::fs::FileExt as _;
        let (memory, file) = SharedMemory::new(16 * 5).unwrap();
        let held: Vec<u8> = (0..80).collect();
        std::fs::File::from(file).write_all_at(&held, 0).unwrap();
        let mut rows = Vec::new();
        assert!(memory.copy_out(18, 16, (7, 3), &mut rows));
        let truth: Vec<u8> = [18..25, 34..41, 50..57].into_iter().flatten().collect();
        assert_eq!(rows, truth);
    }
}
