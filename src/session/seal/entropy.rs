//! Randomness: the operating system's, in a browser what the page hands in.

use super::SealError;

/// Fills `bytes` with randomness.
pub(super) fn fill(bytes: &mut [u8]) -> Result<(), SealError> {
    source::fill(bytes)
}

/// As many random bytes as the result holds.
pub(super) fn draw<const N: usize>() -> Result<[u8; N], SealError> {
    let mut bytes = [0; N];
    fill(&mut bytes)?;
    Ok(bytes)
}

/// A number below `end`, all alike likely.
pub(super) fn draw_below(end: u32) -> Result<u32, SealError> {
    // What is left over above the last whole multiple would make small numbers likelier.
    let whole = u32::MAX - u32::MAX % end;
    loop {
        let drawn = u32::from_le_bytes(draw()?);
        if drawn < whole {
            return Ok(drawn % end);
        }
    }
}

#[cfg(not(target_family = "wasm"))]
mod source {
    use super::SealError;

    pub(super) fn fill(bytes: &mut [u8]) -> Result<(), SealError> {
        getrandom::fill(bytes).map_err(|_| SealError::NoEntropy)
    }
}

#[cfg(target_family = "wasm")]
mod source {
    use super::{Pool, SealError};
    use std::cell::RefCell;

    thread_local! {
        pub(super) static POOL: RefCell<Pool> = const { RefCell::new(Pool::new()) };
    }

    pub(super) fn fill(bytes: &mut [u8]) -> Result<(), SealError> {
        POOL.with_borrow_mut(|pool| pool.take(bytes))
    }
}

/// Hands in randomness: a page calls it with `crypto.getRandomValues` before a handshake and before it begins to share.
/// 256 bytes are enough for each. Bytes are used once; what is too much is dropped.
#[cfg(target_family = "wasm")]
pub fn supply(bytes: &[u8]) {
    source::POOL.with_borrow_mut(|pool| pool.add(bytes));
}

/// Random bytes from outside, each handed out once.
#[cfg(any(test, target_family = "wasm"))]
struct Pool {
    bytes: [u8; Self::ROOM],
    len: usize,
}

#[cfg(any(test, target_family = "wasm"))]
impl Pool {
    const ROOM: usize = 1024;

    const fn new() -> Self {
        Self { bytes: [0; Self::ROOM], len: 0 }
    }

    fn add(&mut self, bytes: &[u8]) {
        let fits = bytes.len().min(Self::ROOM - self.len);
        self.bytes[self.len..self.len + fits].copy_from_slice(&bytes[..fits]);
        self.len += fits;
    }

    fn take(&mut self, out: &mut [u8]) -> Result<(), SealError> {
        let rest = self.len.checked_sub(out.len()).ok_or(SealError::NoEntropy)?;
        out.copy_from_slice(&self.bytes[rest..self.len]);
        self.bytes[rest..self.len].fill(0);
        self.len = rest;
        Ok(())
    }
}

/// What Noise takes its randomness from.
pub(super) struct ForNoise;

impl snow::types::Random for ForNoise {
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), snow::Error> {
        fill(bytes).map_err(|_| snow::Error::Rng)
    }
}

/// What SPAKE2 takes its randomness from: drawn before, as its trait knows no failure.
pub(super) struct ForPake {
    drawn: [u8; 64],
    left: usize,
    short: bool,
}

impl ForPake {
    pub(super) fn new() -> Result<Self, SealError> {
        Ok(Self { drawn: draw()?, left: 64, short: false })
    }

    /// Whether more was asked for than drawn: then what was made of it is not random.
    pub(super) fn is_short(&self) -> bool {
        self.short
    }
}

impl rand_core::RngCore for ForPake {
    fn next_u32(&mut self) -> u32 {
        rand_core::impls::next_u32_via_fill(self)
    }

    fn next_u64(&mut self) -> u64 {
        rand_core::impls::next_u64_via_fill(self)
    }

    fn fill_bytes(&mut self, out: &mut [u8]) {
        match self.left.checked_sub(out.len()) {
            Some(rest) => {
                out.copy_from_slice(&self.drawn[rest..self.left]);
                self.drawn[rest..self.left].fill(0);
                self.left = rest;
            }
            None => self.short = true,
        }
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), rand_core::Error> {
        self.fill_bytes(out);
        Ok(())
    }
}

impl rand_core::CryptoRng for ForPake {}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_core::RngCore;

    #[test]
    fn a_pool_gives_each_byte_once_and_never_less_than_asked_for() {
        let mut pool = Pool::new();
        let bytes: Vec<u8> = (0..100).collect();
        pool.add(&bytes);
        let mut taken = vec![0; 60];
        assert_eq!(pool.take(&mut taken), Ok(()));
        assert_eq!(pool.take(&mut [0; 41]), Err(SealError::NoEntropy));
        let mut rest = vec![0; 40];
        assert_eq!(pool.take(&mut rest), Ok(()));
        taken.extend(rest);
        taken.sort_unstable();
        assert_eq!(taken, bytes);
        assert_eq!(pool.take(&mut [0]), Err(SealError::NoEntropy));
        pool.add(&vec![1; 5000]);
        assert_eq!(pool.len, Pool::ROOM);
        assert!(pool.take(&mut [0; Pool::ROOM]).is_ok());
    }

    #[test]
    fn the_pakes_source_says_when_it_ran_dry() {
        let mut source = ForPake::new().unwrap();
        let (mut a, mut b) = ([0; 32], [0; 32]);
        source.fill_bytes(&mut a);
        source.fill_bytes(&mut b);
        assert!(a != b && !source.is_short());
        source.fill_bytes(&mut [0]);
        assert!(source.is_short());
    }

    #[test]
    fn numbers_stay_below_their_end_and_reach_all_of_it() {
        let drawn: std::collections::BTreeSet<u32> = (0..500).map(|_| draw_below(7).unwrap()).collect();
        assert_eq!(drawn.into_iter().collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5, 6]);
    }
}
