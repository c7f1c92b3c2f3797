//! Wires the stages for a host app: capture → damage → encode, on threads of their own, into a sink.
//!
//! ```text
//! capture thread ──(newest picture, damage added up)──▶ mailbox ──▶ encode thread ──▶ sink
//!       ▲                                                │               ▲
//!       └──────────(an older buffer comes back)──────────┘      acknowledgements
//! ```
//!
//! The capture thread keeps the newest picture in a one-slot mailbox; the encode thread takes it when the
//! viewers have room: what a viewer that keeps up has not acknowledged is bounded by what its line holds. When
//! viewers are slow, pictures in between are skipped and latency stays bounded. Two buffers go round (the newest picture
//! on its way, the encoder's reference): while nobody takes it, the picture in the mailbox is captured over. Each carries
//! the region in which it differs from the newest picture, so that only that is copied.

mod capturing;
mod encoding;
mod shared;
mod stepped;

pub use stepped::Stepped;

pub use crate::session::{StreamState, ViewerEvent, ViewerId};

use crate::capture::Capturer;
use crate::capture::mask::MaskSet;
use crate::codec::{CameraEncoder, EncoderConfig, HeldTiles};
use crate::consent::{CaptureGrant, Revoke};
use crate::error::{Error, ErrorKind, Result};
use crate::frame::Rect;
use shared::{Captures, Clock, Shared, State};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// What a session passes on of a viewer's tiles is what the encoder takes.
const _: () = assert!(crate::session::MOST_HELD == HeldTiles::MOST);

/// Whom bytes are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Every viewer that has had its snapshot.
    All,
    /// This viewer alone: a snapshot, or what it lacks; after it, it belongs to [`Audience::All`].
    One(ViewerId),
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
        /// One packet of docs/bitstream.md; for [`Audience::One`], a stream header before it.
        bytes: Vec<u8>,
    },
    /// The state changed.
    State(StreamState),
    /// The last output: the source ended (`Ok`) or failed, or the visitor took the consent back
    /// ([`ErrorKind::Revoked`]).
    Ended(Result<()>),
}

/// Figures of a running pipeline; totals since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PipelineStats {
    /// Pictures captured.
    pub frames_captured: u64,
    /// Updates sent to all viewers, without those that only refine.
    pub updates_sent: u64,
    /// Updates that only made lossy places exact.
    pub refinements_sent: u64,
    /// Bytes of all packets.
    pub bytes_sent: u64,
    /// Share of the picture that the last update changed, 0 to 1.
    pub dirty_ratio: f32,
    /// Wall milliseconds the last update took to compare and encode.
    pub encode_ms: f32,
    /// Milliseconds from an update's sending to its acknowledgement, smoothed; 0 before the first.
    pub round_trip_ms: f32,
    /// Milliseconds that updates wait behind those before them, smoothed, on the line that sets the pace.
    pub queueing_ms: f32,
    /// Bits a second that moving pictures may take; 0 while the lines are unknown and there is no ceiling.
    pub target_bitrate: u64,
    /// Share of the shown picture that is exact, 0 to 1.
    pub exact_ratio: f32,
    /// Share of the newest picture that masks hide, 0 to 1.
    pub masked_ratio: f32,
    /// Viewers that have joined.
    pub viewers: u32,
}

/// What the thread that asks the source is called.
const CAPTURE: &str = "panecast-capture";

/// How a pipeline runs.
#[derive(Clone, Copy, Debug)]
pub struct PipelineConfig {
    /// Most pictures a second.
    pub fps: u32,
    /// How pictures are coded.
    pub encoder: EncoderConfig,
    /// Most bits a second for moving pictures, however much the lines take.
    pub bitrate: Option<u64>,
}

impl Default for PipelineConfig {
    fn default() -> Self {
        Self { fps: 30, encoder: EncoderConfig::default(), bitrate: None }
    }
}

/// A running share. Dropping it stops it.
///
/// All methods may be called from any thread, from within the sink too.
#[derive(Debug)]
pub struct Pipeline {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    revoke: Revoke,
}

