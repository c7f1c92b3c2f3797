//! Passes: a tenant's signature that says who an agent is, for visitors who have seen no key.
//!
//! ```text
//! pass = 05, agent's X25519 key (32), not after (8, seconds since 1970, little endian),
//!        length and tenant, length and agent's name, Ed25519 signature (64) of "panecast pass" and all before it
//! ```

use super::noise::{MOST_NAME, Noise, VERSION, Way, after_version, after_way, context, public_half};
use super::pair::{Pair, Role};
use super::{PassFault, SealError, Secret, entropy, text};
use crate::limits::Limits;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use std::fmt;
use std::str::FromStr;
use zeroize::Zeroizing;

const TENANT_SECRET: u8 = 1;
const TENANT_PUBLIC: u8 = 2;
const AGENT_SECRET: u8 = 3;
const AGENT_PUBLIC: u8 = 4;
const PASS: u8 = 5;

/// What is signed begins with it, so that no signature for another purpose is a pass.
const SIGNED: &[u8] = b"panecast pass";
const SIGNATURE: usize = 64;

fn write_key(sort: u8, key: &[u8; 32]) -> Zeroizing<String> {
    let mut bytes = Zeroizing::new([sort; 33]);
    bytes[1..].copy_from_slice(key);
    Zeroizing::new(text::write(bytes.as_slice()))
}

fn read_key(sort: u8, text: &str) -> Result<Secret, SealError> {
    let bytes = Zeroizing::new(text::read(text)?);
    match bytes.split_first() {
        Some((&first, key)) if first == sort => {
            Ok(Zeroizing::new(key.try_into().map_err(|_| SealError::Text)?))
        }
        _ => Err(SealError::Text),
    }
}

/// The key with which a tenant signs its agents' passes. `Display` writes it for a file; `Debug` hides it.
#[derive(Clone)]
pub struct TenantKey(SigningKey);

impl TenantKey {
    /// A new key.
    ///
    /// # Errors
    /// - [`SealError::NoEntropy`]
    pub fn draw() -> Result<Self, SealError> {
        let key = Zeroizing::new(entropy::draw()?);
        Ok(Self(SigningKey::from_bytes(&key)))
    }

    /// The half that the visitor's app ships.
    #[must_use]
    pub fn public(&self) -> TenantPublic {
        TenantPublic(self.0.verifying_key())
    }

    /// Issues a pass for the agent who holds `agent`, good until `not_after`, in seconds since 1970.
    ///
    /// # Errors
    /// - [`SealError::Text`] if a name is empty, longer than 255 bytes or has control characters.
    pub fn issue(
        &self,
        tenant: &str,
        name: &str,
        agent: &AgentPublic,
        not_after: u64,
    ) -> Result<Pass, SealError> {
        let mut pass = Pass {
            agent: agent.0,
            not_after,
            tenant: checked_name(tenant)?,
            name: checked_name(name)?,
            signature: [0; SIGNATURE],
        };
        pass.signature = self.0.sign(&pass.signed()).to_bytes();
        Ok(pass)
    }
}

/// The public half of a [`TenantKey`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantPublic(VerifyingKey);

/// An agent's own X25519 key, made on the agent's device. `Display` writes it for a file; `Debug` hides it.
#[derive(Clone)]
pub struct AgentKey {
    private: Secret,
    public: AgentPublic,
}

/// The public half of an [`AgentKey`], of which the tenant makes a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AgentPublic(pub(super) [u8; 32]);

impl AgentPublic {
    /// Eight letters of it, by which people tell two agents of one name apart.
    #[must_use]
    pub fn short(&self) -> String {
        text::write(&self.0[..5])
    }
}

impl AgentKey {
    /// A new key.
    ///
    /// # Errors
    /// - [`SealError::NoEntropy`]
    pub fn draw() -> Result<Self, SealError> {
        Self::of(Zeroizing::new(entropy::draw()?))
    }

    fn of(private: Secret) -> Result<Self, SealError> {
        let public = AgentPublic(public_half(&private)?);
        Ok(Self { private, public })
    }

