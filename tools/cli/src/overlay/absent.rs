//! Where there is no X11, marks are told but not drawn.

use panecast::capture::{Excluded, SourceSpec};
use panecast::session::{Mark, ViewerId};

pub(crate) enum Overlay {}

pub(crate) async fn open(_: &SourceSpec, _: &Excluded) -> panecast::Result<Option<Overlay>> {
    Ok(None)
}

impl Overlay {
    pub(crate) fn mark(&self, _: ViewerId, _: Mark) {
        match *self {}
    }

    pub(crate) fn left(&self, _: ViewerId) {
        match *self {}
    }

    pub(crate) fn clear(&self) {
        match *self {}
    }
}
