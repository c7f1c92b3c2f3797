//! Memory that the compositor writes pictures into.

use super::layout::Layout;
use super::registry::State;
use super::shot::Terms;
use crate::capture::linux::shared_memory::SharedMemory;
use crate::error::{Error, ErrorKind, Result};
use crate::limits::Limits;
use std::os::fd::AsFd as _;
use wayland_client::QueueHandle;
use wayland_client::protocol::wl_buffer::WlBuffer;
use wayland_client::protocol::wl_shm::{Format, WlShm};

/// Rows may be longer than their pixels, but not by more than this.
const MOST_PADDING: usize = 4096;

/// A buffer and what it is like.
pub(super) struct Buffer {
    pub(super) proxy: WlBuffer,
    pub(super) memory: SharedMemory,
    pub(super) terms: Terms,
    pub(super) layout: Layout,
}

impl Buffer {
    /// A buffer on these terms, as large as `limits` let it be.
    pub(super) fn new(shm: &WlShm, terms: Terms, limits: &Limits, q: &QueueHandle<State>) -> Result<Self> {
        let (layout, bytes) = check(&terms, limits)?;
        let format = Format::try_from(terms.format).map_err(|()| {
            Error::new(ErrorKind::Unsupported, "the compositor offers a format without a name")
        })?;
        let number = |v: usize| i32::try_from(v).map_err(|_| too_large(&terms));
        let (length, stride) = (number(bytes)?, number(terms.stride)?);
        let (width, height) = (number(terms.size.width as usize)?, number(terms.size.height as usize)?);
        let (memory, file) = SharedMemory::new(bytes)?;
        let pool = shm.create_pool(file.as_fd(), length, q, ());
        let proxy = pool.create_buffer(0, width, height, stride, format, q, ());
        pool.destroy();
        Ok(Self { proxy, memory, terms, layout })
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.proxy.destroy();
    }
}

/// The layout and the bytes that `terms` take, before anything is allocated.
fn check(terms: &Terms, limits: &Limits) -> Result<(Layout, usize)> {
    let layout = Layout::of(terms.format).ok_or_else(|| {
        let text = format!("the compositor's pixels are of a format that is not read: {:#x}", terms.format);
        Error::new(ErrorKind::Unsupported, text)
    })?;
    limits.check_size(terms.size).map_err(|e| match e.kind() {
        ErrorKind::InvalidInput => Error::data(format!("the compositor sent {}", e.message())),
        _ => e,
    })?;
    let row = terms.size.width as usize * layout.pixel();
    if terms.stride < row || terms.stride > row + MOST_PADDING {
        return Err(Error::data(format!(
            "the compositor wants {} bytes from row to row of {} pixels",
            terms.stride, terms.size.width
        )));
    }
    let bytes = terms.stride.checked_mul(terms.size.height as usize).ok_or_else(|| too_large(terms))?;
    Ok((layout, bytes))
}

fn too_large(terms: &Terms) -> Error {
    Error::limit(format!("a picture of {} is larger than Wayland's shared memory can be", terms.size))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Size;

    #[test]
    fn terms_are_checked_before_memory_is_taken() {
        let kind = |format, width, height, stride| {
            check(&Terms { format, size: Size::new(width, height), stride }, &Limits::default())
                .map(|(_, bytes)| bytes)
                .map_err(|e| e.kind())
        };
        assert_eq!(kind(1, 64, 48, 256), Ok(64 * 48 * 4));
        assert_eq!(kind(1, 64, 48, 320), Ok(320 * 48));
        assert_eq!(kind(1, 64, 48, 255), Err(ErrorKind::InvalidData));
        assert_eq!(kind(1, 64, 48, 1 << 30), Err(ErrorKind::InvalidData));
        assert_eq!(kind(1, 0, 48, 256), Err(ErrorKind::InvalidData));
        assert_eq!(kind(1, u32::MAX, u32::MAX, usize::MAX), Err(ErrorKind::LimitExceeded));
        assert_eq!(kind(7, 64, 48, 256), Err(ErrorKind::Unsupported));
    }
}
