//! One direction of a channel: a key, a counter, a label.
//!
//! ```text
//! record = ChaCha20-Poly1305(kind, plain) tag
//! nonce  = 00 00 00 00, counter (8 bytes, little endian)     never sent
//! beside = label (4 bytes), generation (4 bytes, little endian)   never sent
//! ```
//!
//! A numbered record may be missing, so its counter stands before it; beside it is, too, how many others went before.

use super::SealError;
use chacha20poly1305::aead::AeadInPlace;
use chacha20poly1305::{ChaCha20Poly1305, Key, KeyInit, Nonce, Tag};
use std::fmt;

/// What a record is longer than what it holds: its kind and its tag.
pub const RECORD_OVERHEAD: usize = 1 + TAG;
const TAG: usize = 16;
const NUMBER: usize = 8;

/// What a replaceable record is longer than what it holds.
pub const REPLACEABLE_OVERHEAD: usize = NUMBER + RECORD_OVERHEAD;

/// Whose records these are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Label {
    ToHost,
    ToJoiner,
    ReplaceableToHost,
    ReplaceableToJoiner,
    Stream { generation: u32 },
}

impl Label {
    fn bytes(self) -> [u8; 8] {
        let (label, generation) = match self {
            Self::ToHost => (b"host", 0),
            Self::ToJoiner => (b"join", 0),
            Self::ReplaceableToHost => (b"hmay", 0),
            Self::ReplaceableToJoiner => (b"jmay", 0),
            Self::Stream { generation } => (b"cast", generation),
        };
        let mut bytes = [0; 8];
        bytes[..4].copy_from_slice(label);
        bytes[4..].copy_from_slice(&generation.to_le_bytes());
        bytes
    }
}

/// Seals or opens records in their order. The cipher wipes its key when it is dropped.
pub(super) struct Records {
    cipher: ChaCha20Poly1305,
    beside: [u8; 8],
    next: u64,
}

impl Records {
    pub(super) fn new(key: &[u8; 32], label: Label, next: u64) -> Self {
        Self { cipher: ChaCha20Poly1305::new(Key::from_slice(key)), beside: label.bytes(), next }
    }

    /// The counter of the record that comes next.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// Appends the record of `plain` to `out`.
    pub(super) fn seal(&mut self, kind: u8, plain: &[u8], out: &mut Vec<u8>) -> Result<(), SealError> {
        let beside = self.beside;
        self.seal_beside(&beside, kind, plain, out)
    }

    /// Opens the next record where it lies; without a match nothing of it is decrypted.
    pub(super) fn open<'a>(&mut self, record: &'a mut [u8]) -> Result<(u8, &'a [u8]), SealError> {
        let beside = self.beside;
        self.open_beside(&beside, record)
    }

    /// Appends the record of `plain` with its number, bound to its place `after` so many others.
    pub(super) fn seal_numbered(
        &mut self,
        after: u64,
        kind: u8,
        plain: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), SealError> {
        let start = out.len();
        out.reserve(plain.len() + REPLACEABLE_OVERHEAD);
        out.extend_from_slice(&self.next.to_le_bytes());
        self.seal_beside(&self.numbered(after), kind, plain, out).inspect_err(|_| out.truncate(start))
    }

    /// Opens a numbered record that came `after` so many others; some before it may be missing.
    pub(super) fn open_numbered<'a>(
        &mut self,
        after: u64,
        record: &'a mut [u8],
    ) -> Result<(u8, &'a [u8]), SealError> {
        let (number, sealed) = record.split_first_chunk_mut::<NUMBER>().ok_or(SealError::Tampered)?;
        let number = u64::from_le_bytes(*number);
        if number < self.next || number == u64::MAX {
            return Err(SealError::Tampered);
        }
        self.next = number;
        self.open_beside(&self.numbered(after), sealed)
    }

    fn numbered(&self, after: u64) -> [u8; 16] {
        let mut beside = [0; 16];
        beside[..8].copy_from_slice(&self.beside);
        beside[8..].copy_from_slice(&after.to_le_bytes());
        beside
    }

    fn seal_beside(
        &mut self,
        beside: &[u8],
        kind: u8,
        plain: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), SealError> {
        let nonce = self.count()?;
        out.reserve(plain.len() + RECORD_OVERHEAD);
        let start = out.len();
        out.push(kind);
        out.extend_from_slice(plain);
        // It fails for more bytes than one nonce is good for, 256 GB.
        match self.cipher.encrypt_in_place_detached(&nonce, beside, &mut out[start..]) {
            Ok(tag) => out.extend_from_slice(&tag),
            Err(_) => {
                out.truncate(start);
                return Err(SealError::TooLong);
            }
        }
        Ok(())
    }

    fn open_beside<'a>(&mut self, beside: &[u8], record: &'a mut [u8]) -> Result<(u8, &'a [u8]), SealError> {
        let sealed = record.len().checked_sub(TAG).filter(|&bytes| bytes > 0).ok_or(SealError::Tampered)?;
        let nonce = self.count()?;
        let (body, tag) = record.split_at_mut(sealed);
        self.cipher
            .decrypt_in_place_detached(&nonce, beside, body, Tag::from_slice(tag))
            .map_err(|_| SealError::Tampered)?;
        let (&mut kind, plain) = body.split_first_mut().ok_or(SealError::Tampered)?;
        Ok((kind, plain))
    }

    fn count(&mut self) -> Result<Nonce, SealError> {
        let mut nonce = [0; 12];
        nonce[4..].copy_from_slice(&self.next.to_le_bytes());
        self.next = self.next.checked_add(1).ok_or(SealError::Ended)?;
        Ok(nonce.into())
    }
}

