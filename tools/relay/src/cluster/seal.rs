//! What relays of a cluster share: a secret, and what follows from it.
//!
//! Whatever one relay tells another is sealed under it for the subject that it goes to. NATS and whoever else is
//! connected to it see random ids, sizes and times; and what did not come from a relay of the cluster is no message.

use chacha20poly1305::aead::AeadInPlace;
use chacha20poly1305::{KeyInit as _, Tag, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, KeyInit as _, Mac};
use sha2::Sha256;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::{fmt, fs, io};

/// Fewest bytes of a cluster's secret.
const FEWEST_SECRET_BYTES: usize = 32;

/// Bytes of a nonce: 16 drawn at the start of the process, 8 counted.
const NONCE_BYTES: usize = 24;

const TAG_BYTES: usize = 16;

/// What sealing adds to a message.
pub(crate) const SEAL_BYTES: usize = NONCE_BYTES + TAG_BYTES;

/// A cluster's secret.
#[derive(Clone)]
pub struct ClusterSecret(Arc<[u8]>);

impl ClusterSecret {
    /// From a file of 32 bytes or more, without the white space at its end.
    ///
    /// # Errors
    /// If the file cannot be read, or is too short to be a secret.
    pub fn from_file(path: &Path) -> io::Result<Self> {
        let text = fs::read(path)?;
        let secret = text.trim_ascii_end();
        if secret.len() < FEWEST_SECRET_BYTES {
            let what = format!(
                "a cluster's secret has {FEWEST_SECRET_BYTES} bytes or more, this one {}",
                secret.len()
            );
            return Err(io::Error::new(io::ErrorKind::InvalidData, what));
        }
        Ok(Self(secret.into()))
    }

    /// A key for one purpose.
    pub(crate) fn key(&self, purpose: &str) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(b"panecast cluster ");
        mac.update(purpose.as_bytes());
        mac.finalize().into_bytes().into()
    }
}

impl fmt::Debug for ClusterSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClusterSecret(…)")
    }
}

/// Seals and opens messages.
pub(crate) struct Seal {
    cipher: XChaCha20Poly1305,
    process: [u8; 16],
    count: AtomicU64,
}

impl Seal {
    /// `process` is random, and drawn for each one.
    pub(crate) fn new(secret: &ClusterSecret, process: [u8; 16]) -> Self {
        let cipher = XChaCha20Poly1305::new(&secret.key("seal").into());
        Self { cipher, process, count: AtomicU64::new(0) }
    }

    /// The message of these parts, sealed for `subject`.
    pub(crate) fn seal(&self, subject: &str, parts: &[&[u8]]) -> Vec<u8> {
        let mut nonce = [0; NONCE_BYTES];
        nonce[..16].copy_from_slice(&self.process);
        nonce[16..].copy_from_slice(&self.count.fetch_add(1, Ordering::Relaxed).to_le_bytes());
        let mut message = Vec::with_capacity(SEAL_BYTES + parts.iter().map(|p| p.len()).sum::<usize>());
        message.extend_from_slice(&nonce);
        parts.iter().for_each(|part| message.extend_from_slice(part));
        let nonce = XNonce::from(nonce);
        let (_, body) = message.split_at_mut(NONCE_BYTES);
        let tag = self
            .cipher
            .encrypt_in_place_detached(&nonce, subject.as_bytes(), body)
            .expect("a message is shorter than the cipher's 256 GiB");
        message.extend_from_slice(&tag);
        message
    }

    /// What is in a message that came on `subject`; `None` if it was not sealed for it.
    pub(crate) fn open(&self, subject: &str, message: &[u8]) -> Option<Vec<u8>> {
        let (nonce, rest) = message.split_first_chunk::<NONCE_BYTES>()?;
        let (body, tag) = rest.split_last_chunk::<TAG_BYTES>()?;
        let mut body = body.to_vec();
        let (nonce, tag) = (XNonce::from(*nonce), Tag::from(*tag));
        self.cipher.decrypt_in_place_detached(&nonce, subject.as_bytes(), &mut body, &tag).ok()?;
        Some(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_very_message_for_the_very_subject_opens() {
        let secret = |n| ClusterSecret(vec![n; 32].into());
        let (a, b, other) =
            (Seal::new(&secret(1), [1; 16]), Seal::new(&secret(1), [2; 16]), Seal::new(&secret(2), [1; 16]));
        let sealed = a.seal("x", &[b"he", b"llo"]);
        assert_eq!(sealed.len(), 5 + SEAL_BYTES);
        assert_eq!(b.open("x", &sealed).unwrap(), b"hello");
        assert_ne!(a.seal("x", &[b"hello"]), sealed, "a nonce is used once");
        assert!(b.open("y", &sealed).is_none());
        assert!(other.open("x", &sealed).is_none());
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(b.open("x", &changed).is_none(), "byte {at}");
            assert!(b.open("x", &sealed[..at]).is_none(), "cut at {at}");
        }
    }

    #[test]
    fn a_secret_is_long_and_does_not_show() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        std::fs::write(&file, "short\n").unwrap();
        assert_eq!(ClusterSecret::from_file(&file).unwrap_err().kind(), io::ErrorKind::InvalidData);
        std::fs::write(&file, "0123456789abcdef0123456789abcdef\n").unwrap();
        let secret = ClusterSecret::from_file(&file).unwrap();
        assert!(!format!("{secret:?}").contains("0123"));
        assert_ne!(secret.key("a"), secret.key("b"));
    }
}
