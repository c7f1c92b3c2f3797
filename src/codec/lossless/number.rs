//! Numbers in bits that learn.

use super::range::{Bits, Prob};

/// Most bits of a number, less one.
const MOST_LOG: usize = 31;

/// A number from 0 to 2^32 − 2: how many bits it has, bit by bit, then the bits, of which the first two learn.
#[derive(Clone, Debug)]
pub(super) struct Number {
    more: [Prob; MOST_LOG + 1],
    second: [Prob; MOST_LOG + 1],
    third: [[Prob; 2]; MOST_LOG + 1],
}

impl Default for Number {
    fn default() -> Self {
        Self {
            more: [Prob::default(); MOST_LOG + 1],
            second: [Prob::default(); MOST_LOG + 1],
            third: [[Prob::default(); 2]; MOST_LOG + 1],
        }
    }
}

impl Number {
    /// Codes `value`, which is at most `most`; what is read may be larger in a hostile stream.
    pub(super) fn code<B: Bits>(&mut self, bits: &mut B, value: u32, most: u32) -> u32 {
        let value = value.wrapping_add(1).max(1);
        let top = most.saturating_add(1).ilog2() as usize;
        let len = value.ilog2() as usize;
        let mut log = 0;
        while log < top && bits.bit(&mut self.more[log], log < len) {
            log += 1;
        }
        let mut read = 1_u32;
        for i in (0..log).rev() {
            let bit = value >> i & 1 == 1;
            let bit = match log - 1 - i {
                0 => bits.bit(&mut self.second[log], bit),
                1 => bits.bit(&mut self.third[log][read as usize & 1], bit),
                _ => bits.bit(&mut Prob::default(), bit),
            };
            read = read << 1 | u32::from(bit);
        }
        read - 1
    }
}

/// A value of `len` bits, first the highest; `probs` are 2^`len`.
pub(super) fn tree<B: Bits>(bits: &mut B, probs: &mut [Prob], len: u32, value: u32) -> u32 {
    let mut at = 1;
    for i in (0..len).rev() {
        let bit = bits.bit(&mut probs[at as usize], value >> i & 1 == 1);
        at = at << 1 | u32::from(bit);
    }
    at - (1 << len)
}
