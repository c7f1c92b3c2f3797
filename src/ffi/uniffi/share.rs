//! A running share.

use super::frame::{FrameLayout, Rect, damage};
use super::held::{Shared, guarded};
use super::{EncoderConfig, Grant, PanecastError};
use crate::capture::mask::{MaskSet, WindowMatch};
use crate::error::{Error, Result as Outcome};
use crate::ffi;
use crate::frame::Timestamp;
use crate::pipeline::{self, Audience, PipelineConfig, PipelineStats, ViewerId};
use crate::session::StreamState;
use std::sync::Arc;
use std::time::Duration;

/// The truth about the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum ShareState {
    /// It follows the source.
    Live,
    /// The source is there and unchanged.
    Idle,
    /// The visitor paused; nothing is captured.
    Paused,
    /// The source does not answer.
    Stalled,
    /// The operating system lets nothing be captured for now.
    Blocked,
    /// What is shown forbids capture.
    Secure,
    /// A connection is cut and may come back.
    Reconnecting,
}

/// How a share runs. `share_config` gives the defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Record)]
pub struct ShareConfig {
    /// Most pictures a second.
    pub fps: u32,
    /// Most bits a second for moving pictures; nothing for as many as the lines take.
    pub bitrate: Option<u64>,
    /// How pictures are coded.
    pub encoder: EncoderConfig,
}

/// What is hidden. Rectangles are pixels of the source; windows are written `0x1200003`, `title:TEXT` or `class:TEXT`.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Masks {
    /// Hidden rectangles.
    pub rects: Vec<Rect>,
    /// Hidden windows.
    pub windows: Vec<String>,
    /// All but these windows are hidden; if there is none, this hides nothing.
    pub only_windows: Vec<String>,
}

/// What a share tells, in order.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum ShareOutput {
    /// Bytes of the stream, for the app's transport.
    Packet {
        /// The viewer that it is for; nothing: all.
        viewer: Option<u32>,
        /// What viewers acknowledge; nothing where that is not needed.
        sequence: Option<u64>,
        /// One packet, after a stream header where it is for one viewer.
        bytes: Vec<u8>,
    },
    /// The state changed.
    State {
        /// What it is now.
        state: ShareState,
    },
    /// The last output: the source ended, or failed, or the consent was taken back.
    Ended {
        /// Why, if not in its natural way.
        error: Option<PanecastError>,
    },
}

/// Figures of a running share; totals since the start.
#[derive(Clone, Copy, Debug, PartialEq, uniffi::Record)]
pub struct ShareStats {
    /// Pictures captured.
    pub frames_captured: u64,
    /// Updates sent to all viewers, without those that only refine.
    pub updates_sent: u64,
    /// Updates that only made lossy places exact.
    pub refinements_sent: u64,
    /// Bytes of all packets.
    pub bytes_sent: u64,
    /// Wall milliseconds the last update took to compare and encode.
    pub encode_ms: f32,
    /// Milliseconds from an update's sending to its acknowledgement, smoothed; 0 before the first.
    pub round_trip_ms: f32,
    /// Share of the shown picture that is exact, 0 to 1.
    pub exact_ratio: f32,
    /// Share of the newest picture that masks hide, 0 to 1.
    pub masked_ratio: f32,
    /// Viewers that have joined.
    pub viewers: u32,
}

/// A running share over a captured source or pushed frames. Any thread may call it. Nothing is captured before the first
/// viewer joins.
#[derive(Debug, uniffi::Object)]
pub struct Share(Shared<ffi::Share>);

/// The library's defaults.
///
/// # Errors
/// Only [`PanecastError::Panicked`].
#[uniffi::export]
pub fn share_config() -> Result<ShareConfig, PanecastError> {
    guarded(|| {
        let own = PipelineConfig::default();
        Ok(ShareConfig { fps: own.fps, bitrate: own.bitrate, encoder: own.encoder.into() })
    })
}

