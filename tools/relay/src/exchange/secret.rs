//! What proves that a room is a host's, and that a joiner was in it.
//!
//! A relay keeps nothing on disk and asks nobody: a room's id follows from its secret, and a joiner's token from
//! the secret and the joiner's number. So any relay that a host comes back to can tell its joiners from others.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use std::fmt;
use subtle::ConstantTimeEq;

/// A room's public id.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct RoomId([u8; 16]);

impl fmt::Display for RoomId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for RoomId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl RoomId {
    pub(crate) fn bytes(self) -> [u8; 16] {
        self.0
    }

    pub(crate) fn of(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        from_hex(text).map(Self)
    }
}

/// What proves that a host owns a room: 128 random bits.
#[derive(Clone)]
pub(crate) struct RoomSecret([u8; 16]);

impl fmt::Debug for RoomSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RoomSecret(…)")
    }
}

/// Bytes of a token: the count of its returns, and a MAC.
const TOKEN_BYTES: usize = 8 + 16;

impl RoomSecret {
    pub(crate) fn from_random(bits: [u8; 16]) -> Self {
        Self(bits)
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        from_hex(text).map(Self)
    }

    /// The secret in hex, for the host alone.
    pub(crate) fn reveal(&self) -> String {
        hex(&self.0)
    }

    /// The id of the room that this secret proves. Finding another secret of a room takes 2^128 hashes.
    pub(crate) fn room(&self) -> RoomId {
        let digest = Sha256::new().chain_update(b"panecast room").chain_update(self.0).finalize();
        let mut id = [0; 16];
        id.copy_from_slice(&digest[..16]);
        RoomId(id)
    }

    fn mac(&self, joiner: u32, count: u64) -> [u8; 16] {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(b"panecast joiner");
        mac.update(&joiner.to_le_bytes());
        mac.update(&count.to_le_bytes());
        let mut out = [0; 16];
        out.copy_from_slice(&mac.finalize().into_bytes()[..16]);
        out
    }

    /// The token by which `joiner` may come back for the time numbered `count`.
    pub(crate) fn token(&self, joiner: u32, count: u64) -> String {
        let mut token = [0; TOKEN_BYTES];
        token[..8].copy_from_slice(&count.to_be_bytes());
        token[8..].copy_from_slice(&self.mac(joiner, count));
        hex(&token)
    }

    /// Which time a token of `joiner` is for; `None` if this room never gave it.
    pub(crate) fn count_of(&self, joiner: u32, token: &str) -> Option<u64> {
        let token: [u8; TOKEN_BYTES] = from_hex(token)?;
        let (count, told) = token.split_first_chunk::<8>()?;
        let count = u64::from_be_bytes(*count);
        bool::from(self.mac(joiner, count).as_slice().ct_eq(told)).then_some(count)
    }
}

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Exactly `N` bytes of lower-case hex.
pub(crate) fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |c: u8| match c {
        b'0'..=b'9' => Some(c - b'0'),
        b'a'..=b'f' => Some(c - b'a' + 10),
        _ => None,
    };
    let text = text.as_bytes();
    let mut out = [0; N];
    if text.len() != 2 * N {
        return None;
    }
    for (byte, pair) in out.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_follows_from_its_secret() {
        // By `printf 'panecast room' | cat - zeros16 | sha256sum`.
        let secret = RoomSecret::from_random([0; 16]);
        assert_eq!(secret.room().to_string(), "e75c79d376bfa48f5cbd85a4de329e5f");
        assert_eq!(RoomSecret::parse(&secret.reveal()).unwrap().room(), secret.room());
        assert_eq!(RoomId::parse(&secret.room().to_string()), Some(secret.room()));
        for bad in ["", "0", &"g".repeat(32), &"0".repeat(33), &"A".repeat(32)] {
            assert!(RoomSecret::parse(bad).is_none(), "{bad}");
        }
        assert!(!format!("{:?}", RoomSecret::from_random([0x5a; 16])).contains("5a"));
    }

    #[test]
    fn a_token_is_good_for_its_room_joiner_and_time_alone() {
        let (room, other) = (RoomSecret::from_random([1; 16]), RoomSecret::from_random([2; 16]));
        let token = room.token(7, 3);
        assert_eq!(room.count_of(7, &token), Some(3));
        assert_eq!(other.count_of(7, &token), None);
        assert_eq!(room.count_of(8, &token), None);
        for at in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[at] = if changed[at] == b'0' { b'1' } else { b'0' };
            assert_eq!(room.count_of(7, std::str::from_utf8(&changed).unwrap()), None, "digit {at}");
        }
        assert_eq!(room.count_of(7, &token[2..]), None);
        assert_eq!(room.count_of(7, ""), None);
    }
}