impl Pipeline {
    /// Opens the source, now that the visitor allowed it, and starts both threads. Nothing is captured before
    /// the first viewer joins.
    ///
    /// # Threads and cost
    /// `open` and the source run on one thread, `sink` on another. While `sink` blocks, nothing is encoded;
    /// it must return at last, or [`Pipeline::stop`] does not. [`Output::Ended`] is its last call.
    ///
    /// # Errors
    /// - whatever `open` returns.
    /// - [`crate::ErrorKind::Revoked`] if `grant` was taken back.
    /// - [`crate::ErrorKind::InvalidInput`] if `config.fps` is zero.
    /// - as [`EncoderConfig::check`].
    /// - [`crate::ErrorKind::Io`] if the system starts no thread.
    pub fn start(
        grant: CaptureGrant,
        open: impl FnOnce(&CaptureGrant) -> Result<Box<dyn Capturer>> + Send + 'static,
        config: PipelineConfig,
        sink: impl FnMut(Output) + Send + 'static,
    ) -> Result<Self> {
        if config.fps == 0 {
            return Err(Error::input("0 pictures a second show nothing"));
        }
        let encoder = CameraEncoder::new(config.encoder)?;
        let revoke = grant.revoke_handle();
        revoke.check()?;
        let shared = Arc::new(Shared::new(Clock::Running(Instant::now())));
        shared.ends_with(&revoke);
        let pipeline = Self { shared, threads: Mutex::default(), revoke };
        let (opened, is_open) = mpsc::channel();
        pipeline.spawn(CAPTURE, move |shared| {
            let _captures = Captures(shared);
            match open(&grant) {
                Ok(source) => {
                    // Nobody listens only if `start` has failed meanwhile; `stop` is set then.
                    let _ = opened.send(Ok(()));
                    capturing::run(shared, source, config);
                }
                Err(e) => {
                    let _ = opened.send(Err(e));
                }
            }
        })?;
        is_open
            .recv()
            .map_err(|_| Error::new(ErrorKind::Io, "the source panicked while it was opened"))??;
        pipeline
            .spawn("panecast-encode", move |shared| encoding::run(shared, encoder, config.bitrate, sink))?;
        Ok(pipeline)
    }

    fn spawn(&self, name: &str, run: impl FnOnce(&Arc<Shared>) + Send + 'static) -> Result<()> {
        let shared = self.shared.clone();
        let thread = thread::Builder::new().name(name.into()).spawn(move || run(&shared))?;
        self.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        Ok(())
    }

    /// A viewer joined (or lost its place): it gets a snapshot, then what follows.
    pub fn viewer_joined(&self, viewer: ViewerId) {
        self.shared.come(viewer, None);
    }

    /// A viewer came back and still holds `held`, of which it has got nothing more since: it gets what it lacks, where
    /// that is less than a snapshot, then what follows.
    pub fn viewer_resumed(&self, viewer: ViewerId, held: HeldTiles) {
        self.shared.come(viewer, Some(held));
    }

    /// The transport has dropped what was on its way to a viewer. It holds up nobody until it joins anew.
    pub fn viewer_behind(&self, viewer: ViewerId) {
        self.shared.viewer(ViewerEvent::Behind(viewer));
    }

    /// A viewer left.
    pub fn viewer_left(&self, viewer: ViewerId) {
        self.shared.viewer(ViewerEvent::Left(viewer));
    }

    /// A viewer has painted the update `sequence`, and so all before it. It says that it took `held` from the
    /// update's last byte until it told, so that its own work does not count as the line's; zero if it does not say.
    pub fn ack(&self, viewer: ViewerId, sequence: u64, held: Duration) {
        self.shared.viewer(ViewerEvent::Painted { viewer, sequence, held });
    }

    /// What the agents look at, or where they point: it is refined first. `None` if nobody says.
    pub fn set_focus(&self, focus: Option<Rect>) {
        self.shared.viewer(ViewerEvent::Focus(focus));
    }

    /// Takes what a [`crate::session::Sharer`] has learnt of its watchers.
    pub fn viewer(&self, event: ViewerEvent) {
        self.shared.viewer(event);
    }

