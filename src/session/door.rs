//! The ways into a session, and who stands in one.

use super::EndReason;
use super::seal::{
    KeyAnswered, KeyOffer, Pair, Pass, PassAnswered, PassOffer, SealError, SecretAnswered, SecretOffer,
};
use crate::frame::Timestamp;

/// A way into the session, as the transport numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DoorId(pub u32);

/// What opens it.
#[derive(Debug)]
pub enum Door {
    /// A typed key, for one.
    Key(KeyOffer),
    /// A link.
    Link(SecretOffer),
    /// Presence: a pass of the tenant's.
    Presence(PassOffer),
}

/// Somebody who was answered and has not proved anything yet.
#[derive(Debug)]
pub(super) enum Answered {
    Key(KeyAnswered),
    Secret(SecretAnswered),
    Pass(PassAnswered),
}

impl Door {
    /// Answers the first message of one who came.
    pub(super) fn answer(&mut self, hello: &[u8], now: Timestamp) -> Result<(Answered, Vec<u8>), SealError> {
        Ok(match self {
            Self::Key(offer) => offer.answer(hello, now).map(|(a, bytes)| (Answered::Key(a), bytes))?,
            Self::Link(offer) => offer.answer(hello, now).map(|(a, bytes)| (Answered::Secret(a), bytes))?,
            Self::Presence(offer) => offer.answer(hello).map(|(a, bytes)| (Answered::Pass(a), bytes))?,
        })
    }

    /// Takes the last message; `now_s` is the second since 1970.
    pub(super) fn complete(
        &mut self,
        answered: Answered,
        last: &[u8],
        now: Timestamp,
        now_s: u64,
    ) -> Result<(Pair, Option<Pass>), SealError> {
        match (self, answered) {
            (Self::Key(offer), Answered::Key(a)) => Ok((offer.complete(a, last, now)?, None)),
            (Self::Link(offer), Answered::Secret(a)) => Ok((offer.complete(a, last, now)?, None)),
            (Self::Presence(offer), Answered::Pass(a)) => {
                offer.complete(a, last, now_s).map(|(pair, pass)| (pair, Some(pass)))
            }
            _ => Err(SealError::Malformed),
        }
    }

    /// Whether nobody can come in by it any more.
    pub(super) fn is_spent(&self) -> bool {
        match self {
            Self::Key(offer) => offer.answers_left() == 0,
            Self::Link(offer) => offer.uses_left() == 0,
            Self::Presence(_) => false,
        }
    }
}

/// What both ends are told of a seal that failed.
pub(super) fn reason(e: SealError) -> EndReason {
    match e {
        SealError::WrongKey | SealError::WrongSecret => EndReason::WrongKey,
        SealError::Pass(super::seal::PassFault::Expired) | SealError::Expired => EndReason::Expired,
        SealError::Pass(_) => EndReason::Untrusted,
        SealError::Spent => EndReason::Spent,
        SealError::Tampered | SealError::OtherGeneration | SealError::Ended => EndReason::Tampered,
        SealError::Malformed | SealError::Version(_) | SealError::Text | SealError::TooLong => {
            EndReason::BrokeRules
        }
        SealError::NoEntropy => EndReason::Failed,
    }
}
