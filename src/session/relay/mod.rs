//! Both ends at a relay, without a socket: what the app's WebSocket received goes in, what it is to send comes out.
//!
//! [`Host`] is a [`super::Sharer`] with a room at a relay and the doors into it, [`Joiner`] a [`super::Watcher`] that knocks at one.
//! They speak docs/protocol.md (the paths [`HOST_PATH`] and [`JOIN_PATH`]), survive cuts, notice lines that went dead, and say when
//! to try again. An app that asks them for their first messages before it connects ([`Host::early`], [`Joiner::early`]) saves a
//! round trip.

mod doors;
mod first;
mod host;
mod joiner;
mod pulse;
mod retry;
mod url;

pub use doors::{Doors, LinkKind, Presence};
pub use host::{Host, HostOutput};
pub use joiner::{Joiner, JoinerOutput, Way};
pub use panecast_protocol::{
    DEFAULT_TENANT, MAX_BINARY_BYTES, MAX_TEXT_BYTES, MOST_VISITOR_BYTES, Refusal, RefusalKind, SUBPROTOCOL,
};
pub use retry::Retry;
pub use url::{LinkGoal, LinkUrl, RelayUrl};

use super::EndReason;
use crate::limits::Limits;
use panecast_protocol::{Ended, Parcel};

/// Where a host's WebSocket connects to.
pub const HOST_PATH: &str = "/ws/host";

/// Where a joiner's WebSocket connects to.
pub const JOIN_PATH: &str = "/ws/join";

/// What a WebSocket carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// A text message: JSON for the relay.
    Text(String),
    /// A binary message: sealed bytes for the other end.
    Binary(Vec<u8>),
}

/// `limits`, so that what seals a packet and names whom it is for fits a relay's message beside it.
#[must_use]
pub fn fitting(limits: Limits) -> Limits {
    let records = MAX_BINARY_BYTES - Parcel::HEADER_BYTES - 59;
    Limits {
        record_bytes: limits.record_bytes.min(records),
        packet_bytes: limits.packet_bytes.min(MAX_BINARY_BYTES - 1024),
        ..limits
    }
}

/// What the relay is told of an end; those who watched are told more, within the seal.
#[must_use]
pub fn told(reason: EndReason) -> Ended {
    match reason {
        EndReason::SharerStopped => Ended::HostStopped,
        EndReason::SourceEnded => Ended::SourceEnded,
        EndReason::SourceFailed | EndReason::Failed => Ended::SourceFailed,
        EndReason::Tampered => Ended::Tampered,
        _ => Ended::Dismissed,
    }
}

/// What a relay's word of an end means.
#[must_use]
pub fn reason_of(ended: Ended) -> EndReason {
    match ended {
        Ended::HostStopped => EndReason::SharerStopped,
        Ended::SourceEnded => EndReason::SourceEnded,
        Ended::SourceFailed => EndReason::SourceFailed,
        Ended::HostLost | Ended::TooFarBehind => EndReason::Lost,
        Ended::Dismissed => EndReason::Dismissed,
        Ended::Tampered => EndReason::Tampered,
    }
}
