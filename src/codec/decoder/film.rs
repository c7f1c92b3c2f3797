//! A film's pictures: all of what is seen, and never exact.

use super::{Core, Decoded, PlaneRequest, UpdateFacts, desync};
use crate::bitstream::FilmBody;
use crate::codec::av1::{Chroma, Planes, film_to_picture};
use crate::codec::film::Film;
use crate::error::Result;
use crate::frame::{FrameBuf, Region};
use crate::limits::Limits;

/// The surface of a film, where somebody else decodes; no other lives beside it.
pub(super) const SURFACE: u32 = 1;

/// The planes that a film's packet needs.
pub(super) fn request<'a>(body: &FilmBody<'a>) -> PlaneRequest<'a> {
    PlaneRequest {
        surface: SURFACE,
        codec: body.codec,
        colour: Some(body.colour),
        keyframe: body.keyframe,
        size: body.size,
        chroma: Chroma::Half,
        data: body.data,
    }
}

impl Core {
    pub(super) fn film(
        &mut self,
        b: &FilmBody<'_>,
        bytes: usize,
        limits: &Limits,
        planes: &[Planes],
    ) -> Result<Decoded> {
        if b.keyframe {
            if b.epoch <= self.epoch || b.sequence <= self.sequence {
                return Err(desync("a film's keyframe out of order"));
            }
            self.surfaces.clear();
            self.pixels = None;
            // The decoder of the film before is gone before there is another.
            self.film = None;
            self.film = Some(Film::begin(b, self.surfaces.external(), limits)?);
        } else if b.epoch != self.epoch || Some(b.sequence) != self.sequence.checked_add(1) {
            return Err(desync("a film's picture is missing, repeated or out of order"));
        }
        let Some(film) = &mut self.film else { return Err(desync("a film does not begin with a keyframe")) };
        let decoded = film.decode(b, planes.first())?;
        let held = self.picture.take();
        let resized = held.as_ref().is_none_or(|picture| picture.size() != b.size);
        let mut picture = match held {
            Some(picture) if !resized => picture,
            _ => FrameBuf::new(b.size, limits)?,
        };
        film_to_picture(decoded, b.colour, &mut picture)?;
        let facts = UpdateFacts { bytes, film_bytes: b.data.len(), ..UpdateFacts::default() };
        self.marks.film(b.size, b.keyframe, b.timestamp, facts);
        (self.epoch, self.sequence) = (b.epoch, b.sequence);
        self.picture = Some(picture);
        Ok(Decoded::Picture {
            sequence: b.sequence,
            timestamp: b.timestamp,
            keyframe: b.keyframe,
            resized,
            dirty: Region::full(b.size),
            facts: self.marks.facts,
        })
    }
}
