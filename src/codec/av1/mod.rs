//! AV1: what moves, and photographs. Planes and the colour conversion are our own and exist everywhere; encoders
//! and decoders wrap libraries that are features of the crate.
//!
//! An AV1 decoder is exact by its standard and the conversion here is exact by docs/av1.md, so both sides of a
//! stream hold the same pixels, also where they are lossy.

#[cfg(feature = "aom")]
mod aom;
#[cfg(any(feature = "rav1d", feature = "dav1d"))]
mod dav1d;
#[cfg(feature = "rav1e")]
mod rav1e;

pub use crate::frame::colour::{self, film_to_picture, to_picture, to_planes};
pub use crate::frame::{Chroma, Planes};

use crate::error::{Error, ErrorKind, Result};
use crate::frame::Size;
use crate::limits::Limits;
use std::fmt::Debug;

/// Pictures in, temporal units out, one for one and at once.
pub trait Av1Encoder: Send + Debug {
    /// Appends the temporal unit of one picture to `out`.
    ///
    /// # Shapes and units
    /// - `planes`: of the size and chroma that the encoder was made for.
    /// - `quantizer`: 0 is the best, 255 the worst picture; it may change with every call.
    /// - `keyframe`: the unit can be decoded without those before it. The first unit always can.
    ///
    /// # Errors
    /// - [`ErrorKind::InvalidInput`] for planes of another size or chroma.
    /// - [`ErrorKind::Unsupported`] if the library refuses the picture; the next unit is a keyframe then.
    ///
    /// `out` is unchanged after an error.
    fn encode(&mut self, planes: &Planes, quantizer: u8, keyframe: bool, out: &mut Vec<u8>) -> Result<()>;

    /// Writes what a decoder shows after the last unit into `planes`, bit for bit.
    ///
    /// # Errors
    /// - [`ErrorKind::InvalidInput`] if nothing was encoded yet.
    fn reconstruction(&mut self, planes: &mut Planes) -> Result<()>;
}

/// Temporal units in, pictures out, one for one and at once.
pub trait Av1Decoder: Send + Debug {
    /// Decodes one temporal unit. `planes` gets the size and chroma that the unit has.
    ///
    /// # Errors
    /// - [`ErrorKind::InvalidData`] if the bytes are no temporal unit with exactly one picture.
    /// - [`ErrorKind::Unsupported`] for more than 8 bits a sample, or neither 4:2:0 nor 4:4:4.
    /// - [`ErrorKind::LimitExceeded`] if the picture is over the limits the decoder was made with.
    ///
    /// After an error only a keyframe is sure to decode rightly.
    fn decode(&mut self, data: &[u8], planes: &mut Planes) -> Result<()>;
}

/// Which library encodes AV1. All exist in every build; [`Av1Choice::available`] says which one is built in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Av1Choice {
    /// None: everything is lossless.
    Off,
    /// rav1e (feature `rav1e`): Rust alone. Each picture is coded by itself.
    Rav1e,
    /// libaom (feature `aom`): the default, for its speed and size.
    Aom,
}

impl Av1Choice {
    /// All choices, built in or not.
    pub const ALL: [Self; 3] = [Self::Off, Self::Rav1e, Self::Aom];

    /// Whether it is built in.
    #[must_use]
    pub fn available(self) -> bool {
        match self {
            Self::Off => true,
            Self::Rav1e => cfg!(feature = "rav1e"),
            Self::Aom => cfg!(feature = "aom"),
        }
    }

    /// The best that is built in.
    #[must_use]
    pub fn best() -> Self {
        [Self::Aom, Self::Rav1e].into_iter().find(|choice| choice.available()).unwrap_or(Self::Off)
    }

    /// The word for it on a command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Rav1e => "rav1e",
            Self::Aom => "aom",
        }
    }

    /// Bytes of memory that an encoder for what moves takes at most, with its planes (docs/av1.md §4).
    #[must_use]
    pub fn video_bytes(self, size: Size) -> u64 {
        match self {
            Self::Off => 0,
            Self::Rav1e => (4 << 20) + 150 * size.area(),
            Self::Aom => (4 << 20) + 40 * size.area(),
        }
    }

    /// An encoder for pictures that stand alone: every unit is a keyframe.
    ///
    /// # Errors
    /// - [`ErrorKind::InvalidInput`] or [`ErrorKind::LimitExceeded`] for a size without pixels or over 16,384
    ///   pixels a side.
    /// - [`ErrorKind::Unsupported`] if it is off or not built in, or if the library cannot be set up.
    pub fn still(self, size: Size, chroma: Chroma) -> Result<Box<dyn Av1Encoder>> {
        Limits::default().check_size(size)?;
        let _ = chroma;
        match self {
            #[cfg(feature = "rav1e")]
            Self::Rav1e => Ok(Box::new(rav1e::Rav1e::new(size, chroma)?)),
            #[cfg(feature = "aom")]
            Self::Aom => Ok(Box::new(aom::Aom::still(size, chroma)?)),
            _ => Err(self.missing()),
        }
    }

    /// An encoder for what moves, about `fps` pictures a second.
    ///
    /// # Errors
    /// As [`Av1Choice::still`].
    pub fn video(self, size: Size, chroma: Chroma, fps: u32) -> Result<Box<dyn Av1Encoder>> {
        Limits::default().check_size(size)?;
        // Unused where no encoder is built in.
        let _ = (chroma, fps);
        match self {
            #[cfg(feature = "rav1e")]
            Self::Rav1e => Ok(Box::new(rav1e::Rav1e::new(size, chroma)?)),
            #[cfg(feature = "aom")]
            Self::Aom => Ok(Box::new(aom::Aom::video(size, chroma, fps)?)),
            _ => Err(self.missing()),
        }
    }

    fn missing(self) -> Error {
        Error::new(ErrorKind::Unsupported, format!("the AV1 encoder `{}` is not built in", self.name()))
    }
}

impl std::str::FromStr for Av1Choice {
    type Err = Error;

    fn from_str(s: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|choice| choice.name() == s);
        found.ok_or_else(|| Error::input(format!("`{s}` is no AV1 encoder; choose rav1e, aom or off")))
    }
}

impl std::fmt::Display for Av1Choice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(any(feature = "aom", feature = "rav1e"))]
fn check_planes(planes: &Planes, size: Size, chroma: Chroma) -> Result<()> {
    if planes.size() != size || planes.chroma() != chroma {
        return Err(Error::input(format!("{planes:?} given to an encoder for {size}, {chroma:?}")));
    }
    Ok(())
}

/// Whether [`decoder`] has a library to decode with.
#[must_use]
pub fn can_decode() -> bool {
    cfg!(any(feature = "rav1d", feature = "dav1d"))
}

/// A decoder for one surface's temporal units, which refuses pictures over `limits`.
///
/// # Errors
/// - [`ErrorKind::Unsupported`] if no AV1 decoder is built in or the library cannot be set up.
pub fn decoder(limits: &Limits) -> Result<Box<dyn Av1Decoder>> {
    #[cfg(feature = "dav1d")]
    return Ok(Box::new(dav1d::Dav1d::new(limits)?));
    #[cfg(all(feature = "rav1d", not(feature = "dav1d")))]
    return Ok(Box::new(dav1d::Rav1d::new(limits)?));
    #[cfg(not(any(feature = "rav1d", feature = "dav1d")))]
    {
        let _ = limits;
        Err(Error::new(ErrorKind::Unsupported, "no AV1 decoder is built in"))
    }
}
