//! Phone numbers.

use std::fmt;
use std::str::FromStr;

/// A number as E.164 writes it: `+`, the country, the subscriber; 7 to 15 digits.
///
/// `Debug` shows its last two digits alone.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PhoneNumber(String);

/// The text is no phone number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoNumber;

impl fmt::Display for NoNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("write the phone number with its country, such as +49 151 23456789")
    }
}

impl std::error::Error for NoNumber {}

impl FromStr for PhoneNumber {
    type Err = NoNumber;

    /// Reads a number through spaces, hyphens, dots, slashes and brackets.
    fn from_str(text: &str) -> Result<Self, NoNumber> {
        if text.len() > 64 {
            return Err(NoNumber);
        }
        let mut digits = String::new();
        let mut chars = text.trim().chars();
        if chars.next() != Some('+') {
            return Err(NoNumber);
        }
        for c in chars {
            match c {
                '0'..='9' => digits.push(c),
                ' ' | '\u{a0}' | '\u{202f}' | '-' | '.' | '/' | '(' | ')' => {}
                _ => return Err(NoNumber),
            }
        }
        // No country's code begins with 0: `+49 (0)151` would be another number without it.
        if !(7..=15).contains(&digits.len()) || digits.starts_with('0') || text.contains("(0)") {
            return Err(NoNumber);
        }
        Ok(Self(format!("+{digits}")))
    }
}

impl fmt::Display for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PhoneNumber(…{})", &self.0[self.0.len() - 2..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_people_write_them() {
        for text in ["+4915123456789", "+49 151 234 567 89", " +49 (151) 234-56789 ", "+49.151/23456789"] {
            assert_eq!(
                text.parse::<PhoneNumber>().map(|n| n.to_string()),
                Ok("+4915123456789".into()),
                "{text}"
            );
        }
        for text in [
            "",
            "+",
            "015123456789",
            "004915123456789",
            "+49",
            "+049151234567",
            "+4915123456789012345",
            "+49 151 call me",
            "+49 (0)151 23456789",
            "+49151\n23456789",
            "4915123456789",
            "++4915123456789",
        ] {
            assert_eq!(text.parse::<PhoneNumber>(), Err(NoNumber), "{text:?}");
        }
    }

    #[test]
    fn logs_do_not_have_the_number() {
        let number: PhoneNumber = "+4915123456789".parse().unwrap();
        assert_eq!(format!("{number:?}"), "PhoneNumber(…89)");
    }
}
