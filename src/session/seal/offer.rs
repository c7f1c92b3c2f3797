//! The side that waits: what it offers to joiners who have its key or its link.

use super::joiner::{CONFIRM, LINK_PSK, PAKE_MESSAGE, Pake, key_context};
use super::key::{LinkSecret, TypedKey};
use super::noise::{Noise, PSK_MESSAGE, VERSION, Way, after_version, after_way, context, derive};
use super::pair::{Pair, Role};
use super::{SealError, Secret};
use crate::frame::Timestamp;
use crate::limits::Limits;
use std::fmt;
use std::time::Duration;

/// So long a typed key is good.
pub const KEY_LASTS: Duration = Duration::from_secs(10 * 60);
/// So many joiners are told whether a typed key is theirs: a guesser finds one of 100,000 with three tries in 33,333
/// keys.
pub const KEY_ANSWERS: u8 = 3;

/// A typed key that waits for its joiner. One who joins uses it up, three who were answered and did not join as well.
pub struct KeyOffer {
    key: TypedKey,
    link: Option<LinkSecret>,
    context: Vec<u8>,
    way: Way,
    until: Timestamp,
    answers_left: u8,
    used: bool,
    limits: Limits,
}

/// A joiner that was answered and has not proved its key yet.
#[derive(Debug)]
pub struct KeyAnswered(Noise);

impl KeyOffer {
    /// Offers `key` from `now` on, by any clock that does not go back. With a `link`, the joiner needs both.
    ///
    /// # Errors
    /// - [`SealError::Text`] if the tenant's name is empty or longer than 255 bytes.
    pub fn new(
        key: TypedKey,
        link: Option<LinkSecret>,
        tenant: &str,
        now: Timestamp,
        limits: &Limits,
    ) -> Result<Self, SealError> {
        let (context, way) = key_context(&key, link.as_ref(), tenant)?;
        let until = now + KEY_LASTS;
        Ok(Self { key, link, context, way, until, answers_left: KEY_ANSWERS, used: false, limits: *limits })
    }

    /// Answers a joiner's first message. The answer shows the joiner whether its key is the right one: it counts.
    ///
    /// # Errors
    /// - [`SealError::Expired`], [`SealError::Spent`]
    /// - [`SealError::Malformed`], [`SealError::Version`], [`SealError::NoEntropy`]: nothing was told, so it does not
    ///   count.
    pub fn answer(&mut self, hello: &[u8], now: Timestamp) -> Result<(KeyAnswered, Vec<u8>), SealError> {
        self.check(now)?;
        let left = self.answers_left.checked_sub(1).ok_or(SealError::Spent)?;
        let theirs = after_way(hello, self.way)?;
        if theirs.len() != PAKE_MESSAGE {
            return Err(SealError::Malformed);
        }
        let mut answer = vec![VERSION];
        let pake = Pake::start(Role::Host, &self.key, self.link.as_ref(), &self.context, &mut answer)?;
        let psk = pake.finish(theirs)?;
        let mut noise = Noise::with_psk(&self.context, &psk, true)?;
        noise.write(b"", &mut answer)?;
        self.answers_left = left;
        Ok((KeyAnswered(noise), answer))
    }

    /// Takes the last message of a joiner that was answered.
    ///
    /// # Errors
    /// - [`SealError::WrongKey`]: it does not have the key.
    /// - [`SealError::Expired`], [`SealError::Spent`], [`SealError::Malformed`], [`SealError::Version`]
    pub fn complete(
        &mut self,
        answered: KeyAnswered,
        last: &[u8],
        now: Timestamp,
    ) -> Result<Pair, SealError> {
        self.check(now)?;
        let KeyAnswered(mut noise) = answered;
        noise.read(after_version(last)?, SealError::WrongKey)?;
        self.used = true;
        Ok(noise.into_pair(Role::Host, &self.limits))
    }

    /// The key, to be shown to the one who passes it on.
    #[must_use]
    pub fn key(&self) -> &TypedKey {
        &self.key
    }

