//! An entropy coder (asymmetric numeral systems, range variant) over the fixed distributions.
//!
//! The encoder writes backwards what the decoder reads forwards. Numbers go through one of [`LANES`] states, so that
//! a processor can work on several at once.

use super::adaptive::Odds;
use super::family::{
    COUNT, Distribution, ESCAPE_BITS, FAMILY, LEAST, Part, SHARE_BITS, SHARES, Token, token,
};
use crate::error::{Error, Result};

/// States: numbers that do not wait for one another.
pub(super) const LANES: usize = 3;

/// The least state between two numbers; the states begin with it.
const LOW: u32 = 1 << 16;

/// Codes parts from the last one to the first.
#[derive(Debug)]
pub(super) struct Encoder {
    family: &'static [Distribution; COUNT],
    states: [u32; LANES],
    words: Vec<u16>,
}

impl Encoder {
    pub(super) fn new() -> Self {
        Self { family: &FAMILY, states: [LOW; LANES], words: Vec::new() }
    }

    /// Codes `part` of `lane`.
    #[inline]
    pub(super) fn part(&mut self, lane: usize, part: Part) {
        push(&mut self.states[lane], part, &mut self.words);
    }

    /// Codes `number` of `lane`.
    #[inline]
    pub(super) fn number(&mut self, lane: usize, distribution: usize, number: i32) {
        let coded = self.family[distribution % COUNT].code(number);
        for part in plain_parts(coded.bits, coded.value).into_iter().rev().flatten() {
            self.part(lane, part);
        }
        self.part(lane, coded.part);
    }

    /// Appends all to `out`.
    pub(super) fn finish(mut self, out: &mut Vec<u8>) {
        for state in self.states.iter().rev() {
            self.words.extend([*state as u16, (state >> 16) as u16]);
        }
        out.extend(self.words.iter().rev().flat_map(|word| word.to_be_bytes()));
    }
}

/// The parts of `bits` plain bits, low ones first: a state takes no more than SHARE_BITS at a time.
#[inline]
pub(super) fn plain_parts(bits: u32, value: u32) -> [Option<Part>; 2] {
    let low = bits.min(SHARE_BITS);
    let high = bits - low;
    [
        (low > 0).then(|| plain_part(value & ((1 << low) - 1), low)),
        (high > 0).then(|| plain_part(value >> low, high)),
    ]
}

/// The part of a number of `bits` plain bits.
fn plain_part(value: u32, bits: u32) -> Part {
    Part { first: (value << (SHARE_BITS - bits)) as u16, share: (SHARES >> bits) as u16 }
}

#[inline]
fn push(state: &mut u32, part: Part, words: &mut Vec<u16>) {
    let share = u32::from(part.share);
    if *state >= share << (32 - SHARE_BITS) {
        words.push(*state as u16);
        *state >>= 16;
    }
    *state = ((*state / share) << SHARE_BITS) + *state % share + u32::from(part.first);
}

/// Reads numbers.
#[derive(Debug)]
pub(super) struct Decoder<'a> {
    states: [u32; LANES],
    family: &'static [Distribution; COUNT],
    data: &'a [u8],
    at: usize,
}

impl<'a> Decoder<'a> {
    /// A decoder at the start of `data`.
    ///
    /// # Errors
    /// - [`crate::ErrorKind::InvalidData`] if there are too few bytes to begin with.
    pub(super) fn new(data: &'a [u8]) -> Result<Self> {
        let Some((first, _)) = data.split_at_checked(4 * LANES) else {
            return Err(Error::data("a photo layer that ends before it begins"));
        };
        let mut states = [0; LANES];
        for (state, bytes) in states.iter_mut().zip(first.as_chunks::<4>().0) {
            *state = u32::from_be_bytes(*bytes);
        }
        Ok(Self { states, family: &FAMILY, data, at: 4 * LANES })
    }

    /// The next number of `lane`. Past the end of the data it is whatever zero bytes say.
    #[inline]
    pub(super) fn number(&mut self, lane: usize, distribution: usize) -> i32 {
        let (name, part) = self.family[distribution % COUNT].find(self.states[lane]);
        self.pull(lane, part);
        match token(name) {
            Token::Single(number) => number,
            Token::Class { least, bits } => {
                let value = self.plain(lane, bits + 1) as i32;
                let magnitude = least + (value >> 1);
                if value & 1 == 0 { magnitude } else { -magnitude }
            }
            Token::Escape => self.plain(lane, ESCAPE_BITS) as i32 + LEAST,
        }
    }

