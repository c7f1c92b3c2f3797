//! The messages between hosts, joiners and the relay: JSON text for the relay, sealed bytes for the other end.
//!
//! | who | path | text out | text in | binary |
//! |---|---|---|---|---|
//! | host | `/ws/host` | [`HostSays`] | [`RelayToHost`] | out: [`Parcel`], in: [`FromJoiner`] |
//! | joiner | `/ws/join` | [`JoinerSays`] | [`RelayToJoiner`] | sealed bytes, both ways |
//! | lookout | `/ws/watch` | [`LookoutSays`] | [`RelayToLookout`] | – |
//!
//! The first text on a connection is a hello; it may go with the request ([`Early`]). What goes between the two ends is
//! sealed, and the relay sees only whom it is for. docs/protocol.md tells the whole story.

mod door;
mod early;
mod host;
mod joiner;
mod lookout;
mod parcel;
mod tenant;

pub use door::{
    Door, DoorEnd, Ended, LINK_ID_DIGITS, MOST_VISITOR_BYTES, NUMBER_DIGITS, NewDoor, OpenDoor, RefuseReason,
};
pub use early::{Early, MOST_EARLY_BYTES, NotEarly, SUBPROTOCOL};
pub use host::{HostSays, RelayToHost, RoomProof, Who};
pub use joiner::{JoinerSays, Place, RelayToJoiner};
pub use lookout::{LookoutSays, MOST_WATCHED, RelayToLookout};
pub use parcel::{FromJoiner, Parcel, ParcelKind};
pub use tenant::{DEFAULT_TENANT, MOST_TENANT_BYTES, is_tenant_name, tenant_of_query, tenant_query};

use serde::{Deserialize, Serialize};

/// Version of these messages; both sides of a connection must have the same.
pub const PROTOCOL_VERSION: u32 = 3;

/// Most bytes of a text message.
pub const MAX_TEXT_BYTES: usize = 64 << 10;

/// Most bytes of a binary message, unless a relay is told otherwise. It holds a 5K picture of pure noise.
pub const MAX_BINARY_BYTES: usize = 64 << 20;

/// Why the relay refuses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The kind, for programs.
    pub kind: RefusalKind,
    /// A sentence for people.
    pub message: String,
}

/// The kinds of [`Refusal`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefusalKind {
    /// No room has this key.
    WrongKey,
    /// The room or the relay is full.
    Full,
    /// Another [`PROTOCOL_VERSION`].
    Version,
    /// A message that does not fit the protocol, or is too large.
    BadMessage,
    /// Too many keys were tried from this network, or of this tenant, or too many presences watched.
    TooManyTries,
    /// The other side said no.
    Declined,
    /// Nobody is there to be reached this way now.
    Unavailable,
    /// The tenant is not known here, or the token does not allow this.
    NotAllowed,
    /// The link was used up, or its host has closed it.
    Spent,
}

impl RefusalKind {
    /// Whether a relay that refuses now may let in later one who was in: one that has just started knows a room only once
    /// its host is back.
    #[must_use]
    pub fn may_pass(self) -> bool {
        match self {
            Self::TooManyTries | Self::WrongKey | Self::Unavailable => true,
            Self::Full
            | Self::Version
            | Self::BadMessage
            | Self::Declined
            | Self::NotAllowed
            | Self::Spent => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pages and other programs rely on these very bytes.
    #[test]
    fn refusals_have_their_documented_form() {
        for (kind, name) in [
            (RefusalKind::WrongKey, "wrong-key"),
            (RefusalKind::Full, "full"),
            (RefusalKind::Version, "version"),
            (RefusalKind::BadMessage, "bad-message"),
            (RefusalKind::TooManyTries, "too-many-tries"),
            (RefusalKind::Declined, "declined"),
            (RefusalKind::Unavailable, "unavailable"),
            (RefusalKind::NotAllowed, "not-allowed"),
            (RefusalKind::Spent, "spent"),
        ] {
            let json = format!(r#"{{"type":"refused","kind":"{name}","message":"no"}}"#);
            let refused = || Refusal { kind, message: "no".into() };
            assert_eq!(serde_json::to_string(&RelayToHost::Refused(refused())).unwrap(), json);
            assert_eq!(serde_json::to_string(&RelayToJoiner::Refused(refused())).unwrap(), json);
            assert_eq!(serde_json::to_string(&RelayToLookout::Refused(refused())).unwrap(), json);
        }
    }

    #[test]
    fn unknown_messages_and_fields_are_refused() {
        for bad in [
            "",
            "{}",
            r#"{"type":"shout"}"#,
            r#"{"type":"hello"}"#,
            r#"{"type":"hello","protocol":-1}"#,
            r#"{"type":"hello","protocol":3,"extra":1}"#,
        ] {
            assert!(serde_json::from_str::<HostSays>(bad).is_err(), "{bad}");
            assert!(serde_json::from_str::<JoinerSays>(bad).is_err(), "{bad}");
            assert!(serde_json::from_str::<LookoutSays>(bad).is_err(), "{bad}");
        }
        for bad in [r#"{"type":"admit"}"#, r#"{"type":"admit","joiner":1,"extra":1}"#] {
            assert!(serde_json::from_str::<HostSays>(bad).is_err(), "{bad}");
        }
    }
}
