//! One capture of a source, by whichever protocol, and what the compositor said about it.

use super::registry::State;
use crate::frame::{Rect, Region, Size};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use wayland_client::{Connection, Dispatch, QueueHandle, WEnum};
use wayland_protocols::ext::image_copy_capture::v1::client::{
    ext_image_copy_capture_frame_v1::{self, ExtImageCopyCaptureFrameV1, FailureReason},
    ext_image_copy_capture_session_v1::{self, ExtImageCopyCaptureSessionV1},
};
use wayland_protocols_wlr::screencopy::v1::client::zwlr_screencopy_frame_v1::{self, ZwlrScreencopyFrameV1};

/// What a buffer for a picture must be like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Terms {
    /// The number of `wl_shm`'s format.
    pub(super) format: u32,
    /// In pixels, before it is turned.
    pub(super) size: Size,
    /// Bytes from one row to the next.
    pub(super) stride: usize,
}

/// How a capture ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The buffer holds the picture.
    Ready,
    /// Not now, or not in this buffer.
    Failed,
    /// Not any more.
    Stopped,
}

/// What was said about one capture so far.
#[derive(Debug, Default)]
pub(super) struct Word {
    /// What screencopy wants for this capture.
    pub(super) terms: Option<Terms>,
    /// All of them were told.
    pub(super) told: bool,
    /// Where the buffer differs from the picture before; `None` if nothing was said.
    pub(super) damage: Option<Region>,
    /// The last row comes first.
    pub(super) inverted: bool,
    pub(super) transform: Option<u32>,
    pub(super) end: Option<End>,
}

/// A capture's word, as its events find it.
pub(super) type Shared<T> = Arc<Mutex<T>>;

pub(super) fn locked<T>(shared: &Shared<T>) -> MutexGuard<'_, T> {
    // What an event wrote is whole whoever panicked beside it.
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a session of image-copy-capture said about its buffers.
#[derive(Debug, Default)]
pub(super) struct Constraints {
    /// The last complete ones.
    pub(super) terms: Option<(Size, Vec<u32>)>,
    /// Told since the last `done`.
    size: Size,
    formats: Vec<u32>,
    pub(super) stopped: bool,
}

/// Most formats that are looked at.
const MOST_FORMATS: usize = 64;

impl Word {
    fn damaged(&mut self, x: i64, y: i64, width: i64, height: i64) {
        // The largest picture there is: where it is to be cut off is known later.
        let all = Size::new(u32::MAX, u32::MAX);
        self.damage.get_or_insert_default().add(Rect::clipped(x, y, width, height, all));
    }
}

impl Dispatch<ZwlrScreencopyFrameV1, Shared<Word>> for State {
    fn event(
        _: &mut Self,
        _: &ZwlrScreencopyFrameV1,
        event: zwlr_screencopy_frame_v1::Event,
        word: &Shared<Word>,
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        use zwlr_screencopy_frame_v1::Event;
        let mut word = locked(word);
        match event {
            Event::Buffer { format, width, height, stride } => {
                let format = match format {
                    WEnum::Value(known) => known.into(),
                    WEnum::Unknown(number) => number,
                };
                word.terms = Some(Terms { format, size: Size::new(width, height), stride: stride as usize });
            }
            Event::BufferDone => word.told = true,
            Event::Flags { flags: WEnum::Value(flags) } => {
                word.inverted = flags.contains(zwlr_screencopy_frame_v1::Flags::YInvert);
            }
            Event::Damage { x, y, width, height } => {
                word.damaged(x.into(), y.into(), width.into(), height.into());
            }
            Event::Ready { .. } => word.end = Some(End::Ready),
            Event::Failed => word.end = Some(End::Failed),
            _ => {}
        }
    }
}

impl Dispatch<ExtImageCopyCaptureFrameV1, Shared<Word>> for State {
    fn event(
        _: &mut Self,
        _: &ExtImageCopyCaptureFrameV1,
        event: ext_image_copy_capture_frame_v1::Event,
        word: &Shared<Word>,
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        use ext_image_copy_capture_frame_v1::Event;
        let mut word = locked(word);
        match event {
            Event::Transform { transform } => {
                word.transform = Some(match transform {
                    WEnum::Value(known) => known.into(),
                    WEnum::Unknown(number) => number,
                });
            }
            Event::Damage { x, y, width, height } => {
                word.damaged(x.into(), y.into(), width.into(), height.into());
            }
            Event::Ready => word.end = Some(End::Ready),
            Event::Failed { reason: WEnum::Value(FailureReason::Stopped) } => word.end = Some(End::Stopped),
            Event::Failed { .. } => word.end = Some(End::Failed),
            _ => {}
        }
    }
}

impl Dispatch<ExtImageCopyCaptureSessionV1, Shared<Constraints>> for State {
    fn event(
        _: &mut Self,
        _: &ExtImageCopyCaptureSessionV1,
        event: ext_image_copy_capture_session_v1::Event,
        constraints: &Shared<Constraints>,
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        use ext_image_copy_capture_session_v1::Event;
        let mut told = locked(constraints);
        match event {
            Event::BufferSize { width, height } => told.size = Size::new(width, height),
            Event::ShmFormat { format } if told.formats.len() < MOST_FORMATS => {
                told.formats.push(match format {
                    WEnum::Value(known) => known.into(),
                    WEnum::Unknown(number) => number,
                });
            }
            Event::Done => {
                let formats = std::mem::take(&mut told.formats);
                told.terms = Some((told.size, formats));
            }
            Event::Stopped => told.stopped = true,
            _ => {}
        }
    }
}
