//! The two secrets that people pass on: digits to type, and a link's fragment.

use super::noise::derive;
use super::{SealError, entropy, text};
use std::fmt;
use std::str::FromStr;
use zeroize::{Zeroize, Zeroizing};

/// Digits of the number by which the relay finds the host.
const NUMBER_END: u16 = 10_000;
/// Digits of the secret, which no relay sees.
const SECRET_END: u32 = 100_000;

/// Nine digits: a number of four by which the relay finds the host, and a secret of five.
///
/// Its text is `482 913 507`; it is read through white space and punctuation. `Debug` hides the secret.
#[derive(Clone, PartialEq, Eq)]
pub struct TypedKey {
    number: u16,
    secret: Zeroizing<u32>,
}

impl TypedKey {
    /// A new key for the host whom the relay knows by `number`.
    ///
    /// # Errors
    /// - [`SealError::Text`] if the number has more than four digits.
    /// - [`SealError::NoEntropy`]
    pub fn draw(number: u16) -> Result<Self, SealError> {
        if number >= NUMBER_END {
            return Err(SealError::Text);
        }
        Ok(Self { number, secret: Zeroizing::new(entropy::draw_below(SECRET_END)?) })
    }

    /// What the relay is asked for: 0 to 9999.
    #[must_use]
    pub fn number(&self) -> u16 {
        self.number
    }

    pub(super) fn secret(&self) -> [u8; 4] {
        self.secret.to_le_bytes()
    }
}

impl FromStr for TypedKey {
    type Err = SealError;

    fn from_str(text: &str) -> Result<Self, SealError> {
        if text.len() > text::MOST_CHARS {
            return Err(SealError::Text);
        }
        let (mut key, mut digits) = (Zeroizing::new(0_u32), 0);
        for c in text.chars() {
            // Keyboards of East Asia write the digits at full width.
            let digit = match c {
                '0'..='9' => c as u32 - '0' as u32,
                '０'..='９' => c as u32 - '０' as u32,
                '-' | '.' | '_' | '/' | ',' | '\u{2010}'..='\u{2015}' => continue,
                c if c.is_whitespace() => continue,
                _ => return Err(SealError::Text),
            };
            digits += 1;
            if digits > 9 {
                return Err(SealError::Text);
            }
            *key = *key * 10 + digit;
        }
        if digits < 9 {
            return Err(SealError::Text);
        }
        Ok(Self { number: (*key / SECRET_END) as u16, secret: Zeroizing::new(*key % SECRET_END) })
    }
}

impl fmt::Display for TypedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = u32::from(self.number) * SECRET_END + *self.secret;
        write!(f, "{:03} {:03} {:03}", key / 1_000_000, key / 1000 % 1000, key % 1000)
    }
}

impl fmt::Debug for TypedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TypedKey").field("number", &self.number).finish_non_exhaustive()
    }
}

/// 128 random bits in a URL's fragment, which browsers send to nobody.
///
/// Its text has 26 letters and digits. `Debug` hides it.
#[derive(Clone)]
pub struct LinkSecret([u8; 16]);

impl LinkSecret {
    /// A new secret.
    ///
    /// # Errors
    /// - [`SealError::NoEntropy`]
    pub fn draw() -> Result<Self, SealError> {
        Ok(Self(entropy::draw()?))
    }

    /// The id of the door that it opens, 128 bits in hex: whoever has the link finds the door, and a relay that is told
    /// the id learns nothing of the link.
    #[must_use]
    pub fn door_id(&self) -> String {
        let id = derive(&self.0, None, "panecast link door");
        id[..16].iter().map(|byte| format!("{byte:02x}")).collect()
    }

    pub(super) fn bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// What follows a link's secret where a typed key is needed, too.
const WITH_KEY: &str = ".key";

/// What stands behind the `#` of a link's URL: the secret, and whether a typed key is needed with it.
#[derive(Clone, Debug)]
pub struct LinkText {
    /// The link's half of what lets in.
    pub secret: LinkSecret,
    /// Whether a key is the other half.
    pub with_key: bool,
}

impl FromStr for LinkText {
    type Err = SealError;

    fn from_str(text: &str) -> Result<Self, SealError> {
        let text = text.trim();
        let (secret, with_key) = text.strip_suffix(WITH_KEY).map_or((text, false), |secret| (secret, true));
        Ok(Self { secret: secret.parse()?, with_key })
    }
}

impl fmt::Display for LinkText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.secret, if self.with_key { WITH_KEY } else { "" })
    }
}

impl FromStr for LinkSecret {
    type Err = SealError;

