//! The one error of this door: the library's kinds, and two that only a door has.

use crate::error::{Error, ErrorKind};
use std::fmt;

/// What went wrong. The variant is for programs, `reason` is a sentence for people.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Error)]
pub enum PanecastError {
    /// The caller broke a documented rule: a wrong stride, a size of zero, an unknown name.
    InvalidInput {
        /// What happened.
        reason: String,
    },
    /// Bytes from outside break the format.
    InvalidData {
        /// What happened.
        reason: String,
    },
    /// The bytes are sound, but were made by a newer version or need a feature that is not built in.
    Unsupported {
        /// What happened.
        reason: String,
    },
    /// A cap would be exceeded.
    LimitExceeded {
        /// What happened.
        reason: String,
    },
    /// The source, display, window or file does not exist.
    NotFound {
        /// What happened.
        reason: String,
    },
    /// The visitor or the operating system said no.
    Denied {
        /// What happened.
        reason: String,
    },
    /// The visitor took back what had been allowed.
    Revoked {
        /// What happened.
        reason: String,
    },
    /// The source, or this object, has ended.
    Closed {
        /// What happened.
        reason: String,
    },
    /// The source is there, but has not answered within its time.
    Stalled {
        /// What happened.
        reason: String,
    },
    /// Decoder and encoder no longer hold the same picture; a fresh snapshot is needed.
    Desync {
        /// What happened.
        reason: String,
    },
    /// Reading or writing failed.
    Io {
        /// What happened.
        reason: String,
    },
    /// Who wants to come in did not prove that it may.
    Untrusted {
        /// What happened.
        reason: String,
    },
    /// A key, a link or a pass is no longer good.
    Expired {
        /// What happened.
        reason: String,
    },
    /// Sealed bytes were changed, left out, repeated or reordered on their way.
    Tampered {
        /// What happened.
        reason: String,
    },
    /// A bug of the library's was caught; the object is of no use any more.
    Panicked {
        /// What happened.
        reason: String,
    },
}

impl From<Error> for PanecastError {
    fn from(error: Error) -> Self {
        let reason = error.message().to_owned();
        match error.kind() {
            ErrorKind::InvalidInput => Self::InvalidInput { reason },
            ErrorKind::InvalidData => Self::InvalidData { reason },
            ErrorKind::Unsupported => Self::Unsupported { reason },
            ErrorKind::LimitExceeded => Self::LimitExceeded { reason },
            ErrorKind::NotFound => Self::NotFound { reason },
            ErrorKind::Denied => Self::Denied { reason },
            ErrorKind::Revoked => Self::Revoked { reason },
            ErrorKind::Closed => Self::Closed { reason },
            ErrorKind::Stalled => Self::Stalled { reason },
            ErrorKind::Desync => Self::Desync { reason },
            ErrorKind::Io => Self::Io { reason },
            ErrorKind::Untrusted => Self::Untrusted { reason },
            ErrorKind::Expired => Self::Expired { reason },
            ErrorKind::Tampered => Self::Tampered { reason },
        }
    }
}

impl PanecastError {
    /// The sentence.
    #[must_use]
    pub fn reason(&self) -> &str {
        match self {
            Self::InvalidInput { reason }
            | Self::InvalidData { reason }
            | Self::Unsupported { reason }
            | Self::LimitExceeded { reason }
            | Self::NotFound { reason }
            | Self::Denied { reason }
            | Self::Revoked { reason }
            | Self::Closed { reason }
            | Self::Stalled { reason }
            | Self::Desync { reason }
            | Self::Io { reason }
            | Self::Untrusted { reason }
            | Self::Expired { reason }
            | Self::Tampered { reason }
            | Self::Panicked { reason } => reason,
        }
    }
}

impl fmt::Display for PanecastError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason())
    }
}

impl std::error::Error for PanecastError {}
