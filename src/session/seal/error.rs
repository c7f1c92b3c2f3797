//! What can go wrong, grouped by who can do something about it.

use crate::error::{Error, ErrorKind};
use std::fmt;

/// Why a handshake, a record or a text was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealError {
    // Who wants to come in.
    /// The typed keys differ, or somebody stands in between; a guess is gone either way.
    WrongKey,
    /// The link's or the resume's secret is not the host's.
    WrongSecret,
    /// The agent's pass was refused.
    Pass(PassFault),
    /// The key, link or resume came after its time.
    Expired,
    /// The key, link or resume was used, or a key was guessed at too often.
    Spent,

    // What lies between the two.
    /// A record was changed, left out, repeated, reordered or cut off on its way. What it held is lost.
    Tampered,
    /// A broadcast record names a generation other than the one whose key is here: the order was not kept.
    OtherGeneration,
    /// A handshake's message has a form that no handshake has.
    Malformed,
    /// The other side speaks this other version of the handshake.
    Version(u8),

    // Who calls.
    /// A text that is no key, secret or pass of this sort, or a name that is empty or too long.
    Text,
    /// More bytes than [`crate::Limits::record_bytes`].
    TooLong,
    /// The channel has ended, after an error that was told before.
    Ended,

    // The system.
    /// There is no randomness.
    NoEntropy,
}

/// What is wrong with an agent's pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PassFault {
    /// The tenant did not sign it.
    Forged,
    /// It is another tenant's.
    OtherTenant,
    /// It is somebody else's: the one who shows it does not hold its key.
    OtherHolder,
    /// Its time is over.
    Expired,
}

impl SealError {
    /// The kind that [`Error`] has for it.
    #[must_use]
    pub fn kind(self) -> ErrorKind {
        match self {
            Self::WrongKey | Self::WrongSecret => ErrorKind::Untrusted,
            Self::Pass(PassFault::Expired) | Self::Expired | Self::Spent => ErrorKind::Expired,
            Self::Pass(_) => ErrorKind::Untrusted,
            Self::Tampered | Self::OtherGeneration => ErrorKind::Tampered,
            Self::Malformed => ErrorKind::InvalidData,
            Self::Version(_) => ErrorKind::Unsupported,
            Self::Text => ErrorKind::InvalidInput,
            Self::TooLong => ErrorKind::LimitExceeded,
            Self::Ended => ErrorKind::Closed,
            Self::NoEntropy => ErrorKind::Io,
        }
    }
}

impl fmt::Display for SealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WrongKey => "the key is wrong",
            Self::WrongSecret => "the link is not this one's",
            Self::Pass(PassFault::Forged) => "the agent's pass is not signed by the tenant",
            Self::Pass(PassFault::OtherTenant) => "the agent's pass is another tenant's",
            Self::Pass(PassFault::OtherHolder) => "the agent's pass is somebody else's",
            Self::Pass(PassFault::Expired) => "the agent's pass is no longer good",
            Self::Expired => "the key or link is no longer good",
            Self::Spent => "the key or link has been used; a new one is needed",
            Self::Tampered => "the connection was tampered with",
            Self::OtherGeneration => "a picture came before its key",
            Self::Malformed => "the other side sent no handshake",
            Self::Version(version) => {
                return write!(f, "the other side speaks version {version} of the handshake");
            }
            Self::Text => "the text is no such key, secret, pass or name",
            Self::TooLong => "the record is longer than its limit",
            Self::Ended => "the sealed channel has ended",
            Self::NoEntropy => "there is no randomness to make keys of",
        })
    }
}

impl std::error::Error for SealError {}

impl From<SealError> for Error {
    fn from(e: SealError) -> Self {
        Self::new(e.kind(), e.to_string())
    }
}
