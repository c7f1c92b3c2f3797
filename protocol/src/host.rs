//! The messages between a host and the relay.

use crate::{Door, DoorEnd, Ended, NewDoor, OpenDoor, Refusal, RefusalKind, RefuseReason};
use serde::{Deserialize, Serialize};

/// What a host tells the relay.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
pub enum HostSays {
    /// The first message.
    Hello {
        /// [`crate::PROTOCOL_VERSION`].
        protocol: u32,
        /// Whose customers and agents these are.
        #[serde(
            default = "crate::tenant::default_tenant",
            skip_serializing_if = "crate::tenant::is_default"
        )]
        tenant: String,
        /// Proof of who it is, where the tenant asks for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token: Option<String>,
        /// To come back to a room after a cut.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        resume: Option<RoomProof>,
    },
    /// A way in for joiners. A host may have several.
    Open {
        /// Which.
        door: NewDoor,
    },
    /// This way in is closed; who has come stays.
    Close {
        /// Which.
        door: Door,
    },
    /// The joiner has shown that it knows what it must: it is let in. A key is spent with this.
    Admit {
        /// Which.
        joiner: u32,
    },
    /// The joiner is not let in.
    Refuse {
        /// Which.
        joiner: u32,
        /// Why.
        reason: RefuseReason,
    },
    /// A joiner that was let in is sent away.
    Dismiss {
        /// Which.
        joiner: u32,
        /// Why.
        reason: Ended,
    },
    /// The session is over.
    End {
        /// Why.
        reason: Ended,
    },
    /// Asks for [`RelayToHost::Pong`], as a joiner's.
    Ping {},
}

/// A room to come back to.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoomProof {
    /// The room's id.
    pub room: String,
    /// The secret that the relay gave with it.
    pub secret: String,
}

/// What the relay tells a host.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum RelayToHost {
    /// The answer to a hello.
    Room {
        /// The room's id: 128 bits in hex, which joiners learn too. It follows from the secret.
        room: String,
        /// The secret to come back with, for the host alone: 128 bits in hex.
        secret: String,
    },
    /// The answer to [`HostSays::Open`].
    Opened {
        /// The door as it is now.
        door: OpenDoor,
    },
    /// The answer to [`HostSays::Open`] where there is no such door to be had; the connection goes on.
    NotOpened {
        /// The kind, for programs.
        kind: RefusalKind,
        /// A sentence for people.
        message: String,
    },
    /// A door is closed.
    Closed {
        /// Which.
        door: Door,
        /// Why.
        reason: DoorEnd,
    },
    /// Somebody is at the door, or is back: [`HostSays::Admit`] or [`HostSays::Refuse`] is due unless `resumed`.
    Came {
        /// Its number within the room.
        joiner: u32,
        /// The door it came by; none if it is back.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        door: Option<Door>,
        /// Who it is, by a token that the relay has checked.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        who: Option<Who>,
        /// It had been let in, was cut off, and has shown the token of that time: it is in again.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        resumed: bool,
    },
    /// A joiner is gone; within the grace time it may be back.
    Left {
        /// Which.
        joiner: u32,
    },
    /// The packets that waited for a joiner were dropped. It gets no more until it starts over.
    Behind {
        /// Which.
        joiner: u32,
    },
    /// After [`RelayToHost::Behind`]: all that was on its way is taken, and starting over makes sense.
    Ready {
        /// Which.
        joiner: u32,
    },
    /// The answer to [`HostSays::Ping`].
    Pong {},
    /// The relay is about to close: come back with the room's secret, here or at another relay.
    GoingAway {
        /// How long to wait with that: not all are to come at once.
        after_ms: u32,
    },
    /// The relay refuses or ends the connection.
    Refused(Refusal),
}

/// Who somebody is, by a token that the relay has checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Who {
    /// The tenant's own id of this person.
    pub id: String,
    /// The name as people may read it; empty if the token has none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
}

/// Hides what is secret: tokens and the room's secret.
impl std::fmt::Debug for HostSays {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Hello { protocol, tenant, token, resume } => f
                .debug_struct("Hello")
                .field("protocol", protocol)
                .field("tenant", tenant)
                .field("token", &token.as_ref().map(|_| "…"))
                .field("resume", resume)
                .finish(),
            Self::Open { door } => f.debug_tuple("Open").field(door).finish(),
            Self::Close { door } => f.debug_tuple("Close").field(door).finish(),
            Self::Admit { joiner } => f.debug_tuple("Admit").field(joiner).finish(),
            Self::Refuse { joiner, reason } => f.debug_tuple("Refuse").field(joiner).field(reason).finish(),
            Self::Dismiss { joiner, reason } => f.debug_tuple("Dismiss").field(joiner).field(reason).finish(),
            Self::End { reason } => f.debug_tuple("End").field(reason).finish(),
            Self::Ping {} => f.write_str("Ping"),
        }
    }
}