    /// The half that goes into a pass.
    #[must_use]
    pub fn public(&self) -> AgentPublic {
        self.public
    }

    pub(super) fn private(&self) -> &Secret {
        &self.private
    }
}

/// What a tenant says about an agent. It is no secret: without the agent's key it opens nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pass {
    agent: [u8; 32],
    not_after: u64,
    tenant: String,
    name: String,
    signature: [u8; SIGNATURE],
}

impl Pass {
    /// Whom it is for.
    #[must_use]
    pub fn agent(&self) -> AgentPublic {
        AgentPublic(self.agent)
    }

    /// The agent's name, as the tenant wrote it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whose agent it is.
    #[must_use]
    pub fn tenant(&self) -> &str {
        &self.tenant
    }

    /// The second since 1970 after which it is no longer good.
    #[must_use]
    pub fn not_after(&self) -> u64 {
        self.not_after
    }

    /// Whether `tenant` signed it for an agent of its own and it is still good.
    ///
    /// # Errors
    /// - [`SealError::Pass`]
    pub fn check(&self, public: &TenantPublic, tenant: &str, now_s: u64) -> Result<(), SealError> {
        let signature = Signature::from_bytes(&self.signature);
        let fault = if public.0.verify_strict(&self.signed(), &signature).is_err() {
            PassFault::Forged
        } else if self.tenant != tenant {
            PassFault::OtherTenant
        } else if now_s > self.not_after {
            PassFault::Expired
        } else {
            return Ok(());
        };
        Err(SealError::Pass(fault))
    }

    /// Whether it is the pass of the one who holds this key.
    pub(super) fn check_holder(&self, agent: &[u8]) -> Result<(), SealError> {
        if self.agent == agent { Ok(()) } else { Err(SealError::Pass(PassFault::OtherHolder)) }
    }

    fn signed(&self) -> Vec<u8> {
        let mut bytes = SIGNED.to_vec();
        self.write_body(&mut bytes);
        bytes
    }

    fn write_body(&self, bytes: &mut Vec<u8>) {
        bytes.push(PASS);
        bytes.extend(self.agent);
        bytes.extend(self.not_after.to_le_bytes());
        for name in [&self.tenant, &self.name] {
            bytes.push(name.len() as u8);
            bytes.extend(name.as_bytes());
        }
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.write_body(&mut bytes);
        bytes.extend(self.signature);
        bytes
    }

    /// Reads a pass, whoever signed it.
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, SealError> {
        let mut rest = bytes;
        let mut take = |n: usize| {
            let (taken, after) = rest.split_at_checked(n).ok_or(SealError::Text)?;
            rest = after;
            Ok::<_, SealError>(taken)
        };
        if take(1)? != [PASS] {
            return Err(SealError::Text);
        }
        let agent = take(32)?.try_into().map_err(|_| SealError::Text)?;
        let not_after = u64::from_le_bytes(take(8)?.try_into().map_err(|_| SealError::Text)?);
        let mut name = || {
            let len = usize::from(take(1)?[0]);
            checked_name(std::str::from_utf8(take(len)?).map_err(|_| SealError::Text)?)
        };
        let (tenant, name) = (name()?, name()?);
        let signature = rest.try_into().map_err(|_| SealError::Text)?;
        Ok(Self { agent, not_after, tenant, name, signature })
    }
}

/// People will read it.
fn checked_name(name: &str) -> Result<String, SealError> {
    let sound = !name.is_empty() && name.len() <= MOST_NAME && !name.chars().any(char::is_control);
    if sound { Ok(name.to_owned()) } else { Err(SealError::Text) }
}

/// A visitor's presence: an app that waits for an agent of its tenant.
pub struct PassOffer {
    public: TenantPublic,
    tenant: String,
    context: Vec<u8>,
    limits: Limits,
}

/// An agent that was answered and has not shown a pass yet.
#[derive(Debug)]
pub struct PassAnswered(Noise);

