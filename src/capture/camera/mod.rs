//! Cameras: sources whose every picture is new, and whose pixels are planes to begin with.
//!
//! A [`Camera`] writes its newest picture into [`Planes`], from which it goes to AV1 as it is: the pipeline asks
//! [`super::Capturer::camera`], and only where nothing may be lost, or something is masked, for pixels.
//! [`CameraCapturer`] makes a [`super::Capturer`] of a camera; it converts by [`film_to_picture`], as decoders do.

#[cfg(target_os = "linux")]
mod jpeg;
mod layout;

#[cfg(target_os = "linux")]
pub use jpeg::unpack_jpeg;
pub use layout::{Layout, Pixels};

use super::{Captured, Capturer, Damage, SourceInfo};
use crate::error::Result;
use crate::frame::colour::film_to_picture;
use crate::frame::{FilmColour, FrameBuf, Planes, Region, Timestamp};
use std::time::Duration;

/// What [`Camera::next`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shot {
    /// The planes now hold a newer picture.
    Taken {
        /// When it was taken, where the camera has a timeline of its own; the caller stamps it otherwise.
        timestamp: Option<Timestamp>,
        /// How its planes become colours.
        colour: FilmColour,
    },
    /// Nothing came within the timeout; the planes are undefined.
    None,
    /// The camera has ended in its natural way.
    Ended,
}

/// A source of planes. It is driven by one thread and opens against a [`CaptureGrant`] alone.
///
/// [`CaptureGrant`]: crate::consent::CaptureGrant
pub trait Camera: Send {
    /// What it is; `size` is the current size.
    fn info(&self) -> SourceInfo;

    /// Waits up to `timeout` for a picture that has not been given yet, and gives the newest.
    ///
    /// # Shapes and units
    /// - `planes`: get the picture's size, at most the default [`crate::Limits`]', and 4:2:0. What they held is of no use.
    ///
    /// # Errors
    /// - [`crate::ErrorKind::Closed`] if the camera was unplugged or taken away, within 1 s of it.
    /// - [`crate::ErrorKind::Stalled`] if it has given nothing for 1 s; a later call may succeed.
    /// - [`crate::ErrorKind::Revoked`] once the consent was taken back.
    /// - [`crate::ErrorKind::InvalidData`], [`crate::ErrorKind::LimitExceeded`] for a picture that is none.
    fn next(&mut self, planes: &mut Planes, timeout: Duration) -> Result<Shot>;

    /// Forgets pictures that have not been given yet.
    fn forget(&mut self);
}

/// A camera whose pictures are to be had as pixels, too.
#[derive(Debug)]
pub struct CameraCapturer<C> {
    camera: C,
    planes: Planes,
    /// `planes` hold a picture that has not been given yet.
    taken: Option<(Option<Timestamp>, FilmColour)>,
}

impl<C: Camera> CameraCapturer<C> {
    /// Pixels of `camera`.
    pub fn new(camera: C) -> Self {
        Self { camera, planes: Planes::default(), taken: None }
    }
}

impl<C: Camera> Capturer for CameraCapturer<C> {
    fn info(&self) -> SourceInfo {
        self.camera.info()
    }

    /// As the trait says, but before the camera's first picture it is [`Captured::Unchanged`].
    fn next(&mut self, frame: &mut FrameBuf, _: &Region, timeout: Duration) -> Result<Captured> {
        let (timestamp, colour) = match self.taken.take() {
            Some(taken) => taken,
            None => match self.camera.next(&mut self.planes, timeout)? {
                Shot::Taken { timestamp, colour } => (timestamp, colour),
                Shot::None => return Ok(Captured::Unchanged),
                Shot::Ended => return Ok(Captured::Ended),
            },
        };
        if frame.size() != self.planes.size() {
            self.taken = Some((timestamp, colour));
            return Ok(Captured::Resized(self.planes.size()));
        }
        film_to_picture(&self.planes, colour, frame)?;
        Ok(Captured::Frame { timestamp, damage: Damage::Unknown })
    }

    fn camera(&mut self) -> Option<&mut dyn Camera> {
        Some(&mut self.camera)
    }

    fn forget(&mut self) {
        self.taken = None;
        self.planes.clear();
        self.camera.forget();
    }
}
