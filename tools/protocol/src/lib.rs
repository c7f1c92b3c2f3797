//! The messages between visitor, relay and agent: JSON text for control, binary for the stream.
//!
//! | who | path | text out | text in | binary |
//! |---|---|---|---|---|
//! | visitor | `/ws/visitor` | [`VisitorSays`] | [`RelayToVisitor`] | out: [`Envelope`] |
//! | agent | `/ws/agent` | [`AgentSays`] | [`RelayToAgent`] | in: packets of docs/bitstream.md |
//!
//! The first text on a connection is a hello. The relay reads no packet: an envelope for one agent is that
//! agent's snapshot, whatever it holds, and an envelope for all goes to the agents that have had theirs.
//! docs/protocol.md tells the whole story.

//!
//! Version 3 knows hosts and joiners; what goes between them is sealed, and the relay sees only whom it is for:
//!
//! | who | path | text out | text in | binary |
//! |---|---|---|---|---|
//! | host | `/ws/host` | [`HostSays`] | [`RelayToHost`] | out: [`Parcel`], in: [`FromJoiner`] |
//! | joiner | `/ws/join` | [`JoinerSays`] | [`RelayToJoiner`] | sealed bytes, both ways |

mod door;
mod envelope;
mod host;
mod joiner;
mod key;
mod parcel;

pub use door::{
    DEFAULT_TENANT, Door, DoorEnd, Ended, LINK_ID_DIGITS, MOST_VISITOR_BYTES, NUMBER_DIGITS, NewDoor,
    OpenDoor, RefuseReason,
};
pub use envelope::Envelope;
pub use host::{HostSays, RelayToHost, RoomProof, Who};
pub use joiner::{JoinerSays, Place, RelayToJoiner};
pub use key::{NotAKey, SessionKey};
pub use parcel::{FromJoiner, Parcel, ParcelKind};

use serde::{Deserialize, Serialize};

/// Version of these messages; both sides of a connection must have the same.
pub const PROTOCOL_VERSION: u32 = 2;

/// Version of the messages between hosts, joiners and the relay.
pub const ROOMS_VERSION: u32 = 3;

/// Most bytes of a text message.
pub const MAX_TEXT_BYTES: usize = 64 << 10;

/// Most tiles of a picture that an agent tells about.
pub const MOST_TILES: usize = 4096;

/// Most bytes of a binary message, unless a relay is told otherwise. It holds a 5K picture of pure noise.
pub const MAX_BINARY_BYTES: usize = 64 << 20;

/// What the visitor's side tells the relay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
pub enum VisitorSays {
    /// The first message.
    Hello {
        /// [`PROTOCOL_VERSION`].
        protocol: u32,
        /// To come back to a room after a cut: the secret of [`RelayToVisitor::Room`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        resume: Option<Resume>,
    },
    /// How the picture lives; passed on to the agents.
    State {
        /// The state.
        state: StreamState,
        /// What is shown, as the agents may read it.
        source: String,
    },
    /// The visitor stops for good.
    End {
        /// Why.
        reason: EndReason,
    },
}

/// A room to come back to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Resume {
    /// The room's key.
    pub key: String,
    /// The secret that the relay gave with the room.
    pub secret: String,
}

/// What the relay tells the visitor's side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum RelayToVisitor {
    /// The answer to a hello: the visitor's room.
    Room {
        /// The key that agents type.
        key: String,
        /// The secret to come back with.
        secret: String,
    },
    /// An agent needs a snapshot now: it came, it lost the thread, or it takes bytes again after
    /// [`RelayToVisitor::AgentBehind`].
    AgentJoined {
        /// Its number within the room.
        agent: u32,
        /// What it still holds, if it says so and nothing has gone to it since: it needs no more than what differs.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        holds: Option<Holds>,
    },
    /// An agent left.
    AgentLeft {
        /// Its number.
        agent: u32,
    },
    /// An agent fell behind so far that its queue was dropped. It gets nothing more until its next snapshot,
    /// which is due when [`RelayToVisitor::AgentJoined`] names it again.
    AgentBehind {
        /// Its number.
        agent: u32,
    },
    /// An agent has painted an update.
    Ack {
        /// Its number.
        agent: u32,
        /// The update's sequence number.
        sequence: u64,
        /// As in [`AgentSays::Ack`].
        #[serde(default, skip_serializing_if = "is_zero")]
        held_us: u64,
    },
    /// The relay refuses or ends the connection.
    Refused(Refusal),
}

/// What an agent tells the relay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
pub enum AgentSays {
    /// The first message.
    Hello {
        /// [`PROTOCOL_VERSION`].
        protocol: u32,
        /// The room's key, as the visitor told it.
        key: String,
        /// What it still holds from before its connection was cut.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        holds: Option<Holds>,
    },
    /// What the agent holds after [`RelayToAgent::VisitorLost`], for the visitor to go on from when it is back.
    Holds {
        /// The picture.
        picture: Holds,
    },
    /// An update has been painted.
    Ack {
        /// Its sequence number.
        sequence: u64,
        /// Microseconds from its last byte's arrival until it was painted; 0 if the agent does not say. Without
        /// them a slow viewer would count as a slow line.
        #[serde(default, skip_serializing_if = "is_zero")]
        held_us: u64,
    },
    /// The agent's decoder lost the thread: send a snapshot.
    Resync {},
}

