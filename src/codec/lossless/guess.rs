//! Tables of what followed a context the last time.

/// Base-2 logarithm of the entries of a table: 512 KiB, which stays in a core's cache. Half of it costs a document
/// scroll 8 % more bytes; twice of it saves 4 % and costs a terminal 6 % more time (benches/lossless.rs).
const ENTRIES_LOG: u32 = 17;

/// The bits of a colour: B, G, R from the lowest.
pub(super) const COLOUR: u32 = 0x00FF_FFFF;

/// How sure an entry can be, plus one.
pub(super) const TRUSTS: usize = 8;

const MOST_TRUST: u32 = TRUSTS as u32 - 1;
const TRUST_AT: u32 = 24;
const CHECK_AT: u32 = 27;

/// From this trust on an entry outlives the first look by another context.
const KEPT_TRUST: u32 = 4;

/// From this trust on an entry outlives its first mistake.
const STUBBORN_TRUST: u32 = 3;

/// For each hashed context the colour that followed, how often it was right (3 bits), and 5 bits more of the hash.
#[derive(Debug)]
pub(super) struct Guesses {
    entries: Vec<u32>,
}

/// An entry, as it was found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Guess {
    at: usize,
    check: u32,
    entry: u32,
}

impl Guess {
    /// What followed; only worth something with some trust.
    pub(super) fn colour(self) -> u32 {
        self.entry & COLOUR
    }

    /// 0 if nothing is known.
    pub(super) fn trust(self) -> u32 {
        if self.is_own() { self.entry >> TRUST_AT & MOST_TRUST } else { 0 }
    }

    fn is_own(self) -> bool {
        self.entry >> CHECK_AT == self.check
    }
}

impl Guesses {
    pub(super) fn new() -> Self {
        Self { entries: vec![0; 1 << ENTRIES_LOG] }
    }

    /// Looks up a context.
    #[inline]
    pub(super) fn look(&self, hash: u32) -> Guess {
        let hash = (hash ^ hash >> 15).wrapping_mul(0x9E37_79B1);
        let at = (hash >> (32 - ENTRIES_LOG)) as usize;
        Guess { at, check: hash >> (32 - ENTRIES_LOG - 5) & 31, entry: self.entries[at] }
    }

    /// The guess was right.
    #[inline]
    pub(super) fn confirm(&mut self, guess: Guess) {
        if guess.trust() < MOST_TRUST {
            self.entries[guess.at] = guess.entry + (1 << TRUST_AT);
        }
    }

    /// `colour` followed.
    pub(super) fn learn(&mut self, guess: Guess, colour: u32) {
        let trust = guess.entry >> TRUST_AT & MOST_TRUST;
        let with = |trust: u32, colour: u32| guess.check << CHECK_AT | trust << TRUST_AT | colour;
        self.entries[guess.at] = match guess.is_own() && trust > 0 {
            true if guess.colour() == colour => with((trust + 1).min(MOST_TRUST), colour),
            true if trust >= STUBBORN_TRUST => with(trust / 2, guess.colour()),
            // Another context's, of worth: it ages.
            false if trust >= KEPT_TRUST => guess.entry - (1 << TRUST_AT),
            _ => with(1, colour),
        };
    }
}