    /// The next answer of `lane`.
    #[inline]
    pub(super) fn answer(&mut self, lane: usize, odds: Odds) -> bool {
        let answer = odds.at(self.states[lane]);
        self.pull(lane, odds.part(answer));
        answer
    }

    /// The next `bits` plain bits of `lane`.
    pub(super) fn plain(&mut self, lane: usize, bits: u32) -> u32 {
        let low = bits.min(SHARE_BITS);
        let below = self.few(lane, low);
        if bits > low { self.few(lane, bits - low) << low | below } else { below }
    }

    fn few(&mut self, lane: usize, bits: u32) -> u32 {
        let value = (self.states[lane] % SHARES) >> (SHARE_BITS - bits);
        self.pull(lane, plain_part(value, bits));
        value
    }

    #[inline]
    fn pull(&mut self, lane: usize, part: Part) {
        let state = self.states[lane];
        let mut next = (u32::from(part.share))
            .wrapping_mul(state >> SHARE_BITS)
            .wrapping_add(state % SHARES)
            .wrapping_sub(u32::from(part.first));
        // Without a branch: which numbers take a word is as good as random.
        let word = match self.data.get(self.at..self.at + 2) {
            Some(&[high, low]) => u32::from(high) << 8 | u32::from(low),
            _ => 0,
        };
        let takes = next < LOW;
        self.at += 2 * usize::from(takes);
        next = if takes { next << 16 | word } else { next };
        self.states[lane] = next;
    }

    /// Checks that the data ended where the numbers did.
    ///
    /// # Errors
    /// - [`crate::ErrorKind::InvalidData`] if they did not: the numbers were not those of an encoder.
    pub(super) fn finish(self) -> Result<()> {
        if self.at != self.data.len() || self.states != [LOW; LANES] {
            return Err(Error::data("a photo layer that does not end where its pixels do"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_comes_back_in_every_distribution() {
        for distribution in 0..COUNT {
            let numbers = || (LEAST + 1..-LEAST).step_by(7).chain(-40..40);
            let mut encoder = Encoder::new();
            for (i, number) in numbers().enumerate().collect::<Vec<_>>().into_iter().rev() {
                encoder.number(i % LANES, distribution, number);
            }
            let mut bytes = Vec::new();
            encoder.finish(&mut bytes);
            let mut decoder = Decoder::new(&bytes).expect("long enough");
            for (i, number) in numbers().enumerate() {
                assert_eq!(decoder.number(i % LANES, distribution), number, "distribution {distribution}");
            }
            decoder.finish().expect("all was read");
        }
    }

    #[test]
    fn a_distribution_costs_what_its_shares_say() {
        // 1000 numbers of the size that each distribution is for, near the entropy of a geometric law.
        for (distribution, size) in [(10, 0.28), (16, 1.33), (20, 3.8), (25, 14.1)] {
            let ratio = f64::sqrt(size * size + 1.0) - 1.0;
            let ratio = ratio / size;
            let mut state = 1_u64;
            let mut encoder = Encoder::new();
            let mut bits = 0.0;
            for _ in 0..4000 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let dice = (state >> 11) as f64 / (1_u64 << 53) as f64;
                let zero = (1.0 - ratio) / (1.0 + ratio);
                let (magnitude, share) = match dice < zero {
                    true => (0, zero),
                    false => {
                        let rest = (dice - zero) / (1.0 - zero);
                        let magnitude = 1 + ((1.0 - rest).ln() / ratio.ln()) as i32;
                        (magnitude, zero * ratio.powi(magnitude))
                    }
                };
                bits -= share.log2();
                let number = if state & 1 << 10 == 0 { magnitude } else { -magnitude };
                encoder.number(0, distribution, number);
            }
            let mut bytes = Vec::new();
            encoder.finish(&mut bytes);
            let cost = bytes.len() as f64 * 8.0;
            assert!(cost < bits * 1.06 + 200.0, "distribution {distribution}: {cost} bits for {bits}");
        }
    }
}
