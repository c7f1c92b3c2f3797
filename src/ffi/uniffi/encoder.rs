//! Frames to packets.

use super::PanecastError;
use super::frame::{FrameLayout, Rect, damage};
use super::held::{Held, guarded};
use crate::codec::av1::Av1Choice;
use crate::codec::{self, Update};
use crate::ffi::FrameEncoder;
use crate::frame::Timestamp;
use crate::limits::Limits;
use std::sync::Arc;

/// What an encoder may lose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum Mode {
    /// Nothing: every picture is exact.
    Lossless,
    /// Films and photographs lose something at first and become exact once they are quiet; all else is exact.
    Auto,
}

/// When what was lost is made good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum Refine {
    /// Never.
    Off,
    /// Once the place is quiet.
    Idle,
}

/// How an encoder works. `encoder_config` gives the defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Record)]
pub struct EncoderConfig {
    /// What may be lost.
    pub mode: Mode,
    /// Of films and photographs, from 1 (smallest) to 100 (best).
    pub quality: u8,
    /// When lossy places become exact.
    pub refine: Refine,
    /// Most bytes that the encoder keeps.
    pub memory_bytes: u64,
    /// Whether films are coded by AV1, where an encoder for it is built in.
    pub av1: bool,
}

/// What an encoder wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum UpdateKind {
    /// Nothing: the picture is what the viewers hold.
    Unchanged,
    /// What changed.
    Delta,
    /// Pixels made exact which had lost something.
    Refinement,
    /// A whole picture, because there was none or its size changed.
    Keyframe,
}

/// A packet, and what is in it.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Encoded {
    /// What was written.
    pub kind: UpdateKind,
    /// The number by which viewers acknowledge the packet; the last one's if nothing was written.
    pub sequence: u64,
    /// Pixels of row segments that changed.
    pub dirty_px: u64,
    /// Pixels of the shown picture that are not exact.
    pub lossy_px: u64,
    /// One packet, after a stream header if it is the first; empty if nothing was written.
    pub bytes: Vec<u8>,
}

/// What brings a late joiner in.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct LateJoin {
    /// The number of both packets.
    pub sequence: u64,
    /// For the joiner: a stream header, a snapshot and the cursor.
    pub joiner: Vec<u8>,
    /// For those who hold the picture already.
    pub others: Vec<u8>,
}

/// Turns frames into packets of a stream. Calls from several threads take turns.
#[derive(Debug, uniffi::Object)]
pub struct Encoder(Held<FrameEncoder>);

/// The library's defaults.
///
/// # Errors
/// Only [`PanecastError::Panicked`].
#[uniffi::export]
pub fn encoder_config() -> Result<EncoderConfig, PanecastError> {
    guarded(|| Ok(codec::EncoderConfig::default().into()))
}

#[uniffi::export]
impl Encoder {
    /// An encoder before its first frame.
    ///
    /// # Errors
    /// - `InvalidInput` if the quality is not from 1 to 100.
    /// - `Unsupported` if the mode needs an AV1 encoder and none is built in.
    #[uniffi::constructor]
    pub fn new(config: EncoderConfig) -> Result<Arc<Self>, PanecastError> {
        guarded(|| Ok(Arc::new(Self(Held::new(FrameEncoder::new(config.into())?)))))
    }

    /// Encodes what changed since the last call. Planes that the format does not have are empty; none is kept.
    /// `damage` says where the frame may differ from the one before; nothing: anywhere.
    ///
    /// # Errors
    /// - `InvalidInput` if planes, strides and size do not fit each other.
    /// - `LimitExceeded` if the picture is too large; the next one becomes a keyframe.
    #[allow(clippy::too_many_arguments)]
    pub fn encode(
        &self,
        layout: FrameLayout,
        plane_0: &[u8],
        plane_1: &[u8],
        plane_2: &[u8],
        damaged: Option<Vec<Rect>>,
        timestamp_us: u64,
    ) -> Result<Encoded, PanecastError> {
        self.0.with(|encoder| {
            let view = layout.view([plane_0, plane_1, plane_2])?;
            let mut bytes = Vec::new();
            let damage = damage(damaged, &view)?;
            let update = encoder.encode(&view, &damage, Timestamp(timestamp_us), &mut bytes)?;
            Ok(encoded(&update, bytes))
        })
    }

