//! Decoding with dav1d: its port to Rust, or the C library where the system has it. Both have the same interface.

use super::{Av1Decoder, Chroma, Planes};
use crate::error::{Error, ErrorKind, Result};
use crate::frame::Size;
use crate::limits::Limits;
use std::panic::{AssertUnwindSafe, catch_unwind};

macro_rules! decoder_over {
    ($name:ident, $library:ident) => {
        /// One decoder: one thread, no pictures held back.
        pub(super) struct $name {
            /// `None` after a panic, or before the next unit after an error: a fresh one starts clean.
            library: Option<$library::Decoder>,
            limits: Limits,
        }

        impl $name {
            pub(super) fn new(limits: &Limits) -> Result<Self> {
                Ok(Self { library: Some(Self::open(limits)?), limits: *limits })
            }

            fn open(limits: &Limits) -> Result<$library::Decoder> {
                let mut settings = $library::Settings::new();
                // One thread: a region is small, and threads would hold pictures back.
                settings.set_n_threads(1);
                settings.set_max_frame_delay(1);
                settings.set_apply_grain(false);
                // What the library itself refuses before it allocates; its default is no limit.
                settings.set_frame_size_limit(u32::try_from(limits.pixels).unwrap_or(u32::MAX));
                $library::Decoder::with_settings(&settings).map_err(|error| {
                    Error::new(ErrorKind::Unsupported, format!("the AV1 decoder did not start: {error}"))
                })
            }

            fn picture(library: &mut $library::Decoder, data: &[u8]) -> Result<$library::Picture> {
                match library.send_data(data.to_vec(), None, None, None) {
                    Ok(()) => {}
                    // It holds a picture and the rest of the unit: there are at least two in it.
                    Err($library::Error::Again) => {
                        return Err(Error::data("an AV1 unit with several pictures"));
                    }
                    Err(error) => return Err(refusal(error)),
                }
                let picture = match library.get_picture() {
                    Ok(picture) => picture,
                    Err($library::Error::Again) => return Err(Error::data("an AV1 unit without a picture")),
                    Err(error) => return Err(refusal(error)),
                };
                match library.get_picture() {
                    Err($library::Error::Again) => Ok(picture),
                    Ok(_) => Err(Error::data("an AV1 unit with several pictures")),
                    Err(error) => Err(refusal(error)),
                }
            }

            fn copy(picture: &$library::Picture, planes: &mut Planes, limits: &Limits) -> Result<()> {
                let chroma = match picture.pixel_layout() {
                    $library::PixelLayout::I420 => Chroma::Half,
                    $library::PixelLayout::I444 => Chroma::Full,
                    other => {
                        return Err(Error::new(
                            ErrorKind::Unsupported,
                            format!("an AV1 picture in {other:?}"),
                        ));
                    }
                };
                if picture.bit_depth() != 8 {
                    return Err(Error::new(ErrorKind::Unsupported, "an AV1 picture of more than 8 bits"));
                }
                planes.reset(Size::new(picture.width(), picture.height()), chroma, limits)?;
                let components = [
                    $library::PlanarImageComponent::Y,
                    $library::PlanarImageComponent::U,
                    $library::PlanarImageComponent::V,
                ];
                for (i, component) in components.into_iter().enumerate() {
                    let stride = picture.stride(component) as usize;
                    let width = planes.plane_size(i).width as usize;
                    let rows = planes.plane_mut(i).chunks_exact_mut(width);
                    for (to, from) in rows.zip(picture.plane(component).chunks(stride)) {
                        to.copy_from_slice(&from[..width]);
                    }
                }
                Ok(())
            }
        }

        impl Av1Decoder for $name {
            fn decode(&mut self, data: &[u8], planes: &mut Planes) -> Result<()> {
                if data.is_empty() {
                    return Err(Error::data("an AV1 unit of no bytes"));
                }
                let mut library = match self.library.take() {
                    Some(library) => library,
                    None => Self::open(&self.limits)?,
                };
                // A port of 100,000 lines of C may have a bounds check that hostile bytes reach.
                let outcome = catch_unwind(AssertUnwindSafe(|| {
                    let picture = Self::picture(&mut library, data)?;
                    Self::copy(&picture, planes, &self.limits)
                }));
                let result =
                    outcome.unwrap_or_else(|_| Err(Error::data("the AV1 decoder gave up on a unit")));
                if result.is_ok() {
                    self.library = Some(library);
                }
                result
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(stringify!($name))
            }
        }
    };
}

#[cfg(feature = "dav1d")]
decoder_over!(Dav1d, dav1d_library);
#[cfg(all(feature = "rav1d", not(feature = "dav1d")))]
decoder_over!(Rav1d, re_rav1d);

#[cfg(feature = "dav1d")]
use ::dav1d as dav1d_library;

/// Both libraries tell a picture over the size limit by the system's number for "out of range", which only shows in
/// their text.
fn refusal(error: impl std::fmt::Display) -> Error {
    let text = error.to_string();
    let kind = if ["ERANGE", "-34"].iter().any(|word| text.contains(word)) {
        ErrorKind::LimitExceeded
    } else {
        ErrorKind::InvalidData
    };
    Error::new(kind, format!("the AV1 decoder refused a unit: {text}"))
}
