//! Noise handshakes: what snow is asked for, and what becomes of their end.

use super::entropy::ForNoise;
use super::pair::{Pair, Role};
use super::{SealError, Secret};
use crate::limits::Limits;
use hkdf::Hkdf;
use sha2::Sha256;
use snow::params::{CipherChoice, DHChoice, HashChoice};
use snow::resolvers::{CryptoResolver, DefaultResolver};
use snow::types::{Cipher, Dh, Hash, Random};
use snow::{Builder, HandshakeState};
use std::fmt;
use zeroize::{Zeroize, Zeroizing};

/// The version of all of this, the first byte of each message of a handshake.
pub(super) const VERSION: u8 = 1;
/// A message of NNpsk0 that carries nothing, as all but a resume's first: a public key and a tag.
pub(super) const PSK_MESSAGE: usize = 32 + 16;
/// Longest name of a tenant, a visitor or an agent.
pub(super) const MOST_NAME: usize = 255;

const BY_PSK: &str = "Noise_NNpsk0_25519_ChaChaPoly_SHA256";
const BY_STATIC: &str = "Noise_XN_25519_ChaChaPoly_SHA256";

/// By what the joiner is trusted; the second byte of a handshake's first message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Way {
    Key = 1,
    Link = 2,
    KeyAndLink = 3,
    Pass = 4,
    Resume = 5,
}

/// What both must agree on beside their secret: the version, the way, the tenant, and whom the joiner asked for.
pub(super) fn context(way: Way, tenant: &str, host: &[u8]) -> Result<Vec<u8>, SealError> {
    // Only those who resume have no tenant: their secret has all that went before in it.
    if tenant.is_empty() != (way == Way::Resume) || tenant.len() > MOST_NAME || host.len() > MOST_NAME {
        return Err(SealError::Text);
    }
    let mut context = b"panecast seal".to_vec();
    context.extend([VERSION, way as u8, tenant.len() as u8]);
    context.extend(tenant.as_bytes());
    context.push(host.len() as u8);
    context.extend(host);
    Ok(context)
}

/// The rest of a handshake's message after its version.
pub(super) fn after_version(message: &[u8]) -> Result<&[u8], SealError> {
    match message.split_first() {
        Some((&VERSION, rest)) => Ok(rest),
        Some((&other, _)) => Err(SealError::Version(other)),
        None => Err(SealError::Malformed),
    }
}

/// The rest of a handshake's first message after its version and its way.
pub(super) fn after_way(message: &[u8], way: Way) -> Result<&[u8], SealError> {
    match after_version(message)?.split_first() {
        Some((&named, rest)) if named == way as u8 => Ok(rest),
        _ => Err(SealError::Malformed),
    }
}

/// 32 bytes for one purpose.
pub(super) fn derive(secret: &[u8], salt: Option<&[u8]>, purpose: &str) -> Secret {
    let mut derived = Zeroizing::new([0; 32]);
    let hkdf = Hkdf::<Sha256>::new(salt, secret);
    hkdf.expand(purpose.as_bytes(), derived.as_mut_slice()).expect("HKDF gives up to 8160 bytes");
    derived
}

/// The public half of an X25519 key.
pub(super) fn public_half(private: &Secret) -> Result<[u8; 32], SealError> {
    let mut key = DefaultResolver.resolve_dh(&DHChoice::Curve25519).ok_or(SealError::Malformed)?;
    key.set(private.as_slice());
    key.pubkey().try_into().map_err(|_| SealError::Malformed)
}

/// One side of a handshake on its way.
pub(super) struct Noise(Box<HandshakeState>);

impl Noise {
    /// NNpsk0: both have the same secret.
    pub(super) fn with_psk(context: &[u8], psk: &Secret, first: bool) -> Result<Self, SealError> {
        Self::build(BY_PSK, first, |builder| builder.prologue(context)?.psk(0, psk))
    }

    /// XN: the one who writes first has a static key; the other one has none.
    pub(super) fn with_static(context: &[u8], private: Option<&Secret>) -> Result<Self, SealError> {
        Self::build(BY_STATIC, private.is_some(), |builder| {
            let builder = builder.prologue(context)?;
            match private {
                Some(private) => builder.local_private_key(private.as_slice()),
                None => Ok(builder),
            }
        })
    }

    fn build<'a>(
        pattern: &str,
        first: bool,
        fill: impl FnOnce(Builder<'a>) -> Result<Builder<'a>, snow::Error>,
    ) -> Result<Self, SealError> {
        let params = pattern.parse().map_err(setup)?;
        let builder = fill(Builder::with_resolver(params, Box::new(Resolver))).map_err(setup)?;
        let state = if first { builder.build_initiator() } else { builder.build_responder() };
        Ok(Self(Box::new(state.map_err(setup)?)))
    }

