//! The fixed distributions that numbers are coded with: one for each size that the numbers have on average.
//!
//! They are worked out from one formula (docs/bitstream.md, "layer kind 2") with integers alone, so that no table
//! travels and a strip of a few pixels is coded as well as a wallpaper.

use std::sync::LazyLock;

/// Base-2 logarithm of the sum of a distribution's shares.
pub(super) const SHARE_BITS: u32 = 12;

/// Sum of a distribution's shares.
pub(super) const SHARES: u32 = 1 << SHARE_BITS;

/// Distributions.
pub(super) const COUNT: usize = 32;

/// Numbers from −15 to 15 have a token each.
const DIRECT: i32 = 15;

/// Tokens of single numbers.
const SINGLE: usize = 2 * DIRECT as usize + 1;

/// Classes of larger magnitudes: four to each doubling, from 16 up to 8191.
const CLASSES: usize = 9 * 4;

/// The token of numbers that are too rare to have one of their own: the number follows in full.
const ESCAPE: usize = SINGLE + CLASSES;

/// Tokens in all.
const TOKENS: usize = ESCAPE + 1;

/// Bits of an escaped number, which is sent less [`LEAST`].
pub(super) const ESCAPE_BITS: u32 = 14;

/// What an escaped number is sent less of; a magnitude as large as it has no code.
pub(super) const LEAST: i32 = -(1 << (ESCAPE_BITS - 1));

/// The fall of each distribution from one magnitude to the next, in 2^20ths. The first is for what is all but always
/// zero; from the second on the mean magnitudes grow from 0.026 to 68 by three tenths each.
const FALLS: [u64; COUNT] = [
    80, 3498, 4584, 6021, 7934, 10499, 13970, 18725, 25340, 34728, 48366, 68670, 99383, 145_228, 209_426,
    290_438, 382_326, 477_722, 570_070, 654_736, 729_180, 792_583, 845_290, 888_307, 922_929, 950_499,
    972_276, 989_372, 1_002_729, 1_013_127, 1_021_199, 1_027_453,
];

/// A token's share of a distribution: `first..first + share` of [`SHARES`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) first: u16,
    pub(super) share: u16,
}

/// One distribution.
#[derive(Debug)]
pub(super) struct Distribution {
    parts: [Part; 128],
    tokens: [u8; SHARES as usize],
    saves: [u8; 4],
}

/// A number as it is coded: its token's part, then plain bits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Coded {
    pub(super) part: Part,
    pub(super) bits: u32,
    pub(super) value: u32,
}

/// What a token says about a number.
#[derive(Clone, Copy, Debug)]
pub(super) enum Token {
    /// The number itself.
    Single(i32),
    /// Its sign and the low bits of its magnitude follow.
    Class { least: i32, bits: u32 },
    /// All of it follows.
    Escape,
}

/// All distributions, made once.
pub(super) static FAMILY: LazyLock<Box<[Distribution; COUNT]>> = LazyLock::new(|| {
    let all: Vec<Distribution> = FALLS.iter().map(|fall| Distribution::new(*fall)).collect();
    all.into_boxed_slice().try_into().expect("as many distributions as there are falls")
});

impl Distribution {
    fn new(fall: u64) -> Self {
        let weights = weights(fall);
        let sum: u64 = weights.iter().sum();
        let mut parts = [Part::default(); 128];
        // The escape is worth one share at least; what rounding leaves goes to zero, the likeliest number.
        let mut left = SHARES as u16 - 1;
        parts[ESCAPE].share = 1;
        for (part, weight) in parts.iter_mut().zip(&weights) {
            part.share = (weight * u64::from(SHARES - 1) / sum) as u16;
            left -= part.share;
        }
        parts[DIRECT as usize].share += left;
        let mut tokens = [0; SHARES as usize];
        let mut first = 0;
        for (token, part) in parts.iter_mut().enumerate().take(TOKENS) {
            part.first = first;
            tokens[usize::from(first)..usize::from(first + part.share)].fill(token as u8);
            first += part.share;
        }
        let share = |number: usize| u32::from(parts[DIRECT as usize + number].share);
        let saves = std::array::from_fn(|i| sixteenths(share(i)).saturating_sub(sixteenths(share(i + 1))));
        Self { parts, tokens, saves }
    }

