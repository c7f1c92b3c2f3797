//! What both sides learn while they code: how large the numbers of a context are, how likely a yes is.

use super::family::{self, Part, SHARE_BITS, SHARES};

/// Fraction bits of a mean.
const MEAN_BITS: u32 = 16;

/// How large the numbers of one context are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mean {
    mean: u32,
    seen: u8,
}

/// How much of the difference the next number adds to a mean, as a shift, by how many were seen.
const MEAN_SHIFTS: [u8; 32] =
    [2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5];

impl Mean {
    /// A context whose numbers are thought to be `mean` 256ths large.
    pub(super) const fn new(mean: u32) -> Self {
        Self { mean: mean << (MEAN_BITS - 8), seen: 0 }
    }

    /// The distribution that fits.
    #[inline]
    pub(super) fn distribution(self) -> usize {
        family::by_mean(self.mean)
    }

    /// Takes note of a number.
    #[inline]
    pub(super) fn note(&mut self, number: i32) {
        let shift = MEAN_SHIFTS[usize::from(self.seen % 32)];
        self.seen = (self.seen + 1).min(31);
        let number = (number.unsigned_abs().min(255) << MEAN_BITS) as i32;
        self.mean = (self.mean as i32 + ((number - self.mean as i32) >> shift)) as u32;
    }
}

/// How likely a yes is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Odds(u16);

/// Fraction bits of odds.
const ODDS_BITS: u32 = 16;

impl Odds {
    /// `yes` 256ths.
    pub(super) const fn new(yes: u8) -> Self {
        Self((yes as u16) << (ODDS_BITS - 8))
    }

    /// Shares of a yes, which stands first.
    #[inline]
    fn yes(self) -> u16 {
        (self.0 >> (ODDS_BITS - SHARE_BITS)).clamp(16, SHARES as u16 - 16)
    }

    /// The part of `answer`.
    #[inline]
    pub(super) fn part(self, answer: bool) -> Part {
        let yes = self.yes();
        if answer { Part { first: 0, share: yes } } else { Part { first: yes, share: SHARES as u16 - yes } }
    }

    /// Whether `at` of all shares is a yes.
    #[inline]
    pub(super) fn at(self, at: u32) -> bool {
        at % SHARES < u32::from(self.yes())
    }

    /// Takes note of an answer.
    #[inline]
    pub(super) fn note(&mut self, answer: bool) {
        let to = if answer { u16::MAX } else { 0 };
        self.0 = (i32::from(self.0) + ((i32::from(to) - i32::from(self.0)) >> 5)) as u16;
    }
}
