//! The messages between visitor, relay and agent: JSON text for control, binary for the stream.
//!
//! | who | path | text out | text in | binary |
//! |---|---|---|---|---|
//! | visitor | `/ws/visitor` | [`VisitorSays`] | [`RelayToVisitor`] | out: [`Envelope`] |
//! | agent | `/ws/agent` | [`AgentSays`] | [`RelayToAgent`] | in: packets of docs/bitstream.md, one a message |

use serde::{Deserialize, Serialize};

/// Version of these messages; both sides of a connection must have the same.
pub const PROTOCOL_VERSION: u32 = 1;

/// Most bytes of a text message.
pub const MAX_TEXT_BYTES: usize = 64 << 10;

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
    /// An agent came and needs a snapshot.
    AgentJoined {
        /// Its number within the room.
        agent: u32,
    },
    /// An agent left.
    AgentLeft {
        /// Its number.
        agent: u32,
    },
    /// An agent fell behind so far that its queue was dropped; it needs a snapshot.
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
    },
    /// An update has been painted.
    Ack {
        /// Its sequence number.
        sequence: u64,
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
    /// The visitor's connection was cut; it may come back.
    VisitorLost {},
    /// The session is over.
    End {
        /// Why.
        reason: EndReason,
    },
    /// The relay refuses or ends the connection.
    Refused(Refusal),
}

/// Why the relay refuses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    /// Another protocol version.
    Version,
    /// A message that does not fit the protocol, or is too large.
    BadMessage,
    /// Too many wrong keys from this address.
    TooManyTries,
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

/// A visitor's binary message: whom a packet is for, then the packet.
///
/// Bytes: `u32` little-endian agent number, 0 for all that have had their snapshot; then one packet.
pub struct Envelope;

impl Envelope {
    /// Bytes before the packet.
    pub const HEADER_BYTES: usize = 4;
}
