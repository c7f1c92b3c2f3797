//! The decoder's AV1 surfaces: which ones live, and their decoders.

use super::av1::{self, Av1Decoder, Chroma, Planes};
use crate::bitstream::Av1Layer;
use crate::error::{Error, ErrorKind, Result};
use crate::frame::Size;
use crate::limits::Limits;
use std::collections::BTreeMap;

/// The surface of stills.
pub(super) const STILLS: u32 = 0;

/// What the keyframe of a surface has fixed.
#[derive(Debug)]
struct Surface {
    size: Size,
    chroma: Chroma,
    /// `None` where somebody else decodes.
    decoder: Option<Box<dyn Av1Decoder>>,
}

/// All surfaces of a stream.
#[derive(Debug)]
pub(super) struct Surfaces {
    external: bool,
    alive: BTreeMap<u32, Surface>,
    planes: Planes,
}

impl Surfaces {
    pub(super) fn new(external: bool) -> Self {
        Self { external, alive: BTreeMap::new(), planes: Planes::default() }
    }

    /// Whether somebody else decodes.
    pub(super) fn external(&self) -> bool {
        self.external
    }

    /// Ends all.
    pub(super) fn clear(&mut self) {
        self.alive.clear();
    }

    pub(super) fn alive(&self) -> impl Iterator<Item = u32> + '_ {
        self.alive.keys().copied()
    }

    /// The planes of a layer, decoded here or by somebody else.
    pub(super) fn decode<'a>(
        &'a mut self,
        layer: &Av1Layer<'_>,
        supplied: Option<&'a Planes>,
        limits: &Limits,
    ) -> Result<&'a Planes> {
        let chroma = Chroma::of(layer.full_chroma);
        let id = layer.surface;
        if layer.keyframe {
            if !self.alive.contains_key(&id) && self.alive.len() >= limits.surfaces {
                return Err(Error::limit(format!("more than {} AV1 surfaces", limits.surfaces)));
            }
            let decoder = if self.external { None } else { Some(av1::decoder(limits)?) };
            self.alive.insert(id, Surface { size: layer.size, chroma, decoder });
        }
        let Some(surface) = self.alive.get_mut(&id) else {
            return Err(Error::data(format!("AV1 surface {id} does not begin with a keyframe")));
        };
        if (surface.size, surface.chroma) != (layer.size, chroma) {
            return Err(Error::data(format!("AV1 surface {id} changes its size without a keyframe")));
        }
        let planes = match (&mut surface.decoder, supplied) {
            (Some(decoder), _) => {
                decoder.decode(layer.data, &mut self.planes)?;
                &self.planes
            }
            (None, Some(planes)) => planes,
            (None, None) => return Err(Error::new(ErrorKind::InvalidInput, "the planes were not supplied")),
        };
        if (planes.size(), planes.chroma()) != (layer.size, chroma) {
            return Err(Error::data(format!(
                "an AV1 picture of {} where the layer says {}",
                planes.size(),
                layer.size
            )));
        }
        if id == STILLS {
            self.alive.remove(&id);
        }
        Ok(planes)
    }

    /// Ends one.
    pub(super) fn end(&mut self, id: u32) -> Result<()> {
        match self.alive.remove(&id) {
            Some(_) => Ok(()),
            None => Err(Error::data(format!("AV1 surface {id} ends and never began"))),
        }
    }
}
