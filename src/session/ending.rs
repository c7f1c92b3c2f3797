//! Why a session ends, as both ends are told.

use crate::error::{Error, ErrorKind};

/// Why a session, or one watcher's part in it, is over. Closed: the numbers are the wire's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EndReason {
    /// Who shared stopped, and so took the consent back.
    SharerStopped,
    /// Who watched left.
    WatcherLeft,
    /// Who was asked said no.
    Declined,
    /// Who was asked did not answer in time.
    NoAnswer,
    /// Who shared sent this watcher away.
    Dismissed,
    /// What was shared is gone: a closed window, the end of a file.
    SourceEnded,
    /// Capture failed.
    SourceFailed,
    /// The key is not the one that was told.
    WrongKey,
    /// The pass is not one of the tenant's.
    Untrusted,
    /// The key, the link or the pass is too old.
    Expired,
    /// The key or the link was used already, or guessed at too often.
    Spent,
    /// Bytes were changed, repeated, left out or exchanged on their way.
    Tampered,
    /// The other end broke the rules of the session.
    BrokeRules,
    /// A connection was cut and did not come back in time.
    Lost,
    /// The other end took too long over the beginning.
    TimedOut,
    /// The relay shuts down.
    RelayStopped,
    /// Something that should not fail did, on the device of who ended it.
    Failed,
}

impl EndReason {
    /// All of them, in the wire's order.
    pub const ALL: [Self; 17] = [
        Self::SharerStopped,
        Self::WatcherLeft,
        Self::Declined,
        Self::NoAnswer,
        Self::Dismissed,
        Self::SourceEnded,
        Self::SourceFailed,
        Self::WrongKey,
        Self::Untrusted,
        Self::Expired,
        Self::Spent,
        Self::Tampered,
        Self::BrokeRules,
        Self::Lost,
        Self::TimedOut,
        Self::RelayStopped,
        Self::Failed,
    ];

    /// Its number on the wire.
    #[must_use]
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The reason with this number.
    #[must_use]
    pub fn of_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }

    /// What a source that gives no more pictures means: a closed window is its end, all else but the visitor's own word is a
    /// failure.
    #[must_use]
    pub fn of_source(e: &Error) -> Self {
        match e.kind() {
            ErrorKind::Closed => Self::SourceEnded,
            ErrorKind::Revoked => Self::SharerStopped,
            _ => Self::SourceFailed,
        }
    }

    /// Its stable name, as logs and `--json` show it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::SharerStopped => "sharer-stopped",
            Self::WatcherLeft => "watcher-left",
            Self::Declined => "declined",
            Self::NoAnswer => "no-answer",
            Self::Dismissed => "dismissed",
            Self::SourceEnded => "source-ended",
            Self::SourceFailed => "source-failed",
            Self::WrongKey => "wrong-key",
            Self::Untrusted => "untrusted",
            Self::Expired => "expired",
            Self::Spent => "spent",
            Self::Tampered => "tampered",
            Self::BrokeRules => "broke-rules",
            Self::Lost => "lost",
            Self::TimedOut => "timed-out",
            Self::RelayStopped => "relay-stopped",
            Self::Failed => "failed",
        }
    }
}

impl std::fmt::Display for EndReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::SharerStopped => "sharing was stopped",
            Self::WatcherLeft => "the watcher left",
            Self::Declined => "the request was declined",
            Self::NoAnswer => "nobody answered the request",
            Self::Dismissed => "the watcher was sent away",
            Self::SourceEnded => "what was shared is gone",
            Self::SourceFailed => "capture failed",
            Self::WrongKey => "the key is not the one that was told",
            Self::Untrusted => "the pass is not one of the tenant's",
            Self::Expired => "the key, link or pass is too old",
            Self::Spent => "the key or link was used already",
            Self::Tampered => "bytes were changed on their way",
            Self::BrokeRules => "the other end broke the rules of the session",
            Self::Lost => "the connection was lost",
            Self::TimedOut => "the other end took too long",
            Self::RelayStopped => "the relay shut down",
            Self::Failed => "the other device failed",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_lead_back_to_their_reason() {
        for (i, reason) in EndReason::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(reason.code()), i);
            assert_eq!(EndReason::of_code(reason.code()), Some(reason));
            assert_eq!(EndReason::ALL.iter().filter(|other| other.name() == reason.name()).count(), 1);
        }
        assert_eq!(EndReason::of_code(EndReason::ALL.len() as u8), None);
    }
}
