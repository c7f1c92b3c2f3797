//! First messages that go along with the request for a WebSocket, where a header holds them: a round trip less.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The sub-protocol of all WebSockets of a relay. One who names it in its request may send [`Early`] messages with it, and
/// a relay that names it in its answer has taken them.
pub const SUBPROTOCOL: &str = "panecast";

/// Most bytes of all entries together: proxies take headers of twice that.
pub const MOST_EARLY_BYTES: usize = 4 << 10;

const HELLO: &str = "hello.";
const PROOF: &str = "proof.";

/// The first messages of a connection, as they go with its request: entries of `Sec-WebSocket-Protocol` beside
/// [`SUBPROTOCOL`], `hello.` and `proof.` with the message in base64 (of URLs, without padding).
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Early {
    /// The hello.
    pub hello: Option<String>,
    /// The first binary message.
    pub proof: Option<Vec<u8>>,
}

/// Entries that are none of [`Early`]'s form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotEarly;

impl Early {
    /// As many of a connection's first messages as the header may hold, in their order. What is left is sent as messages.
    #[must_use]
    pub fn of(hello: &str, proof: Option<&[u8]>) -> Self {
        let mut early = Self { hello: Some(hello.to_owned()), proof: proof.map(<[u8]>::to_vec) };
        if early.header().len() > MOST_EARLY_BYTES {
            early.proof = None;
        }
        if early.header().len() > MOST_EARLY_BYTES {
            early.hello = None;
        }
        early
    }

    /// The header's value.
    #[must_use]
    pub fn header(&self) -> String {
        let mut value = SUBPROTOCOL.to_owned();
        let messages = [(HELLO, self.hello.as_ref().map(String::as_bytes)), (PROOF, self.proof.as_deref())];
        for (name, message) in messages {
            if let Some(message) = message {
                value.push_str(", ");
                value.push_str(name);
                URL_SAFE_NO_PAD.encode_string(message, &mut value);
            }
        }
        value
    }

    /// Reads the header's values; entries of other names are left to those who know them.
    ///
    /// # Errors
    /// If there is too much, an entry twice, or one that is no base64.
    pub fn parse<'a>(values: impl Iterator<Item = &'a str>) -> Result<Self, NotEarly> {
        let (mut early, mut bytes) = (Self::default(), 0);
        for value in values {
            bytes += value.len();
            if bytes > MOST_EARLY_BYTES {
                return Err(NotEarly);
            }
            for entry in value.split(',').map(str::trim) {
                if let Some(text) = entry.strip_prefix(HELLO) {
                    let hello = String::from_utf8(decode(text)?).map_err(|_| NotEarly)?;
                    once(&mut early.hello, hello)?;
                } else if let Some(text) = entry.strip_prefix(PROOF) {
                    once(&mut early.proof, decode(text)?)?;
                }
            }
        }
        // A proof is of no use before the relay knows whose it is.
        if early.proof.is_some() && early.hello.is_none() { Err(NotEarly) } else { Ok(early) }
    }
}

fn decode(text: &str) -> Result<Vec<u8>, NotEarly> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| NotEarly)
}

fn once<T>(slot: &mut Option<T>, message: T) -> Result<(), NotEarly> {
    if slot.replace(message).is_some() { Err(NotEarly) } else { Ok(()) }
}

/// Hides what is secret: a hello has tokens.
impl std::fmt::Debug for Early {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { hello, proof } = self;
        f.debug_struct("Early").field("hello", &hello.is_some()).field("proof", &proof.is_some()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_has_its_documented_form() {
        let early = Early::of("{}", Some(&[0xfb, 0xff, 0]));
        assert_eq!(early.header(), "panecast, hello.e30, proof.-_8A");
        assert_eq!(Early::parse([early.header().as_str()].into_iter()), Ok(early.clone()));
        // A proxy may write it as several, or without blanks.
        assert_eq!(Early::parse(["panecast", "hello.e30,proof.-_8A"].into_iter()), Ok(early));
        assert_eq!(Early::default().header(), "panecast");
        assert_eq!(Early::parse(["panecast, chat"].into_iter()), Ok(Early::default()));
    }

    #[test]
    fn what_does_not_fit_is_left_for_messages() {
        let room = MOST_EARLY_BYTES - "panecast, hello.e30, proof.".len();
        let proof = vec![7; room * 3 / 4];
        let early = Early::of("{}", Some(&proof));
        assert!(early.proof.is_some() && early.header().len() <= MOST_EARLY_BYTES);
        let longer = Early::of("{}", Some(&vec![7; room * 3 / 4 + 2]));
        assert_eq!((longer.hello.as_deref(), longer.proof), (Some("{}"), None));
        let hello = "x".repeat(MOST_EARLY_BYTES);
        assert_eq!(Early::of(&hello, Some(b"p")), Early::default());
    }

    #[test]
    fn anything_else_is_refused() {
        for bad in [
            "panecast, hello.e30=",
            "panecast, hello.e+0",
            "panecast, hello.e30, hello.e30",
            "panecast, hello.e30, proof.AA, proof.AA",
            "panecast, proof.AA",
            "panecast, hello._w",
        ] {
            assert_eq!(Early::parse([bad].into_iter()), Err(NotEarly), "{bad}");
        }
        let long = "x".repeat(MOST_EARLY_BYTES / 2 + 1);
        assert_eq!(Early::parse([long.as_str(), &long].into_iter()), Err(NotEarly));
    }
}
