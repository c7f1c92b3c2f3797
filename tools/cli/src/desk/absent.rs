//! Where there is no X11, marks are told but not drawn, and there is no mirror.

use panecast::capture::{Excluded, SourceSpec};
use panecast::session::{Mark, StreamState, ViewerId};

pub(super) enum Marks {}

impl Marks {
    pub(super) fn open(_: &SourceSpec, _: Option<&str>, _: &Excluded) -> panecast::Result<Option<Self>> {
        Ok(None)
    }

    pub(super) fn mark(&self, _: ViewerId, _: Mark) {
        match *self {}
    }

    pub(super) fn left(&self, _: ViewerId) {
        match *self {}
    }

    pub(super) fn clear(&self) {
        match *self {}
    }
}

pub(super) enum Mirror {}

impl Mirror {
    pub(super) fn open(_: Option<&str>, _: &Excluded) -> panecast::Result<Self> {
        let text = "a mirror needs an X11 display";
        Err(panecast::Error::new(panecast::ErrorKind::Unsupported, text))
    }

    pub(super) fn sent(&self, _: bool, _: &[u8]) {
        match *self {}
    }

    pub(super) fn state(&self, _: StreamState) {
        match *self {}
    }
}