    /// Appends the next message, with `payload` in it.
    pub(super) fn write(&mut self, payload: &[u8], out: &mut Vec<u8>) -> Result<(), SealError> {
        let mut message = vec![0; payload.len() + 2 * (32 + 16)];
        let len = self.0.write_message(payload, &mut message).map_err(setup)?;
        out.extend_from_slice(&message[..len]);
        Ok(())
    }

    /// Reads the other's message and returns its payload; `wrong` says what it means if it does not fit.
    pub(super) fn read(&mut self, message: &[u8], wrong: SealError) -> Result<Vec<u8>, SealError> {
        let mut payload = vec![0; message.len()];
        let len = self.0.read_message(message, &mut payload).map_err(|e| match e {
            snow::Error::Decrypt | snow::Error::Dh => wrong,
            _ => SealError::Malformed,
        })?;
        payload.truncate(len);
        Ok(payload)
    }

    /// The static key that the other side has proved to hold.
    pub(super) fn other_static(&self) -> Option<&[u8]> {
        self.0.get_remote_static()
    }

    /// The channel of a finished handshake.
    pub(super) fn into_pair(mut self, role: Role, limits: &Limits) -> Pair {
        assert!(self.0.is_handshake_finished(), "all messages were written and read");
        let (mut ours, mut theirs) = self.0.dangerously_get_raw_split();
        let mut split = Zeroizing::new([0; 64]);
        split[..32].copy_from_slice(&ours);
        split[32..].copy_from_slice(&theirs);
        ours.zeroize();
        theirs.zeroize();
        let key = |purpose: &str| derive(split.as_slice(), Some(self.0.get_handshake_hash()), purpose);
        Pair::new(role, key, limits)
    }
}

impl fmt::Debug for Noise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Noise(…)")
    }
}

fn setup(e: snow::Error) -> SealError {
    match e {
        snow::Error::Rng => SealError::NoEntropy,
        _ => SealError::Malformed,
    }
}

/// Snow's own primitives with our randomness.
struct Resolver;

impl CryptoResolver for Resolver {
    fn resolve_rng(&self) -> Option<Box<dyn Random>> {
        Some(Box::new(ForNoise))
    }

    fn resolve_dh(&self, choice: &DHChoice) -> Option<Box<dyn Dh>> {
        DefaultResolver.resolve_dh(choice)
    }

    fn resolve_hash(&self, choice: &HashChoice) -> Option<Box<dyn Hash>> {
        DefaultResolver.resolve_hash(choice)
    }

    fn resolve_cipher(&self, choice: &CipherChoice) -> Option<Box<dyn Cipher>> {
        DefaultResolver.resolve_cipher(choice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contexts_cannot_be_taken_for_one_another() {
        let a = context(Way::Key, "ab", b"c").unwrap();
        for b in [
            context(Way::Link, "ab", b"c"),
            context(Way::Key, "a", b"bc"),
            context(Way::Key, "ab", b""),
            context(Way::Key, "abc", b""),
        ] {
            assert_ne!(b.unwrap(), a);
        }
        assert_eq!(context(Way::Key, "", b"c"), Err(SealError::Text));
        assert_eq!(context(Way::Key, &"t".repeat(256), b"c"), Err(SealError::Text));
        assert_eq!(context(Way::Key, "t", &[0; 256]), Err(SealError::Text));
    }

    /// RFC 5869, test case 1: its first 32 bytes.
    #[test]
    fn derived_keys_are_hkdfs() {
        let info: String = (0xf0..=0xf9_u8).map(char::from).collect();
        let salt: Vec<u8> = (0..=0x0c).collect();
        let hkdf = Hkdf::<Sha256>::new(Some(&salt), &[0x0b; 22]);
        let mut known = [0; 32];
        hkdf.expand(&(0xf0..=0xf9).collect::<Vec<u8>>(), &mut known).unwrap();
        assert_eq!(known[..8], [0x3c, 0xb2, 0x5f, 0x25, 0xfa, 0xac, 0xd5, 0x7a]);
        // Ours goes through UTF-8, so that another purpose makes another key.
        assert_ne!(derive(&[0x0b; 22], Some(&salt), &info)[..], known);
    }

    /// RFC 7748, section 6.1.
    #[test]
    fn public_halves_are_x25519s() {
        let private = Zeroizing::new([
            0x77, 0x07, 0x6d, 0x0a, 0x73, 0x18, 0xa5, 0x7d, 0x3c, 0x16, 0xc1, 0x72, 0x51, 0xb2, 0x66, 0x45,
            0xdf, 0x4c, 0x2f, 0x87, 0xeb, 0xc0, 0x99, 0x2a, 0xb1, 0x77, 0xfb, 0xa5, 0x1d, 0xb9, 0x2c, 0x2a,
        ]);
        assert_eq!(public_half(&private).unwrap()[..8], [0x85, 0x20, 0xf0, 0x09, 0x89, 0x30, 0xa7, 0x54]);
    }
}
