//! What an encoder may keep, and what goes without when it is not enough.

use super::recall;
use crate::error::{Error, Result};
use crate::frame::{BYTES_PER_PIXEL, Size};
use crate::limits::Limits;

/// The model and its tables, what finds copies, packets on their way: measured at 1080p, rounded up.
const TABLES: u64 = 4 << 20;

/// [`Limits::memory_bytes`] for pictures of one size.
///
/// It is enough for two pictures, or the encoder refuses them: the source's and the one that goes round. What is left
/// goes to a second picture for what is lossy, then to what tiles held before, then to films.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Memory {
    /// What is left beside the two pictures.
    left: u64,
    picture: u64,
    recall_px: u64,
}

impl Memory {
    /// The limit for pictures of `size`.
    ///
    /// # Errors
    /// - [`crate::ErrorKind::LimitExceeded`] if it is not enough for two of them.
    pub(super) fn new(limits: &Limits, size: Size) -> Result<Self> {
        let picture = size.area() * BYTES_PER_PIXEL as u64;
        let least = 2 * picture + TABLES;
        match limits.memory_bytes.checked_sub(least) {
            Some(left) => {
                let rest = left.saturating_sub(picture);
                // As much again is set aside for a moment where a whole page changes.
                let recall_px =
                    (rest / 2 / BYTES_PER_PIXEL as u64).min(recall::usual_px(size)).min(limits.recall_px);
                Ok(Self { left, picture, recall_px })
            }
            None => Err(Error::limit(format!(
                "a picture of {size} takes {least} bytes of memory; {} are allowed",
                limits.memory_bytes
            ))),
        }
    }

    /// Whether there is room for a second picture, without which nothing can be lossy.
    pub(super) fn may_lose(&self) -> bool {
        self.left >= self.picture
    }

    /// Pixels that are kept of what tiles held before.
    pub(super) fn recall_px(&self) -> u64 {
        self.recall_px
    }

    /// What films may take beside that.
    pub(super) fn for_films(&self) -> u64 {
        self.left.saturating_sub(self.picture + 2 * self.recall_px * BYTES_PER_PIXEL as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: Size = Size { width: 1000, height: 500 };
    const PICTURE: u64 = 2_000_000;

    fn memory(beside: u64) -> Memory {
        let limits = Limits { memory_bytes: TABLES + 2 * PICTURE + beside, ..Limits::default() };
        Memory::new(&limits, SIZE).expect("enough for two")
    }

    #[test]
    fn two_pictures_are_the_least() {
        let limits = Limits { memory_bytes: TABLES + 2 * PICTURE - 1, ..Limits::default() };
        let error = Memory::new(&limits, SIZE).expect_err("one byte short");
        assert_eq!(error.kind(), crate::ErrorKind::LimitExceeded);
    }

    #[test]
    fn the_second_picture_comes_first_films_last() {
        assert!(!memory(PICTURE - 1).may_lose() && memory(PICTURE).may_lose());
        let recall = 2 * 4 * recall::usual_px(SIZE);
        let rest = [0, 800, recall, recall + 300].map(|beside| {
            let memory = memory(PICTURE + beside);
            (memory.recall_px(), memory.for_films())
        });
        assert_eq!(rest, [(0, 0), (100, 0), (recall / 8, 0), (recall / 8, 300)]);
    }

    #[test]
    fn the_usual_limit_holds_the_largest_picture_and_its_losses() {
        let memory = Memory::new(&Limits::default(), Size::new(8192, 4352)).expect("room");
        assert!(memory.may_lose());
    }
}
