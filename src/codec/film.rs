//! A film that somebody else encodes, at the side that sees it: what its keyframe has fixed, and its decoder.

use super::av1::{self, Av1Decoder, Chroma, Planes};
use crate::bitstream::{FilmBody, FilmCodec, FilmColour};
use crate::error::{Error, ErrorKind, Result};
use crate::frame::Size;
use crate::limits::Limits;

/// A film, from one keyframe to the next.
#[derive(Debug)]
pub(super) struct Film {
    codec: FilmCodec,
    size: Size,
    colour: FilmColour,
    /// `None` where somebody else decodes.
    decoder: Option<Box<dyn Av1Decoder>>,
    planes: Planes,
}

impl Film {
    /// The film that a keyframe begins; `external`: somebody else decodes it.
    pub(super) fn begin(body: &FilmBody<'_>, external: bool, limits: &Limits) -> Result<Self> {
        let decoder = match body.codec {
            _ if external => None,
            FilmCodec::Av1 => Some(av1::decoder(limits)?),
            FilmCodec::H264 | FilmCodec::Vp9 | FilmCodec::Vp8 => {
                let name = body.codec.name();
                let message =
                    format!("the film is {name}, which only a browser decodes here: use the agent page");
                return Err(Error::new(ErrorKind::Unsupported, message));
            }
        };
        let FilmBody { codec, size, colour, .. } = *body;
        Ok(Self { codec, size, colour, decoder, planes: Planes::default() })
    }

    /// The planes of a picture, decoded here or by somebody else.
    pub(super) fn decode<'a>(
        &'a mut self,
        body: &FilmBody<'_>,
        supplied: Option<&'a Planes>,
    ) -> Result<&'a Planes> {
        if (body.codec, body.size, body.colour) != (self.codec, self.size, self.colour) {
            return Err(Error::data("a film changes what it is without a keyframe"));
        }
        let planes = match (&mut self.decoder, supplied) {
            (Some(decoder), _) => {
                decoder.decode(body.data, &mut self.planes)?;
                &self.planes
            }
            (None, Some(planes)) => planes,
            (None, None) => return Err(Error::input("the planes were not supplied")),
        };
        if (planes.size(), planes.chroma()) != (body.size, Chroma::Half) {
            return Err(Error::data(format!(
                "a film's picture of {} where the packet says {}",
                planes.size(),
                body.size
            )));
        }
        Ok(planes)
    }
}
