//! A binary range coder with probabilities that learn: carries as in LZMA, two rates of learning mixed.

use crate::error::{Error, Result};

/// Below this a byte is shifted out.
const TOP: u32 = 1 << 24;

/// Shifts by which the two estimates follow what comes: one learns at once, one is steady.
const FAST: u16 = 4;
const STEADY: u16 = 7;

/// Zeros at the end that are not written: no more than the reader is ahead of the bits.
const MOST_MISSING: u32 = 4;

/// How likely a bit is 0: the mean of two 16-bit estimates.
#[derive(Clone, Copy, Debug)]
pub(super) struct Prob {
    fast: u16,
    steady: u16,
}

impl Default for Prob {
    fn default() -> Self {
        Self { fast: 1 << 15, steady: 1 << 15 }
    }
}

impl Prob {
    /// In 1/65,536; neither estimate reaches 0 or 65,536, as their shifts round towards where they are.
    fn zero(self) -> u32 {
        (u32::from(self.fast) + u32::from(self.steady)) >> 1
    }

    fn learn(&mut self, bit: bool) {
        if bit {
            self.fast -= self.fast >> FAST;
            self.steady -= self.steady >> STEADY;
        } else {
            self.fast += (u16::MAX - self.fast) >> FAST;
            self.steady += (u16::MAX - self.steady) >> STEADY;
        }
    }
}

/// The side that writes bits or the side that reads them: one model serves both.
pub(super) trait Bits {
    /// Whether this side reads.
    const READS: bool;

    /// Writes `bit`, or gives the bit read.
    fn bit(&mut self, prob: &mut Prob, bit: bool) -> bool;
}

/// Writes bits.
#[derive(Debug)]
pub(super) struct RangeWriter<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
    low: u64,
    range: u32,
    /// The byte before those that a carry would ripple through, and how many 0xFF follow it.
    last: u8,
    pending: u64,
    begun: bool,
}

impl<'a> RangeWriter<'a> {
    pub(super) fn new(out: &'a mut Vec<u8>) -> Self {
        let start = out.len();
        Self { out, start, low: 0, range: u32::MAX, last: 0, pending: 0, begun: false }
    }

    #[inline]
    fn shift(&mut self) {
        let carry = (self.low >> 32) as u8;
        if carry == 1 || self.low < 0xFF00_0000 {
            if self.begun {
                self.out.push(self.last.wrapping_add(carry));
            }
            for _ in 0..self.pending {
                self.out.push(0xFF_u8.wrapping_add(carry));
            }
            self.pending = 0;
            self.last = (self.low >> 24) as u8;
            self.begun = true;
        } else {
            self.pending += 1;
        }
        self.low = (self.low & 0x00FF_FFFF) << 8;
    }

    /// Writes what is held back. The reader takes zeros for what is missing at the end, so those are left out.
    pub(super) fn finish(mut self) {
        // The value in the range with the most zeros at its end.
        let high = self.low + u64::from(self.range) - 1;
        for bits in (0..32).rev() {
            let rounded = high >> bits << bits;
            if rounded >= self.low {
                self.low = rounded;
                break;
            }
        }
        for _ in 0..5 {
            self.shift();
        }
        for _ in 0..MOST_MISSING {
            if self.out.len() > self.start && self.out.last() == Some(&0) {
                self.out.pop();
            }
        }
    }
}

impl Bits for RangeWriter<'_> {
    const READS: bool = false;

    #[inline]
    fn bit(&mut self, prob: &mut Prob, bit: bool) -> bool {
        let bound = (self.range >> 16) * prob.zero();
        if bit {
            self.low += u64::from(bound);
            self.range -= bound;
        } else {
            self.range = bound;
        }
        prob.learn(bit);
        while self.range < TOP {
            self.range <<= 8;
            self.shift();
        }
        bit
    }
}

/// Reads bits.
#[derive(Debug)]
pub(super) struct RangeReader<'a> {
    rest: std::slice::Iter<'a, u8>,
    code: u32,
    range: u32,
    /// Zeros taken past the end.
    missing: u32,
}

impl<'a> RangeReader<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        let mut reader = Self { rest: data.iter(), code: 0, range: u32::MAX, missing: 0 };
        for _ in 0..4 {
            reader.take();
        }
        reader
    }

    #[inline]
    fn take(&mut self) {
        let byte = match self.rest.next() {
            Some(byte) => *byte,
            None => {
                self.missing += 1;
                0
            }
        };
        self.code = self.code << 8 | u32::from(byte);
    }

    /// Bytes that have not been taken.
    pub(super) fn left(&self) -> usize {
        self.rest.as_slice().len()
    }

    /// Refuses to go on long after the end.
    pub(super) fn check(&self) -> Result<()> {
        match self.missing > MOST_MISSING {
            true => Err(Error::data("the packet ends before its pixels do")),
            false => Ok(()),
        }
    }

    /// Refuses bytes that no bit needed.
    pub(super) fn finish(self) -> Result<()> {
        self.check()?;
        match self.rest.as_slice().is_empty() {
            true => Ok(()),
            false => Err(Error::data("bytes left over after the modelled pixels")),
        }
    }
}

impl Bits for RangeReader<'_> {
    const READS: bool = true;

    #[inline]
    fn bit(&mut self, prob: &mut Prob, _: bool) -> bool {
        let bound = (self.range >> 16) * prob.zero();
        let bit = self.code >= bound;
        if bit {
            self.code -= bound;
            self.range -= bound;
        } else {
            self.range = bound;
        }
        prob.learn(bit);
        while self.range < TOP {
            self.range <<= 8;
            self.take();
        }
        bit
    }
}
