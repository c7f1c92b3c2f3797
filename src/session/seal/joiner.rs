//! The side that comes: a first message, the host's answer, a last message.

use super::entropy::ForPake;
use super::key::{LinkSecret, TypedKey};
use super::noise::{Noise, VERSION, Way, after_version, context, derive};
use super::pair::{Pair, Role};
use super::pass::{AgentKey, Pass};
use super::{SealError, Secret};
use crate::limits::Limits;
use spake2::{Ed25519Group, Identity, Password, Spake2};
use std::fmt;
use zeroize::Zeroizing;

/// A joiner that waits for the host's answer.
///
/// Each way of trust has a function that returns it with its first message; [`Self::finish`] takes the answer.
pub struct Joiner {
    stage: Stage,
    limits: Limits,
}

enum Stage {
    Key { pake: Pake, context: Vec<u8> },
    Link(Noise),
    Pass { noise: Noise, pass: Vec<u8> },
}

impl Joiner {
    /// With a typed key.
    ///
    /// # Errors
    /// - [`SealError::Text`] if the tenant's name is empty or longer than 255 bytes.
    /// - [`SealError::NoEntropy`]
    pub fn by_key(key: &TypedKey, tenant: &str, limits: &Limits) -> Result<(Self, Vec<u8>), SealError> {
        Self::by_pake(key, None, tenant, limits)
    }

    /// With a link and a typed key.
    ///
    /// # Errors
    /// As [`Self::by_key`].
    pub fn by_key_and_link(
        key: &TypedKey,
        link: &LinkSecret,
        tenant: &str,
        limits: &Limits,
    ) -> Result<(Self, Vec<u8>), SealError> {
        Self::by_pake(key, Some(link), tenant, limits)
    }

    fn by_pake(
        key: &TypedKey,
        link: Option<&LinkSecret>,
        tenant: &str,
        limits: &Limits,
    ) -> Result<(Self, Vec<u8>), SealError> {
        let (context, way) = key_context(key, link, tenant)?;
        let mut hello = vec![VERSION, way as u8];
        let pake = Pake::start(Role::Joiner, key, link, &context, &mut hello)?;
        Ok((Self { stage: Stage::Key { pake, context }, limits: *limits }, hello))
    }

    /// With a link alone.
    ///
    /// # Errors
    /// As [`Self::by_key`].
    pub fn by_link(link: &LinkSecret, tenant: &str, limits: &Limits) -> Result<(Self, Vec<u8>), SealError> {
        let psk = derive(link.bytes(), None, LINK_PSK);
        let mut noise = Noise::with_psk(&context(Way::Link, tenant, b"")?, &psk, true)?;
        let mut hello = vec![VERSION, Way::Link as u8];
        noise.write(b"", &mut hello)?;
        Ok((Self { stage: Stage::Link(noise), limits: *limits }, hello))
    }

    /// With an agent's pass, to the visitor whom the tenant's app calls `visitor`.
    ///
    /// # Errors
    /// - [`SealError::Pass`] if the pass is not this key's.
    /// - [`SealError::Text`] if the visitor's name is longer than 255 bytes.
    /// - [`SealError::NoEntropy`]
    pub fn by_pass(
        pass: &Pass,
        key: &AgentKey,
        visitor: &str,
        limits: &Limits,
    ) -> Result<(Self, Vec<u8>), SealError> {
        pass.check_holder(&key.public().0)?;
        let context = context(Way::Pass, pass.tenant(), visitor.as_bytes())?;
        let mut noise = Noise::with_static(&context, Some(key.private()))?;
        let mut hello = vec![VERSION, Way::Pass as u8];
        noise.write(b"", &mut hello)?;
        Ok((Self { stage: Stage::Pass { noise, pass: pass.to_bytes() }, limits: *limits }, hello))
    }

