//! Buffers that are used again.

use super::{FrameBuf, Size};
use crate::error::Result;
use crate::limits::Limits;

/// Keeps a few [`FrameBuf`]s of one size, so that a running stream allocates no picture.
#[derive(Debug)]
pub struct FramePool {
    limits: Limits,
    free: Vec<FrameBuf>,
    most: usize,
}

impl FramePool {
    /// A pool that keeps at most `most` idle buffers.
    #[must_use]
    pub fn new(most: usize, limits: Limits) -> Self {
        Self { limits, free: Vec::with_capacity(most), most }
    }

    /// A buffer of `size`: one given back earlier, with whatever it held, or a black one.
    ///
    /// # Errors
    /// As [`FrameBuf::new`].
    pub fn take(&mut self, size: Size) -> Result<FrameBuf> {
        self.free.retain(|b| b.size() == size);
        match self.free.pop() {
            Some(buf) => Ok(buf),
            None => FrameBuf::new(size, &self.limits),
        }
    }

    /// Gives `buf` back; it is dropped where the pool is full.
    pub fn give(&mut self, buf: FrameBuf) {
        if self.free.len() < self.most {
            self.free.push(buf);
        }
    }
}