impl PassOffer {
    /// Waits as the `visitor` of the tenant's app for an agent with a pass of the tenant's.
    ///
    /// # Errors
    /// - [`SealError::Text`] if a name is longer than 255 bytes, or the tenant's is empty.
    pub fn new(
        public: TenantPublic,
        tenant: &str,
        visitor: &str,
        limits: &Limits,
    ) -> Result<Self, SealError> {
        let context = context(Way::Pass, tenant, visitor.as_bytes())?;
        Ok(Self { public, tenant: tenant.to_owned(), context, limits: *limits })
    }

    /// Answers an agent's first message. Nothing secret is in the answer.
    ///
    /// # Errors
    /// - [`SealError::Malformed`], [`SealError::Version`], [`SealError::NoEntropy`]
    pub fn answer(&self, hello: &[u8]) -> Result<(PassAnswered, Vec<u8>), SealError> {
        let mut noise = Noise::with_static(&self.context, None)?;
        if !noise.read(after_way(hello, Way::Pass)?, SealError::Malformed)?.is_empty() {
            return Err(SealError::Malformed);
        }
        let mut answer = vec![VERSION];
        noise.write(b"", &mut answer)?;
        Ok((PassAnswered(noise), answer))
    }

    /// Takes the last message with the pass; `now_s` is the second since 1970.
    ///
    /// # Errors
    /// - [`SealError::Pass`]
    /// - [`SealError::Tampered`] if the message is not the answered agent's, or the agent asked for another visitor.
    /// - [`SealError::Malformed`], [`SealError::Version`]
    pub fn complete(
        &self,
        answered: PassAnswered,
        last: &[u8],
        now_s: u64,
    ) -> Result<(Pair, Pass), SealError> {
        let PassAnswered(mut noise) = answered;
        let bytes = noise.read(after_version(last)?, SealError::Tampered)?;
        let pass = Pass::from_bytes(&bytes).map_err(|_| SealError::Malformed)?;
        pass.check(&self.public, &self.tenant, now_s)?;
        pass.check_holder(noise.other_static().unwrap_or_default())?;
        Ok((noise.into_pair(Role::Host, &self.limits), pass))
    }
}

impl fmt::Debug for PassOffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PassOffer").field("tenant", &self.tenant).finish_non_exhaustive()
    }
}

impl fmt::Display for TenantKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&write_key(TENANT_SECRET, self.0.as_bytes()))
    }
}

impl fmt::Debug for TenantKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TenantKey(…)")
    }
}

impl FromStr for TenantKey {
    type Err = SealError;

    fn from_str(text: &str) -> Result<Self, SealError> {
        let key = read_key(TENANT_SECRET, text)?;
        Ok(Self(SigningKey::from_bytes(&key)))
    }
}

impl fmt::Display for TenantPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&write_key(TENANT_PUBLIC, self.0.as_bytes()))
    }
}

impl FromStr for TenantPublic {
    type Err = SealError;

    fn from_str(text: &str) -> Result<Self, SealError> {
        let key = read_key(TENANT_PUBLIC, text)?;
        VerifyingKey::from_bytes(&key).map(Self).map_err(|_| SealError::Text)
    }
}

impl fmt::Display for AgentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&write_key(AGENT_SECRET, &self.private))
    }
}

impl fmt::Debug for AgentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AgentKey").field("public", &self.public).finish_non_exhaustive()
    }
}

impl FromStr for AgentKey {
    type Err = SealError;

    fn from_str(text: &str) -> Result<Self, SealError> {
        Self::of(read_key(AGENT_SECRET, text)?)
    }
}

impl fmt::Display for AgentPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&write_key(AGENT_PUBLIC, &self.0))
    }
}

impl FromStr for AgentPublic {
    type Err = SealError;

    fn from_str(text: &str) -> Result<Self, SealError> {
        Ok(Self(*read_key(AGENT_PUBLIC, text)?))
    }
}

impl fmt::Display for Pass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text::write(&self.to_bytes()))
    }
}

impl FromStr for Pass {
    type Err = SealError;

    fn from_str(text: &str) -> Result<Self, SealError> {
        Self::from_bytes(&text::read(text)?)
    }
}
