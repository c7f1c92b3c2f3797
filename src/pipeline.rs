//! Wires the stages for a host app: capture → damage → encode, on threads of their own, into a sink.
//!
//! The capture thread keeps the newest picture in a one-slot mailbox; the encode thread takes it when the
//! viewers have room. At most [`crate::session::flow::MOST_IN_FLIGHT`] updates are unacknowledged by a viewer
//! that keeps up; when viewers are slow, pictures in between are skipped and latency stays bounded.

use crate::capture::Capturer;
use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::session::Allowed;

/// A viewer, as the transport numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ViewerId(pub u32);

/// Whom bytes are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Every viewer that has had its snapshot.
    All,
    /// This viewer alone: a snapshot, after which it belongs to [`Audience::All`].
    One(ViewerId),
}

/// What the viewers should be told about the picture's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamState {
    /// The picture follows the source.
    Live,
    /// The source is there and unchanged.
    Idle,
    /// The visitor paused; nothing is captured.
    Paused,
    /// The source does not answer.
    Stalled,
}

/// What the pipeline hands to the transport, in order.
#[derive(Debug)]
pub enum Output {
    /// Bytes of the stream; `sequence` comes back in [`Pipeline::ack`].
    Packet {
        /// Whom it is for.
        to: Audience,
        /// The packet's sequence number; `None` where it needs no acknowledgement (a cursor).
        sequence: Option<u64>,
        /// One packet of docs/bitstream.md.
        bytes: Vec<u8>,
    },
    /// The state changed.
    State(StreamState),
    /// The last output: the source ended (`Ok`) or failed.
    Ended(Result<()>),
}

/// Figures of a running pipeline; totals since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PipelineStats {
    /// Pictures captured.
    pub frames_captured: u64,
    /// Updates sent to all viewers.
    pub updates_sent: u64,
    /// Bytes of all packets.
    pub bytes_sent: u64,
    /// Share of the picture that the last update changed, 0 to 1.
    pub dirty_ratio: f32,
    /// Wall milliseconds the last update took to compare and encode.
    pub encode_ms: f32,
    /// Milliseconds from the last acknowledged update's sending to its acknowledgement.
    pub round_trip_ms: f32,
    /// Viewers that have joined.
    pub viewers: u32,
}

/// How a pipeline runs.
#[derive(Clone, Copy, Debug)]
pub struct PipelineConfig {
    /// Most pictures a second.
    pub fps: u32,
    /// Caps of the stream.
    pub limits: Limits,
}

impl Default for PipelineConfig {
    fn default() -> Self {
        Self { fps: 30, limits: Limits::default() }
    }
}

/// A running share. Dropping it stops it.
#[derive(Debug)]
pub struct Pipeline {}

impl Pipeline {
    /// Opens the source, now that the visitor allowed it, and starts both threads.
    ///
    /// # Errors
    /// Whatever `open` returns.
    pub fn start(
        allowed: Allowed,
        open: impl FnOnce() -> Result<Box<dyn Capturer>> + Send + 'static,
        config: PipelineConfig,
        sink: impl FnMut(Output) + Send + 'static,
    ) -> Result<Self> {
        let _ = (allowed, open, config, sink);
        Err(Error::input("under construction"))
    }

    /// A viewer joined (or lost its place): it gets a snapshot, then what follows.
    pub fn viewer_joined(&self, viewer: ViewerId) {
        let _ = viewer;
    }

    /// A viewer left.
    pub fn viewer_left(&self, viewer: ViewerId) {
        let _ = viewer;
    }

    /// A viewer has painted the update `sequence`.
    pub fn ack(&self, viewer: ViewerId, sequence: u64) {
        let _ = (viewer, sequence);
    }

    /// Stops capturing until [`Pipeline::resume`]; what is queued is dropped.
    pub fn pause(&self) {}

    /// Goes on after [`Pipeline::pause`].
    pub fn resume(&self) {}

    /// Figures since the start.
    #[must_use]
    pub fn stats(&self) -> PipelineStats {
        PipelineStats::default()
    }

    /// Stops both threads and waits for them; the sink is dropped.
    pub fn stop(self) {}
}
