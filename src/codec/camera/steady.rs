//! Whether a camera's picture stands still: a page that is held up to it, and not only a dull moment.

use crate::frame::{Planes, Timestamp};

/// Side of the blocks whose means are compared: a mean of 64 samples has an eighth of a sensor's noise.
const BLOCK: usize = 8;

/// A mean that is off by more than so many levels has moved, before and after a still was sent. The noise of a webcam in
/// a room (standard deviation 3 to 4) moves none; a character of text that changes does.
const MOVED: u32 = 4;
const MOVED_FROM_STILL: u32 = 6;

/// The means of a picture's blocks, and since when later pictures have had the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Steady {
    /// Sums of the blocks' samples, of all planes.
    anchor: Vec<u16>,
    since: Timestamp,
    sums: Vec<u16>,
}

impl Steady {
    /// Takes a picture in; true if it moved since the one that it began with, which it is then itself.
    pub(super) fn note(&mut self, planes: &Planes, still: bool, now: Timestamp) -> bool {
        self.sum_up(planes);
        let most = if still { MOVED_FROM_STILL } else { MOVED } * (BLOCK * BLOCK) as u32;
        let moved = self.anchor.len() != self.sums.len()
            || self.anchor.iter().zip(&self.sums).any(|(a, b)| u32::from(a.abs_diff(*b)) > most);
        if moved {
            std::mem::swap(&mut self.anchor, &mut self.sums);
            self.since = now;
        }
        moved
    }

    /// Since when it has not moved.
    pub(super) fn since(&self) -> Timestamp {
        self.since
    }

    /// Begins anew.
    pub(super) fn forget(&mut self) {
        for sums in [&mut self.anchor, &mut self.sums] {
            sums.fill(0);
            sums.clear();
        }
    }

    fn sum_up(&mut self, planes: &Planes) {
        self.sums.clear();
        for plane in 0..3 {
            let size = planes.plane_size(plane);
            let (width, columns) = (size.width as usize, (size.width as usize).div_ceil(BLOCK));
            for rows in planes.plane(plane).chunks(width * BLOCK) {
                let start = self.sums.len();
                self.sums.resize(start + columns, 0);
                for row in rows.chunks(width) {
                    for (sum, block) in self.sums[start..].iter_mut().zip(row.chunks(BLOCK)) {
                        *sum += block.iter().map(|v| u16::from(*v)).sum::<u16>();
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Limits;
    use crate::frame::{Chroma, Size};

    fn planes(seed: u32, noise: u32) -> Planes {
        let mut planes = Planes::new(Size::new(100, 60), Chroma::Half, &Limits::default()).unwrap();
        let mut state = seed;
        for (i, v) in planes.data_mut().iter_mut().enumerate() {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *v = (60 + i % 100 + (state >> 20) as usize % (noise as usize + 1)) as u8;
        }
        planes
    }

    #[test]
    fn noise_is_steady_and_a_character_is_not() {
        let mut steady = Steady::default();
        assert!(steady.note(&planes(1, 12), false, Timestamp(5)), "the first picture begins");
        for seed in 2..40 {
            assert!(!steady.note(&planes(seed, 12), false, Timestamp(u64::from(seed) * 10)));
        }
        assert_eq!(steady.since(), Timestamp(5));
        let mut written = planes(40, 12);
        for y in 20..27 {
            written.plane_mut(0)[y * 100 + 41] = 0;
            written.plane_mut(0)[y * 100 + 43] = 0;
        }
        assert!(steady.note(&written, true, Timestamp(500)));
        assert_eq!(steady.since(), Timestamp(500));
    }

    #[test]
    fn a_slow_drift_is_seen_at_last() {
        let mut steady = Steady::default();
        let mut moved = 0;
        for step in 0..20 {
            let mut drifting = planes(1, 0);
            drifting.data_mut().iter_mut().for_each(|v| *v += step);
            moved += u32::from(steady.note(&drifting, false, Timestamp(u64::from(step))));
        }
        assert!((3..=5).contains(&moved), "{moved}");
    }

    #[test]
    fn another_size_is_another_picture() {
        let mut steady = Steady::default();
        steady.note(&planes(1, 0), false, Timestamp(0));
        let smaller = Planes::new(Size::new(8, 8), Chroma::Half, &Limits::default()).unwrap();
        assert!(steady.note(&smaller, true, Timestamp(1)));
    }
}