#[uniffi::export]
impl Share {
    /// Starts to share `source`: an id of `sources`, or `push:WIDTHxHEIGHT` for frames that the app pushes. The grant must
    /// be for it, and is used up.
    ///
    /// # Errors
    /// - `InvalidInput` if `source` names none, or for a size or a configuration that cannot be.
    /// - `Denied` if `grant` is for something else or used up; `Revoked` if it was taken back.
    /// - `NotFound`, `Unsupported`, `Stalled` if the source cannot be opened.
    #[uniffi::constructor]
    pub fn start(grant: Arc<Grant>, source: String, config: ShareConfig) -> Result<Arc<Self>, PanecastError> {
        guarded(|| {
            let share = ffi::Share::start(&grant.0, &source, config.into())?;
            Ok(Arc::new(Self(Shared::new(share))))
        })
    }

    /// Hands over a frame; it replaces one that was not captured yet. Planes that the format does not have are empty; none
    /// is kept. `damaged` says where the frame may differ from the one before; nothing: anywhere.
    ///
    /// # Errors
    /// - `InvalidInput` if planes, strides and size do not fit each other, or the share captures its source itself.
    /// - `Closed` after its end, `Revoked` if the consent was taken back.
    /// - `LimitExceeded` if the picture is too large.
    pub fn push(
        &self,
        layout: FrameLayout,
        plane_0: &[u8],
        plane_1: &[u8],
        plane_2: &[u8],
        damaged: Option<Vec<Rect>>,
        timestamp_us: u64,
    ) -> Result<(), PanecastError> {
        self.0.call(|share| {
            let view = layout.view([plane_0, plane_1, plane_2])?;
            share.push(&view, &damage(damaged, &view)?, Timestamp(timestamp_us))
        })
    }

    /// No more frames will be pushed: what was pushed last still goes out, then comes `Ended`.
    ///
    /// # Errors
    /// - `InvalidInput` if the share captures its source itself; `Closed` after `stop`.
    pub fn end(&self) -> Result<(), PanecastError> {
        self.0.call(ffi::Share::end)
    }

    /// What happened next, in order; nothing if there is nothing within `timeout_ms`.
    ///
    /// # Errors
    /// - `Closed` after `stop`, and after `Ended` was given.
    pub fn next(&self, timeout_ms: u32) -> Result<Option<ShareOutput>, PanecastError> {
        self.0.call(|share| Ok(share.next(Duration::from_millis(timeout_ms.into()))?.map(told)))
    }

    /// A viewer joined, or lost its place: it gets a snapshot, then what follows.
    ///
    /// # Errors
    /// - `Closed` after `stop`, as every method below.
    pub fn viewer_joined(&self, viewer: u32) -> Result<(), PanecastError> {
        self.0.call(|share| share.viewer_joined(ViewerId(viewer)))
    }

    /// The transport has dropped what was on its way to a viewer. It holds up nobody until it joins anew.
    ///
    /// # Errors
    /// As `viewer_joined`.
    pub fn viewer_behind(&self, viewer: u32) -> Result<(), PanecastError> {
        self.0.call(|share| share.viewer_behind(ViewerId(viewer)))
    }

    /// A viewer left.
    ///
    /// # Errors
    /// As `viewer_joined`.
    pub fn viewer_left(&self, viewer: u32) -> Result<(), PanecastError> {
        self.0.call(|share| share.viewer_left(ViewerId(viewer)))
    }

    /// A viewer has painted the update `sequence`; it held it for `held_us` before it told so, 0 if it does not say.
    ///
    /// # Errors
    /// As `viewer_joined`.
    pub fn viewer_ack(&self, viewer: u32, sequence: u64, held_us: u64) -> Result<(), PanecastError> {
        self.0.call(|share| share.viewer_ack(ViewerId(viewer), sequence, Duration::from_micros(held_us)))
    }

    /// What the agents look at: it is refined first. Nothing if nobody says.
    ///
    /// # Errors
    /// As `viewer_joined`.
    pub fn set_focus(&self, focus: Option<Rect>) -> Result<(), PanecastError> {
        self.0.call(|share| share.set_focus(focus.map(Into::into)))
    }

