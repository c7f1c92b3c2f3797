//! What is answered where no host is behind a key's number.

/// Bytes of a host's answer to a knock: a PAKE element with its side, and the first message of a handshake (an
/// ephemeral key and an authentication tag).
const ANSWER_BYTES: usize = 33 + 32 + 16;

/// Bytes that a host could have sent. They lead nowhere: no key goes with them.
pub(crate) fn answer() -> Vec<u8> {
    let mut bytes = vec![0; ANSWER_BYTES];
    // Without randomness there is no host either.
    let _ = getrandom::fill(&mut bytes);
    bytes
}