    /// What brings a late joiner in; nothing if there has been no picture yet.
    ///
    /// # Errors
    /// - `LimitExceeded` if the packet would be too large; the next picture is a keyframe.
    pub fn late_join(&self, timestamp_us: u64) -> Result<Option<LateJoin>, PanecastError> {
        self.0.with(|encoder| {
            let (mut joiner, mut others) = (Vec::new(), Vec::new());
            let sequence = encoder.late_join(Timestamp(timestamp_us), &mut joiner, &mut others)?;
            Ok(sequence.map(|sequence| LateJoin { sequence, joiner, others }))
        })
    }

    /// Makes lossy places that are quiet exact: a packet of about `bytes`, what is in `focus` first; nothing if none is
    /// due.
    ///
    /// # Errors
    /// - `LimitExceeded` if the packet would be too large; the next picture is a keyframe.
    pub fn refine(
        &self,
        timestamp_us: u64,
        bytes: u32,
        focus: Option<Rect>,
    ) -> Result<Option<Encoded>, PanecastError> {
        self.0.with(|encoder| {
            let mut out = Vec::new();
            let focus = focus.map(Into::into);
            let update = encoder.refine(Timestamp(timestamp_us), bytes as usize, focus, &mut out)?;
            Ok(update.map(|update| encoded(&update, out)))
        })
    }

    /// How many bits a second films may be coded for; nothing for as many as the quality asks for.
    ///
    /// # Errors
    /// Only `Panicked`.
    pub fn set_bitrate(&self, bits_a_second: Option<u64>) -> Result<(), PanecastError> {
        self.0.with(|encoder| {
            encoder.set_bitrate(bits_a_second);
            Ok(())
        })
    }

    /// Forgets all pictures and what it has learnt of them; the next frame is a keyframe after a stream header.
    ///
    /// # Errors
    /// Only `Panicked`.
    pub fn forget(&self) -> Result<(), PanecastError> {
        self.0.with(|encoder| {
            encoder.forget();
            Ok(())
        })
    }

    /// The end of a recording of so many pictures, unchanged ones included.
    ///
    /// # Errors
    /// Only `Panicked`.
    pub fn finish(&self, frames: u64, fps: u32) -> Result<Vec<u8>, PanecastError> {
        self.0.with(|encoder| {
            let mut out = Vec::new();
            encoder.finish(frames, fps, &mut out);
            Ok(out)
        })
    }
}

fn encoded(update: &Update, bytes: Vec<u8>) -> Encoded {
    let kind = match update.kind {
        codec::UpdateKind::Unchanged => UpdateKind::Unchanged,
        codec::UpdateKind::Delta => UpdateKind::Delta,
        codec::UpdateKind::Refinement => UpdateKind::Refinement,
        codec::UpdateKind::Keyframe => UpdateKind::Keyframe,
    };
    Encoded { kind, sequence: update.sequence, dirty_px: update.dirty_px, lossy_px: update.lossy_px, bytes }
}

impl From<codec::EncoderConfig> for EncoderConfig {
    fn from(config: codec::EncoderConfig) -> Self {
        Self {
            mode: match config.mode {
                codec::Mode::Lossless => Mode::Lossless,
                codec::Mode::Auto => Mode::Auto,
            },
            quality: config.quality,
            refine: match config.refine {
                codec::Refine::Off => Refine::Off,
                codec::Refine::Idle => Refine::Idle,
            },
            memory_bytes: config.limits.memory_bytes,
            av1: config.av1 != Av1Choice::Off,
        }
    }
}

impl From<EncoderConfig> for codec::EncoderConfig {
    fn from(config: EncoderConfig) -> Self {
        Self {
            limits: Limits { memory_bytes: config.memory_bytes, ..Limits::default() },
            mode: match config.mode {
                Mode::Lossless => codec::Mode::Lossless,
                Mode::Auto => codec::Mode::Auto,
            },
            quality: config.quality,
            refine: match config.refine {
                Refine::Off => codec::Refine::Off,
                Refine::Idle => codec::Refine::Idle,
            },
            av1: if config.av1 { Av1Choice::best() } else { Av1Choice::Off },
        }
    }
}