impl std::fmt::Debug for RoomProof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RoomProof").field("room", &self.room).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for RelayToHost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Room { room, .. } => f.debug_struct("Room").field("room", room).finish_non_exhaustive(),
            Self::Opened { door } => f.debug_tuple("Opened").field(door).finish(),
            Self::NotOpened { kind, message } => {
                f.debug_tuple("NotOpened").field(kind).field(message).finish()
            }
            Self::Closed { door, reason } => f.debug_tuple("Closed").field(door).field(reason).finish(),
            Self::Came { joiner, door, who, resumed } => {
                f.debug_tuple("Came").field(joiner).field(door).field(who).field(resumed).finish()
            }
            Self::Left { joiner } => f.debug_tuple("Left").field(joiner).finish(),
            Self::Behind { joiner } => f.debug_tuple("Behind").field(joiner).finish(),
            Self::Ready { joiner } => f.debug_tuple("Ready").field(joiner).finish(),
            Self::Pong {} => f.write_str("Pong"),
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
        for (said, json) in [
            (
                HostSays::Hello { protocol: 3, tenant: "default".into(), token: None, resume: None },
                r#"{"type":"hello","protocol":3}"#,
            ),
            (
                HostSays::Hello {
                    protocol: 3,
                    tenant: "shop".into(),
                    token: Some("t".into()),
                    resume: Some(RoomProof { room: "r".into(), secret: "s".into() }),
                },
                r#"{"type":"hello","protocol":3,"tenant":"shop","token":"t","resume":{"room":"r","secret":"s"}}"#,
            ),
            (HostSays::Open { door: NewDoor::Key {} }, r#"{"type":"open","door":{"key":{}}}"#),
            (
                HostSays::Close { door: Door::Key { number: "0042".into() } },
                r#"{"type":"close","door":{"key":{"number":"0042"}}}"#,
            ),
            (HostSays::Admit { joiner: 7 }, r#"{"type":"admit","joiner":7}"#),
            (HostSays::Ping {}, r#"{"type":"ping"}"#),
            (
                HostSays::Refuse { joiner: 7, reason: RefuseReason::WrongKey },
                r#"{"type":"refuse","joiner":7,"reason":"wrong-key"}"#,
            ),
            (
                HostSays::Dismiss { joiner: 7, reason: Ended::Dismissed },
                r#"{"type":"dismiss","joiner":7,"reason":"dismissed"}"#,
            ),
            (HostSays::End { reason: Ended::HostStopped }, r#"{"type":"end","reason":"host-stopped"}"#),
        ] {
            assert_eq!(serde_json::to_string(&said).unwrap(), json);
            assert_eq!(serde_json::from_str::<HostSays>(json).unwrap(), said, "{json}");
        }
        for (told, json) in [
            (
                RelayToHost::Opened { door: OpenDoor::Key { number: "0042".into(), expires_in_s: 600 } },
                r#"{"type":"opened","door":{"key":{"number":"0042","expires_in_s":600}}}"#,
            ),
            (
                RelayToHost::Closed {
                    door: Door::Presence { visitor: "v".into() },
                    reason: DoorEnd::TakenOver,
                },
                r#"{"type":"closed","door":{"presence":{"visitor":"v"}},"reason":"taken-over"}"#,
            ),
            (
                RelayToHost::Came {
                    joiner: 7,
                    door: Some(Door::Link { id: "ab".into() }),
                    who: Some(Who { id: "a".into(), name: "Ann".into() }),
                    resumed: false,
                },
                r#"{"type":"came","joiner":7,"door":{"link":{"id":"ab"}},"who":{"id":"a","name":"Ann"}}"#,
            ),
            (
                RelayToHost::Came { joiner: 7, door: None, who: None, resumed: true },
                r#"{"type":"came","joiner":7,"resumed":true}"#,
            ),
            (RelayToHost::GoingAway { after_ms: 9 }, r#"{"type":"going-away","after_ms":9}"#),
        ] {
            assert_eq!(serde_json::to_string(&told).unwrap(), json);
            assert_eq!(serde_json::from_str::<RelayToHost>(json).unwrap(), told, "{json}");
        }
    }

    #[test]
    fn unknown_messages_and_fields_are_refused() {
        for bad in [
            r#"{"type":"open"}"#,
            r#"{"type":"open","door":{}}"#,
            r#"{"type":"open","door":{"window":{}}}"#,
            r#"{"type":"open","door":{"key":{"number":"1234"}}}"#,
            r#"{"type":"open","door":{"key":{},"link":{"id":"0","lifetime_s":1}}}"#,
            r#"{"type":"admit","joiner":-1}"#,
            r#"{"type":"admit","joiner":1,"all":true}"#,
            r#"{"type":"refuse","joiner":1,"reason":"because"}"#,
            r#"{"type":"hello","protocol":3,"resume":{"room":"r","secret":"s","more":1}}"#,
        ] {
            assert!(serde_json::from_str::<HostSays>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn debug_hides_secrets() {
        let hello = HostSays::Hello {
            protocol: 3,
            tenant: "shop".into(),
            token: Some("hidden".into()),
            resume: Some(RoomProof { room: "r".into(), secret: "hidden".into() }),
        };
        let room = RelayToHost::Room { room: "r".into(), secret: "hidden".into() };
        assert!(!format!("{hello:?}{room:?}").contains("hidden"));
    }
}
