//! What viewers see, kept apart from the source's picture while the two differ.

use super::exactness::Exactness;
use crate::damage::Copy;
use crate::error::Result;
use crate::frame::{FrameBuf, Rect, Size};
use crate::limits::Limits;

/// The shown picture: the source's own wherever it is exact.
#[derive(Debug, Default)]
pub(super) struct Shown {
    /// `None` while it is the source's picture.
    picture: Option<FrameBuf>,
    exactness: Exactness,
}

impl Shown {
    /// It is the source's picture, of `size`.
    pub(super) fn reset(&mut self, size: Size) {
        self.picture = None;
        self.exactness.reset(size);
    }

    pub(super) fn exactness(&self) -> &Exactness {
        &self.exactness
    }

    pub(super) fn is_exact(&self) -> bool {
        self.picture.is_none()
    }

    /// What is shown while the source's picture is `source`.
    pub(super) fn picture<'a>(&'a self, source: &'a FrameBuf) -> &'a FrameBuf {
        self.picture.as_ref().unwrap_or(source)
    }

    /// The pixels that viewers hold, to be written to: `held` while nothing is lossy.
    pub(super) fn canvas<'a>(&'a mut self, held: &'a mut FrameBuf) -> &'a mut FrameBuf {
        self.picture.as_mut().unwrap_or(held)
    }

    /// Carries out `copies`.
    pub(super) fn copy(&mut self, copies: &[Copy]) {
        let Some(picture) = &mut self.picture else { return };
        for copy in copies {
            copy.apply(picture);
            self.exactness.copy(copy);
        }
    }

    /// Gives the picture to be changed where it is going to differ from `source`, which it has been so far. The
    /// caller then says by [`Shown::lost`] where.
    pub(super) fn differ(&mut self, source: &FrameBuf, limits: &Limits) -> Result<&mut FrameBuf> {
        let picture = match self.picture.take() {
            Some(picture) => picture,
            None => {
                let mut picture = FrameBuf::new(source.size(), limits)?;
                picture.pixels_mut().copy_from_slice(source.pixels());
                picture
            }
        };
        Ok(self.picture.insert(picture))
    }

    /// The pixels of `rect` are not the source's.
    pub(super) fn lost(&mut self, rect: &Rect) {
        self.exactness.set(rect, false);
    }

    /// The pixels of `rect` are now those of `source`.
    pub(super) fn exact(&mut self, source: &FrameBuf, rect: &Rect) {
        let Some(picture) = &mut self.picture else { return };
        picture.copy_rect(source, rect);
        self.exactness.set(rect, true);
    }

    /// The pixels of `rect` were written to the canvas; they are the source's, or nearly.
    pub(super) fn written(&mut self, rect: &Rect, exact: bool) {
        self.exactness.set(rect, exact);
    }

    /// Lets the second picture go if nothing in it differs any more.
    pub(super) fn settle(&mut self) {
        if self.exactness.is_exact() {
            self.picture = None;
        }
    }
}