    fn from_str(text: &str) -> Result<Self, SealError> {
        let bytes = Zeroizing::new(text::read(text)?);
        Ok(Self(bytes.as_slice().try_into().map_err(|_| SealError::Text)?))
    }
}

impl fmt::Display for LinkSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Zeroizing::new(text::write(&self.0)))
    }
}

impl fmt::Debug for LinkSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkSecret(…)")
    }
}

impl Drop for LinkSecret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_key_is_read_as_people_write_it() {
        let key: TypedKey = "482913507".parse().unwrap();
        assert_eq!((key.number(), key.to_string().as_str()), (4829, "482 913 507"));
        for text in [
            "482 913 507",
            "482-913-507",
            " 4829 13507\n",
            "482\u{a0}913\u{2009}507",
            "４８２９１３５０７",
            "4.8.2.9.1.3.5.0.7",
        ] {
            assert_eq!(text.parse(), Ok(key.clone()), "{text}");
        }
        for text in ["", "48291350", "4829135070", "48291350x", "482913507 0", "+482913507", "٤٨٢٩١٣٥٠٧"]
        {
            assert_eq!(text.parse::<TypedKey>(), Err(SealError::Text), "{text}");
        }
        let small: TypedKey = "000 000 042".parse().unwrap();
        assert_eq!((small.number(), small.to_string().as_str()), (0, "000 000 042"));
    }

    #[test]
    fn secrets_are_not_printed_by_debug() {
        let key: TypedKey = "482913507".parse().unwrap();
        assert!(!format!("{key:?}").contains("13507") && format!("{key:?}").contains("4829"));
        let link = LinkSecret([0xab; 16]);
        assert_eq!(format!("{link:?}"), "LinkSecret(…)");
    }

    #[test]
    fn a_links_text_says_whether_a_key_is_needed_and_its_id_hides_the_secret() {
        let secret = LinkSecret([0xab; 16]);
        for with_key in [false, true] {
            let text = LinkText { secret: secret.clone(), with_key }.to_string();
            let read: LinkText = text.parse().unwrap();
            assert_eq!((read.secret.0, read.with_key), ([0xab; 16], with_key), "{text}");
        }
        for bad in ["", ".key", "abc.key", "482913507", "0123456789abcdefghjkmnpqr0.key.key"] {
            assert_eq!(bad.parse::<LinkText>().unwrap_err(), SealError::Text, "{bad}");
        }
        // HKDF-SHA256 without salt of 16 bytes 0xab for "panecast link door", as another program gives it.
        assert_eq!(secret.door_id(), "2c66f498b9dd9a4f19bf49b82ab9a8e8");
        assert_ne!(secret.door_id(), LinkSecret([0xac; 16]).door_id());
    }

    #[test]
    fn drawn_keys_differ_and_keep_their_number() {
        assert_eq!(TypedKey::draw(10_000), Err(SealError::Text));
        let drawn: Vec<TypedKey> = (0..8).map(|_| TypedKey::draw(37).unwrap()).collect();
        assert!(drawn.iter().all(|key| key.number() == 37 && key.to_string().starts_with("003 7")));
        assert!(drawn.iter().any(|key| key != &drawn[0]));
        assert_ne!(LinkSecret::draw().unwrap().0, LinkSecret::draw().unwrap().0);
    }

    proptest! {
        #[test]
        fn keys_come_back(number in 0_u16..10_000, secret in 0_u32..100_000) {
            let key = TypedKey { number, secret: Zeroizing::new(secret) };
            prop_assert_eq!(key.to_string().parse(), Ok(key.clone()));
            prop_assert_eq!(key.to_string().replace(' ', "").parse(), Ok(key));
        }

        #[test]
        fn any_text_is_a_key_or_none(text in "[0-9 ./x-]{0,20}") {
            let digits: String = text.chars().filter(char::is_ascii_digit).collect();
            let sound = digits.len() == 9 && !text.contains('x');
            let read = text.parse::<TypedKey>().map(|key| key.to_string().replace(' ', ""));
            prop_assert_eq!(read, if sound { Ok(digits) } else { Err(SealError::Text) });
        }

        #[test]
        fn a_door_tells_nothing_of_its_link(bytes: [u8; 16]) {
            let id = LinkSecret(bytes).door_id();
            prop_assert!(id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit()));
            prop_assert_eq!(LinkSecret(bytes).door_id(), id.clone());
            let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
            prop_assert!(id != hex);
        }

        #[test]
        fn links_come_back(bytes: [u8; 16]) {
            let text = LinkSecret(bytes).to_string();
            prop_assert_eq!(text.len(), 26);
            prop_assert_eq!(text.parse::<LinkSecret>().unwrap().0, bytes);
            prop_assert!(text[1..].parse::<LinkSecret>().is_err());
        }
    }
}