    /// The token and its part at `at` of [`SHARES`].
    #[inline]
    pub(super) fn find(&self, at: u32) -> (u8, Part) {
        let token = self.tokens[(at % SHARES) as usize];
        (token, self.parts[usize::from(token % 128)])
    }

    /// How many 16ths of a bit the neighbour towards zero is cheaper than `number`, which is not zero.
    #[inline]
    pub(super) fn saves(&self, number: i32) -> i32 {
        i32::from(self.saves[(number.unsigned_abs() as usize).min(self.saves.len()) - 1])
    }

    /// How `number` is coded; it is within ±8191.
    #[inline]
    pub(super) fn code(&self, number: i32) -> Coded {
        let magnitude = number.unsigned_abs();
        if magnitude <= DIRECT as u32 {
            let part = self.parts[(number + DIRECT) as usize];
            if part.share > 0 {
                return Coded { part, bits: 0, value: 0 };
            }
        } else {
            let octave = magnitude.ilog2();
            let bits = octave - 2;
            let part = self.parts[SINGLE + (octave as usize - 4) * 4 + (magnitude >> bits) as usize % 4];
            if part.share > 0 {
                let low = magnitude & ((1 << bits) - 1);
                return Coded { part, bits: bits + 1, value: low << 1 | u32::from(number < 0) };
            }
        }
        Coded { part: self.parts[ESCAPE], bits: ESCAPE_BITS, value: (number - LEAST) as u32 }
    }
}

/// The base-2 logarithm of a share in 16ths, by straight lines between powers of two.
fn sixteenths(share: u32) -> u8 {
    match share.checked_ilog2() {
        Some(octave) => (octave * 16 + ((share << 4) >> octave) % 16) as u8,
        None => 0,
    }
}

/// What `token` stands for.
#[inline]
pub(super) fn token(token: u8) -> Token {
    let token = usize::from(token);
    if token < SINGLE {
        return Token::Single(token as i32 - DIRECT);
    }
    if token >= ESCAPE {
        return Token::Escape;
    }
    let class = token - SINGLE;
    let bits = class as u32 / 4 + 2;
    Token::Class { least: ((class % 4 + 4) as i32) << bits, bits }
}

/// The weights of the tokens but for the escape: a magnitude m weighs q ÷ (1 + q)², where q is the fall to the
/// power of m (a logistic distribution).
fn weights(fall: u64) -> [u64; ESCAPE] {
    const ONE: u64 = 1 << 20;
    let mut weights = [0; ESCAPE];
    let mut q = ONE;
    for magnitude in 0..-LEAST {
        let weight = (q << 40) / ((ONE + q) * (ONE + q));
        if magnitude <= DIRECT {
            weights[(DIRECT + magnitude) as usize] = weight;
            weights[(DIRECT - magnitude) as usize] = weight;
        } else {
            let octave = magnitude.ilog2();
            let class = (octave as usize - 4) * 4 + (magnitude >> (octave - 2)) as usize % 4;
            weights[SINGLE + class] += 2 * weight;
        }
        q = (q * fall) >> 20;
    }
    weights
}

/// The distribution for `count` numbers whose magnitudes have this `sum`.
pub(super) fn nearest(sum: u32, count: u32) -> u8 {
    nearest_scaled((u64::from(sum) << 16) / u64::from(count.max(1)))
}

fn nearest_scaled(mean: u64) -> u8 {
    if mean < 524 {
        return 0;
    }
    // Halfway between two means is 0.0228 · 1.3^k, in 2^16ths.
    let mut edge = 1494_u64 * 13 / 10;
    let mut k = 1;
    while mean > edge && k < COUNT as u8 - 1 {
        edge = edge * 13 / 10;
        k += 1;
    }
    k
}

/// The distribution of each octave of a mean with 16 fraction bits and its next three bits.
static BY_MEAN: LazyLock<[u8; 256]> = LazyLock::new(|| {
    std::array::from_fn(|i| {
        let (octave, eighth) = (i as u32 / 8, i as u64 % 8);
        // The middle of the step, in 16ths of its octave.
        nearest_scaled(((17 + 2 * eighth) << octave) >> 4)
    })
});

/// The distribution for a mean with 16 fraction bits.
#[inline]
pub(super) fn by_mean(mean: u32) -> usize {
    let octave = (mean | 8).ilog2();
    let eighth = (mean >> (octave - 3)) & 7;
    usize::from(BY_MEAN[(octave * 8 + eighth) as usize % 256])
}
