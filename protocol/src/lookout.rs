//! The messages between a lookout, which waits for doors to open, and the relay.

use crate::{Door, Refusal};
use serde::{Deserialize, Serialize};

/// Most doors that one connection may watch.
pub const MOST_WATCHED: usize = 64;

/// What a lookout tells the relay.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
pub enum LookoutSays {
    /// The first message.
    Hello {
        /// [`crate::PROTOCOL_VERSION`].
        protocol: u32,
        /// Whose hosts it looks for.
        #[serde(
            default = "crate::tenant::default_tenant",
            skip_serializing_if = "crate::tenant::is_default"
        )]
        tenant: String,
        /// Proof of who it is; presences need it where the tenant has keys for tokens.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token: Option<String>,
    },
    /// To be told now and at every change whether somebody can be reached by this door; of at most
    /// [`MOST_WATCHED`], and of no key.
    Watch {
        /// Which.
        door: Door,
    },
    /// No more of this door.
    Unwatch {
        /// Which.
        door: Door,
    },
}

/// What the relay tells a lookout.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum RelayToLookout {
    /// A host is behind this door.
    Available {
        /// Which.
        door: Door,
    },
    /// Nobody is there, or nobody is known by this name.
    Unavailable {
        /// Which.
        door: Door,
    },
    /// The relay is about to close: come back and watch anew, here or at another relay.
    GoingAway {
        /// How long to wait with that: not all are to come at once.
        after_ms: u32,
    },
    /// The relay refuses or ends the connection.
    Refused(Refusal),
}

/// Hides the token.
impl std::fmt::Debug for LookoutSays {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Hello { protocol, tenant, token } => f
                .debug_struct("Hello")
                .field("protocol", protocol)
                .field("tenant", tenant)
                .field("token", &token.as_ref().map(|_| "…"))
                .finish(),
            Self::Watch { door } => f.debug_tuple("Watch").field(door).finish(),
            Self::Unwatch { door } => f.debug_tuple("Unwatch").field(door).finish(),
        }
    }
}

impl std::fmt::Debug for RelayToLookout {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Available { door } => f.debug_tuple("Available").field(door).finish(),
            Self::Unavailable { door } => f.debug_tuple("Unavailable").field(door).finish(),
            Self::GoingAway { after_ms } => f.debug_tuple("GoingAway").field(after_ms).finish(),
            Self::Refused(refusal) => f.debug_tuple("Refused").field(refusal).finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_have_their_documented_form() {
        let hello = |token| LookoutSays::Hello { protocol: 3, tenant: "shop".into(), token };
        let door = || Door::Presence { visitor: "7".into() };
        for (said, json) in [
            (hello(None), r#"{"type":"hello","protocol":3,"tenant":"shop"}"#),
            (hello(Some("t".into())), r#"{"type":"hello","protocol":3,"tenant":"shop","token":"t"}"#),
            (LookoutSays::Watch { door: door() }, r#"{"type":"watch","door":{"presence":{"visitor":"7"}}}"#),
            (
                LookoutSays::Unwatch { door: Door::Link { id: "0f".into() } },
                r#"{"type":"unwatch","door":{"link":{"id":"0f"}}}"#,
            ),
        ] {
            assert_eq!(serde_json::to_string(&said).unwrap(), json);
            assert_eq!(serde_json::from_str::<LookoutSays>(json).unwrap(), said);
        }
        for (told, json) in [
            (
                RelayToLookout::Available { door: door() },
                r#"{"type":"available","door":{"presence":{"visitor":"7"}}}"#,
            ),
            (
                RelayToLookout::Unavailable { door: door() },
                r#"{"type":"unavailable","door":{"presence":{"visitor":"7"}}}"#,
            ),
            (RelayToLookout::GoingAway { after_ms: 9 }, r#"{"type":"going-away","after_ms":9}"#),
        ] {
            assert_eq!(serde_json::to_string(&told).unwrap(), json);
            assert_eq!(serde_json::from_str::<RelayToLookout>(json).unwrap(), told);
        }
    }

    #[test]
    fn debug_hides_secrets_and_persons() {
        let hello = LookoutSays::Hello { protocol: 3, tenant: "shop".into(), token: Some("hidden".into()) };
        let watch = LookoutSays::Watch { door: Door::Presence { visitor: "hidden".into() } };
        assert!(!format!("{hello:?}{watch:?}").contains("hidden"));
    }
}
