//! The cursor as ext-image-copy-capture tells it: where it is, and its picture whenever that is another.

use super::buffer::Buffer;
use super::connection::Connection;
use super::layout::{Layout, Sheet};
use super::registry::State;
use super::shot::{Constraints, End, Shared, Terms, Word, locked};
use super::turn::Turn;
use crate::capture::{CursorShape, CursorUpdate};
use crate::error::Result;
use crate::frame::{BYTES_PER_PIXEL, Size};
use crate::limits::Limits;
use std::sync::Arc;
use wayland_client::{Dispatch, QueueHandle};
use wayland_protocols::ext::image_capture_source::v1::client::ext_image_capture_source_v1::ExtImageCaptureSourceV1;
use wayland_protocols::ext::image_copy_capture::v1::client::{
    ext_image_copy_capture_cursor_session_v1::{self, ExtImageCopyCaptureCursorSessionV1},
    ext_image_copy_capture_frame_v1::ExtImageCopyCaptureFrameV1,
    ext_image_copy_capture_session_v1::ExtImageCopyCaptureSessionV1,
};

/// The format with alpha that every compositor has.
const ARGB8888: u32 = 0;

/// The cursor over one source.
pub(super) struct Cursor {
    proxy: ExtImageCopyCaptureCursorSessionV1,
    session: ExtImageCopyCaptureSessionV1,
    constraints: Shared<Constraints>,
    spot: Shared<Spot>,
    shot: Option<(ExtImageCopyCaptureFrameV1, Shared<Word>)>,
    buffer: Option<Buffer>,
    /// The compositor gave no cursor of this size.
    refused: Option<Size>,
    /// The last shape, and whether it was told.
    shape: Option<CursorShape>,
    fresh: bool,
    told: Option<Option<(i32, i32)>>,
}

/// Where it is, as the compositor says.
#[derive(Debug, Default)]
pub(super) struct Spot {
    inside: bool,
    position: (i32, i32),
    hotspot: (i32, i32),
}

impl Cursor {
    /// Watches the cursor over `source`; `None` where there is no pointer.
    pub(super) fn watch(c: &Connection, source: &ExtImageCaptureSourceV1) -> Option<Self> {
        let (image_copy, pointer) = (c.state.image_copy.as_ref()?, c.state.pointer.as_ref()?);
        let q = c.handle();
        let (spot, constraints) = (Shared::<Spot>::default(), Shared::<Constraints>::default());
        let proxy = image_copy.create_pointer_cursor_session(source, pointer, &q, Arc::clone(&spot));
        let session = proxy.get_capture_session(&q, Arc::clone(&constraints));
        let (shot, buffer, refused, shape) = (None, None, None, None);
        Some(Self {
            proxy,
            session,
            constraints,
            spot,
            shot,
            buffer,
            refused,
            shape,
            fresh: false,
            told: None,
        })
    }

    /// Nothing was told.
    pub(super) fn forget(&mut self) {
        (self.fresh, self.told, self.refused) = (self.shape.is_some(), None, None);
    }

    /// Takes a shape that came, and asks for the next one.
    pub(super) fn advance(&mut self, c: &Connection) -> Result<()> {
        let ended = self.shot.take_if(|(_, word)| locked(word).end.is_some());
        if let Some((frame, word)) = ended {
            frame.destroy();
            match locked(&word).end {
                Some(End::Ready) => self.take_shape(),
                // Not asked for again until it has another size, or is asked for anew.
                _ => self.refused = self.buffer.take().map(|buffer| buffer.terms.size),
            }
        }
        let constraints = locked(&self.constraints);
        if self.shot.is_some() || constraints.stopped {
            return Ok(());
        }
        let Some((size, formats)) = constraints.terms.as_ref() else { return Ok(()) };
        if self.refused == Some(*size) {
            return Ok(());
        }
        let terms = Terms { format: ARGB8888, size: *size, stride: size.width as usize * BYTES_PER_PIXEL };
        if !is_sound(*size) || !formats.contains(&ARGB8888) {
            return Ok(());
        }
        if self.buffer.as_ref().is_none_or(|buffer| buffer.terms != terms) {
            let Some(shm) = &c.state.shm else { return Ok(()) };
            self.buffer = Some(Buffer::new(shm, terms, &Limits::default(), &c.handle())?);
        }
        let Some(buffer) = &self.buffer else { return Ok(()) };
        let word = Shared::<Word>::default();
        let frame = self.session.create_frame(&c.handle(), Arc::clone(&word));
        frame.attach_buffer(&buffer.proxy);
        frame.damage_buffer(0, 0, size.width as i32, size.height as i32);
        frame.capture();
        self.shot = Some((frame, word));
        Ok(())
    }

    /// What changed since it was asked last, in pixels of the source.
    pub(super) fn update(&mut self) -> Option<CursorUpdate> {
        let spot = locked(&self.spot);
        let position = spot.inside.then_some(spot.position);
        let moved = self.told != Some(position);
        self.told = Some(position);
        let shape = if std::mem::take(&mut self.fresh) { self.shape.clone() } else { None };
        (moved || shape.is_some()).then_some(CursorUpdate { position, shape })
    }

    fn take_shape(&mut self) {
        let Some(buffer) = &self.buffer else { return };
        let Terms { size, stride, .. } = buffer.terms;
        let sheet =
            Sheet { memory: &buffer.memory, layout: Layout::Bgrx, size, stride, turn: Turn::default() };
        let Some(pixels) = sheet.read_with_alpha() else { return };
        let spot = locked(&self.spot);
        let inside = |v: i32, len: u32| u32::try_from(v).unwrap_or(0).min(len - 1);
        let hotspot = (inside(spot.hotspot.0, size.width), inside(spot.hotspot.1, size.height));
        let shape = Some(CursorShape { size, hotspot, pixels });
        if shape != self.shape {
            (self.shape, self.fresh) = (shape, true);
        }
    }
}

impl Drop for Cursor {
    fn drop(&mut self) {
        if let Some((frame, _)) = self.shot.take() {
            frame.destroy();
        }
        self.session.destroy();
        self.proxy.destroy();
    }
}

fn is_sound(size: Size) -> bool {
    let most = Limits::default().cursor_side_px;
    size.area() > 0 && size.width <= most && size.height <= most
}

impl Dispatch<ExtImageCopyCaptureCursorSessionV1, Shared<Spot>> for State {
    fn event(
        _: &mut Self,
        _: &ExtImageCopyCaptureCursorSessionV1,
        event: ext_image_copy_capture_cursor_session_v1::Event,
        spot: &Shared<Spot>,
        _: &wayland_client::Connection,
        _: &QueueHandle<Self>,
    ) {
        use ext_image_copy_capture_cursor_session_v1::Event;
        let mut spot = locked(spot);
        match event {
            Event::Enter => spot.inside = true,
            Event::Leave => spot.inside = false,
            Event::Position { x, y } => spot.position = (x, y),
            Event::Hotspot { x, y } => spot.hotspot = (x, y),
            _ => {}
        }
    }
}