/// What the relay tells an agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum RelayToAgent {
    /// The answer to a hello.
    Joined {
        /// The agent's number.
        agent: u32,
    },
    /// How the picture lives.
    State {
        /// The state.
        state: StreamState,
        /// What is shown.
        source: String,
    },
    /// The visitor's connection was cut; it may come back, and a snapshot follows then.
    VisitorLost {},
    /// The session is over.
    End {
        /// Why.
        reason: EndReason,
    },
    /// The relay refuses or ends the connection.
    Refused(Refusal),
}

/// The picture that an agent holds, as hashes of its tiles (docs/bitstream.md §3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Holds {
    /// The picture's width in pixels.
    pub width: u32,
    /// Its height.
    pub height: u32,
    /// A hash for each tile of 64 × 64 pixels, row by row; at most [`MOST_TILES`].
    pub tiles: Vec<u32>,
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

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
    /// No room has this key, or the secret does not fit.
    WrongKey,
    /// The room or the relay is full.
    Full,
    /// Another [`PROTOCOL_VERSION`].
    Version,
    /// A message that does not fit the protocol, or is too large.
    BadMessage,
    /// Too many wrong keys from this address, or for this tenant.
    TooManyTries,
    /// Version 3: the other side said no.
    Declined,
    /// Version 3: nobody is there to be reached this way now.
    Unavailable,
    /// Version 3: the tenant is not known here, or the token does not allow this.
    NotAllowed,
}

/// How the picture lives, as the agent is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StreamState {
    /// It follows the source.
    Live,
    /// The source is there and unchanged.
    Idle,
    /// The visitor paused.
    Paused,
    /// The source does not answer.
    Stalled,
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndReason {
    /// The visitor stopped sharing.
    VisitorStopped,
    /// What was shared is gone: a closed window, the end of a file.
    SourceEnded,
    /// Capture failed.
    SourceFailed,
    /// The visitor did not come back in time.
    VisitorLost,
    /// The relay shuts down.
    RelayStopped,
}

impl std::fmt::Display for EndReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::VisitorStopped => "the visitor stopped sharing",
            Self::SourceEnded => "what was shared is gone",
            Self::SourceFailed => "the visitor's capture failed",
            Self::VisitorLost => "the visitor's connection was lost",
            Self::RelayStopped => "the relay shut down",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The page and old programs rely on these very bytes.
    #[test]
    fn messages_have_their_documented_form() {
        let json = |m: &RelayToAgent| serde_json::to_string(m).unwrap();
        assert_eq!(json(&RelayToAgent::Joined { agent: 3 }), r#"{"type":"joined","agent":3}"#);
        assert_eq!(json(&RelayToAgent::VisitorLost {}), r#"{"type":"visitor-lost"}"#);
        assert_eq!(
            json(&RelayToAgent::End { reason: EndReason::VisitorStopped }),
            r#"{"type":"end","reason":"visitor-stopped"}"#
        );
        let refused = Refusal { kind: RefusalKind::WrongKey, message: "no".into() };
        assert_eq!(
            json(&RelayToAgent::Refused(refused)),
            r#"{"type":"refused","kind":"wrong-key","message":"no"}"#
        );
        assert_eq!(
            serde_json::to_string(&VisitorSays::Hello { protocol: 1, resume: None }).unwrap(),
            r#"{"type":"hello","protocol":1}"#
        );
        for (json, held_us) in
            [(r#"{"type":"ack","sequence":7}"#, 0), (r#"{"type":"ack","sequence":7,"held_us":1500}"#, 1500)]
        {
            let ack = AgentSays::Ack { sequence: 7, held_us };
            assert_eq!(serde_json::from_str::<AgentSays>(json).unwrap(), ack);
            assert_eq!(serde_json::to_string(&ack).unwrap(), json);
        }
        assert_eq!(serde_json::from_str::<AgentSays>(r#"{"type":"resync"}"#).unwrap(), AgentSays::Resync {});
        let picture = Holds { width: 100, height: 64, tiles: vec![7, u32::MAX] };
        assert_eq!(
            serde_json::to_string(&AgentSays::Holds { picture: picture.clone() }).unwrap(),
            r#"{"type":"holds","picture":{"width":100,"height":64,"tiles":[7,4294967295]}}"#
        );
        assert_eq!(
            serde_json::from_str::<AgentSays>(
                r#"{"type":"hello","protocol":2,"key":"K","holds":{"width":100,"height":64,"tiles":[7,4294967295]}}"#
            )
            .unwrap(),
            AgentSays::Hello { protocol: 2, key: "K".into(), holds: Some(picture.clone()) }
        );
        let most = Holds { tiles: vec![u32::MAX; MOST_TILES], ..picture };
        let told = RelayToVisitor::AgentJoined { agent: u32::MAX, holds: Some(most) };
        assert!(serde_json::to_string(&told).unwrap().len() < MAX_TEXT_BYTES);
    }

    #[test]
    fn unknown_messages_and_fields_are_refused() {
        for bad in [
            "",
            "{}",
            r#"{"type":"shout"}"#,
            r#"{"type":"ack"}"#,
            r#"{"type":"ack","sequence":-1}"#,
            r#"{"type":"ack","sequence":1,"extra":1}"#,
            r#"{"type":"hello","protocol":1}"#,
        ] {
            assert!(serde_json::from_str::<AgentSays>(bad).is_err(), "{bad}");
        }
    }
}
