//! How an encoder works.

use super::av1::Av1Choice;
use crate::error::{Error, Result};
use crate::limits::Limits;

/// What an encoder may lose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Nothing: every picture is exact.
    #[default]
    Lossless,
    /// Films and photographs lose something at first and become exact once they are quiet; all else is exact.
    Auto,
}

/// When what was lost is made good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Refine {
    /// Never.
    Off,
    /// Once the place is quiet.
    #[default]
    Idle,
}

/// How an encoder works.
#[derive(Clone, Copy, Debug)]
pub struct EncoderConfig {
    /// Caps of the stream; a decoder with the same limits reads whatever the encoder writes.
    pub limits: Limits,
    /// What may be lost.
    pub mode: Mode,
    /// Of films and photographs, from 1 (smallest) to 100 (best).
    pub quality: u8,
    /// The AV1 encoder; without one, photographs are coded by [`Mode::Auto`] with a bounded error a pixel.
    pub av1: Av1Choice,
    /// When lossy places become exact.
    pub refine: Refine,
}

/// Films are watched and photographs become exact, so that the middle of the scale is enough.
pub const DEFAULT_QUALITY: u8 = 60;

impl Default for EncoderConfig {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            mode: Mode::default(),
            quality: DEFAULT_QUALITY,
            av1: Av1Choice::best(),
            refine: Refine::default(),
        }
    }
}

impl EncoderConfig {
    /// Accepts the configuration or says what is wrong with it.
    ///
    /// # Errors
    /// - [`crate::ErrorKind::InvalidInput`] if the quality is not from 1 to 100.
    /// - [`crate::ErrorKind::Unsupported`] if the AV1 encoder is not built in.
    pub fn check(&self) -> Result<()> {
        if !(1..=100).contains(&self.quality) {
            return Err(Error::input(format!("a quality of {}; it goes from 1 to 100", self.quality)));
        }
        if self.mode == Mode::Auto && !self.av1.available() {
            return Err(Error::new(
                crate::ErrorKind::Unsupported,
                format!("the AV1 encoder {} is not built in", self.av1.name()),
            ));
        }
        Ok(())
    }
}