    /// Stops capturing until [`Pipeline::resume`], and forgets: the picture that waits, the encoder with all it has
    /// learnt and recalls, what waits to be refined, the cursor, what viewers said that they hold. Once it returns, no
    /// packet goes to the sink; called from within the sink, none after the one at hand. Viewers are told
    /// [`StreamState::Paused`] and drop what they hold; what follows begins with a snapshot for each.
    pub fn pause(&self) {
        self.shared.pause();
    }

    /// Hides what `masks` says from now on, in place of what was hidden before. Once it returns, no picture without these
    /// masks goes to the sink; called from within the sink, none after the one at hand. Set before the first viewer
    /// joins, they are on in every picture.
    ///
    /// A change forgets all as [`Pipeline::pause`] does, and viewers get snapshots: what a new mask covers may have been
    /// seen before, and neither side is to keep it to call it back. A change of masks is rare, and a snapshot costs
    /// little beside that certainty. Windows that only move take their masks along without one.
    pub fn set_masks(&self, masks: MaskSet) {
        if self.shared.lock().masks != masks {
            self.shared.purge(|s| s.masks = masks);
        }
    }

    /// Ends the share because the visitor takes the consent back: as [`Revoke::revoke`]. It forgets as
    /// [`Pipeline::pause`] does, capture ends, and [`Output::Ended`] with [`crate::ErrorKind::Revoked`] comes last.
    pub fn revoke(&self) {
        self.revoke.revoke();
    }

    /// Goes on after [`Pipeline::pause`], with a picture taken after this call.
    pub fn resume(&self) {
        self.shared.update(State::resume);
    }

    /// Figures since the start.
    #[must_use]
    pub fn stats(&self) -> PipelineStats {
        self.shared.stats()
    }

    /// Stops both threads and waits for them, at most for one call of the source and one of the sink; the sink
    /// is dropped. From within the sink, it does not wait for the sink's own thread.
    pub fn stop(self) {
        drop(self);
    }
}

impl Pipeline {
    /// As [`Pipeline::stop`], for those who share it. From within the sink it only asks for the end: what is at hand is
    /// the sink's last call.
    #[cfg(any(feature = "capi", feature = "uniffi"))]
    pub(crate) fn halt(&self) {
        self.shared.update(|s, _| s.stop = true);
        if self.shared.lock().encode_thread == Some(thread::current().id()) {
            // Somebody else may be waiting for this very thread, with the lock below.
            return;
        }
        self.join();
    }

    /// What a sink that keeps packets asks before it gives one away.
    #[cfg(any(feature = "capi", feature = "uniffi"))]
    pub(crate) fn kept(&self) -> Kept {
        Kept(Arc::clone(&self.shared))
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        self.shared.update(|s, _| s.stop = true);
        self.join();
    }
}

impl Pipeline {
    /// Waits for its threads, which have been asked to end. A capture thread whose source does not return is left to itself:
    /// nothing that it may still bring goes anywhere.
    fn join(&self) {
        for thread in self.threads.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            let own = thread.thread().id() == thread::current().id();
            if !own && (thread.thread().name() != Some(CAPTURE) || self.shared.capture_ends()) {
                // A panic on the thread has been told as `Ended` where that was possible.
                let _ = thread.join();
            }
        }
    }
}

/// Tells packets that are still good from those that were made before all was forgotten.
#[cfg(any(feature = "capi", feature = "uniffi"))]
#[derive(Clone, Debug)]
pub(crate) struct Kept(Arc<Shared>);

#[cfg(any(feature = "capi", feature = "uniffi"))]
impl Kept {
    /// How often all was forgotten before the packet was made that the sink has at hand.
    pub(crate) fn made_after(&self) -> u64 {
        self.0.purges().1
    }

    /// How often all was forgotten. What was made after fewer goes to nobody.
    pub(crate) fn purges(&self) -> u64 {
        self.0.purges().0
    }

    /// Asks the pipeline to end.
    pub(crate) fn stop(&self) {
        self.0.update(|s, _| s.stop = true);
    }
}