    /// Takes the host's answer. Returns the channel and the last message, which the host must get before any record.
    ///
    /// # Errors
    /// - [`SealError::WrongKey`], [`SealError::WrongSecret`]: who answers does not have the same secret.
    /// - [`SealError::Tampered`] if an answer to a pass was changed.
    /// - [`SealError::Malformed`], [`SealError::Version`], [`SealError::NoEntropy`]
    pub fn finish(self, answer: &[u8]) -> Result<(Pair, Vec<u8>), SealError> {
        let answer = after_version(answer)?;
        let mut last = vec![VERSION];
        let pair = match self.stage {
            Stage::Key { pake, context } => {
                let (theirs, answer) = answer.split_at_checked(PAKE_MESSAGE).ok_or(SealError::Malformed)?;
                let psk = pake.finish(theirs)?;
                let mut noise = Noise::with_psk(&context, &psk, false)?;
                noise.read(answer, SealError::WrongKey)?;
                noise.write(b"", &mut last)?;
                noise.into_pair(Role::Joiner, &self.limits)
            }
            Stage::Link(mut noise) => {
                noise.read(answer, SealError::WrongSecret)?;
                let mut pair = noise.into_pair(Role::Joiner, &self.limits);
                // Whoever repeats an old first message cannot make this.
                pair.seal(CONFIRM, b"", &mut last)?;
                pair
            }
            Stage::Pass { mut noise, pass } => {
                noise.read(answer, SealError::Tampered)?;
                noise.write(&pass, &mut last)?;
                noise.into_pair(Role::Joiner, &self.limits)
            }
        };
        Ok((pair, last))
    }
}

impl fmt::Debug for Joiner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.stage {
            Stage::Key { .. } => "Joiner(by key)",
            Stage::Link(_) => "Joiner(by link)",
            Stage::Pass { .. } => "Joiner(by pass)",
        })
    }
}

/// The purpose for which a link's secret becomes a handshake's.
pub(super) const LINK_PSK: &str = "panecast link";
/// The kind of the record that proves a joiner alive; it never gets out of the handshake.
pub(super) const CONFIRM: u8 = 0;
/// A message of SPAKE2: whose it is, and a point.
pub(super) const PAKE_MESSAGE: usize = 1 + 32;

/// What both sides of a typed key must agree on, and the way's name.
pub(super) fn key_context(
    key: &TypedKey,
    link: Option<&LinkSecret>,
    tenant: &str,
) -> Result<(Vec<u8>, Way), SealError> {
    let way = if link.is_some() { Way::KeyAndLink } else { Way::Key };
    Ok((context(way, tenant, &key.number().to_le_bytes())?, way))
}

/// One side of SPAKE2: the joiner is its A, the host its B.
pub(super) struct Pake(Spake2<Ed25519Group>);

impl Pake {
    /// Begins and appends the message to `out`.
    pub(super) fn start(
        role: Role,
        key: &TypedKey,
        link: Option<&LinkSecret>,
        context: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Self, SealError> {
        let mut password = Zeroizing::new([0; 4 + 16]);
        password[..4].copy_from_slice(&key.secret());
        if let Some(link) = link {
            password[4..].copy_from_slice(link.bytes());
        }
        let password = Password::new(password.as_slice());
        let (joiner, host) = (Identity::new(b"joiner"), Identity::new(context));
        let mut random = ForPake::new()?;
        let (pake, message) = match role {
            Role::Joiner => Spake2::start_a_with_rng(&password, &joiner, &host, &mut random),
            Role::Host => Spake2::start_b_with_rng(&password, &joiner, &host, &mut random),
        };
        if random.is_short() {
            return Err(SealError::NoEntropy);
        }
        out.extend(message);
        Ok(Self(pake))
    }

    /// The handshake's secret, the same on both sides if their keys were.
    pub(super) fn finish(self, theirs: &[u8]) -> Result<Secret, SealError> {
        let shared = Zeroizing::new(self.0.finish(theirs).map_err(|_| SealError::Malformed)?);
        Ok(derive(&shared, None, "panecast key"))
    }
}
