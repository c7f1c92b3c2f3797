//! Pixels that do not outlive their use.

use std::ops::{Deref, DerefMut};

/// Bytes that are zeroed before their memory is given back. What grows them goes through [`Wiped::empty`], or a
/// reallocation would leave a copy behind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wiped(Vec<u8>);

impl Wiped {
    /// Empties them, with room for `bytes`.
    pub(crate) fn empty(&mut self, bytes: usize) -> &mut Vec<u8> {
        if self.0.capacity() < bytes {
            wipe(&mut self.0);
            self.0 = Vec::with_capacity(bytes);
        }
        self.0.clear();
        &mut self.0
    }
}

impl Deref for Wiped {
    type Target = Vec<u8>;

    fn deref(&self) -> &Vec<u8> {
        &self.0
    }
}

impl DerefMut for Wiped {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }
}

impl Drop for Wiped {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

/// Zeroes all that `bytes` has room for, and empties it.
pub(crate) fn wipe(bytes: &mut Vec<u8>) {
    // The filled part first: of what lies behind it, some may be from when it was longer.
    bytes.fill(0);
    bytes.resize(bytes.capacity(), 0);
    // Or the compiler could leave out what nobody reads.
    std::hint::black_box(&mut *bytes);
    bytes.clear();
}
