//! The key that the visitor tells the agent.

use std::fmt;
use std::str::FromStr;

/// Digits and capital letters without I, L, O and U, as Crockford's base 32 has them: nothing looks like
/// another, and no word comes out.
const SYMBOLS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Symbols in a key: 8 × 5 = 40 bits.
const LEN: usize = 8;

/// A session's key, shown as `KJ4P-7TWX`.
///
/// It is read forgivingly: any case, with or without the hyphen, `O` as `0`, `I` and `L` as `1`. `Debug` hides
/// it, so that it does not reach a log by accident.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionKey([u8; LEN]);

impl SessionKey {
    /// The key with these 40 random bits.
    #[must_use]
    pub fn from_random(bits: [u8; 5]) -> Self {
        let value = bits.iter().fold(0u64, |v, b| v << 8 | u64::from(*b));
        Self(std::array::from_fn(|i| SYMBOLS[(value >> (5 * (LEN - 1 - i)) & 31) as usize]))
    }
}

impl fmt::Display for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, symbol) in self.0.iter().enumerate() {
            if i == LEN / 2 {
                f.write_str("-")?;
            }
            write!(f, "{}", char::from(*symbol))?;
        }
        Ok(())
    }
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionKey(…)")
    }
}

/// What was typed cannot be a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAKey;

impl fmt::Display for NotAKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a session key has eight letters and digits, such as KJ4P-7TWX")
    }
}

impl std::error::Error for NotAKey {}

impl FromStr for SessionKey {
    type Err = NotAKey;

    fn from_str(s: &str) -> Result<Self, NotAKey> {
        let mut symbols = [0; LEN];
        let mut len = 0;
        for c in s.chars().filter(|c| !matches!(c, '-' | ' ')) {
            let symbol = match c.to_ascii_uppercase() {
                'O' => b'0',
                'I' | 'L' => b'1',
                c => u8::try_from(c).ok().filter(|b| SYMBOLS.contains(b)).ok_or(NotAKey)?,
            };
            *symbols.get_mut(len).ok_or(NotAKey)? = symbol;
            len += 1;
        }
        if len == LEN { Ok(Self(symbols)) } else { Err(NotAKey) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_people_type_it() {
        let key: SessionKey = "KJ4P-7TW0".parse().unwrap();
        assert_eq!(key.to_string(), "KJ4P-7TW0");
        for typed in ["kj4p7tw0", " KJ4P 7TWO ", "kj4p-7two", "K-J-4-P-7-T-W-0"] {
            assert_eq!(typed.parse(), Ok(key), "{typed}");
        }
    }

    #[test]
    fn other_text_is_no_key() {
        for bad in ["", "KJ4P", "KJ4P-7TWX-9", "KJ4P-7TW!", "KJ4P-7TWÜ", "UUUU-UUUU"] {
            assert_eq!(bad.parse::<SessionKey>(), Err(NotAKey), "{bad}");
        }
    }

    #[test]
    fn each_bit_of_the_randomness_counts() {
        let zero = SessionKey::from_random([0; 5]);
        assert_eq!(zero.to_string(), "0000-0000");
        assert_eq!(SessionKey::from_random([255; 5]).to_string(), "ZZZZ-ZZZZ");
        for bit in 0..40 {
            let mut bits = [0; 5];
            bits[bit / 8] = 1 << (bit % 8);
            assert_ne!(SessionKey::from_random(bits), zero);
        }
    }

    #[test]
    fn debug_hides_the_key() {
        assert!(!format!("{:?}", SessionKey::from_random([9; 5])).contains('9'));
    }
}