    /// Stops capturing until `resume`, and forgets all pictures. Once it returns, no picture from before is given.
    ///
    /// # Errors
    /// As `viewer_joined`.
    pub fn pause(&self) -> Result<(), PanecastError> {
        self.0.call(ffi::Share::pause)
    }

    /// Goes on after `pause`, with a picture taken after this call.
    ///
    /// # Errors
    /// As `viewer_joined`.
    pub fn resume(&self) -> Result<(), PanecastError> {
        self.0.call(ffi::Share::resume)
    }

    /// Hides what `masks` says from now on, in place of what was hidden before. Once it returns, no picture without them
    /// is given.
    ///
    /// # Errors
    /// - `InvalidInput` for a window that is written in another way; nothing is changed then.
    /// - as `viewer_joined`.
    pub fn set_masks(&self, masks: Masks) -> Result<(), PanecastError> {
        self.0.call(|share| share.set_masks(mask_set(&masks)?))
    }

    /// Figures since the start.
    ///
    /// # Errors
    /// As `viewer_joined`.
    pub fn stats(&self) -> Result<ShareStats, PanecastError> {
        self.0.call(|share| share.stats().map(ShareStats::from))
    }

    /// Stops capturing and encoding, and waits for it. Who waits in `next` is told `Closed`.
    ///
    /// # Errors
    /// Only `Panicked`.
    pub fn stop(&self) -> Result<(), PanecastError> {
        self.0.last(|share| {
            share.stop();
            Ok(())
        })
    }
}

fn told(output: pipeline::Output) -> ShareOutput {
    match output {
        pipeline::Output::Packet { to, sequence, bytes } => {
            let viewer = match to {
                Audience::All => None,
                Audience::One(ViewerId(viewer)) => Some(viewer),
            };
            ShareOutput::Packet { viewer, sequence, bytes }
        }
        pipeline::Output::State(state) => ShareOutput::State { state: state.into() },
        pipeline::Output::Ended(outcome) => ShareOutput::Ended { error: outcome.err().map(Into::into) },
    }
}

/// Most masks of a kind that are read: far more than a picture can have.
const MOST_MASKS: usize = 65_536;

pub(super) fn mask_set(masks: &Masks) -> Outcome<MaskSet> {
    let Masks { rects, windows, only_windows } = masks;
    if [rects.len(), windows.len(), only_windows.len()].into_iter().any(|count| count > MOST_MASKS) {
        return Err(Error::limit(format!("{MOST_MASKS} masks of a kind are allowed")));
    }
    let mut set = MaskSet::new();
    for rect in rects {
        set = set.with_rect((*rect).into());
    }
    for window in windows {
        set = set.with_window(window.parse::<WindowMatch>()?);
    }
    for window in only_windows {
        set = set.with_only(window.parse::<WindowMatch>()?);
    }
    Ok(set)
}

impl From<ShareConfig> for PipelineConfig {
    fn from(config: ShareConfig) -> Self {
        Self { fps: config.fps, encoder: config.encoder.into(), bitrate: config.bitrate }
    }
}

impl From<StreamState> for ShareState {
    fn from(state: StreamState) -> Self {
        match state {
            StreamState::Live => Self::Live,
            StreamState::Idle => Self::Idle,
            StreamState::Paused => Self::Paused,
            StreamState::Stalled => Self::Stalled,
            StreamState::Blocked => Self::Blocked,
            StreamState::Secure => Self::Secure,
            StreamState::Reconnecting => Self::Reconnecting,
        }
    }
}

impl From<PipelineStats> for ShareStats {
    fn from(s: PipelineStats) -> Self {
        Self {
            frames_captured: s.frames_captured,
            updates_sent: s.updates_sent,
            refinements_sent: s.refinements_sent,
            bytes_sent: s.bytes_sent,
            encode_ms: s.encode_ms,
            round_trip_ms: s.round_trip_ms,
            exact_ratio: s.exact_ratio,
            masked_ratio: s.masked_ratio,
            viewers: s.viewers,
        }
    }
}