impl fmt::Debug for Records {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Records").field("next", &self.next).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8439's construction by its parts, another way than the crate's one call: the key stream of block 0 makes the
    /// Poly1305 key, block 1 on is added to the plain bytes. Here the known answer of its section 2.8.2 stands for it.
    #[test]
    fn the_cipher_is_the_standards() {
        let key: Vec<u8> = (0x80..=0x9f).collect();
        let cipher = ChaCha20Poly1305::new(Key::from_slice(&key));
        let nonce = [7, 0, 0, 0, 0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47];
        let beside = [0x50, 0x51, 0x52, 0x53, 0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7];
        let mut text =
            b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the \
                         future, sunscreen would be it."
                .to_vec();
        let tag = cipher.encrypt_in_place_detached(&nonce.into(), &beside, &mut text).unwrap();
        assert_eq!(text[..8], [0xd3, 0x1a, 0x8d, 0x34, 0x64, 0x8e, 0x60, 0xdb]);
        assert_eq!(tag[..8], [0x1a, 0xe1, 0x0b, 0x59, 0x4f, 0x09, 0xe2, 0x6a]);
    }

    #[test]
    fn a_record_is_bound_to_its_label_generation_and_number() {
        let key = [5; 32];
        let mut record = Vec::new();
        Records::new(&key, Label::Stream { generation: 1 }, 7).seal(9, b"plain", &mut record).unwrap();
        assert_eq!(record.len(), 5 + RECORD_OVERHEAD);
        let open = |label, next| {
            let mut record = record.clone();
            Records::new(&key, label, next).open(&mut record).map(|(kind, plain)| (kind, plain.to_vec()))
        };
        assert_eq!(open(Label::Stream { generation: 1 }, 7), Ok((9, b"plain".to_vec())));
        for (label, next) in [
            (Label::Stream { generation: 1 }, 6),
            (Label::Stream { generation: 1 }, 8),
            (Label::Stream { generation: 257 }, 7),
            (Label::ToHost, 7),
            (Label::ToJoiner, 7),
        ] {
            assert_eq!(open(label, next), Err(SealError::Tampered));
        }
    }

    #[test]
    fn the_last_number_is_never_used_twice() {
        let mut records = Records::new(&[1; 32], Label::ToHost, u64::MAX - 1);
        assert!(records.seal(0, b"", &mut Vec::new()).is_ok());
        assert_eq!(records.seal(0, b"", &mut Vec::new()), Err(SealError::Ended));
        assert_eq!(records.seal(0, b"", &mut Vec::new()), Err(SealError::Ended));
    }
}
