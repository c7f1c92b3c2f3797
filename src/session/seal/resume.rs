//! A session that was cut comes back: one message of the joiner's, which carries its first words, and one of the host's.
//!
//! The first words travel under the secret of the session that was cut alone, as NNpsk0's first payload does. That is
//! enough, because a secret is for one return: the host takes each first message once, and forgets the secret as soon as
//! it hears the joiner by the next one. docs/sealing.md has the reasons in full.

use super::noise::{Noise, PSK_MESSAGE, VERSION, Way, after_version, after_way, context};
use super::pair::{Pair, Role, Ticket};
use super::{SealError, Secret};
use crate::frame::Timestamp;
use crate::limits::Limits;
use std::fmt;
use std::time::Duration;

/// So long after a cut a session can be resumed.
pub const RESUME_LASTS: Duration = Duration::from_secs(60);

/// Most bytes of the words that go with a resume: all that a watcher may tell of what it holds.
pub const MOST_FIRST_WORDS: usize = 20 << 10;

/// Most returns by one secret whose answer got lost: four a second for as long as it is good.
const MOST_HEARD: usize = 256;

/// A secret for one return, and the first messages that were taken by it: their ephemeral keys.
pub(super) struct Once {
    secret: Secret,
    heard: Vec<[u8; 32]>,
}

impl Once {
    pub(super) fn new(secret: Secret) -> Self {
        Self { secret, heard: Vec::new() }
    }
}

/// A session that was cut, which waits for its joiner.
pub struct ResumeOffer {
    /// None once it was used.
    ticket: Option<Ticket>,
    context: Vec<u8>,
    until: Timestamp,
    limits: Limits,
}

/// A joiner is back.
#[derive(Debug)]
pub struct Resumed {
    /// The channel. That the joiner has the answer is certain once a record of its was opened.
    pub pair: Pair,
    /// What the joiner said along with it.
    pub words: Vec<u8>,
    /// For the joiner.
    pub answer: Vec<u8>,
}

impl ResumeOffer {
    /// Lets the joiner of a pair that was cut at `cut` come back, once.
    ///
    /// # Errors
    /// None at present.
    pub fn new(ticket: Ticket, cut: Timestamp, limits: &Limits) -> Result<Self, SealError> {
        let context = context(Way::Resume, "", b"")?;
        Ok(Self { ticket: Some(ticket), context, until: cut + RESUME_LASTS, limits: *limits })
    }

    /// Takes a joiner's first message: whoever made it has the secret. Whoever only repeats it can read nothing of what
    /// the pair sends, and is taken no second time.
    ///
    /// # Errors
    /// The offer is unchanged.
    /// - [`SealError::WrongSecret`], also for a message that was taken before
    /// - [`SealError::Expired`], [`SealError::Spent`], [`SealError::Malformed`], [`SealError::Version`],
    ///   [`SealError::TooLong`], [`SealError::NoEntropy`]
    pub fn accept(&mut self, hello: &[u8], now: Timestamp) -> Result<Resumed, SealError> {
        let ticket = self.ticket.as_ref().ok_or(SealError::Spent)?;
        if now >= self.until {
            return Err(SealError::Expired);
        }
        let message = after_way(hello, Way::Resume)?;
        let words = message.len().checked_sub(PSK_MESSAGE).ok_or(SealError::Malformed)?;
        if words > MOST_FIRST_WORDS.min(self.limits.record_bytes) {
            return Err(SealError::TooLong);
        }
        let key: [u8; 32] = *message.first_chunk().ok_or(SealError::Malformed)?;
        // By the newest secret, or the one before if the answer that led to the newest was lost.
        for newest in [true, false] {
            let Some(once) = (if newest { Some(&ticket.current) } else { ticket.previous.as_ref() }) else {
                break;
            };
            let mut noise = Noise::with_psk(&self.context, &once.secret, false)?;
            let Ok(words) = noise.read(message, SealError::WrongSecret) else { continue };
            if once.heard.contains(&key) {
                return Err(SealError::WrongSecret);
            }
            if once.heard.len() >= MOST_HEARD {
                return Err(SealError::Spent);
            }
            let mut answer = vec![VERSION];
            noise.write(b"", &mut answer)?;
            let mut pair = noise.into_pair(Role::Host, &self.limits);
            let used = self.ticket.take().and_then(|t| if newest { Some(t.current) } else { t.previous });
            if let Some(mut once) = used {
                once.heard.push(key);
                pair.remember(once);
            }
            return Ok(Resumed { pair, words, answer });
        }
        Err(SealError::WrongSecret)
    }
}

impl fmt::Debug for ResumeOffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResumeOffer").field("until", &self.until).finish_non_exhaustive()
    }
}

/// A joiner that has said who it is after a cut and waits for the host's answer.
pub struct Resuming {
    noise: Noise,
    limits: Limits,
}

impl Resuming {
    /// Begins, and returns the first message with `words` in it. The ticket is lent: if the answer does not come, the next
    /// try uses it again. The words have the secrecy of the session that was cut.
    ///
    /// # Errors
    /// - [`SealError::TooLong`] for more than [`MOST_FIRST_WORDS`] bytes.
    /// - [`SealError::NoEntropy`]
    pub fn begin(ticket: &Ticket, words: &[u8], limits: &Limits) -> Result<(Self, Vec<u8>), SealError> {
        if words.len() > MOST_FIRST_WORDS {
            return Err(SealError::TooLong);
        }
        let context = context(Way::Resume, "", b"")?;
        let mut noise = Noise::with_psk(&context, &ticket.current.secret, true)?;
        let mut hello = vec![VERSION, Way::Resume as u8];
        noise.write(words, &mut hello)?;
        Ok((Self { noise, limits: *limits }, hello))
    }

    /// Takes the host's answer. Records follow it at once, in both directions.
    ///
    /// # Errors
    /// - [`SealError::WrongSecret`]: who answers does not have the same secret.
    /// - [`SealError::Malformed`], [`SealError::Version`]
    pub fn finish(self, answer: &[u8]) -> Result<Pair, SealError> {
        let Self { mut noise, limits } = self;
        let answer = after_version(answer)?;
        if answer.len() != PSK_MESSAGE {
            return Err(SealError::Malformed);
        }
        noise.read(answer, SealError::WrongSecret)?;
        Ok(noise.into_pair(Role::Joiner, &limits))
    }
}

impl fmt::Debug for Resuming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Resuming(…)")
    }
}
