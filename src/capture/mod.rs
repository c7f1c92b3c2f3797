//! Stage 1 of 6. In: the operating system, a file or the app. Out: pictures in [`FrameBuf`] with damage hints.
//!
//! A source implements [`Capturer`]. The hint contract: hints are a superset of truth. Whatever changed since
//! the previous picture lies within [`Damage::Within`]; pixels inside a hint may be unchanged. A source that
//! does not know says [`Damage::Unknown`], and everything is compared.

pub mod camera;
mod excluded;
mod file;
pub mod mask;
mod pattern;
mod permission;
mod push;
mod restore;
mod select;
mod source;

pub use camera::{Camera, CameraCapturer, Shot};
pub use excluded::Excluded;
pub use file::FileSource;
pub use pattern::Pattern;
pub use permission::{Permission, PermissionState, permission};
pub use push::{PushCapturer, PushHandle, push_source};
pub use restore::RestoreToken;
pub use select::*;
pub use source::{Facing, Rotation, SourceInfo, SourceKind};

use crate::error::Result;
use crate::frame::{FrameBuf, Region, Size, Timestamp};
use std::time::Duration;

/// Where a picture may differ from the one before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Damage {
    /// Anywhere: compare all.
    Unknown,
    /// Only within this region.
    Within(Region),
}

/// What [`Capturer::next`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Captured {
    /// `frame` now holds a newer picture.
    Frame {
        /// When it was taken, where the source has a timeline of its own (a file, a pushed frame); the caller
        /// stamps it otherwise.
        timestamp: Option<Timestamp>,
        /// Where it may differ from the picture of the previous `Frame`.
        damage: Damage,
    },
    /// Nothing changed within the timeout; `frame` is as it was. The cursor may have moved.
    Unchanged,
    /// The source has a new size; `frame` is as it was. Call again with a buffer of that size, all of it stale.
    Resized(Size),
    /// The source has ended in its natural way: the end of a file, the app closed its push handle.
    Ended,
}

/// A cursor's picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CursorShape {
    /// Width and height in pixels.
    pub size: Size,
    /// The pixel that points, from the top left corner.
    pub hotspot: (u32, u32),
    /// B, G, R, A with premultiplied alpha, rows without padding.
    pub pixels: Vec<u8>,
}

/// What changed about the cursor; never part of the picture.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CursorUpdate {
    /// Where its hotspot is, in pixels of the source; `None` where it is outside or hidden.
    pub position: Option<(i32, i32)>,
    /// The new shape, if it changed.
    pub shape: Option<CursorShape>,
}

/// A source of pictures.
///
/// It keeps the hint contract of this module's head. It is driven by one thread. What shows something of a person's opens
/// against a [`CaptureGrant`] alone; the built-in desktop and files are free.
///
/// [`CaptureGrant`]: crate::consent::CaptureGrant
pub trait Capturer: Send {
    /// What it captures; `size` is the current size.
    fn info(&self) -> SourceInfo;

    /// Waits up to `timeout` for a change and brings `frame` up to date.
    ///
    /// # Shapes and units
    /// - `frame`: of `info().size`, or [`Captured::Resized`] comes back and nothing else happens.
    /// - `stale`: where `frame` does not hold the source's previous picture (all of it for a new buffer). The
    ///   source writes at least what changed and what is stale, from one moment of the source. With several
    ///   buffers in turn, the caller keeps one such region per buffer.
    ///
    /// The first call on a new source always gives a [`Captured::Frame`].
    ///
    /// # Errors
    /// - [`crate::ErrorKind::Closed`] if the window was closed or the server died, within 1 s of it.
    /// - [`crate::ErrorKind::Stalled`] if the server does not answer for 1 s; a later call may succeed. If `frame` was
    ///   written to, the next answer is a [`Captured::Frame`].
    /// - [`crate::ErrorKind::Io`], [`crate::ErrorKind::InvalidData`] for files.
    fn next(&mut self, frame: &mut FrameBuf, stale: &Region, timeout: Duration) -> Result<Captured>;

    /// What changed about the cursor since the last call; `None` if nothing did or there is no cursor.
    ///
    /// # Errors
    /// As [`Capturer::next`].
    fn cursor(&mut self) -> Result<Option<CursorUpdate>> {
        Ok(None)
    }

    /// Itself as a camera, where it is one: then its pictures are to be had as planes, without the detour over pixels.
    fn camera(&mut self) -> Option<&mut dyn Camera> {
        None
    }

    /// Forgets what it keeps of the picture and the cursor: the next [`Captured::Frame`] comes whether anything changed
    /// or not and has the whole picture, and the cursor is told anew. A source that never skips frames need do nothing.
    fn forget(&mut self);

    /// Where the last picture holds what was there earlier, since a window that is left out ([`Excluded`]) is over it.
    fn frozen(&self) -> Region {
        Region::empty()
    }

    /// Who knows where windows are in the pictures of this source; `None` if nobody does, and masks of windows hide all.
    fn windows(&self) -> Option<Box<dyn mask::MaskSource>> {
        None
    }
}
