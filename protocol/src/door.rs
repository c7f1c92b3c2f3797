//! Ways into a host's room, and why they and sessions end.

use crate::RefusalKind;
use serde::{Deserialize, Serialize};

/// Most bytes of an app's id of its visitor.
pub const MOST_VISITOR_BYTES: usize = 128;

/// Digits of a key that the relay sees; the others are for the two ends.
pub const NUMBER_DIGITS: usize = 4;

/// Hex digits of a link's id.
pub const LINK_ID_DIGITS: usize = 32;

/// A way in, as it is named.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Door {
    /// By a key that the host's person tells. `Debug` hides the number, as all that opens something.
    Key {
        /// The key's first [`NUMBER_DIGITS`] digits.
        number: String,
    },
    /// By a link.
    Link {
        /// 128 bits in hex, chosen by the host. The link's secret half never comes to the relay.
        id: String,
    },
    /// By the id that the app has for its visitor.
    Presence {
        /// The id: 1 to [`MOST_VISITOR_BYTES`] bytes.
        visitor: String,
    },
}

/// A way in, as a host asks for it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum NewDoor {
    /// By a key; the relay chooses the number.
    Key {},
    /// By a link.
    Link {
        /// As [`Door::Link`].
        id: String,
        /// Seconds until it closes.
        lifetime_s: u32,
    },
    /// By presence; it stays as long as the host does.
    Presence {
        /// As [`Door::Presence`].
        visitor: String,
    },
}

/// A way in, as the relay has opened it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OpenDoor {
    /// By a key.
    Key {
        /// Its first digits.
        number: String,
        /// Seconds until it closes.
        expires_in_s: u32,
    },
    /// By a link.
    Link {
        /// Its id.
        id: String,
        /// Seconds until it closes.
        expires_in_s: u32,
    },
    /// By presence.
    Presence {
        /// The visitor's id.
        visitor: String,
    },
}

/// Why a door is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DoorEnd {
    /// Its time is over.
    Expired,
    /// Somebody was let in by this key.
    Spent,
    /// Another host has opened it.
    TakenOver,
}

/// Why a joiner is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefuseReason {
    /// The ends have different keys.
    WrongKey,
    /// The host's person said no.
    Declined,
    /// The host takes nobody more.
    Full,
}

impl From<RefuseReason> for RefusalKind {
    fn from(reason: RefuseReason) -> Self {
        match reason {
            RefuseReason::WrongKey => Self::WrongKey,
            RefuseReason::Declined => Self::Declined,
            RefuseReason::Full => Self::Full,
        }
    }
}

/// Why a session ended, as far as the relay is told; the ends may tell each other more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ended {
    /// The host's person stopped it.
    HostStopped,
    /// What was shared is gone.
    SourceEnded,
    /// Capture failed.
    SourceFailed,
    /// The host did not come back in time.
    HostLost,
    /// The host sent this joiner away.
    Dismissed,
    /// The joiner let more wait for it than the relay keeps.
    TooFarBehind,
    /// What came was not what the other end had sent.
    Tampered,
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::HostStopped => "the other side stopped the session",
            Self::SourceEnded => "what was shared is gone",
            Self::SourceFailed => "capture failed",
            Self::HostLost => "the other side's connection was lost",
            Self::Dismissed => "the other side ended it",
            Self::TooFarBehind => "too much was left unread",
            Self::Tampered => "what came was changed on its way",
        })
    }
}

macro_rules! debug_hides_all_but_the_kind {
    ($($name:ident),*) => {$(
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(match self {
                    Self::Key { .. } => "Key(…)",
                    Self::Link { .. } => "Link(…)",
                    Self::Presence { .. } => "Presence(…)",
                })
            }
        }
    )*};
}

debug_hides_all_but_the_kind!(Door, NewDoor, OpenDoor);
