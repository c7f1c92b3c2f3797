//! Bytes as text for URLs, files and people: Crockford's base 32. It is read in either case, with O for 0 and I or L
//! for 1, and through hyphens and white space.

use super::SealError;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Longest text that is looked at.
pub(super) const MOST_CHARS: usize = 4096;

/// `bytes` as text: 8 letters for each 5.
pub(super) fn write(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(5) * 8);
    let (mut bits, mut held) = (0_u32, 0);
    for &byte in bytes {
        bits = bits << 8 | u32::from(byte);
        held += 8;
        while held >= 5 {
            held -= 5;
            text.push(char::from(ALPHABET[(bits >> held & 31) as usize]));
        }
        bits &= 31;
    }
    if held > 0 {
        text.push(char::from(ALPHABET[(bits << (5 - held) & 31) as usize]));
    }
    text
}

/// The bytes of a text.
///
/// # Errors
/// - [`SealError::Text`] for other letters, a length that no bytes have, bits in the padding, or too long a text.
pub(super) fn read(text: &str) -> Result<Vec<u8>, SealError> {
    if text.len() > MOST_CHARS {
        return Err(SealError::Text);
    }
    let mut bytes = Vec::with_capacity(text.len() * 5 / 8);
    let (mut bits, mut held) = (0_u32, 0);
    for c in text.chars().filter(|c| !c.is_whitespace() && *c != '-') {
        bits = bits << 5 | u32::from(value(c).ok_or(SealError::Text)?);
        held += 5;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
            bits &= (1 << held) - 1;
        }
    }
    if held >= 5 || bits != 0 { Err(SealError::Text) } else { Ok(bytes) }
}

fn value(c: char) -> Option<u8> {
    let c = match c.to_ascii_lowercase() {
        'o' => '0',
        'i' | 'l' => '1',
        c => c,
    };
    ALPHABET.iter().position(|&letter| char::from(letter) == c).map(|at| at as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_texts() {
        assert_eq!(write(b""), "");
        assert_eq!(write(&[0xff; 5]), "zzzzzzzz");
        assert_eq!(write(&[0, 1]), "000g");
        assert_eq!(read("OIL-0 1234 5u"), Err(SealError::Text));
        assert_eq!(read("oil0 0000"), read("01100000"));
        assert_eq!(read("ZZZZ-ZZZZ"), Ok(vec![0xff; 5]));
        // One letter holds no byte; a bit is left in the padding; the text has no end.
        for bad in ["z", "zz", "000h", &"0".repeat(MOST_CHARS + 1)] {
            assert_eq!(read(bad), Err(SealError::Text));
        }
    }

    proptest! {
        #[test]
        fn bytes_come_back(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let text = write(&bytes);
            prop_assert_eq!(read(&text), Ok(bytes.clone()));
            prop_assert_eq!(read(&text.to_uppercase()), Ok(bytes));
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,80}") {
            if let Ok(bytes) = read(&text) {
                prop_assert_eq!(read(&write(&bytes)), Ok(bytes));
            }
        }
    }
}