    /// How many joiners will still be answered.
    #[must_use]
    pub fn answers_left(&self) -> u8 {
        if self.used { 0 } else { self.answers_left }
    }

    fn check(&self, now: Timestamp) -> Result<(), SealError> {
        if self.used {
            Err(SealError::Spent)
        } else if now >= self.until {
            Err(SealError::Expired)
        } else {
            Ok(())
        }
    }
}

impl fmt::Debug for KeyOffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut offer = f.debug_struct("KeyOffer");
        offer.field("key", &self.key).field("until", &self.until).field("answers_left", &self.answers_left());
        offer.finish_non_exhaustive()
    }
}

/// A link that waits for its joiners.
pub struct SecretOffer {
    secret: Secret,
    context: Vec<u8>,
    until: Timestamp,
    uses_left: u32,
    limits: Limits,
}

/// A joiner that knows the secret or repeats one who did: the last message tells.
#[derive(Debug)]
pub struct SecretAnswered(Pair);

impl SecretOffer {
    /// Offers a link to so many joiners, until then.
    ///
    /// # Errors
    /// - [`SealError::Text`] if the tenant's name is empty or longer than 255 bytes.
    pub fn of_link(
        link: &LinkSecret,
        tenant: &str,
        uses: u32,
        until: Timestamp,
        limits: &Limits,
    ) -> Result<Self, SealError> {
        let context = context(Way::Link, tenant, b"")?;
        let secret = derive(link.bytes(), None, LINK_PSK);
        Ok(Self { secret, context, until, uses_left: uses, limits: *limits })
    }

    /// How many joiners it still lets in.
    #[must_use]
    pub fn uses_left(&self) -> u32 {
        self.uses_left
    }

    /// Answers a joiner's first message.
    ///
    /// # Errors
    /// - [`SealError::WrongSecret`]
    /// - [`SealError::Expired`], [`SealError::Spent`], [`SealError::Malformed`], [`SealError::Version`],
    ///   [`SealError::NoEntropy`]
    pub fn answer(&self, hello: &[u8], now: Timestamp) -> Result<(SecretAnswered, Vec<u8>), SealError> {
        self.check(now)?;
        let hello = after_way(hello, Way::Link)?;
        if hello.len() != PSK_MESSAGE {
            return Err(SealError::Malformed);
        }
        let mut noise = Noise::with_psk(&self.context, &self.secret, false)?;
        noise.read(hello, SealError::WrongSecret)?;
        let mut answer = vec![VERSION];
        noise.write(b"", &mut answer)?;
        Ok((SecretAnswered(noise.into_pair(Role::Host, &self.limits)), answer))
    }

    /// Takes the last message of a joiner that was answered.
    ///
    /// # Errors
    /// - [`SealError::Tampered`]: the joiner does not know the secret.
    /// - [`SealError::Expired`], [`SealError::Spent`], [`SealError::Malformed`], [`SealError::Version`]
    pub fn complete(
        &mut self,
        answered: SecretAnswered,
        last: &[u8],
        now: Timestamp,
    ) -> Result<Pair, SealError> {
        self.check(now)?;
        let SecretAnswered(mut pair) = answered;
        let mut record = after_version(last)?.to_vec();
        if !matches!(pair.open(&mut record)?, (CONFIRM, [])) {
            return Err(SealError::Malformed);
        }
        self.uses_left -= 1;
        Ok(pair)
    }

    fn check(&self, now: Timestamp) -> Result<(), SealError> {
        if self.uses_left == 0 {
            Err(SealError::Spent)
        } else if now >= self.until {
            Err(SealError::Expired)
        } else {
            Ok(())
        }
    }
}

impl fmt::Debug for SecretOffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut offer = f.debug_struct("SecretOffer");
        offer.field("until", &self.until).field("uses_left", &self.uses_left);
        offer.finish_non_exhaustive()
    }
}
