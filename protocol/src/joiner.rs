//! The messages between a joiner and the relay.

use crate::{Door, Ended, Refusal};
use serde::{Deserialize, Serialize};

/// What a joiner tells the relay; all else it sends is for the host.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
pub enum JoinerSays {
    /// The first message, with a door to knock at or a place to come back to.
    Hello {
        /// [`crate::PROTOCOL_VERSION`].
        protocol: u32,
        /// Whose host it looks for.
        #[serde(
            default = "crate::tenant::default_tenant",
            skip_serializing_if = "crate::tenant::is_default"
        )]
        tenant: String,
        /// Proof of who it is, where the door or the tenant asks for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token: Option<String>,
        /// Where it knocks.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        door: Option<Door>,
        /// To come back after a cut.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        resume: Option<Place>,
    },
    /// Asks for [`RelayToJoiner::Pong`], where nothing was heard for a while. For those who cannot send a ping of
    /// WebSocket's own.
    Ping {},
}

/// A joiner's place in a room.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// The room's id.
    pub room: String,
    /// The joiner's number in it.
    pub joiner: u32,
    /// The newest token that the relay gave; each is good until the next one was shown.
    pub token: String,
}

/// What the relay tells a joiner; all else it sends comes from the host.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum RelayToJoiner {
    /// The host has let it in, or it is back.
    Joined(Place),
    /// The host's connection was cut; it may come back.
    HostLost {},
    /// The host is back; it starts this joiner over.
    HostBack {},
    /// The session is over for this joiner.
    End {
        /// Why.
        reason: Ended,
    },
    /// The answer to [`JoinerSays::Ping`].
    Pong {},
    /// The relay is about to close: come back with the place, here or at another relay.
    GoingAway {
        /// How long to wait with that: not all are to come at once.
        after_ms: u32,
    },
    /// The relay refuses or ends the connection.
    Refused(Refusal),
}

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Place")
            .field("room", &self.room)
            .field("joiner", &self.joiner)
            .finish_non_exhaustive()
    }
}

/// Hides what is secret: tokens and what people type.
impl std::fmt::Debug for JoinerSays {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self::Hello { protocol, tenant, token, door, resume } = self else {
            return f.write_str("Ping");
        };
        f.debug_struct("Hello")
            .field("protocol", protocol)
            .field("tenant", tenant)
            .field("token", &token.as_ref().map(|_| "…"))
            .field("door", door)
            .field("resume", resume)
            .finish()
    }
}

impl std::fmt::Debug for RelayToJoiner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Joined(place) => f.debug_tuple("Joined").field(place).finish(),
            Self::HostLost {} => f.write_str("HostLost"),
            Self::HostBack {} => f.write_str("HostBack"),
            Self::Pong {} => f.write_str("Pong"),
            Self::End { reason } => f.debug_tuple("End").field(reason).finish(),
            Self::GoingAway { after_ms } => f.debug_tuple("GoingAway").field(after_ms).finish(),
            Self::Refused(refusal) => f.debug_tuple("Refused").field(refusal).finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> Place {
        Place { room: "r".into(), joiner: 9, token: "hidden".into() }
    }

    #[test]
    fn messages_have_their_documented_form() {
        let hello = |door, resume| JoinerSays::Hello {
            protocol: 3,
            tenant: "default".into(),
            token: None,
            door,
            resume,
        };
        for (said, json) in [
            (
                hello(Some(Door::Key { number: "4829".into() }), None),
                r#"{"type":"hello","protocol":3,"door":{"key":{"number":"4829"}}}"#,
            ),
            (
                hello(None, Some(place())),
                r#"{"type":"hello","protocol":3,"resume":{"room":"r","joiner":9,"token":"hidden"}}"#,
            ),
            (JoinerSays::Ping {}, r#"{"type":"ping"}"#),
        ] {
            assert_eq!(serde_json::to_string(&said).unwrap(), json);
            assert_eq!(serde_json::from_str::<JoinerSays>(json).unwrap(), said);
        }
        for (told, json) in [
            (RelayToJoiner::Joined(place()), r#"{"type":"joined","room":"r","joiner":9,"token":"hidden"}"#),
            (RelayToJoiner::HostLost {}, r#"{"type":"host-lost"}"#),
            (RelayToJoiner::HostBack {}, r#"{"type":"host-back"}"#),
            (RelayToJoiner::Pong {}, r#"{"type":"pong"}"#),
            (RelayToJoiner::End { reason: Ended::HostLost }, r#"{"type":"end","reason":"host-lost"}"#),
        ] {
            assert_eq!(serde_json::to_string(&told).unwrap(), json);
            assert_eq!(serde_json::from_str::<RelayToJoiner>(json).unwrap(), told);
        }
    }

    #[test]
    fn debug_hides_secrets() {
        let hello = JoinerSays::Hello {
            protocol: 3,
            tenant: "shop".into(),
            token: Some("hidden".into()),
            door: Some(Door::Presence { visitor: "hidden".into() }),
            resume: Some(place()),
        };
        assert!(!format!("{hello:?}{:?}", RelayToJoiner::Joined(place())).contains("hidden"));
    }
}
